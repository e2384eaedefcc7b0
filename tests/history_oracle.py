"""A model of recorded history: which records count, kept in a dict.

`Oracle` takes records in any order and as often as one likes. `records_in` reads what files hold,
and `winners_of` applies the one rule that makes an answer of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import duckdb

from city.json import Json, parse
from city.tenancy import PathScope, ServicePath, Tenant, in_scope
from history.recording.parquet import value_of
from history.records import Record, RecordIdentity, Series
from history.store.ledger import Ledger
from history.store.objects import Objects

EVER = (date(1900, 1, 1), date(9999, 12, 31))

Winners = dict[RecordIdentity, Record]


def winners_of(records: Iterable[Record]) -> Winners:
    """The records that count, by identity: of each the one with the greatest seq."""
    winners: Winners = {}
    for record in records:
        present = winners.get(record.identity)
        if present is None or record.seq > present.seq:
            winners[record.identity] = record
    return winners


@dataclass
class Oracle:
    """The history of some tenants as it must be."""

    tenants: dict[Tenant, Winners] = field(default_factory=dict)

    def accept(self, tenant: Tenant, records: Iterable[Record]) -> None:
        """Take records in; duplicates and late ones are welcome."""
        present = self.tenants.get(tenant, {})
        self.tenants[tenant] = winners_of([*present.values(), *records])

    def winners(self, tenant: Tenant, type: str | None = None) -> Winners:
        """The records that count."""
        found = self.tenants.get(tenant, {})
        return {one: found[one] for one in found if type in (None, one.series.type)}

    def delete(
        self,
        tenant: Tenant,
        type: str,
        *,
        ids: Iterable[str] | None = None,
        scope: PathScope | None = None,
        attributes: Iterable[str] | None = None,
        start: int | None = None,
        end: int | None = None,
        until: int | None = None,
    ) -> None:
        """Delete what matches all: observed from `start` until before `end`, accepted `until`."""
        ids = None if ids is None else set(ids)
        attributes = None if attributes is None else set(attributes)

        def goes(record: Record) -> bool:
            return (
                record.series.type == type
                and (ids is None or record.series.id in ids)
                and (scope is None or in_scope(scope, record.series.path))
                and (attributes is None or record.attribute in attributes)
                and (start is None or record.ts >= start)
                and (end is None or record.ts < end)
                and (until is None or record.ingested <= until)
            )

        kept = self.tenants.get(tenant, {})
        self.tenants[tenant] = {one: kept[one] for one in kept if not goes(kept[one])}

    def instances(
        self,
        tenant: Tenant,
        series: Series,
        attribute: str,
        *,
        start: int | None = None,
        end: int | None = None,
        last: int | None = None,
    ) -> list[Record]:
        """The values of an attribute in the order of time, or the newest of them."""
        found = sorted(
            (
                record
                for record in self.tenants.get(tenant, {}).values()
                if (record.series, record.attribute) == (series, attribute)
                and record.op == "set"
                and (start is None or record.ts >= start)
                and (end is None or record.ts < end)
            ),
            key=lambda record: (record.ts, record.dataset),
        )
        return found if last is None else found[-last:]


def recorded(objects: Objects, ledger: Ledger, tenant: Tenant, type: str) -> Winners:
    """The records that count by what the ledger says and the files of the bucket hold."""
    holdings = ledger.days(tenant, type, *EVER)
    return winners_of(
        record
        for day in holdings.days
        for file in day.files
        for record in records_in(objects.get(file.key), type)
    )


def records_in(parquet: bytes, type: str) -> Iterator[Record]:
    """The records of one history file, in its order."""
    with TemporaryDirectory() as place:
        file = Path(place, "file.parquet")
        file.write_bytes(parquet)
        cursor = (
            _connection()
            .cursor()
            .execute(
                """SELECT *, epoch_us(ts) AS at, epoch_us(modified_at) AS modified,
            epoch_us(ingested_at) AS ingested FROM read_parquet(?)""",
                [str(file)],
            )
        )
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return (_record_of(row, type) for row in rows)


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:", config={"threads": 1})


def _record_of(row: dict[str, Any], type: str) -> Record:
    return Record(
        series=Series(type, row["entity_id"], ServicePath(row["service_path"])),
        attribute=row["attr"],
        attribute_type=row["attr_type"],
        ts=row["at"],
        ts_source=row["ts_source"],
        modified=row["modified"],
        ingested=row["ingested"],
        seq=row["seq"],
        op=row["op"],
        value=value_of(row["kind"], row["v_num"], row["v_bool"], row["v_str"], row["v_json"]),
        metadata=cast("dict[str, Json]", parse(row["meta_json"] or "{}")),
        dataset=row["dataset_id"],
        position=None if row["lon"] is None else (row["lon"], row["lat"]),
        shape=row["geo"] or "",
        index=row["idx"],
    )
