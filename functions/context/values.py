"""How values of different types compare: in filters and in the order of results.

A date counts as a number of seconds since the epoch, but only where the attribute says that it is
one (type DateTime); the same text in an attribute of another type stays text. Builtin attributes
(NGSI-v2 "Builtin Attributes") win over attributes a user gave the same name.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from city.document import Attribute, Entity
from city.json import Json
from city.tenancy import shown

DATE_TYPES = frozenset({"DateTime", "ISO8601"})
"""Attribute types whose values are dates."""

OrderKey = tuple[object, ...]
"""Compares with any other order key, whatever the types of the values they stand for."""

_INDEX = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z")
_EMPTY_ARRAY, _NULL, _NUMBER, _STRING, _OBJECT, _ARRAY, _BOOLEAN = range(7)


def seconds(moment: int) -> float:
    """Microseconds as a filter compares them: seconds, cut to the milliseconds a client sees."""
    return moment // 1000 / 1000


def _expiry(entity: Entity) -> Json:
    return None if entity.expires is None else seconds(entity.expires)


BUILTIN_ATTRIBUTES: dict[str, Callable[[Entity], Json]] = {
    "dateCreated": lambda entity: seconds(entity.created),
    "dateModified": lambda entity: seconds(entity.modified),
    "dateExpires": _expiry,
    "servicePath": lambda entity: shown(entity.identity.path),
}
"""Builtin attributes of an entity as filters and orderBy see them; None when it has none."""

BUILTIN_METADATA: dict[str, Callable[[Attribute], Json]] = {
    "dateCreated": lambda attribute: seconds(attribute.created),
    "dateModified": lambda attribute: seconds(attribute.modified),
}
"""Builtin metadata of an attribute as filters see them."""


def comparable(attribute: Attribute) -> Json:
    """The value as filters and orderBy see it: dates as seconds, everything else as it is."""
    value = attribute.value
    if attribute.type in DATE_TYPES and isinstance(value, str):
        return _date(value)
    return value


def reach(value: Json, path: Sequence[str]) -> list[Json]:
    """All values at a path of member names inside a value; empty when there is none.

    On its way the path looks into every object of an array, and a number picks one element.
    """
    found = [value]
    for token in path:
        # A number may be an index and a name: without this the ways would double at each array.
        distinct = {id(one): one for one in found}.values()
        found = [member for one in distinct for member in _members(one, token)]
    return found


def alternatives(values: Iterable[Json]) -> Iterator[Json]:
    """What a filter compares: each value, and for an array also each of its elements."""
    for value in values:
        yield value
        if isinstance(value, list):
            yield from value


def order_key(entity: Entity, name: str, *, descending: bool = False) -> OrderKey:
    """Where an entity stands when results are ordered by `id`, `type`, a builtin or an attribute.

    null and missing < number < string < object < array < boolean. An array stands at its least
    element, or at its greatest when the order is descending; an empty one before everything.
    """
    if name == "id":
        return (_STRING, entity.identity.id)
    if name == "type":
        return (_STRING, entity.identity.type)
    if name in BUILTIN_ATTRIBUTES:
        return value_order_key(BUILTIN_ATTRIBUTES[name](entity), descending=descending)
    attribute = entity.attributes.get(name)
    value = comparable(attribute) if attribute else None
    return value_order_key(value, descending=descending)


def value_order_key(value: Json, *, descending: bool = False) -> OrderKey:
    """The order key of one value; see `order_key`."""
    if isinstance(value, list):
        keys = [_whole_key(element) for element in value]
        if not keys:
            return (_EMPTY_ARRAY,)
        return max(keys) if descending else min(keys)
    return _whole_key(value)


def _whole_key(value: Json) -> OrderKey:
    if value is None:
        return (_NULL,)
    if isinstance(value, bool):
        return (_BOOLEAN, value)
    if isinstance(value, int | float):
        return (_NUMBER, value)
    if isinstance(value, str):
        return (_STRING, value)
    if isinstance(value, dict):
        return (_OBJECT, tuple((name, _whole_key(member)) for name, member in value.items()))
    return (_ARRAY, tuple(map(_whole_key, value)))


def _date(text: str) -> Json:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _members(value: Json, token: str) -> Iterator[Json]:
    """What a token of a path names in a value."""
    if isinstance(value, dict):
        if token in value:
            yield value[token]
    elif isinstance(value, list):
        if _INDEX.match(token) and int(token) < len(value):
            yield value[int(token)]
        for element in value:
            if isinstance(element, dict) and token in element:
                yield element[token]
