"""Entities as services use them: read one, create, update, upsert, delete; each is one entity.

An update reads the present version, lets a pure mutation build the next one, and writes it on
condition that the version is still the one that was read. When another writer was faster, the
failed condition returns the version that won, and the mutation runs again on that; an update
that loses again waits a little and reads again.

The first read of an update may be eventually consistent, at half the price: a write on an old
version fails its condition, and whatever else would be said on the strength of that read (not
found, refused, nothing to do) is said only after a consistent one.

Every read goes through the caller's view and every write carries the caller's permit, which is
asked about each version the write is tried on. An entity that the caller may neither read nor
write is not found.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from city.clock import Clock
from city.document import Entity, Identity
from city.dynamodb import pauses
from city.errors import AlreadyExists, Ambiguous, CityError, Contended, NotFound
from city.policy.grants import View
from city.tenancy import PathPattern, PathScope, ServicePath, Tenant
from context.rights import Permit, require_any, visible
from context.store.entities import EntityStore, Exists, Stale

MAX_TRIES = 60
"""Versions of one entity an update loses to other writers before it gives up (about 10 s)."""

NOT_FOUND = "The requested entity has not been found. Check type and id"
AMBIGUOUS = "More than one matching entity. Please refine your query"
EXISTS = "Already Exists"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a mutation made of an entity: the version to write, and a refusal to raise after that.

    A mutation that changes nothing at all returns the very entity it was given (nothing is
    written) or raises.
    """

    entity: Entity
    refusal: CityError | None = None


Mutation = Callable[[Entity, int], Outcome]
"""Builds the next version from the present one and the time (µs); may run more than once."""

Creation = Callable[[Identity, int], Entity]
"""Builds the first version of an entity, created at the given time (µs)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A version that was read, and whether the read was certain to give the present one."""

    entity: Entity
    certain: bool


