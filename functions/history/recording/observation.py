"""When an attribute's value was observed, and whether what came before was observed later.

The first of these that is a date counts: the attribute's metadata `observedAt`, `TimeInstant`,
`timestamp`, unless the write kept it from an older value; the entity's attributes `TimeInstant`, `timestamp`, `dateObserved` if the same write
touched them (of an interval `a/b` its start); the time of the write. Times are whole milliseconds
in microseconds.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from city.dates import parse_date
from city.document import TIME_METADATA, Attribute, Entity
from city.json import Json
from history.records import MILLISECOND, TsSource, whole_millisecond

TIME_ATTRIBUTES: tuple[TsSource, ...] = ("TimeInstant", "timestamp", "dateObserved")


class Observation(NamedTuple):
    """When something was observed (µs), and by which rule."""

    ts: int
    source: TsSource


def time_of_write(entity: Entity) -> Observation:
    """When a version's write says that it observed what has no time of its own."""
    by_entity = _first_of(TIME_ATTRIBUTES, entity.attributes, entity.write.touched)
    return by_entity or Observation(whole_millisecond(entity.modified), "modified")


def observed(attribute: Attribute, write: Observation, *, dated: bool) -> Observation:
    """When an attribute that a write of that time touched was observed.

    `dated`: if it has a time of its own, that write said it (`city.document.Write.undated`).
    """
    return (_by_metadata(attribute) if dated else None) or write


def last_observed(entity: Entity, name: str) -> Observation | None:
    """When the present value of an attribute was observed; None if the entity does not tell.

    It does not tell of an attribute without a time of its own that the last write left alone.
    """
    attribute = entity.attributes[name]
    if name in entity.write.touched:
        return observed(attribute, time_of_write(entity), dated=name not in entity.write.undated)
    return _by_metadata(attribute)


def late_until(old: Entity, new: Entity | None) -> int:
    """The latest time at which an attribute may have been observed before, though what the context
    has of it now was observed earlier, or is nothing; 0 when there is none.

    Where the old version does not tell when a value was observed this is an upper bound.
    """
    times = [*_overtaken(old, new)]
    if new is not None:
        times += _turned_back(old, new)
        times += _misdated(new)
    return max(times, default=0)


def moment_of(value: Json) -> int | None:
    """The moment a time value means; None if it is no date."""
    if not isinstance(value, str):
        return None
    try:
        return parse_date(value.split("/", 1)[0])
    except ValueError:
        return None


def _by_metadata(attribute: Attribute) -> Observation | None:
    if not attribute.metadata:
        return None
    return _first_of(TIME_METADATA, attribute.metadata, TIME_METADATA)


def _first_of(
    names: Iterable[TsSource], times: dict[str, Attribute], counting: Iterable[str]
) -> Observation | None:
    for name in names:
        if name in times and name in counting:
            moment = moment_of(times[name].value)
            if moment is not None:
                return Observation(moment, name)
    return None


def _overtaken(old: Entity, new: Entity | None) -> Iterator[int]:
    """Times of old values that the new ones do not reach."""
    write = time_of_write(new) if new else None
    undated = new.write.undated if new else ()
    for name, before in _latest_times(old, new.write.touched if new else old.attributes):
        if new is None or write is None or name not in new.attributes:
            yield max(before, whole_millisecond((new or old).modified))
        elif before > observed(new.attributes[name], write, dated=name not in undated).ts:
            yield before


def _latest_times(entity: Entity, names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """When the present values of these attributes were observed, or a time not before that."""
    write, touched = time_of_write(entity).ts, entity.write.touched
    at_latest = max(whole_millisecond(entity.modified), write, *_clocks(entity))
    for name in names:
        if name in entity.attributes:
            own = None if name in entity.write.undated else _by_metadata(entity.attributes[name])
            yield name, own.ts if own else write if name in touched else at_latest


def _turned_back(old: Entity, new: Entity) -> Iterator[int]:
    """Entity times that went backwards: attributes not touched now may have been observed then."""
    for name in TIME_ATTRIBUTES:
        before, after = (_moment(entity.attributes.get(name)) for entity in (old, new))
        if before > after and name in new.write.touched:
            yield before


def _misdated(entity: Entity) -> Iterator[int]:
    """Times after those that attributes carry which are of older values."""
    for name in entity.write.undated:
        own = _by_metadata(entity.attributes[name])
        yield max(own.ts if own else 0, time_of_write(entity).ts) + MILLISECOND


def _clocks(entity: Entity) -> Iterator[int]:
    return (_moment(entity.attributes.get(name)) for name in TIME_ATTRIBUTES)


def _moment(attribute: Attribute | None) -> int:
    return (attribute and moment_of(attribute.value)) or 0
