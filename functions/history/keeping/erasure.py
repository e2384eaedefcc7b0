"""Carrying deletions out: nothing of what they cover is left in any file.

The worker waits until everything recorded before the deletion is in the ledger, then writes every
day anew that has something of it, drops the rollups of those months, and removes the old objects
without delay. Last it forgets the series that have no records left, and removes the deletion itself.
Whatever it is stopped at, it may begin again.
"""

from dataclasses import dataclass
from datetime import date

from city.clock import SECOND, Clock
from city.tenancy import Tenant, in_scope
from history.days import day_of
from history.keeping.compaction import Compaction
from history.keeping.months import Months
from history.records import Series
from history.store.directory import Directory
from history.store.ledger import DELETION_MARK, MONTH_MARK, Deletion, Ledger
from history.store.merges import Merges, Place, Work

TIME = 10 * 60 * SECOND
"""How long a worker goes on before it leaves the rest to the next."""


@dataclass(frozen=True)
class Erasure:
    """Carries deletions out; one per process.

    `settle`: seconds after which all that had been recorded is in the ledger.
    """

    ledger: Ledger
    merges: Merges
    directory: Directory
    compaction: Compaction
    months: Months
    clock: Clock
    settle: int

    def carry_out(self, tenant: Tenant, type: str, id: str) -> int | None:
        """Carry a deletion out; seconds until the worker has to go on, None when it is done.

        Raises Replaced when somebody is at work on a day or month; what was done needs not be done
        again.
        """
        token = self.merges.token(tenant, type, DELETION_MARK + id)
        deletion = next((one for one in self.ledger.deletions(tenant, type) if one.id == id), None)
        if deletion is not None:
            rest = deletion.at + self.settle * SECOND - self.clock()
            if rest > 0:
                return rest // SECOND + 1
            if not self._erase(deletion):
                return 0
            self.merges.finish_deletion(deletion)
        if token is not None:
            self.merges.done(Work(tenant, type, DELETION_MARK + id, token))
        return None

    def _erase(self, deletion: Deletion) -> bool:
        """Write the days anew that a deletion covers; whether that is done."""
        until = self.clock() + TIME
        progress = self.merges.progress(deletion)
        for day in self._days(deletion, progress.through):
            if self.clock() > until:
                return False
            progress = progress.after(day, self._erase_day(deletion, day))
            self.merges.note_progress(deletion, progress)
        if progress.left is not None and _is_of_whole_entities(deletion):
            self._forget(deletion, progress.left)
        return True

    def _days(self, deletion: Deletion, through: date | None = None) -> list[date]:
        """The days that a deletion covers in part or whole, after the one it has come to."""
        days = self.merges.days(deletion.tenant, deletion.type)
        if deletion.start is not None:
            days = [day for day in days if day >= day_of(deletion.start)]
        if deletion.end is not None:
            days = [day for day in days if day <= day_of(deletion.end - 1)]
        return [day for day in days if through is None or day > through]

    def _erase_day(self, deletion: Deletion, day: date) -> set[Place]:
        """Write a day anew, and drop the rollup of its month if it is of what the day was."""
        erased = self.compaction.erase(deletion, day)
        name = f"{day:%Y-%m}"
        month = self.merges.month(deletion.tenant, deletion.type, name).month
        if month is not None and month.days.get(day) != erased.generation:
            self.merges.mark(deletion.tenant, deletion.type, MONTH_MARK + name)
            self.months.drop(deletion.tenant, deletion.type, name)
        return erased.left

    def _forget(self, deletion: Deletion, left: frozenset[Place]) -> None:
        """Take the series out of the directory that have nothing left."""
        tenant, type = deletion.tenant, deletion.type
        gone = [one for one in self._covered(deletion) if (one.id, one.path) not in left]
        if not gone:
            return
        self.directory.forget(tenant, gone)
        # what was recorded while the days were looked at, by who had looked at the directory before
        days = self.ledger.days(tenant, type, date.min, date.max).days
        new = [day for day in days if day.raw or day.generation >= deletion.at]
        again = {place for day in new for place in self.compaction.series(deletion, day)}
        self.directory.know(tenant, [one for one in gone if (one.id, one.path) in again])
        if not days and not self.directory.of_type(tenant, type):
            self.directory.forget_type(tenant, type)

    def _covered(self, deletion: Deletion) -> list[Series]:
        series = (
            self.directory.of_type(deletion.tenant, deletion.type)
            if deletion.ids is None
            else [
                one
                for id in deletion.ids
                for one in self.directory.of_id(deletion.tenant, id)
                if one.type == deletion.type
            ]
        )
        return [one for one in series if in_scope(deletion.scope, one.path)]


def _is_of_whole_entities(deletion: Deletion) -> bool:
    limits = (deletion.attributes, deletion.start, deletion.end)
    return all(limit is None for limit in limits)
