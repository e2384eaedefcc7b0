"""NGSI-v2: what updates do to values, types and metadata; update operators.

Specification: "Update operators for attribute values", "Metadata update semantics", and the
operations under "Entity by ID", "Attributes" and "Attribute Value".
"""

from typing import Any

import pytest

from tests.integration.broker import Broker

ATTRS = "/v2/entities/E/attrs"
ATTRIBUTE = f"{ATTRS}/A"
BAD = (400, "BadRequest")

OPERATIONS: list[tuple[Any, Any, Any]] = [
    (10, {"$inc": 2}, 12),
    (10, {"$inc": -2.5}, 7.5),
    (0.5, {"$inc": 0.5}, 1),
    (0.1, {"$inc": 0.2}, 0.3),
    (1.1, {"$mul": 3}, 3.3),
    (9007199254740993, {"$inc": 1}, 9007199254740994),
    (10, {"$mul": 2}, 20),
    (10, {"$mul": 0.1}, 1),
    (10, {"$min": 2}, 2),
    (10, {"$min": 20}, 10),
    (10, {"$max": 12}, 12),
    (10, {"$max": 4}, 10),
    ("b", {"$min": "a"}, "a"),
    ("b", {"$max": "a"}, "b"),
    ([1, 2, 3], {"$push": 3}, [1, 2, 3, 3]),
    ([1, 2], {"$push": {"$each": [4, 5]}}, [1, 2, 4, 5]),
    ([1, 2], {"$push": {"$each": [-1, 0], "$position": 0}}, [-1, 0, 1, 2]),
    ([1, 2], {"$push": {"a": 1}}, [1, 2, {"a": 1}]),
    ([1], {"$push": [2]}, [1, [2]]),
    ([1, 2, 3], {"$addToSet": 4}, [1, 2, 3, 4]),
    ([1, 2, 3], {"$addToSet": 3}, [1, 2, 3]),
    ([1, 2, 3], {"$addToSet": {"$each": [3, 4]}}, [1, 2, 3, 4]),
    ([1, 2, 3, 2], {"$pull": 2}, [1, 3]),
    ([1, 2, 3, 2], {"$pullAll": [2, 3]}, [1]),
    ({"X": 1, "Y": 2}, {"$set": {"Y": 20, "Z": 30}}, {"X": 1, "Y": 20, "Z": 30}),
    ({}, {"$set": {"Y": 20}}, {"Y": 20}),
    ({"X": 1}, {"$set": "foo"}, "foo"),
    (1, {"$set": "foo"}, "foo"),
    ({"X": 1, "Y": 2}, {"$unset": {"X": 1}}, {"Y": 2}),
    ({"X": 1, "Y": 2}, {"$unset": {"X": None}}, {"Y": 2}),
    ({"X": 1}, {"$unset": {"Z": 1}}, {"X": 1}),
    ({"X": 1}, {"$unset": "X"}, {"X": 1}),
    ({"X": 1, "Y": 2}, {"$set": {"Y": 20, "Z": 30}, "$unset": {"X": 1}}, {"Y": 20, "Z": 30}),
    ({"X": 1, "Y": 2}, {"$unset": {"X": 1}, "$set": {"Z": 30}}, {"Y": 2, "Z": 30}),
]


@pytest.mark.parametrize(("before", "operation", "after"), OPERATIONS)
def test_operator_changes_the_present_value(
    broker: Broker, before: Any, operation: Any, after: Any
) -> None:
    broker.create("E", A={"value": before, "type": "X"})
    broker.done("PUT", ATTRIBUTE, {"value": operation, "type": "X"})
    assert broker.attribute("A") == {"value": after, "type": "X", "metadata": {}}


