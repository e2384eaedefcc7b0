"""The ledger: which files hold the history of a type, day by day. S3 is never listed to read.

`·` is U+001F (`city.keys`), DT a day as YYYY-MM-DD, NAME a file's name (`history.names`).

| `k` | row | pk | sk | members |
|---|---|---|---|---|
| D | day | `h·{tenant}·{type}` | `DT` | `files` {NAME: [rows, bytes, first, last]}, `gone` (names of files not to take, as raw ones merged into `files`), `n` generation, `rollup` {name, bytes, rows}, `complete` |
| R | raw file | `h·{tenant}·{type}` | `DT·r·NAME` | `rows`, `size`, `first`, `last`, `at` |
| M | month | `h·{tenant}·{type}` | `m YYYY-MM` | `name`, `bytes`, `rows`, `days` {DT: generation} |
| X | deletion in force | `h·{tenant}·{type}` | `x ID` | `ids`, `scope`, `attrs`, `start`, `end`, `at`, `by` |
| Y | deletion carried out | `h·{tenant}·{type}` | `y ID` | the same, and `exp` |
| W | dirty day | `dirty` | `{tenant}·{type}·DT` | `token`, `at` |

The files of a day are those of its D row and the raw ones that D has not merged. A day with exactly
one file that holds everything is *clean*: no observation is in it twice, its rollup is valid.

Request units: `register` 2 write. `days` and `registered` 1 read for each started 4 KB of the rows found (a raw file
is about 0.15 KB), at least 1, and as much for the deletions, and for the months when asked for.
`span` 2 read.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import cast

from city import clock as city_clock
from city.clock import SECOND, Clock
from city.dynamodb import Row
from city.keys import key, split
from city.table import LAST, Table
from city.tenancy import EVERYWHERE, PathPattern, PathScope, ServicePath, Tenant, in_scope
from history.names import day_key, month_key, name_of
from history.records import Record

DIRTY = "dirty"
"""The partition of dirty days."""

MONTH_MARK = "m "
DELETION_MARK = "x "
PAST_MARK = "y "
_FIRST_DAY = "0"
_LAST_DAY = f"9{LAST}"


LATE = 300 * SECOND
"""What is recorded later than this after it was accepted may have been deleted meanwhile."""


@dataclass(frozen=True, slots=True)
class File:
    """An object with rows of one day: its key, rows, bytes, and the times of the first and last
    observation in it (µs)."""

    key: str
    rows: int
    size: int
    first: int
    last: int

    @property
    def name(self) -> str:
        """Its name in the ledger."""
        return name_of(self.key)


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day of a type: `files` are all to read, `raw` those of them not merged yet.

    `clean`: there is one file, without duplicates, and `rollup` (if any) holds the same.
    `generation` 0: nothing was ever merged.
    """

    tenant: Tenant
    type: str
    date: date
    files: tuple[File, ...]
    raw: tuple[File, ...] = ()
    rollup: File | None = None
    clean: bool = False
    generation: int = 0

    @property
    def size(self) -> int:
        """The bytes of all files to read."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Month:
    """The hourly rollups of a month (`YYYY-MM`) in one file, made of these days' generations."""

    tenant: Tenant
    type: str
    month: str
    file: File
    days: Mapping[date, int]


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted and may still be in files: rows accepted until `at` (µs) that match all.

    `ids` and `attributes`: None for all. `start` is inclusive, `end` exclusive (µs), None for open.
    `by` is who asked for it.
    """

    tenant: Tenant
    type: str
    id: str
    ids: tuple[str, ...] | None
    scope: PathScope
    attributes: tuple[str, ...] | None
    start: int | None
    end: int | None
    at: int
    by: str

    def covers(self, record: Record) -> bool:
        """Whether a record of its tenant is deleted by it."""
        return (
            record.ingested <= self.at
            and record.series.type == self.type
            and (self.ids is None or record.series.id in self.ids)
            and (self.attributes is None or record.attribute in self.attributes)
            and (self.start is None or record.ts >= self.start)
            and (self.end is None or record.ts < self.end)
            and in_scope(self.scope, record.series.path)
        )


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the ledger says of some days of a type: those that have anything, in order."""

    days: list[Day]
    months: list[Month] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)


