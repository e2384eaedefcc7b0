"""Rollups of whole months, made of those of their days: one file to read instead of thirty."""

from contextlib import suppress

from city.clock import SECOND, Clock
from city.tenancy import Tenant
from history.days import days_of_month
from history.keeping.compaction import fetch
from history.keeping.merging import Benches, Query, Written
from history.keeping.rollups import HOURS_OF_DAYS
from history.names import new_name
from history.store.ledger import Day, File, Ledger, Month
from history.store.merges import Merges, MonthState, Work
from history.store.objects import Objects


class Months:
    """Builds and drops rollups of months; one per process. `grace` as for `Compaction`."""

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

    def build(self, tenant: Tenant, type: str, name: str) -> None:
        """Bring the rollup of a month (`YYYY-MM`) up to its days, once all of them are clean.

        Again does no harm. Raises Replaced when somebody else is at work on the month.
        """
        token = self._merges.token(tenant, type, f"m {name}")
        first, last = days_of_month(name)
        days = self._ledger.days(tenant, type, first, last).days
        if not all(day.clean for day in days):
            return
        state = self._merges.month(tenant, type, name)
        if _is_stale(state.month, days):
            state = self._build(state, days)
        due = [one for one, since in state.gone.items() if since <= self._clock() - self._grace]
        if due:
            state = self._remove(self._merges.hold_month(state), due)
        if not state.gone and token is not None:
            self._merges.done(Work(tenant, type, f"m {name}", token))

    def drop(self, tenant: Tenant, type: str, name: str) -> None:
        """Remove the rollup of a month at once; raises Replaced as `build` does."""
        state = self._merges.month(tenant, type, name)
        if not state.row:
            return
        state = self._merges.switch_month(self._merges.hold_month(state), None, {})
        self._remove(state, [*state.gone])

    def _build(self, state: MonthState, days: list[Day]) -> MonthState:
        name = new_name("m")
        state = self._merges.hold_month(state, [name])
        try:
            written = self._merged([day.rollup for day in days if day.rollup], state.key_of(name))
            file = None
            if written:
                file = File(state.key_of(name), written.rows, written.size, 0, 0)
            state = self._merges.switch_month(
                state, file, {day.date: day.generation for day in days}
            )
        except Exception:
            with suppress(Exception):
                self._merges.release_month(state)
            raise
        return self._merges.release_month(state)

    def _merged(self, rollups: list[File], key: str) -> Written | None:
        if not rollups:
            return None
        with self._benches.new() as bench:
            paths = fetch(self._objects, bench, rollups)
            written = bench.write(paths, Query(HOURS_OF_DAYS), time="hour")
            if written:
                self._objects.put(key, written.path)
            return written

    def _remove(self, state: MonthState, names: list[str]) -> MonthState:
        self._objects.delete_many([state.key_of(name) for name in names])
        return self._merges.release_month(state, names)


def _is_stale(month: Month | None, days: list[Day]) -> bool:
    """Whether a month's rollup is not that of its days; days without values have none."""
    if month is None:
        return any(day.rollup for day in days)
    return month.days != {day.date: day.generation for day in days}
