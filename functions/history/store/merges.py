"""The ledger as compaction changes it: what replaces which files, and what may be removed when.

A D or M row (`history.store.ledger`) has these members for compaction alone:

- `v`: its version. Every write replaces the row on condition that `v` is the one that was read.
- `until`: somebody is at work on it until then (µs), if he has not said before that he is done.
- `gone` {NAME: since}: files that readers shall not take any more, or not yet. The name of a new file
  is put here before the file is written, so that nothing is ever left behind unknown. Raw files
  leave it when their R row is gone too.

W rows say what there is to do: `{tenant}·{type}·` and a day (`DT`), a month (`m YYYY-MM`) or a deletion
(`x ID`). Who has done it removes the row, unless its `token` has changed meanwhile.

Request units: `day` 1 read for each started 4 KB, `month` 1; a write 1 for each started KB of the
row, which is 1 but for the names of raw files, 40 bytes each until they are swept.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple, cast

from city.clock import SECOND, Clock
from city.dynamodb import ConditionFailed, Row
from city.errors import Contended
from city.keys import key, split
from city.parallel import in_parallel
from city.table import IS_THERE, LAST, Change, Condition, Table
from city.tenancy import EVERYWHERE, Tenant
from history.names import day_key, month_key
from history.store.ledger import (
    DELETION_MARK,
    DIRTY,
    MONTH_MARK,
    PAST_MARK,
    Day,
    Deletion,
    File,
    Month,
    day_from,
    month_from,
    partition_of,
    raw_key,
)

REMEMBERED = 15 * 24 * 3600
"""Seconds for which a deletion that is carried out is remembered; dead letters last 14 days."""

HOLD = 16 * 60 * SECOND
"""How long a row is held at most; no function runs longer."""


class Work(NamedTuple):
    """Something to do, and the token of its row; `what` is a day, `m YYYY-MM` or `x ID`."""

    tenant: Tenant
    type: str
    what: str
    token: str


Place = tuple[str, str]
"""The id and the path of a series, in its type."""

MAX_LEFT = 2000
"""Series that a deletion's row names; for more it is not known which have nothing left."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a deletion has been carried out: through which day, and which of its series have
    records left in these days (None: too many to say)."""

    through: date | None = None
    left: frozenset[Place] | None = frozenset()

    def after(self, day: date, left: Iterable[Place]) -> "Progress":
        """The progress after a further day."""
        both = None if self.left is None else self.left.union(left)
        return Progress(day, None if both is None or len(both) > MAX_LEFT else both)


class Replaced(Contended):
    """Somebody else is at work on the day or month, or was; nothing was changed."""


@dataclass(frozen=True, slots=True)
class DayState:
    """A day as compaction sees it: its D row (empty when there is none) and all its R rows."""

    tenant: Tenant
    type: str
    date: date
    row: Row
    raws: tuple[Row, ...]

    @property
    def day(self) -> Day:
        """The day as readers see it."""
        rows = [self.row, *self.raws] if self.row else self.raws
        return day_from(self.tenant, self.type, self.date, rows)

    @property
    def gone(self) -> dict[str, int]:
        """What waits to be removed, by name, and since when."""
        return _gone(self.row)

    @property
    def registered(self) -> frozenset[str]:
        """The names of all R rows, also those of files that are merged."""
        return frozenset(split(str(row["sk"]))[2] for row in self.raws)

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do any more, whatever the time."""
        return not self.gone and (self.day.clean or not self.day.files)

    def key_of(self, name: str) -> str:
        """The object of a file of this day."""
        return day_key(self.tenant, self.type, self.date, name)


@dataclass(frozen=True, slots=True)
class MonthState:
    """A month (`YYYY-MM`) as compaction sees it: its M row, empty when there is none."""

    tenant: Tenant
    type: str
    name: str
    row: Row

    @property
    def month(self) -> Month | None:
        """The rollup as readers see it."""
        return month_from(self.tenant, self.type, self.row) if "name" in self.row else None

    @property
    def gone(self) -> dict[str, int]:
        """What waits to be removed, by name, and since when."""
        return _gone(self.row)

    def key_of(self, name: str) -> str:
        """The object of a file of this month."""
        return month_key(self.tenant, self.type, self.name, name)


