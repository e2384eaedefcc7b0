"""What was given up: notifications that were not delivered, changes that were not matched or not
recorded, tasks of the history that were not done.

A replayed letter is deleted only after it has arrived where it belongs. Letters that come while a
replay runs are left for the next one, so a replay ends even if everything fails again.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cli.stack import Stack

RETURNS = {
    "NotificationDeadLetterQueueUrl": "NotificationQueueUrl",
    "RetryDeadLetterQueueUrl": "RetryQueueUrl",
    "HistoryTaskDeadLetterQueueUrl": "HistoryTaskQueueUrl",
}
"""Dead-letter queues whose letters go back to a queue, as outputs of the stack."""

READERS = {
    "StreamDeadLetterQueueUrl": "ContextMatcherFunction",
    "ArchiveDeadLetterQueueUrl": "HistoryArchiveFunction",
}
"""Dead-letter queues with changes of the context table, and the functions that read its stream."""

QUEUES = (*RETURNS, *READERS)
"""All dead-letter queues, as outputs of the stack."""

BATCH = 10


class ReplayError(Exception):
    """A letter was refused again; it stays where it was."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message of a dead-letter queue (by output name), and why it is there."""

    queue: str
    body: str
    reason: str
    sent: datetime
    receipt: str
    group: str | None
    id: str


class DeadLetters:
    """The dead-letter queues of a stack; `wait`: seconds until a queue that gives nothing is empty."""

    def __init__(self, stack: Stack, wait: int = 1) -> None:
        self._stack = stack
        self._wait = wait
        self._sqs = stack.session.client("sqs")
        self._started = datetime.now(UTC)

    def count(self, queue: str) -> int:
        """About how many letters a queue holds."""
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self._stack.outputs[queue], AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(attributes["Attributes"]["ApproximateNumberOfMessages"])

    def look(self, queue: str, limit: int) -> list[Letter]:
        """Up to `limit` letters of a queue, all of which stay in it (of one group ten at most)."""
        letters: list[Letter] = []
        while len(letters) < limit and (received := self._receive(queue)):
            letters += received
        for letter in letters:
            self._release(letter)
        return letters[:limit]

    def replay(self, queue: str) -> Iterator[Letter]:
        """Send a queue's letters on their way again, in order within each group; gives each one."""
        while received := self._receive(queue):
            for position, letter in enumerate(received):
                if letter.sent > self._started:
                    for left in received[position:]:
                        self._release(left)
                    return
                self._send_again(letter)
                self._delete(letter)
                yield letter

    def _send_again(self, letter: Letter) -> None:
        if reader := READERS.get(letter.queue):
            self._read_again(reader, letter.body)
            return
        fifo: Any = {}
        if letter.group:
            fifo = {"MessageGroupId": letter.group, "MessageDeduplicationId": letter.id}
        destination = self._stack.outputs[RETURNS[letter.queue]]
        self._sqs.send_message(QueueUrl=destination, MessageBody=letter.body, **fifo)

    def _read_again(self, reader: str, body: str) -> None:
        """Hand a change, or the changes of a batch that Lambda gave up, to a reader of the stream."""
        content = json.loads(body)
        batch = content.get("DDBStreamBatchInfo")
        if batch is not None:
            for records in self._read_stream(batch):
                self._invoke(reader, records)
        elif content["dynamodb"].keys() & {"NewImage", "OldImage"}:
            self._invoke(reader, [content])
        else:
            keys = json.dumps(content["dynamodb"].get("Keys"))
            raise ReplayError(f"the change was too large to be kept here; its row is {keys}")

    def _invoke(self, reader: str, records: list[Any]) -> None:
        answer = self._stack.session.client("lambda").invoke(
            FunctionName=self._stack.physical_id(reader),
            Payload=json.dumps({"Records": records}, default=_base64).encode(),
        )
        if "FunctionError" in answer:
            raise ReplayError(answer["Payload"].read().decode(errors="replace"))

    def _read_stream(self, batch: dict[str, Any]) -> Iterator[list[Any]]:
        """The records of a batch, page by page; the stream keeps them for a day.

        What the event source filters out stands between them, so the batch's size says nothing.
        """
        streams = self._stack.session.client("dynamodbstreams")
        position: str | None = streams.get_shard_iterator(
            StreamArn=batch["streamArn"],
            ShardId=batch["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=batch["startSequenceNumber"],
        )["ShardIterator"]
        last = int(batch["endSequenceNumber"])
        while position:
            found = streams.get_records(ShardIterator=position)
            numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in found["Records"]]
            records = zip(numbers, found["Records"], strict=True)
            yield [_as_event(record) for number, record in records if number <= last]
            position = None if max(numbers, default=0) >= last else found.get("NextShardIterator")

    def _receive(self, queue: str) -> list[Letter]:
        received = self._sqs.receive_message(
            QueueUrl=self._stack.outputs[queue],
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=60,
            WaitTimeSeconds=self._wait,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["reason"],
        )
        return [_letter(queue, message) for message in received.get("Messages", [])]

    def _release(self, letter: Letter) -> None:
        self._sqs.change_message_visibility(
            QueueUrl=self._stack.outputs[letter.queue],
            ReceiptHandle=letter.receipt,
            VisibilityTimeout=0,
        )

    def _delete(self, letter: Letter) -> None:
        self._sqs.delete_message(
            QueueUrl=self._stack.outputs[letter.queue], ReceiptHandle=letter.receipt
        )


def _letter(queue: str, message: Any) -> Letter:
    system = message["Attributes"]
    return Letter(
        queue=queue,
        body=message["Body"],
        reason=message.get("MessageAttributes", {}).get("reason", {}).get("StringValue", ""),
        sent=datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC),
        receipt=message["ReceiptHandle"],
        group=system.get("MessageGroupId"),
        id=message["MessageId"],
    )


def _as_event(record: Any) -> dict[str, Any]:
    """A record of the stream in the shape that Lambda gives its functions."""
    images = dict(record["dynamodb"])
    images["ApproximateCreationDateTime"] = int(images["ApproximateCreationDateTime"].timestamp())
    event = {**record, "dynamodb": images}
    if identity := record.get("userIdentity"):
        event["userIdentity"] = {"principalId": identity["PrincipalId"], "type": identity["Type"]}
    return event


def _base64(value: bytes) -> str:
    """Binary as events hold it."""
    return base64.b64encode(value).decode()
