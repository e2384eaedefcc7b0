"""Records as rows of Parquet, and their values back."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.json import Json
from city.tenancy import ROOT, ServicePath
from history.recording.parquet import COLUMNS, ORDER, parquet_of, value_of
from history.records import Record, Series
from tests.builders import START
from tests.history_oracle import records_in
from tests.history_records import JSON_VALUES, record

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MOMENTS = st.integers(min_value=-2_208_988_800_000, max_value=253_402_300_799_999).map(
    lambda milliseconds: milliseconds * 1000
)
RECORDS = st.builds(
    Record,
    series=st.builds(
        Series,
        type=st.just("Room"),
        id=TEXT,
        path=st.sampled_from([ROOT, ServicePath("/a/"), ServicePath("/a/b/")]),
    ),
    attribute=TEXT,
    attribute_type=TEXT | st.just("DateTime"),
    ts=MOMENTS,
    ts_source=st.sampled_from(["observedAt", "modified"]),
    modified=MOMENTS,
    ingested=MOMENTS,
    seq=st.integers(min_value=0, max_value=2**62),
    op=st.just("set"),
    value=JSON_VALUES,
    metadata=st.dictionaries(TEXT, JSON_VALUES, max_size=3),
    dataset=TEXT,
    position=st.none() | st.tuples(st.floats(-180, 180), st.floats(-90, 90)),
    shape=TEXT,
    index=st.integers(min_value=0, max_value=32_767),
)


def row_of(one: Record, directory: Path) -> dict[str, Any]:
    """The only row of a file."""
    file = directory / "one.parquet"
    file.write_bytes(parquet_of([one]))
    cursor = duckdb.connect(":memory:").execute("SELECT * FROM read_parquet(?)", [str(file)])
    names = [column[0] for column in cursor.description or ()]
    return dict(zip(names, cursor.fetchall()[0], strict=True))


def same(left: Json, right: Json) -> bool:
    """Equality that keeps 1, 1.0 and true apart, and 0.0 and -0.0."""
    return repr(left) == repr(right)


@settings(deadline=None, max_examples=40)  # the first example loads DuckDB
@given(st.lists(RECORDS, min_size=1, max_size=12))
def test_records_come_back_from_parquet_as_they_were(records: list[Record]) -> None:
    found = list(records_in(parquet_of(records), "Room"))
    assert sorted(map(repr, found)) == sorted(map(repr, records))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (0, "integer"),
        (0.0, "number"),
        (-0.0, "number"),
        (False, "boolean"),
        (True, "boolean"),
        ("", "string"),
        (None, "null"),
        (21, "integer"),
        (21.0, "number"),
        (2**53, "integer"),
        (2**53 + 1, "integer"),
        (-(2**63) - 1, "integer"),
        (10**400, "integer"),
        ("21", "string"),
        ("null", "string"),
        ("a\u0000b", "string"),
        ([], "json"),
        ({}, "json"),
        ([1, 1.0, True, None, 2**64], "json"),
    ],
)
def test_value_keeps_its_kind_and_every_digit(value: Json, kind: str, tmp_path: Path) -> None:
    row = row_of(record(value), tmp_path)
    columns = [row[name] for name in ("kind", "v_num", "v_bool", "v_str", "v_json")]
    assert row["kind"] == kind
    assert same(value_of(*columns), value)


def test_columns_have_the_names_types_and_order_of_the_schema(tmp_path: Path) -> None:
    file = tmp_path / "file.parquet"
    file.write_bytes(parquet_of([record()]))
    described = duckdb.sql(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
    assert [row[:2] for row in described] == [(one.name, one.type) for one in COLUMNS]


def test_rows_are_sorted_and_compressed_with_zstd(tmp_path: Path) -> None:
    rooms = [Series("Room", f"room{number}", ROOT) for number in (2, 10, 1)]
    records = [record(series=room, ts=ts, seq=ts) for ts in (START + 1000, START) for room in rooms]
    file = tmp_path / "file.parquet"
    file.write_bytes(parquet_of(records))
    rows = duckdb.sql(f"SELECT {', '.join(ORDER)} FROM '{file}'").fetchall()
    assert rows == sorted(rows)
    assert duckdb.sql(
        f"SELECT DISTINCT compression FROM parquet_metadata('{file}')"
    ).fetchall() == [("ZSTD",)]


def test_same_records_make_the_same_bytes() -> None:
    records = [record(value, ts=START + value * 1000) for value in range(100)]
    assert parquet_of(records) == parquet_of(records)


@pytest.mark.parametrize(
    ("value", "type", "moment"),
    [
        ("2026-11-22T10:00:00.000Z", "DateTime", "2026-11-22 10:00:00"),
        ("2026-11-22T10:00:00.000Z", "Text", None),
        ("yesterday", "DateTime", None),
    ],
)
def test_dates_have_a_column_that_compares_as_time(
    value: str, type: str, moment: str | None, tmp_path: Path
) -> None:
    row = row_of(record(value, attribute_type=type), tmp_path)
    assert row["v_str"] == value
    assert (str(row["v_ts"]) if row["v_ts"] else None) == moment


def test_unit_code_is_a_column_of_its_own(tmp_path: Path) -> None:
    unit: dict[str, Json] = {"unitCode": {"type": "Text", "value": "CEL"}}
    row = row_of(record(metadata=unit), tmp_path)
    assert row["unit_code"] == "CEL"
    assert row["meta_json"] == '{"unitCode":{"type":"Text","value":"CEL"}}'
    assert row_of(record(), tmp_path)["meta_json"] is None