class Ledger:
    """The ledger of one table; safe for threads."""

    def __init__(self, table: Table, clock: Clock = city_clock.now) -> None:
        self._table = table
        self._clock = clock

    def register(self, tenant: Tenant, type: str, day: date, file: File) -> None:
        """Let a raw file that is in S3 count: first its day becomes dirty. Repeating is harmless."""
        at = self._clock()
        token = secrets.token_hex(8)
        self._table.put({**dirty_key(tenant, type, day), "k": "W", "token": token, "at": at})
        self._table.put({**raw_key(tenant, type, day, file.name), **_raw_members(file), "at": at})

    def registered(self, tenant: Tenant, type: str, first: date, last: date) -> set[str]:
        """The names of the raw files of some days that were registered and are not swept yet."""
        between = (first.isoformat(), last.isoformat() + LAST)
        rows = self._table.every(partition_of(tenant, type), between=between)
        return {split(str(row["sk"]))[2] for row in rows if row["k"] == "R"}

    def days(
        self, tenant: Tenant, type: str, first: date, last: date, *, months: bool = False
    ) -> Holdings:
        """What there is of the days from `first` to `last`, both included.

        With `months` also the rollups of the months that these days touch.
        """
        # first the deletions: one that is gone by then is in no file of the days read after it
        deletions = self.deletions(tenant, type)
        pk = partition_of(tenant, type)
        between = (first.isoformat(), last.isoformat() + LAST)
        rows = list(self._table.every(pk, between=between))
        return Holdings(
            days=_days_of(tenant, type, rows),
            months=self._months(tenant, type, first, last) if months else [],
            deletions=deletions,
        )

    def deletions(self, tenant: Tenant, type: str) -> list[Deletion]:
        """The deletions in force for a type."""
        rows = self._table.every(partition_of(tenant, type), DELETION_MARK)
        return [_deletion_of(tenant, type, row) for row in rows]

    def deletions_since(self, tenant: Tenant, type: str, moment: int) -> list[Deletion]:
        """The deletions asked for since a time (µs), in force or carried out not long ago.

        For what is recorded long after it was accepted; a moment ago costs nothing to ask.
        """
        if self._clock() - moment < LATE:
            return []
        between = (DELETION_MARK, PAST_MARK + LAST)
        rows = self._table.every(partition_of(tenant, type), between=between)
        found = [_deletion_of(tenant, type, row) for row in rows]
        return [one for one in found if one.at >= moment]

    def span(self, tenant: Tenant, type: str) -> tuple[date, date] | None:
        """The first and the last day of a type that may have anything; None without any."""
        pk, between = partition_of(tenant, type), (_FIRST_DAY, _LAST_DAY)
        ends = [
            self._table.query(pk, between=between, limit=1, newest_first=newest).rows
            for newest in (False, True)
        ]
        if not all(ends):
            return None
        first, last = (day_of(str(rows[0]["sk"])) for rows in ends)
        return first, last

    def _months(self, tenant: Tenant, type: str, first: date, last: date) -> list[Month]:
        between = (f"{MONTH_MARK}{first:%Y-%m}", f"{MONTH_MARK}{last:%Y-%m}")
        rows = self._table.every(partition_of(tenant, type), between=between)
        return [month_from(tenant, type, row) for row in rows if "name" in row]


def partition_of(tenant: Tenant, type: str) -> str:
    """All rows about one type, but for its dirty days."""
    return key("h", tenant, type)


def dirty_key(tenant: Tenant, type: str, day: date) -> Row:
    """The key of the row that says a day waits to be compacted."""
    return {"pk": DIRTY, "sk": key(tenant, type, day.isoformat())}