class Merges:
    """The merge side of the ledger. Writes raise Replaced when somebody else was faster."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def day(self, tenant: Tenant, type: str, day: date) -> DayState:
        """How a day stands."""
        between = (day.isoformat(), day.isoformat() + LAST)
        rows = list(self._table.every(partition_of(tenant, type), between=between))
        head = next((row for row in rows if row["k"] == "D"), {})
        raws = tuple(row for row in rows if row["k"] == "R")
        return DayState(tenant, type, day, head, raws)

    def days(self, tenant: Tenant, type: str, before: date | None = None) -> list[date]:
        """All days of a type that have a row, or those before a day."""
        last = before.isoformat() if before else f"9{LAST}"
        rows = self._table.every(partition_of(tenant, type), between=("0", last))
        days = {date.fromisoformat(split(str(row["sk"]))[0]) for row in rows}
        return sorted(day for day in days if before is None or day < before)

    def month(self, tenant: Tenant, type: str, name: str) -> MonthState:
        """How the rollup of a month (`YYYY-MM`) stands."""
        row = self._table.get(partition_of(tenant, type), MONTH_MARK + name) or {}
        return MonthState(tenant, type, name, row)

    def months(self, tenant: Tenant, type: str) -> list[str]:
        """All months of a type that have a row."""
        rows = self._table.every(partition_of(tenant, type), MONTH_MARK)
        return [str(row["sk"]).removeprefix(MONTH_MARK) for row in rows]

    def hold_day(self, state: DayState, names: Iterable[str] = ()) -> DayState:
        """Keep others away from a day, and announce files that are about to be written."""
        return replace(state, row=self._hold(_day_row(state), names))

    def hold_month(self, state: MonthState, names: Iterable[str] = ()) -> MonthState:
        """Keep others away from a month, and announce files that are about to be written."""
        return replace(state, row=self._hold(_month_row(state), names))

    def switch_day(
        self,
        state: DayState,
        files: Sequence[File],
        rollup: File | None,
        superseded: Iterable[str],
        *,
        complete: bool,
    ) -> DayState:
        """Let readers take these files and rollup, and none of the superseded ones. Holds on."""
        hours: Row = {}
        if rollup:
            hours = {"name": rollup.name, "bytes": rollup.size, "rows": rollup.rows}
        row: Row = {
            **_day_row(state),
            "files": {one.name: [one.rows, one.size, one.first, one.last] for one in files},
            "complete": complete,
            "n": self._clock(),
            "rollup": hours,
        }
        kept = [one.name for one in (*files, rollup) if one]
        return replace(state, row=self._supersede(row, kept, superseded))

    def switch_month(
        self, state: MonthState, file: File | None, days: Mapping[date, int]
    ) -> MonthState:
        """Let readers take this rollup of a month, or none. Holds on."""
        row = _month_row(state)
        for member in ("name", "bytes", "rows", "days"):
            row.pop(member, None)
        if file:
            generations: Row = {day.isoformat(): number for day, number in days.items()}
            row |= {"name": file.name, "bytes": file.size, "rows": file.rows, "days": generations}
        kept = [file.name] if file else []
        old = [state.month.file.name] if state.month else []
        return replace(state, row=self._supersede(row, kept, old))

    def release_day(self, state: DayState, swept: Iterable[str] = ()) -> DayState:
        """Let others at a day. Names that were swept are forgotten, raw ones without R row only."""
        forgotten = {*swept} - state.registered
        return replace(state, row=self._release(_day_row(state), forgotten, "files"))

    def release_month(self, state: MonthState, swept: Iterable[str] = ()) -> MonthState:
        """Let others at a month; names that were swept are forgotten."""
        return replace(state, row=self._release(_month_row(state), {*swept}, "name"))

    def remove_raw(self, state: DayState, names: Iterable[str]) -> None:
        """Remove the R rows of files that were merged."""
        keys = [raw_key(state.tenant, state.type, state.date, name) for name in names]
        in_parallel(lambda one: self._table.delete(str(one["pk"]), str(one["sk"])), keys)

    def work(self) -> Iterator[Work]:
        """Everything there is to do, page by page."""
        for row in self._table.every(DIRTY):
            tenant, type, what = split(str(row["sk"]))
            yield Work(Tenant(tenant), type, what, str(row["token"]))

    def marked_days(self, tenant: Tenant, type: str, first: str, last: str) -> list[str]:
        """The days of a type that wait to be compacted, in order; 1 read for each 40."""
        rows = self._table.every(DIRTY, between=(key(tenant, type, first), key(tenant, type, last)))
        return [split(str(row["sk"]))[2] for row in rows]

    def token(self, tenant: Tenant, type: str, what: str) -> str | None:
        """What identifies a thing to do, as it is now; None when it is done."""
        row = self._table.get(DIRTY, key(tenant, type, what))
        return str(row["token"]) if row else None

    def mark(self, tenant: Tenant, type: str, what: str) -> None:
        """There is something to do."""
        self._table.put(self._work_row(tenant, type, what))

    def done(self, work: Work) -> None:
        """There is nothing to do any more, unless somebody has marked it again."""
        condition = Condition("#t = :token", {":token": work.token}, {"#t": "token"})
        try:
            self._table.delete(DIRTY, key(work.tenant, work.type, work.what), condition)
        except ConditionFailed:
            return

    def put_deletion(self, deletion: Deletion) -> None:
        """Let a deletion be in force for readers, and mark it as something to do, both at once."""
        what = DELETION_MARK + deletion.id
        row: Row = {
            "pk": partition_of(deletion.tenant, deletion.type),
            "sk": what,
            "k": "X",
            "at": deletion.at,
            "by": deletion.by,
        }
        for member, chosen in (("ids", deletion.ids), ("attrs", deletion.attributes)):
            if chosen is not None:
                row[member] = [*chosen]
        if deletion.scope != EVERYWHERE:
            row["scope"] = [[one.path, one.subtree] for one in deletion.scope]
        if deletion.start is not None:
            row["start"] = deletion.start
        if deletion.end is not None:
            row["end"] = deletion.end
        work = self._work_row(deletion.tenant, deletion.type, what)
        self._table.transact([self._table.putting(row), self._table.putting(work)])

    def count_deletions(self, tenant: Tenant, type: str, most: int) -> int:
        """How many deletions of a type are in force; it counts no more than `most`."""
        return len(self._table.query(partition_of(tenant, type), DELETION_MARK, limit=most).rows)

    def progress(self, deletion: Deletion) -> Progress:
        """How far a deletion has been carried out."""
        row = self._table.get(*_deletion_key(deletion)) or {}
        through = row.get("through")
        left = cast("list[list[str]] | None", row.get("left", []))
        return Progress(
            date.fromisoformat(str(through)) if through else None,
            None if left is None else frozenset((id, path) for id, path in left),
        )

    def note_progress(self, deletion: Deletion, progress: Progress) -> None:
        """Say how far a deletion has been carried out."""
        left = progress.left
        members: Row = {
            ":through": str(progress.through),
            ":left": None if left is None else [[*one] for one in sorted(left)],
        }
        change = Change("SET through = :through, #l = :left", members, {"#l": "left"})
        self._table.update(*_deletion_key(deletion), change, IS_THERE)

    def finish_deletion(self, deletion: Deletion) -> None:
        """A deletion is carried out: no file has what it covers.

        For as long as a stream or a dead letter may still bring it again, recording asks for it.
        """
        pk, sk = _deletion_key(deletion)
        row = self._table.get(pk, sk)
        if row is None:
            return
        exp = self._clock() // SECOND + REMEMBERED
        past: Row = {**row, "sk": PAST_MARK + deletion.id, "k": "Y", "exp": exp}
        past.pop("left", None)
        self._table.transact([self._table.putting(past), self._table.deleting(pk, sk)])

    def _work_row(self, tenant: Tenant, type: str, what: str) -> Row:
        token = secrets.token_hex(8)
        sk = key(tenant, type, what)
        return {"pk": DIRTY, "sk": sk, "k": "W", "token": token, "at": self._clock()}

    def _hold(self, row: Row, names: Iterable[str]) -> Row:
        now = self._clock()
        if cast("int", row.get("until", 0)) > now:
            raise Replaced("somebody else is compacting this")
        gone = {**_gone(row), **dict.fromkeys(names, now)}
        return self._write({**row, "until": now + HOLD, "gone": cast("Row", gone)})

    def _supersede(self, row: Row, kept: Iterable[str], superseded: Iterable[str]) -> Row:
        gone = {**_gone(row), **dict.fromkeys(superseded, self._clock())}
        for name in kept:
            gone.pop(name, None)
        return self._write({**row, "gone": cast("Row", gone)})

    def _release(self, row: Row, forgotten: set[str], content: str) -> Row:
        """Write a row without names; remove it when it has none left and no content either."""
        gone = {name: since for name, since in _gone(row).items() if name not in forgotten}
        if gone or row.get(content):
            return self._write({**row, "until": 0, "gone": cast("Row", gone)})
        with _faster():
            self._table.delete(str(row["pk"]), str(row["sk"]), _unchanged(row))
        return {}

    def _write(self, row: Row) -> Row:
        """Write the next version of a row."""
        after: Row = {**row, "v": cast("int", row.get("v", 0)) + 1}
        with _faster():
            self._table.put(after, _unchanged(row))
        return after


@contextmanager
def _faster() -> Iterator[None]:
    try:
        yield
    except ConditionFailed as error:
        raise Replaced("somebody else has been at work on this meanwhile") from error


def _day_row(state: DayState) -> Row:
    pk = partition_of(state.tenant, state.type)
    return {"pk": pk, "sk": state.date.isoformat(), "k": "D", **state.row}


def _month_row(state: MonthState) -> Row:
    pk = partition_of(state.tenant, state.type)
    return {"pk": pk, "sk": MONTH_MARK + state.name, "k": "M", **state.row}


def _deletion_key(deletion: Deletion) -> tuple[str, str]:
    return partition_of(deletion.tenant, deletion.type), DELETION_MARK + deletion.id


def _unchanged(row: Row) -> Condition:
    if "v" not in row:
        return Condition("attribute_not_exists(v)")
    return Condition("v = :v", {":v": row["v"]})


def _gone(row: Row) -> dict[str, int]:
    return dict(cast("Mapping[str, int]", row.get("gone", {})))
