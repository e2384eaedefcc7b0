"""Update operators: results, what they start from on creation, and what they refuse."""

import copy
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.document import same_json
from city.errors import InvalidRequest, Unprocessable
from city.json import Json
from context.ngsi_v2.operators import (
    ABSENT,
    Present,
    check_operation,
    evaluate,
    evaluate_new,
    is_operation,
)

Operation = dict[str, Json]

numbers = st.integers(-(10**15), 10**15)
scalars: st.SearchStrategy[Json] = st.none() | st.booleans() | numbers | st.text(max_size=3)
items: st.SearchStrategy[Json] = scalars | st.lists(scalars, max_size=2)
arrays = st.lists(items, max_size=6)
objects = st.dictionaries(st.sampled_from("XYZW"), items, max_size=4)


@pytest.mark.parametrize(
    ("present", "operation", "result"),
    [
        (2, {"$inc": 2}, 4),
        (2, {"$inc": -0.5}, 1.5),
        (0.5, {"$inc": 0.5}, 1),
        (3, {"$mul": 2}, 6),
        (2, {"$min": 1}, 1),
        (2, {"$min": 20}, 2),
        (2, {"$max": 10}, 10),
        (2, {"$max": 1}, 2),
        ("b", {"$min": "a"}, "a"),
        ("b", {"$max": "c"}, "c"),
        (5, {"$max": "a"}, "a"),
        (5, {"$min": None}, None),
        (True, {"$max": 1000}, True),
        (False, {"$max": True}, True),
        ({"x": 1}, {"$min": "text"}, "text"),
        ([1, 2, 3], {"$push": 3}, [1, 2, 3, 3]),
        ([1, 2], {"$push": {"$each": [4, 5]}}, [1, 2, 4, 5]),
        ([1, 2], {"$push": {"$each": [-1, 0], "$position": 0}}, [-1, 0, 1, 2]),
        ([1, 2], {"$push": {"$each": [9], "$position": -1}}, [1, 9, 2]),
        ([1, 2, 3], {"$push": {"$each": [4], "$slice": -2}}, [3, 4]),
        ([1, 2, 3], {"$push": {"$each": [4], "$slice": 2}}, [1, 2]),
        ([1], {"$push": {"x": 1}}, [1, {"x": 1}]),
        ([1], {"$push": [2, 3]}, [1, [2, 3]]),
        ([1, 2, 3], {"$addToSet": 4}, [1, 2, 3, 4]),
        ([1, 2, 3], {"$addToSet": 3.0}, [1, 2, 3]),
        ([1], {"$addToSet": True}, [1, True]),
        ([1], {"$addToSet": {"$each": [1, 2, 2]}}, [1, 2]),
        ([1, 2, 3, 2], {"$pull": 2}, [1, 3]),
        ([{"a": 1, "b": 2}, {"a": 2}], {"$pull": {"a": 1}}, [{"a": 2}]),
        ([1, 2, 3], {"$pullAll": [2, 3]}, [1]),
        ({"X": 1, "Y": 2}, {"$set": {"Y": 20, "Z": 30}}, {"X": 1, "Y": 20, "Z": 30}),
        ({}, {"$set": {"a.b": 1}}, {"a.b": 1}),
        (7, {"$set": "foo"}, "foo"),
        ({"X": 1, "Y": 2}, {"$unset": {"X": None, "other": 1}}, {"Y": 2}),
        ({"X": 1}, {"$unset": "X"}, {"X": 1}),
        (5, {"$unset": {"X": 1}}, 5),
        ({"X": 1, "Y": 2}, {"$set": {"Y": 20}, "$unset": {"X": 1}}, {"Y": 20}),
        ({"X": 1, "Y": 2}, {"$unset": {"X": 1}, "$set": {"Y": 20}}, {"Y": 20}),
    ],
)
def test_operator_changes_the_present_value(
    present: Json, operation: Operation, result: Json
) -> None:
    before = copy.deepcopy(present)
    check_operation(operation)

    evaluated = evaluate(operation, present)

    assert evaluated is not ABSENT
    assert same_json(evaluated, result)
    assert same_json(present, before)


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ({"$inc": 4}, 4),
        ({"$mul": 1000}, 0),
        ({"$min": 5}, 5),
        ({"$max": 5}, 5),
        ({"$push": 4}, [4]),
        ({"$addToSet": {"$each": [4, 4]}}, [4]),
        ({"$set": {"X": 1}}, {"X": 1}),
        ({"$unset": {"X": 1}}, ABSENT),
        ({"$pull": 1}, ABSENT),
        ({"$pullAll": [1]}, ABSENT),
    ],
)
def test_operator_on_an_attribute_the_entity_lacks(operation: Operation, result: Present) -> None:
    assert evaluate(operation, ABSENT) == result


