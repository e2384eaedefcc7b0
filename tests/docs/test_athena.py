"""Every query of docs/athena.md, run unchanged on the local Athena over recorded weather."""

import re
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from city import aws
from city.dates import parse_date
from city.tenancy import ServicePath, Tenant
from history import names
from history.keeping import rollups
from history.recording import parquet
from history.records import Record, Series
from sandbox.demo.observations import SAN_FRANCISCO, SEATTLE, STATIONS, TYPE, Station, days, hours
from tests.conftest import create_history_bucket
from tests.local_athena import LocalAthena
from tests.local_city import ROOT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PAGE = ROOT / "docs" / "athena.md"
FENCE = re.compile(r"^```sql\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
EXAMPLES: list[tuple[str, str]] = FENCE.findall(PAGE.read_text())
SHOWN = [example for example in EXAMPLES if example[0].startswith(("SELECT", "WITH"))]

HOURS = 31 * 24
OFFLINE = range(100, 160)
"""Hours of San Francisco that came three days late."""

MINUTE = 60_000_000
DEMO = Tenant("demo")


def record(
    id: str, attribute: str, ts: int, value: Any, *, unit: str, late: int = 0, seq: int = 1
) -> Record:
    ingested = ts + MINUTE + late
    return Record(
        series=Series(TYPE, id, ServicePath("/")), attribute=attribute, attribute_type="Number",
        ts=ts, ts_source="dateObserved", modified=ingested, ingested=ingested, seq=seq, op="set",
        value=value, metadata={"unitCode": {"type": "Text", "value": unit}},
    )  # fmt: skip


def micros(text: str) -> int:
    return parse_date(text)


def recorded() -> Iterator[Record]:
    """The hourly temperatures of January 2010, some late, some repeated; 91 days of rain and wind."""
    for station in STATIONS:
        for hour, observation in enumerate(hours(station, HOURS)):
            late = 72 * 60 * MINUTE if station is SAN_FRANCISCO and hour in OFFLINE else 0
            ts = micros(observation.observed)
            if hour % 50 == 0:  # a first reading that was corrected
                yield record(station.id, "temperature", ts, 999.0, unit="FAH", late=late, seq=hour)
            reading = observation.temperature
            yield record(
                station.id, "temperature", ts, reading, unit="FAH", late=late, seq=hour + 1
            )
    for day in days()[:91]:
        for attribute in ("precipitation", "windSpeed"):
            unit = day[attribute]["metadata"]["unitCode"]["value"]
            ts = micros(day["dateObserved"]["value"])
            yield record(day["id"], attribute, ts, day[attribute]["value"], unit=unit)


def store(s3: "S3Client", bucket: str, scratch: Path) -> None:
    """A file for each day, and the rollup of what counts in it."""
    by_day: dict[Any, list[Record]] = {}
    for one in recorded():
        day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=one.ts)).date()
        by_day.setdefault(day, []).append(one)
    for day, records in by_day.items():
        newest = {one.identity: one for one in sorted(records, key=lambda one: one.seq)}
        files = {"c": parquet.parquet_of(records), "h": rollup_of([*newest.values()], scratch)}
        for letter, body in files.items():
            key = names.day_key(DEMO, TYPE, day, names.new_name(letter))
            s3.put_object(Bucket=bucket, Key=key, Body=body)


def rollup_of(records: list[Record], scratch: Path) -> bytes:
    """The rollup of a day as compaction makes it."""
    merged, rollup = scratch / "merged", scratch / "rollup"
    merged.write_bytes(parquet.parquet_of(records))
    hours = rollups.HOURS_OF_RECORDS.replace("?", f"'{merged}'")
    with duckdb.connect() as engine:
        engine.execute(f"COPY ({hours}) TO '{rollup}' (FORMAT parquet)")
    return rollup.read_bytes()


@pytest.fixture(scope="module")
def athena(s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAthena]:
    s3 = aws.client("s3")
    bucket = create_history_bucket(s3)
    store(s3, bucket, tmp_path_factory.mktemp("rollups"))
    with LocalAthena.over(s3, bucket, s3_endpoint) as endpoint:
        yield endpoint


def shown(rows: list[tuple[str | None, ...]]) -> str:
    return "".join(" | ".join(str(cell) for cell in row) + "\n" for row in rows)


@pytest.mark.parametrize("example", SHOWN, ids=[query.split("FROM")[0][:40] for query, _ in SHOWN])
def test_query_of_the_page_gives_the_result_it_shows(
    athena: LocalAthena, example: tuple[str, str]
) -> None:
    query, result = example
    assert shown(athena.rows(query)) == result


def test_page_has_queries() -> None:
    assert len(SHOWN) >= 7


def temperatures(station: Station, first: datetime, last: datetime) -> list[float]:
    """What the station read from the first moment until before the last."""
    return [
        reading.temperature
        for reading in hours(station, HOURS)
        if first <= datetime.fromisoformat(reading.observed) < last
    ]


def test_figures_of_a_day_are_those_of_the_series(athena: LocalAthena) -> None:
    first, last = datetime(2010, 1, 2, tzinfo=UTC), datetime(2010, 1, 3, tzinfo=UTC)
    expected = [value for station in STATIONS for value in temperatures(station, first, last)]
    query = next(query for query, _ in SHOWN if "FROM history_hourly" in query)
    [row] = [row for row in athena.rows(query) if row[0] == "2010-01-02"]
    _, stations, readings, mean, coldest, warmest = row
    assert (stations, readings) == ("2", str(len(expected)))
    assert float(mean or 0) == pytest.approx(statistics.fmean(expected), abs=0.005)
    assert (float(coldest or 0), float(warmest or 0)) == (min(expected), max(expected))


def test_late_readings_are_those_that_came_late(athena: LocalAthena) -> None:
    query = next(query for query, _ in SHOWN if "hours_late" in query)
    [_, *rows] = athena.rows(query)
    assert {row[0] for row in rows} == {SAN_FRANCISCO.id}
    repeated = sum(hour % 50 == 0 for hour in OFFLINE)
    assert sum(int(row[2] or 0) for row in rows) == len(OFFLINE) + repeated


def test_percentiles_are_those_of_the_series(athena: LocalAthena) -> None:
    query = next(query for query, _ in SHOWN if "approx_percentile" in query)
    found = {row[0]: row for row in athena.rows(query)[1:]}
    january = datetime(2010, 1, 1, tzinfo=UTC), datetime(2010, 2, 1, tzinfo=UTC)
    values = temperatures(SEATTLE, *january)
    median = float((found[SEATTLE.id][1] or "").strip("[]").split(", ")[1])
    assert median == pytest.approx(statistics.median(values))
    assert float(found[SEATTLE.id][2] or 0) == pytest.approx(statistics.pstdev(values), abs=0.001)


def test_data_to_take_away_is_written(athena: LocalAthena, s3: "S3Client") -> None:
    bucket = athena.workgroup["Configuration"]["ResultConfiguration"]["OutputLocation"].split("/")[
        2
    ]
    [unload] = [query for query, _ in EXAMPLES if query.startswith("UNLOAD")]
    execution = athena.ended(athena.start(unload.replace("BUCKET", bucket)))
    assert execution["Status"]["State"] == "SUCCEEDED"
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="exports/january-2010/")
    assert listed["KeyCount"] == 1


def test_what_the_page_calls_aws_only_says_so_here(athena: LocalAthena) -> None:
    [create] = [query for query, _ in EXAMPLES if query.startswith("CREATE")]
    assert athena.reason(create).startswith("NOT_SUPPORTED")
