"""Records into files: one for each tenant, type and UTC day of observation in a batch.

In this order, so that a crash anywhere and the same batch again give the same history: the series
into the directory; then for each file, side by side, the object, its day among the dirty ones, its
row in the ledger, and only from then on it counts; at last the directory once more, in case series
were forgotten meanwhile.

A batch over many days may run out of time. When it comes again it passes over the files that count
already, and so goes on where it was.

A batch costs 2 reads for each tenant, and for each file 1 PUT and 2 write units; one that comes
again long after 1 read more for each type, for what was deleted meanwhile. What new series and late
values cost stands in `history.store.directory`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from city.parallel import in_parallel
from city.tenancy import Tenant
from history.days import day_of
from history.names import day_key, raw_name
from history.recording.changes import Change
from history.recording.parquet import parquet_of
from history.records import Record, Series
from history.store.directory import Directory
from history.store.ledger import File, Ledger
from history.store.objects import Objects

MANY = 100
"""Files of a batch that is asked about before it is written: 1 read for each 27 files or days that
the ledger has of its time."""

Group = tuple[Tenant, str, date]
"""A tenant, a type and a UTC day: what one file holds."""


@dataclass
class Batch:
    """What is recorded together: records, and by series how late they are (`Change.late_until`)."""

    records: dict[Tenant, list[Record]] = field(default_factory=dict)
    late: dict[Tenant, dict[Series, int]] = field(default_factory=dict)

    def add(self, change: Change) -> None:
        """Take in what a step of an entity adds."""
        tenant, series, records, late_until = change
        self.records.setdefault(tenant, []).extend(records)
        if late_until:
            late = self.late.setdefault(tenant, {})
            late[series] = max(late_until, late.get(series, 0))


class Recorder:
    """Writes history; one per process, safe for threads."""

    def __init__(self, objects: Objects, ledger: Ledger, directory: Directory) -> None:
        self._objects = objects
        self._ledger = ledger
        self._directory = directory

    def record(self, tenant: Tenant, records: Sequence[Record], source: str) -> None:
        """Keep records that came by notification, which the context may not have; see
        `record_all`."""
        kept = self._kept(tenant, records)
        self._directory.know(tenant, _series(kept), foreign=True)
        self._write_all({tenant: kept}, source)

    def record_all(self, batch: Batch, source: str) -> None:
        """Keep a batch. `source` names it: the same source with the same records writes the same
        files, so it may come again after any fault.

        Raises Unavailable or an error of the AWS client when not everything was kept.
        """
        kept = {tenant: self._kept(tenant, some) for tenant, some in batch.records.items()}
        for tenant, records in kept.items():
            series = _series(records)
            late = {one: at for one, at in batch.late.get(tenant, {}).items() if one in series}
            self._directory.know(tenant, series, late=late)
        self._write_all(kept, source)

    def _kept(self, tenant: Tenant, records: Sequence[Record]) -> Sequence[Record]:
        """Records without those that were deleted between their acceptance and now."""
        oldest: dict[str, int] = {}
        for record in records:
            type = record.series.type
            oldest[type] = min(record.ingested, oldest.get(type, record.ingested))
        deletions = [
            one
            for type, moment in oldest.items()
            for one in self._ledger.deletions_since(tenant, type, moment)
        ]
        if not deletions:
            return records
        return [one for one in records if not any(each.covers(one) for each in deletions)]

    def _write_all(self, records: Mapping[Tenant, Sequence[Record]], source: str) -> None:
        groups = _groups(records)
        there = self._registered(groups) if len(groups) >= MANY else set()
        missing = [one for one in groups.items() if raw_name(source, *one[0]) not in there]
        in_parallel(lambda one: self._write(*one, source), missing)
        for tenant, some in records.items():
            self._directory.know(tenant, _series(some))

    def _registered(self, groups: Iterable[Group]) -> set[str]:
        """The names of the raw files that count of all types and days of a batch."""
        days: dict[tuple[Tenant, str], list[date]] = {}
        for tenant, type, day in groups:
            days.setdefault((tenant, type), []).append(day)
        return {
            name
            for kind, some in days.items()
            for name in self._ledger.registered(*kind, min(some), max(some))
        }

    def _write(self, group: Group, records: Sequence[Record], source: str) -> None:
        tenant, type, day = group
        key = day_key(tenant, type, day, raw_name(source, tenant, type, day))
        body = parquet_of(records)
        self._objects.put(key, body)
        times = [record.ts for record in records]
        file = File(key, len(records), len(body), min(times), max(times))
        self._ledger.register(tenant, type, day, file)


def _series(records: Iterable[Record]) -> dict[Series, None]:
    return dict.fromkeys(record.series for record in records)


def _groups(batch: Mapping[Tenant, Sequence[Record]]) -> dict[Group, list[Record]]:
    groups: dict[Group, list[Record]] = {}
    for tenant, records in batch.items():
        for record in records:
            group = (tenant, record.series.type, day_of(record.ts))
            groups.setdefault(group, []).append(record)
    return groups
