"""Dead letters: looking changes nothing; replaying moves each letter to where it belongs."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import boto3
import pytest
from boto3.session import Session

from city.dynamodb import from_stream, to_item
from city.entity_rows import rows_of
from cli.dead_letters import QUEUES, READERS, RETURNS, DeadLetters, ReplayError
from cli.stack import Stack
from context.changes import change_of, is_expiry
from context.store.entities import EntityStore
from tests.builders import entity
from tests.template.stack import source

DEAD, LIVE = "NotificationDeadLetterQueueUrl", "NotificationQueueUrl"


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A stack whose notification queue and dead-letter queue exist."""
    sqs: Any = boto3.client("sqs")
    stack = Stack("city", Session())
    fifo = {"FifoQueue": "true"}
    vars(stack)["outputs"] = {
        output: sqs.create_queue(QueueName=f"{uuid4().hex}.fifo", Attributes=fifo)["QueueUrl"]
        for output in (DEAD, LIVE)
    }
    yield stack
    for url in stack.outputs.values():
        sqs.delete_queue(QueueUrl=url)


def give_up(stack: Stack, *bodies: str) -> None:
    for body in bodies:
        stack.session.client("sqs").send_message(
            QueueUrl=stack.outputs[DEAD],
            MessageBody=body,
            MessageGroupId="g",
            MessageDeduplicationId=uuid4().hex,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": "404"}},
        )


def bodies(stack: Stack, queue: str) -> list[str]:
    return [letter.body for letter in DeadLetters(stack, wait=0).look(queue, 10)]


def test_every_queue_that_letters_leave_or_return_to_is_an_output_of_the_template() -> None:
    assert {*QUEUES, *RETURNS.values()} <= source()["Outputs"].keys()


def test_every_dead_letter_queue_of_the_template_can_be_replayed() -> None:
    assert {name for name in source()["Outputs"] if "DeadLetter" in name} == set(QUEUES)


def test_every_reader_of_the_stream_is_a_function_of_the_template() -> None:
    assert set(READERS.values()) <= source()["Resources"].keys()


def test_looking_shows_reasons_and_removes_nothing(stack: Stack) -> None:
    give_up(stack, "one", "two")
    letters = DeadLetters(stack, wait=0)
    for _ in range(2):
        assert [(one.body, one.reason) for one in letters.look(DEAD, 10)] == [
            ("one", "404"),
            ("two", "404"),
        ]
    assert letters.count(DEAD) == 2


def test_replay_moves_letters_in_order(stack: Stack) -> None:
    give_up(stack, "one", "two", "three")
    assert len(list(DeadLetters(stack, wait=0).replay(DEAD))) == 3
    assert bodies(stack, LIVE) == ["one", "two", "three"]
    assert bodies(stack, DEAD) == []


def test_replay_leaves_letters_that_come_meanwhile(stack: Stack) -> None:
    letters = DeadLetters(stack, wait=0)
    give_up(stack, "later")
    assert list(letters.replay(DEAD)) == []
    assert bodies(stack, DEAD) == ["later"]


class Reader(Session):
    """AWS with a function that keeps the records it is given, and with one shard of a stream."""

    name: str
    records: list[Any]
    stream: list[Any]

    def client(self, name: str, *args: Any, **options: Any) -> Any:  # type: ignore[override] # boto3 has one for each service
        if name in ("lambda", "dynamodbstreams"):
            return self
        found: Any = super()
        return found.client(name, *args, **options)

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - as boto3
        assert FunctionName == self.name
        self.records += json.loads(Payload)["Records"]
        return {}

    def get_shard_iterator(self, SequenceNumber: str, **_: str) -> dict[str, str]:  # noqa: N803
        return {"ShardIterator": SequenceNumber}

    def get_records(self, ShardIterator: str, Limit: int = 2) -> dict[str, Any]:  # noqa: N803
        """A page; a shard that is still written always has a next one."""
        first = int(ShardIterator)
        found = [one for one in self.stream if int(one["dynamodb"]["SequenceNumber"]) >= first]
        page = found[:Limit]
        last = int(page[-1]["dynamodb"]["SequenceNumber"]) if page else first
        return {"Records": page, "NextShardIterator": str(last + 1)}


