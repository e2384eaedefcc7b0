"""What steps of entities add to the history."""

from dataclasses import replace

from city.clock import SECOND
from city.document import Attribute, Entity
from city.json import Json
from history.recording.changes import change_between
from history.records import MILLISECOND, Record
from tests.builders import CITY, START, located
from tests.history_records import created, dated, updated


def added(old: Entity | None, new: Entity | None, at: int = 0) -> dict[str, Record]:
    """The records of a step, by attribute."""
    change = change_between(old, new, at)
    assert change.tenant == CITY
    return {record.attribute: record for record in change.records}


def values(old: Entity | None, new: Entity | None) -> dict[str, Json]:
    return {name: record.value for name, record in added(old, new).items()}


def test_creation_records_every_attribute_in_its_place() -> None:
    room = created(temperature=20, name="hall")
    records = added(None, room)
    assert {name: (one.value, one.index) for name, one in records.items()} == {
        "temperature": (20, 0),
        "name": ("hall", 1),
    }


def test_update_records_what_it_touched_also_when_nothing_is_different() -> None:
    room = created(temperature=20, humidity=0, name="hall")
    assert values(room, updated(room, temperature=20, humidity=0)) == {
        "temperature": 20,
        "humidity": 0,
    }


def test_record_says_when_it_was_written_and_by_which_version() -> None:
    room = created(temperature=20)
    again = updated(room, temperature=dated(21, observedAt="2026-11-22T10:00:00.000Z"))
    record = added(room, again)["temperature"]
    assert (record.modified, record.ingested, record.seq) == (
        again.modified,
        again.modified,
        again.version,
    )
    assert record.metadata == {
        "observedAt": {"type": "DateTime", "value": "2026-11-22T10:00:00.000Z"}
    }


def test_nested_metadata_is_kept() -> None:
    inner = {"by": Attribute("Text", "Bob")}
    outer = Attribute("Number", 20, {"accuracy": Attribute("Number", 0, inner)})
    assert added(None, created(temperature=outer))["temperature"].metadata == {
        "accuracy": {
            "type": "Number",
            "value": 0,
            "metadata": {"by": {"type": "Text", "value": "Bob"}},
        }
    }


def test_removed_attribute_ends() -> None:
    room = created(temperature=20, humidity=1)
    gone = updated(room, temperature=...)
    record = added(room, gone)["temperature"]
    assert (record.op, record.value, record.ts, record.seq) == (
        "delete",
        None,
        gone.modified,
        gone.version,
    )
    assert record.attribute_type == "Number"


def test_deleted_entity_ends_after_its_last_write() -> None:
    room = created(temperature=20, at=START + 700_000)
    record = added(room, None, START)[""]
    assert record.op == "delete"
    assert record.ts == room.modified + MILLISECOND
    assert added(room, None, START + SECOND)[""].ts == START + SECOND


def test_expired_entity_ends_when_it_expired_however_late_it_is_removed() -> None:
    room = created(temperature=20, expires=START + SECOND)
    record = added(room, None, START + 60 * SECOND)[""]
    assert (record.ts, record.ts_source) == (START + SECOND, "expires")


def test_new_entity_in_the_place_of_an_expired_one_ends_that_first() -> None:
    room = created(temperature=20, name="hall", expires=START + SECOND)
    again = created(temperature=21, at=START + 5 * SECOND)
    records = added(room, again)
    assert list(records) == ["", "temperature"]
    assert records[""].ts == START + SECOND


def test_repeated_step_gives_the_same_records() -> None:
    room = created(temperature=20)
    assert change_between(room, None, START) == change_between(room, None, START)


def test_position_is_on_every_record() -> None:
    room = located(created(temperature=20), 12.5, 41.9)
    assert {one.position for one in added(None, room).values()} == {(12.5, 41.9)}
    assert added(room, None)[""].position == (12.5, 41.9)


def test_of_a_shape_the_middle_is_the_position() -> None:
    line: Json = {"type": "LineString", "coordinates": [[0, 0], [4, 2]]}
    room = created(temperature=20, location=Attribute("geo:json", line))
    record = added(None, room)["temperature"]
    assert record.position == (2.0, 1.0)
    assert record.shape == '{"type":"LineString","coordinates":[[0.0,0.0],[4.0,2.0]]}'


def test_instances_of_an_attribute_are_recorded_by_dataset() -> None:
    def speed(value: int, at: int) -> Attribute:
        return Attribute("Property", value, created=START, modified=at)

    car = created(speed=Attribute("Property", 50, instances={"urn:gps": speed(51, START)}))
    first = change_between(None, car, 0).records
    assert {one.dataset: one.value for one in first} == {"": 50, "urn:gps": 51}
    later = START + SECOND
    moved = Attribute(
        "Property", 50, instances={"urn:gps": speed(52, later), "urn:obd": speed(53, later)}
    )
    new = updated(car, speed=moved)
    new.attributes["speed"].modified = START
    assert {one.dataset: one.value for one in change_between(car, new, 0).records} == {
        "urn:gps": 52,
        "urn:obd": 53,
    }
    left = updated(new, speed=replace(moved, instances={}))
    ended = [one for one in change_between(new, left, 0).records if one.op == "delete"]
    assert [one.dataset for one in ended] == ["urn:gps", "urn:obd"]