INCREMENT = {"$inc": 1}
BATCH = {"actionType": "update", "entities": [{"id": "E", "A": {"value": INCREMENT}}]}


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("PATCH", ATTRS, {"A": {"value": INCREMENT}}),
        ("POST", ATTRS, {"A": {"value": INCREMENT}}),
        ("PATCH", f"{ATTRS}?options=keyValues", {"A": INCREMENT}),
        ("PUT", f"{ATTRIBUTE}/value", INCREMENT),
        (
            "POST",
            "/v2/entities?options=upsert",
            {"id": "E", "type": "T", "A": {"value": INCREMENT}},
        ),
        ("POST", "/v2/op/update", BATCH),
        ("POST", "/v2/op/update", BATCH | {"actionType": "append"}),
    ],
)
def test_every_update_takes_operators(broker: Broker, method: str, url: str, body: Any) -> None:
    broker.simple("E", A=1)
    broker.done(method, url, body)
    assert broker.values() == {"A": 2}


CREATIONS: list[tuple[Any, Any]] = [
    ({"$inc": 4}, 4),
    ({"$mul": 1000}, 0),
    ({"$min": 5}, 0),
    ({"$min": -5}, -5),
    ({"$max": 5}, 5),
    ({"$max": -5}, 0),
    ({"$push": 4}, [4]),
    ({"$addToSet": 4}, [4]),
    ({"$set": {"X": 1}}, {"X": 1}),
]
IGNORED: list[Any] = [{"$pull": 1}, {"$pullAll": [1]}, {"$unset": {"X": 1}}]


@pytest.mark.parametrize(("operation", "value"), CREATIONS)
def test_operator_has_a_start_value_in_creation_and_replacement(
    broker: Broker, operation: Any, value: Any
) -> None:
    broker.create("E", A={"value": operation})
    assert broker.values() == {"A": value}
    broker.done("PUT", ATTRS, {"A": {"value": operation}})
    assert broker.values() == {"A": value}


@pytest.mark.parametrize("operation", IGNORED)
def test_removing_operator_makes_no_attribute(broker: Broker, operation: Any) -> None:
    broker.create("E", A={"value": operation}, B={"value": 3})
    assert broker.values() == {"B": 3}
    broker.done("PUT", ATTRS, {"A": {"value": operation}, "B": {"value": 4}})
    assert broker.values() == {"B": 4}


def test_epoch_is_the_start_value_of_dates(broker: Broker) -> None:
    date = "2020-01-01T00:00:00.000Z"
    broker.create(
        "E",
        A={"value": {"$min": date}, "type": "DateTime"},
        B={"value": {"$max": date}, "type": "DateTime"},
    )
    assert broker.values() == {"A": "1970-01-01T00:00:00.000Z", "B": date}
    broker.done("PUT", f"{ATTRS}/B", {"value": {"$min": "2019-01-01"}, "type": "DateTime"})
    assert broker.values()["B"] == "2019-01-01T00:00:00.000Z"
    broker.done("PUT", f"{ATTRS}/B", {"value": {"$max": "2018-01-01"}, "type": "DateTime"})
    assert broker.values()["B"] == "2019-01-01T00:00:00.000Z"


@pytest.mark.parametrize("operation", [{"$set": {"X": 1}}, {"$inc": 1}, {"$push": 1}])
def test_operator_on_a_new_attribute_of_an_entity(broker: Broker, operation: Any) -> None:
    broker.simple("E", B=1)
    broker.done("POST", ATTRS, {"A": {"value": operation}})
    assert broker.values()["A"] in ({"X": 1}, 1, [1])


@pytest.mark.parametrize(
    "operation",
    [
        {"$inc": "foo"},
        {"$mul": None},
        {"$inc": 1, "$mul": 10},
        {"$set": {"X": 20, "Z": 30}, "$unset": {"X": 1}},
        {"$pullAll": 1},
    ],
)
def test_operation_that_never_works_is_refused(broker: Broker, operation: Any) -> None:
    broker.simple("E", A=1)
    assert broker.refused("PUT", ATTRIBUTE, {"value": operation}) == BAD
    assert broker.refused("POST", "/v2/entities", {"id": "F", "A": {"value": operation}}) == BAD
    assert broker.values() == {"A": 1}


