"""Compaction: many small files of a day into few large ones, and a past day into one with its rollup.

The present day: raw files become a chunk, and chunks no larger than what is merged go into it, so
that a day never has more than a few. A past day: everything becomes one file, sorted, each record
once, without what deletions cover, and beside it the hourly rollup. The ledger then switches to the
new files in one write; the old ones go when no query can be reading them any more.

A crash leaves nothing but announced names, which a later pass removes. While somebody is at work
on a day, others give way; should his hold have run out, his switch is refused.
"""

import logging
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from city.clock import SECOND, Clock
from city.errors import NotFound
from city.parallel import in_parallel
from city.tenancy import Tenant
from history.days import DAY, day_of
from history.keeping.merging import Benches, Query, Region, Workbench, Written
from history.keeping.rollups import HOURS_OF_RECORDS
from history.names import new_name
from history.store.ledger import MONTH_MARK, Day, Deletion, File, Ledger
from history.store.merges import DayState, Merges, Place, Work
from history.store.objects import Objects

MAX_RAW = 2000
"""Raw files that are merged at a time."""

MAX_GONE = 6000
"""Names that wait to be swept before a day is merged again; a row of the ledger holds 400 KB."""

SMALL = 8_000_000
"""Bytes of a file that is read in one request."""

LARGE = 5_000_000
"""Rows of a day that is not written anew for every record that comes late."""

PATIENCE = DAY
_LATE_SHARE = 50

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """Which files become one; if that `finishes` the day, these are all of it."""

    inputs: tuple[File, ...]
    finishes: bool


class Erased(NamedTuple):
    """What a day is after a deletion: its generation, and the series that have records left."""

    generation: int
    left: set[Place]


def plan(day: Day, today: date, now: int) -> Plan | None:
    """What to merge next of a day; None when it is as it should be for now."""
    if day.clean or not day.files:
        return None
    over = day.date < today
    if over and len(day.raw) <= MAX_RAW and not _may_wait(day, now):
        return Plan(day.files, finishes=True)
    return _chunk(day)


def whole(day: Day, today: date) -> Plan:
    """How to write everything of a day anew, or as much of it as goes at a time."""
    if len(day.raw) > MAX_RAW:
        return Plan(day.raw[:MAX_RAW], finishes=False)
    return Plan(day.files, finishes=day.date < today)


def _chunk(day: Day) -> Plan | None:
    """Raw files, and of the merged ones those that are no larger than what is merged so far."""
    inputs = list(day.raw[:MAX_RAW])
    if len(inputs) < 2:
        return None
    rows = sum(file.rows for file in inputs)
    raw = {file.key for file in day.raw}
    for file in sorted(day.files, key=lambda file: file.rows):
        if file.key not in raw and file.rows <= rows:
            inputs.append(file)
            rows += file.rows
    return Plan(tuple(inputs), finishes=False)


def _may_wait(day: Day, now: int) -> bool:
    """Whether little has come late to a large day that was written not long ago."""
    main = max(day.files, key=lambda file: file.rows)
    late = sum(file.rows for file in day.files) - main.rows
    is_little = main.rows >= LARGE and late * _LATE_SHARE < main.rows
    return main.name.startswith("d") and is_little and now - day.generation < PATIENCE


