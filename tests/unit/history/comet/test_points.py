"""Aggregates in STH-Comet's form: origins, offsets, samples; against a simple oracle."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.clock import from_iso
from city.tenancy import ROOT
from history.comet.points import (
    METHODS,
    PERIODS,
    Period,
    decimal,
    has_texts,
    needed,
    offset,
    origin,
    period_of,
    series_of,
    whole_periods,
)
from history.reading.queries import Bucket, Method, Window
from history.records import Series

BEGINS = {"month": 5, "day": 8, "hour": 11, "minute": 14, "second": 17}
"""How much of a time in ISO 8601 its origin keeps."""

SERIES = Series("Room", "Room1", ROOT)
MILLISECOND = 1000

moments = st.integers(
    from_iso("1901-01-01T00:00:00Z") // MILLISECOND, from_iso("2199-12-31T23:59:59Z") // MILLISECOND
).map(lambda ms: ms * MILLISECOND)
periods = st.sampled_from(PERIODS)


def at(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1_000_000, UTC)


def bucket(start: str, **values: Any) -> Bucket:
    found = {Method(name): value for name, value in values.items()}
    return Bucket(SERIES, "temperature", from_iso(start), None, found)


def numbers(start: str, *values: float) -> Bucket:
    return bucket(
        start,
        count=len(values),
        numbers=len(values),
        min=min(values),
        max=max(values),
        sum=sum(values),
        sumsq=sum(value**2 for value in values),
    )


def texts(start: str, **occurrences: int) -> tuple[Bucket, Bucket]:
    count = sum(occurrences.values())
    empty = {"count": count, "numbers": 0, "min": None, "max": None, "sum": None, "sumsq": None}
    return bucket(start, **empty), bucket(start, occurrences=occurrences)


def points(period: Period, methods: Iterable[str], *buckets: Bucket, words: Any = ()) -> Any:
    (found,) = shown(period, methods, buckets, words)
    return found["points"]


def shown(period: Period, methods: Iterable[str], buckets: Any, words: Any = ()) -> Any:
    return series_of("temperature", period, [*methods], buckets, words)


@pytest.mark.parametrize(
    ("period", "start", "begin", "place"),
    [
        ("second", "2026-03-29T01:59:59Z", "2026-03-29T01:59:00Z", 59),
        ("minute", "2026-03-29T01:59:00Z", "2026-03-29T01:00:00Z", 59),
        ("hour", "2026-03-29T01:00:00Z", "2026-03-29T00:00:00Z", 1),
        ("day", "2024-02-29T00:00:00Z", "2024-02-01T00:00:00Z", 29),
        ("day", "2026-01-31T00:00:00Z", "2026-01-01T00:00:00Z", 31),
        ("month", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", 1),
        ("month", "2026-12-01T00:00:00Z", "2026-01-01T00:00:00Z", 12),
    ],
)
def test_offset_counts_from_the_origin(period: Period, start: str, begin: str, place: int) -> None:
    assert origin(from_iso(start), period) == from_iso(begin)
    assert offset(from_iso(start), period) == place


@given(moments, periods)
def test_origin_and_offset_agree_with_the_calendar(moment: int, period: Period) -> None:
    start, after = period_of(moment, period)
    date = at(moment)
    assert start <= moment < after
    assert offset(start, period) == getattr(date, period)
    begin = at(origin(start, period))
    smaller = [*PERIODS[PERIODS.index(period) :]]
    assert all(getattr(begin, unit) == (unit in {"month", "day"}) for unit in smaller)
    larger = ["year", *PERIODS[: PERIODS.index(period)]]
    assert all(getattr(begin, unit) == getattr(date, unit) for unit in larger)


@given(moments, periods)
def test_periods_follow_each_other_without_gap(moment: int, period: Period) -> None:
    start, after = period_of(moment, period)
    assert period_of(start, period) == (start, after)
    assert period_of(after, period)[0] == after
    assert period_of(after - MILLISECOND, period) == (start, after)


@given(moments, moments, periods)
def test_window_is_made_of_whole_periods(one: int, other: int, period: Period) -> None:
    first, last = min(one, other), max(one, other)
    window = whole_periods(first, last, period)
    assert window.start == period_of(first, period)[0]
    assert window.end == period_of(last, period)[1]


def test_window_may_be_open() -> None:
    assert whole_periods(None, None, "day") == Window()


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_days_when_clocks_change_have_24_hours(day: str) -> None:
    start, after = period_of(from_iso(f"{day}T12:00:00Z"), "day")
    assert after - start == 24 * 3600 * 1_000_000
    buckets = [numbers(f"{day}T{hour:02}:00:00Z", hour) for hour in range(24)]
    assert [point["offset"] for point in points("hour", ["sum"], *buckets)] == list(range(24))


values = st.lists(
    st.tuples(moments, st.one_of(st.integers(-1000, 1000), st.sampled_from(["a", "12", "-0.5"]))),
    min_size=1,
    max_size=30,
)


@given(values, periods)
def test_points_are_those_of_an_oracle(observed: list[tuple[int, Any]], period: Period) -> None:
    expected: dict[tuple[str, int], list[Any]] = {}
    for moment, value in observed:
        date = at(moment)
        begin = date.isoformat()[: BEGINS[period]] + "1970-01-01T00:00:00.000Z"[BEGINS[period] :]
        mark = (begin, getattr(date, period))
        expected.setdefault(mark, []).append(value)
    counted, said = buckets_of(observed, period)
    found = {
        (one["_id"]["origin"], point["offset"]): point
        for one in shown(period, METHODS, counted, said)
        for point in one["points"]
    }
    assert found.keys() == expected.keys()
    for mark, point in found.items():
        assert_summed(point, expected[mark])


def assert_summed(point: dict[str, Any], observed: list[Any]) -> None:
    amounts = [float(value) for value in observed if value != "a"]
    assert point["samples"] == len(observed)
    assert point.get("occur", {}).get("a", 0) == observed.count("a")
    assert ("sum" in point) == bool(amounts)
    if amounts:
        assert point["min"] == min(amounts)
        assert point["max"] == max(amounts)
        assert point["sum"] == pytest.approx(sum(amounts))
        assert point["sum2"] == pytest.approx(sum(amount**2 for amount in amounts))


def buckets_of(
    observed: list[tuple[int, Any]], period: Period
) -> tuple[list[Bucket], list[Bucket]]:
    """What the planner answers: the numbers of each bucket, and how often each text was there."""
    groups: dict[int, list[Any]] = {}
    for moment, value in observed:
        groups.setdefault(period_of(moment, period)[0], []).append(value)
    counted, said = [], []
    for start, found in groups.items():
        amounts = [value for value in found if not isinstance(value, str)]
        results: dict[Method, Any] = {
            Method.COUNT: len(found),
            Method.NUMBERS: len(amounts),
            Method.MIN: min(amounts, default=None),
            Method.MAX: max(amounts, default=None),
            Method.SUM: sum(amounts) if amounts else None,
            Method.SUMSQ: sum(amount**2 for amount in amounts) if amounts else None,
        }
        counted.append(Bucket(SERIES, "temperature", start, None, results))
        spoken: Any = {text: found.count(text) for text in found if isinstance(text, str)}
        said.append(Bucket(SERIES, "temperature", start, None, {Method.OCCURRENCES: spoken}))
    return counted, said


def test_points_stand_under_their_origins_in_order() -> None:
    late, early = numbers("2026-02-01T05:00:00Z", 1), numbers("2026-01-31T23:00:00Z", 2)
    assert series_of("temperature", "hour", ["sum"], [late, early]) == [
        {
            "_id": {
                "attrName": "temperature",
                "origin": "2026-01-31T00:00:00.000Z",
                "resolution": "hour",
            },
            "points": [{"offset": 23, "samples": 1, "sum": 2}],
        },
        {
            "_id": {
                "attrName": "temperature",
                "origin": "2026-02-01T00:00:00.000Z",
                "resolution": "hour",
            },
            "points": [{"offset": 5, "samples": 1, "sum": 1}],
        },
    ]


def test_zero_is_a_sample() -> None:
    assert points("day", METHODS, numbers("2026-01-01T00:00:00Z", 0, 0.0)) == [
        {"offset": 1, "samples": 2, "min": 0, "max": 0, "sum": 0, "sum2": 0}
    ]


def test_numbers_have_no_occurrences_and_texts_no_sum() -> None:
    start = "2026-01-01T00:00:00Z"
    counted, said = texts(start, open=2, shut=1)
    assert points("day", ["occur"], numbers(start, 5)) == [{"offset": 1, "samples": 1}]
    assert points("day", METHODS, counted, words=[said]) == [
        {"offset": 1, "samples": 3, "occur": {"open": 2, "shut": 1}}
    ]


def test_texts_that_are_numbers_count_as_numbers() -> None:
    counted, said = texts("2026-01-01T00:00:00Z", **{"21.5": 2, "-1": 1})
    assert points("day", METHODS, counted, words=[said]) == [
        {"offset": 1, "samples": 3, "min": -1.0, "max": 21.5, "sum": 42.0, "sum2": 925.5}
    ]


def test_occurrences_keep_dots_and_dollars() -> None:
    counted, said = texts("2026-01-01T00:00:00Z", **{"a.b$c": 1})
    assert points("day", ["occur"], counted, words=[said])[0]["occur"] == {"a.b$c": 1}


def test_what_cannot_be_aggregated_makes_no_point() -> None:
    flags = bucket("2026-01-01T00:00:00Z", count=3, numbers=0)
    counted, said = texts("2026-01-02T00:00:00Z", **{"": 1, "  ": 2})
    assert series_of("temperature", "day", ["occur"], [flags, counted], [said]) == []


def test_a_sum_beyond_doubles_is_null() -> None:
    counted, said = texts("2026-01-01T00:00:00Z", **{"1e200": 1})
    assert points("day", ["sum2"], counted, words=[said])[0]["sum2"] is None


@pytest.mark.parametrize("text", ["1", "-1.5", "+.5", "1.", "1e3", " 21.28 "])
def test_decimal_texts_are_numbers(text: str) -> None:
    assert decimal(text) == float(text)


@pytest.mark.parametrize("text", ["", " ", "1,5", "0x10", "Infinity", "NaN", "1e999", "１"])
def test_other_texts_are_none(text: str) -> None:
    assert decimal(text) is None


def test_texts_are_read_only_when_there_are_some() -> None:
    counted, _ = texts("2026-01-01T00:00:00Z", open=1)
    assert has_texts([numbers("2026-01-01T00:00:00Z", 1), counted])
    assert not has_texts([numbers("2026-01-01T00:00:00Z", 1)])
    assert needed(["occur"]) == [Method.COUNT, Method.NUMBERS]
    assert needed(["sum2", "min"]) == [Method.COUNT, Method.NUMBERS, Method.SUMSQ, Method.MIN]
