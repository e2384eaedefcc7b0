"""What the planner found, as tables of entities; on days that clocks change too."""

from hypothesis import given
from hypothesis import strategies as st

from city.clock import SECOND, from_iso
from city.json import Json
from city.tenancy import ROOT, ServicePath
from history.quantumleap.histories import (
    History,
    cannot_be_applied,
    latest,
    needed,
    of_buckets,
    of_rows,
)
from history.quantumleap.times import shown_time
from history.reading.queries import Bucket, Method, Row, Seen
from history.records import Series

ROOM1, ROOM2 = Series("Room", "Room1", ROOT), Series("Room", "Room2", ROOT)
UPSTAIRS = Series("Room", "Room1", ServicePath("/up/"))
CAR = Series("car", "Car1", ROOT)
START = from_iso("2026-03-29T00:00:00Z")
HOUR = 3600 * SECOND


def bucket(series: Series, attribute: str, start: int | None = START, **values: Json) -> Bucket:
    return Bucket(series, attribute, start, None, {Method(name): values[name] for name in values})


def averaged(series: Series, numbers: list[float], start: int = START) -> Bucket:
    return bucket(
        series,
        "t",
        start,
        avg=sum(numbers) / len(numbers),
        sum=sum(numbers),
        numbers=len(numbers),
        count=len(numbers),
    )


def test_one_index_for_all_attributes_with_null_where_one_was_absent() -> None:
    rows = [Row(ROOM1, START, {"t": 21, "p": 0.0}), Row(ROOM1, START + HOUR, {"p": False})]
    assert of_rows(rows, None) == [
        History(
            "Room",
            "Room1",
            ["2026-03-29T00:00:00.000+00:00", "2026-03-29T01:00:00.000+00:00"],
            {"p": [0.0, False], "t": [21, None]},
        )
    ]


def test_entities_of_a_type_share_its_attributes_and_those_of_another_do_not() -> None:
    rows = [Row(CAR, START, {"km": 1}), Row(ROOM2, START, {"p": 2}), Row(ROOM1, START, {"t": 1})]
    assert [(one.id, one.attributes) for one in of_rows(rows, None)] == [
        ("Car1", {"km": [1]}),
        ("Room1", {"p": [None], "t": [1]}),
        ("Room2", {"p": [2], "t": [None]}),
    ]


def test_attributes_asked_for_are_there_even_if_they_never_had_a_value() -> None:
    [room] = of_rows([Row(ROOM1, START, {"t": 1})], ("t", "p"))
    assert room.attributes == {"p": [None], "t": [1]}


def test_an_entity_in_two_paths_is_one_history_in_the_order_of_time() -> None:
    rows = [Row(UPSTAIRS, START + HOUR, {"t": 2}), Row(ROOM1, START, {"t": 1})]
    [room] = of_rows(rows, None)
    assert room.attributes == {"t": [1, 2]}


def test_aggregates_of_two_paths_are_joined() -> None:
    [room] = of_buckets(
        [averaged(ROOM1, [1, 2]), averaged(UPSTAIRS, [9])], Method.AVG, ("t",), indexed=True
    )
    assert room.attributes == {"t": [4]}
    extremes = [
        bucket(ROOM1, "t", min="b", count=1, numbers=0),
        bucket(UPSTAIRS, "t", min=5, count=1, numbers=1),
    ]
    [room] = of_buckets(extremes, Method.MIN, ("t",), indexed=True)
    assert room.attributes == {"t": [5]}


def test_a_bucket_without_values_of_an_attribute_counts_none_and_has_no_mean() -> None:
    buckets = [averaged(ROOM1, [3])]
    assert of_buckets(buckets, Method.AVG, ("t", "p"), indexed=True)[0].attributes == {
        "p": [None],
        "t": [3],
    }
    assert of_buckets(buckets, Method.COUNT, ("t", "p"), indexed=True)[0].attributes == {
        "p": [0],
        "t": [1],
    }


def test_without_a_period_there_is_no_index() -> None:
    [room] = of_buckets([averaged(ROOM1, [3])], Method.AVG, ("t",), indexed=False)
    assert room == History("Room", "Room1", [], {"t": [3]})


def test_hours_of_a_day_on_which_clocks_change_are_those_of_utc() -> None:
    hours = [averaged(ROOM1, [hour], START + hour * HOUR) for hour in range(24)]
    [room] = of_buckets(hours, Method.AVG, ("t",), indexed=True)
    assert room.index == [f"2026-03-29T{hour:02}:00:00.000+00:00" for hour in range(24)]


def test_aggregates_of_text_cannot_be_applied() -> None:
    text = bucket(ROOM1, "name", avg=None, count=3)
    assert cannot_be_applied([text, averaged(ROOM1, [1])], Method.AVG)
    assert not cannot_be_applied([text._replace(values={Method.COUNT: 3})], Method.COUNT)
    only_nulls = bucket(ROOM1, "name", avg=None, count=0)
    assert not cannot_be_applied([only_nulls], Method.AVG)
    mixed = bucket(ROOM2, "name", avg=2, count=3)
    assert not cannot_be_applied([text, mixed], Method.AVG)


def test_what_has_to_be_computed() -> None:
    assert needed(Method.COUNT) == (Method.COUNT, Method.NUMBERS)
    assert set(needed(Method.AVG)) == {Method.AVG, Method.COUNT, Method.NUMBERS, Method.SUM}


def test_the_newest_sighting_of_each_entity_by_id() -> None:
    seen = [Seen(UPSTAIRS, 9), Seen(CAR, 5), Seen(ROOM1, 1)]
    assert latest(seen) == [("car", "Car1", 5), ("Room", "Room1", 9)]


@given(st.lists(st.tuples(st.sampled_from([ROOM1, ROOM2, CAR]), st.integers(0, 99)), max_size=30))
def test_every_row_is_in_its_history_once(found: list[tuple[Series, int]]) -> None:
    rows = [Row(series, START + at * SECOND, {"n": at}) for series, at in found]
    shown = [
        (one.id, time, value)
        for one in of_rows(rows, None)
        for time, value in zip(one.index, one.attributes["n"], strict=True)
    ]
    wanted = [(row.series.id, shown_time(row.ts), row.values["n"]) for row in rows]
    assert sorted(map(repr, shown)) == sorted(map(repr, wanted))
