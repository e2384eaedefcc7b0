"""What queries of the history must answer, from the records that count; slow and simple."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import fsum, sqrt
from typing import Any

from city.json import Json, dump
from city.policy.grants import View
from city.regex import compile_pattern
from city.tenancy import in_scope
from history.reading.queries import (
    Aggregate,
    Anchored,
    Calendar,
    Choice,
    Instances,
    Latest,
    Method,
    Query,
    Rows,
    Sightings,
    Window,
)
from history.records import Record, Series

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def answer(query: Query, records: Iterable[Record], view: View) -> list[Any]:
    """The rows of the answer in a plain form (see `plain`)."""
    meant = [one for one in records if is_meant(one, query.choice, query.window, view)]
    match query:
        case Instances():
            return _instances(query, meant)
        case Rows():
            return _rows(query, meant)
        case Aggregate():
            return _buckets(query, meant)
        case Latest():
            return _latest(meant)
        case Sightings():
            return _sightings(query, meant)


def is_meant(record: Record, choice: Choice, window: Window, view: View) -> bool:
    """Whether a record is asked for and visible; ends of attributes and entities are."""
    series, name = record.series, record.attribute
    key = (series.id, series.type, series.path)
    is_end_of_entity = name == ""
    return (
        (choice.types is None or series.type in choice.types)
        and (choice.ids is None or series.id in choice.ids)
        and (choice.id_pattern is None or compile_pattern(choice.id_pattern).search(series.id))
        and in_scope(choice.scope, series.path)
        and (is_end_of_entity or choice.attributes is None or name in choice.attributes)
        and (is_end_of_entity or choice.datasets is None or record.dataset in choice.datasets)
        and (window.start is None or record.ts >= window.start)
        and (window.end is None or record.ts < window.end)
        and view.sees(*key)
        and (is_end_of_entity or name in view.attributes(*key, [name]))
    )


def _instances(query: Instances, records: list[Record]) -> list[Any]:
    found = records if query.include_deletes else [one for one in records if one.op == "set"]
    found.sort(key=in_time)
    if query.last is not None:
        found = _newest(found, query.last, lambda one: (one.series, one.attribute))
    return _page(query, [plain_instance(one) for one in found])


def _rows(query: Rows, records: list[Record]) -> list[Any]:
    rows: dict[tuple[int, Series], dict[str, str]] = {}
    for one in records:
        if one.op == "set" and one.dataset == "":
            rows.setdefault((one.ts, one.series), {})[one.attribute] = dump(one.value)
    found = [(series, ts, rows[ts, series]) for ts, series in sorted(rows)]
    if query.last is not None:
        found = found[-query.last :] if query.last else []
    return _page(query, found)


def _page(query: Instances | Rows, found: list[Any]) -> list[Any]:
    if query.newest_first:
        found.reverse()
    end = None if query.limit is None else query.offset + query.limit
    return found[query.offset : end]


def _latest(records: list[Record]) -> list[Any]:
    newest: dict[Any, Record] = {}
    for one in sorted(records, key=lambda one: (one.ts, one.seq)):
        newest[one.series, one.attribute, one.dataset] = one
    ends = {one.series: one for one in newest.values() if one.attribute == ""}
    found = [
        one
        for one in newest.values()
        if one.op == "set"
        and (
            one.series not in ends
            or (one.ts, one.seq) > (ends[one.series].ts, ends[one.series].seq)
        )
    ]
    found.sort(key=lambda one: (one.series, one.index, one.attribute, one.dataset))
    return [plain_instance(one) for one in found]


def _sightings(query: Sightings, records: list[Record]) -> list[Any]:
    newest: dict[Series, int] = {}
    for one in records:
        if one.op == "set":
            newest[one.series] = max(one.ts, newest.get(one.series, one.ts))
    found = sorted(newest.items(), key=lambda pair: (-pair[1], pair[0]))
    end = None if query.limit is None else query.offset + query.limit
    return found[query.offset : end]


def _buckets(query: Aggregate, records: list[Record]) -> list[Any]:
    values = [one for one in records if one.op == "set" and one.value is not None]
    groups: dict[Any, list[Record]] = {}
    for one in sorted(values, key=lambda one: one.ts):
        bounds = _bounds(query, one, values)
        if bounds is not None:
            groups.setdefault((one.series, bounds, one.attribute, one.dataset), []).append(one)
    pages: dict[Any, None] = dict.fromkeys(
        (series, bounds) for series, bounds, _, _ in sorted(groups, key=_bucket_order)
    )
    kept = list(pages)
    if query.last is not None:
        newest = sorted(kept, key=lambda pair: (pair[1][0] or 0, pair[0]))
        chosen = set(newest[-query.last :] if query.last else [])
        kept = [pair for pair in kept if pair in chosen]
    end = None if query.limit is None else query.offset + query.limit
    shown = set(kept[query.offset : end])
    return [
        (*key, {method: _aggregated(method, groups[key]) for method in query.methods})
        for key in sorted(groups, key=_bucket_order)
        if key[:2] in shown
    ]


def _bucket_order(key: Any) -> Any:
    series, (start, _), attribute, dataset = key
    return series, start or 0, attribute, dataset


def _bounds(query: Aggregate, one: Record, values: list[Record]) -> tuple[Any, Any] | None:
    match query.period:
        case None:
            return query.window.start, query.window.end
        case Calendar(unit):
            return calendar_bounds(one.ts, unit)
        case Anchored() as period:
            subject = (one.series, one.attribute, one.dataset)
            alike = [v.ts for v in values if (v.series, v.attribute, v.dataset) == subject]
            origin = min(alike) if period.origin is None else period.origin
            return None if one.ts < origin else anchored_bounds(one.ts, origin, period)


def calendar_bounds(ts: int, unit: str) -> tuple[int, int]:
    """The calendar unit that a time is in."""
    units = ["year", "month", "day", "hour", "minute", "second"]
    date = EPOCH + timedelta(microseconds=ts)
    fields = [date.year, date.month, date.day, date.hour, date.minute, date.second]
    count = units.index(unit) + 1
    year, month, day, hour, minute, second = fields[:count] + [1, 1, 1, 0, 0, 0][count:]
    start = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    match unit:
        case "year":
            end = start.replace(year=start.year + 1)
        case "month":
            end = (start + timedelta(days=31)).replace(day=1)
        case _:
            end = start + timedelta(**{f"{unit}s": 1})
    return micros(start), micros(end)


def anchored_bounds(ts: int, origin: int, period: Anchored) -> tuple[int, int]:
    """The bucket that a time is in, found by going from one to the next."""
    number = 0
    while True:
        start, end = (_bucket_begin(origin, period, number + step) for step in (0, 1))
        if start <= ts < end:
            return start, end
        number += 1


def _bucket_begin(origin: int, period: Anchored, number: int) -> int:
    if not period.months:
        return origin + number * period.micros
    date = EPOCH + timedelta(microseconds=origin)
    month = date.year * 12 + date.month - 1 + number * period.months
    for day in range(date.day, 0, -1):
        try:
            return micros(date.replace(year=month // 12, month=month % 12 + 1, day=day))
        except ValueError:
            continue
    raise AssertionError


def micros(date: datetime) -> int:
    """A date in microseconds."""
    return (date - EPOCH) // timedelta(microseconds=1)


def _aggregated(method: Method, records: Sequence[Record]) -> Any:
    every = [one.value for one in records]
    numbers = [
        float(value)
        for value in every
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    strings = [value for value in every if isinstance(value, str)]
    match method:
        case Method.COUNT:
            return len(every)
        case Method.NUMBERS:
            return len(numbers)
        case Method.MIN | Method.MAX:
            pick: Callable[..., Any] = min if method is Method.MIN else max
            return pick(numbers) if numbers else pick(strings, default=None)
        case Method.FIRST | Method.LAST:
            return dump(every[0 if method is Method.FIRST else -1])
        case Method.DISTINCT:
            return len({_same(value) for value in every})
        case Method.OCCURRENCES:
            return {text: strings.count(text) for text in strings}
    if not numbers:
        return None
    mean = fsum(numbers) / len(numbers)
    return {
        Method.SUM: fsum(numbers),
        Method.SUMSQ: fsum(number * number for number in numbers),
        Method.AVG: mean,
        Method.STDDEV: sqrt(fsum((number - mean) ** 2 for number in numbers) / len(numbers)),
    }[method]


def _same(value: Json) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__, dump(value)
    return "number", value


def _newest(records: Sequence[Record], count: int, by: Callable[[Record], Any]) -> list[Record]:
    groups: dict[Any, list[Record]] = {}
    for one in records:
        groups.setdefault(by(one), []).append(one)
    kept = {id(one) for group in groups.values() for one in (group[-count:] if count else [])}
    return [one for one in records if id(one) in kept]


def in_time(record: Record) -> Any:
    """The order of instances."""
    return (record.ts, record.seq, record.series, record.index, record.attribute, record.dataset)


def plain_instance(one: Record) -> Any:
    """An instance in a plain form: values as JSON text, so that 1, 1.0 and true differ."""
    return one.series, one.attribute, one.dataset, one.ts, one.op, one.seq, dump(one.value)
