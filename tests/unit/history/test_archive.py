"""From the stream of the context table into the history."""

from base64 import b64encode
from copy import deepcopy
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from city import aws
from city.clock import SECOND
from city.dead_letters import StreamDeadLetters
from city.document import Entity
from city.dynamodb import to_item
from city.entity_keys import part_key
from city.entity_rows import rows_of
from city.errors import Unavailable
from city.json import Json, parse
from city.table import Table
from city.tenancy import Tenant
from history.recording.stream import Stream
from history.store.directory import Knowledge
from tests.builders import CITY, START
from tests.history_records import DAY, ROOM, created, dated, steps, stream_record, updated
from tests.history_store import Crash, History

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient


class Archive:
    """The archive function over a history."""

    def __init__(self, history: History, dynamodb: "DynamoDBClient", context_table: str) -> None:
        self.history = history
        self.sqs: SQSClient = aws.client("sqs")
        self.queue = self.sqs.create_queue(QueueName=f"dl-{uuid4().hex[:12]}")["QueueUrl"]
        self.context = Table(dynamodb, context_table)
        self.stream = self.restarted()

    def restarted(self) -> Stream:
        """The function in a new process."""
        self.history.restart()
        letters = StreamDeadLetters(self.sqs, self.queue)
        self.stream = Stream(self.context, self.history.recorder, letters)
        return self.stream

    def values(self, attribute: str = "temperature", type: str = "Room") -> list[Json]:
        """The recorded values of an attribute in the order of time."""
        found = sorted(self.history.recorded(type).values(), key=lambda one: one.ts)
        return [one.value for one in found if one.attribute == attribute and one.op == "set"]

    def ended(self) -> list[tuple[str, int]]:
        """What ended, and when."""
        found = self.history.recorded().values()
        return [(one.attribute, one.ts) for one in found if one.op == "delete"]

    def letters(self) -> list[dict[str, Any]]:
        """The bodies of the dead letters."""
        answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        bodies: list[Any] = [parse(message["Body"]) for message in answer.get("Messages", [])]
        return bodies


@pytest.fixture
def archive(history: History, dynamodb: "DynamoDBClient", context_table: str) -> Archive:
    return Archive(history, dynamodb, context_table)


def versions(*values: Json, id: str = "room1") -> list[Entity]:
    """Versions of a room, a temperature each."""
    made = [created(id, temperature=values[0])]
    for value in values[1:]:
        made.append(updated(made[-1], temperature=value))
    return made


def test_every_accepted_update_is_recorded(archive: Archive) -> None:
    assert archive.stream.process(steps(*versions(20, 20, 0, 0.0, False, "", None))) == 0
    assert list(map(repr, archive.values())) == ["20", "20", "0", "0.0", "False", "''", "None"]


def test_ends_of_attributes_and_entities_are_recorded(archive: Archive) -> None:
    room = created(temperature=20, humidity=1)
    left = updated(room, humidity=...)
    archive.stream.process(steps(room, left, None))
    assert archive.ended() == [("", left.modified + 1000), ("humidity", left.modified)]


def test_expired_entity_ends_when_it_expired(archive: Archive) -> None:
    room = created(temperature=20, expires=START + 5 * SECOND)
    removed = stream_record(room, None, number=2, at=START + 500 * SECOND)
    removed["userIdentity"] = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    archive.stream.process([*steps(room), removed])
    assert archive.ended() == [("", START + 5 * SECOND)]


def test_repeated_batch_makes_the_same_files(archive: Archive) -> None:
    batch = steps(*versions(20, 21))
    archive.stream.process(batch)
    keys = archive.history.keys()
    archive.restarted().process(deepcopy(batch))
    assert archive.history.keys() == keys
    assert archive.values() == [20, 21]


def test_batch_that_begins_elsewhere_makes_other_files(archive: Archive) -> None:
    batch = steps(*versions(20, 21))
    archive.stream.process(batch)
    archive.stream.process(batch[:1])
    archive.stream.process(batch[1:])
    assert len(archive.history.keys()) == 3
    assert archive.values() == [20, 21]


