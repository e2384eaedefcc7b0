"""QuantumLeap's read operations, from the gateway's event to the files and back."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.leap import Leap, Store, Tenant, entity, new_store

pytestmark = pytest.mark.usefixtures("event_loop")

NO_RECORDS = {"error": "Not Found", "description": "No records were found for such query."}
DAYS = [f"2026-03-{day:02}T12:00:00.000+00:00" for day in range(27, 32)]
"""Around the day on which clocks change in Europe."""


@pytest.fixture(scope="module")
def store(s3_endpoint: str) -> Iterator[Store]:
    with new_store(s3_endpoint) as store:
        yield store


@pytest.fixture(scope="module")
def leap(event_loop: None, store: Store) -> Leap:
    return Leap(store)


@pytest.fixture
def fresh(leap: Leap) -> Tenant:
    """A tenant without history."""
    return Tenant(leap)


@pytest.fixture(scope="module")
def city(leap: Leap) -> Tenant:
    """Three rooms and a car, in two service paths; nothing changes it."""
    city = Tenant(leap)
    for number, day in enumerate(DAYS):
        rooms = [
            entity("Room1", day, temperature=20 + number, name=f"n{number}"),
            entity("Room2", day, temperature=30.5 + number),
        ]
        city.record(*rooms, fiware_servicepath="/a/b")
    city.record(entity("Room3", DAYS[0], temperature=0, open=False), fiware_servicepath="/ab")
    city.record(entity("Car1", DAYS[1], "Car", temperature=7, km=2**60 + 1))
    return city


def values(answer: Any) -> dict[str, list[Any]]:
    """The values of an entity's attributes by name."""
    return {one["attrName"]: one["values"] for one in answer.json["attributes"]}


def test_entity(city: Tenant) -> None:
    answer = city.get("/v2/entities/Room1")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["city-read"].startswith("engine=duckdb; files=")
    assert (answer.json["entityId"], answer.json["entityType"]) == ("Room1", "Room")
    assert answer.json["index"] == DAYS
    assert values(answer) == {
        "TimeInstant": DAYS,
        "name": ["n0", "n1", "n2", "n3", "n4"],
        "temperature": [20, 21, 22, 23, 24],
    }


def test_entity_attribute(city: Tenant) -> None:
    answer = city.get("/v2/entities/Room2/attrs/temperature")
    assert answer.json == {
        "entityId": "Room2",
        "entityType": "Room",
        "attrName": "temperature",
        "index": DAYS,
        "values": [30.5, 31.5, 32.5, 33.5, 34.5],
    }
    answer = city.get("/v2/entities/Room2/attrs/temperature/value", lastN=1)
    assert answer.json == {"index": DAYS[-1:], "values": [34.5]}


def test_integers_keep_their_digits(city: Tenant) -> None:
    assert city.get("/v2/entities/Car1/attrs/km/value").json["values"] == [2**60 + 1]


def test_zero_false_and_empty_and_null_are_values(fresh: Tenant) -> None:
    fresh.record(entity("Room1", DAYS[0], a=0, b=0.0, c=False, d="", e=None))
    found = values(fresh.get("/v2/entities/Room1", attrs="a,b,c,d,e"))
    assert {name: repr(value) for name, [value] in found.items()} == {
        "a": "0",
        "b": "0.0",
        "c": "False",
        "d": "''",
        "e": "None",
    }


def test_both_ends_of_a_window_are_inclusive(city: Tenant) -> None:
    window: dict[str, Any] = {"fromDate": DAYS[1], "toDate": DAYS[2]}
    answer = city.get("/v2/entities/Room1/attrs/temperature/value", **window)
    assert answer.json["index"] == DAYS[1:3]


def test_an_unencoded_plus_is_understood(city: Tenant) -> None:
    query = "fromDate=2026-03-29T14:00:00+02:00&toDate=2026-03-29T12:00:00"
    answer = city.send("GET", "/v2/entities/Room1/attrs/temperature/value", query=query)
    assert answer.json["index"] == [DAYS[2]]


