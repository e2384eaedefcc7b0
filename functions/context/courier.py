"""Carrying notifications to receivers: what each attempt came to, and who is left out.

Messages of one group go one after the other, groups side by side. After a failure the rest of its
group is left; when a receiver does not answer at all, the rest of its subscription is left too.
What the owner of the subscription may not be told any more is withheld at the last moment.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum

from city.clock import SECOND, Clock
from city.errors import NotFound
from city.outbound import Failed, Outbound, Refused
from context.messages import Message
from context.owners import Owners
from context.store.parked import ParkedStore

DEFAULT_TIMEOUT = 5.0
MAX_TIMEOUT = 20.0
"""Seconds; a longer timeout of a subscription is cut, since the function has to end."""

LAST_START = 12 * SECOND
"""After so long nothing new is begun, so that the last attempt ends before the function."""

WORKERS = 16

_RETRIED = frozenset({408, 425, 429})


class Fate(Enum):
    """What became of a message."""

    DELIVERED = "delivered"
    REJECTED = "rejected"
    FAILED = "failed"
    UNTRIED = "untried"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message and what became of it, when (µs); status 0 means that nothing was answered."""

    message: Message
    fate: Fate
    at: int = 0
    status: int = 0
    reason: str = ""
    retry_after: int = 0


@dataclass(slots=True)
class Round:
    """What the attempts for one subscription share. `until`: when to begin nothing more (µs)."""

    until: int
    silent: bool = False
    blocked: set[str] = field(default_factory=set)

    @property
    def troubled(self) -> bool:
        """Whether anything failed."""
        return bool(self.blocked)

    def stops(self, message: Message) -> bool:
        """Whether a failure keeps a message from being tried."""
        return self.silent or message.group in self.blocked

    def note(self, attempt: Attempt) -> None:
        """Learn from an attempt."""
        if attempt.fate is Fate.FAILED:
            self.blocked.add(attempt.message.group)
            self.silent = self.silent or not attempt.status


Lane = tuple[Round, Sequence[Message]]
"""Messages of one group, in order."""


class Courier:
    """Makes attempts on threads; one per process."""

    def __init__(
        self, outbound: Outbound, bodies: ParkedStore, owners: Owners, clock: Clock
    ) -> None:
        self._outbound = outbound
        self._bodies = bodies
        self._owners = owners
        self._clock = clock
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="courier")

    def round(self) -> Round:
        """A round that begins now."""
        return Round(self._clock() + LAST_START)

    def carry(self, lanes: Sequence[Lane]) -> list[Attempt]:
        """Try all lanes side by side; one attempt for every message, in the given order."""
        return [attempt for lane in self._threads.map(self._run, lanes) for attempt in lane]

    def _run(self, lane: Lane) -> list[Attempt]:
        shared, messages = lane
        attempts = []
        for message in messages:
            if shared.stops(message) or self._clock() > shared.until:
                attempts.append(Attempt(message, Fate.UNTRIED, self._clock()))
            else:
                attempts.append(self._try(message))
                shared.note(attempts[-1])
        return attempts

    def _try(self, message: Message) -> Attempt:
        try:
            whole = self._bodies.complete(message).request
            if not self._owners.may_be_told(message.told, message.tenant):
                return Attempt(message, Fate.WITHHELD, self._clock())
            answer = self._outbound.send(
                whole.method,
                whole.url,
                whole.headers,
                whole.body.encode(),
                min(message.timeout or DEFAULT_TIMEOUT, MAX_TIMEOUT),
            )
        except Failed as failure:
            return Attempt(message, Fate.FAILED, self._clock(), reason=str(failure))
        except (Refused, NotFound) as refusal:
            return Attempt(message, Fate.REJECTED, self._clock(), reason=str(refusal))
        fate = _fate(answer.status)
        reason = "" if fate is Fate.DELIVERED else f"the receiver answered {answer.status}"
        return Attempt(message, fate, self._clock(), answer.status, reason, answer.retry_after)


def lanes(shared: Round, messages: Iterable[Message]) -> list[Lane]:
    """The messages by group, in order."""
    by_group: dict[str, list[Message]] = {}
    for message in messages:
        by_group.setdefault(message.group, []).append(message)
    return [(shared, lane) for lane in by_group.values()]


def _fate(status: int) -> Fate:
    if 200 <= status < 300:
        return Fate.DELIVERED
    refused = 400 <= status < 500 and status not in _RETRIED
    return Fate.REJECTED if refused else Fate.FAILED
