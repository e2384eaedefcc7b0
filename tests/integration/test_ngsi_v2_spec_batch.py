"""NGSI-v2: batch operations.

Specification: "Batch Operations" (update, query, notify).
"""

from typing import Any

import pytest

from tests.integration.broker import Broker

UPDATE, QUERY, NOTIFY = "/v2/op/update", "/v2/op/query", "/v2/op/notify"
BAD = (400, "BadRequest")
EMPTY_ID = "id and idPattern cannot be both empty at the same time"
UNPROCESSABLE, PARTIAL, NOT_FOUND = "Unprocessable", "PartialUpdate", "NotFound"


def entity(id: str, type: str | None = "T", **values: Any) -> dict[str, Any]:
    typed = {} if type is None else {"type": type}
    return {"id": id, **typed, **{name: {"value": value} for name, value in values.items()}}


def batch(action: str, *entities: Any) -> dict[str, Any]:
    return {"actionType": action, "entities": list(entities)}


def everything(broker: Broker) -> dict[str, dict[str, Any]]:
    """All entities: values by id."""
    found = broker.get("/v2/entities?options=keyValues")
    return {one.pop("id"): {k: v for k, v in one.items() if k != "type"} for one in found}


@pytest.fixture
def rooms(broker: Broker) -> Broker:
    broker.simple("E1", a=1, b=1)
    broker.simple("E2", a=2, b=2)
    return broker