class Entities:
    """Single-entity operations over the store; safe for threads."""

    def __init__(self, store: EntityStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def get(
        self, tenant: Tenant, id: str, type: str | None, scope: PathScope, view: View
    ) -> Entity:
        """The one visible entity with this id (and type) inside the scope, strongly consistent.

        Raises NotFound, or Ambiguous when several types or paths have the id.
        """
        found = self._store.find(tenant, id, type=type, scope=scope, consistent=True)
        shown = (visible(entity, view) for entity in found)
        return _the_only([entity for entity in shown if entity is not None])

    def create(
        self, identity: Identity, creation: Creation, *, permit: Permit, at: int | None = None
    ) -> Entity:
        """Create an entity, as of `at` (µs) or now. Raises AlreadyExists or Forbidden."""
        try:
            return self._create(identity, creation, permit, at)
        except Exists:
            raise AlreadyExists(EXISTS) from None

    def update(
        self,
        tenant: Tenant,
        id: str,
        type: str | None,
        path: ServicePath,
        mutation: Mutation,
        *,
        permit: Permit,
    ) -> Entity:
        """Write what the mutation makes of the entity, then raise the mutation's refusal if any.

        Raises NotFound, Ambiguous, Forbidden, Contended, and whatever the mutation raises
        (nothing written).
        """
        require_any(permit.access, permit.action, tenant)
        seen = self._see_somehow(tenant, id, type, path, permit)
        return self._advance(seen, permitted(mutation, permit))

    def upsert(
        self,
        identity: Identity,
        creation: Creation,
        mutation: Mutation,
        *,
        permit: Permit,
        any_type: bool = False,
        at: int | None = None,
    ) -> bool:
        """Update the entity, or create it when there is none; True when created.

        With `any_type` the caller named no type: the only entity with this id at this path is
        updated whatever its type (several: Ambiguous), and `identity.type` is for creation. What
        really happens has to be permitted: `permit` is for the update. Raises Forbidden.
        """
        tenant, id, type, path = identity
        mutation = permitted(mutation, permit)
        seen = self._see(tenant, id, None if any_type else type, path, permit)
        for _ in range(MAX_TRIES):
            try:
                if seen is None:
                    self._create(identity, creation, permit.to_create(), at)
                    return True
                self._advance(seen, mutation, vanished=_Vanished)
            except Exists as exists:
                seen = Seen(exists.current, certain=True)
            except _Vanished:
                seen = None
            else:
                return False
        raise Contended(_CONTENDED)

    def delete(
        self, tenant: Tenant, id: str, type: str | None, path: ServicePath, *, permit: Permit
    ) -> None:
        """Delete the one entity. Raises NotFound, Ambiguous or Forbidden."""
        require_any(permit.access, permit.action, tenant)
        entity = self._see_somehow(tenant, id, type, path, permit).entity
        permit.check(entity.identity)
        for _ in range(MAX_TRIES):
            try:
                self._store.delete(entity)
            except Stale as stale:
                if stale.current is None:
                    raise NotFound(NOT_FOUND) from None
                entity = stale.current
            else:
                return
        raise Contended(_CONTENDED)

    def _create(
        self, identity: Identity, creation: Creation, permit: Permit, at: int | None
    ) -> Entity:
        permit.check(identity)
        now = self._clock() if at is None else at
        entity = replace(creation(identity, now), version=now)
        self._store.create(entity)
        return entity

    def _see(
        self, tenant: Tenant, id: str, type: str | None, path: ServicePath, permit: Permit
    ) -> Seen | None:
        """The entity or None: cheaply for a full identity, surely when the type is not known."""
        return self._look(tenant, id, type, path, permit, surely=type is None)

    def _see_somehow(
        self, tenant: Tenant, id: str, type: str | None, path: ServicePath, permit: Permit
    ) -> Seen:
        """The entity as `_see` sees it; only a sure look may miss it. Raises NotFound."""
        seen = self._see(tenant, id, type, path, permit)
        if seen is None:
            seen = self._look(tenant, id, type, path, permit, surely=True)
        if seen is None:
            raise NotFound(NOT_FOUND)
        return seen

    def _look(
        self,
        tenant: Tenant,
        id: str,
        type: str | None,
        path: ServicePath,
        permit: Permit,
        *,
        surely: bool,
    ) -> Seen | None:
        """The one entity at the path that exists for the caller. Raises Ambiguous."""
        found = self._store.find(
            tenant, id, type=type, scope=(PathPattern(path, subtree=False),), consistent=surely
        )
        known = [entity for entity in found if permit.knows(entity)]
        return Seen(_the_only(known), surely) if known else None

    def _see_again(self, seen: Seen, vanished: type[Exception]) -> Seen:
        tenant, id, type, path = seen.entity.identity
        found = self._store.find(
            tenant, id, type=type, scope=(PathPattern(path, subtree=False),), consistent=True
        )
        if not found:
            raise vanished(NOT_FOUND)
        return Seen(found[0], certain=True)

    def _advance(
        self, seen: Seen, mutation: Mutation, vanished: type[Exception] = NotFound
    ) -> Entity:
        """Write the next version; raises `vanished` when there is no entity any more."""
        for attempt, pause in enumerate(pauses(MAX_TRIES), 1):
            outcome = self._mutate(seen, mutation)
            if outcome is None:
                seen = self._see_again(seen, vanished)
                continue
            try:
                entity = self._write(seen.entity, outcome.entity)
            except Stale as stale:
                if stale.current is None:
                    raise vanished(NOT_FOUND) from None
                seen = Seen(stale.current, certain=True)
                # Losing once is bad luck; losing again means a crowd, and the image ages in it.
                if attempt > 1:
                    time.sleep(pause)
                    seen = self._see_again(seen, vanished)
                continue
            if outcome.refusal:
                raise outcome.refusal
            return entity
        raise Contended(_CONTENDED)

    def _mutate(self, seen: Seen, mutation: Mutation) -> Outcome | None:
        """The outcome, or None when it would write nothing on the strength of an uncertain read."""
        now = max(self._clock(), seen.entity.modified)
        try:
            outcome = mutation(seen.entity, now)
        except CityError:
            if seen.certain:
                raise
            return None
        if outcome.entity is seen.entity and not seen.certain:
            return None
        return outcome

    def _write(self, previous: Entity, entity: Entity) -> Entity:
        if entity is previous:
            return entity
        following = replace(entity, version=previous.version + 1)
        self._store.replace(previous, following)
        return following


def permitted(mutation: Mutation, permit: Permit) -> Mutation:
    """The mutation of one who may do what he asks for, and nothing beyond that. Raises Forbidden."""

    def checked(present: Entity, now: int) -> Outcome:
        permit.check(present.identity)
        outcome = mutation(present, now)
        permit.check_step(present, outcome.entity)
        return outcome

    return checked


class _Vanished(Exception):
    """The entity to update is not there any more, so an upsert creates it."""


_CONTENDED = "the entity is being written by too many requests at once; try again"


def _the_only(found: list[Entity]) -> Entity:
    if not found:
        raise NotFound(NOT_FOUND)
    if len(found) > 1:
        raise Ambiguous(AMBIGUOUS)
    return found[0]
