"""The replayed series as files of the history, in the layout that the recorder and compaction leave."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, cast

import duckdb

from city.clock import SECOND
from city.tenancy import ROOT, Tenant
from history.days import begin_of
from history.keeping.rollups import HOURS_OF_DAYS, HOURS_OF_RECORDS
from history.names import day_key, month_key
from history.reading.engine import Engine
from history.reading.planner import Planner
from history.recording.parquet import COLUMNS, ROW_GROUP
from history.records import Series
from history.store.ledger import Day, Deletion, File, Holdings, Ledger, Month
from sandbox.demo.observations import STATIONS, hours

if TYPE_CHECKING:
    from history.store.directory import Directory
    from history.store.objects import Objects

CITY = Tenant("benchmark")
TYPE = "WeatherObserved"
FIRST = date(2025, 1, 1)
HOURS = 24
WRITTEN = f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"


def station(number: int) -> str:
    """The id of a station; ids sort as numbers do."""
    return f"urn:ngsi-ld:{TYPE}:{number:05d}"


@dataclass
class Shelf:
    """Files in a directory, and what ledger, directory and objects say of them."""

    root: Path
    stations: int
    days_: dict[date, Day] = field(default_factory=dict)
    months_: list[Month] = field(default_factory=list)

    def planner(self, engine: Engine) -> Planner:
        """What answers queries over the shelf."""
        return Planner(cast("Ledger", self), cast("Directory", self), cast("Objects", self), engine)

    def days(
        self, tenant: Tenant, type: str, first: date, last: date, *, months: bool = False
    ) -> Holdings:
        """As `Ledger.days`; there is one tenant with one type."""
        assert (tenant, type) == (CITY, TYPE)
        found = [day for day in self.days_.values() if first <= day.date <= last]
        return Holdings(found, self.months_ if months else [], [])

    def deletions(self, _tenant: Tenant, _type: str) -> list[Deletion]:
        """As `Ledger.deletions`."""
        return []

    def span(self, _tenant: Tenant, _type: str) -> tuple[date, date] | None:
        """As `Ledger.span`."""
        return min(self.days_), max(self.days_)

    def of_type(self, _tenant: Tenant, type: str) -> list[Series]:
        """As `Directory.of_type`."""
        return [Series(type, station(number), ROOT) for number in range(self.stations)]

    def of_id(self, _tenant: Tenant, id: str) -> list[Series]:
        """As `Directory.of_id`."""
        return [Series(TYPE, id, ROOT)]

    def types(self, _tenant: Tenant) -> list[str]:
        """As `Directory.types`."""
        return [TYPE]

    def s3_uri(self, key: str) -> str:
        """As `Objects.s3_uri`."""
        return str(self.root / key)

    def path(self, key: str) -> Path:
        """Where the object of a key is; its directory exists."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


