"""`make benchmark-history`: the tables of figures; the docstring of the package says what is measured."""

import os
import time
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from city.clock import now
from city.tenancy import Tenant
from history.keeping.compaction import Compaction
from history.keeping.merging import Benches
from history.keeping.months import Months
from sandbox.history_benchmark.asking import (
    MANY,
    ONE,
    Figures,
    Function,
    Question,
    averages,
    between,
)
from sandbox.history_benchmark.cloud import Store, emulated
from sandbox.history_benchmark.replay import TYPE, Replay, day, ids, station

YEAR, BUSY = Tenant("year"), Tenant("busy")
STATIONS, DAYS = 1000, 365
WEEK = 7
BATCHES = 24
BUSY_STATIONS, BUSY_READINGS = 10_000, 1440
MOST = 10_000
"""Rows of one answer of QuantumLeap's API."""

WIDTH = 150


def questions(days: int) -> Mapping[str, Question]:
    """About stations that have this many days of history, the last week of which is recent."""
    week, whole, one = day(days - WEEK), day(0), ONE.format(id=station(STATIONS // 2))
    of_one = {"type": TYPE}
    hundred = {"id": ",".join(ids(100, STATIONS))}
    recent = between(week, WEEK)
    return {
        "newest 10 of a station": Question(one, of_one | {"lastN": 10}, 10),
        "hourly average of a station, a week": Question(
            one, of_one | averages("hour") | recent, WEEK * 24
        ),
        "hourly average of a station, all days": Question(
            one, of_one | averages("hour") | between(whole, days), days * 24
        ),
        "daily average of a station, all days": Question(
            one, of_one | averages("day") | between(whole, days), days * 24
        ),
        "hourly average of 100 stations, a week": Question(
            MANY, hundred | averages("hour") | recent, min(MOST, 100 * WEEK * 24)
        ),
        "1,000 rows at offset 100,000 of a week": Question(
            MANY, recent | {"limit": 1000, "offset": 100_000}, 1000
        ),
        "hourly average of the city, a day": Question(
            MANY, averages("hour") | between(week, 1), min(MOST, STATIONS * 24)
        ),
        "daily average of the city, a day": Question(
            MANY, averages("day") | between(week, 1), STATIONS * 24
        ),
    }


def busy_questions() -> Mapping[str, Question]:
    one, last = ONE.format(id=station(STATIONS // 2)), WEEK - 1
    of_one = {"type": TYPE}
    return {
        "newest 10 of a station": Question(one, of_one | {"lastN": 10}, 10),
        "hourly average of a station, a week": Question(
            one, of_one | averages("hour") | between(day(0), WEEK), WEEK * 24
        ),
        "average by the minute of a station, a day": Question(
            one, of_one | averages("minute") | between(day(last), 1), BUSY_READINGS
        ),
    }


def compact(store: Store, days: range) -> None:
    """As the product does it."""
    objects, ledger, merges, benches = store.objects, store.ledger, store.merges, Benches()
    compaction = Compaction(ledger, merges, objects, benches, now, grace=0)
    for number in days:
        compaction.compact(YEAR, TYPE, day(number))
    months = Months(ledger, merges, objects, benches, now, grace=0)
    for month in sorted({f"{day(number):%Y-%m}" for number in days}):
        months.build(YEAR, TYPE, month)


def bytes_per_row(store: Store, days: int) -> float:
    """Of the files of records after compaction."""
    held = store.ledger.days(YEAR, TYPE, day(0), day(days - 1)).days
    files = [file for one in held for file in one.files]
    return sum(file.size for file in files) / sum(file.rows for file in files)


def replay_a_year(
    console: Console, store: Store, function: Function, days: int, repeats: int
) -> None:
    """A year, its last week before and after compaction."""
    replay, recent = Replay(store, YEAR, STATIONS), range(days - WEEK, days)
    with console.status("writing a year"):
        replay.compacted(range(days - WEEK))
        replay.recorded(recent, BATCHES)
    asked = questions(days)
    with console.status("measuring before compaction"):
        before = {name: function.measured(YEAR, one, repeats) for name, one in asked.items()}
    with console.status("compacting a week"):
        compact(store, recent)
    with console.status("measuring after compaction"):
        after = {name: function.measured(YEAR, one, repeats) for name, one in asked.items()}
    each = bytes_per_row(store, days)
    title = f"{STATIONS * 24 * days:,} rows: {STATIONS:,} stations by the hour, {days} days"
    table = Table(title=title)
    headings = "question", "files before", "after", "ms before", "after", "faster", "read before", "after", "needed", "read/needed"  # fmt: skip
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "question" else "right")
    for name, one in asked.items():
        old, new, needed = before[name], after[name], one.rows * each
        table.add_row(
            name, f"{old.files}", f"{new.files}", shown(old), shown(new), f"{old.own / new.own:.1f}×",
            size(old.read), size(new.read), size(needed), f"{new.read / needed:.1f}",
        )  # fmt: skip
    console.print(table)


def fill_a_day(console: Console, store: Store, function: Function, repeats: int) -> None:
    """Ten thousand stations by the minute."""
    with console.status("writing a day of 14.4 million rows"):
        file = Replay(store, BUSY, BUSY_STATIONS, BUSY_READINGS).busy_week(range(WEEK))
    title = f"{file.rows:,} rows a day, in one file of {size(file.size)}"
    table = Table("question", "files", "ms", "read", title=title)
    for name, one in busy_questions().items():
        found = function.measured(BUSY, one, repeats)
        table.add_row(name, f"{found.files}", shown(found), size(found.read))
    console.print(table)


def shown(figures: Figures) -> str:
    return f"{figures.own:.0f} + {figures.waiting:.0f}"


def size(count: float) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def benchmark(
    days: Annotated[int, typer.Option(min=WEEK * 2, max=365, help="of the year to replay")] = DAYS,
    repeats: Annotated[int, typer.Option(min=1, help="of each question")] = 9,
    busy: Annotated[bool, typer.Option(help="also the day of 14.4 million rows")] = True,
) -> None:
    """Measure the history API's handler over an emulated AWS of its own."""
    console = Console(width=WIDTH)
    started = time.monotonic()
    with emulated() as store:
        function = Function()
        replay_a_year(console, store, function, days, repeats)
        if busy:
            fill_a_day(console, store, function, repeats)
    console.print(
        "ms: of a warm answer in the handler, S3 included + waiting for the emulated DynamoDB."
    )
    console.print(
        f"{time.monotonic() - started:.0f} s on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    typer.run(benchmark)
