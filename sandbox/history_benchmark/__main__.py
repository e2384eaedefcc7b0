"""`make benchmark-history`: the table of figures; the docstring of the package says what is measured."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from city.policy.grants import UNLIMITED
from history.days import DAY, begin_of
from history.reading.engine import TIMEOUT, Engine, Found, Place
from history.reading.planner import Planner
from history.reading.queries import Aggregate, Calendar, Choice, Instances, Method, Query, Window
from history.reading.sql import Sql
from sandbox.history_benchmark.year import CITY, FIRST, TYPE, Replay, Shelf, ids, station

REPEATS = 9
STATIONS = 1000
DAYS = 365
BATCHES = 24
RAW_DAYS = 14
"""So many last days are also measured before compaction, with a file for each of 24 hours."""

BUSY_STATIONS = 10_000
BUSY_READINGS = 1440

MIDDLE = 500


def window(first: date, days: int) -> Window:
    begin = begin_of(first)
    return Window(begin, begin + days * DAY)


def hourly(first: date, days: int, *stations: str) -> Aggregate:
    """The hourly averages of these stations (all without any)."""
    choice = Choice(CITY, [TYPE], stations or None, attributes=["temperature"])
    return Aggregate(choice, [Method.AVG], Calendar("hour"), window(first, days))


def newest(number: int) -> Instances:
    """The newest ten readings of a station."""
    return Instances(Choice(CITY, [TYPE], [station(number)], attributes=["temperature"]), last=10)


@dataclass(frozen=True, slots=True)
class Case:
    """A query, and how many rows of the history its answer is made from."""

    query: Query
    rows: int
    is_recent: bool = True


WIDTH = 150
WEEK, MONDAY = 7, FIRST + timedelta(days=DAYS - 10)
YEAR: Mapping[str, Case] = {
    "newest 10 of one station": Case(newest(MIDDLE), 10),
    "hourly average, 1 station, a week": Case(hourly(MONDAY, WEEK, station(MIDDLE)), WEEK * 24),
    "hourly average, 1 station, a year": Case(
        hourly(FIRST, DAYS, station(MIDDLE)), DAYS * 24, is_recent=False
    ),
    "hourly average, 100 stations, a week": Case(
        hourly(MONDAY, WEEK, *ids(100, STATIONS)), 100 * WEEK * 24
    ),
    "page of 1,000 at offset 100,000": Case(
        Instances(
            Choice(CITY, [TYPE], attributes=["temperature"]),
            window(MONDAY, WEEK),
            limit=1000,
            offset=100_000,
        ),
        1000,
    ),
    "hourly average, the whole city, a day": Case(hourly(MONDAY, 1), STATIONS * 24),
}
BUSY: Mapping[str, Case] = {
    "newest 10 of one station": Case(newest(MIDDLE), 10),
    "average of the hours of a day, 1 station": Case(hourly(FIRST, 1, station(MIDDLE)), 1440),
    "hourly average, 1 station, a week": Case(hourly(FIRST, WEEK, station(MIDDLE)), 1440),
}


class Meter(Engine):
    """An engine that adds up the bytes it reads."""

    read = 0

    def run(self, query: Sql, timeout: int = TIMEOUT) -> Found:
        found = super().run(query, timeout)
        self.read += found.bytes
        return found


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds of the first and of a median later run; files and bytes of the first."""

    first: float
    warm: float
    files: int
    read: int


def measured(shelf: Shelf, query: Query) -> Figures:
    """A query by a process that has answered others, but none that read these files."""
    meter = Meter(Place(str(shelf.root)))
    meter.run(Sql("SELECT 1"))
    planner = shelf.planner(meter)
    before = meter.read
    times, files = [], 0
    for _ in range(REPEATS):
        started = time.perf_counter()
        files = planner_files(planner, query)
        times.append((time.perf_counter() - started) * 1000)
        if len(times) == 1:
            read = meter.read - before
    return Figures(times[0], statistics.median(times[1:]), files, read)


def planner_files(planner: Planner, query: Query) -> int:
    return planner.run(query, UNLIMITED).report.files


def bytes_per_row(shelf: Shelf) -> float:
    files = [file for day in shelf.days_.values() for file in day.files]
    return sum(file.size for file in files) / sum(file.rows for file in files)


def compare(console: Console, root: Path, first: int) -> None:
    """A year from this day on, and its last days before compaction."""
    with console.status("days as the recorder leaves them"):
        raw = Replay(root / "raw", STATIONS, 24).raw(range(DAYS - RAW_DAYS, DAYS), BATCHES)
    with console.status("a year compacted"):
        compacted = Replay(root / "compacted", STATIONS, 24).compacted(range(first, DAYS))
    rows = f"{STATIONS * 24 * (DAYS - first):,}"
    table = Table(title=f"{rows} rows: {STATIONS:,} stations by the hour, {DAYS - first} days")
    for column in ("query", "files", "first", "warm", "files ", "first ", "warm ", "faster", "read", "needed", "read/needed"):  # fmt: skip
        table.add_column(column, justify="left" if column == "query" else "right")
    for name, case in YEAR.items():
        after, needed = measured(compacted, case.query), case.rows * bytes_per_row(compacted)
        left = ["–"] * 3
        ratio = ""
        if case.is_recent:
            before = measured(raw, case.query)
            left = [f"{before.files}", f"{before.first:.0f} ms", f"{before.warm:.1f} ms"]
            ratio = f"{before.warm / after.warm:.1f}×"
        table.add_row(
            name, *left, f"{after.files}", f"{after.first:.0f} ms", f"{after.warm:.1f} ms",
            ratio, size(after.read), size(needed), f"{after.read / needed:.1f}",
        )  # fmt: skip
    console.print(table)


def busy_day(console: Console, root: Path) -> None:
    """One day of ten thousand stations by the minute."""
    with console.status("a day of 14.4 million rows"):
        started = time.perf_counter()
        shelf = Replay(root / "busy", BUSY_STATIONS, BUSY_READINGS).compacted(range(1))
        seconds = time.perf_counter() - started
    [day] = shelf.days_.values()
    title = f"{day.files[0].rows:,} rows of one day in one file of {size(day.size)}, written in {seconds:.0f} s"
    table = Table("query", "files", "first", "warm", "read", title=title)
    for name, case in BUSY.items():
        found = measured(shelf, case.query)
        table.add_row(
            name,
            f"{found.files}",
            f"{found.first:.0f} ms",
            f"{found.warm:.1f} ms",
            size(found.read),
        )
    console.print(table)


def size(count: float) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def benchmark(
    days: Annotated[int, typer.Option(min=RAW_DAYS, help="days of the year to replay")] = DAYS,
    busy: Annotated[bool, typer.Option(help="also the day of 14.4 million rows")] = True,
) -> None:
    """Measure the planner over files of this machine; nothing needs to run."""
    console = Console(width=WIDTH)
    with TemporaryDirectory(prefix="history-benchmark-") as place:
        compare(console, Path(place), DAYS - days)
        if busy:
            busy_day(console, Path(place))
    console.print("Files, first and warm run: left before compaction, right after it.")


if __name__ == "__main__":
    typer.run(benchmark)