@pytest.mark.parametrize("action", ["append", "APPEND"])
def test_append_creates_and_updates(rooms: Broker, action: str) -> None:
    answer = rooms.done(
        "POST", UPDATE, batch(action, entity("E1", a=5, c=6), entity("E3", a=7), entity("E4"))
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert everything(rooms) == {
        "E1": {"a": 5, "b": 1, "c": 6},
        "E2": {"a": 2, "b": 2},
        "E3": {"a": 7},
        "E4": {},
    }


def test_append_without_type_creates_a_thing_or_finds_the_entity(rooms: Broker) -> None:
    rooms.done("POST", UPDATE, batch("append", entity("E1", None, a=5), entity("E3", None)))
    assert rooms.get("/v2/entities/E1")["type"] == "T"
    assert rooms.get("/v2/entities/E3")["type"] == "Thing"


def test_key_values(rooms: Broker) -> None:
    body = batch("append", {"id": "E1", "type": "T", "a": "x"}, {"id": "E3", "c": [1]})
    rooms.done("POST", f"{UPDATE}?options=keyValues", body)
    assert rooms.attribute("a", "E1") == {"type": "Text", "value": "x", "metadata": {}}
    assert rooms.attribute("c", "E3")["type"] == "StructuredValue"


@pytest.mark.parametrize("action", ["appendStrict", "APPEND_STRICT"])
def test_strict_append_adds(rooms: Broker, action: str) -> None:
    rooms.done("POST", UPDATE, batch(action, entity("E1", c=1), entity("E3", a=1)))
    assert everything(rooms)["E1"] == {"a": 1, "b": 1, "c": 1}
    assert everything(rooms)["E3"] == {"a": 1}


@pytest.mark.parametrize("action", ["update", "UPDATE"])
def test_update_updates(rooms: Broker, action: str) -> None:
    rooms.done("POST", UPDATE, batch(action, entity("E1", a=5), entity("E2", None, b=6)))
    assert everything(rooms) == {"E1": {"a": 5, "b": 1}, "E2": {"a": 2, "b": 6}}


@pytest.mark.parametrize("action", ["replace", "REPLACE"])
def test_replace_keeps_nothing(rooms: Broker, action: str) -> None:
    rooms.done("POST", UPDATE, batch(action, entity("E1", c=5), entity("E2", None)))
    assert everything(rooms) == {"E1": {"c": 5}, "E2": {}}


@pytest.mark.parametrize("action", ["delete", "DELETE"])
def test_delete_removes_attributes_or_the_entity(rooms: Broker, action: str) -> None:
    rooms.done("POST", UPDATE, batch(action, entity("E1", a=None), entity("E2", None)))
    assert everything(rooms) == {"E1": {"b": 1}}


def test_entities_are_processed_in_their_order(broker: Broker) -> None:
    steps = [entity("E", a=1), entity("E", a=2, b=1), entity("F", a=1), entity("E", a=3)]
    broker.done("POST", UPDATE, batch("append", *steps))
    assert everything(broker) == {"E": {"a": 3, "b": 1}, "F": {"a": 1}}
    assert broker.ids() == ["E", "F"]


MISSING = "do not exist: "
PRESENT = "one or more of the attributes in the request already exist: "
REFUSALS: list[tuple[str, list[Any], tuple[int, str, str], dict[str, Any]]] = [
    # no entity exists
    (
        "update",
        [entity("F", a=1), entity("G", a=1)],
        (404, NOT_FOUND, MISSING + "F/T - [entity itself], G/T [entity itself]"),
        {},
    ),
    (
        "delete",
        [entity("F", None), entity("G", a=1)],
        (404, NOT_FOUND, MISSING + "F - [entity itself], G/T [entity itself]"),
        {},
    ),
    (
        "replace",
        [entity("F", a=1), entity("G", None, a=1)],
        (404, NOT_FOUND, MISSING + "F/T - [entity itself], G [entity itself]"),
        {},
    ),
    # those that exist fail wholly
    (
        "update",
        [entity("E1", c=1, d=1)],
        (422, UNPROCESSABLE, MISSING + "E1/T - [ c, d ]"),
        {},
    ),
    (
        "update",
        [entity("E1", c=1, d=1), entity("G", a=1)],
        (422, UNPROCESSABLE, MISSING + "E1/T - [ c, d ], G/T [entity itself]"),
        {},
    ),
    (
        "delete",
        [entity("E1", None, c=1), entity("E2", d=1)],
        (422, UNPROCESSABLE, MISSING + "E1 - [ c ], E2/T - [ d ]"),
        {},
    ),
    (
        "appendStrict",
        [entity("E1", a=5, b=5), entity("E2", None, a=5)],
        (422, UNPROCESSABLE, PRESENT + "E1/T - [ a, b ], E2 - [ a ]"),
        {},
    ),
    # something succeeds, which stays
    (
        "update",
        [entity("E1", a=5, d=1), entity("G", a=1)],
        (422, PARTIAL, MISSING + "E1/T - [ d ], G/T [entity itself]"),
        {"E1": {"a": 5, "b": 1}},
    ),
    (
        "update",
        [entity("E1", a=5), entity("E2", d=1)],
        (422, PARTIAL, MISSING + "E2/T - [ d ]"),
        {"E1": {"a": 5, "b": 1}},
    ),
    (
        "update",
        [entity("E1", a=5), entity("G", a=1)],
        (422, PARTIAL, MISSING + "G/T - [entity itself]"),
        {"E1": {"a": 5, "b": 1}},
    ),
    (
        "delete",
        [entity("E1", a=1, d=1), entity("E2", b=1)],
        (422, PARTIAL, MISSING + "E1/T - [ d ]"),
        {"E1": {"b": 1}, "E2": {"a": 2}},
    ),
    (
        "replace",
        [entity("E1", c=1), entity("G", a=1)],
        (422, PARTIAL, MISSING + "G/T - [entity itself]"),
        {"E1": {"c": 1}},
    ),
    (
        "appendStrict",
        [entity("E1", c=1), entity("E2", a=5, b=5)],
        (422, PARTIAL, PRESENT + "E2/T - [ a, b ]"),
        {"E1": {"a": 1, "b": 1, "c": 1}},
    ),
    (
        "appendStrict",
        [entity("E1", a=5, c=1)],
        (422, PARTIAL, PRESENT + "E1/T - [ a ]"),
        {"E1": {"a": 1, "b": 1, "c": 1}},
    ),
]


@pytest.mark.parametrize(("action", "entities", "expected", "changes"), REFUSALS)
def test_refusal_names_what_could_not_be_done(
    rooms: Broker, action: str, entities: Any, expected: tuple[int, str, str], changes: Any
) -> None:
    before = everything(rooms)
    assert rooms.why("POST", UPDATE, batch(action, *entities)) == expected
    assert everything(rooms) == before | changes


def test_ambiguous_entity_is_refused(rooms: Broker) -> None:
    rooms.simple("E1", "U", a=1)
    body = batch("update", entity("E1", None, a=5))
    assert rooms.refused("POST", UPDATE, body) == (409, "TooManyResults")


BAD_UPDATES: list[tuple[Any, str]] = [
    ({}, "empty payload"),
    ({"actionType": "append"}, "Invalid JSON payload, mandatory field /entities/ not found"),
    ({"entities": []}, "Invalid JSON payload, mandatory field /actionType/ not found"),
    (batch("append"), "empty entities vector"),
    (
        batch("upsert", entity("E1")),
        "invalid update action type: right ones are: append, appendStric, delete, replace, update",
    ),
    ({"actionType": "append", "entities": {}}, "not a JSON array"),
    (batch("append", 1), "entity is not a JSON object"),
    (batch("append", {"type": "T"}), "nor /id/ nor /idPattern/ present"),
    (batch("append", {"id": "E", "idPattern": "E"}), "both /id/ and /idPattern/ present"),
    (batch("append", {"id": 1}), "Invalid JSON type for entity id"),
    (batch("append", {"id": "a b"}), "Invalid characters in entity id"),
    (batch("append", {"id": ""}), EMPTY_ID),
    (
        batch("append", {"id": "E", "type": ""}),
        "entity type length: 0, min length supported: 1",
    ),
    (
        batch("append", {"id": "E", "a": 1}),
        "attribute must be a JSON object, unless keyValues option is used",
    ),
    (
        batch("append", entity("E1", a=5), {"id": "E", "a": {"value": "a=b"}}),
        "Invalid characters in attribute value",
    ),
    (
        batch("append", entity("E1", a=5)) | {"foo": 1},
        "Unrecognized field in JSON payload: /foo/",
    ),
]


@pytest.mark.parametrize(("body", "text"), BAD_UPDATES)
def test_bad_update_is_refused_whole(rooms: Broker, body: Any, text: str) -> None:
    before = everything(rooms)
    assert rooms.why("POST", UPDATE, body) == (*BAD, text)
    assert everything(rooms) == before


def test_pattern_in_an_update_is_not_implemented(rooms: Broker) -> None:
    body = batch("update", {"idPattern": ".*", "a": {"value": 1}})
    assert rooms.refused("POST", UPDATE, body) == (501, "NotImplemented")


QUERIES: list[tuple[Any, list[str]]] = [
    ({"entities": [{"idPattern": ".*"}]}, ["R1", "R2", "C1"]),
    ({"entities": [{"idPattern": ".*", "type": "Room"}]}, ["R1", "R2"]),
    ({"entities": [{"id": "C1"}]}, ["C1"]),
    ({"entities": [{"id": "C1", "type": "Room"}]}, []),
    (
        {"entities": [{"idPattern": "^R", "type": "Room"}, {"id": "C1", "type": "Car"}]},
        ["R1", "R2", "C1"],
    ),
    ({"entities": [{"id": "R2"}, {"id": "R1"}, {"id": "R1"}]}, ["R1", "R2"]),
    ({"entities": [{"idPattern": "1$", "typePattern": "^R"}]}, ["R1"]),
    ({"entities": []}, ["R1", "R2", "C1"]),
    ({"attrs": ["temperature"]}, ["R1", "R2", "C1"]),
    ({"expression": {"q": "temperature>20"}}, ["R2", "C1"]),
    ({"expression": {"q": "temperature>20", "mq": "temperature.accuracy>1"}}, ["C1"]),
    ({"attributes": ["humidity"]}, ["R1"]),
    ({"attributes": ["humidity", "speed"]}, ["R1", "C1"]),
    ({"attributes": ["nothing"]}, []),
]


@pytest.fixture
def sensors(broker: Broker) -> Broker:
    accuracy = {"accuracy": {"value": 2, "type": "Number"}}
    broker.simple("R1", "Room", temperature=15, humidity=50)
    broker.simple("R2", "Room", temperature=25)
    broker.create("C1", "Car", temperature={"value": 40, "metadata": accuracy}, speed={"value": 9})
    return broker


def test_query_finds(sensors: Broker) -> None:
    for body, ids in QUERIES:
        found = sensors.done("POST", QUERY, body).json()
        assert [one["id"] for one in found] == ids, body


def test_query_shows_what_is_asked_for(sensors: Broker) -> None:
    body: dict[str, Any] = {
        "entities": [{"id": "C1"}],
        "attrs": ["temperature", "dateCreated"],
        "metadata": ["accuracy", "dateModified"],
    }
    (car,) = sensors.done("POST", QUERY, body).json()
    assert list(car) == ["id", "type", "temperature", "dateCreated"]
    assert list(car["temperature"]["metadata"]) == ["accuracy", "dateModified"]
    body = {"entities": [{"id": "C1"}], "attrs": ["speed", "temperature"]}
    for options, shown in (
        ("keyValues", [{"id": "C1", "type": "Car", "speed": 9, "temperature": 40}]),
        ("values", [[9, 40]]),
        ("unique", [[9, 40]]),
    ):
        assert sensors.done("POST", f"{QUERY}?options={options}", body).json() == shown
    projected = sensors.done("POST", QUERY, {"attributes": ["humidity"]}).json()
    assert list(projected[0]) == ["id", "type", "humidity"]


BAD_QUERIES: list[tuple[Any, str]] = [
    ({}, "empty payload"),
    ({"metadata": ["a"]}, "Invalid JSON payload, no relevant fields found"),
    ({"attrs": [], "foo": 1}, "Unrecognized field in JSON payload: /foo/"),
    ({"entities": {}}, "not a JSON array"),
    ({"entities": [{}]}, "nor /id/ nor /idPattern/ present"),
    ({"entities": [{"type": "T"}]}, "nor /id/ nor /idPattern/ present"),
    ({"entities": [{"id": "a", "idPattern": "b"}]}, "both /id/ and /idPattern/ present"),
    ({"entities": [{"idPattern": 1}]}, "Invalid JSON type for entity idPattern"),
    ({"entities": [{"idPattern": "("}]}, "Invalid regex for entity idPattern"),
    ({"entities": [{"idPattern": ""}]}, EMPTY_ID),
    ({"entities": [{"id": ""}]}, EMPTY_ID),
    ({"entities": [{"id": "a", "type": ""}]}, "entity type length: 0, min length supported: 1"),
    (
        {"entities": [{"id": "a", "typePattern": ""}]},
        "type and typePattern cannot be both empty at the same time",
    ),
    (
        {"entities": [{"id": "a", "type": "b", "typePattern": "c"}]},
        "type and typePattern cannot be both filled at the same time",
    ),
    (
        {"entities": [{"idPattern": "a", "typePattern": "("}]},
        "Invalid regex for entity typePattern",
    ),
    ({"attrs": {}}, "the field /attrs/ must be a JSON array"),
    ({"attrs": [1]}, "only JSON Strings allowed in attrs list"),
    ({"attrs": [], "metadata": [1]}, "only JSON Strings allowed in metadata list"),
    ({"expression": []}, "expression is not an object"),
    ({"expression": {}}, "expression is empty"),
    ({"expression": {"unknown": 1}}, "expression is empty"),
    ({"expression": {"q": ""}}, "q is empty"),
    ({"expression": {"q": 1}}, "q is not a string"),
    ({"expression": {"q": "a=="}}, "empty right-hand-side in q-item"),
]


@pytest.mark.parametrize(("body", "text"), BAD_QUERIES)
def test_bad_query_is_refused(broker: Broker, body: Any, text: str) -> None:
    assert broker.why("POST", QUERY, body) == (*BAD, text)


def test_notification_is_stored_like_append(rooms: Broker) -> None:
    body = {
        "subscriptionId": "5aeb0ee97d4ef10a12a0262f",
        "data": [entity("E1", c=3), entity("E3", a=1)],
    }
    answer = rooms.done("POST", NOTIFY, body, headers={"Ngsiv2-AttrsFormat": "normalized"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert everything(rooms)["E1"] == {"a": 1, "b": 1, "c": 3}
    assert everything(rooms)["E3"] == {"a": 1}


BAD_NOTIFICATIONS: list[tuple[Any, str]] = [
    ({}, "empty payload"),
    ({"data": []}, "invalid JSON payload, mandatory field /subscriptionId/ not found"),
    ({"subscriptionId": "a"}, "Invalid JSON payload, mandatory field /data/ not found"),
    ({"subscriptionId": 1, "data": []}, "/subscriptionId/ must be a JSON string"),
    ({"subscriptionId": "a", "data": {}}, "notification field /data/ must be a JSON array"),
    ({"subscriptionId": "a", "data": [1]}, "notification data vector item must be a JSON object"),
    (
        {"subscriptionId": "a", "data": [], "foo": 1},
        "Unrecognized field in JSON payload: /foo/",
    ),
]


@pytest.mark.parametrize(("body", "text"), BAD_NOTIFICATIONS)
def test_bad_notification_is_refused(broker: Broker, body: Any, text: str) -> None:
    assert broker.why("POST", NOTIFY, body) == (*BAD, text)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("keyValues", "attribute render format /keyValues/ not supported for notifications"),
        ("custom", "attribute render format /custom/ not supported for notifications"),
        ("foo", "invalid render format for notifications"),
    ],
)
def test_notification_in_another_form_is_refused(broker: Broker, form: str, text: str) -> None:
    body = {"subscriptionId": "a", "data": [entity("E")]}
    headers = {"Ngsiv2-AttrsFormat": form}
    assert broker.why("POST", NOTIFY, body, headers=headers) == (*BAD, text)
