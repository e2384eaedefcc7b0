"""Delivering notifications from the queue so that none is lost and no dead receiver slows others.

What fails is parked, and while a subscription has parked notifications everything new for it is
parked behind them, unsent (`draining` tries them again). A receiver that refuses (4xx but 408, 425
and 429) gets a notification once; then it is kept in the dead-letter queue. Deliveries are at
least once. What the owner may not be told any more is dropped, and one line tells how much.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from city.clock import Clock
from context.courier import WORKERS, Attempt, Courier, Fate, lanes
from context.messages import Message, Tick
from context.owners import NO_RIGHTS, Owners
from context.queues import NotificationDeadLetters, RetryQueue
from context.store.parked import FIRST_PAUSE, ParkedStore
from context.store.subscriptions import Report, State, SubscriptionStore

DONE = frozenset({Fate.DELIVERED, Fate.WITHHELD})
"""Fates after which a message needs nothing more."""

_log = logging.getLogger(__name__)


class Delivery:
    """Delivers what the notification queue brings; one per process."""

    def __init__(
        self,
        subscriptions: SubscriptionStore,
        parked: ParkedStore,
        courier: Courier,
        retries: RetryQueue,
        dead_letters: NotificationDeadLetters,
        *,
        owners: Owners,
        clock: Clock,
    ) -> None:
        self._subscriptions = subscriptions
        self._owners = owners
        self._parked = parked
        self._courier = courier
        self._retries = retries
        self._dead_letters = dead_letters
        self._clock = clock
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="delivery")

    def deliver(self, messages: Sequence[Message]) -> list[Message]:
        """Deliver, park or give up each message; those that have to come again are returned.

        With a returned message all later ones of its group are returned.
        """
        batches: dict[Tick, list[Message]] = {}
        for message in messages:
            batches.setdefault(Tick(message.tenant, message.subscription), []).append(message)
        left = self._threads.map(self._deliver, batches, batches.values())
        return [message for batch in left for message in batch]

    def _deliver(self, whose: Tick, batch: list[Message]) -> list[Message]:
        """Deliver the messages of one subscription; those that have to come again."""
        attempts: list[Attempt] = []
        try:
            state = self._subscriptions.state(whose.tenant, whose.subscription)
            if state is None:
                _log.info("%s was deleted: dropped %d", whose.subscription, len(batch))
                return []
            attempts = self._attempts(state, batch)
            self._set_aside(whose, state, attempts)
        except Exception:
            _log.exception("notifications of %s have to come again", whose.subscription)
            done = {one.message.name for one in attempts if one.fate in DONE}
            return [message for message in batch if message.name not in done]
        note_withheld(self._subscriptions, self._owners, whose, attempts)
        record(self._subscriptions, whose, first_report(attempts, state), limit=batch[-1].limit)
        return []

    def _attempts(self, state: State, batch: list[Message]) -> list[Attempt]:
        if state.parked:
            return [Attempt(message, Fate.UNTRIED, self._clock()) for message in batch]
        return self._courier.carry(lanes(self._courier.round(), batch))

    def _set_aside(self, whose: Tick, state: State, attempts: list[Attempt]) -> None:
        """Give up what was rejected; park what failed and what waits behind it."""
        for attempt in attempts:
            if attempt.fate is Fate.REJECTED:
                self._dead_letters.put(attempt.message, attempt.reason)
        waiting = [one.message for one in attempts if one.fate in (Fate.FAILED, Fate.UNTRIED)]
        if waiting and self._parked.park(waiting, state):
            self._retries.tick(whose, FIRST_PAUSE)


def first_report(attempts: Sequence[Attempt], state: State) -> Report:
    """What to count of messages that were never counted before.

    A message that is parked behind a failure has failed as well; one that is only put off for
    lack of time has not. What was withheld does not count.
    """
    attempts = [one for one in attempts if one.fate is not Fate.WITHHELD]
    if not attempts:
        return Report()
    later = later_report(attempts)
    troubled = state.parked or later.failure
    failed = [
        one
        for one in attempts
        if (one.fate in (Fate.FAILED, Fate.REJECTED) and one.at >= later.success)
        or (one.fate is Fate.UNTRIED and troubled)
    ]
    return Report(
        sent=len(attempts),
        failed=len(failed),
        at=max(one.at for one in attempts),
        success=later.success,
        success_code=later.success_code,
        failure=later.failure,
        failure_reason=later.failure_reason,
    )


def later_report(attempts: Sequence[Attempt]) -> Report:
    """The last success and the last failure among attempts whose messages were counted before."""
    successes = [one for one in attempts if one.fate is Fate.DELIVERED]
    failures = [one for one in attempts if one.fate in (Fate.FAILED, Fate.REJECTED)]
    success = max(successes, key=lambda one: one.at, default=None)
    failure = max(failures, key=lambda one: one.at, default=None)
    return Report(
        success=success.at if success else 0,
        success_code=success.status if success else 0,
        failure=failure.at if failure else 0,
        failure_reason=failure.reason if failure else "",
    )


def record(
    subscriptions: SubscriptionStore, whose: Tick, report: Report, *, limit: int = 0
) -> None:
    """Add to the counters and enforce the limit of failures; a fault here stops no delivery."""
    if report == Report():
        return
    try:
        fails = subscriptions.count(whose.tenant, whose.subscription, report)
        if 0 < limit < fails:
            subscriptions.switch_off(whose.tenant, whose.subscription)
            _log.warning("%s failed %d times and is inactive now", whose.subscription, fails)
    except Exception:
        _log.exception("the counters of %s miss a batch", whose.subscription)


def note_withheld(
    subscriptions: SubscriptionStore, owners: Owners, whose: Tick, attempts: Sequence[Attempt]
) -> None:
    """Tell how much was dropped, and switch off a subscription whose owner has no rights left."""
    withheld = [one.message.told.owner for one in attempts if one.fate is Fate.WITHHELD]
    if not withheld:
        return
    _log.warning("%s: withheld %d from its owner", whose.subscription, len(withheld))
    try:
        if owners.sight(withheld[-1], whose.tenant).is_nothing:
            subscriptions.switch_off(whose.tenant, whose.subscription, NO_RIGHTS)
            _log.warning("%s is inactive now: its owner has no rights left", whose.subscription)
    except Exception:
        _log.exception("%s is not switched off", whose.subscription)
