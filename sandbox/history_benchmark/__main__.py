"""`make benchmark-history`: the table of figures; the docstring of the package says what is measured."""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
from sandbox.history_benchmark.replay import HOURS, TYPE, Replay, day, ids, station

YEAR, BUSY = Tenant("year"), Tenant("busy")
STATIONS, DAYS = 1000, 365
WEEK = 7
BATCHES = 24
BUSY_STATIONS, BUSY_READINGS = 10_000, 1440
MOST = 10_000
"""Rows of one answer of QuantumLeap's API."""

WIDTH = 150
EXPLANATION = """\
before, after: compaction of the last week.
ms: a warm answer in the handler with S3 + its waiting for the emulated DynamoDB, calls of which there are.
read: bytes of files for the first answer; needed: of as many rows as it is made of.
"""


def questions(days: int) -> Mapping[str, Question]:
    """About stations that have this many days of history, the last week of which is recent."""
    week, whole, one = day(days - WEEK), day(0), ONE.format(id=station(STATIONS // 2))
    of_one = {"type": TYPE}
    hundred = {"id": ",".join(ids(100, STATIONS))}
    recent = between(week, WEEK)
    return {
        "newest 10 of a station": Question(one, of_one | {"lastN": 10}, 10),
        "hourly average of a station, a week": Question(
            one, of_one | averages("hour") | recent, WEEK * HOURS
        ),
        "hourly average of a station, all days": Question(
            one, of_one | averages("hour") | between(whole, days), days * HOURS
        ),
        "daily average of a station, all days": Question(
            one, of_one | averages("day") | between(whole, days), days * HOURS
        ),
        "hourly average of 100 stations, a week": Question(
            MANY, hundred | averages("hour") | recent, min(MOST, 100 * WEEK * HOURS)
        ),
        "1,000 rows at offset 100,000 of a week": Question(
            MANY, recent | {"limit": 1000, "offset": 100_000}, 1000
        ),
        "hourly average of the city, a day": Question(
            MANY, averages("hour") | between(week, 1), min(MOST, STATIONS * HOURS)
        ),
        "daily average of the city, a day": Question(
            MANY, averages("day") | between(week, 1), STATIONS * HOURS
        ),
    }


def busy_questions() -> Mapping[str, Question]:
    one, last = ONE.format(id=station(STATIONS // 2)), WEEK - 1
    of_one = {"type": TYPE}
    return {
        "newest 10 of a station": Question(one, of_one | {"lastN": 10}, 10),
        "hourly average of a station, a week": Question(
            one, of_one | averages("hour") | between(day(0), WEEK), WEEK * HOURS
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


def bytes_per_row(store: Store, tenant: Tenant, days: int) -> float:
    """Of the files of records."""
    held = store.ledger.days(tenant, TYPE, day(0), day(days - 1)).days
    files = [file for one in held for file in one.files]
    return sum(file.size for file in files) / sum(file.rows for file in files)


@dataclass(frozen=True, slots=True)
class Line:
    """What a question took: after compaction, and before it if that was measured; and the bytes
    of as many rows as its answer is made of."""

    question: str
    after: Figures
    needed: float
    before: Figures | None = None

    def cells(self) -> list[str]:
        """As `HEADINGS` name them."""
        old, new = self.before, self.after
        files, taken, faster, read = ("–",) * 4
        if old is not None:
            files, taken, read = f"{old.files}", shown(old), size(old.read)
            faster = f"{old.own / new.own:.1f}×"
        left = [self.question, files, f"{new.files}", taken, shown(new), faster, f"{new.calls}"]
        return [*left, read, size(new.read), size(self.needed), f"{new.read / self.needed:,.0f}×"]


HEADINGS = (
    "question",
    "files before",
    "after",
    "ms before",
    "after",
    "faster",
    "calls",
    "read before",
    "after",
    "needed",
    "more",
)


def of_a_year(
    console: Console, store: Store, function: Function, days: int, repeats: int
) -> Iterator[Line]:
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
    each = bytes_per_row(store, YEAR, days)
    with console.status("measuring after compaction"):
        for name, one in asked.items():
            after = function.measured(YEAR, one, repeats)
            yield Line(name, after, one.rows * each, before[name])


def of_a_busy_week(
    console: Console, store: Store, function: Function, repeats: int
) -> Iterator[Line]:
    """Ten thousand stations by the minute."""
    with console.status("writing a day of 14.4 million rows"):
        file = Replay(store, BUSY, BUSY_STATIONS, BUSY_READINGS).busy_week(range(WEEK))
    for name, one in busy_questions().items():
        after = function.measured(BUSY, one, repeats)
        yield Line(name, after, one.rows * file.size / file.rows)


def shown(figures: Figures) -> str:
    """Milliseconds of the function and of DynamoDB."""
    return f"{figures.own:.0f} + {figures.waiting:.0f}"


def size(count: float) -> str:
    """Bytes for a reader."""
    if count < 1e3:
        return f"{count:.0f} B"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def benchmark(
    days: Annotated[int, typer.Option(min=WEEK * 2, max=365, help="of the year to replay")] = DAYS,
    repeats: Annotated[int, typer.Option(min=1, help="of each question")] = 9,
    busy: Annotated[bool, typer.Option(help="also the day of 14.4 million rows")] = True,
) -> None:
    """Measure the history API's handler over an emulated AWS of its own."""
    console = Console(width=WIDTH)
    started = time.monotonic()
    table = Table(
        title=f"{STATIONS:,} stations by the hour, {STATIONS * HOURS * days:,} rows; below them "
        f"{BUSY_STATIONS:,} by the minute, {BUSY_STATIONS * BUSY_READINGS:,} rows a day"
    )
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "question" else "right")
    with emulated() as store:
        function = Function()
        for line in of_a_year(console, store, function, days, repeats):
            table.add_row(*line.cells())
        table.add_section()
        for line in of_a_busy_week(console, store, function, repeats) if busy else ():
            table.add_row(*line.cells())
    console.print(table)
    console.print(EXPLANATION, f"{time.monotonic() - started:.0f} s on {os.cpu_count()} cores.")


if __name__ == "__main__":
    typer.run(benchmark)