@pytest.fixture(params=READERS)
def queue(request: pytest.FixtureRequest) -> str:
    """A queue with changes that were given up, as an output of the stack."""
    name: str = request.param
    return name


@pytest.fixture
def reader(queue: str) -> Reader:
    """What the changes of the queue go back to."""
    session = Reader()
    session.name, session.records, session.stream = READERS[queue], [], []
    return session


@pytest.fixture
def changes(reader: Reader, queue: str) -> Iterator[Stack]:
    """A stack whose changes were given up."""
    stack = Stack("city", reader)
    url = reader.client("sqs").create_queue(QueueName=uuid4().hex)["QueueUrl"]
    vars(stack).update(outputs={queue: url}, physical_id=lambda logical: logical)
    yield stack
    reader.client("sqs").delete_queue(QueueUrl=url)


def keep(stack: Stack, body: object) -> None:
    [url] = stack.outputs.values()
    stack.session.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body))


def streamed(number: int, image: Any, **more: Any) -> dict[str, Any]:
    """A record as the stream's own interface gives it."""
    times_and_images = {"ApproximateCreationDateTime": datetime.now(UTC), **image}
    return {"dynamodb": {"SequenceNumber": str(number), **times_and_images}, **more}


def give_up_batch(stack: Stack, first: int, last: int, size: int) -> None:
    batch: dict[str, Any] = {"streamArn": "stream", "shardId": "shard", "batchSize": size}
    batch |= {"startSequenceNumber": str(first), "endSequenceNumber": str(last)}
    keep(stack, {"DDBStreamBatchInfo": batch})


def test_replay_reads_the_changes_of_a_batch_that_lambda_gave_up(
    changes: Stack, queue: str, reader: Reader, entity_store: EntityStore
) -> None:
    """The batch has three changes; what the event source filters out stands between them."""
    rooms = [entity(f"room{number}", text="x" * 5000) for number in range(5)]
    for number, room in enumerate(rooms):
        image = {"NewImage": to_item(rows_of(room).entity)}
        listing = {"NewImage": {"k": {"S": "L"}}}
        reader.stream += [
            streamed(2 * number, image, eventName="INSERT"),
            streamed(2 * number + 1, listing, eventName="INSERT"),
        ]
    give_up_batch(changes, 2, 6, size=3)
    assert len(list(DeadLetters(changes, wait=0).replay(queue))) == 1
    replayed = [one for one in reader.records if one["dynamodb"]["NewImage"]["k"] == {"S": "E"}]
    assert [change_of(one, entity_store.entity_from_image).new for one in replayed] == rooms[1:4]


def test_replayed_expiry_is_still_one(changes: Stack, queue: str, reader: Reader) -> None:
    """The stream's own interface writes the principal otherwise than Lambda's events."""
    principal = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    image = {"OldImage": {"k": {"S": "E"}, "d": {"B": b"packed"}}}
    reader.stream = [streamed(100, image, eventName="REMOVE", userIdentity=principal)]
    give_up_batch(changes, 100, 100, size=1)
    assert len(list(DeadLetters(changes, wait=0).replay(queue))) == 1
    (record,) = reader.records
    assert is_expiry(record)
    assert from_stream(record["dynamodb"]["OldImage"])["d"] == b"packed"


def test_change_kept_without_its_images_is_not_dropped(
    changes: Stack, queue: str, reader: Reader
) -> None:
    keep(changes, {"eventName": "MODIFY", "dynamodb": {"Keys": {"pk": {"S": "p"}}}})
    with pytest.raises(ReplayError, match="too large"):
        list(DeadLetters(changes, wait=0).replay(queue))
    assert reader.records == []