def raw_key(tenant: Tenant, type: str, day: date, name: str) -> Row:
    """The key of the row of a raw file."""
    return {"pk": partition_of(tenant, type), "sk": key(day.isoformat(), "r", name)}


def day_of(sk: str) -> date:
    """The day of a D or R row, from its sort key."""
    return date.fromisoformat(split(sk)[0])


def _raw_members(file: File) -> Row:
    return {
        "k": "R",
        "rows": file.rows,
        "size": file.size,
        "first": file.first,
        "last": file.last,
    }


def _days_of(tenant: Tenant, type: str, rows: Iterable[Row]) -> list[Day]:
    by_day: dict[date, list[Row]] = {}
    for row in rows:
        by_day.setdefault(day_of(str(row["sk"])), []).append(row)
    days = [day_from(tenant, type, day, found) for day, found in by_day.items()]
    return [day for day in days if day.files]


def day_from(tenant: Tenant, type: str, day: date, rows: Iterable[Row]) -> Day:
    """What the D and R rows of a day say."""
    head: Row = {}
    raw: list[File] = []
    for row in rows:
        if row["k"] == "D":
            head = row
        else:
            raw.append(_raw_file(tenant, type, day, row))
    taken = cast("dict[str, int]", head.get("gone", {}))
    left = tuple(file for file in raw if file.name not in taken)
    merged = _merged_files(tenant, type, day, head)
    return Day(
        tenant,
        type,
        day,
        files=merged + left,
        raw=left,
        rollup=_rollup(tenant, type, day, head),
        clean=bool(head.get("complete")) and len(merged) == 1 and not left,
        generation=cast("int", head.get("n", 0)),
    )


def _raw_file(tenant: Tenant, type: str, day: date, row: Row) -> File:
    name = split(str(row["sk"]))[2]
    numbers = [cast("int", row[member]) for member in ("rows", "size", "first", "last")]
    return File(day_key(tenant, type, day, name), *numbers)


def _merged_files(tenant: Tenant, type: str, day: date, head: Row) -> tuple[File, ...]:
    files = cast("dict[str, list[int]]", head.get("files", {}))
    return tuple(
        File(day_key(tenant, type, day, name), *numbers) for name, numbers in sorted(files.items())
    )


def _rollup(tenant: Tenant, type: str, day: date, head: Row) -> File | None:
    found = cast("dict[str, str | int] | None", head.get("rollup"))
    if not found:
        return None
    name, size = str(found["name"]), cast("int", found["bytes"])
    return File(day_key(tenant, type, day, name), cast("int", found.get("rows", 0)), size, 0, 0)


def month_from(tenant: Tenant, type: str, row: Row) -> Month:
    """What an M row says."""
    month = str(row["sk"]).removeprefix(MONTH_MARK)
    name, size = str(row["name"]), cast("int", row["bytes"])
    file = File(month_key(tenant, type, month, name), cast("int", row.get("rows", 0)), size, 0, 0)
    days = cast("dict[str, int]", row["days"])
    generations = {date.fromisoformat(day): number for day, number in days.items()}
    return Month(tenant, type, month, file, generations)


def _deletion_of(tenant: Tenant, type: str, row: Row) -> Deletion:
    scope = cast("list[list[str | bool]] | None", row.get("scope"))
    return Deletion(
        tenant,
        type,
        id=str(row["sk"])[len(DELETION_MARK) :],
        ids=_texts(row.get("ids")),
        scope=_scope_of(scope),
        attributes=_texts(row.get("attrs")),
        start=cast("int | None", row.get("start")),
        end=cast("int | None", row.get("end")),
        at=cast("int", row["at"]),
        by=str(row.get("by", "")),
    )


def _texts(value: object) -> tuple[str, ...] | None:
    return None if value is None else tuple(cast("list[str]", value))


def _scope_of(stored: list[list[str | bool]] | None) -> PathScope:
    if stored is None:
        return EVERYWHERE
    return tuple(PathPattern(ServicePath(str(path)), bool(subtree)) for path, subtree in stored)