@pytest.mark.parametrize(
    ("operation", "date", "result"),
    [
        ({"$inc": 4}, False, 4),
        ({"$mul": 1000}, False, 0),
        ({"$min": 5}, False, 0),
        ({"$min": -5}, False, -5),
        ({"$max": 5}, False, 5),
        ({"$max": -5}, False, 0),
        ({"$max": "a"}, False, "a"),
        ({"$max": "2020-01-01T00:00:00.000Z"}, True, "2020-01-01T00:00:00.000Z"),
        ({"$min": "2020-01-01T00:00:00.000Z"}, True, "1970-01-01T00:00:00.000Z"),
        ({"$push": 4}, False, [4]),
        ({"$set": {"X": 1}}, False, {"X": 1}),
        ({"$set": {"X": 1}, "$unset": {"Y": 1}}, False, {"X": 1}),
        ({"$unset": {"X": 1}}, False, ABSENT),
        ({"$pull": 1}, False, ABSENT),
    ],
)
def test_operator_in_a_new_entity(operation: Operation, date: bool, result: Present) -> None:
    assert evaluate_new(operation, date=date) == result


@pytest.mark.parametrize(
    ("present", "operation"),
    [
        ("foo", {"$inc": 1}),
        (None, {"$inc": 1}),
        (True, {"$mul": 2}),
        (5, {"$push": 1}),
        (5, {"$addToSet": 1}),
        ("a", {"$pull": 1}),
        (None, {"$pullAll": [1]}),
        ("foo", {"$set": {"X": 1}}),
        (10**308, {"$mul": 10}),
        (1e308, {"$mul": 10}),
        (1e308, {"$inc": 10**308}),
    ],
)
def test_operator_that_the_present_value_does_not_allow(
    present: Json, operation: Operation
) -> None:
    check_operation(operation)

    with pytest.raises(Unprocessable):
        evaluate(operation, present)


@pytest.mark.parametrize(
    "operation",
    [
        {"$inc": "foo"},
        {"$inc": True},
        {"$mul": None},
        {"$max": {"x": 1}},
        {"$pullAll": 1},
        {"$push": {"$each": 1}},
        {"$push": {"$position": 0}},
        {"$push": {"$each": [1], "$position": "0"}},
        {"$push": {"$each": [1], "$slice": True}},
        {"$push": {"$each": [1], "$sort": 1}},
        {"$addToSet": {"$each": [1], "$position": 0}},
        {"$pull": {"$gte": 5}},
        {"$inc": 1, "$mul": 10},
        {"$inc": 1, "x": 1},
        {"$set": {"X": 20}, "$unset": {"X": 1}},
    ],
)
def test_operation_that_can_never_work_is_refused_at_once(operation: Operation) -> None:
    assert is_operation(operation)

    with pytest.raises(InvalidRequest):
        check_operation(operation)


@pytest.mark.parametrize("value", [{}, {"x": 1, "$inc": 1}, {"$foo": 1}, [{"$inc": 1}], "$inc", 5])
def test_dollar_elsewhere_has_no_meaning(value: Json) -> None:
    assert not is_operation(value)


def _without(values: list[Json], removed: list[Json]) -> list[Json]:
    return [value for value in values if not any(same_json(value, item) for item in removed)]


ORACLE: dict[str, tuple[st.SearchStrategy[Json], st.SearchStrategy[Json], Callable[..., Json]]] = {
    "$inc": (numbers, numbers, lambda present, operand: present + operand),
    "$mul": (numbers, numbers, lambda present, operand: present * operand),
    "$min": (numbers, numbers, min),
    "$max": (st.text(), st.text(), max),
    "$push": (arrays, scalars, lambda present, operand: [*present, operand]),
    "$pull": (arrays, scalars, lambda present, operand: _without(present, [operand])),
    "$pullAll": (arrays, arrays, _without),
    "$set": (objects, objects, lambda present, operand: present | operand),
    "$unset": (
        objects,
        objects,
        lambda present, operand: {name: present[name] for name in present.keys() - operand.keys()},
    ),
}


@pytest.mark.parametrize("name", ORACLE)
@given(drawn=st.data())
def test_operator_agrees_with_plain_python(name: str, drawn: st.DataObject) -> None:
    presents, operands, expected = ORACLE[name]
    present, operand = drawn.draw(presents), drawn.draw(operands)
    operation = {name: operand}
    check_operation(operation)

    evaluated = evaluate(operation, present)

    assert evaluated is not ABSENT
    assert same_json(evaluated, expected(present, operand))


@given(arrays, items)
def test_adding_to_a_set_twice_is_adding_once(present: list[Json], item: Json) -> None:
    once = evaluate({"$addToSet": item}, present)

    assert isinstance(once, list)
    assert any(same_json(item, member) for member in once)
    assert evaluate({"$addToSet": item}, once) == once


@given(arrays, items)
def test_pulling_what_was_pushed_leaves_none_of_it(present: list[Json], item: Json) -> None:
    pushed = evaluate({"$push": item}, present)
    pulled = evaluate({"$pullAll": [item]}, pushed)

    assert pulled is not ABSENT
    assert same_json(pulled, _without(present, [item]))


@pytest.mark.parametrize("name", ["$addToSet", "$pullAll"])
def test_time_of_a_large_operation_does_not_grow_with_its_square(name: str) -> None:
    numbers: list[Json] = list(range(50_000))
    operand: Json = {"$each": numbers} if name == "$addToSet" else numbers
    start = time.process_time()

    evaluate({name: operand}, [-number for number in range(50_000)])

    assert time.process_time() - start < 2