class Replay:
    """Writes the files of days. `readings` a day of each station, evenly spaced."""

    def __init__(self, root: Path, stations: int, readings: int) -> None:
        self.shelf = Shelf(root, stations)
        self._readings = readings
        self._numbers = 0
        self._engine = duckdb.connect(config={"memory_limit": "3GB", "threads": 2})
        series = [[reading.temperature for reading in hours(city, 8759)] for city in STATIONS]
        self._engine.execute(
            "CREATE TABLE series AS SELECT city, generate_subscripts(read, 1) - 1 AS place, "
            "unnest(read) AS temperature FROM (SELECT unnest([0, 1]) AS city, unnest($1) AS read)",
            [series],
        )

    def raw(self, days: range, batches: int) -> Shelf:
        """As the recorder leaves them: so many files for each day, each of a part of the day."""
        for number in days:
            day = FIRST + timedelta(days=number)
            parts = range(0, self._readings, self._readings // batches)
            files = tuple(
                self._day_file(number, "r", start, self._readings // batches) for start in parts
            )
            self.shelf.days_[day] = Day(CITY, TYPE, day, files, files)
        return self.shelf

    def compacted(self, days: range) -> Shelf:
        """As compaction leaves them: a file and a rollup for each day, a rollup for each month."""
        for number in days:
            day = FIRST + timedelta(days=number)
            file = self._day_file(number, "d", 0, self._readings)
            rollup = self._rollup(
                day_key(CITY, TYPE, day, self._name("h")), [file], HOURS_OF_RECORDS
            )
            self.shelf.days_[day] = Day(CITY, TYPE, day, (file,), (), rollup, True, 1)
        for month, found in groupby(self.shelf.days_.values(), lambda day: f"{day.date:%Y-%m}"):
            gathered = list(found)
            files = [cast("File", day.rollup) for day in gathered]
            rollup = self._rollup(
                month_key(CITY, TYPE, month, self._name("m")), files, HOURS_OF_DAYS
            )
            generations = {day.date: day.generation for day in gathered}
            self.shelf.months_.append(Month(CITY, TYPE, month, rollup, generations))
        return self.shelf

    def _day_file(self, number: int, letter: str, first: int, count: int) -> File:
        """A file with `count` readings of each station from the `first` of the day."""
        day = FIRST + timedelta(days=number)
        key = day_key(CITY, TYPE, day, self._name(letter))
        path = self.shelf.path(key)
        step = HOURS * 3600 * SECOND // self._readings
        begin = begin_of(day) + first * step
        values = {
            "entity_id": f"format('urn:ngsi-ld:{TYPE}:{{:05d}}', station)",
            "service_path": f"'{ROOT}'",
            "attr": "'temperature'",
            "dataset_id": "''",
            "attr_type": "'Number'",
            "ts": "moment",
            "ts_source": "'dateObserved'",
            "modified_at": "moment + INTERVAL 1 SECOND",
            "ingested_at": "moment + INTERVAL 2 SECOND",
            "seq": f"reading + {first + number * self._readings}",
            "op": "'set'",
            "kind": "'number'",
            "v_num": "round(temperature + station % 41 / 10.0, 1)",
            "lat": "CASE station % 2 WHEN 0 THEN 47.6062 ELSE 37.7749 END",
            "lon": "CASE station % 2 WHEN 0 THEN -122.3321 ELSE -122.4194 END",
            "unit_code": "'FAH'",
            "idx": "1",
        }
        columns = ", ".join(
            f"CAST({values.get(column.name, 'NULL')} AS {column.type}) AS {column.name}"
            for column in COLUMNS
        )
        rows = self.shelf.stations * count
        self._engine.execute(
            f"""COPY (
                SELECT {columns} FROM (
                    SELECT i // {count} AS station, i % {count} AS reading,
                        make_timestamp({begin} + (i % {count}) * {step}) AS moment,
                        {number * HOURS} + (({first} + i % {count}) * {HOURS}) // {self._readings} AS hour
                    FROM range({rows}) AS rows(i)
                ) JOIN series ON city = station % 2 AND place = (hour + station * 37) % 8759
                ORDER BY station, reading
            ) TO '{path}' {WRITTEN}"""  # noqa: S608 - numbers and names of our own
        )
        last = begin + (count - 1) * step
        return File(key, rows, path.stat().st_size, begin, last)

    def _rollup(self, key: str, files: Sequence[File], query: str) -> File:
        path = self.shelf.path(key)
        read = ", ".join(f"'{self.shelf.path(file.key)}'" for file in files)
        text = query.replace("read_parquet(?)", f"read_parquet([{read}])")
        self._engine.execute(f"COPY ({text}) TO '{path}' {WRITTEN}")
        [[rows]] = self._engine.execute(f"SELECT count(*) FROM '{path}'").fetchall()  # noqa: S608
        return File(key, rows, path.stat().st_size, 0, 0)

    def _name(self, letter: str) -> str:
        self._numbers += 1
        return f"{letter}-{self._numbers:024x}"


def ids(count: int, of: int) -> Iterator[str]:
    """So many stations of so many, evenly spread."""
    return (station(number * of // count) for number in range(count))
