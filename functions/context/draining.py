"""Trying parked notifications again, in order, until they are delivered or too old.

A tick starts a drain; one function drains a subscription at a time. The first message asks alone
whether the receiver is there. If it does not answer, the next tick comes after twice the pause
(1, 2, 4 … 900 s); if it answers but refuses single entities, the others go on and the next tick
comes soon. A notification that failed for longer than the retention goes to the dead-letter queue,
and so does what waits for a subscription that passed its `maxFailsLimit`.
"""

import logging
from collections.abc import Sequence
from secrets import token_hex

from city.clock import SECOND, Clock
from city.dynamodb import ConditionFailed
from city.errors import NotFound
from city.faults import is_passing
from context.courier import Attempt, Courier, Fate, Round, lanes
from context.delivery import DONE, later_report, note_withheld, record
from context.messages import Tick
from context.owners import Owners
from context.queues import MAX_DELAY, NotificationDeadLetters, RetryQueue
from context.store.parked import FIRST_PAUSE, Parked, ParkedStore
from context.store.subscriptions import State, SubscriptionStore

_PASSES = 3
"""How often a drain looks again for what was parked while it finished."""

_log = logging.getLogger(__name__)


class Draining:
    """Drains what is parked; one per process."""

    def __init__(
        self,
        subscriptions: SubscriptionStore,
        parked: ParkedStore,
        courier: Courier,
        retries: RetryQueue,
        dead_letters: NotificationDeadLetters,
        *,
        owners: Owners,
        retention: int,
        clock: Clock,
    ) -> None:
        """`retention`: seconds for which a parked notification is tried again."""
        self._subscriptions = subscriptions
        self._parked = parked
        self._courier = courier
        self._retries = retries
        self._dead_letters = dead_letters
        self._owners = owners
        self._retention = retention * SECOND
        self._clock = clock

    def drain(self, tick: Tick) -> None:
        """Try what is parked for a subscription, unless another function is doing so.

        Raises Unavailable or an error of the AWS client when the tick has to come again.
        """
        holder = token_hex(8)
        try:
            state = self._parked.lease(tick.tenant, tick.subscription, holder)
        except NotFound:
            dropped = self._parked.discard(tick.tenant, tick.subscription)
            _log.info("%s was deleted: dropped %d", tick.subscription, dropped)
            return
        if state is None:
            return
        try:
            pause = self._drain(tick, state, holder)
        except ConditionFailed:
            _log.warning("another function has taken over %s", tick.subscription)
            return
        except Exception as error:
            if not is_passing(error):
                raise
            _log.warning("draining %s is put off", tick.subscription, exc_info=error)
            pause = state.pause * 2
        if pause:
            self._put_off(tick, holder, min(pause, MAX_DELAY))

    def _drain(self, tick: Tick, state: State, holder: str) -> int:
        """Try everything; seconds until the next try, or 0 when nothing is left."""
        shared = self._courier.round()
        tried: list[Attempt] = []
        over = False
        for _ in range(_PASSES):
            tried += self._try_all(tick, state, shared, holder)
            if shared.troubled or self._is_late(shared):
                break
            over = self._parked.finish(tick.tenant, tick.subscription, holder)
            if over:
                break
        note_withheld(self._subscriptions, self._owners, tick, tried)
        record(self._subscriptions, tick, later_report(tried))
        if over:
            return 0
        if not tried or any(one.fate in DONE for one in tried):
            return FIRST_PAUSE
        return max(state.pause * 2, *(one.retry_after for one in tried))

    def _try_all(self, tick: Tick, state: State, shared: Round, holder: str) -> list[Attempt]:
        """One pass over what waits; the attempts that were made."""
        tried: list[Attempt] = []
        for page in self._parked.waiting(tick.tenant, tick.subscription):
            if _is_given_up(state, page):
                self._give_up(page, holder)
                continue
            attempts = self._attempt(shared, page)
            tried += [one for one in attempts if one.fate is not Fate.UNTRIED]
            self._settle(shared, page, attempts, holder)
            if self._is_late(shared):
                break
        return tried

    def _attempt(self, shared: Round, page: Sequence[Parked]) -> list[Attempt]:
        messages = [parked.message for parked in page]
        first = self._courier.carry([(shared, messages[:1])])
        return first + self._courier.carry(lanes(shared, messages[1:]))

    def _give_up(self, page: Sequence[Parked], holder: str) -> None:
        for parked in page:
            self._dead_letters.put(parked.message, "the subscription passed its maxFailsLimit")
        self._parked.settle([parked.message for parked in page], holder)

    def _settle(
        self, shared: Round, page: Sequence[Parked], attempts: Sequence[Attempt], holder: str
    ) -> None:
        """Remove what is done with, and keep what was rejected or is too old as dead letters."""
        since = {parked.message.name: parked.since for parked in page}
        done = []
        for attempt in attempts:
            message = attempt.message
            reason = attempt.reason or "the receiver has been failing"
            if attempt.fate is Fate.REJECTED:
                self._dead_letters.put(message, reason)
            elif attempt.fate not in DONE:
                if not (shared.stops(message) and self._is_old(since[message.name])):
                    continue
                self._dead_letters.put(
                    message, f"given up after {self._retention // SECOND} s: {reason}"
                )
            done.append(message)
        if done:
            self._parked.settle(done, holder)

    def _put_off(self, tick: Tick, holder: str, pause: int) -> None:
        moment = self._clock() + pause * SECOND
        try:
            self._parked.release(tick.tenant, tick.subscription, holder, tick=moment, pause=pause)
        except ConditionFailed:
            return
        self._retries.tick(tick, pause)

    def _is_old(self, since: int) -> bool:
        return self._clock() - since > self._retention

    def _is_late(self, shared: Round) -> bool:
        return self._clock() > shared.until


def _is_given_up(state: State, page: Sequence[Parked]) -> bool:
    """Whether the subscription was switched off because it failed more often than it allows."""
    return state.off and 0 < page[-1].message.limit < state.fails
