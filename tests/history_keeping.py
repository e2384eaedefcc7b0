"""A small history with everything that keeps it, whose every call of AWS can be the last.

`Keeping` records, compacts and deletes like the functions do, over DynamoDB and S3 clients that let
the process die before or after the n-th write. `visible` and `hours` are what readers must see;
`expected_hours` says from records what a rollup must hold.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from city.clock import SECOND
from city.errors import NotFound
from city.table import Table
from city.tenancy import ROOT, Tenant
from history.days import day_of
from history.keeping.agenda import tasks_of
from history.keeping.compaction import Compaction
from history.keeping.deletions import Deletions
from history.keeping.erasure import Erasure
from history.keeping.merging import Benches
from history.keeping.months import Months
from history.keeping.retention import Expiry
from history.keeping.tasks import Task
from history.recording.recorder import Recorder
from history.records import Record, Series
from history.store.directory import Directory
from history.store.ledger import Holdings, Ledger
from history.store.merges import HOLD, Merges, Replaced
from history.store.objects import Objects
from history.store.retention import RetentionStore
from tests.history_oracle import EVER, Oracle, records_in, winners_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

TENANT = Tenant("santander")
TYPE = "AirQualityObserved"
HOUR = 3600 * SECOND
DAY = 24 * HOUR
START = int(datetime(2026, 3, 30, tzinfo=UTC).timestamp()) * SECOND
"""Two days before the end of a month."""

_WRITES = frozenset(
    {
        "put_item",
        "update_item",
        "delete_item",
        "transact_write_items",
        "put_object",
        "upload_file",
        "delete_objects",
    }
)

Hours = dict[tuple[str, str, str, str, datetime], tuple[Any, ...]]


class Died(BaseException):
    """The process ends here: nothing that catches errors gets to run."""


@dataclass
class Fate:
    """After how many writes the process dies; never while None. `after`: the last one succeeds.

    `watch` is called before each write, and after it.
    """

    writes: int | None = None
    after: bool = False
    watch: Callable[[], None] | None = None

    def around(self, write: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Make a write, unless the process dies before."""
        if self.watch:
            self.watch()
            answer = write(*args, **kwargs)
            self.watch()
            return answer
        if self.writes is None:
            return write(*args, **kwargs)
        self.writes -= 1
        if self.writes < 0 and not self.after:
            raise Died
        answer = write(*args, **kwargs)
        if self.writes < 0:
            raise Died
        return answer


@dataclass(frozen=True)
class Mortal:
    """A client of AWS whose writes are subject to fate."""

    client: Any
    fate: Fate

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.client, name)
        if name not in _WRITES:
            return call
        return lambda *args, **kwargs: self.fate.around(call, *args, **kwargs)


@dataclass
class Queue:
    """A queue that keeps what is put into it."""

    tasks: list[tuple[Task, int]] = field(default_factory=list)

    def send(self, tasks: Sequence[Task], delay: int = 0) -> None:
        """Keep tasks."""
        self.tasks += [(task, delay) for task in tasks]


