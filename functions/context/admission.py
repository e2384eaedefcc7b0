"""Which of a subscription's changes are let through: throttling and oneshot (NGSI-v2).

Time is the time of the changes, not of their processing, so a late or repeated batch decides the
same. The state remembers recent winners by name: when a batch comes again, what was admitted is
admitted again, and nothing else is.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from city.clock import SECOND
from city.dynamodb import ConditionFailed
from city.errors import Contended
from context.store.subscriptions import MAX_WINNERS, State, StoredSubscription, SubscriptionStore

_TRIES = 20


class Candidate(NamedTuple):
    """A change that triggers the subscription: its name and when it was made (µs)."""

    name: str
    at: int


def is_limited(subscription: StoredSubscription) -> bool:
    """Whether the subscription does not simply take every change."""
    document = subscription.document
    return document.throttling > 0 or document.status == "oneshot"


def admit(
    store: SubscriptionStore, subscription: StoredSubscription, candidates: Sequence[Candidate]
) -> set[str]:
    """The names of the changes to notify; the others are discarded, as NGSI-v2 says.

    One read, and one conditional write when something new was admitted. Raises Contended when
    too many batches meet, Unavailable.
    """
    for _ in range(_TRIES):
        seen = store.state(subscription.tenant, subscription.id)
        if seen is None:
            return set()
        winners, admitted = choose(seen, subscription, candidates)
        if admitted == seen:
            return winners
        try:
            store.admit(subscription.tenant, subscription.id, seen, admitted)
        except ConditionFailed:
            continue
        return winners
    raise Contended("the subscription is being triggered by too many batches at once")


def choose(
    state: State, subscription: StoredSubscription, candidates: Sequence[Candidate]
) -> tuple[set[str], State]:
    """Who wins, and the state after that."""
    oneshot = subscription.document.status == "oneshot"
    pause = max(subscription.document.throttling, 0) * SECOND
    winners: set[str] = set()
    for name, at in candidates:
        if name not in state.winners:
            too_early = state.admitted_at and at - state.admitted_at < pause
            if state.off or too_early:
                continue
            state = replace(
                state,
                off=oneshot,
                admitted_at=max(state.admitted_at, at),
                winners=(*state.winners, name)[-MAX_WINNERS:],
            )
        winners.add(name)
    return winners, state
