"""Records into files: what a batch brought, grouped by tenant, type and day of observation."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from city.parallel import in_parallel
from city.tenancy import Tenant
from history.names import day_key, raw_name
from history.parquet import parquet_of
from history.records import Record
from history.store.directory import Directory
from history.store.ledger import File, Ledger
from history.store.objects import Objects

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Group = tuple[Tenant, str, date]
"""A tenant, a type and a UTC day: what one file holds."""


class Recorder:
    """Writes history; one per process, safe for threads."""

    def __init__(self, objects: Objects, ledger: Ledger, directory: Directory) -> None:
        self._objects = objects
        self._ledger = ledger
        self._directory = directory

    def record(self, tenant: Tenant, records: Sequence[Record], source: str) -> None:
        """Keep the records of one tenant; see `record_all`."""
        self.record_all({tenant: records}, source)

    def record_all(self, batch: Mapping[Tenant, Sequence[Record]], source: str) -> None:
        """Keep a batch. `source` names it: the same source with the same records writes the same
        files, so a batch may come again after any fault.

        Raises Unavailable or an error of the AWS client when not everything was kept.
        """
        for tenant, records in batch.items():
            self._directory.know(tenant, (record.series for record in records))
        groups = list(_groups(batch).items())
        in_parallel(lambda one: self._write(*one, source), groups)
        for tenant, records in batch.items():
            self._directory.know(tenant, (record.series for record in records))

    def _write(self, group: Group, records: list[Record], source: str) -> None:
        tenant, type, day = group
        key = day_key(tenant, type, day, raw_name(source, tenant, type, day))
        body = parquet_of(records)
        self._objects.put(key, body)
        times = [record.ts for record in records]
        file = File(key, len(records), len(body), min(times), max(times))
        self._ledger.register(tenant, type, day, file)


def _groups(batch: Mapping[Tenant, Sequence[Record]]) -> dict[Group, list[Record]]:
    groups: dict[Group, list[Record]] = {}
    for tenant, records in batch.items():
        for record in records:
            group = (tenant, record.series.type, day_of(record.ts))
            groups.setdefault(group, []).append(record)
    return groups


def day_of(moment: int) -> date:
    """The UTC day of a time in microseconds."""
    return (_EPOCH + timedelta(microseconds=moment)).date()
