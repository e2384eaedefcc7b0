"""From changes to queued notifications: match, admit, render, send.

The subscriptions of a tenant are kept compiled and are used again while their version, read
strongly consistent once per batch, is the same. So whatever was acknowledged before a change was
made is honoured for it, and a batch costs one read per tenant however many subscriptions exist.

Each subscription is matched with the change as its owner may see it, and rendered from that: what
is hidden from the owner neither triggers nor shows. One whose owner may be told nothing at all any
more is switched off.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from city.clock import SECOND, Clock
from city.errors import InvalidRequest
from city.parallel import in_parallel
from city.tenancy import Tenant
from context.admission import Candidate, admit, is_limited
from context.changes import Change
from context.matching import CompiledSubscription, SubscriptionIndex, compile_subscription
from context.messages import Message, change_name, check_head, group_of
from context.ngsi_v2.notifications import render_request
from context.ngsi_v2.render import ALL
from context.owners import NO_RIGHTS, Disclosure, Owner, Owners, Sight
from context.queues import NotificationQueue
from context.store.parked import ParkedStore
from context.store.subscriptions import StoredSubscription, SubscriptionStore

MAX_TENANTS = 200
"""Tenants whose subscriptions are kept compiled."""

DAY = 86_400 * SECOND
"""A stream keeps records a day: so long, what ended may still be owed a notification."""

MAX_NAMES = 20_000
"""Characters of attribute names that a message carries; a queue has to hold it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trigger:
    """A change (the `record`-th of its batch) and the `position`-th subscription it triggers."""

    change: Change
    record: int
    subscription: StoredSubscription
    position: int

    @property
    def group(self) -> str:
        """The order group of its notification."""
        return group_of(self.subscription.id, self.change.identity)

    @property
    def candidate(self) -> Candidate:
        """What admission decides on."""
        name = change_name(self.subscription.id, self.group, self.change.sequence)
        return Candidate(name, self.change.at)


class Notifier:
    """Sends the notifications of changes; one per process."""

    def __init__(
        self,
        store: SubscriptionStore,
        parked: ParkedStore,
        queue: NotificationQueue,
        owners: Owners,
        clock: Clock,
    ) -> None:
        self._store = store
        self._owners = owners
        self._parked = parked
        self._queue = queue
        self._clock = clock
        self._indexes: dict[Tenant, tuple[int, SubscriptionIndex]] = {}

    def notify(self, changes: Sequence[Change]) -> dict[int, Exception]:
        """Queue what a batch of changes triggers; doing it again queues nothing twice.

        Returns why single changes (by position) could not be notified in full; everything else
        is queued. Raises Unavailable or Contended when the whole batch should come again.
        """
        faults: dict[int, Exception] = {}
        tenants = list(dict.fromkeys(change.identity.tenant for change in changes))
        indexes = dict(zip(tenants, in_parallel(self._index, tenants), strict=True))
        triggers = [
            trigger
            for tenant in tenants
            for trigger in self._triggers(tenant, indexes[tenant], changes, faults)
        ]
        messages: list[Message] = []
        for trigger in self._admitted(triggers):
            try:
                messages += _render(trigger)
            except Exception as error:
                faults[trigger.record] = error
        self._queue.send([self._parked.outsource(message) for message in messages])
        while len(self._indexes) > MAX_TENANTS:
            self._indexes.pop(next(iter(self._indexes)))
        return faults

    def _index(self, tenant: Tenant) -> SubscriptionIndex:
        version = self._store.version(tenant)
        kept = self._indexes.pop(tenant, None)
        if kept is None or kept[0] != version:
            kept = version, SubscriptionIndex(self._compiled(tenant))
        self._indexes[tenant] = kept
        return kept[1]

    def _compiled(self, tenant: Tenant) -> Iterator[CompiledSubscription]:
        limit = self._clock() - DAY
        for stored in self._store.all(tenant):
            if not _may_be_owed(stored, limit):
                continue
            try:
                yield compile_subscription(stored)
            except InvalidRequest:
                _log.exception("subscription %s cannot be compiled and is skipped", stored.id)

    def _triggers(
        self,
        tenant: Tenant,
        index: SubscriptionIndex,
        changes: Sequence[Change],
        faults: dict[int, Exception],
    ) -> Iterator[Trigger]:
        """What the changes of a tenant trigger."""
        found = [
            (record, change, index.candidates(change))
            for record, change in enumerate(changes)
            if change.identity.tenant == tenant
        ]
        candidates = {one.stored.id: one.stored for _, _, some in found for one in some}
        sights = self._sights(tenant, candidates.values())
        for record, change, some in found:
            yield from _triggers(change, record, some, sights, faults)

    def _sights(
        self, tenant: Tenant, subscriptions: Iterable[StoredSubscription]
    ) -> dict[Owner, Sight]:
        """What the owners may be told; whoever may be told nothing gets no more notifications."""
        since: dict[Owner, int] = {}
        for one in subscriptions:
            since[one.owner] = max(one.since, since.get(one.owner, 0))
        sights = self._owners.sights(since, tenant)
        active = [one for one in subscriptions if not one.state.off]
        powerless = {one.owner: self._clock() for one in active if sights[one.owner].is_nothing}
        sights |= self._owners.sights(powerless, tenant)
        for one in active:
            if sights[one.owner].is_nothing:
                self._store.switch_off(tenant, one.id, NO_RIGHTS)
                _log.warning("%s is inactive now: its owner has no rights left", one.id)
        return sights

    def _admitted(self, triggers: list[Trigger]) -> list[Trigger]:
        """The triggers that throttling and oneshot let through."""
        limited: dict[str, list[Trigger]] = {}
        for trigger in triggers:
            if is_limited(trigger.subscription):
                limited.setdefault(trigger.subscription.id, []).append(trigger)
        winners = set().union(*in_parallel(self._admit, list(limited.values())))
        return [
            trigger
            for trigger in triggers
            if trigger.subscription.id not in limited or trigger.candidate.name in winners
        ]

    def _admit(self, triggers: list[Trigger]) -> set[str]:
        candidates = [trigger.candidate for trigger in triggers]
        return admit(self._store, triggers[0].subscription, candidates)


