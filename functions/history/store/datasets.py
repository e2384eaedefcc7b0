"""What is said about datasets, and the files that the public downloads.

`·` is U+001F (`city.keys`).

| `k` | row | pk | sk | members |
|---|---|---|---|---|
| B | record of the catalogue | `catalog` | `record` | `record` (JSON), `at`, `by` |
| B | record of a dataset | `datasets·{tenant}` | `record·{type}` | the same |
| P | publication | `datasets·{tenant}` | `public·{type}` | `view`, `issued`, `at`, `months` {YYYY-MM: {`state`, `at`, `files` {csv|parquet: [key, bytes, SHA-256]}}} |

`view` is the fingerprint of what the public sees of the type; `state` that of the month's files in
the ledger when the public's files were made (`history.opendata.releases`).

Request units: `find` 1 read; `of_tenant` 1 for each 4 KB (a publication has 0.4 KB for each month);
`put` and `delete` 1 write for each KB; `note_month` as much as the whole publication.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from city.dynamodb import ConditionFailed, Row, Value
from city.json import Json, dump, parse
from city.keys import key, split
from city.table import IS_NEW, Change, Condition, Table
from city.tenancy import Tenant

_CATALOG = ("catalog", "record")
_RECORD = "record"
_PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Written:
    """An editorial record as it was written: when (µs), which is its version, and by whom."""

    record: dict[str, Json]
    at: int
    by: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file for the public: where it is in the bucket, its bytes, and its SHA-256 in hex."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Release:
    """A month (`YYYY-MM`) as the public may have it, made of the ledger's `state`.

    A month of which the public sees nothing has no `files`; others one for each format. `at` (µs) is
    since when the files are as they are; 0 when there never were any.
    """

    month: str
    state: str
    at: int
    files: Mapping[str, Download] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publication:
    """What the public has of a type: since `issued` (µs), and under this `view` since `at`."""

    view: str
    issued: int
    at: int
    months: Mapping[str, Release] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shelf:
    """All that a tenant has said and published, by type."""

    records: Mapping[str, Written]
    publications: Mapping[str, Publication]


class DatasetStore:
    """Reads and writes records and publications; safe for threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of_tenant(self, tenant: Tenant) -> Shelf:
        """Everything of a tenant."""
        records: dict[str, Written] = {}
        publications: dict[str, Publication] = {}
        for row in self._table.every(_partition(tenant)):
            kind, type = split(str(row["sk"]))
            if kind == _RECORD:
                records[type] = _written(row)
            else:
                publications[type] = _publication(row)
        return Shelf(records, publications)

    def catalog(self) -> Written | None:
        """The record of the catalogue."""
        row = self._table.get(*_CATALOG)
        return _written(row) if row else None

    def put_catalog(self, written: Written, seen: int | None) -> None:
        """Write the catalogue's record; as `put`."""
        self._put(_CATALOG, written, seen)

    def delete_catalog(self, seen: int) -> None:
        """Delete the catalogue's record; as `delete`."""
        self._table.delete(*_CATALOG, _in_version(seen))

    def find(self, tenant: Tenant, type: str) -> Written | None:
        """The record of a type."""
        row = self._table.get(*_record_key(tenant, type))
        return _written(row) if row else None

    def put(self, tenant: Tenant, type: str, written: Written, seen: int | None) -> None:
        """Write a record over version `seen` (None: there is none). Raises ConditionFailed."""
        self._put(_record_key(tenant, type), written, seen)

    def delete(self, tenant: Tenant, type: str, seen: int) -> None:
        """Delete version `seen` of a record. Raises ConditionFailed."""
        self._table.delete(*_record_key(tenant, type), _in_version(seen))

    def publication(self, tenant: Tenant, type: str) -> Publication | None:
        """What the public has of a type."""
        row = self._table.get(*_public_key(tenant, type))
        return _publication(row) if row else None

    def publish(self, tenant: Tenant, type: str, view: str, at: int) -> Publication | None:
        """Begin a publication under a view, unless it has begun; the one of another view that this
        replaced, whose files nobody may have any more."""
        pk, sk = _public_key(tenant, type)
        present = self.publication(tenant, type)
        if present is not None and present.view == view:
            return None
        issued = present.issued if present else at
        row: Row = {"pk": pk, "sk": sk, "k": "P", "view": view, "issued": issued, "at": at}
        condition = _of_view(present.view) if present else IS_NEW
        self._table.put({**row, "months": {}}, condition)
        return present

    def note_month(self, tenant: Tenant, type: str, view: str, release: Release) -> bool:
        """Put a month into the publication; False when the view is another one by now."""
        change = Change(
            "SET months.#m = :release", {":release": _release_row(release)}, {"#m": release.month}
        )
        try:
            self._table.update(*_public_key(tenant, type), change, _of_view(view))
        except ConditionFailed:
            return False
        return True

    def withdraw(self, tenant: Tenant, type: str) -> Publication | None:
        """End a publication; what it was."""
        row = self._table.delete(*_public_key(tenant, type))
        return _publication(row) if row else None

    def _put(self, place: tuple[str, str], written: Written, seen: int | None) -> None:
        pk, sk = place
        row: Row = {"pk": pk, "sk": sk, "k": "B", "record": dump(written.record)}
        row |= {"at": written.at, "by": written.by}
        self._table.put(row, IS_NEW if seen is None else _in_version(seen))


def _partition(tenant: Tenant) -> str:
    return key("datasets", tenant)


def _record_key(tenant: Tenant, type: str) -> tuple[str, str]:
    return _partition(tenant), key(_RECORD, type)


def _public_key(tenant: Tenant, type: str) -> tuple[str, str]:
    return _partition(tenant), key(_PUBLIC, type)


def _in_version(version: int) -> Condition:
    return Condition("#at = :seen", {":seen": version}, {"#at": "at"})


def _of_view(view: str) -> Condition:
    return Condition("#view = :view", {":view": view}, {"#view": "view"})


def _written(row: Row) -> Written:
    record = cast("dict[str, Json]", parse(str(row["record"])))
    return Written(record, cast("int", row["at"]), str(row["by"]))


def _publication(row: Row) -> Publication:
    months = cast("Mapping[str, Row]", row["months"])
    return Publication(
        str(row["view"]),
        cast("int", row["issued"]),
        cast("int", row["at"]),
        {month: _release(month, months[month]) for month in sorted(months)},
    )


def _release_row(release: Release) -> Row:
    row: Row = {"state": release.state, "at": release.at}
    files: dict[str, Value] = {
        kind: [file.key, file.size, file.sha256] for kind, file in release.files.items()
    }
    return row | {"files": files}


def _release(month: str, row: Row) -> Release:
    files = cast("Mapping[str, list[Value]]", row["files"])
    return Release(
        month,
        str(row["state"]),
        cast("int", row["at"]),
        {
            kind: Download(str(key), cast("int", size), str(sha256))
            for kind, (key, size, sha256) in files.items()
        },
    )
