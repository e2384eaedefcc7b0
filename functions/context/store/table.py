"""Reading rows of the context table: one, many, a range; and the statements of a transaction."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from city import clock
from city.clock import Clock
from city.dynamodb import Item, Row, from_item, pauses, to_item, translated
from city.entity_keys import Key
from city.errors import Unavailable
from city.parallel import in_parallel

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEYS_PER_READ = 100
"""Keys in one BatchGetItem."""

_TRIES = 8

Statement = dict[str, Any]
"""One member of a TransactWriteItems request."""


class Span(NamedTuple):
    """Rows of one partition whose sort keys are between `first` and `last`, both included.

    An empty `first` means the whole partition.
    """

    pk: str
    first: str = ""
    last: str = ""


class ContextTable:
    """One table, its client, and the clock that tells which rows have expired."""

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock = clock.now) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def _get(self, key: Key, *, consistent: bool = True) -> Row | None:
        with translated():
            answer = self._client.get_item(
                TableName=self._table, Key=to_item({**key._asdict()}), ConsistentRead=consistent
            )
        item = answer.get("Item")
        return from_item(item) if item else None

    def _get_many(self, keys: Sequence[Key]) -> list[Row]:
        """The rows that exist, in the order of the keys; strongly consistent."""
        chunks = [
            keys[start : start + KEYS_PER_READ] for start in range(0, len(keys), KEYS_PER_READ)
        ]
        found = {
            Key(str(row["pk"]), str(row["sk"])): row
            for rows in in_parallel(self._get_chunk, chunks)
            for row in rows
        }
        return [found[key] for key in keys if key in found]

    def _get_chunk(self, keys: Sequence[Key]) -> list[Row]:
        wanted: list[Item] = [to_item({**key._asdict()}) for key in dict.fromkeys(keys)]
        rows: list[Row] = []
        for pause in pauses(_TRIES):
            with translated():
                answer = self._client.batch_get_item(
                    RequestItems={self._table: {"Keys": wanted, "ConsistentRead": True}}
                )
            rows += map(from_item, answer["Responses"].get(self._table, []))
            left = answer.get("UnprocessedKeys", {}).get(self._table)
            if not left:
                return rows
            if len(left["Keys"]) == len(wanted):
                time.sleep(pause)
            wanted = [dict(key) for key in left["Keys"]]
        raise Unavailable("the context store is at its capacity limit; try again")

    def _pages(
        self, span: Span, *, consistent: bool = True, first_size: int | None = None
    ) -> Iterator[list[Row]]:
        """The rows of a span in key order, page by page; pages grow from `first_size` rows."""
        request = self._range_request(span, consistent=consistent)
        size = first_size
        while True:
            if size:
                request["Limit"] = size
                size = min(size * 4, 5000)
            with translated():
                answer = self._client.query(**request)
            yield [from_item(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _count(self, span: Span) -> int:
        """How many rows of a span have not expired."""
        request = self._range_request(span, consistent=True)
        request |= {
            "Select": "COUNT",
            "FilterExpression": "attribute_not_exists(expires) OR expires > :now",
        }
        request["ExpressionAttributeValues"][":now"] = {"N": str(self._clock())}
        total = 0
        while True:
            with translated():
                answer = self._client.query(**request)
            total += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                return total
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _range_request(self, span: Span, *, consistent: bool) -> dict[str, Any]:
        condition = "pk = :pk"
        values: dict[str, Any] = {":pk": {"S": span.pk}}
        if span.first:
            condition += " AND sk BETWEEN :first AND :last"
            values |= {":first": {"S": span.first}, ":last": {"S": span.last}}
        return {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ConsistentRead": consistent,
        }

    def _put(self, row: Row, **condition: Any) -> Statement:
        return {"Put": {"TableName": self._table, "Item": to_item(row), **condition}}

    def _delete(self, key: Key, **condition: Any) -> Statement:
        item = to_item({**key._asdict()})
        return {"Delete": {"TableName": self._table, "Key": item, **condition}}


def starting_with(pk: str, prefix: str) -> Span:
    """The span of all sort keys with a prefix."""
    return Span(pk, prefix, prefix + "\U0010ffff")


def has_version(version: int | str) -> Mapping[str, Any]:
    """The condition that a row is there in this version; a failure reports the row it met."""
    value = {"N": str(version)} if isinstance(version, int) else {"S": version}
    return {
        "ConditionExpression": "v = :v",
        "ExpressionAttributeValues": {":v": value},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


IS_NEW: Mapping[str, Any] = {
    "ConditionExpression": "attribute_not_exists(pk)",
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}
"""The condition that there is no such row; a failure reports the row it met."""

IS_THERE: Mapping[str, Any] = {"ConditionExpression": "attribute_exists(pk)"}