def _may_be_owed(stored: StoredSubscription, limit: int) -> bool:
    """Whether a change since `limit` may still have to be notified."""
    if stored.expires is not None and stored.expires <= limit:
        return False
    if stored.state.off:
        return stored.document.status == "oneshot" and stored.state.admitted_at > limit
    return stored.document.status != "inactive"


def _triggers(
    change: Change,
    record: int,
    candidates: Sequence[CompiledSubscription],
    sights: Mapping[Owner, Sight],
    faults: dict[int, Exception],
) -> Iterator[Trigger]:
    seen: dict[Owner, Change | None] = {}
    position = 0
    for candidate in candidates:
        owner = candidate.stored.owner
        try:
            if owner not in seen:
                seen[owner] = sights[owner].change(change)
            shown = seen[owner]
            triggered = shown is not None and candidate.triggered_by(shown)
        except Exception as error:
            faults[record] = error
            continue
        if shown is not None and triggered:
            position += 1
            yield Trigger(shown, record, candidate.stored, position)


def _render(trigger: Trigger) -> Iterable[Message]:
    subscription, change = trigger.subscription, trigger.change
    request = render_request(subscription, change, trigger.position)
    if request is None:
        return
    check_head(request)
    notification = subscription.document.notification
    yield Message(
        tenant=subscription.tenant,
        subscription=subscription.id,
        group=trigger.group,
        sequence=change.sequence,
        at=change.at,
        request=request,
        told=_told(subscription, change),
        timeout=notification.timeout / 1000,
        limit=notification.max_fails_limit,
    )


def _told(subscription: StoredSubscription, change: Change) -> Disclosure:
    """What the notification may disclose: the attributes it lists, or all that the owner sees."""
    _, id, type, path = change.identity
    versions = [version for version in (change.old, change.new) if version]
    names = {name for version in versions for name in version.attributes}
    notification = subscription.document.notification
    if notification.http and notification.attrs and ALL not in notification.attrs:
        names &= {*notification.attrs}
    few = sum(map(len, names)) <= MAX_NAMES
    return Disclosure(subscription.owner, id, type, path, tuple(sorted(names)) if few else None)
