"""Every kind of query, by DuckDB in the function and by Athena: the same answer from the same files."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from city import aws
from city.clock import SECOND, from_iso
from city.policy.grants import UNLIMITED
from city.table import Table
from city.tenancy import ROOT, PathPattern, ServicePath, Tenant
from history.reading.attempts import Limits
from history.reading.engine import Credentials, Engine, Found, Place, TimedOut
from history.reading.fragments import Sql
from history.reading.large_queries import LargeQueries
from history.reading.planner import Planner
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
from history.recording.recorder import Recorder
from history.records import Record, Series
from history.store.athena import Athena
from history.store.directory import Directory
from history.store.ledger import Ledger
from history.store.objects import Objects
from tests.conftest import create_history_bucket, create_history_table
from tests.history_records import record
from tests.local_athena import REGION, LocalAthena

CITY = Tenant("athens")
HOUR = 3600 * 1_000_000
BEGIN = from_iso("2026-01-30T22:30:00Z")
END = BEGIN + 60 * HOUR
ROOMS = [
    Series("Room", "a", ROOT),
    Series("Room", "b", ServicePath("/park/")),
    Series("ns:Röm/1", "a", ROOT),
]
VALUES: list[Any] = [0, 0.0, 21.5, -3, False, True, "", "ü'", None, {"a": [1]}, 2**60 + 1, 7, 8.25]


@dataclass
class Both:
    """A planner that reads within a request, and one that leaves everything to Athena."""

    duckdb: Planner
    athena: Planner


def history() -> list[Record]:
    """Three rooms with values of every kind, one every two hours; some written twice."""
    found = []
    for number in range(90):
        for name in ("t", "T"):
            value = VALUES[number * (2 if name == "t" else 5) % len(VALUES)]
            ts = BEGIN + number // 3 * 2 * HOUR
            room = ROOMS[number % 3]
            found.append(
                record(value, series=room, attribute=name, ts=ts, seq=number, index=len(name))
            )
    return found


class Slow(Engine):
    """An engine that is never in time."""

    def run(self, query: Sql, timeout: int = 0) -> Found:
        raise TimedOut(f"not within {timeout} microseconds: {query}")


@pytest.fixture(scope="module")
def both(s3_endpoint: str) -> Iterator[Both]:
    s3, dynamodb = aws.client("s3"), aws.client("dynamodb")
    bucket, table = create_history_bucket(s3), Table(dynamodb, create_history_table(dynamodb))
    ledger, directory, objects = Ledger(table), Directory(table), Objects(s3, bucket)
    recorder = Recorder(objects, ledger, directory)
    recorder.record(CITY, history(), "first")
    recorder.record(CITY, [replace(one, seq=1000, value=99) for one in history()[::7]], "again")
    place = Place(objects.s3_uri(""), s3_endpoint, REGION)
    engines = [kind(place, lambda: Credentials("testing", "testing")) for kind in (Engine, Slow)]
    with LocalAthena.over(s3, bucket, s3_endpoint) as local:
        athena = Athena(local.client, local.workgroup["Name"], local.database)
        large = LargeQueries(athena, table, wait=60 * SECOND, sleep=lambda _: time.sleep(0.01))
        patient = Limits(time=60 * SECOND)
        planners = [
            Planner(ledger, directory, objects, engine, large, limits=patient) for engine in engines
        ]
        yield Both(*planners)


ROOM = Choice(CITY, ["Room"])
ALL = Choice(CITY)
ONE = Choice(CITY, ["Room"], ["a"], attributes=["t"])
WINDOW = Window(BEGIN + 3 * HOUR, END - 5 * HOUR)

QUERIES: dict[str, Query] = {
    "all instances": Instances(ALL),
    "instances of a window": Instances(ROOM, WINDOW),
    "instances of one attribute": Instances(ONE),
    "newest instances of one attribute": Instances(ONE, last=3),
    "newest instances of each": Instances(ALL, last=2),
    "a page of instances": Instances(ALL, limit=7, offset=20),
    "a page from the end": Instances(ALL, limit=7, offset=20, newest_first=True),
    "rows": Rows(ROOM, WINDOW),
    "newest rows": Rows(ALL, last=5),
    "a page of rows": Rows(ALL, limit=4, offset=6),
    "ids by a pattern": Rows(Choice(CITY, id_pattern="^a"), limit=50),
    "paths": Rows(Choice(CITY, scope=(PathPattern(ServicePath("/park/"), True),))),
    "latest": Latest(ALL),
    "latest of a window": Latest(ROOM, WINDOW),
    "sightings": Sightings(ALL),
    **{
        f"{method.value} by day": Aggregate(ALL, [method], Calendar("day"))
        for method in (Method.COUNT, Method.NUMBERS, Method.FIRST, Method.OCCURRENCES)
    },
    "every method by hour": Aggregate(ALL, list(Method), Calendar("hour")),
    "every method by month": Aggregate(ALL, list(Method), Calendar("month")),
    "aggregates of everything": Aggregate(ALL, list(Method)),
    "aggregates of a window": Aggregate(ROOM, [Method.AVG, Method.COUNT], None, WINDOW),
    "newest buckets": Aggregate(ALL, [Method.SUM], Calendar("hour"), last=4),
    "a page of buckets": Aggregate(ALL, [Method.SUM], Calendar("hour"), limit=5, offset=3),
    "anchored hours": Aggregate(ALL, [Method.AVG], Anchored(micros=5 * HOUR, origin=BEGIN)),
    "anchored at the first": Aggregate(ALL, [Method.MAX], Anchored(micros=5 * HOUR)),
    "anchored months": Aggregate(ALL, [Method.SUM], Anchored(months=1, origin=BEGIN)),
}


def rounded(value: Any) -> Any:
    """Sums of fractions depend on the order of their terms; nothing else may differ."""
    match value:
        case float():
            return float(f"{value:.12g}")
        case dict():
            return {key: rounded(item) for key, item in value.items()}
        case tuple() | list():
            return [rounded(item) for item in value]
    return value


@pytest.mark.parametrize("name", QUERIES)
def test_both_engines_answer_alike(name: str, both: Both) -> None:
    query = QUERIES[name]
    here, there = (one.run(query, UNLIMITED) for one in (both.duckdb, both.athena))
    assert here.report.engine == "duckdb"
    assert there.report.engine == "athena"
    assert here.rows
    assert [rounded(row) for row in there.rows] == [rounded(row) for row in here.rows]
