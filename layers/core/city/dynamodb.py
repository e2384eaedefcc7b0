"""DynamoDB's wire format and its refusals, for every store.

A row is a plain dict; `to_item` and `from_item` convert it to and from the attribute values of the
low-level client, and `from_stream` reads an image of a Lambda stream event. `translated` turns
DynamoDB's capacity errors into `Unavailable`; `write` and `transact` report failed conditions as
`ConditionFailed` with the rows that were found instead.
"""

import random
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from city.errors import Contended, TooLarge, Unavailable

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_dynamodb import DynamoDBClient

Scalar = str | int | float | bool | bytes | None
Value = Scalar | list["Value"] | dict[str, "Value"] | set[str]
Row = dict[str, Value]
"""One item of a table as plain Python. Numbers are int, or float when they have a fraction."""

Item = dict[str, Any]
"""One item in the client's wire format, e.g. `{"pk": {"S": "…"}}`."""

KEYS_PER_READ = 100
"""Keys in one BatchGetItem."""

MAX_TRANSACTION_TRIES = 8
_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.4

_BUSY = "the item is being written by too many requests at once; try again"

_CAPACITY_ERRORS = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
_CAPACITY_REASONS = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError"})
_CONTENT_REFUSALS = frozenset({"ValidationError", "ValidationException"})
_TOO_LARGE = "exceeded the maximum allowed size"
"""In the message of a refusal of an item above 400 KB, which has no code of its own."""


class ConditionFailed(Exception):
    """A condition of a write does not hold and nothing was written.

    `found` has, by position of the statement in the transaction (0 for a single write), the row
    that is there instead, or None when there is none.
    """

    def __init__(self, found: Mapping[int, Row | None]) -> None:
        super().__init__(f"condition failed at {sorted(found)}")
        self.found = found


def to_item(row: Row) -> Item:
    """Convert a row to the client's format."""
    return {name: to_value(value) for name, value in row.items()}


def to_value(value: Value) -> dict[str, Any]:
    """Convert one value to the client's format."""
    match value:
        case list():
            return {"L": [to_value(member) for member in value]}
        case dict():
            return {"M": {name: to_value(member) for name, member in value.items()}}
        case set():
            return {"SS": sorted(value)}
        case _:
            return _to_scalar(value)


def _to_scalar(value: Scalar) -> dict[str, Any]:
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": repr(value)}
        case bytes():
            return {"B": value}
        case None:
            return {"NULL": True}


def from_item(item: Mapping[str, Any]) -> Row:
    """Read an item the client returned."""
    return {name: _from_value(value) for name, value in item.items()}


def from_stream(image: Mapping[str, Any]) -> Row:
    """Read the image of a Lambda stream event, where binary values are base64 text."""
    return {
        name: b64decode(value["B"]) if isinstance(value.get("B"), str) else _from_value(value)
        for name, value in image.items()
    }


def _from_value(value: Mapping[str, Any]) -> Value:
    ((kind, content),) = value.items()
    match kind:
        case "S" | "BOOL":
            return cast("str | bool", content)
        case "N":
            return _number(content)
        case "B":
            return bytes(content)
        case "L":
            return [_from_value(member) for member in content]
        case "M":
            return from_item(content)
        case "SS":
            return set(content)
        case _:
            return None


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


@contextmanager
def translated() -> Iterator[None]:
    """Turn throttling, limits and lost connections into `Unavailable`; the rest passes through."""
    from botocore import exceptions  # noqa: PLC0415 - only functions that call AWS pay for it

    try:
        yield
    except exceptions.ClientError as error:
        if error_code(error) in _CAPACITY_ERRORS:
            raise Unavailable("the store is at its capacity limit; try again") from error
        raise
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise Unavailable("the store does not answer; try again") from error


def error_code(error: "ClientError") -> str:
    """The name of the refusal, e.g. `ConditionalCheckFailedException`."""
    return error.response.get("Error", {}).get("Code", "")


