"""NGSI-v2: listing entities and types, pages, counts and order.

Specification: "Pagination", "Ordering Results", "List Entities", "List Entity Types".
"""

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.api import Api
from tests.integration.broker import Broker, query_url

BAD = (400, "BadRequest")


@pytest.fixture(scope="module")
def thirty(shared_api: Api) -> Broker:
    """Thirty entities, created in the order of their ids by two batches."""
    broker = Broker(shared_api, f"t{uuid4().hex}")
    ids = [f"E{number:02}" for number in range(30)]
    for some in (ids[:15], ids[15:]):
        entities = [{"id": id, "type": "T", "n": {"value": int(id[1:])}} for id in some]
        broker.done("POST", "/v2/op/update", {"actionType": "append", "entities": entities})
    return broker


def numbers(broker: Broker, **parameters: Any) -> list[int]:
    return [int(id[1:]) for id in broker.ids(**parameters)]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, range(20)),
        ({"limit": 5}, range(5)),
        ({"limit": 1000}, range(30)),
        ({"limit": 5, "offset": 12}, range(12, 17)),
        ({"offset": 25}, range(25, 30)),
        ({"offset": 30}, range(0)),
        ({"offset": 1000, "limit": 100}, range(0)),
        ({"limit": 0}, range(0)),
        ({"limit": 5, "q": "n>20"}, range(21, 26)),
        ({"limit": 5, "offset": 5, "q": "n>20"}, range(26, 30)),
        ({"limit": 3, "orderBy": "!n"}, range(29, 26, -1)),
        ({"limit": 3, "offset": 3, "orderBy": "!n", "q": "n<10"}, range(6, 3, -1)),
        ({"limit": 3, "idPattern": "E1."}, range(10, 13)),
        ({"limit": 3, "type": "T", "offset": 1}, range(1, 4)),
    ],
)
@pytest.mark.parametrize("count", [False, True])
def test_pages_of_entities(thirty: Broker, parameters: Any, expected: range, count: bool) -> None:
    options = {"options": "count"} if count else {}
    answer = thirty.done("GET", query_url("/v2/entities", **parameters, **options))
    assert [entity["n"]["value"] for entity in answer.json()] == list(expected)
    total = answer.headers.get("fiware-total-count")
    filters = {k: v for k, v in parameters.items() if k not in ("limit", "offset", "orderBy")}
    assert total == (str(len(thirty.ids(limit=1000, **filters))) if count else None)


def test_batch_query_pages_and_counts(thirty: Broker) -> None:
    body = {"entities": [{"idPattern": ".*", "type": "T"}], "expression": {"q": "n>20"}}
    url = "/v2/op/query?limit=2&offset=3&options=count,keyValues&orderBy=!n"
    answer = thirty.done("POST", url, body)
    assert [entity["n"] for entity in answer.json()] == [26, 25]
    assert answer.headers["fiware-total-count"] == "9"


def test_update_does_not_move_an_entity(broker: Broker) -> None:
    for id in "ABC":
        broker.simple(id, n=1)
    broker.done("PUT", "/v2/entities/A/attrs/n/value", "2")
    broker.done("POST", "/v2/entities?options=upsert", {"id": "B", "type": "T", "m": {"value": 1}})
    assert broker.ids() == ["A", "B", "C"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": "x"},
        {"limit": "-1"},
        {"limit": "1.5"},
        {"limit": 1001},
        {"offset": "x"},
        {"offset": "-1"},
    ],
)
@pytest.mark.parametrize("url", ["/v2/entities", "/v2/types", "/v2/subscriptions"])
def test_bad_page_is_refused(broker: Broker, url: str, parameters: Any) -> None:
    assert broker.refused("GET", query_url(url, **parameters)) == BAD


ORDERS: list[tuple[str, str]] = [
    ("a", "BCAD"),
    ("!a", "DABC"),
    ("a,b", "BCAD"),
    ("a,!b", "CBAD"),
    ("!a,!b", "DACB"),
    ("b,a", "BDCA"),
    ("id", "ABCD"),
    ("!id", "DCBA"),
    ("type,!id", "DBCA"),
    ("dateCreated", "DBAC"),
    ("!dateCreated", "CABD"),
    ("servicePath,id", "BDAC"),
]


@pytest.fixture(scope="module")
def ordered(shared_api: Api) -> Broker:
    broker = Broker(shared_api, f"t{uuid4().hex}")
    for id, type, path, a, b in [
        ("D", "T", "/a", 3, 2),
        ("B", "T", "/a", 1, 1),
        ("A", "U", "/b", 2, 4),
        ("C", "U", "/b", 1, 3),
    ]:
        broker.simple(id, type, path, a=a, b=b)
    return broker


@pytest.mark.parametrize(("order", "ids"), ORDERS)
def test_order_by(ordered: Broker, order: str, ids: str) -> None:
    assert "".join(ordered.ids(orderBy=order)) == ids
    body = {"entities": [{"idPattern": ".*"}]}
    found = ordered.done("POST", f"/v2/op/query?orderBy={order}", body).json()
    assert "".join(one["id"] for one in found) == ids


