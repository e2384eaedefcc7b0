"""Owners of subscriptions: on whose behalf notifications are sent, and what they may be told now.

A subscription outlives the request and the token that made it, so what its owner may see is looked
up in the owner's account when a change is matched, and again right before a notification is sent.
Accounts are kept for `max_age` seconds. Nothing lasting rests on a kept account alone: what was
read before the subscription or the message was made is read again.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from city.clock import SECOND, Clock, now
from city.document import Entity, Identity
from city.policy.accounts import Account, Accounts, everybodys
from city.policy.grants import PUBLIC_ID, UNLIMITED, Access, Action, Grant, View
from city.tenancy import ServicePath, Tenant
from context.changes import Change
from context.rights import DATE_EXPIRES, sees, shown_names, visible
from context.settings import OwnersSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NO_RIGHTS = "the owner of the subscription may not read or subscribe to anything here any more"
"""Why a subscription is switched off."""

MAX_OWNERS = 2_000
"""Owners whose accounts a process keeps."""

MAX_SUBJECTS = 90
"""Accounts read in one call, which may have a hundred keys."""


class Owner(NamedTuple):
    """Who made a subscription: the subject of the token, and the client it was given to."""

    subject: str
    client: str = ""

    @property
    def accounts(self) -> tuple[str, ...]:
        """The subjects whose accounts say what the owner may do."""
        return tuple(dict.fromkeys(id for id in (*self, PUBLIC_ID) if id))


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What a notification tells, and whom: attributes (None: perhaps all) of one entity."""

    owner: Owner
    id: str
    type: str
    path: ServicePath
    attributes: tuple[str, ...] | None = None


class Sight(NamedTuple):
    """What an owner may be told in a tenant: what both may be read and may be subscribed to."""

    read: View
    subscribe: View

    @property
    def is_everything(self) -> bool:
        """Whether nothing is hidden."""
        return self.read.is_everything and self.subscribe.is_everything

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to tell."""
        return self.read.is_nothing or self.subscribe.is_nothing

    def change(self, change: Change) -> Change | None:
        """The change as the owner sees it; None when its entity is hidden."""
        if self.is_everything:
            return change
        old, new = self._visible(change.old), self._visible(change.new)
        if old is None and new is None:
            return None
        named = {*change.touched, *change.values, *change.metadata}
        shown = self._shown(named, change.identity) | {DATE_EXPIRES}
        return replace(
            change,
            old=old,
            new=new,
            touched=tuple(name for name in change.touched if name in shown),
            values=change.values & shown,
            metadata=change.metadata & shown,
        )

    def covers(self, told: Disclosure, tenant: Tenant) -> bool:
        """Whether all of it may be told."""
        identity = Identity(tenant, told.id, told.type, told.path)
        if told.attributes is not None:
            names = self._shown(told.attributes, identity)
            return all(sees(view, identity) for view in self) and names == {*told.attributes}
        return all(
            view.is_everything or view.shows_all_attributes(told.id, told.type, told.path)
            for view in self
        )

    def _visible(self, entity: Entity | None) -> Entity | None:
        for view in self:
            entity = visible(entity, view) if entity else None
        return entity

    def _shown(self, names: Iterable[str], identity: Identity) -> frozenset[str]:
        for view in self:
            names = shown_names(names, identity, view)
        return frozenset(names)


class Owners:
    """What owners may be told; one per process, safe for threads."""

    def __init__(
        self, accounts: Accounts, clock: Clock, *, max_age: int, open_to_all: bool = False
    ) -> None:
        """`accounts` must read anew each time; `open_to_all` is for an open sandbox."""
        self._accounts = accounts
        self._clock = clock
        self._max_age = max_age * SECOND
        self._open = open_to_all
        self._known: OrderedDict[Owner, tuple[int, Mapping[str, Account]]] = OrderedDict()

    def sights(self, wanted: Mapping[Owner, int], tenant: Tenant) -> dict[Owner, Sight]:
        """What each owner may be told in a tenant, as of the given moment (µs) or later."""
        self._learn(wanted)
        return {owner: self._sight(owner, tenant) for owner in wanted}

    def sight(self, owner: Owner, tenant: Tenant) -> Sight:
        """What an owner may be told in a tenant, as known for at most `max_age`."""
        return self.sights({owner: 0}, tenant)[owner]

    def certain_sight(self, owner: Owner, tenant: Tenant) -> Sight:
        """What an owner may be told in a tenant right now."""
        return self.sights({owner: self._clock()}, tenant)[owner]

    def may_be_told(self, told: Disclosure, tenant: Tenant) -> bool:
        """Whether a notification may still be sent; a refusal is certain."""
        return self.sight(told.owner, tenant).covers(told, tenant) or self.certain_sight(
            told.owner, tenant
        ).covers(told, tenant)

    def _sight(self, owner: Owner, tenant: Tenant) -> Sight:
        access = self._access(owner)
        return Sight(access.view(tenant), access.view(tenant, Action.SUBSCRIBE))

    def _access(self, owner: Owner) -> Access:
        if self._open:
            return UNLIMITED
        _, accounts = self._known[owner]
        now = self._clock()
        public = accounts.get(PUBLIC_ID)
        return Access(owner.subject, _own_grants(owner, accounts, now) + everybodys(public), now)

    def _learn(self, wanted: Mapping[Owner, int]) -> None:
        """Read the accounts of owners that are not known recently enough."""
        if self._open:
            return
        now = self._clock()
        owners = [owner for owner, since in wanted.items() if not self._is_known(owner, since, now)]
        step = MAX_SUBJECTS // 3
        for start in range(0, len(owners), step):
            some = owners[start : start + step]
            subjects = dict.fromkeys(id for owner in some for id in owner.accounts)
            found = self._accounts.find([*subjects])
            for owner in some:
                mine = {id: found[id] for id in owner.accounts if id in found}
                self._known[owner] = now, mine
                self._known.move_to_end(owner)
        while len(self._known) > MAX_OWNERS + len(wanted):
            self._known.popitem(last=False)

    def _is_known(self, owner: Owner, since: int, now: int) -> bool:
        known = self._known.get(owner)
        return known is not None and since <= known[0] and 0 <= now - known[0] < self._max_age


def owners(client: "DynamoDBClient", settings: OwnersSettings) -> Owners:
    """The owners of a function: its client of DynamoDB and its settings."""
    return Owners(
        Accounts(client, settings.security_table, max_age=0),
        now,
        max_age=settings.grant_seconds,
        open_to_all=settings.public_access,
    )


def _own_grants(owner: Owner, accounts: Mapping[str, Account], now: int) -> tuple[Grant, ...]:
    """The grants of an owner who is still let in, and through a client that still is."""
    account, client = accounts.get(owner.subject), accounts.get(owner.client)
    if account is None or not account.active:
        return ()
    if owner.client and (client is None or not client.active):
        return ()
    return () if account.is_ended_key(now) else account.grants
