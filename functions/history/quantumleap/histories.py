"""What the planner found, as QuantumLeap shows it: one table per entity, with one shared index.

Rows of one entity in several service paths are one entity's, as QuantumLeap has no paths in its
answers. An attribute that an entity did not have at a time is null there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import cast

from city.json import Json
from history.quantumleap.times import shown_time
from history.reading.queries import Bucket, Method, Row, Seen

Values = dict[str, Json]


@dataclass(frozen=True, slots=True)
class History:
    """One entity's values: for each attribute as many as `index` has times, or one without it."""

    type: str
    id: str
    index: list[str]
    attributes: dict[str, list[Json]]


def of_rows(rows: Iterable[Row], names: Sequence[str] | None) -> list[History]:
    """The histories by type and id; of the attributes `names`, or of all that their type has here."""
    found = [((row.series.type, row.series.id), row.ts, row.values) for row in rows]
    return _histories(found, names)


def of_buckets(
    buckets: Iterable[Bucket], method: Method, names: Sequence[str], *, indexed: bool
) -> list[History]:
    """The histories of aggregates; without an index there is one value of each attribute."""
    merged: dict[tuple[tuple[str, str], int], Values] = {}
    parts: dict[tuple[tuple[str, str], int, str], Mapping[Method, Json]] = {}
    for bucket in buckets:
        entity, start = (bucket.series.type, bucket.series.id), bucket.start or 0
        part = parts.get((entity, start, bucket.attribute))
        values = bucket.values if part is None else _together(part, bucket.values)
        parts[entity, start, bucket.attribute] = values
        merged.setdefault((entity, start), _nothing(method, names))[bucket.attribute] = values[
            method
        ]
    found = [(entity, start, values) for (entity, start), values in merged.items()]
    histories = _histories(found, names)
    if not indexed:
        for history in histories:
            history.index.clear()
    return histories


def needed(method: Method) -> tuple[Method, ...]:
    """What has to be computed so that one method's values of two service paths can be joined."""
    return tuple(dict.fromkeys((method, Method.COUNT, Method.NUMBERS, *_ALSO.get(method, ()))))


def cannot_be_applied(buckets: Iterable[Bucket], method: Method) -> bool:
    """Whether there are values of some attribute, and none of them has such an aggregate."""
    by_attribute: dict[tuple[str, str], tuple[bool, bool]] = {}
    for bucket in buckets:
        key = bucket.series.type, bucket.attribute
        has_values, has_results = by_attribute.get(key, (False, False))
        by_attribute[key] = (
            has_values or bool(bucket.values[Method.COUNT]),
            has_results or bucket.values[method] is not None,
        )
    return any(values and not results for values, results in by_attribute.values())


def latest(seen: Iterable[Seen]) -> list[tuple[str, str, int]]:
    """Type, id and newest time of each entity, by id and type."""
    newest: dict[tuple[str, str], int] = {}
    for series, ts in seen:
        entity = series.id, series.type
        newest[entity] = max(ts, newest.get(entity, ts))
    return [(type, id, ts) for (id, type), ts in sorted(newest.items())]


_ALSO = {Method.AVG: (Method.SUM,)}
_Found = tuple[tuple[str, str], int, Values]


def _histories(found: list[_Found], names: Sequence[str] | None) -> list[History]:
    found.sort(key=lambda one: (one[0][0].lower(), *one[0], one[1]))
    histories: list[History] = []
    for _, of_type in groupby(found, key=lambda one: one[0][0]):
        rows = list(of_type)
        columns = sorted(names if names is not None else {n for row in rows for n in row[2]})
        for (type, id), of_entity in groupby(rows, key=lambda one: one[0]):
            histories.append(_history(type, id, list(of_entity), columns))
    return histories


def _history(type: str, id: str, rows: list[_Found], columns: list[str]) -> History:
    index = [shown_time(ts) for _, ts, _ in rows]
    return History(type, id, index, {name: [row[2].get(name) for row in rows] for name in columns})


def _nothing(method: Method, names: Sequence[str]) -> Values:
    """The row of a bucket before anything is known: nothing was counted."""
    return dict.fromkeys(names, 0 if method is Method.COUNT else None)


def _together(one: Mapping[Method, Json], other: Mapping[Method, Json]) -> dict[Method, Json]:
    """The aggregates of two sets of values as those of their union."""
    joined = {
        method: _joined(_JOIN[method], one[method], other[method])
        for method in one
        if method in _JOIN
    }
    numbers = joined.get(Method.NUMBERS)
    if Method.AVG in one:
        total = joined.get(Method.SUM)
        joined[Method.AVG] = cast("float", total) / cast("int", numbers) if numbers else None
    return joined


def _joined(join: Callable[[Json, Json], Json], one: Json, other: Json) -> Json:
    if one is None or other is None:
        return other if one is None else one
    return join(one, other)


def _add(one: Json, other: Json) -> Json:
    return cast("float", one) + cast("float", other)


def _less(one: Json, other: Json) -> Json:
    """The less of two; a number when only one of them is a number."""
    if isinstance(one, str) != isinstance(other, str):
        return other if isinstance(one, str) else one
    return min(cast("float", one), cast("float", other))


def _greater(one: Json, other: Json) -> Json:
    if isinstance(one, str) != isinstance(other, str):
        return other if isinstance(one, str) else one
    return max(cast("float", one), cast("float", other))


_JOIN: dict[Method, Callable[[Json, Json], Json]] = {
    Method.COUNT: _add,
    Method.NUMBERS: _add,
    Method.SUM: _add,
    Method.MIN: _less,
    Method.MAX: _greater,
}
