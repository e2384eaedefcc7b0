"""The agenda: what there is to do now, by the ledger's marks and the rules of retention, as tasks."""

from collections.abc import Iterator
from datetime import date
from itertools import islice

from city.clock import Clock
from history.days import day_of
from history.keeping.tasks import (
    ApplyRetention,
    BuildMonth,
    CarryOutDeletion,
    CompactDay,
    Outbox,
    Task,
)
from history.store.directory import Directory
from history.store.ledger import DELETION_MARK, MONTH_MARK
from history.store.merges import Merges, Work
from history.store.retention import DEFAULT, RetentionStore, Rule

PAGE = 100
"""Tasks that are gathered before they are queued."""


class Agenda:
    """Queues what there is to do; one per process."""

    def __init__(
        self,
        merges: Merges,
        directory: Directory,
        retention: RetentionStore,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._merges = merges
        self._directory = directory
        self._retention = retention
        self._outbox = outbox
        self._clock = clock

    def queue(self) -> int:
        """Queue everything; how many tasks. What is queued twice is done once."""
        today = day_of(self._clock())
        return self._send(self._marked(today)) + self._apply_rules(today)

    def _marked(self, today: date) -> Iterator[Task]:
        for work in self._merges.work():
            task = task_of(work, today)
            if task is not None:
                yield task

    def _apply_rules(self, today: date) -> int:
        """Queue the application of rules that were not applied today."""
        rules = [*self._retention.rules()]
        own = {(rule.tenant, rule.type) for rule in rules}
        queued = 0
        for rule in rules:
            if rule.applied == today.isoformat():
                continue
            types = [
                type
                for type in self._types(rule)
                if type == rule.type or (rule.tenant, type) not in own
            ]
            queued += self._send(
                ApplyRetention(rule.tenant, type, today.isoformat()) for type in types
            )
            self._retention.note_applied(rule, today.isoformat())
        return queued

    def _types(self, rule: Rule) -> list[str]:
        return self._directory.types(rule.tenant) if rule.type == DEFAULT else [rule.type]

    def _send(self, tasks: Iterator[Task]) -> int:
        queued = 0
        while some := [*islice(tasks, PAGE)]:
            self._outbox.send(some)
            queued += len(some)
        return queued


def task_of(work: Work, today: date) -> Task | None:
    """What to do for a mark of the ledger; None while its month is not over."""
    tenant = work.tenant
    if work.what.startswith(DELETION_MARK):
        return CarryOutDeletion(tenant, work.type, work.what.removeprefix(DELETION_MARK))
    if not work.what.startswith(MONTH_MARK):
        return CompactDay(tenant, work.type, work.what)
    month = work.what.removeprefix(MONTH_MARK)
    return BuildMonth(tenant, work.type, month) if month < f"{today:%Y-%m}" else None
