"""The queue of tasks (SQS), and the one of those that can never be done.

A request costs $0.40 per million; ten tasks go in one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from city.dynamodb import translated
from city.errors import Unavailable
from history.keeping.tasks import Task, dump_task

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_ENTRIES = 10
MAX_DELAY = 900
"""Seconds; the longest that SQS holds a message back."""

_REASON_LENGTH = 250


@dataclass(frozen=True, slots=True)
class TaskQueue:
    """The standard queue of tasks."""

    client: "SQSClient"
    url: str

    def send(self, tasks: Sequence[Task], delay: int = 0) -> None:
        """Queue tasks, to come after `delay` seconds. Raises Unavailable unless all were taken."""
        for start in range(0, len(tasks), MAX_ENTRIES):
            entries: Any = [
                {
                    "Id": str(number),
                    "MessageBody": dump_task(task),
                    "DelaySeconds": min(delay, MAX_DELAY),
                }
                for number, task in enumerate(tasks[start : start + MAX_ENTRIES])
            ]
            with translated():
                answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
            if failed := answer.get("Failed"):
                raise Unavailable(f"the queue did not take a task: {failed[0]['Code']}")


@dataclass(frozen=True, slots=True)
class TaskDeadLetters:
    """The standard queue of messages that can never be done."""

    client: "SQSClient"
    url: str

    def put(self, body: str, reason: str) -> None:
        """Keep a message, and why it failed."""
        # SQS takes no control characters, and no empty text
        shown = reason[:_REASON_LENGTH].encode("unicode_escape").decode() or "unknown"
        with translated():
            self.client.send_message(
                QueueUrl=self.url,
                MessageBody=body,
                MessageAttributes={"reason": {"DataType": "String", "StringValue": shown}},
            )