def test_last_n_are_the_newest_in_the_order_of_time(city: Tenant) -> None:
    answer = city.get("/v2/entities/Room1/attrs/temperature/value", lastN=2)
    assert answer.json == {"index": DAYS[3:], "values": [23, 24]}
    answer = city.get("/v2/entities/Room1/attrs/temperature/value", lastN=2, offset=1)
    assert answer.json["values"] == [22, 23]


def test_pages_follow_each_other(city: Tenant) -> None:
    pages = [
        city.get("/v2/entities/Room1/attrs/temperature/value", limit=2, offset=offset).json
        for offset in (0, 2, 4)
    ]
    assert [page["values"] for page in pages] == [[20, 21], [22, 23], [24]]
    beyond = city.get("/v2/entities/Room1/attrs/temperature/value", limit=2, offset=6)
    assert (beyond.status, beyond.json) == (404, NO_RECORDS)


def test_last_n_counts_rows_of_the_whole_answer(city: Tenant) -> None:
    answer = city.get("/v2/types/Room/attrs/temperature", lastN=3)
    found = [(one["entityId"], one["values"]) for one in answer.json["entities"]]
    assert found == [("Room1", [24]), ("Room2", [33.5, 34.5])]


def test_type_attribute_by_id_in_the_order_of_the_request(city: Tenant) -> None:
    answer = city.get("/v2/types/Room/attrs/temperature", id="Room2,Room1", limit=2)
    assert answer.json == {
        "entityType": "Room",
        "attrName": "temperature",
        "entities": [
            {"entityId": "Room2", "index": DAYS[:1], "values": [30.5]},
            {"entityId": "Room1", "index": DAYS[:1], "values": [20]},
        ],
    }
    answer = city.get("/v2/types/Room/attrs/temperature/value", id="Room3")
    assert answer.json == {"values": [{"entityId": "Room3", "index": DAYS[:1], "values": [0]}]}


def test_type(city: Tenant) -> None:
    answer = city.get("/v2/types/Room", attrs="temperature,open", limit=3)
    assert answer.json["entityType"] == "Room"
    assert answer.json["entities"][2] == {
        "entityId": "Room3",
        "index": DAYS[:1],
        "attributes": [
            {"attrName": "open", "values": [False]},
            {"attrName": "temperature", "values": [0]},
        ],
    }
    assert answer.json["entities"][0]["attributes"][0] == {"attrName": "open", "values": [None]}
    value = city.get("/v2/types/Room/value", attrs="temperature,open", limit=3)
    assert value.json == {"values": answer.json["entities"]}


def test_attribute_of_all_types(city: Tenant) -> None:
    answer = city.get("/v2/attrs/temperature", toDate=DAYS[1])
    assert answer.json["attrName"] == "temperature"
    assert [
        (type["entityType"], [(one["entityId"], one["values"]) for one in type["entities"]])
        for type in answer.json["types"]
    ] == [
        ("Car", [("Car1", [7])]),
        ("Room", [("Room1", [20, 21]), ("Room2", [30.5, 31.5]), ("Room3", [0])]),
    ]
    value = city.get("/v2/attrs/temperature/value", toDate=DAYS[1])
    assert value.json == {"values": answer.json["types"]}


def test_attributes_of_all_types(city: Tenant) -> None:
    answer = city.get("/v2/attrs", attrs="km,open", type="Room,Car")
    assert [one["attrName"] for one in answer.json["attrs"]] == ["km", "open"]
    value = city.get("/v2/attrs/value", type="Car", attrs="km")
    car = {"entityId": "Car1", "index": DAYS[1:2], "values": [2**60 + 1]}
    assert value.json == {
        "values": [{"attrName": "km", "types": [{"entityType": "Car", "entities": [car]}]}]
    }


def test_entities_that_were_observed_last(city: Tenant) -> None:
    assert city.get("/v2/entities").json == [
        {"entityId": "Car1", "index": DAYS[1], "entityType": "Car"},
        {"entityId": "Room1", "index": DAYS[4], "entityType": "Room"},
        {"entityId": "Room2", "index": DAYS[4], "entityType": "Room"},
        {"entityId": "Room3", "index": DAYS[0], "entityType": "Room"},
    ]
    newest = city.get("/v2/entities", limit=2).json
    assert [one["entityId"] for one in newest] == ["Room1", "Room2"]
    assert [one["entityId"] for one in city.get("/v2/entities", offset=2).json] == ["Car1", "Room3"]
    assert len(city.get("/v2/entities", type="car").json) == 1
    early = city.get("/v2/entities", toDate=DAYS[0]).json
    assert {one["index"] for one in early} == {DAYS[0]}


