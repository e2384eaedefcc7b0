"""A history in files of this machine, with what the ledger and the directory would say of it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, cast

from city.tenancy import Tenant
from history.days import day_of
from history.keeping.merging import Query, Region, Workbench
from history.keeping.rollups import HOURS_OF_DAYS, HOURS_OF_RECORDS
from history.names import day_key, month_key
from history.reading.attempts import Limits
from history.reading.engine import Engine, Place
from history.reading.planner import Planner
from history.recording.parquet import parquet_of
from history.records import Record, Series
from history.store.ledger import Day, Deletion, File, Holdings, Ledger, Month

if TYPE_CHECKING:
    from history.store.directory import Directory
    from history.store.objects import Objects

LIMITS = Limits()

DayKey = tuple[Tenant, str, date]


@dataclass
class Shelf:
    """Stands for ledger, directory and objects at once, as far as reading asks them."""

    root: Path
    days_: dict[DayKey, Day] = field(default_factory=dict)
    months_: dict[tuple[Tenant, str, str], Month] = field(default_factory=dict)
    deletions_: list[Deletion] = field(default_factory=list)
    series: dict[Tenant, set[Series]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names = (f"{number:024x}" for number in count())

    def record(self, tenant: Tenant, records: Sequence[Record]) -> None:
        """Put a batch on the shelf, as `Recorder.record` does."""
        self.series.setdefault(tenant, set()).update(record.series for record in records)
        groups: dict[DayKey, list[Record]] = {}
        for record in records:
            groups.setdefault((tenant, record.series.type, day_of(record.ts)), []).append(record)
        for key, some in groups.items():
            file_key = day_key(*key, f"r-{next(self._names)}")
            body = parquet_of(some)
            self._path(file_key).write_bytes(body)
            times = [record.ts for record in some]
            file = File(file_key, len(some), len(body), min(times), max(times))
            present = self.days_.get(key, Day(*key, ()))
            self.days_[key] = replace(
                present, files=(*present.files, file), raw=(*present.raw, file), clean=False
            )

    def compact(self, tenant: Tenant, type: str, day: date, *, finishing: bool = True) -> None:
        """Merge the files of a day; with `finishing` it is clean then and has its rollup."""
        present = self.days_[tenant, type, day]
        bench = Workbench(self.root)
        regions = [_region(one) for one in self.deletions_ if one.type == type]
        written = bench.merge([self._path(file.key) for file in present.files], regions)
        if written is None:
            del self.days_[tenant, type, day]
            return
        file_key = day_key(tenant, type, day, f"{'d' if finishing else 'c'}-{next(self._names)}")
        written.path.rename(self._path(file_key))
        file = File(file_key, written.rows, written.size, written.first, written.last)
        rollup = self._rollup(bench, tenant, type, day, file) if finishing else None
        generation = present.generation + 1
        self.days_[tenant, type, day] = Day(
            tenant, type, day, (file,), (), rollup, finishing, generation
        )
        bench.close()

    def _rollup(
        self, bench: Workbench, tenant: Tenant, type: str, day: date, file: File
    ) -> File | None:
        hours = bench.write([self._path(file.key)], Query(HOURS_OF_RECORDS), time="hour")
        if hours is None:
            return None
        key = day_key(tenant, type, day, f"h-{next(self._names)}")
        hours.path.rename(self._path(key))
        return File(key, hours.rows, hours.size, 0, 0)

    def gather_month(self, tenant: Tenant, type: str, month: str) -> None:
        """Make the rollup of a month from those of its clean days."""
        days = [
            day
            for day in self.days_.values()
            if (day.tenant, day.type, f"{day.date:%Y-%m}") == (tenant, type, month) and day.rollup
        ]
        files = [self._path(cast("File", day.rollup).key) for day in days]
        if not files:
            return
        bench = Workbench(self.root)
        written = bench.write(files, Query(HOURS_OF_DAYS), time="hour")
        bench.close()
        assert written is not None
        key = month_key(tenant, type, month, f"m-{next(self._names)}")
        written.path.rename(self._path(key))
        generations = {day.date: day.generation for day in days}
        file = File(key, written.rows, written.size, 0, 0)
        self.months_[tenant, type, month] = Month(tenant, type, month, file, generations)

    def planner(self, limits: Limits = LIMITS, engine: Engine | None = None) -> Planner:
        """A planner over the shelf; `engine` may be that of a directory around it."""
        return Planner(
            cast("Ledger", self),
            cast("Directory", self),
            cast("Objects", self),
            engine or Engine(Place(str(self.root)), threads=1),
            limits=limits,
        )

    def days(
        self, tenant: Tenant, type: str, first: date, last: date, *, months: bool = False
    ) -> Holdings:
        """As `Ledger.days`."""
        found = [
            self.days_[key]
            for key in sorted(self.days_)
            if key[:2] == (tenant, type) and first <= key[2] <= last
        ]
        gathered = [one for key, one in self.months_.items() if key[:2] == (tenant, type)]
        return Holdings(found, gathered if months else [], self.deletions(tenant, type))

    def deletions(self, tenant: Tenant, type: str) -> list[Deletion]:
        """As `Ledger.deletions`."""
        return [one for one in self.deletions_ if (one.tenant, one.type) == (tenant, type)]

    def span(self, tenant: Tenant, type: str) -> tuple[date, date] | None:
        """As `Ledger.span`."""
        dates = [key[2] for key in self.days_ if key[:2] == (tenant, type)]
        return (min(dates), max(dates)) if dates else None

    def of_type(self, tenant: Tenant, type: str) -> list[Series]:
        """As `Directory.of_type`."""
        return sorted(one for one in self.series.get(tenant, ()) if one.type == type)

    def of_id(self, tenant: Tenant, id: str) -> list[Series]:
        """As `Directory.of_id`."""
        return sorted(one for one in self.series.get(tenant, ()) if one.id == id)

    def types(self, tenant: Tenant) -> list[str]:
        """As `Directory.types`."""
        return sorted({one.type for one in self.series.get(tenant, ())})

    def s3_uri(self, key: str) -> str:
        """As `Objects.s3_uri`."""
        return str(self.root / key)

    def remove(self, files: Iterable[File]) -> None:
        """Take files away, as the worker does when nobody should be reading them any more."""
        for file in files:
            with suppress(FileNotFoundError):
                self._path(file.key).unlink()

    def _path(self, key: str) -> Path:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _region(deletion: Deletion) -> Region:
    return Region(
        deletion.ids,
        deletion.scope,
        deletion.attributes,
        deletion.start,
        deletion.end,
        deletion.at,
    )
