"""The agenda: what there is to do now, by the ledger's marks and the rules of retention, as tasks."""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby, islice

from city.clock import Clock
from city.tenancy import Tenant
from history.days import day_of
from history.keeping.tasks import (
    ApplyRetention,
    BuildMonth,
    CarryOutDeletion,
    CompactDays,
    Outbox,
    Task,
)
from history.store.directory import Directory
from history.store.ledger import DELETION_MARK, MONTH_MARK
from history.store.merges import Merges, Work
from history.store.retention import DEFAULT, RetentionStore, Rule

PAGE = 100
"""Tasks that are gathered before they are queued."""

DAYS = 100
"""Days of a type that one task compacts, unless they are large (`history.keeping.backlog`)."""


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
        return self._send(tasks_of(self._merges.work(), today)) + self._apply_rules(today)

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


def tasks_of(marks: Iterable[Work], today: date) -> Iterator[Task]:
    """What to do for marks of the ledger; they come by tenant, type, and days before months."""
    for days, works in groupby(marks, _type_of_day):
        if days:
            yield from _compacting(works)
        else:
            yield from filter(None, (_task_of(work, today) for work in works))


def _type_of_day(work: Work) -> tuple[Tenant, str] | None:
    """Whose day is marked; None when it is no day."""
    is_day = not work.what.startswith((DELETION_MARK, MONTH_MARK))
    return (work.tenant, work.type) if is_day else None


def _compacting(days: Iterator[Work]) -> Iterator[Task]:
    """Tasks for the marked days of a type."""
    while some := [*islice(days, DAYS)]:
        first, last = some[0], some[-1]
        yield CompactDays(first.tenant, first.type, first.what, last.what)


def _task_of(work: Work, today: date) -> Task | None:
    """What to do for the mark of a deletion or a month; None while the month is not over."""
    tenant = work.tenant
    if work.what.startswith(DELETION_MARK):
        return CarryOutDeletion(tenant, work.type, work.what.removeprefix(DELETION_MARK))
    month = work.what.removeprefix(MONTH_MARK)
    return BuildMonth(tenant, work.type, month) if month < f"{today:%Y-%m}" else None
