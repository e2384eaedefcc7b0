"""Tasks: what the history has to do in the background, as messages of a queue, and who does them.

A task is only a hint. What there is to do stands in the ledger, so a task that is lost is queued again
by the next schedule, and one that comes twice finds nothing to do.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Protocol

from city.errors import Malformed
from city.faults import is_passing
from city.json import Json, dump_ascii, parse
from city.tenancy import Tenant
from history.store.merges import Replaced

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CompactDays:
    """Compact the UTC days (`YYYY-MM-DD`) of a type that are marked, from the first to the last."""

    tenant: Tenant
    type: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class BuildMonth:
    """Build the rollup of a month (`YYYY-MM`) of a type."""

    tenant: Tenant
    type: str
    month: str


@dataclass(frozen=True, slots=True)
class CarryOutDeletion:
    """Write files anew without what a deletion covers."""

    tenant: Tenant
    type: str
    deletion: str


@dataclass(frozen=True, slots=True)
class ApplyRetention:
    """Drop what a type has from before it is kept. `day`: the UTC day for which this is done."""

    tenant: Tenant
    type: str
    day: str


@dataclass(frozen=True, slots=True)
class BuildExport:
    """Build the export of a job."""

    job: str


@dataclass(frozen=True, slots=True)
class PublishDataset:
    """Look which months of a type the public has no files of, and delete those it may not have."""

    tenant: Tenant
    type: str


@dataclass(frozen=True, slots=True)
class PublishMonth:
    """Make the public's files of a month (`YYYY-MM`) of a type."""

    tenant: Tenant
    type: str
    month: str


Task = (
    CompactDays
    | BuildMonth
    | CarryOutDeletion
    | ApplyRetention
    | BuildExport
    | PublishDataset
    | PublishMonth
)

_KINDS: dict[str, type[Task]] = {
    "compact-days": CompactDays,
    "build-month": BuildMonth,
    "carry-out-deletion": CarryOutDeletion,
    "apply-retention": ApplyRetention,
    "build-export": BuildExport,
    "publish-dataset": PublishDataset,
    "publish-month": PublishMonth,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}

Doing = Callable[[Any], int | None]
"""Does a task of one kind; seconds after which it has to come again, or None when it is done."""

BUSY_SECONDS = 60
"""Until a task comes again that somebody else's work stands in the way of."""


class Outbox(Protocol):
    """Where tasks are put (`history.store.tasks`)."""

    def send(self, tasks: Sequence[Task], delay: int = 0) -> None:
        """Queue tasks, to come after `delay` seconds. Raises Unavailable."""


class DeadLetters(Protocol):
    """Where messages are put that can never be done."""

    def put(self, body: str, reason: str) -> None:
        """Keep a message, and why. Raises Unavailable."""


def dump_task(task: Task) -> str:
    """A task as the queue keeps it."""
    return dump_ascii({"task": _NAMES[type(task)], **asdict(task)})


def parse_task(text: str) -> Task:
    """Read a task. Raises ValueError or Malformed."""
    content = parse(text)
    if not isinstance(content, dict):
        raise Malformed("a task is a JSON object")
    kind = _KINDS.get(str(content.pop("task", None)))
    if kind is None or not all(isinstance(member, str) for member in content.values()):
        raise Malformed("there is no such task")
    try:
        task = kind(**_texts(content))
    except TypeError as error:
        raise Malformed("the task lacks a member, or has one too many") from error
    for day in _days_in(task):
        date.fromisoformat(day)
    return task


def _days_in(task: Task) -> tuple[str, ...]:
    match task:
        case CompactDays():
            return task.first, task.last
        case ApplyRetention():
            return (task.day,)
        case _:
            return ()


class Worker:
    """Does tasks, each on its own; one per process. `doings`: who does which kind."""

    def __init__(
        self,
        doings: Mapping[type[Task], Doing],
        outbox: Outbox,
        dead_letters: DeadLetters,
    ) -> None:
        self._doings = doings
        self._outbox = outbox
        self._dead_letters = dead_letters

    def process(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Process SQS records; the ids of those that have to come again.

        What can never be done is set aside, so that nothing waits for it. A task that finds
        somebody else at work is queued anew: that is no failed attempt.
        """
        return [one["messageId"] for one in records if not self._process(one["body"])]

    def _process(self, body: str) -> bool:
        try:
            self._do(parse_task(body))
        except Exception as error:
            if is_passing(error):
                _log.warning("a task has to come again", exc_info=error)
                return False
            _log.exception("a task cannot be done and is set aside")
            return self._set_aside(body, f"{type(error).__name__}: {error}")
        return True

    def _do(self, task: Task) -> None:
        try:
            pause = self._doings[type(task)](task)
        except Replaced:
            _log.info("somebody else is at work on this: %s", _NAMES[type(task)])
            pause = BUSY_SECONDS
        if pause is not None:
            self._outbox.send([task], pause)

    def _set_aside(self, body: str, reason: str) -> bool:
        try:
            self._dead_letters.put(body, reason)
        except Exception:
            _log.exception("a task cannot be set aside and has to come again")
            return False
        return True


def _texts(content: Mapping[str, Json]) -> dict[str, Any]:
    return dict(content)