@pytest.mark.parametrize(
    ("before", "operation"),
    [("foo", {"$inc": 1}), ("foo", {"$push": 1}), ("foo", {"$set": {"X": 1}}), (1, {"$pull": 1})],
)
def test_operation_that_the_present_value_does_not_allow(
    broker: Broker, before: Any, operation: Any
) -> None:
    broker.simple("E", A=before)
    assert broker.refused("PUT", ATTRIBUTE, {"value": operation}) == (422, "Unprocessable")
    assert broker.values() == {"A": before}


@pytest.mark.parametrize(
    "value", [{"$foo": 1}, {"x": 1, "$inc": 1}, {"a": {"$inc": 1}}, [{"$inc": 1}]]
)
def test_dollar_elsewhere_means_nothing(broker: Broker, value: Any) -> None:
    broker.simple("E", A=1)
    broker.done("PUT", ATTRIBUTE, {"value": value})
    assert broker.values() == {"A": value}


UNIT = {"value": "celsius", "type": "Text"}
AVG = {"value": 25.4, "type": "Number"}


@pytest.fixture
def measured(broker: Broker) -> Broker:
    broker.create("E", A={"value": 25, "type": "Number", "metadata": {"unit": UNIT, "avg": AVG}})
    return broker


NEW_AVG, ACCURACY = {"value": 25.6, "type": "Number"}, {"value": 98.7, "type": "Number"}
REQUESTED = {"value": 26, "metadata": {"avg": NEW_AVG, "accuracy": ACCURACY}}


def _updates(attribute: Any, options: str = "") -> list[tuple[str, str, Any]]:
    """All ways to update the attribute A of E."""
    query = f"?options={options}" if options else ""
    batch = {"actionType": "append", "entities": [{"id": "E", "type": "T", "A": attribute}]}
    return [
        ("PUT", ATTRIBUTE + query, attribute),
        ("PATCH", ATTRS + query, {"A": attribute}),
        ("POST", ATTRS + query, {"A": attribute}),
        ("POST", "/v2/op/update" + query, batch),
        ("POST", "/v2/op/update" + query, batch | {"actionType": "update"}),
    ]


@pytest.mark.parametrize(("method", "url", "body"), _updates(REQUESTED))
def test_metadata_that_is_not_in_the_request_stays(
    measured: Broker, method: str, url: str, body: Any
) -> None:
    measured.done(method, url, body)
    assert measured.attribute("A") == {
        "value": 26,
        "type": "Number",
        "metadata": {"unit": UNIT, "avg": NEW_AVG, "accuracy": ACCURACY},
    }


@pytest.mark.parametrize(("method", "url", "body"), _updates(REQUESTED, "overrideMetadata"))
def test_override_metadata_replaces_it(measured: Broker, method: str, url: str, body: Any) -> None:
    measured.done(method, url, body)
    assert measured.attribute("A")["metadata"] == {"avg": NEW_AVG, "accuracy": ACCURACY}


@pytest.mark.parametrize("attribute", [{"value": 26}, {"value": 26, "metadata": {}}])
def test_override_metadata_without_metadata_clears_it(measured: Broker, attribute: Any) -> None:
    measured.done("PUT", f"{ATTRIBUTE}?options=overrideMetadata", attribute)
    assert measured.attribute("A") == {"value": 26, "type": "Number", "metadata": {}}


def test_value_update_leaves_type_and_metadata(measured: Broker) -> None:
    for options in ("", "?options=overrideMetadata"):
        measured.done("PUT", f"{ATTRIBUTE}/value{options}", '"new"')
        assert measured.attribute("A") == {
            "value": "new",
            "type": "Number",
            "metadata": {"unit": UNIT, "avg": AVG},
        }


def test_replacement_of_all_attributes_keeps_nothing(measured: Broker) -> None:
    measured.done("PUT", ATTRS, {"A": {"value": 1}, "B": {"value": 2}})
    assert measured.get(ATTRS) == {
        "A": {"value": 1, "type": "Number", "metadata": {}},
        "B": {"value": 2, "type": "Number", "metadata": {}},
    }


