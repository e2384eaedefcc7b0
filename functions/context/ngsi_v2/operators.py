"""Update operators: attribute values computed from the present one (NGSI-v2 "Update operators").

An operation is a JSON object whose first member is an operator; elsewhere `$` has no meaning. It
has exactly one operator, except that `$set` and `$unset` combine. Results are those of the
MongoDB operators of the same name, which the standard refers to; where a database would fail, the
caller gets InvalidRequest (the operation itself is wrong) or Unprocessable (the present value is).
"""

import math
from collections.abc import Callable, Hashable
from decimal import Decimal
from enum import Enum
from typing import Final, TypeGuard

from city.dates import EPOCH
from city.document import same_json
from city.errors import InvalidRequest, Unprocessable
from city.json import Json
from context.ngsi_v2.body import MAX_EXACT_FLOAT


class _Absence(Enum):
    ABSENT = 0


ABSENT: Final = _Absence.ABSENT
"""No value: the attribute does not exist before the operation, or shall not exist after it."""

Present = Json | _Absence

MODIFIERS = frozenset({"$each", "$position", "$slice"})

_RANKS: list[type | tuple[type, ...]] = [type(None), (int, float), str, dict, list]


def is_operation(value: Present) -> TypeGuard[dict[str, Json]]:
    """Whether a value given in an update is an operation on the present value."""
    return isinstance(value, dict) and next(iter(value), None) in _OPERATORS


def check_operation(operation: dict[str, Json]) -> None:
    """Refuse, before anything is read, an operation that no present value could make valid."""
    if len(operation) > 1 and operation.keys() != {"$set", "$unset"}:
        raise InvalidRequest(
            "an update operator must be the only member of the value "
            "(only $set and $unset can be combined)"
        )
    for name, operand in operation.items():
        _CHECKS.get(name, _accept)(name, operand)
    added, removed = operation.get("$set"), operation.get("$unset")
    if isinstance(added, dict) and isinstance(removed, dict) and added.keys() & removed.keys():
        raise InvalidRequest("a sub-key cannot be in $set and in $unset at the same time")


def evaluate(operation: dict[str, Json], present: Present) -> Present:
    """The value after a checked operation; never changes `present` in place."""
    result = present
    for name, operand in operation.items():
        result = _OPERATORS[name](result, operand)
    return result


def evaluate_new(operation: dict[str, Json], *, date: bool) -> Present:
    """The value an operation gives an attribute of a new or replaced entity.

    $min and $max compare with 0, or with the epoch when the attribute is a date.
    """
    operand = operation.get("$min", operation.get("$max"))
    if date and operand is not None:
        return evaluate(operation, EPOCH)
    return evaluate(operation, 0 if _is_number(operand) else ABSENT)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _accept(name: str, operand: Json) -> None:
    """For operators that take any operand."""


def _check_number(name: str, operand: Json) -> None:
    if not _is_number(operand):
        raise InvalidRequest(f"{name} takes a number")


def _check_scalar(name: str, operand: Json) -> None:
    if isinstance(operand, dict | list):
        raise InvalidRequest(f"{name} takes a number, a string or a date")


def _check_array(name: str, operand: Json) -> None:
    if not isinstance(operand, list):
        raise InvalidRequest(f"{name} takes an array")


def _check_items(name: str, operand: Json) -> None:
    if not _has_modifiers(operand):
        return
    allowed = MODIFIERS if name == "$push" else {"$each"}
    if not operand.keys() <= allowed or not isinstance(operand.get("$each"), list):
        raise InvalidRequest(
            f"{name} takes an item, or an object with an array $each"
            + (" and optionally integers $position and $slice" if name == "$push" else "")
        )
    for modifier in operand.keys() - {"$each"}:
        if type(operand[modifier]) is not int:
            raise InvalidRequest(f"{modifier} takes an integer")


def _check_pulled(name: str, operand: Json) -> None:
    if isinstance(operand, dict) and next(iter(operand), "").startswith("$"):
        raise InvalidRequest(f"{name} takes the item to remove; conditions are not supported")


def _has_modifiers(operand: Json) -> TypeGuard[dict[str, Json]]:
    return isinstance(operand, dict) and next(iter(operand), None) in MODIFIERS


def _number(present: Present, name: str) -> int | float:
    if not _is_number(present):
        raise Unprocessable(f"{name} needs an attribute whose present value is a number")
    return present


def _array(present: Present, name: str) -> list[Json]:
    if present is ABSENT:
        return []
    if not isinstance(present, list):
        raise Unprocessable(f"{name} needs an attribute whose present value is an array")
    return present


def _exact(number: int | float) -> int | Decimal:
    """A number as its digits say, so that 0.1 and 0.2 make 0.3."""
    return number if isinstance(number, int) else Decimal(repr(number))