@pytest.mark.parametrize(
    ("pattern", "ids"),
    [("room", 3), ("ROOM[12]$", 2), ("oom1", 0), (".*1", 2), ("Car1|Room2", 2), ("a)|(r", 400)],
)
def test_an_id_pattern_is_the_beginning_of_an_id_in_any_case(
    city: Tenant, pattern: str, ids: int
) -> None:
    answer = city.get("/v2/entities", idPattern=pattern)
    found = len(answer.json) if answer.status == 200 else 0 if answer.status == 404 else 400
    assert found == ids


@pytest.mark.parametrize(
    ("method", "expected"),
    [("count", 5), ("sum", 110), ("avg", 22), ("min", 20), ("max", 24)],
)
def test_one_aggregate_of_everything(city: Tenant, method: str, expected: float) -> None:
    answer = city.get("/v2/entities/Room1/attrs/temperature/value", aggrMethod=method)
    assert answer.json == {"index": [], "values": [expected]}


def test_aggregates_by_day_are_those_of_utc(fresh: Tenant) -> None:
    for hour in range(22, 26):
        day, of_day = 28 + hour // 24, hour % 24
        fresh.record(entity("Room1", f"2026-03-{day}T{of_day:02}:30:00Z", t=hour))
    answer = fresh.get("/v2/entities/Room1/attrs/t/value", aggrMethod="avg", aggrPeriod="day")
    assert answer.json == {
        "index": ["2026-03-28T00:00:00.000+00:00", "2026-03-29T00:00:00.000+00:00"],
        "values": [22.5, 24.5],
    }
    # in Rome the 29th lasts 23 hours, and begins an hour before that of UTC
    answer = fresh.get(
        "/v2/entities/Room1/attrs/t/value",
        aggrMethod="count",
        aggrPeriod="month",
        fromDate="2026-03-29T00:00:00+01:00",
        toDate="2026-03-29T23:59:59.999+02:00",
    )
    assert answer.json == {"index": ["2026-03-01T00:00:00.000+00:00"], "values": [3]}


@pytest.mark.parametrize(
    ("period", "first"),
    [
        ("year", "2026-01-01T00:00:00.000+00:00"),
        ("month", "2026-03-01T00:00:00.000+00:00"),
        ("day", "2026-03-27T00:00:00.000+00:00"),
        ("hour", DAYS[0]),
        ("minute", DAYS[0]),
        ("second", DAYS[0]),
    ],
)
def test_every_period(city: Tenant, period: str, first: str) -> None:
    answer = city.get(
        "/v2/types/Room/attrs/temperature/value", aggrMethod="sum", aggrPeriod=period, id="Room1"
    )
    assert answer.json["values"][0]["index"][0] == first


def test_newest_aggregates(city: Tenant) -> None:
    answer = city.get(
        "/v2/entities/Room1/attrs/temperature/value", aggrMethod="max", aggrPeriod="day", lastN=2
    )
    assert answer.json["values"] == [23, 24]


def test_aggregates_of_several_attributes_share_an_index(city: Tenant) -> None:
    answer = city.get(
        "/v2/types/Room", attrs="temperature,open", aggrMethod="count", aggrPeriod="year"
    )
    assert [
        {one["attrName"]: one["values"] for one in room["attributes"]}
        for room in answer.json["entities"]
    ] == [
        {"open": [0], "temperature": [5]},
        {"open": [0], "temperature": [5]},
        {"open": [1], "temperature": [1]},
    ]


def test_text_has_extremes_and_no_mean(city: Tenant) -> None:
    answer = city.get("/v2/entities/Room1/attrs/name/value", aggrMethod="max")
    assert answer.json["values"] == ["n4"]
    for attribute, id in (("name", "Room1"), ("open", "Room3")):
        answer = city.get(f"/v2/entities/{id}/attrs/{attribute}", aggrMethod="avg")
        assert answer.status == 404
        assert answer.json["error"] == "AggrMethod cannot be applied"


