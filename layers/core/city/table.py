"""Rows of the security table: one, many, a range; conditional writes and transactions.

A row is addressed by `pk` and `sk`, each made by `city.keys.key`. A row whose time to live has
passed (`exp`, seconds since the epoch) is not there, though DynamoDB deletes it up to days later.

Request units: a read costs 1 for each started 4 KB of what it finds (consistent) or half of that;
a write 1 for each started KB of the row; in a transaction both cost twice that.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from city import clock, dynamodb
from city.clock import SECOND, Clock
from city.dynamodb import Row, Value, from_item, to_item, to_value, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_STATEMENTS = 100
"""Rows that one transaction may write."""

LAST = "\U0010ffff"
"""Sorts after every text that a key may contain."""

Statement = Mapping[str, Any]
"""One member of a transaction, from `Table.putting`, `.updating`, `.deleting` or `.checking`."""


class Page(NamedTuple):
    """Some rows of a range; `after` is the sort key to continue after, or None at the end."""

    rows: list[Row]
    after: str | None


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of the row that is there, or nothing is written.

    `expression` is a DynamoDB condition; `values` fill its `:name`s and `names` its `#name`s.
    """

    expression: str
    values: Mapping[str, Value] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


IS_NEW = Condition("attribute_not_exists(pk)")
IS_THERE = Condition("attribute_exists(pk)")
ALWAYS = Condition("")


@dataclass(frozen=True, slots=True)
class Change:
    """An update: `expression` is a DynamoDB update expression (`SET n = :n ADD epoch :one`)."""

    expression: str
    values: Mapping[str, Value] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