@pytest.mark.parametrize(("method", "url", "body"), _updates({"value": "x"}))
def test_type_follows_the_value_of_an_update(
    measured: Broker, method: str, url: str, body: Any
) -> None:
    measured.done(method, url, body)
    assert measured.attribute("A")["type"] == "Text"


def test_append_adds_and_updates(broker: Broker) -> None:
    broker.simple("E", A=1)
    answer = broker.done("POST", ATTRS, {"A": {"value": 2}, "B": {"value": 3}})
    assert (answer.status_code, answer.content) == (204, b"")
    assert broker.values() == {"A": 2, "B": 3}


@pytest.mark.parametrize(("query", "shown"), [("", "E"), ("type=T&", "E/T")])
def test_strict_append_only_adds(broker: Broker, query: str, shown: str) -> None:
    broker.simple("E", A=1, B=1)
    url = f"{ATTRS}?{query}options=append"
    text = f"one or more of the attributes in the request already exist: {shown} - [ "
    everything = {"A": {"value": 2}, "B": {"value": 2}}
    assert broker.why("POST", url, everything) == (422, "Unprocessable", text + "A, B ]")
    some = {"C": {"value": 2}, "B": {"value": 2}}
    answer = broker("POST", url, some)
    assert (answer.status_code, answer.json()["error"]) == (422, "PartialUpdate")
    assert answer.json()["description"] == text + "B ]"
    assert broker.values() == {"A": 1, "B": 1, "C": 2}
    assert broker.done("POST", url, {"D": {"value": 3}}).status_code == 204


@pytest.mark.parametrize(("query", "shown"), [("", "E"), ("?type=T", "E/T")])
def test_patch_only_updates(broker: Broker, query: str, shown: str) -> None:
    broker.simple("E", A=1, B=1)
    url = ATTRS + query
    nothing = {"C": {"value": 2}, "D": {"value": 2}}
    text = f"do not exist: {shown} - [ "
    assert broker.why("PATCH", url, nothing) == (422, "Unprocessable", text + "C, D ]")
    some = {"A": {"value": 2}, "C": {"value": 2}}
    assert broker.why("PATCH", url, some) == (422, "PartialUpdate", text + "C ]")
    assert broker.values() == {"A": 2, "B": 1}


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", "", None),
        ("GET", "/attrs", None),
        ("POST", "/attrs", {"A": {"value": 1}}),
        ("PATCH", "/attrs", {"A": {"value": 1}}),
        ("PUT", "/attrs", {"A": {"value": 1}}),
        ("DELETE", "", None),
        ("GET", "/attrs/A", None),
        ("PUT", "/attrs/A", {"value": 1}),
        ("DELETE", "/attrs/A", None),
        ("GET", "/attrs/A/value", None),
        ("PUT", "/attrs/A/value", "1"),
    ],
)
def test_entity_that_is_not_there(broker: Broker, method: str, url: str, body: Any) -> None:
    text = "The requested entity has not been found. Check type and id"
    broker.simple("E", "Other", A=1)
    assert broker.why(method, f"/v2/entities/F{url}", body) == (404, "NotFound", text)
    assert broker.why(method, f"/v2/entities/E{url}?type=T", body) == (404, "NotFound", text)


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", ATTRIBUTE, None),
        ("PUT", ATTRIBUTE, {"value": 1}),
        ("DELETE", ATTRIBUTE, None),
        ("GET", f"{ATTRIBUTE}/value", None),
        ("PUT", f"{ATTRIBUTE}/value", "1"),
    ],
)
def test_attribute_that_is_not_there(broker: Broker, method: str, url: str, body: Any) -> None:
    broker.simple("E", B=1)
    text = "The entity does not have such an attribute"
    assert broker.why(method, url, body) == (404, "NotFound", text)


