"""Counts what a DynamoDB client does: calls, and request units as DynamoDB reports them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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

    def _charge(self, operation: str, answer: dict[str, Any]) -> None:
        self.calls[operation] += 1
        reports = answer.get("ConsumedCapacity") or []
        for report in reports if isinstance(reports, list) else [reports]:
            if operation in _READS:
                self.read += report["CapacityUnits"]
            else:
                self.write += report["CapacityUnits"]


@contextmanager
def metered(client: "DynamoDBClient") -> Iterator[Meter]:
    """Meter the client's calls inside the block."""
    meter = Meter()

    def ask(params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
        if model.input_shape and "ReturnConsumedCapacity" in model.input_shape.members:
            params["ReturnConsumedCapacity"] = "TOTAL"
        return params

    def note(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        meter._charge(model.name, parsed)

    events = client.meta.events
    events.register("provide-client-params.dynamodb", ask)
    events.register("after-call.dynamodb", note)
    try:
        yield meter
    finally:
        events.unregister("provide-client-params.dynamodb", ask)
        events.unregister("after-call.dynamodb", note)