@pytest.mark.parametrize("order", ["a,a", "!a,!a", "a,!a", "a,b,a", "a,b,!a"])
def test_order_names_a_key_once(broker: Broker, order: str) -> None:
    text = "duplicate orderBy token detected"
    assert broker.why("GET", f"/v2/entities?orderBy={order}") == (*BAD, text)
    body = {"entities": [{"idPattern": ".*"}]}
    assert broker.why("POST", f"/v2/op/query?orderBy={order}", body) == (*BAD, text)


def test_order_across_json_types(broker: Broker) -> None:
    values: dict[str, Any] = {
        "true": True,
        "false": False,
        "array": [[1]],
        "object": {"a": 1},
        "b": "b",
        "a": "a",
        "two": 2,
        "minus": -1,
        "null": None,
    }
    for id, value in values.items():
        broker.simple(id, v=value)
    expected = ["null", "minus", "two", "a", "b", "object", "array", "false", "true"]
    assert broker.ids(orderBy="v") == expected
    assert broker.ids(orderBy="!v") == expected[::-1]


@pytest.mark.parametrize(
    ("parameters", "ids"),
    [
        ({"id": "Room1"}, ["Room1", "Room1"]),
        ({"id": "Room1,Car1,nothing"}, ["Room1", "Room1", "Car1"]),
        ({"id": "Room1", "type": "Hall"}, ["Room1"]),
        ({"type": "Room"}, ["Room1", "Room2"]),
        ({"type": "Hall,Car"}, ["Room1", "Car1"]),
        ({"type": "nothing"}, []),
        ({"idPattern": "^Room"}, ["Room1", "Room2", "Room1"]),
        ({"idPattern": "1"}, ["Room1", "Room1", "Car1"]),
        ({"idPattern": "^Room[2-5]"}, ["Room2"]),
        ({"idPattern": ".*", "type": "Car"}, ["Car1"]),
        ({"typePattern": "^(Ha|Ca)"}, ["Room1", "Car1"]),
        ({"id": "Room1", "typePattern": "a"}, ["Room1"]),
        ({"idPattern": "Room", "typePattern": "oo", "q": "n>1"}, ["Room2"]),
        ({"id": "Room"}, []),
        ({"id": "R..m1"}, []),
    ],
)
def test_filters_combine(broker: Broker, parameters: Any, ids: list[str]) -> None:
    for number, (id, type) in enumerate(
        [("Room1", "Room"), ("Room2", "Room"), ("Room1", "Hall"), ("Car1", "Car")], 1
    ):
        broker.simple(id, type, n=number)
    assert broker.ids(**parameters) == ids


@pytest.mark.parametrize(
    "parameters",
    [
        {"id": "a", "idPattern": "b"},
        {"type": "a", "typePattern": "b"},
        {"idPattern": "*"},
        {"typePattern": "("},
        {"options": "foo"},
        {"options": "count,foo"},
        {"id": "<"},
        {"foo": "("},
        {"attrs": ""},
    ],
)
def test_bad_parameters_are_refused(broker: Broker, parameters: Any) -> None:
    assert broker.refused("GET", query_url("/v2/entities", **parameters)) == BAD


def test_types(broker: Broker) -> None:
    broker.create("R1", "Room", a={"value": 1}, b={"value": "x", "type": "percentage"})
    broker.create("R2", "Room", "/a", a={"value": "x"})
    broker.create("C1", "Car", a={"value": 1, "type": "N"})
    broker.create("E1", "Empty")
    car = {"attrs": {"a": {"types": ["N"]}}, "count": 1}
    room = {
        "attrs": {"a": {"types": ["Number", "Text"]}, "b": {"types": ["percentage"]}},
        "count": 2,
    }
    empty: dict[str, Any] = {"attrs": {}, "count": 1}
    listed = [{"type": "Car", **car}, {"type": "Empty", **empty}, {"type": "Room", **room}]
    assert broker.get("/v2/types") == listed
    assert broker.get("/v2/types?limit=1&offset=1") == listed[1:2]
    assert broker.get("/v2/types?options=values") == ["Car", "Empty", "Room"]
    assert broker.get("/v2/types/Room") == room
    assert broker.get("/v2/types/Room", path="/a")["count"] == 1
    assert broker.get("/v2/types?options=values", path="/a") == ["Room"]
    answer = broker.done("GET", "/v2/types?limit=1&options=count,values")
    assert answer.headers["fiware-total-count"] == "3"
    bare = {"attrs": {"a": {"types": []}, "b": {"types": []}}, "count": 2}
    assert broker.get("/v2/types/Room?options=noAttrDetail") == bare
    assert broker.get("/v2/types?options=noAttrDetail")[2] == {"type": "Room", **bare}
    expected = (404, "NotFound", "Entity type not found")
    assert broker.why("GET", "/v2/types/nothing") == expected
    broker.done("DELETE", "/v2/entities/C1")
    assert broker.why("GET", "/v2/types/Car") == expected


def test_builtin_end_is_no_attribute_of_a_type(broker: Broker) -> None:
    broker.create("E", dateExpires={"value": "2999-01-01", "type": "DateTime"}, a={"value": 1})
    assert broker.get("/v2/types/T") == {"attrs": {"a": {"types": ["Number"]}}, "count": 1}
