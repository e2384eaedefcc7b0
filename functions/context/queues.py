"""The queues notifications go through (SQS), and how much is sent at a time."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from city.dead_letters import given
from city.dynamodb import translated
from city.errors import Unavailable
from city.parallel import in_parallel
from context.messages import Message, Tick, dump_message, dump_tick

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_ENTRIES = 10
MAX_BATCH_BYTES = 240_000
"""A batch as a whole has the limit of one message; some regions still have 256 KiB."""

LANES = 8
MAX_DELAY = 900

UNREADABLE = "unreadable"
"""The order group of dead letters that are no notifications."""


class NotificationQueue:
    """The FIFO queue between matching and sending."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages, in order within each group; sending one again has no effect (5 min).

        Raises Unavailable when a message was not taken; then none after it in its group is sent.
        """
        lanes: dict[int, list[Message]] = {}
        for message in messages:
            lanes.setdefault(int(message.group[:8], 16) % LANES, []).append(message)
        in_parallel(self._send_lane, list(lanes.values()))

    def _send_lane(self, messages: list[Message]) -> None:
        for batch in _batches(messages):
            send_batch(self._client, self._url, [_entry(message) for message in batch])


@dataclass(frozen=True, slots=True)
class RetryQueue:
    """The standard queue of ticks."""

    client: "SQSClient"
    url: str

    def tick(self, tick: Tick, delay: int) -> None:
        """Remind the sender of a subscription in `delay` seconds."""
        with translated():
            self.client.send_message(
                QueueUrl=self.url,
                MessageBody=dump_tick(tick),
                DelaySeconds=min(delay, MAX_DELAY),
            )


@dataclass(frozen=True, slots=True)
class NotificationDeadLetters:
    """The FIFO queue of notifications that were given up; bodies as in the first queue."""

    client: "SQSClient"
    url: str

    def put(self, message: Message, reason: str) -> None:
        """Keep a notification that cannot be delivered, and why."""
        self._keep(dump_message(message), message.group, reason)

    def put_unreadable(self, body: str, reason: str) -> None:
        """Keep a message that is no notification, and why it cannot be read."""
        self._keep(body, UNREADABLE, reason)

    def _keep(self, body: str, group: str, reason: str) -> None:
        # A replayed notification may come back within the five minutes a name is remembered.
        entry = {
            "MessageBody": body,
            "MessageGroupId": group,
            "MessageDeduplicationId": secrets.token_hex(16),
            "MessageAttributes": given(reason),
        }
        send_batch(self.client, self.url, [entry])


def send_batch(client: "SQSClient", url: str, entries: list[dict[str, Any]]) -> None:
    """Send up to ten messages. Raises Unavailable unless all were taken."""
    numbered: Any = [{"Id": str(number), **entry} for number, entry in enumerate(entries)]
    with translated():
        answer = client.send_message_batch(QueueUrl=url, Entries=numbered)
    if answer.get("Failed"):
        raise Unavailable(f"the queue did not take a message: {answer['Failed'][0]['Code']}")


def _batches(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Consecutive messages that fit one call, no two of one group: a call may fail in part."""
    batch: list[Message] = []
    groups: set[str] = set()
    size = 0
    for message in messages:
        length = len(dump_message(message))
        if len(batch) == MAX_ENTRIES or size + length > MAX_BATCH_BYTES or message.group in groups:
            yield batch
            batch, groups, size = [], set(), 0
        batch.append(message)
        groups.add(message.group)
        size += length
    if batch:
        yield batch


def _entry(message: Message) -> dict[str, Any]:
    return {
        "MessageBody": dump_message(message),
        "MessageGroupId": message.group,
        "MessageDeduplicationId": message.name,
    }
