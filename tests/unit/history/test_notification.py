"""Entities of notifications as records."""

from typing import Any

import pytest

from city.dates import parse_date
from city.errors import InvalidRequest
from city.json import Json
from city.tenancy import ROOT, ServicePath
from history.recording.notification import records_of
from history.records import Record
from tests.builders import START

NINE, TEN, ELEVEN = (f"2026-11-22T{hour}:00:00.000Z" for hour in ("09", "10", "11"))
RECEIVED = START + 1234


def v2(value: Json, type: str = "Number", **metadata: str) -> dict[str, Json]:
    """An attribute in NGSI-v2's normalized form, with dates as metadata."""
    members: dict[str, Json] = {
        name: {"type": "DateTime", "value": date} for name, date in metadata.items()
    }
    return {"type": type, "value": value, "metadata": members}


def room(**attributes: Json) -> dict[str, Json]:
    return {"id": "room1", "type": "Room", **attributes}


def read(*entities: Json, **options: Any) -> list[Record]:
    return records_of(entities, [ROOT], received=RECEIVED, **options)


def time_of(entity: Json, **options: Any) -> tuple[int, str]:
    times = {(one.ts, one.ts_source) for one in read(entity, **options)}
    assert len(times) == 1
    return times.pop()


def test_each_attribute_is_a_record() -> None:
    records = read(room(temperature=v2(0.0), name=v2("", "Text"), on=v2(False, "Boolean")))
    assert [(one.attribute, one.attribute_type, one.value, one.index) for one in records] == [
        ("temperature", "Number", 0.0, 0),
        ("name", "Text", "", 1),
        ("on", "Boolean", False, 2),
    ]
    assert {one.seq for one in records} == {RECEIVED}


@pytest.mark.parametrize(
    ("attributes", "source"),
    [
        ({"TimeInstant": v2(NINE), "x": v2(1, TimeInstant=ELEVEN)}, "TimeInstant"),
        (
            {"x": v2(1, TimeInstant="2026-11-21T00:00:00Z"), "y": v2(1, TimeInstant=NINE)},
            "TimeInstant",
        ),
        ({"timestamp": v2(NINE), "x": v2(1, timestamp=ELEVEN)}, "timestamp"),
        ({"x": v2(1, timestamp=NINE), "dateModified": v2(ELEVEN)}, "timestamp"),
        ({"dateModified": v2(NINE), "x": v2(1, dateModified=ELEVEN)}, "dateModified"),
        ({"x": v2(1, dateModified=NINE)}, "dateModified"),
        ({"TimeInstant": v2("never"), "timestamp": v2(NINE)}, "timestamp"),
        ({"x": {"type": "Property", "value": 1, "observedAt": NINE}}, "observedAt"),
        ({"x": {"type": "Property", "value": 1, "modifiedAt": NINE}}, "modifiedAt"),
        ({"observedAt": NINE, "x": {"type": "Property", "value": 1}}, "observedAt"),
    ],
)
def test_time_follows_the_order_of_quantumleap(attributes: dict[str, Json], source: str) -> None:
    assert time_of(room(**attributes)) == (parse_date(NINE), source)


def test_named_time_index_comes_before_all_others() -> None:
    measured = room(measured=v2(NINE), x=v2(1, measured=TEN), TimeInstant=v2(ELEVEN))
    assert time_of(measured, time_index="measured") == (parse_date(NINE), "header")
    marked = room(x=v2(1, measured=TEN), y=v2(1, measured=NINE), TimeInstant=v2(ELEVEN))
    assert time_of(marked, time_index="measured") == (parse_date(TEN), "header")
    assert time_of(marked, time_index="other") == (parse_date(ELEVEN), "TimeInstant")


def test_without_any_time_it_is_the_arrival_in_whole_milliseconds() -> None:
    assert time_of(room(x=v2(1))) == (START + 1000, "received")


def test_later_entity_of_a_notification_wins() -> None:
    first, second = read(room(x=v2(1)), room(x=v2(2)))
    assert first.identity == second.identity
    assert second.seq > first.seq


