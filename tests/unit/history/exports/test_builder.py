"""Files of the history: what is in them, of recorded batches; read back as people read them."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from city.clock import from_iso
from city.json import Json
from city.table import Table
from city.tenancy import EVERYWHERE, ROOT, ServicePath, Tenant, parse_read_scope
from history.days import days_of_month
from history.exports.builder import Builder
from history.exports.orders import Contents
from history.exports.statements import COLUMNS
from history.reading.queries import Window, window_of
from history.reading.selection import Names, Part, Selection
from history.recording.recorder import Recorder
from history.records import Record, Series
from history.store.directory import Directory
from history.store.ledger import Ledger
from history.store.objects import Objects

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

CITY = Tenant("city")
PARKS = ServicePath("/parks/")
ALL = (Part("Room", None, EVERYWHERE, Names()),)
OCTOBER = window_of(*days_of_month("2026-10"))

Record_ = Callable[..., None]


@pytest.fixture
def objects(s3: "S3Client", history_bucket: str) -> Objects:
    return Objects(s3, history_bucket)


@pytest.fixture
def ledger(dynamodb: "DynamoDBClient", history_table: str) -> Ledger:
    return Ledger(Table(dynamodb, history_table))


@pytest.fixture
def record(
    dynamodb: "DynamoDBClient", history_table: str, objects: Objects, ledger: Ledger
) -> Record_:
    recorder = Recorder(objects, ledger, Directory(Table(dynamodb, history_table)))

    def record_some(*records: Record, source: str = "one") -> None:
        recorder.record(CITY, records, source)

    return record_some


def observed(
    at: str, value: Json, attribute: str = "temperature", id: str = "Room1", **more: Any
) -> Record:
    moment = from_iso(at)
    facts: dict[str, Any] = {
        "series": Series("Room", id, more.pop("path", ROOT)),
        "attribute": attribute,
        "attribute_type": "Number",
        "ts": moment,
        "ts_source": "received",
        "modified": moment,
        "ingested": moment,
        "seq": moment,
        "op": "set",
        "value": value,
    }
    return Record(**(facts | more))


class Files:
    """Builds files and reads them."""

    def __init__(self, objects: Objects, ledger: Ledger, scratch: Path) -> None:
        self._builder = Builder(objects, ledger)
        self._objects = objects
        self._scratch = scratch
        self.notes: list[tuple[float, int]] = []

    def built(self, parts: Sequence[Part] = ALL, window: Window = OCTOBER, **more: Any) -> bytes:
        selection = Selection(CITY, tuple(parts), None, None)
        contents = Contents(selection, "Room", window, **more)
        built = self._builder.build(contents, "exports/file", lambda *at: self.notes.append(at))
        body = self._objects.get("exports/file")
        assert built.size == len(body)
        self.rows = built.rows
        return body

    def parquet(self, *given: Any, **more: Any) -> list[tuple[Any, ...]]:
        path = self._scratch / "file.parquet"
        path.write_bytes(self.built(*given, **more))
        found = duckdb.execute("SELECT * FROM read_parquet(?)", [str(path)])
        assert tuple(column[0] for column in found.description or ()) == COLUMNS
        rows = found.fetchall()
        assert len(rows) == self.rows
        return rows

    def lines(self, layout: str, *given: Any, **more: Any) -> list[dict[str, str]]:
        text = self.built(*given, format="csv", layout=layout, **more).decode()
        return [*csv.DictReader(io.StringIO(text, newline=""))]


@pytest.fixture
def files(objects: Objects, ledger: Ledger, tmp_path: Path) -> Files:
    return Files(objects, ledger, tmp_path)


def test_a_month_is_one_file_in_the_order_of_days(files: Files, record: Record_) -> None:
    record(
        observed("2026-10-31T23:59:59.999Z", 3),
        observed("2026-10-01T00:00:00Z", 1),
        observed("2026-10-15T12:00:00Z", 2.5, id="Room2"),
        observed("2026-09-30T23:59:59.999Z", 0),
        observed("2026-11-01T00:00:00Z", 4),
    )
    rows = files.parquet()
    assert [(row[0], row[9]) for row in rows] == [("Room1", 1), ("Room2", 2.5), ("Room1", 3)]
    assert {row[1] for row in rows} == {"Room"}


def test_an_observation_is_in_it_once_with_its_newest_value(files: Files, record: Record_) -> None:
    moment = "2026-10-05T10:00:00Z"
    record(observed(moment, 1, seq=1))
    record(observed(moment, 2, seq=2), source="two")
    record(observed(moment, 1, seq=1), source="again")
    assert [row[9] for row in files.parquet()] == [2]


def test_ends_are_no_observations(files: Files, record: Record_) -> None:
    record(
        observed("2026-10-05T10:00:00Z", 1),
        observed("2026-10-05T11:00:00Z", None, op="delete"),
        observed("2026-10-05T12:00:00Z", None, attribute="", op="delete"),
    )
    assert [row[9] for row in files.parquet()] == [1]


def test_only_selected_series_and_attributes_are_in_it(files: Files, record: Record_) -> None:
    at = "2026-10-05T10:00:00Z"
    record(
        *(
            observed(at, 1, attribute=name, id=id, path=path)
            for name in ("temperature", "owner")
            for id in ("Room1", "Room2")
            for path in (ROOT, PARKS)
        )
    )
    below = parse_read_scope("/parks/#")
    for parts, expected in (
        ([Part("Room", ("Room1",), (EVERYWHERE), Names())], {("Room1", "temperature"), ("Room1", "owner")}),
        ([Part("Room", None, EVERYWHERE, Names(None, frozenset({"owner"})))], {("Room1", "temperature"), ("Room2", "temperature")}),
        ([Part("Room", ("Room1",), below, Names(frozenset({"owner"}))), Part("Room", ("Room2",), below, Names())], {("Room1", "owner"), ("Room2", "owner"), ("Room2", "temperature")}),
        ([Part("Other", None, EVERYWHERE, Names())], set()),
        ([], set()),
    ):  # fmt: skip
        rows = files.parquet(parts)
        assert {(row[0], row[3]) for row in rows} == expected
        if parts and parts[0].scope == below:
            assert {row[2] for row in rows} == {"/parks/"}


def test_nothing_is_a_file_with_columns(files: Files) -> None:
    assert files.parquet() == []
    assert files.built(format="csv", layout="long").startswith(b"entity_id,entity_type")
    assert files.built(format="csv", layout="rows") == b"entity_id,entity_type,service_path,ts\n"


VALUES: list[tuple[Json, str, str]] = [
    (0, "integer", "0"),
    (0.0, "number", "0.0"),
    (2**63 + 1, "integer", str(2**63 + 1)),
    (-2.5, "number", "-2.5"),
    (False, "boolean", "false"),
    ("", "string", ""),
    ("=1+1", "string", "'=1+1"),
    ("-7.5", "string", "-7.5"),
    ('a,"b"\nc', "string", 'a,"b"\nc'),
    ({"a": [1, None]}, "json", '{"a":[1,null]}'),
    (None, "null", ""),
]


def test_long_lines_have_every_value(files: Files, record: Record_) -> None:
    record(
        *(
            observed(f"2026-10-05T10:00:{second:02}Z", value)
            for second, (value, _, _) in enumerate(VALUES)
        )
    )
    lines = files.lines("long")
    assert [(line["kind"], line["value"]) for line in lines] == [one[1:] for one in VALUES]
    assert lines[1]["ts"] == "2026-10-05T10:00:01.000Z"


def test_rows_have_a_column_for_each_attribute(files: Files, record: Record_) -> None:
    record(
        observed("2026-10-05T10:00:00Z", 21.5),
        observed("2026-10-05T10:00:00Z", "open", attribute="Temperature"),
        observed("2026-10-06T10:00:00Z", 5, attribute="ts"),
        observed("2026-10-06T10:00:00Z", 9, attribute="=cmd", dataset="urn:one"),
        observed("2026-10-06T10:00:00Z", True, attribute="@it's"),
    )
    first, second = files.lines("rows")
    assert first == {
        "entity_id": "Room1",
        "entity_type": "Room",
        "service_path": "/",
        "ts": "2026-10-05T10:00:00.000Z",
        "temperature": "21.5",
        "Temperature": "open",
        "attr.ts": "",
        "'@it's": "",
    }
    assert (second["attr.ts"], second["'@it's"], second["temperature"]) == ("5", "true", "")


def test_formulas_in_names_are_harmless(files: Files, record: Record_) -> None:
    record(observed("2026-10-05T10:00:00Z", 1, id="=HYPERLINK(1)", attribute="+x"))
    (line,) = files.lines("long")
    assert (line["entity_id"], line["attr"]) == ("'=HYPERLINK(1)", "'+x")


def test_progress_grows_day_by_day(files: Files, record: Record_) -> None:
    record(*(observed(f"2026-10-{day:02}T10:00:00Z", day) for day in range(1, 4)))
    files.built()
    assert [rows for _, rows in files.notes] == [1, 2, 3]
    shares = [share for share, _ in files.notes]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] < 1


def test_an_open_window_takes_everything(files: Files, record: Record_) -> None:
    record(observed("1999-10-05T10:00:00Z", 1), observed("2026-10-05T10:00:00Z", 2))
    assert [row[9] for row in files.parquet(window=Window())] == [1, 2]
    until = from_iso("2026-10-05T10:00:00+00:00")
    assert [row[9] for row in files.parquet(window=Window(None, until))] == [1]


@pytest.mark.parametrize(
    ("month", "first", "after"),
    [
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2026-03", "2026-03-01", "2026-04-01"),
    ],
)
def test_months_are_those_of_the_calendar(month: str, first: str, after: str) -> None:
    assert window_of(*days_of_month(month)) == Window(from_iso(first), from_iso(after))


def test_what_is_no_month_is_refused() -> None:
    for text in ("2026-13", "2026-1", "2026", "", "9999-12"):
        with pytest.raises(ValueError, match=r"isoformat|month|year"):
            days_of_month(text)