class Table:
    """One table, its client, and the clock that tells which rows have expired.

    Every method raises Unavailable when DynamoDB throttles or does not answer. Writes raise
    ConditionFailed with the row that is there (`found[0]`, or by position in a transaction), and
    Contended when transactions keep a row busy.
    """

    def __init__(self, client: "DynamoDBClient", name: str, clock: Clock = clock.now) -> None:
        self._client = client
        self._name = name
        self._clock = clock

    def get(self, pk: str, sk: str, *, consistent: bool = True) -> Row | None:
        """The row with this key."""
        with translated():
            answer = self._client.get_item(
                TableName=self._name, Key=_key(pk, sk), ConsistentRead=consistent
            )
        item = answer.get("Item")
        row = from_item(item) if item else None
        return row if row and self._lives(row) else None

    def get_many(
        self, keys: Sequence[tuple[str, str]], *, consistent: bool = True
    ) -> dict[tuple[str, str], Row]:
        """The rows that exist, by key."""
        wanted = [_key(*key) for key in dict.fromkeys(keys)]
        found = [
            row
            for start in range(0, len(wanted), dynamodb.KEYS_PER_READ)
            for row in dynamodb.batch_get(
                self._client,
                self._name,
                wanted[start : start + dynamodb.KEYS_PER_READ],
                consistent=consistent,
            )
        ]
        return {(str(row["pk"]), str(row["sk"])): row for row in found if self._lives(row)}

    def query(
        self,
        pk: str,
        prefix: str = "",
        *,
        between: tuple[str, str] | None = None,
        limit: int | None = None,
        after: str | None = None,
        newest_first: bool = False,
        consistent: bool = True,
    ) -> Page:
        """One page of a partition's rows, in the order of their sort keys or the reverse.

        `prefix` is what sort keys start with, `between` their first and last; `after` is the sort
        key to continue after. A page has at most `limit` rows or 1 MB; it may have fewer, or none,
        before the end, which `after` alone tells.
        """
        request = self._range(pk, prefix, between)
        request |= {"ConsistentRead": consistent, "ScanIndexForward": not newest_first}
        if limit is not None:
            request["Limit"] = limit
        if after is not None:
            request["ExclusiveStartKey"] = _key(pk, after)
        with translated():
            answer = self._client.query(**request)
        rows = [row for row in map(from_item, answer["Items"]) if self._lives(row)]
        last = answer.get("LastEvaluatedKey")
        return Page(rows, last["sk"]["S"] if last else None)

    def every(
        self,
        pk: str,
        prefix: str = "",
        *,
        between: tuple[str, str] | None = None,
        consistent: bool = True,
    ) -> Iterator[Row]:
        """All rows of a partition in a range as for `query`, page by page as they are taken."""
        after: str | None = None
        while True:
            page = self.query(pk, prefix, between=between, after=after, consistent=consistent)
            yield from page.rows
            if page.after is None:
                return
            after = page.after

    def put(self, row: Row, condition: Condition = ALWAYS) -> None:
        """Write a whole row."""
        dynamodb.write(self._client.put_item, **self._put(row, condition))

    def update(self, pk: str, sk: str, change: Change, condition: Condition = ALWAYS) -> Row:
        """Change a row, or make it; the row as it is then."""
        request = self._update(pk, sk, change, condition)
        answer = dynamodb.write(self._client.update_item, ReturnValues="ALL_NEW", **request)
        return from_item(answer["Attributes"])

    def delete(self, pk: str, sk: str, condition: Condition = ALWAYS) -> Row | None:
        """Delete a row; the row that was there."""
        request = self._delete(pk, sk, condition)
        answer = dynamodb.write(self._client.delete_item, ReturnValues="ALL_OLD", **request)
        item = answer.get("Attributes")
        return from_item(item) if item else None

    def transact(self, statements: Sequence[Statement]) -> None:
        """Write all (at most 100, each on another row) or none."""
        dynamodb.transact(self._client, statements)

    def putting(self, row: Row, condition: Condition = ALWAYS) -> Statement:
        """The statement that writes a whole row."""
        return {"Put": _reporting(self._put(row, condition))}

    def updating(
        self, pk: str, sk: str, change: Change, condition: Condition = ALWAYS
    ) -> Statement:
        """The statement that changes a row."""
        return {"Update": _reporting(self._update(pk, sk, change, condition))}

    def deleting(self, pk: str, sk: str, condition: Condition = ALWAYS) -> Statement:
        """The statement that deletes a row."""
        return {"Delete": _reporting(self._delete(pk, sk, condition))}

    def checking(self, pk: str, sk: str, condition: Condition) -> Statement:
        """The statement that lets the transaction fail unless the condition holds of a row."""
        return {"ConditionCheck": _reporting(self._delete(pk, sk, condition))}

    def _put(self, row: Row, condition: Condition) -> dict[str, Any]:
        return {"TableName": self._name, "Item": to_item(row), **_conditions(condition)}

    def _update(self, pk: str, sk: str, change: Change, condition: Condition) -> dict[str, Any]:
        request = {"TableName": self._name, "Key": _key(pk, sk)}
        return request | _conditions(condition, change)

    def _delete(self, pk: str, sk: str, condition: Condition) -> dict[str, Any]:
        return {"TableName": self._name, "Key": _key(pk, sk), **_conditions(condition)}

    def _range(self, pk: str, prefix: str, between: tuple[str, str] | None) -> dict[str, Any]:
        condition, values = "pk = :pk", {":pk": to_value(pk)}
        if prefix:
            between = prefix, prefix + LAST
        if between:
            condition += " AND sk BETWEEN :first AND :last"
            values |= {":first": to_value(between[0]), ":last": to_value(between[1])}
        return {
            "TableName": self._name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }

    def _lives(self, row: Row) -> bool:
        expiry = row.get("exp")
        return not isinstance(expiry, int) or expiry * SECOND > self._clock()


def _key(pk: str, sk: str) -> dict[str, Any]:
    return to_item({"pk": pk, "sk": sk})


def _conditions(condition: Condition, change: Change | None = None) -> dict[str, Any]:
    request: dict[str, Any] = {}
    if condition.expression:
        request["ConditionExpression"] = condition.expression
    values, names = dict(condition.values), dict(condition.names)
    if change is not None:
        request["UpdateExpression"] = change.expression
        values |= change.values
        names |= change.names
    if values:
        request["ExpressionAttributeValues"] = to_item(values)
    if names:
        request["ExpressionAttributeNames"] = names
    return request


def _reporting(request: dict[str, Any]) -> dict[str, Any]:
    if "ConditionExpression" in request:
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return request
