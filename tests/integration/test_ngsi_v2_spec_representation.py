"""NGSI-v2: JSON representation of entities and attributes, and what identifiers may hold.

Specification: "JSON Entity Representation", "JSON Attribute Representation", "Simplified Entity
Representation", "Partial Representations", "General syntax restrictions", "Identifiers syntax
restrictions", "Attribute names restrictions", "Special Attribute Types".
"""

from typing import Any

import pytest

from tests.integration.broker import Broker

ATTRS = "/v2/entities/E/attrs"
BAD = (400, "BadRequest")
FORBIDDEN = "<>\"'=;()"
FORBIDDEN_IN_IDENTIFIERS = FORBIDDEN + "&?/# \t\nñ\x7f"


def test_normalized_entity_has_id_type_and_whole_attributes(broker: Broker) -> None:
    attribute = {
        "value": 2,
        "type": "Celsius",
        "metadata": {"accuracy": {"value": 0.9, "type": "Percentage"}},
    }
    broker.create("E", temperature=attribute)
    assert broker.get("/v2/entities/E") == {"id": "E", "type": "T", "temperature": attribute}


def test_values_come_in_the_order_of_attrs(broker: Broker) -> None:
    broker.simple("E", "Car", branch="Ford", colour="black", engine=78.3)
    url = "/v2/entities/E?attrs=engine,branch,colour&options="
    assert broker.get(url + "values") == [78.3, "Ford", "black"]


def test_unique_values_are_not_repeated(broker: Broker) -> None:
    broker.simple("E", a=1, b="x", c=1, d="x", e=[1], f=[1], g=True)
    assert broker.get("/v2/entities/E?options=unique&attrs=a,b,c,d,e,f,g") == [1, "x", [1], True]
    assert broker.get("/v2/entities?options=unique&attrs=b,d") == [["x"]]


def test_attributes_come_in_the_order_of_attrs(broker: Broker) -> None:
    broker.simple("E", a=1, b=2, c=3)
    assert list(broker.get("/v2/entities/E?attrs=c,a")) == ["id", "type", "c", "a"]
    assert list(broker.get("/v2/entities?attrs=c,a")[0]) == ["id", "type", "c", "a"]


def test_entity_without_type_is_a_thing(broker: Broker) -> None:
    broker.done("POST", "/v2/entities", {"id": "E"})
    assert broker.get("/v2/entities/E") == {"id": "E", "type": "Thing"}


DEFAULTS = [
    ("text", "Text"),
    (1, "Number"),
    (1.5, "Number"),
    (True, "Boolean"),
    (False, "Boolean"),
    ({"a": 1}, "StructuredValue"),
    ([1, 2], "StructuredValue"),
    ({}, "StructuredValue"),
    ([], "StructuredValue"),
    (None, "None"),
]


@pytest.mark.parametrize(("value", "type"), DEFAULTS)
def test_type_left_out_follows_the_value(broker: Broker, value: Any, type: str) -> None:
    shown = {"value": value, "type": type, "metadata": {}}
    broker.create("E", a={"value": value})
    assert broker.attribute("a") == shown
    broker.done("POST", ATTRS, {"b": {"value": value}})
    assert broker.attribute("b") == shown
    broker.done("PATCH", ATTRS, {"a": {"value": value}})
    assert broker.attribute("a") == shown
    broker.done("PUT", f"{ATTRS}/a", {"value": value})
    assert broker.attribute("a") == shown
    broker.done("PUT", ATTRS, {"c": {"value": value}})
    assert broker.attribute("c") == shown


@pytest.mark.parametrize(("value", "type"), DEFAULTS)
def test_metadata_type_left_out_follows_the_value(broker: Broker, value: Any, type: str) -> None:
    broker.create("E", a={"value": 1, "metadata": {"m": {"value": value}}})
    assert broker.attribute("a")["metadata"] == {"m": {"value": value, "type": type}}


@pytest.mark.parametrize("options", ["keyValues", "keyValues,upsert"])
def test_key_values_create_typed_attributes(broker: Broker, options: str) -> None:
    body = {"id": "E", "type": "T", "a": "x", "b": 1, "c": {"value": 1, "type": "y"}, "d": None}
    broker.done("POST", f"/v2/entities?options={options}", body)
    types = {name: broker.attribute(name)["type"] for name in "abcd"}
    assert types == {"a": "Text", "b": "Number", "c": "StructuredValue", "d": "None"}
    assert broker.values() == {"a": "x", "b": 1, "c": {"value": 1, "type": "y"}, "d": None}


