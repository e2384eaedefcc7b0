"""Rows of a result, of either engine, as what queries answer."""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import MAXYEAR, UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, cast

from city.json import Json, parse
from city.tenancy import ServicePath
from history.names import decode
from history.reading.queries import (
    MILLISECOND,
    Aggregate,
    Anchored,
    Bucket,
    Calendar,
    Instance,
    Method,
    Row,
    Seen,
    Unit,
)
from history.recording.parquet import value_of
from history.records import Series

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""No time is after this one (µs): buckets that would end later end here."""

_STEPS: dict[Unit, timedelta] = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


class Found(NamedTuple):
    """A row of `sql.instances`; the types of Athena's texts are those of the annotations."""

    type: str
    entity_id: str
    service_path: str
    attr: str
    dataset_id: str
    attr_type: str
    at: int
    seq: int
    op: str
    kind: str
    v_num: float | None
    v_bool: bool | None
    v_str: str | None
    v_json: str | None
    modified: int
    meta_json: str | None
    idx: int
    lat: float | None
    lon: float | None

    @property
    def value(self) -> Json:
        """The value as it was submitted."""
        return value_of(self.kind, self.v_num, self.v_bool, self.v_str, self.v_json)


def instance(row: Sequence[Any]) -> Instance:
    """A row of `sql.instances`."""
    found = Found(*row)
    return Instance(
        series=_series(row),
        attribute=found.attr,
        attribute_type=found.attr_type,
        ts=found.at * MILLISECOND,
        value=found.value,
        metadata=cast("dict[str, Json]", parse(found.meta_json)) if found.meta_json else {},
        dataset=found.dataset_id,
        modified=found.modified * MILLISECOND,
        seq=found.seq,
        op="delete" if found.op == "delete" else "set",
        ordinal=found.idx,
        position=None if found.lon is None or found.lat is None else (found.lon, found.lat),
    )


def rows(found: Iterable[Sequence[Any]], *, newest_first: bool) -> list[Row]:
    """Rows of `sql.instances`, each with the others of its series and time."""
    gathered: dict[tuple[int, Series], dict[str, Json]] = {}
    for row in found:
        one = Found(*row)
        gathered.setdefault((one.at, _series(row)), {})[one.attr] = one.value
    ordered = sorted(gathered, reverse=newest_first)
    return [Row(series, at * MILLISECOND, gathered[at, series]) for at, series in ordered]


def seen(row: Sequence[Any]) -> Seen:
    """A row of `sql.sightings`."""
    type, id, path, at = row
    return Seen(Series(decode(type), id, ServicePath(path)), at * MILLISECOND)


class Known(NamedTuple):
    """A row of `sql.bucket_rows`, without the columns that only some methods need."""

    type: str
    entity_id: str
    service_path: str
    attr: str
    dataset_id: str
    bucket: int
    origin: int
    n: int | None
    num: int | None
    total: float | None
    squares: float | None
    low: float | None
    high: float | None
    s_low: str | None
    s_high: str | None
    first_kind: str | None
    first_num: float | None
    first_text: str | None
    last_kind: str | None
    last_num: float | None
    last_text: str | None

    def value(self, method: Method) -> Json:  # noqa: C901 - one case for each method
        """What a method makes of the values; None for those that take other columns."""
        match method:
            case Method.COUNT:
                return int(self.n or 0)
            case Method.NUMBERS:
                return int(self.num or 0)
            case Method.SUM:
                return self.total
            case Method.SUMSQ:
                return self.squares
            case Method.AVG:
                return self.total / self.num if self.total is not None and self.num else None
            case Method.MIN:
                return self.low if self.num else self.s_low
            case Method.MAX:
                return self.high if self.num else self.s_high
            case Method.FIRST:
                return _end(self.first_kind, self.first_num, self.first_text)
            case Method.LAST:
                return _end(self.last_kind, self.last_num, self.last_text)
            case _:
                return None