def _checked_number(calculate: Callable[[], int | Decimal]) -> int | float:
    """A result as it is stored: finite, and an integer when it is one."""
    try:
        exact = calculate()
        result = exact if isinstance(exact, int) else float(exact)
        finite = math.isfinite(result)
    except OverflowError:
        finite = False
    if not finite:
        raise Unprocessable("the result is too large for a number")
    if isinstance(result, float) and result.is_integer() and abs(result) < MAX_EXACT_FLOAT:
        return int(result)
    return result


def _increment(present: Present, operand: Json) -> Present:
    left = 0 if present is ABSENT else _number(present, "$inc")
    return _checked_number(lambda: _exact(left) + _exact(_number(operand, "$inc")))


def _multiply(present: Present, operand: Json) -> Present:
    left = 0 if present is ABSENT else _number(present, "$mul")
    return _checked_number(lambda: _exact(left) * _exact(_number(operand, "$mul")))


def _minimum(present: Present, operand: Json) -> Present:
    return operand if present is ABSENT or _less(operand, present) else present


def _maximum(present: Present, operand: Json) -> Present:
    return operand if present is ABSENT or _less(present, operand) else present


def _less(left: Json, right: Json) -> bool:
    """MongoDB's order across types; an operand is no object or array, so two never meet here."""
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    if (
        isinstance(left, int | float)
        and isinstance(right, int | float)
        and _rank(left) == _rank(right)
    ):
        return left < right
    return _rank(left) < _rank(right)


def _rank(value: Json) -> int:
    if isinstance(value, bool):
        return len(_RANKS)
    return next(index for index, kind in enumerate(_RANKS) if isinstance(value, kind))


def _push(present: Present, operand: Json) -> Present:
    items = _array(present, "$push")
    if not _has_modifiers(operand):
        return [*items, operand]
    added = _array(operand["$each"], "$push")
    position = operand.get("$position", len(items))
    assert isinstance(position, int)
    pushed = [*items[:position], *added, *items[position:]]
    size = operand.get("$slice")
    if not isinstance(size, int):
        return pushed
    return pushed[:size] if size >= 0 else pushed[size:]


def _add_to_set(present: Present, operand: Json) -> Present:
    items = list(_array(present, "$addToSet"))
    known = set(map(_key, items))
    for item in _array(operand["$each"], "$addToSet") if _has_modifiers(operand) else [operand]:
        if _key(item) not in known:
            known.add(_key(item))
            items.append(item)
    return items


def _pull(present: Present, operand: Json) -> Present:
    if present is ABSENT:
        return ABSENT
    return [item for item in _array(present, "$pull") if not _selected(item, operand)]


def _pull_all(present: Present, operand: Json) -> Present:
    if present is ABSENT:
        return ABSENT
    removed = set(map(_key, _array(operand, "$pullAll")))
    return [item for item in _array(present, "$pullAll") if _key(item) not in removed]


def _selected(item: Json, operand: Json) -> bool:
    """An object removes every object that has all its members; anything else removes its equals."""
    if isinstance(operand, dict) and isinstance(item, dict):
        return all(name in item and same_json(item[name], operand[name]) for name in operand)
    return same_json(item, operand)


def _key(value: Json) -> Hashable:
    """Stands for a value in a set: two are equal exactly when `same_json` holds."""
    if isinstance(value, bool):
        return bool, value
    if isinstance(value, list):
        return list, tuple(map(_key, value))
    if isinstance(value, dict):
        return dict, frozenset((name, _key(member)) for name, member in value.items())
    return value


def _set(present: Present, operand: Json) -> Present:
    if not isinstance(operand, dict):
        return operand
    members = {} if present is ABSENT else present
    if not isinstance(members, dict):
        raise Unprocessable("$set needs an attribute whose present value is an object")
    return {**members, **operand}


def _unset(present: Present, operand: Json) -> Present:
    if not isinstance(operand, dict) or not isinstance(present, dict):
        return present
    return {name: member for name, member in present.items() if name not in operand}


_OPERATORS: dict[str | None, Callable[[Present, Json], Present]] = {
    "$inc": _increment,
    "$mul": _multiply,
    "$min": _minimum,
    "$max": _maximum,
    "$push": _push,
    "$addToSet": _add_to_set,
    "$pull": _pull,
    "$pullAll": _pull_all,
    "$set": _set,
    "$unset": _unset,
}

_CHECKS: dict[str, Callable[[str, Json], None]] = {
    "$inc": _check_number,
    "$mul": _check_number,
    "$min": _check_scalar,
    "$max": _check_scalar,
    "$push": _check_items,
    "$addToSet": _check_items,
    "$pull": _check_pulled,
    "$pullAll": _check_array,
}