def test_value_left_out_is_null(broker: Broker) -> None:
    broker.create("E", a={"type": "X"}, b={}, c={"metadata": {"m": {}}})
    assert broker.attribute("a") == {"type": "X", "value": None, "metadata": {}}
    assert broker.attribute("b") == {"type": "None", "value": None, "metadata": {}}
    assert broker.attribute("c")["metadata"] == {"m": {"type": "None", "value": None}}
    broker.done("PATCH", ATTRS, {"a": {"type": "Y"}})
    assert broker.attribute("a") == {"type": "Y", "value": None, "metadata": {}}


@pytest.mark.parametrize("member", ["id", "type"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_identity_cannot_be_updated(broker: Broker, method: str, member: str) -> None:
    broker.simple("E", a=1)
    answer = broker.why(method, ATTRS, {member: "x", "a": {"value": 2}})
    assert answer == (*BAD, f"entity {member} specified in payload")
    assert broker.values() == {"a": 1}


@pytest.mark.parametrize("character", FORBIDDEN)
def test_forbidden_character_in_a_value_is_refused(broker: Broker, character: str) -> None:
    text = f"a{character}b"
    for value in (text, [text], {"m": {"n": [text]}}):
        body = {"id": "E", "type": "T", "a": {"value": value}}
        expected = (*BAD, "Invalid characters in attribute value")
        assert broker.why("POST", "/v2/entities", body) == expected
        simple = {"id": "E", "type": "T", "a": value}
        assert broker.refused("POST", "/v2/entities?options=keyValues", simple) == BAD
    metadata = {"m": {"value": text}}
    body = {"id": "E", "type": "T", "a": {"value": 1, "metadata": metadata}}
    expected = (*BAD, "Invalid characters in metadata value")
    assert broker.why("POST", "/v2/entities", body) == expected
    assert broker.ids() == []


@pytest.mark.parametrize("character", FORBIDDEN)
def test_unrestricted_text_takes_every_character(broker: Broker, character: str) -> None:
    text = f"a{character}b"
    marker = {"TextUnrestricted": {"type": "Boolean", "value": True}}
    broker.create("E", a={"type": "TextUnrestricted", "value": text})
    broker.done("POST", ATTRS, {"b": {"type": "Funny", "value": [text], "metadata": marker}})
    assert broker.values() == {"a": text, "b": [text]}


@pytest.mark.parametrize(
    "marker",
    [
        {"TextUnrestricted": {"type": "Boolean", "value": False}},
        {"TextUnrestricted": {"type": "Text", "value": "true"}},
        {"textunrestricted": {"type": "Boolean", "value": True}},
    ],
)
def test_other_metadata_lifts_no_restriction(broker: Broker, marker: Any) -> None:
    attribute = {"type": "Funny", "value": "a=b", "metadata": marker}
    assert broker.refused("POST", "/v2/entities", {"id": "E", "a": attribute}) == BAD


def test_characters_of_member_names_inside_a_value_are_free(broker: Broker) -> None:
    value = {"a<b": 1, "x=y;(z)": {"'": 2}, "$": 1, "a.b": 3}
    broker.create("E", a={"value": value})
    assert broker.values() == {"a": value}


def _bodies(text: str) -> dict[str, Any]:
    """Entities whose one identifier is the text, by what the identifier is."""
    return {
        "entity id": {"id": text, "type": "T"},
        "entity type": {"id": "E", "type": text},
        "attribute name": {"id": "E", text: {"value": 1}},
        "attribute type": {"id": "E", "a": {"value": 1, "type": text}},
        "metadata name": {"id": "E", "a": {"value": 1, "metadata": {text: {"value": 1}}}},
        "metadata type": {
            "id": "E",
            "a": {"value": 1, "metadata": {"m": {"value": 1, "type": text}}},
        },
    }


IDENTIFIERS = list(_bodies("x"))


@pytest.mark.parametrize("what", IDENTIFIERS)
@pytest.mark.parametrize("character", FORBIDDEN_IN_IDENTIFIERS)
def test_forbidden_character_in_an_identifier(broker: Broker, character: str, what: str) -> None:
    body = _bodies(f"a{character}b")[what]
    expected = (*BAD, f"Invalid characters in {what}")
    assert broker.why("POST", "/v2/entities", body) == expected


@pytest.mark.parametrize("what", IDENTIFIERS)
def test_identifiers_have_1_to_256_characters(broker: Broker, what: str) -> None:
    broker.done("POST", "/v2/entities", _bodies("x" * 256)[what])
    assert broker.why("POST", "/v2/entities", _bodies("x" * 257)[what]) == (
        *BAD,
        f"{what} length: 257, max length supported: 256",
    )
    assert broker.why("POST", "/v2/entities", _bodies("")[what]) == (
        *BAD,
        f"{what} length: 0, min length supported: 1",
    )


@pytest.mark.parametrize("what", IDENTIFIERS)
@pytest.mark.parametrize("text", ["a:b-c.d_e", "!$%*+,@[]^`{|}~", "urn:ngsi-ld:T:001", "1"])
def test_other_printable_ascii_is_an_identifier(broker: Broker, text: str, what: str) -> None:
    broker.done("POST", "/v2/entities", _bodies(text)[what])


@pytest.mark.parametrize("name", ["geo:distance", "*"])
def test_reserved_attribute_names_are_refused(broker: Broker, name: str) -> None:
    assert broker.refused("POST", "/v2/entities", {"id": "E", name: {"value": 1}}) == BAD


def test_reserved_metadata_name_is_refused(broker: Broker) -> None:
    attribute = {"value": 1, "metadata": {"*": {"value": 1}}}
    assert broker.refused("POST", "/v2/entities", {"id": "E", "a": attribute}) == BAD


def test_id_with_a_percent_sign_is_addressed_by_its_encoding(broker: Broker) -> None:
    broker.create("E%3C01%3E", a={"value": 1})
    assert broker.get("/v2/entities/E%253C01%253E")["id"] == "E%3C01%3E"


MALFORMED: list[tuple[Any, str]] = [
    ({"id": "E", "a": 1}, "attribute must be a JSON object, unless keyValues option is used"),
    ({"id": "E", "a": "x"}, "attribute must be a JSON object, unless keyValues option is used"),
    ({"id": "E", "a": [1]}, "attribute must be a JSON object, unless keyValues option is used"),
    ({"id": "E", "a": {"value": 1, "x": 1}}, "unrecognized property for context attribute"),
    ({"id": "E", "a": {"type": 1}}, "invalid JSON type for attribute type"),
    ({"id": "E", "a": {"metadata": []}}, "metadata not a JSON object"),
    ({"id": "E", "a": {"metadata": {"m": 1}}}, "metadata must be a JSON object"),
    (
        {"id": "E", "a": {"metadata": {"m": {"x": 1}}}},
        "invalid JSON field for attribute metadata",
    ),
    (
        {"id": "E", "a": {"metadata": {"m": {"type": 1}}}},
        "invalid JSON type for attribute metadata type",
    ),
    ({"id": 1}, "Invalid JSON type for entity id"),
    ({"id": "E", "type": None}, "Invalid JSON type for entity type"),
]


@pytest.mark.parametrize(("body", "text"), MALFORMED)
def test_malformed_representation_is_refused(broker: Broker, body: Any, text: str) -> None:
    assert broker.why("POST", "/v2/entities", body) == (*BAD, text)
    assert broker.ids() == []


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def test_value_nested_deeper_than_50_levels_is_refused(broker: Broker) -> None:
    broker.create("E", a={"value": _nested(50)})
    assert broker.values() == {"a": _nested(50)}
    expected = (
        400,
        "ParseError",
        "attribute or metadata value has overpassed maximum nesting limit: 50",
    )
    deep = {"value": _nested(60)}
    assert broker.why("POST", ATTRS, {"a": deep}) == expected
    assert broker.why("PUT", f"{ATTRS}/a", deep) == expected
    assert broker.why("PUT", f"{ATTRS}/a/value", deep["value"]) == expected
    assert broker.values() == {"a": _nested(50)}


def test_numbers_keep_their_value(broker: Broker) -> None:
    values: dict[str, Any] = {
        "a": 1.0,
        "b": 0.1,
        "c": -1e-7,
        "d": 1e20,
        "e": 9007199254740993,
        "f": 0,
    }
    broker.simple("E", **values)
    assert broker.values() == values


def test_text_keeps_every_other_character(broker: Broker) -> None:
    text = "ñ € 日本 \\ \t\n\r {} [] & ? / # % + 😀"
    broker.simple("E", a=text)
    assert broker.values() == {"a": text}