def test_a_service_path_stands_for_itself_and_all_below(city: Tenant) -> None:
    def rooms(path: str) -> int:
        answer = city.get("/v2/entities", {"fiware-servicepath": path})
        return len(answer.json) if answer.status == 200 else 0

    assert [rooms(path) for path in ("/", "/a", "/a/b", "/ab", "/b", "/a,/ab")] == [
        4,
        2,
        2,
        1,
        0,
        3,
    ]


def test_names_in_another_case(city: Tenant) -> None:
    answer = city.get("/v2/types/ROOM/attrs/Temperature/value", id="Room3")
    assert answer.json["values"][0]["values"] == [0]
    assert city.get("/v2/entities/Room3/attrs/Temperature").json["attrName"] == "Temperature"


def test_an_id_of_two_types_needs_the_type(fresh: Tenant) -> None:
    fresh.record(entity("x", DAYS[0], "A", n=1), entity("x", DAYS[0], "B", n=2))
    answer = fresh.get("/v2/entities/x")
    assert (answer.status, answer.json["error"]) == (400, "AmbiguousNGSIIdError")
    assert fresh.get("/v2/entities/x/attrs/n/value", type="B").json["values"] == [2]
    assert len(fresh.get("/v2/entities").json) == 2


def test_places(fresh: Tenant) -> None:
    def at(id: str, latitude: float) -> dict[str, Any]:
        point = {"type": "Point", "coordinates": [13.4, latitude]}
        return entity(id, DAYS[0], n=1) | {"location": {"type": "geo:json", "value": point}}

    fresh.record(at("near", 52.5), at("far", 53.5))

    def found(**query: Any) -> list[str]:
        answer = fresh.get("/v2/types/Room/attrs/n/value", **query)
        return [one["entityId"] for one in answer.json["values"]] if answer.status == 200 else []

    here = {"geometry": "point", "coords": "52.5,13.4"}
    box = {"geometry": "box", "coords": "52,13;53,14"}
    assert found(georel="near;maxDistance:1000", **here) == ["near"]
    assert found(georel="near;minDistance:1000", **here) == ["far"]
    assert found(georel="coveredBy", **box) == ["near"]
    assert found(georel="disjoint", **box) == ["far"]
    assert found(georel="intersects", geometry="line", coords="53,13.4;54,13.4") == ["far"]
    value = fresh.get("/v2/entities/near/attrs/location/value").json["values"]
    assert value == [{"type": "Point", "coordinates": [13.4, 52.5]}]


@pytest.mark.parametrize(
    "path",
    [
        "/v2/entities",
        "/v2/entities/Room9",
        "/v2/entities/Room9/value",
        "/v2/entities/Room9/attrs/t",
        "/v2/entities/Room9/attrs/t/value",
        "/v2/types/Room",
        "/v2/types/Room/value",
        "/v2/types/Room/attrs/t",
        "/v2/types/Room/attrs/t/value",
        "/v2/attrs",
        "/v2/attrs/value",
        "/v2/attrs/t",
        "/v2/attrs/t/value",
    ],
)
def test_nothing_is_an_error_in_the_older_dialect_only(
    fresh: Tenant, store: Store, path: str
) -> None:
    answer = fresh.get(path)
    assert (answer.status, answer.json) == (404, NO_RECORDS)
    newer = Tenant(Leap(store, quantum_leap_dialect="1.0.1"))
    answer = newer.get(path)
    assert (answer.status, answer.json) == (200, [])


def test_the_newer_dialect_says_id_and_type(city: Tenant, store: Store) -> None:
    newer = Tenant(Leap(store, quantum_leap_dialect="1.0.1"))
    newer.headers = city.headers
    old, new = (one.get("/v2/types/Room", lastN=1) for one in (city, newer))
    assert new.text == old.text.replace("entityId", "id").replace("entityType", "type")
    assert newer.get("/version").json == {"version": "1.0.1-dev"}


