"""Aggregates as STH-Comet shows them: points by their offset in the next larger calendar unit.

An hour of 3 May is the point with offset 0 to 23 in the day 3 May, its origin; days and months
count from 1. Everything is UTC, where every day has 24 hours.

STH-Comet's clients send numbers as texts, so a text that is a decimal number counts as the number.
Other texts that are not blank are counted by what they say (`occur`); `samples` are both. Booleans,
structures and null have no part in aggregates.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast, get_args

from city.clock import iso
from city.json import Json
from history.reading.queries import Bucket, Method, Window
from history.records import MILLISECOND

Period = Literal["month", "day", "hour", "minute", "second"]

PERIODS: tuple[Period, ...] = get_args(Period)
METHODS = ("min", "max", "sum", "sum2", "occur")

_OF_NUMBERS = {
    "min": Method.MIN,
    "max": Method.MAX,
    "sum": Method.SUM,
    "sum2": Method.SUMSQ,
}
_FIELDS = ("year", "month", "day", "hour", "minute", "second", "microsecond")
_FIRST: dict[str, Any] = {
    "month": 1,
    "day": 1,
    "hour": 0,
    "minute": 0,
    "second": 0,
    "microsecond": 0,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST_MOMENT = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")

Number = int | float


def needed(methods: Sequence[str]) -> list[Method]:
    """What to ask the planner for; whether there are texts shows in the difference of the counts."""
    asked = [_OF_NUMBERS[name] for name in methods if name in _OF_NUMBERS]
    return [Method.COUNT, Method.NUMBERS, *asked]


def has_texts(buckets: Iterable[Bucket]) -> bool:
    """Whether some of the values that were counted are no numbers."""
    return any(_count(one, Method.COUNT) > _count(one, Method.NUMBERS) for one in buckets)


def whole_periods(start: int | None, end: int | None, period: Period) -> Window:
    """The window of all periods that touch the time from `start` to `end`, both inclusive."""
    first = None if start is None else period_of(start, period)[0]
    after = None if end is None else period_of(end, period)[1]
    return Window(first, after)


def period_of(moment: int, period: Period) -> tuple[int, int]:
    """The period around a moment: its begin, and the begin of the next."""
    begin = _cut(moment, period)
    if period == "month":
        # the first of a month and 31 days more are always in the next
        try:
            following = _cut(_micros(begin + timedelta(days=31)), "month")
        except OverflowError:
            return _micros(begin), _LAST_MOMENT // MILLISECOND * MILLISECOND
        return _micros(begin), _micros(following)
    length = timedelta(**{f"{period}s": 1}) // _MICROSECOND
    return _micros(begin), _micros(begin) + length


def origin(start: int, period: Period) -> int:
    """The begin of the calendar unit in which a period has its offset: one larger than itself."""
    return _micros(_cut(start, _FIELDS[_FIELDS.index(period) - 1]))


def offset(start: int, period: Period) -> int:
    """The place of a period in its origin: months and days from 1, the others from 0."""
    place: int = getattr(_moment(start), period)
    return place


def series_of(
    attribute: str,
    period: Period,
    methods: Sequence[str],
    buckets: Iterable[Bucket],
    texts: Iterable[Bucket] = (),
) -> list[Json]:
    """The value of an answer: `buckets` of numbers, and `texts` with what their strings say."""
    occurrences = {one.start: one.values[Method.OCCURRENCES] for one in texts}
    origins: dict[int, list[Json]] = {}
    for bucket in sorted(buckets, key=_start):
        start = _start(bucket)
        told = cast("Mapping[str, int]", occurrences.get(bucket.start) or {})
        point = _point(bucket, methods, told)
        if point is not None:
            place: dict[str, Json] = {"offset": offset(start, period)}
            origins.setdefault(origin(start, period), []).append(place | point)
    return [
        {
            "_id": {"attrName": attribute, "origin": iso(begin), "resolution": period},
            "points": points,
        }
        for begin, points in origins.items()
    ]


def decimal(text: str) -> Number | None:
    """The number that a text is, blanks around it aside; None if it is none."""
    stripped = text.strip()
    if not _DECIMAL.match(stripped):
        return None
    number = float(stripped)
    return number if math.isfinite(number) else None


def _point(
    bucket: Bucket, methods: Sequence[str], texts: Mapping[str, int]
) -> dict[str, Json] | None:
    """The point of one bucket, without its offset; None when there is nothing to show."""
    numbers = _Numbers(bucket)
    words: dict[str, Json] = {}
    for text, times in texts.items():
        number = decimal(text)
        if number is not None:
            numbers.add(number, times)
        elif text.strip():
            words[text] = times
    samples = numbers.count + sum(cast("int", times) for times in words.values())
    if not samples:
        return None
    point: dict[str, Json] = {"samples": samples}
    for name in methods:
        if name == "occur" and words:
            point[name] = words
        elif name != "occur" and numbers.count:
            point[name] = _finite(numbers.results[name])
    return point


class _Numbers:
    """The numbers of one bucket, to which those written as texts are added."""

    def __init__(self, bucket: Bucket) -> None:
        self.count = _count(bucket, Method.NUMBERS)
        self.results: dict[str, Number] = {}
        if self.count:
            self.results = {
                name: cast("Number", bucket.values[method])
                for name, method in _OF_NUMBERS.items()
                if method in bucket.values
            }

    def add(self, number: Number, times: int) -> None:
        if not self.count:
            self.results = {"min": number, "max": number, "sum": 0, "sum2": 0}
        self.count += times
        added = {
            "min": min(self.results.get("min", number), number),
            "max": max(self.results.get("max", number), number),
            "sum": self.results.get("sum", 0) + number * times,
            "sum2": self.results.get("sum2", 0) + _square(number) * times,
        }
        self.results |= added


def _square(number: Number) -> Number:
    return number * number


def _finite(number: Number) -> Number | None:
    """The number, or None for a sum beyond what a double holds, which JSON cannot say."""
    return number if math.isfinite(number) else None


def _count(bucket: Bucket, method: Method) -> int:
    return cast("int", bucket.values[method] or 0)


def _start(bucket: Bucket) -> int:
    if bucket.start is None:
        raise ValueError("a bucket of a period has a begin")
    return bucket.start


def _cut(moment: int, unit: str) -> datetime:
    """The begin of the calendar unit around a moment."""
    smaller = _FIELDS[_FIELDS.index(unit) + 1 :]
    return _moment(moment).replace(**{name: _FIRST[name] for name in smaller})


def _moment(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