def test_ngsi_ld_says_its_values_by_type() -> None:
    records = read(
        {
            "id": "urn:ngsi-ld:Car:1",
            "type": "Car",
            "@context": "https://example.org/context.jsonld",
            "createdAt": NINE,
            "speed": {
                "type": "Property",
                "value": 50,
                "unitCode": "KMH",
                "observedAt": TEN,
                "source": {"type": "Property", "value": "gps"},
            },
            "owner": {"type": "Relationship", "object": "urn:ngsi-ld:Person:1"},
            "name": {"type": "LanguageProperty", "languageMap": {"en": "car"}},
            "location": {
                "type": "GeoProperty",
                "value": {"type": "Point", "coordinates": [12.5, 41.9]},
            },
        }
    )
    assert {one.attribute: one.value for one in records if one.attribute != "location"} == {
        "speed": 50,
        "owner": "urn:ngsi-ld:Person:1",
        "name": {"en": "car"},
    }
    assert records[0].metadata == {
        "unitCode": {"type": "Text", "value": "KMH"},
        "observedAt": {"type": "DateTime", "value": TEN},
        "source": {"type": "Property", "value": "gps"},
    }
    assert {one.position for one in records} == {(12.5, 41.9)}


def test_ngsi_ld_instances_are_kept_apart_by_dataset() -> None:
    speeds: list[Json] = [
        {"type": "Property", "value": 50},
        {"type": "Property", "value": 51, "datasetId": "urn:gps"},
    ]
    assert [(one.dataset, one.value) for one in read(room(speed=speeds))] == [
        ("", 50),
        ("urn:gps", 51),
    ]


def test_location_of_ngsi_v2_is_the_position() -> None:
    assert read(room(place=v2("41.9, 12.5", "geo:point")))[0].position == (12.5, 41.9)


def test_location_that_cannot_be_read_is_a_value_like_others() -> None:
    record = read(room(place=v2("somewhere", "geo:point")))[0]
    assert (record.value, record.position) == ("somewhere", None)


@pytest.mark.parametrize(
    "value",
    [20, "warm", None, [1], {}, {"type": "Point", "coordinates": [1, 2]}, {"street": "x"}, []],
)
def test_key_values_are_refused_with_the_attribute_named(value: Json) -> None:
    with pytest.raises(InvalidRequest, match="temperature"):
        read(room(temperature=value))


@pytest.mark.parametrize(
    ("entity", "named"),
    [
        ("room1", "entity"),
        ({"type": "Room"}, "entity id"),
        ({"id": "room1"}, "entity type"),
        ({"id": "", "type": "Room"}, "entity id"),
        ({"id": 1, "type": "Room"}, "entity id"),
        ({"id": "a\u001fb", "type": "Room"}, "entity id"),
        ({"id": "a", "type": "é" * 200}, "entity type"),
        ({"id": "a" * 1001, "type": "Room"}, "entity id"),
        ({"id": "a", "type": "Room", "x": {"type": 5, "value": 1}}, "x"),
        ({"id": "a", "type": "Room", "x": {"value": 1, "metadata": 5}}, "x"),
        ({"id": "a", "type": "Room", "x": {"value": 1, "metadata": {"m": 5}}}, "metadata m"),
    ],
)
def test_bad_entity_is_refused_with_the_member_named(entity: Json, named: str) -> None:
    with pytest.raises(InvalidRequest, match=named):
        read(entity)


def test_value_left_out_is_null() -> None:
    assert read(room(x={"type": "Number"}))[0].value is None


def test_paths_are_one_or_as_many_as_entities() -> None:
    paths = [ServicePath("/a/"), ServicePath("/b/")]
    entities = [room(x=v2(1)), room(x=v2(2))]
    records = records_of(entities, paths, received=RECEIVED)
    assert [one.series.path for one in records] == paths
    with pytest.raises(InvalidRequest, match="service path"):
        records_of(entities[:1], paths, received=RECEIVED)
