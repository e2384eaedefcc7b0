"""Dead letters: what could not be processed, kept in a queue with the reason until somebody looks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from city.dynamodb import translated
from city.json import dump_ascii

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_RECORD_BYTES = 250_000
"""What a message carries in every region."""

_REASON_LENGTH = 250


@dataclass(frozen=True, slots=True)
class StreamDeadLetters:
    """The standard queue of stream records that could not be processed."""

    client: "SQSClient"
    url: str

    def put(self, record: Mapping[str, Any], error: Exception) -> None:
        """Keep a record, and why it failed."""
        reason = f"{type(error).__name__}: {error}"
        with translated():
            self.client.send_message(
                QueueUrl=self.url, MessageBody=_as_text(record), MessageAttributes=given(reason)
            )


def given(reason: str) -> dict[str, Any]:
    """The message attribute that says why a letter is there."""
    # A receiver's own words may be in it, and SQS takes no control characters.
    shown = reason[:_REASON_LENGTH].encode("unicode_escape").decode()
    return {"reason": {"DataType": "String", "StringValue": shown or "unknown"}}


def _as_text(record: Mapping[str, Any]) -> str:
    """The record as the queue keeps it; without its images when they would not fit."""
    text = dump_ascii(record)
    if len(text) <= MAX_RECORD_BYTES:
        return text
    images = record["dynamodb"]
    kept = {name: images[name] for name in images if name not in ("NewImage", "OldImage")}
    return dump_ascii({**record, "dynamodb": kept})