def test_tenants_types_and_days_have_files_of_their_own(archive: Archive) -> None:
    dates = ["2026-11-22T10:00:00.000Z", "2026-11-23T10:00:00.000Z"]
    rooms = [created(f"room{day}", temperature=dated(day, observedAt=dates[day])) for day in (0, 1)]
    hall = created("hall1", "Hall", temperature=20)
    archive.stream.process([*steps(rooms[0]), *steps(rooms[1], first=2), *steps(hall, first=3)])
    days = [key.split("/")[3:5] for key in archive.history.objects.keys("history/")]
    assert days == [
        ["type=Hall", "dt=2026-09-21"],
        ["type=Room", "dt=2026-11-22"],
        ["type=Room", "dt=2026-11-23"],
    ]
    assert archive.history.recorded(tenant=Tenant("other")) == {}


def test_rows_that_are_no_entities_are_passed_over(archive: Archive) -> None:
    rows = steps(created(temperature=20))
    rows[0]["dynamodb"]["NewImage"]["k"] = {"S": "T"}
    assert archive.stream.process(rows) == 0
    assert archive.history.keys() == []


def test_unreadable_record_is_set_aside_and_the_rest_goes_on(archive: Archive) -> None:
    batch = steps(*versions(20, 21, 22))
    batch[1]["dynamodb"]["NewImage"]["d"] = {"S": "{"}
    assert archive.stream.process(batch) == 1
    assert archive.values() == [20, 22]
    assert [letter["dynamodb"]["SequenceNumber"] for letter in archive.letters()] == [f"{2:021d}"]


def test_record_that_cannot_be_kept_is_found_and_set_aside(archive: Archive) -> None:
    rooms = versions(20, 21, 22, 23, 24)
    rooms[3].version = 2**63
    assert archive.stream.process(steps(*rooms)) == 1
    assert archive.values() == [20, 21, 22, 24]
    assert len(archive.letters()) == 1


def test_batch_comes_again_when_aws_does_not_answer(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object) -> None:
        raise Unavailable("the store does not answer; try again")

    batch = steps(*versions(20, 21))
    with monkeypatch.context() as patch:
        patch.setattr(archive.history.objects, "put", unavailable)
        with pytest.raises(Unavailable):
            archive.stream.process(batch)
    assert archive.letters() == []
    assert archive.stream.process(batch) == 0
    assert archive.values() == [20, 21]


def test_large_entity_is_read_with_its_parts(archive: Archive) -> None:
    room = created(temperature=20, plan=Random(1).randbytes(600_000).hex())
    rows = rows_of(room)
    assert rows.parts
    for part in rows.parts:
        archive.context.put(part)
    assert archive.stream.process(steps(room)) == 0
    assert archive.values() == [20]
    assert archive.values("plan") == [room.attributes["plan"].value]


def test_large_entity_without_its_parts_is_set_aside(archive: Archive) -> None:
    room = created(plan=Random(1).randbytes(600_000).hex())
    rows = rows_of(room)
    archive.context.put(rows.parts[0])
    assert archive.stream.process(steps(room)) == 1
    archive.context.delete(*part_key(room.identity, room.version, 0))
    assert len(archive.letters()) == 1


def test_images_as_lambda_gives_them_are_read(archive: Archive) -> None:
    room = created(temperature=20, name="a" * 2000)
    batch = steps(room)
    document = to_item(rows_of(room).entity)["d"]["B"]
    batch[0]["dynamodb"]["NewImage"]["d"] = {"B": b64encode(document).decode()}
    assert archive.stream.process(batch) == 0
    assert archive.values() == [20]


def test_late_value_is_noted_with_its_series(archive: Archive) -> None:
    nine, ten = "2026-11-22T09:00:00.000Z", "2026-11-22T10:00:00.000Z"
    archive.stream.process(
        steps(*versions(dated(1, observedAt=ten), dated(2, observedAt=nine)))  # type: ignore[arg-type]  # attributes are taken as well
    )
    known = archive.history.directory.knowledge(CITY, [ROOM])[ROOM]
    assert known == Knowledge(ROOM, late_until=1_795_341_600_000_000)
    assert archive.values() == [2, 1]


def test_crash_between_days_is_made_good_by_the_next_try(archive: Archive) -> None:
    first = created(temperature=20)
    batch = steps(first, updated(first, temperature=21, after=DAY))
    with pytest.raises(Crash), archive.history.crashing(5):
        archive.stream.process(batch)
    assert archive.restarted().process(batch) == 0
    assert archive.values() == [20, 21]
