"""Counts what a DynamoDB client does: calls, and request units.

Units are what DynamoDB Local reports, except for transactions, for which it reports 4 whatever
they hold: these are counted by AWS's rule, 2 for each started KB of each item. What a transaction
deletes or updates is taken to be under 1 KB.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READS = {"GetItem", "Query", "BatchGetItem", "Scan"}


@dataclass
class Meter:
    """What happened while the meter ran."""

    calls: Counter[str] = field(default_factory=Counter)
    read: float = 0.0
    write: float = 0.0

    @property
    def units(self) -> tuple[float, ...]:
        """Read and write request units."""
        return self.read, self.write


@contextmanager
def metered(client: "DynamoDBClient") -> Iterator[Meter]:
    """Meter the client's calls inside the block."""
    meter = Meter()

    def ask(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "TransactWriteItems":
            meter.write += sum(map(_transacted, params["TransactItems"]))
        else:
            params["ReturnConsumedCapacity"] = "TOTAL"

    def note(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        meter.calls[model.name] += 1
        reports = parsed.get("ConsumedCapacity") or []
        for report in reports if isinstance(reports, list) else [reports]:
            if model.name in _READS:
                meter.read += report["CapacityUnits"]
            else:
                meter.write += report["CapacityUnits"]

    events = client.meta.events
    events.register("provide-client-params.dynamodb", ask)
    events.register("after-call.dynamodb", note)
    try:
        yield meter
    finally:
        events.unregister("provide-client-params.dynamodb", ask)
        events.unregister("after-call.dynamodb", note)


def _transacted(statement: dict[str, Any]) -> int:
    ((_, request),) = statement.items()
    return 2 * ceil(_size(request.get("Item", request.get("Key"))) / 1024)


def _size(item: dict[str, dict[str, Any]]) -> int:
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return len(content) // 2 + 2
        case "SS":
            return sum(len(member.encode()) for member in content) + 3
        case "S":
            return len(content.encode())
        case "B":
            return len(content)
        case _:
            return 1
