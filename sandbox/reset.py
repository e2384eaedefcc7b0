"""Wipes what a city has stored and who was registered in it, and keeps the stack.

The history goes last, when no change is left that would be recorded: functions that have it in
memory are ended.

A user or an application without its rows in the security table could still get tokens, and its
name could not be registered again. So they go too, but for the administrator, whose tokens go on.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

from sandbox import adaptations, administrator, embedded_aws
from sandbox.deployment import outputs
from sandbox.embedded_aws import session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = 25
"""Items that one BatchWriteItem takes."""


def wipe() -> None:
    """Empty every table, queue and bucket that the stack's outputs name, and the user pool."""
    named = outputs()
    _empty_pool(named["UserPoolId"], {named["ClientId"], named["LoginClientId"]})
    tables = [value for name, value in named.items() if name.endswith("TableName")]
    for table in sorted(tables, key=named["HistoryTableName"].__eq__):
        if table == named["HistoryTableName"]:
            adaptations.forget_changes()
            embedded_aws.stop_functions("History")
        _empty(session().client("dynamodb"), table)
    session().resource("s3").Bucket(named["HistoryBucketName"]).object_versions.delete()
    queues = session().client("sqs")
    for name, value in named.items():
        if name.endswith("QueueUrl"):
            queues.purge_queue(QueueUrl=value)


def _empty_pool(pool: str, clients: set[str]) -> None:
    """Delete all users but the administrator, and all clients but those of the template."""
    cognito = session().client("cognito-idp")
    for page in cognito.get_paginator("list_users").paginate(UserPoolId=pool):
        for user in page["Users"]:
            if {"Name": "email", "Value": administrator.NAME} not in user["Attributes"]:
                cognito.admin_delete_user(UserPoolId=pool, Username=user["Username"])
    for found in cognito.get_paginator("list_user_pool_clients").paginate(UserPoolId=pool):
        for client in found["UserPoolClients"]:
            if client["ClientId"] not in clients:
                cognito.delete_user_pool_client(UserPoolId=pool, ClientId=client["ClientId"])


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