class Keeping:
    """A history in one table and one bucket, and its clock."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, s3: "S3Client", bucket: str) -> None:
        self.now = START + 12 * HOUR
        self.fate = Fate()
        self.table = Table(Mortal(dynamodb, self.fate), table, self.clock)  # type: ignore[arg-type]  # stands in for it
        self.objects = Objects(Mortal(s3, self.fate), bucket)  # type: ignore[arg-type]  # stands in for it
        self.ledger = Ledger(self.table, self.clock)
        self.merges = Merges(self.table, self.clock)
        self.directory = Directory(self.table, self.clock)
        self.recorder = Recorder(self.objects, self.ledger, self.directory)
        self.queue = Queue()
        self.deletions = Deletions(self.merges, self.queue, self.clock)
        self.retention = RetentionStore(self.table, self.clock)
        self.benches = Benches(rows_at_once=40)
        self.made()
        self.oracle = Oracle()

    def made(self) -> None:
        """What a function makes when it starts."""
        self.compaction = Compaction(
            self.ledger, self.merges, self.objects, self.benches, self.clock, grace=900
        )
        self.months = Months(
            self.ledger, self.merges, self.objects, self.benches, self.clock, grace=900
        )
        self.erasure = Erasure(
            self.ledger,
            self.merges,
            self.directory,
            self.compaction,
            self.months,
            self.clock,
            settle=0,
        )
        self.expiry = Expiry(self.retention, self.merges, self.compaction, self.months, self.clock)

    def clock(self) -> int:
        """The present time."""
        return self.now

    def record(self, records: Sequence[Record], source: str) -> None:
        """Record a batch that came from a source."""
        self.recorder.record(TENANT, records, source)
        self.oracle.accept(TENANT, records)

    def work_off(self) -> None:
        """Do everything that is marked, as often as it takes; days are compacted when over."""
        for _ in range(4):
            self.now += HOLD + 1
            for work in [*self.merges.work()]:
                if [*tasks_of([work], day_of(self.now))]:
                    with suppress(Replaced):
                        self.do(work.what)

    def do(self, what: str) -> None:
        """Do what a mark says."""
        if what.startswith("x "):
            self.erasure.carry_out(TENANT, TYPE, what[2:])
        elif what.startswith("m "):
            self.months.build(TENANT, TYPE, what[2:])
        else:
            self.compaction.compact(TENANT, TYPE, date.fromisoformat(what))

    def keys(self) -> set[str]:
        """All objects in the bucket."""
        return {*self.objects.keys("")}

    def named(self) -> set[str]:
        """All objects that the ledger lets readers take."""
        holdings = self.holdings()
        files = [file for day in holdings.days for file in (*day.files, day.rollup) if file]
        return {file.key for file in (*files, *(month.file for month in holdings.months))}

    def holdings(self) -> Holdings:
        """Everything in the ledger."""
        return self.ledger.days(TENANT, TYPE, *EVER, months=True)

    def visible(self) -> set[tuple[Any, ...]]:
        """What readers see: a file that has vanished makes them look into the ledger once more."""
        try:
            return self._visible()
        except NotFound:
            return self._visible()

    def _visible(self) -> set[tuple[Any, ...]]:
        return self.read(self.holdings())

    def read(self, holdings: Holdings) -> set[tuple[Any, ...]]:
        """What a reader sees who has looked into the ledger before. Raises NotFound."""
        found = (
            record
            for day in holdings.days
            for file in day.files
            for record in records_in(self.objects.get(file.key), TYPE)
        )
        kept = (one for one in found if not any(x.covers(one) for x in holdings.deletions))
        return {_shown(one) for one in winners_of(kept).values()}

    def expected(self) -> set[tuple[Any, ...]]:
        """What readers must see."""
        return {_shown(one) for one in self.oracle.winners(TENANT).values()}

    def hours(self) -> Hours:
        """The rollup rows of all clean days."""
        days = [day for day in self.holdings().days if day.clean and day.rollup]
        return self._rows([day.rollup.key for day in days if day.rollup])

    def month_hours(self) -> Hours:
        """The rollup rows of the months that are up to date."""
        holdings = self.holdings()
        days = {day.date: day.generation for day in holdings.days}
        valid = [
            month.file.key
            for month in holdings.months
            if dict(month.days)
            == {day: n for day, n in days.items() if f"{day:%Y-%m}" == month.month}
        ]
        return self._rows(valid)

    def expected_hours(self, days: Iterable[date]) -> Hours:
        """The rollup rows that some days must have."""
        chosen = {*days}
        records = self.oracle.winners(TENANT).values()
        return expected_hours(one for one in records if day_of(one.ts) in chosen)

    def _rows(self, keys: Iterable[str]) -> Hours:
        rows: Hours = {}
        with self.benches.new() as bench:
            for number, key in enumerate(keys):
                path = bench.directory / f"{number}.read"
                self.objects.get_file(key, path)
                found = rows_of_rollup(path)
                assert rows.keys().isdisjoint(found)
                rows |= found
        return rows


_ROLLUP = """
SELECT entity_id, service_path, attr, dataset_id, hour, n, num, sum, sumsq, min, max, s_min, s_max,
    epoch_us(first_ts), first_kind, first_num, first_text,
    epoch_us(last_ts), last_kind, last_num, last_text, attr_type
FROM read_parquet(?)"""


def rows_of_rollup(path: Path) -> Hours:
    """The rows of a rollup file, by series and hour."""
    found = duckdb.connect().execute(_ROLLUP, [str(path)]).fetchall()
    rows = {row[:5]: _rounded(row[5:]) for row in found}
    assert len(rows) == len(found)
    return rows


def expected_hours(records: Iterable[Record]) -> Hours:
    """What the rollup of records that count must hold."""
    groups: dict[tuple[str, str, str, str, datetime], list[Record]] = {}
    for one in records:
        if one.op == "set" and one.value is not None:
            hour = datetime.fromtimestamp(one.ts // HOUR * 3600, UTC).replace(tzinfo=None)
            key = (one.series.id, one.series.path, one.attribute, one.dataset, hour)
            groups.setdefault(key, []).append(one)
    return {key: _rounded(_figures(group)) for key, group in groups.items()}


def _figures(group: list[Record]) -> tuple[Any, ...]:
    group.sort(key=lambda one: one.ts)
    numbers = [float(one.value) for one in group if _is_number(one.value)]  # type: ignore[arg-type]  # they are
    texts = [one.value for one in group if isinstance(one.value, str)]
    return (
        len(group),
        len(numbers),
        fsum(numbers) if numbers else None,
        fsum(x * x for x in numbers) if numbers else None,
        min(numbers, default=None),
        max(numbers, default=None),
        min(texts, default=None),
        max(texts, default=None),
        *_end(group[0]),
        *_end(group[-1]),
        group[-1].attribute_type,
    )


def _end(one: Record) -> tuple[Any, ...]:
    match one.value:
        case bool():
            return one.ts, "boolean", None, "true" if one.value else "false"
        case int():
            text = None if abs(one.value) <= 2**53 else str(one.value)
            return one.ts, "integer", float(one.value), text
        case float():
            return one.ts, "number", one.value, None
        case _:
            return one.ts, "string", None, one.value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rounded(figures: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(
        float(f"{round(one, 6):.12g}") if isinstance(one, float) else one for one in figures
    )


def _shown(one: Record) -> tuple[Any, ...]:
    return (*one.identity, one.seq, one.op, type(one.value).__name__, one.value)


def observation(
    at: int,
    value: Any = 21,
    *,
    id: str = "a",
    attribute: str = "NO2",
    seq: int = 1,
    ingested: int = 0,
) -> Record:
    """A record of an attribute at a time; None with attribute "" ends the entity."""
    op = "delete" if not attribute else "set"
    return Record(
        series=Series(TYPE, id, ROOT),
        attribute=attribute,
        attribute_type="Number",
        ts=at,
        ts_source="TimeInstant",
        modified=at,
        ingested=ingested or at,
        seq=seq,
        op=op,  # type: ignore[arg-type]  # one of the two
        value=value,
    )