def write(call: Callable[..., Any], **request: Any) -> Any:
    """Make one conditional write (`client.put_item`, `.update_item`, `.delete_item`).

    Meetings with transactions are retried with jitter. Raises ConditionFailed with the row that is
    there (at no further cost), Contended when transactions keep the item busy, TooLarge for an item
    above 400 KB, or Unavailable.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415

    for pause in pauses(MAX_TRANSACTION_TRIES):
        try:
            with translated():
                return call(**{"ReturnValuesOnConditionCheckFailure": "ALL_OLD", **request})
        except ClientError as error:
            code = error_code(error)
            if code == "ConditionalCheckFailedException":
                found = _found(cast("Mapping[str, Any]", error.response))
                raise ConditionFailed({0: found}) from error
            _raise_if_too_large(error, error.response.get("Error", {}))
            if code != "TransactionConflictException":
                raise
            time.sleep(pause)
    raise Contended(_BUSY)


def transact(client: "DynamoDBClient", statements: Sequence[Mapping[str, Any]]) -> None:
    """Write all statements (at most 100) or none.

    Meetings with other transactions are retried with jitter. Raises ConditionFailed when a
    condition does not hold, Contended when others keep the items busy, TooLarge for an item above
    400 KB, Unavailable at a capacity limit. A statement reports the row it found if it sets ReturnValuesOnConditionCheckFailure.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415

    for pause in pauses(MAX_TRANSACTION_TRIES):
        try:
            with translated():
                client.transact_write_items(TransactItems=cast("Any", statements))
        except ClientError as error:
            _raise_if_too_large(error, error.response.get("Error", {}))
            if error_code(error) != "TransactionCanceledException":
                raise
            _raise_unless_conflict(error)
            time.sleep(pause)
        else:
            return
    raise Contended(_BUSY)


def batch_get(
    client: "DynamoDBClient", table: str, keys: Sequence[Item], *, consistent: bool
) -> list[Row]:
    """The rows that exist of at most 100 different keys, in no order.

    What DynamoDB leaves unread is asked for again with jitter. Raises Unavailable when it keeps
    leaving all.
    """
    wanted = list(keys)
    rows: list[Row] = []
    for pause in pauses(MAX_TRANSACTION_TRIES):
        if not wanted:
            return rows
        with translated():
            answer = client.batch_get_item(
                RequestItems={table: {"Keys": wanted, "ConsistentRead": consistent}}
            )
        rows += map(from_item, answer["Responses"].get(table, []))
        rest = answer.get("UnprocessedKeys", {}).get(table)
        left = [dict(key) for key in rest["Keys"]] if rest else []
        if len(left) == len(wanted):
            time.sleep(pause)
        wanted = left
    if wanted:
        raise Unavailable("the store is at its capacity limit; try again")
    return rows


def pauses(tries: int) -> Iterator[float]:
    """Seconds to wait after each of `tries` failed attempts: exponential with full jitter."""
    for attempt in range(tries):
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
        yield random.uniform(0, longest)  # noqa: S311 - jitter, not a secret


def _raise_unless_conflict(error: "ClientError") -> None:
    reasons = cast("list[Mapping[str, Any]]", error.response.get("CancellationReasons", []))
    codes = {reason.get("Code") for reason in reasons}
    if "ConditionalCheckFailed" in codes:
        raise ConditionFailed(
            {
                position: _found(reason)
                for position, reason in enumerate(reasons)
                if reason.get("Code") == "ConditionalCheckFailed"
            }
        ) from error
    if codes & _CAPACITY_REASONS:
        raise Unavailable("the store is at its capacity limit; try again") from error
    for reason in reasons:
        _raise_if_too_large(error, reason)
    if "TransactionConflict" not in codes:
        raise error


def _raise_if_too_large(error: "ClientError", report: Mapping[str, Any]) -> None:
    if report.get("Code") in _CONTENT_REFUSALS and _TOO_LARGE in str(report.get("Message")):
        raise TooLarge("one item of the store would have more than 400 KB") from error


def _found(report: Mapping[str, Any]) -> Row | None:
    item = report.get("Item")
    return from_item(item) if item else None
