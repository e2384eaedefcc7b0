"""Merging files and summing them up by the hour, on local Parquet."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.tenancy import PathPattern, ServicePath
from history.keeping.merging import Benches, Query, Region, Workbench
from history.keeping.rollups import COLUMNS, HOURS_OF_DAYS, HOURS_OF_RECORDS
from history.recording.parquet import ROW_GROUP, parquet_of
from history.records import Record
from tests.history_keeping import HOUR, START, expected_hours, observation, rows_of_rollup
from tests.history_oracle import records_in, winners_of
from tests.history_records import record

TYPE = "AirQualityObserved"


@pytest.fixture
def bench() -> Iterator[Workbench]:
    with Benches(rows_at_once=10).new() as bench:
        yield bench


def file(bench: Workbench, records: Sequence[Record]) -> Path:
    path = bench.new_path()
    path.write_bytes(parquet_of(records))
    return path


def merged(bench: Workbench, *files: Iterable[Record], without: Sequence[Region] = ()) -> Any:
    written = bench.merge([file(bench, [*records]) for records in files], without)
    return [] if written is None else [*records_in(written.path.read_bytes(), TYPE)]


def hours(bench: Workbench, *records: Record) -> Any:
    written = bench.write([file(bench, records)], Query(HOURS_OF_RECORDS), time="hour")
    return {} if written is None else rows_of_rollup(written.path)


def test_the_newest_sequence_of_an_observation_is_kept(bench: Workbench) -> None:
    old, new = observation(START, 1, seq=1), observation(START, 2, seq=2)
    assert merged(bench, [new], [old]) == [new]


def test_the_same_record_twice_is_kept_once(bench: Workbench) -> None:
    one = observation(START, 1)
    assert merged(bench, [one], [one]) == [one]


def test_ends_of_entities_and_attributes_are_kept(bench: Workbench) -> None:
    records = [observation(START, None, attribute=""), observation(START + HOUR, None)]
    records[1] = replace(records[1], op="delete")
    assert merged(bench, records) == records


def test_instances_of_other_datasets_are_observations_of_their_own(bench: Workbench) -> None:
    one = observation(START, 1)
    other = replace(one, dataset="urn:d:1", value=2)
    assert merged(bench, [other], [one]) == [one, other]


def test_nothing_left_is_no_file(bench: Workbench) -> None:
    assert bench.merge([]) is None
    assert bench.merge([file(bench, [observation(START)])], [Region()]) is None


def test_what_is_written_is_described(bench: Workbench) -> None:
    records = [observation(START + HOUR, 2), observation(START, 1)]
    written = bench.merge([file(bench, records)])
    assert written
    assert (written.rows, written.first, written.last) == (2, START, START + HOUR)
    assert written.size == written.path.stat().st_size


@pytest.mark.parametrize(
    ("region", "left"),
    [
        (Region(ids=("a",)), "b"),
        (Region(ids=()), "ab"),
        (Region(attributes=("CO",)), "ab"),
        (Region(attributes=("NO2",)), ""),
        (Region(scope=(PathPattern(ServicePath("/parks/"), subtree=True),)), "ab"),
        (Region(scope=(PathPattern(ServicePath("/"), subtree=False),)), ""),
        (Region(scope=()), "ab"),
        (Region(start=START + 1), "a"),
        (Region(end=START + 1), "b"),
        (Region(start=START, end=START + 1), "b"),
        (Region(until=START), "b"),
        (Region(ids=("a'; --",)), "ab"),
    ],
)
def test_what_a_region_covers_is_left_out(bench: Workbench, region: Region, left: str) -> None:
    records = [observation(START, id="a"), observation(START + HOUR, id="b")]
    found = merged(bench, records, without=[region])
    assert "".join(one.series.id for one in found) == left


def test_regions_add_up(bench: Workbench) -> None:
    records = [observation(START, id=id) for id in "abc"]
    found = merged(bench, records, without=[Region(ids=("a",)), Region(ids=("c",))])
    assert [one.series.id for one in found] == ["b"]


def test_series_say_whether_a_region_covers_all_of_them(bench: Workbench) -> None:
    records = [
        observation(START, id="a"),
        observation(START, id="b"),
        observation(START + HOUR, id="b"),
        observation(START + HOUR, id="c"),
    ]
    found = bench.series(file(bench, records), Region(end=START + 1))
    assert sorted(found) == [
        (("a", "/"), True, False),
        (("b", "/"), True, True),
        (("c", "/"), False, True),
    ]


RECORDS = st.lists(
    st.builds(
        lambda at, id, attribute, value, seq: observation(
            START + at * HOUR // 4, value, id=id, attribute=attribute, seq=seq
        ),
        st.integers(0, 20),
        st.sampled_from(["a", "b", "c", "ä", "🏙"]),
        st.sampled_from(["NO2", "CO"]),
        st.one_of(
            st.integers(-(2**60), 2**60),
            st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3)),
            st.sampled_from(["", "x", "ÿ", "🏙", True, False, None, 0, 0.0]),
        ),
        st.just(0),
    ),
    min_size=1,
    max_size=40,
)


@given(files=st.lists(RECORDS, min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_merging_keeps_what_counts_sorted_and_rollups_sum_it_up(files: list[list[Record]]) -> None:
    """Also in ranges of entities, of which none here fits into memory at once."""
    numbered = [
        [replace(one, seq=number * 100 + index) for index, one in enumerate(records)]
        for number, records in enumerate(files)
    ]
    with Benches(rows_at_once=10).new() as bench:
        found = merged(bench, *numbered)
        expected = winners_of(one for records in numbered for one in records)
        assert {one.identity: one for one in found} == expected
        assert len(found) == len(expected)
        keys = [(one.series.id, one.series.path, one.attribute, one.ts) for one in found]
        assert keys == sorted(keys)
        assert hours(bench, *found) == expected_hours(expected.values())


@pytest.mark.parametrize("value", [0, 0.0, False, "", "text", 2**60, -0.5, {"a": [1]}, []])
def test_values_of_every_kind_count(bench: Workbench, value: Any) -> None:
    [row] = hours(bench, observation(START, value)).values()
    assert row[0] == 1


def test_nulls_and_deletes_have_no_hour(bench: Workbench) -> None:
    end = observation(START + 1000, None, attribute="")
    assert hours(bench, observation(START, None), end) == {}


def test_integers_beyond_doubles_keep_their_digits(bench: Workbench) -> None:
    [row] = hours(bench, observation(START, 2**60 + 1)).values()
    assert row[9] == "integer"
    assert row[10] == pytest.approx(2**60)
    assert row[11] == str(2**60 + 1)


def test_a_rollup_has_the_columns_that_readers_rely_on(bench: Workbench) -> None:
    written = bench.write([file(bench, [observation(START)])], Query(HOURS_OF_RECORDS), time="hour")
    assert written
    found = duckdb.sql(f"DESCRIBE SELECT * FROM '{written.path}'").fetchall()
    assert {name: type for name, type, *_ in found} == COLUMNS
    assert [name for name, *_ in found] == [*COLUMNS]


def test_hours_of_days_are_those_of_the_month(bench: Workbench) -> None:
    days = []
    for day in range(3):
        records = [
            observation(START + (24 * day + hour) * HOUR, hour, id=id)
            for hour in range(24)
            for id in "ab"
        ]
        written = bench.write([file(bench, records)], Query(HOURS_OF_RECORDS), time="hour")
        assert written
        days.append(written.path)
    written = bench.write(days, Query(HOURS_OF_DAYS), time="hour")
    assert written
    assert written.rows == 3 * 24 * 2
    [row_groups] = duckdb.sql(
        f"SELECT max(row_group_num_rows) FROM parquet_metadata('{written.path}')"
    ).fetchall()
    assert row_groups[0] <= ROW_GROUP


def test_a_file_has_no_bloom_filters_that_a_reader_would_fetch_one_by_one(tmp_path: Path) -> None:
    raw = tmp_path / "raw.parquet"
    raw.write_bytes(parquet_of([record(seq) for seq in range(1, 4)]))
    bench = Workbench(tmp_path)
    merged = bench.merge([raw])
    bench.close()
    assert merged is not None
    for file in (raw, merged.path):
        found = duckdb.connect().execute(
            "SELECT count(bloom_filter_offset) FROM parquet_metadata(?)", [str(file)]
        )
        assert found.fetchall() == [(0,)]
