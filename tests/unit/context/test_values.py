"""How values of different types compare, in filters and in the order of results."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.document import Attribute, Entity, Identity
from city.json import Json
from city.tenancy import ServicePath, Tenant
from context.values import alternatives, comparable, order_key, reach, value_order_key

CREATED = 1_500_000_000_123_456
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


def entity(attributes: dict[str, Attribute], *, expires: int | None = None) -> Entity:
    identity = Identity(Tenant("city"), "Room1", "Room", ServicePath("/house/"))
    return Entity(identity, attributes, CREATED, CREATED + 1_000_000, expires=expires)


def test_types_are_ordered_null_number_string_object_array_boolean() -> None:
    ordered: list[Json] = [
        [], None, -1, 0.5, 7, "", "B", "a", {}, {"a": 1}, {"a": 2}, [[1]], [[2]], False, True,
    ]  # fmt: skip
    keys = [value_order_key(value) for value in ordered]
    assert keys == sorted(keys)
    assert all(low < high for low, high in itertools.pairwise(keys))


def test_array_stands_at_its_least_element() -> None:
    assert value_order_key([20, "x"]) == value_order_key(20)
    assert value_order_key([True, None]) == value_order_key(None)


def test_array_stands_at_its_greatest_element_when_descending() -> None:
    assert value_order_key([20, "x"], descending=True) == value_order_key("x")


def test_integers_and_floats_order_by_exact_value() -> None:
    assert value_order_key(1) == value_order_key(1.0)
    assert value_order_key(2**63) < value_order_key(2**63 + 1)


@settings(deadline=None)
@given(st.lists(JSON, max_size=6))
def test_any_values_can_be_sorted(values: list[Json]) -> None:
    keys = sorted(map(value_order_key, values))
    assert all(low <= high for low, high in itertools.pairwise(keys))


@settings(deadline=None)
@given(JSON, JSON, JSON)
def test_order_is_total_and_transitive(a: Json, b: Json, c: Json) -> None:
    key_a, key_b, key_c = map(value_order_key, (a, b, c))
    assert (key_a < key_b) + (key_a == key_b) + (key_a > key_b) == 1
    assert not (key_a <= key_b <= key_c) or key_a <= key_c


def test_attribute_with_an_array_orders_by_direction() -> None:
    holder = entity({"v": Attribute("Any", [1, 5])})
    assert order_key(holder, "v") == value_order_key(1)
    assert order_key(holder, "v", descending=True) == value_order_key(5)


def test_missing_attribute_orders_with_null() -> None:
    holder = entity({"empty": Attribute("None", None)})
    assert order_key(holder, "absent") == order_key(holder, "empty")


def test_date_attribute_orders_by_time_and_text_by_its_letters() -> None:
    early, late = "1999-12-31T00:00:00.000Z", "2020-01-01T00:00:00.000Z"
    holder = entity(
        {
            "early": Attribute("DateTime", early),
            "late": Attribute("ISO8601", late),
            "text": Attribute("Text", early),
        }
    )
    assert order_key(holder, "early") < order_key(holder, "late") < order_key(holder, "text")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("id", value_order_key("Room1")),
        ("type", value_order_key("Room")),
        ("servicePath", value_order_key("/house")),
        ("dateCreated", value_order_key(1_500_000_000.123)),
        ("dateModified", value_order_key(1_500_000_001.123)),
        ("dateExpires", value_order_key(None)),
    ],
)
def test_builtins_order_by_what_the_client_sees(name: str, key: object) -> None:
    user_wins_nowhere = {name: Attribute("Text", "user's own")}
    assert order_key(entity(user_wins_nowhere), name) == key


def test_expiry_orders_transient_entities() -> None:
    sooner, later = entity({}, expires=CREATED), entity({}, expires=CREATED * 2)
    assert order_key(sooner, "dateExpires") < order_key(later, "dateExpires")


def test_date_compares_in_seconds_only_under_a_date_type() -> None:
    text = "2017-06-17T07:21:24.238Z"
    assert comparable(Attribute("DateTime", text)) == 1497684084.238
    assert comparable(Attribute("Text", text)) == text
    assert comparable(Attribute("DateTime", None)) is None
    assert comparable(Attribute("DateTime", "no date")) == "no date"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ((), [{"a": [{"b": 1}, {"b": 2}, 3], "n": None}]),
        (("n",), [None]),
        (("x",), []),
        (("a", "b"), [1, 2]),
        (("a", "1", "b"), [2]),
        (("a", "2"), [3]),
        (("a", "9"), []),
        (("a", "00"), []),
        (("a", "9" * 5000), []),
        (("a", "١"), []),
        (("a", "2", "b"), []),
    ],
)
def test_path_reaches_into_objects_and_arrays(path: tuple[str, ...], found: list[Json]) -> None:
    assert reach({"a": [{"b": 1}, {"b": 2}, 3], "n": None}, path) == found


def test_array_offers_itself_and_its_elements() -> None:
    assert list(alternatives([5, [1, [2]]])) == [5, [1, [2]], 1, [2]]


def test_each_value_on_the_way_of_a_path_is_visited_once() -> None:
    """A number is an index and may be a name too: all ways together would be 2^24 here."""
    nested: Json = 1
    for _ in range(24):
        nested = [{"0": nested}]
    start = time.process_time()

    assert reach(nested, ("0",) * 36)

    assert time.process_time() - start < 1