NEEDED = {
    Method.COUNT: ("n",),
    Method.NUMBERS: ("num",),
    Method.SUM: ("total",),
    Method.SUMSQ: ("squares",),
    Method.AVG: ("total", "num"),
    Method.MIN: ("num", "low", "s_low"),
    Method.MAX: ("num", "high", "s_high"),
    Method.FIRST: ("first_kind", "first_num", "first_text"),
    Method.LAST: ("last_kind", "last_num", "last_text"),
}
"""The columns of `Known` that a method takes; the others are None."""

EXTRA = {Method.STDDEV: "deviation", Method.DISTINCT: "different"}
"""Columns that follow those of `Known` for some methods, in this order."""


def buckets(
    query: Aggregate,
    found: Iterable[Sequence[Any]],
    strings: Iterable[Sequence[Any]] = (),
) -> list[Bucket]:
    """Rows of `sql.bucket_rows`, and of `sql.occurrences` for that method."""
    occurring: dict[tuple[Any, ...], dict[str, Json]] = {}
    for *key, text, n in strings:
        occurring.setdefault(tuple(key), {})[text] = int(n)
    width = len(Known._fields)
    extra = [method for method in EXTRA if method in query.methods]
    answer = []
    for row in found:
        known = Known(*row[:width])
        values = {method: known.value(method) for method in query.methods}
        values |= dict(zip(extra, row[width:], strict=True))
        if Method.OCCURRENCES in query.methods:
            values[Method.OCCURRENCES] = occurring.get(tuple(row[:7]), {})
        start, end = _bounds(query, known)
        answer.append(
            Bucket(_series(row), known.attr, start, end, values, dataset=known.dataset_id)
        )
    return sorted(answer, key=_bucket_order)


def add_months(moment: int, months: int) -> int:
    """The same day and time so many months later, or the last day of that month (µs)."""
    date = _EPOCH + moment * _MICROSECOND
    count = date.year * 12 + date.month - 1 + months
    year, month = count // 12, count % 12 + 1
    if year > MAXYEAR:
        return _LAST
    day = min(date.day, monthrange(year, month)[1])
    return (date.replace(year=year, month=month, day=day) - _EPOCH) // _MICROSECOND


def next_unit(start: int, unit: Unit) -> int:
    """When the calendar unit that begins at `start` (µs) ends."""
    if unit in _STEPS:
        return min(start + _STEPS[unit] // _MICROSECOND, _LAST)
    return add_months(start, 12 if unit == "year" else 1)


def _bounds(query: Aggregate, known: Known) -> tuple[int | None, int | None]:
    period = query.period
    if period is None:
        return query.window.start, query.window.end
    if isinstance(period, Calendar):
        start = known.bucket * MILLISECOND
        return start, next_unit(start, period.unit)
    return _anchored_bounds(period, known)


def _anchored_bounds(period: Anchored, known: Known) -> tuple[int, int]:
    origin, passed = known.origin * MILLISECOND, known.bucket
    if period.months:
        return add_months(origin, passed), add_months(origin, passed + period.months)
    start = origin + passed * MILLISECOND
    return start, min(start + period.micros, _LAST)


def _bucket_order(bucket: Bucket) -> tuple[str, str, str, int, str, str]:
    series = bucket.series  # its parts compare faster than itself
    subject = bucket.attribute, bucket.dataset
    return series.type, series.id, series.path, bucket.start or 0, *subject


def _end(kind: str | None, number: float | None, text: str | None) -> Json:
    """The first or last value, from its kind and how it is kept."""
    match kind:
        case "number":
            return number
        case "integer":
            return int(text) if text else int(number or 0)
        case "boolean":
            return text == "true"
        case "json":
            return parse(text or "null")
        case _:
            return text


def _series(row: Sequence[Any]) -> Series:
    return _named(row[0], row[1], row[2])


@lru_cache(maxsize=4096)
def _named(type: str, id: str, path: str) -> Series:
    return Series(decode(type), id, ServicePath(path))