def test_same_id_with_several_types_needs_the_type(broker: Broker) -> None:
    broker.simple("E", "T", A=1)
    broker.simple("E", "U", A=2)
    for method, url, body in [
        ("GET", "/v2/entities/E", None),
        ("GET", ATTRIBUTE, None),
        ("PATCH", ATTRS, {"A": {"value": 3}}),
        ("PUT", f"{ATTRIBUTE}/value", "3"),
        ("DELETE", "/v2/entities/E", None),
    ]:
        expected = (409, "TooManyResults")
        assert broker.refused(method, url, body) == expected
        broker.done(method, f"{url}?type=U", body)
    assert broker.get("/v2/entities?options=keyValues") == [{"id": "E", "type": "T", "A": 1}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"word"', "word"),
        ('""', ""),
        ('"12"', "12"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("12", 12),
        ("-1.5e3", -1500),
        ("23.0", 23),
    ],
)
def test_plain_text_is_read_as_a_value(broker: Broker, text: str, value: Any) -> None:
    broker.create("E", A={"value": "before", "type": "X"})
    broker.done("PUT", f"{ATTRIBUTE}/value", text)
    assert broker.attribute("A") == {"value": value, "type": "X", "metadata": {}}


@pytest.mark.parametrize("text", ["word", "12a", '"open', "{}", "1,2", "'a'"])
def test_plain_text_that_is_no_value_is_refused(broker: Broker, text: str) -> None:
    broker.simple("E", A="before")
    assert broker.refused("PUT", f"{ATTRIBUTE}/value", text) == BAD
    assert broker.values() == {"A": "before"}


@pytest.mark.parametrize("value", [{"a": [1, None]}, [], {}, [1, "x"]])
def test_json_object_or_array_is_a_value(broker: Broker, value: Any) -> None:
    broker.simple("E", A="before")
    broker.done("PUT", f"{ATTRIBUTE}/value", value)
    assert broker.get(f"{ATTRIBUTE}/value") == value
    assert broker.attribute("A")["type"] == "Text"


@pytest.mark.parametrize("body", [b"1", b'"a"', b"true", b"null"])
def test_json_scalar_is_no_value(broker: Broker, body: bytes) -> None:
    broker.simple("E", A="before")
    answer = broker("PUT", f"{ATTRIBUTE}/value", body.decode(), headers=JSON)
    assert answer.status_code == 400
    assert broker.values() == {"A": "before"}


JSON = {"Content-Type": "application/json"}


def test_creation_is_201_then_already_exists(broker: Broker) -> None:
    body = {"id": "Bcn-Welt", "type": "Room", "temperature": {"value": 21.7}}
    answer = broker.done("POST", "/v2/entities", body)
    assert answer.status_code == 201
    assert answer.headers["location"] == "/v2/entities/Bcn-Welt?type=Room"
    assert broker.why("POST", "/v2/entities", body) == (422, "Unprocessable", "Already Exists")
    other = broker.done("POST", "/v2/entities", body | {"type": "Hall"})
    assert other.headers["location"] == "/v2/entities/Bcn-Welt?type=Hall"


def test_upsert_updates_what_exists(broker: Broker) -> None:
    broker.create("E", A={"value": 1, "metadata": {"unit": UNIT}}, B={"value": 1})
    body = {"id": "E", "type": "T", "A": {"value": 2}, "C": {"value": 3}}
    assert broker.done("POST", "/v2/entities?options=upsert", body).status_code == 204
    assert broker.values() == {"A": 2, "B": 1, "C": 3}
    assert broker.attribute("A")["metadata"] == {"unit": UNIT}


def test_deletion(broker: Broker) -> None:
    broker.simple("E", A=1, B=2)
    answer = broker.done("DELETE", ATTRIBUTE)
    assert (answer.status_code, answer.content) == (204, b"")
    assert broker.values() == {"B": 2}
    answer = broker.done("DELETE", "/v2/entities/E")
    assert (answer.status_code, answer.content) == (204, b"")
    assert broker.ids() == []