class Compaction:
    """Compacts days; one per process. `grace`: seconds for which replaced files are kept."""

    def __init__(
        self,
        ledger: Ledger,
        merges: Merges,
        objects: Objects,
        benches: Benches,
        clock: Clock,
        *,
        grace: int,
    ) -> None:
        self._ledger = ledger
        self._merges = merges
        self._objects = objects
        self._benches = benches
        self._clock = clock
        self._grace = grace * SECOND

    def compact(self, tenant: Tenant, type: str, day: date, bench: Workbench | None = None) -> None:
        """Merge what a day has, and remove what it no longer needs. Again does no harm.

        `bench`: for several days, so that not each makes one of its own. Raises Replaced when
        somebody else is at work on the day.
        """
        token = self._merges.token(tenant, type, day.isoformat())
        state = self._merges.day(tenant, type, day)
        while step := self._next(state):
            with nullcontext(bench) if bench else self._benches.new() as used:
                self._merge(state, step, used)
            state = self._merges.day(tenant, type, day)
        state = self._sweep(state, self._clock() - self._grace)
        if state.is_done and token is not None:
            self._merges.done(Work(tenant, type, day.isoformat(), token))

    def erase(self, deletion: Deletion, day: date) -> Erased:
        """Write a day anew without what a deletion covers, and remove the old files at once.

        The deletion must be in force. Raises Replaced when somebody else is at work on the day.
        """
        state = self._merges.day(deletion.tenant, deletion.type, day)
        with self._benches.new() as bench:
            found = self._found(bench, deletion, state.day)
            if any(hit for _, hit, _ in found):
                self._merges.mark(deletion.tenant, deletion.type, day.isoformat())
                state = self._rewrite(state, bench)
        state = self._sweep(state, self._clock())
        return Erased(state.day.generation, {place for place, _, stays in found if stays})

    def series(self, deletion: Deletion, day: Day) -> set[Place]:
        """The series of a deletion's ids and scope that have records in a day."""
        with self._benches.new() as bench:
            return {place for place, _, _ in self._found(bench, deletion, day)}

    def _found(
        self, bench: Workbench, deletion: Deletion, day: Day
    ) -> list[tuple[Place, bool, bool]]:
        """Series of a deletion's ids and scope: whether it covers some records, and not others."""
        region = Region.of(deletion)
        return [
            (place, hit, stays)
            for file in day.files
            for path in fetch(self._objects, bench, [file])
            for place, hit, stays in bench.series(path, region)
        ]

    def drop(self, tenant: Tenant, type: str, day: date) -> None:
        """Remove everything of a day at once. Raises Replaced when somebody is at work on it."""
        state = self._merges.day(tenant, type, day)
        self._merges.mark(tenant, type, day.isoformat())
        state = self._merges.hold_day(state)
        old = [one.name for one in (*state.day.files, state.day.rollup) if one]
        state = self._merges.switch_day(state, (), None, old, complete=False)
        self._remove(state, [*state.gone])

    def _next(self, state: DayState) -> Plan | None:
        if len(state.gone) > MAX_GONE:
            return None
        now = self._clock()
        return plan(state.day, day_of(now), now)

    def _rewrite(self, state: DayState, bench: Workbench) -> DayState:
        while True:
            step = whole(state.day, day_of(self._clock()))
            is_last = len(step.inputs) == len(state.day.files)
            self._merge(state, step, bench)
            state = self._merges.day(state.tenant, state.type, state.date)
            if is_last or not state.day.files:
                return state

    def _merge(self, state: DayState, step: Plan, bench: Workbench) -> None:
        """Write the merged file, and the rollup of a finished day, and switch to them."""
        names = [new_name("d"), new_name("h")] if step.finishes else [new_name("c")]
        state = self._merges.hold_day(state, names)
        try:
            file, rollup = self._write(state, step, bench, names)
            files = [one for one in state.day.files if one not in step.inputs]
            if step.finishes:
                self._merges.mark(state.tenant, state.type, f"{MONTH_MARK}{state.date:%Y-%m}")
            state = self._merges.switch_day(
                state,
                [*files, file] if file else files,
                rollup,
                [one.name for one in (*step.inputs, state.day.rollup) if one],
                complete=step.finishes,
            )
        except Exception:
            with suppress(Exception):
                self._merges.release_day(state)
            raise
        finally:
            bench.clear()
        self._merges.release_day(state)

    def _write(
        self, state: DayState, step: Plan, bench: Workbench, names: Sequence[str]
    ) -> tuple[File | None, File | None]:
        """Write what files come to without what is deleted, and its rollup if it is a whole day."""
        without = self._ledger.deletions(state.tenant, state.type)
        paths = fetch(self._objects, bench, step.inputs)
        merged = bench.merge(paths, [Region.of(one) for one in without])
        if merged is None:
            return None, None
        hours = None
        if step.finishes:
            hours = bench.write([merged.path], Query(HOURS_OF_RECORDS), time="hour")
        rollup = self._put(state, names[1], hours) if hours else None
        return self._put(state, names[0], merged), rollup

    def _put(self, state: DayState, name: str, written: Written) -> File:
        file = File(state.key_of(name), written.rows, written.size, written.first, written.last)
        self._objects.put(file.key, written.path)
        return file

    def _sweep(self, state: DayState, until: int) -> DayState:
        """Remove what nobody should be reading since a time; the day as it is then."""
        due = [name for name, since in state.gone.items() if since <= until]
        return self._remove(self._merges.hold_day(state), due) if due else state

    def _remove(self, state: DayState, names: Sequence[str]) -> DayState:
        """Remove files, then their rows, of a day that is held; let others at it."""
        self._objects.delete_many([state.key_of(name) for name in names])
        self._merges.remove_raw(state, [name for name in names if name in state.registered])
        return self._merges.release_day(state, names)


def fetch(objects: Objects, bench: Workbench, files: Sequence[File]) -> list[Path]:
    """Local copies of files, without the raw ones that are gone: a retry registered them again."""
    found = in_parallel(lambda file: _fetch_one(objects, bench.directory, file), files)
    return [path for path in found if path is not None]


def _fetch_one(objects: Objects, directory: Path, file: File) -> Path | None:
    path = directory / f"{file.name}.parquet"
    if path.exists():
        return path
    try:
        if file.size < SMALL:
            path.write_bytes(objects.get(file.key))
        else:
            objects.get_file(file.key, path)
    except NotFound:
        if not file.name.startswith("r"):
            raise
        _log.warning("a raw file is gone; its records were merged before")
        return None
    return path
