"""Request bodies of entities and attributes: what they become, and how bad ones are refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.document import Attribute
from city.errors import InvalidRequest, Malformed
from city.json import Json
from context.ngsi_v2.body import read_json
from context.ngsi_v2.identifiers import check_identifier, check_in_url
from context.ngsi_v2.payload import (
    IncomingEntity,
    read_attribute,
    read_attributes,
    read_batch_entity,
    read_entity,
    read_value,
)

FORBIDDEN = "<>\"'=;()"
TOO_LONG = "x" * 257


def _nested(depth: int) -> Json:
    value: Json = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def test_entity_is_read_with_types_values_and_metadata() -> None:
    entity = read_entity(
        {
            "id": "Room1",
            "type": "Room",
            "temperature": {
                "value": 23.5,
                "type": "Celsius",
                "metadata": {"accuracy": {"value": 0.8, "type": "Float"}, "by": {"value": "x"}},
            },
        }
    )

    metadata = {"accuracy": Attribute("Float", 0.8), "by": Attribute("Text", "x")}
    assert entity == IncomingEntity(
        "Room1", "Room", {"temperature": Attribute("Celsius", 23.5, metadata)}
    )


@pytest.mark.parametrize(
    ("value", "type"),
    [
        ("a", "Text"),
        (1, "Number"),
        (1.5, "Number"),
        (True, "Boolean"),
        (None, "None"),
        ({}, "StructuredValue"),
        ([1], "StructuredValue"),
        ({"$inc": 1}, "StructuredValue"),
    ],
)
@pytest.mark.parametrize("key_values", [True, False])
def test_types_left_out_follow_from_the_value(value: Json, type: str, key_values: bool) -> None:
    body: Json = {"A": value if key_values else {"value": value}}

    assert read_attributes(body, key_values=key_values) == {"A": Attribute(type, value)}


def test_entity_without_type_is_a_thing() -> None:
    assert read_entity({"id": "E"}).type == "Thing"


def test_batch_entity_may_leave_its_type_open() -> None:
    assert read_batch_entity({"id": "E"}).type is None


def test_attribute_without_value_is_null() -> None:
    assert read_attribute("A", {}) == Attribute("None", None)
    assert read_attribute("A", {"type": "Number"}) == Attribute("Number", None)


@pytest.mark.parametrize("type", ["DateTime", "ISO8601"])
def test_dates_become_canonical(type: str) -> None:
    body: Json = {
        "value": "2020-01-01T10+02",
        "type": type,
        "metadata": {"at": {"type": type, "value": "2020-01-01"}},
    }

    attribute = read_attribute("A", body)

    assert attribute.value == "2020-01-01T08:00:00.000Z"
    assert attribute.metadata["at"] == Attribute(type, "2020-01-01T00:00:00.000Z")


def test_a_date_can_be_null_or_a_maximum() -> None:
    assert read_attribute("A", {"type": "DateTime"}).value is None
    body: Json = {"type": "DateTime", "value": {"$max": "2020-01-01"}}
    assert read_attribute("A", body).value == {"$max": "2020-01-01T00:00:00.000Z"}


def test_the_end_of_an_entity_is_a_date_in_every_form() -> None:
    expected = {"dateExpires": Attribute("DateTime", "2030-01-01T00:00:00.000Z")}
    forms: list[tuple[Json, bool]] = [
        ({"dateExpires": {"value": "2030-01-01", "type": "DateTime"}}, False),
        ({"dateExpires": {"value": "2030-01-01"}}, False),
        ({"dateExpires": "2030-01-01"}, True),
    ]
    for body, key_values in forms:
        assert read_attributes(body, key_values=key_values) == expected


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ({"value": "soon", "type": "DateTime"}, "date has invalid format in attribute value"),
        ({"value": 5, "type": "DateTime"}, "date has invalid format in attribute value"),
        ({"value": "2030-01-01", "type": "Text"}, "dateExpires must be of type DateTime"),
        (
            {"value": "2030-01-01", "metadata": {"a": {"value": 1}}},
            "dateExpires cannot have metadata",
        ),
    ],
)
def test_bad_end_of_an_entity_is_refused(attribute: Json, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        read_attributes({"dateExpires": attribute})


@pytest.mark.parametrize("character", FORBIDDEN)
@pytest.mark.parametrize("shape", [lambda text: text, lambda text: {"a": [{"b": text}]}])
def test_forbidden_characters_in_values_are_refused_at_any_depth(
    character: str, shape: object
) -> None:
    assert callable(shape)
    value = shape(f"a{character}b")

    with pytest.raises(InvalidRequest, match="Invalid characters in attribute value"):
        read_attribute("A", {"value": value})


@pytest.mark.parametrize("character", FORBIDDEN)
def test_forbidden_characters_in_metadata_are_refused_in_texts_only(character: str) -> None:
    text = f"a{character}b"
    with pytest.raises(InvalidRequest, match="Invalid characters in metadata value"):
        read_attribute("A", {"metadata": {"m": {"value": text}}})
    attribute = read_attribute("A", {"metadata": {"m": {"value": {"a": [text]}}}})
    assert attribute.metadata["m"].value == {"a": [text]}


def test_member_names_inside_values_may_have_any_characters() -> None:
    value: Json = {"k<": 1, "$date": 2, "": 3}
    assert read_attribute("A", {"value": value}).value == value


@pytest.mark.parametrize(
    "extra",
    [{"type": "TextUnrestricted"}, {"metadata": {"TextUnrestricted": {"value": True}}}],
)
def test_unrestricted_text_may_have_any_characters(extra: dict[str, Json]) -> None:
    body: Json = {"value": ["<script>", FORBIDDEN], **extra}
    assert read_attribute("A", body).value == ["<script>", FORBIDDEN]


@pytest.mark.parametrize("marker", ["true", 1, False, None])
def test_only_the_boolean_true_lifts_the_restriction(marker: Json) -> None:
    metadata: Json = {"TextUnrestricted": {"value": marker}}
    with pytest.raises(InvalidRequest, match="Invalid characters in attribute value"):
        read_attribute("A", {"value": "a=b", "metadata": metadata})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "entity id length: 0, min length supported: 1"),
        ({"type": "T"}, "entity id length: 0, min length supported: 1"),
        ({"id": ""}, "entity id length: 0, min length supported: 1"),
        ({"id": 5}, "Invalid JSON type for entity id"),
        ({"id": None}, "Invalid JSON type for entity id"),
        ({"id": "a b"}, "Invalid characters in entity id"),
        ({"id": "a/b"}, "Invalid characters in entity id"),
        ({"id": "é"}, "Invalid characters in entity id"),
        ({"id": TOO_LONG}, "entity id length: 257, max length supported: 256"),
        ({"id": "E", "type": ""}, "entity type length: 0, min length supported: 1"),
        ({"id": "E", "type": 7}, "Invalid JSON type for entity type"),
        ({"id": "E", "type": None}, "Invalid JSON type for entity type"),
        ({"id": "E", "type": "T;"}, "Invalid characters in entity type"),
        ({"id": "E", "type": TOO_LONG}, "entity type length: 257, max length supported: 256"),
        ({"id": "E", "A": 1}, "attribute must be a JSON object, unless keyValues option is used"),
        ({"id": "E", "": {}}, "attribute name length: 0, min length supported: 1"),
        ({"id": "E", "a b": {}}, "Invalid characters in attribute name"),
        ({"id": "E", TOO_LONG: {}}, "attribute name length: 257, max length supported: 256"),
        ({"id": "E", "*": {}}, "attribute name not allowed"),
        ({"id": "E", "geo:distance": {}}, "attribute name not allowed: geo:distance"),
        ({"id": "E", "A": {"type": 1}}, "invalid JSON type for attribute type"),
        ({"id": "E", "A": {"type": ""}}, "attribute type length: 0, min length supported: 1"),
        ({"id": "E", "A": {"type": "a&b"}}, "Invalid characters in attribute type"),
        (
            {"id": "E", "A": {"type": TOO_LONG}},
            "attribute type length: 257, max length supported: 256",
        ),
        ({"id": "E", "A": {"v": 1}}, "unrecognized property for context attribute"),
        ({"id": "E", "A": {"value": {"$inc": "x"}}}, "\\$inc takes a number"),
        ({"id": "E", "A": {"metadata": []}}, "metadata not a JSON object"),
        ({"id": "E", "A": {"metadata": None}}, "metadata not a JSON object"),
        ({"id": "E", "A": {"metadata": {"m": 1}}}, "metadata must be a JSON object"),
        (
            {"id": "E", "A": {"metadata": {"m": {"metadata": {}}}}},
            "invalid JSON field for attribute metadata",
        ),
        (
            {"id": "E", "A": {"metadata": {"m": {"type": {}}}}},
            "invalid JSON type for attribute metadata type",
        ),
        ({"id": "E", "A": {"metadata": {"": {}}}}, "metadata name length: 0, min length"),
        ({"id": "E", "A": {"metadata": {"m n": {}}}}, "Invalid characters in metadata name"),
        ({"id": "E", "A": {"metadata": {"*": {}}}}, "metadata name not allowed"),
        (
            {"id": "E", "A": {"metadata": {"m": {"type": "("}}}},
            "Invalid characters in metadata type",
        ),
        (
            {"id": "E", "A": {"metadata": {"m": {"type": "DateTime", "value": "x"}}}},
            "date has invalid format in metadata value",
        ),
        (
            {"id": "E", "A": {"type": "DateTime", "value": {"$inc": 1}}},
            "date has invalid format in attribute value",
        ),
        (
            {"id": "E", "A": {"type": "geo:json", "value": [1, 2]}},
            "geo:json needs an object or null as value",
        ),
    ],
)
def test_bad_entity_is_refused_by_name(body: Json, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        read_entity(body)


@pytest.mark.parametrize("body", [[], "E", 5, None, True])
def test_body_that_is_no_object_is_malformed(body: Json) -> None:
    for read in (read_entity, read_attributes, lambda body: read_attribute("A", body)):
        with pytest.raises(Malformed, match="Errors found in incoming JSON buffer"):
            read(body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "empty payload"),
        ({"id": "E", "A": {}}, "entity id specified in payload"),
        ({"type": "T", "A": {}}, "entity type specified in payload"),
    ],
)
def test_attributes_name_no_entity(body: Json, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        read_attributes(body)


@pytest.mark.parametrize("name", ["id", "type", "*", "geo:distance"])
def test_reserved_name_cannot_be_put_as_attribute(name: str) -> None:
    with pytest.raises(InvalidRequest, match="attribute name not allowed"):
        read_attribute(name, {"value": 1})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"id":"E","A":{},"A":{}}', "duplicated attribute /A/"),
        (b'{"id":"E","A":{"value":1,"value":2}}', "duplicated value key in attribute"),
        (b'{"id":"E","A":{"metadata":{"m":{},"m":{}}}}', "duplicated metadata /m/"),
        (b'{"id":"E","A":{"value":[{"x":1,"x":2}]}}', "duplicated tag-name: /x/"),
        (b'{"id":"E","A":{"metadata":{"m":{"value":1,"value":1}}}}', "invalid JSON field"),
    ],
)
def test_member_given_twice_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        read_entity(read_json(body))


def test_nesting_has_a_limit() -> None:
    read_attribute("A", {"value": _nested(51)})
    read_value(_nested(51))
    too_deep: list[Json] = [{"value": _nested(52)}, {"metadata": {"m": {"value": _nested(52)}}}]
    for body in too_deep:
        with pytest.raises(Malformed, match="overpassed maximum nesting limit: 50"):
            read_attribute("A", body)
    with pytest.raises(Malformed, match="overpassed maximum nesting limit: 50"):
        read_attributes({"A": _nested(52)}, key_values=True)


@pytest.mark.parametrize("body", ["text", 5, None, True])
def test_value_as_json_must_be_an_object_or_an_array(body: Json) -> None:
    with pytest.raises(InvalidRequest, match="Neither JSON Object nor JSON Array"):
        read_value(body)


def test_value_as_json_may_be_an_operation_but_not_a_wrong_one() -> None:
    assert read_value({"$inc": 1}) == {"$inc": 1}
    with pytest.raises(InvalidRequest, match="\\$inc takes a number"):
        read_value({"$inc": "1"})
    with pytest.raises(InvalidRequest, match="Invalid characters in attribute value"):
        read_value(["a=b"])


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (5, "entity is not a JSON object"),
        ({"type": "T"}, "nor /id/ nor /idPattern/ present"),
        ({"id": "E", "idPattern": "E.*"}, "both /id/ and /idPattern/ present"),
        ({"id": "E", "type": ""}, "entity type length: 0, min length supported: 1"),
    ],
)
def test_bad_batch_entity_is_refused(item: Json, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        read_batch_entity(item)


@given(st.text(min_size=1, max_size=256))
def test_identifier_is_printable_ascii_without_special_characters(text: str) -> None:
    legal = all("!" <= character <= "~" for character in text)
    legal = legal and not set(text) & set(FORBIDDEN + "&?/#")
    for check in (lambda text: check_identifier(text, "entity id"), check_in_url):
        if legal:
            check(text)
        else:
            with pytest.raises(InvalidRequest, match="nvalid character"):
                check(text)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_body_is_more_than_refused(body: bytes) -> None:
    try:
        entity = read_entity(read_json(body))
    except InvalidRequest:
        return
    assert entity.id == json.loads(body)["id"]
