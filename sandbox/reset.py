"""Wipes what a city has stored, and keeps the stack."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

from sandbox.deployment import outputs
from sandbox.embedded_aws import session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = 25
"""Items that one BatchWriteItem takes."""


def wipe() -> None:
    """Empty every table and then every queue that the stack's outputs name."""
    named = outputs()
    for name, value in named.items():
        if name.endswith("TableName"):
            _empty(session().client("dynamodb"), value)
    queues = session().client("sqs")
    for name, value in named.items():
        if name.endswith("QueueUrl"):
            queues.purge_queue(QueueUrl=value)


def _empty(dynamodb: "DynamoDBClient", table: str) -> None:
    def delete(keys: list[Any]) -> None:
        deletions: Any = [{"DeleteRequest": {"Key": key}} for key in keys]
        dynamodb.batch_write_item(RequestItems={table: deletions})

    keys = _keys(dynamodb, table)
    with ThreadPoolExecutor(4) as pool:
        deque(pool.map(delete, iter(lambda: list(islice(keys, BATCH)), [])), maxlen=0)


def _keys(dynamodb: "DynamoDBClient", table: str) -> Iterator[Any]:
    schema = dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]
    names = {f"#{index}": key["AttributeName"] for index, key in enumerate(schema)}
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table, ProjectionExpression=",".join(names), ExpressionAttributeNames=names
    )
    for page in pages:
        yield from page["Items"]