@pytest.mark.parametrize(
    ("path", "query", "status", "name"),
    [
        ("/v2/entities/Room1", {"limit": 0}, 400, None),
        ("/v2/entities/Room1", {"lastN": "many"}, 400, None),
        ("/v2/entities/Room1", {"aggrMethod": "median", "attrs": "t"}, 400, None),
        ("/v2/entities/Room1", {"georel": "within"}, 400, None),
        ("/v2/entities/Room1", {"aggrPeriod": "day"}, 400, "Bad parameters use"),
        ("/v2/entities/Room1", {"aggrMethod": "avg"}, 400, "Bad parameters use"),
        ("/v2/entities/Room1", {"georel": "intersects"}, 400, "ValueError"),
        ("/v2/entities/Room1/attrs/t", {"fromDate": "soon"}, 422, "InvalidParameterValue"),
        ("/v2/types/Room", {"toDate": "soon"}, 422, "InvalidParameterValue"),
        (
            "/v2/attrs",
            {"georel": "equals", "geometry": "point", "coords": "1,1"},
            422,
            "NotSupportedQuery",
        ),
        ("/v2/types/Room", {"options": "keyValues"}, 501, "Not implemented option"),
        ("/v2/types/Room", {"aggrScope": "global"}, 501, "Not implemented option"),
    ],
)
def test_refusals(
    fresh: Tenant, path: str, query: dict[str, Any], status: int, name: str | None
) -> None:
    answer = fresh.get(path, **query)
    assert answer.status == status
    if name is None:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json.keys() == {"detail", "status", "title", "type"}
    else:
        assert answer.json["error"] == name
        assert answer.json.keys() == {"error", "description"}


@pytest.mark.parametrize("prefix", ["", "/history"])
def test_both_places_answer_alike(leap: Leap, city: Tenant, prefix: str) -> None:
    below = Tenant(leap, prefix)
    below.headers = city.headers
    assert below.get("/v2/types/Room").text == city.get("/v2/types/Room").text
    assert below.get("/v2").json["entities_url"] == "/v2/entities"
    assert below.get("/v2/").status == 200
    assert below.get("/version").json == {"version": "1.0.0"}
    health = below.get("/health")
    assert health.json == {"status": "pass"}
    assert health.headers["cache-control"] == "max-age=180"
    unknown = below.get("/v2/nothing")
    assert (unknown.status, unknown.json["title"]) == (404, "Not Found")
    wrong = below.send("PUT", "/v2/notify", {})
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")


def test_a_work_queue_that_is_always_empty(fresh: Tenant) -> None:
    queue = "/management/queue/notifications"
    assert fresh.get(queue, taskStatus="pending").json == [None]
    assert fresh.get(f"{queue}/summary").json == [None]
    assert fresh.get(f"{queue}/count").json == 0
    assert fresh.delete(queue).status == 204
    assert fresh.get(queue, taskStatus="lost").status == 400
    assert fresh.send("POST", "/management/config").status == 501


def test_csv_for_who_asks_for_it(city: Tenant) -> None:
    accept = {"accept": "text/csv"}
    answer = city.get("/v2/types/Room", accept, attrs="temperature,name", limit=3)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == "attachment; filename=history.csv"
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows == [
        ["entityType", "entityId", "index", "name", "temperature"],
        ["Room", "Room1", DAYS[0], "n0", "20"],
        ["Room", "Room2", DAYS[0], "", "30.5"],
        ["Room", "Room3", DAYS[0], "", "0"],
    ]
    answer = city.get("/v2/entities", accept, type="Car")
    assert answer.text == f"entityId,index,entityType\r\nCar1,{DAYS[1]},Car\r\n"


def test_grafana_reads_arrays_by_path(city: Tenant) -> None:
    """What the JSON and Infinity data sources send: a plain GET with the dashboard's range."""
    answer = city.get(
        "/v2/entities/Room1/attrs/temperature",
        {"accept": "application/json, text/plain, */*", "user-agent": "Grafana/11.4.0"},
        fromDate="2026-03-28T00:00:00.000Z",
        toDate="2026-03-29T23:59:59.999Z",
        aggrMethod="avg",
        aggrPeriod="hour",
    )
    times, numbers = answer.json["index"], answer.json["values"]
    assert list(zip(times, numbers, strict=True)) == [(DAYS[1], 21), (DAYS[2], 22)]
