"""How entities are shown, and which attributes and metadata a projection shows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.document import Attribute, Entity, Identity, same_json
from city.errors import NotFound
from city.json import Json, dump
from city.tenancy import DEFAULT_TENANT, ServicePath
from context.ngsi_v2 import render, updates
from context.ngsi_v2.body import read_json
from context.ngsi_v2.payload import read_entity
from context.ngsi_v2.render import Extras, Projection

SECOND = 1_000_000
IDENTITY = Identity(DEFAULT_TENANT, "E", "T", ServicePath("/parks/north/"))
UNIT = Attribute("Text", "C")
ROOM = Entity(
    IDENTITY,
    {
        "temperature": Attribute("Number", 21, {"unit": UNIT}, created=SECOND, modified=2 * SECOND),
        "name": Attribute("Text", "kitchen", created=SECOND, modified=SECOND),
        "other": Attribute("Text", "kitchen", created=SECOND, modified=SECOND),
    },
    created=SECOND,
    modified=3 * SECOND,
    expires=4 * SECOND,
)
DATE_1 = {"type": "DateTime", "value": "1970-01-01T00:00:01.000Z"}
DATE_2 = {"type": "DateTime", "value": "1970-01-01T00:00:02.000Z"}
DATE_3 = {"type": "DateTime", "value": "1970-01-01T00:00:03.000Z"}
DATE_4 = {"type": "DateTime", "value": "1970-01-01T00:00:04.000Z"}
POINT: Json = {"type": "Point", "coordinates": [1, 2]}


def names(
    projection: Projection, entity: Entity = ROOM, extras: Extras = render.NO_EXTRAS
) -> list[str]:
    return list(render.visible(entity, projection, extras))


def test_normalized_form() -> None:
    assert render.normalized(
        replace(ROOM, attributes={"temperature": ROOM.attributes["temperature"]})
    ) == {
        "id": "E",
        "type": "T",
        "temperature": {
            "type": "Number",
            "value": 21,
            "metadata": {"unit": {"type": "Text", "value": "C"}},
        },
    }


def test_simplified_forms() -> None:
    assert render.key_values(ROOM) == {
        "id": "E",
        "type": "T",
        "temperature": 21,
        "name": "kitchen",
        "other": "kitchen",
    }
    assert render.values(ROOM) == [21, "kitchen", "kitchen"]
    assert render.unique(ROOM) == [21, "kitchen"]
    assert render.values(ROOM, Projection(attrs=("name", "temperature"))) == ["kitchen", 21]


def attributes(entity: Entity, projection: Projection) -> dict[str, Json]:
    """The normalized form without the identity."""
    shown = render.normalized(entity, projection)
    return {name: shown[name] for name in shown if name not in {"id", "type"}}


@pytest.mark.parametrize(
    ("attrs", "shown"),
    [
        ((), ["temperature", "name", "other"]),
        (("name", "temperature"), ["name", "temperature"]),
        (("name", "missing"), ["name"]),
        (("missing",), []),
        (("*",), ["temperature", "name", "other"]),
        (("dateModified",), ["dateModified"]),
        (("dateModified", "*"), ["temperature", "name", "other", "dateModified"]),
        (("name", "*"), ["temperature", "name", "other"]),
        (("dateExpires", "name"), ["dateExpires", "name"]),
        (("alterationType",), []),
    ],
)
def test_attrs_select_and_order(attrs: tuple[str, ...], shown: list[str]) -> None:
    assert names(Projection(attrs=attrs)) == shown


def test_builtin_attributes() -> None:
    every = ("dateCreated", "dateModified", "dateExpires", "servicePath")
    shown = attributes(ROOM, Projection(attrs=every))

    assert shown == {
        "dateCreated": {**DATE_1, "metadata": {}},
        "dateModified": {**DATE_3, "metadata": {}},
        "dateExpires": {**DATE_4, "metadata": {}},
        "servicePath": {"type": "Text", "value": "/parks/north", "metadata": {}},
    }


def test_entity_without_end_has_no_date_expires() -> None:
    assert names(Projection(attrs=("dateExpires",)), replace(ROOM, expires=None)) == []


def test_what_the_user_defined_wins_over_the_builtin() -> None:
    own = Attribute("Text", "yesterday", {"dateCreated": Attribute("Text", "never")})
    entity = replace(ROOM, attributes={"dateModified": own})

    assert render.key_values(entity)["dateModified"] == "yesterday"
    projection = Projection(attrs=("dateModified",), metadata=("dateCreated",))
    assert attributes(entity, projection) == {
        "dateModified": {
            "type": "Text",
            "value": "yesterday",
            "metadata": {"dateCreated": {"type": "Text", "value": "never"}},
        }
    }


@pytest.mark.parametrize(
    ("metadata", "shown"),
    [
        ((), {"unit": {"type": "Text", "value": "C"}}),
        (("dateCreated",), {"dateCreated": DATE_1}),
        (
            ("dateModified", "*"),
            {"unit": {"type": "Text", "value": "C"}, "dateModified": DATE_2},
        ),
        (("missing",), {}),
        (("previousValue", "unit"), {"unit": {"type": "Text", "value": "C"}}),
    ],
)
def test_metadata_select(metadata: tuple[str, ...], shown: Json) -> None:
    assert render.attribute(ROOM, "temperature", metadata)["metadata"] == shown


def test_builtin_attributes_have_no_builtin_metadata() -> None:
    projection = Projection(attrs=("dateCreated",), metadata=("dateCreated",))
    assert attributes(ROOM, projection) == {"dateCreated": {**DATE_1, "metadata": {}}}


def test_excluded_attributes_are_left_out_and_builtins_never_added() -> None:
    assert names(Projection(except_attrs=("name", "dateCreated"))) == ["temperature", "other"]


def test_notifications_add_builtins_of_their_own() -> None:
    extras = Extras(
        {"alterationType": Attribute("Text", "entityChange")},
        {"temperature": {"previousValue": Attribute("Number", 20)}},
    )
    projection = Projection(
        attrs=("temperature", "alterationType"), metadata=("previousValue", "actionType")
    )

    assert render.normalized(ROOM, projection, extras) == {
        "id": "E",
        "type": "T",
        "temperature": {
            "type": "Number",
            "value": 21,
            "metadata": {"previousValue": {"type": "Number", "value": 20}},
        },
        "alterationType": {"type": "Text", "value": "entityChange", "metadata": {}},
    }
    assert names(render.EVERYTHING, ROOM, extras) == ["temperature", "name", "other"]


def test_one_attribute_and_the_end_of_an_entity_are_found_by_name() -> None:
    assert render.attribute(ROOM, "name") == {"type": "Text", "value": "kitchen", "metadata": {}}
    assert render.attribute(ROOM, "dateExpires") == {**DATE_4, "metadata": {}}


@pytest.mark.parametrize("name", ["missing", "dateCreated", "servicePath"])
def test_missing_attribute_is_not_found(name: str) -> None:
    with pytest.raises(NotFound, match="The entity does not have such an attribute"):
        render.attribute(ROOM, name)


@pytest.mark.parametrize(
    "value",
    [
        POINT,
        {"type": "Feature", "geometry": POINT, "properties": {}},
        {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": POINT}]},
    ],
)
def test_geojson_features_are_shown_as_their_geometry(value: Json) -> None:
    location = Attribute("geo:json", value)
    entity = replace(ROOM, attributes={"location": location})

    assert render.key_values(entity)["location"] == POINT
    ignored = replace(location, metadata={"ignoreType": Attribute("Boolean", True)})
    assert render.shown_value(ignored) == value


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        (Attribute("Text", 'say "hi"\n'), '"say "hi"\n"'),
        (Attribute("Number", 23), "23"),
        (Attribute("Number", 1.5), "1.5"),
        (Attribute("Boolean", True), "true"),
        (Attribute("None", None), "null"),
        (Attribute("StructuredValue", [1, {"a": "é"}]), '[1,{"a":"é"}]'),
        (Attribute("DateTime", "2020-01-01T00:00:00.000Z"), "2020-01-01T00:00:00.000Z"),
    ],
)
def test_values_as_text(attribute: Attribute, text: str) -> None:
    assert render.text_value(attribute) == text


json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abcé 0", max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("a.<é", max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
typed = st.fixed_dictionaries(
    {"type": st.sampled_from(["Number", "Text", "Own"]), "value": json_values}
)
bodies = st.fixed_dictionaries(
    {"id": st.just("E"), "type": st.just("T")},
    optional={
        name: typed.flatmap(
            lambda member: st.dictionaries(st.sampled_from("mn"), typed, max_size=2).map(
                lambda metadata: {**member, "metadata": metadata}
            )
        )
        for name in ("A", "B", "dateModified")
    },
)


@given(bodies)
def test_what_is_created_is_shown_as_it_was_sent(body: dict[str, Json]) -> None:
    entity = updates.create(read_entity(body).attributes, updates.Request())(IDENTITY, SECOND)
    assert same_json(dict(render.normalized(entity)), body)


@given(bodies)
def test_what_is_shown_can_be_created_again(body: dict[str, Json]) -> None:
    creation = updates.create(read_entity(body).attributes, updates.Request())
    entity = creation(IDENTITY, SECOND)
    shown = read_entity(read_json(dump(render.normalized(entity)).encode()))

    assert updates.create(shown.attributes, updates.Request())(IDENTITY, SECOND) == entity


@given(bodies)
def test_key_values_are_the_values_by_name(body: dict[str, Json]) -> None:
    entity = updates.create(read_entity(body).attributes, updates.Request())(IDENTITY, SECOND)
    shown = render.key_values(entity)

    assert list(shown.values())[2:] == render.values(entity)
    assert list(shown)[2:] == list(entity.attributes)
