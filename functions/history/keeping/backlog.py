"""The backlog of a type: its marked days, compacted one after another in one task.

A day of a few records takes less time than a task of its own would. What stands in the way of a day
shall not stop the others: such a day is queued alone.
"""

import logging
from datetime import date

from city.clock import SECOND, Clock
from history.keeping.compaction import Compaction
from history.keeping.merging import Benches, Workbench
from history.keeping.tasks import BUSY_SECONDS, CompactDays, Outbox
from history.store.merges import Merges

TURN = 240 * SECOND
"""After that long no further day is begun; a day of 14 million records takes half a minute."""

_log = logging.getLogger(__name__)


class Backlog:
    """Compacts the marked days of a type; one per process."""

    def __init__(
        self,
        compaction: Compaction,
        merges: Merges,
        benches: Benches,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._compaction = compaction
        self._merges = merges
        self._benches = benches
        self._outbox = outbox
        self._clock = clock

    def work_off(self, task: CompactDays) -> None:
        """Compact the days; queue those again for which there is no time.

        Raises what the compaction raises if there is one day only.
        """
        end = self._clock() + TURN
        days = self._merges.marked_days(task.tenant, task.type, task.first, task.last)
        with self._benches.new() as bench:
            for number, day in enumerate(days):
                if number and self._clock() > end:
                    self._outbox.send([CompactDays(task.tenant, task.type, day, task.last)])
                    return
                one = CompactDays(task.tenant, task.type, day, day)
                self._compact(one, bench, is_alone=task.first == task.last)

    def _compact(self, task: CompactDays, bench: Workbench, *, is_alone: bool) -> None:
        try:
            self._compaction.compact(task.tenant, task.type, date.fromisoformat(task.first), bench)
        except Exception as error:
            if is_alone:
                raise
            _log.warning("a day is queued alone", exc_info=error)
            self._outbox.send([task], BUSY_SECONDS)
