"""Entities as services use them: read one, create, update, upsert, delete; each is one entity.

An update reads the present version, lets a pure mutation build the next one, and writes it on
condition that the version is still the one that was read. When another writer was faster, the
failed condition returns the version that won, and the mutation runs again on that.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from city.clock import Clock
from city.dynamodb import pauses
from city.errors import AlreadyExists, Ambiguous, CityError, Contended, NotFound
from city.tenancy import PathPattern, PathScope, ServicePath, Tenant
from context.document import Entity, Identity
from context.store.entities import EntityStore, Exists, Stale

MAX_TRIES = 40
"""Versions of one entity an update loses to other writers before it gives up (about 10 s)."""


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


class Entities:
    """Single-entity operations over the store; safe for threads."""

    def __init__(self, store: EntityStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def get(self, tenant: Tenant, id: str, type: str | None, scope: PathScope) -> Entity:
        """The one entity with this id (and type) inside the scope, strongly consistent.

        Raises NotFound, or Ambiguous when several types or paths have the id.
        """
        raise NotImplementedError

    def create(self, identity: Identity, creation: Creation, *, at: int | None = None) -> Entity:
        """Create an entity, as of `at` (µs) or now. Raises AlreadyExists."""
        raise NotImplementedError

    def update(
        self, tenant: Tenant, id: str, type: str | None, path: ServicePath, mutation: Mutation
    ) -> Entity:
        """Write what the mutation makes of the entity, then raise the mutation's refusal if any.

        Raises NotFound, Ambiguous, Contended, and whatever the mutation raises (nothing written).
        """
        raise NotImplementedError

    def upsert(
        self,
        identity: Identity,
        creation: Creation,
        mutation: Mutation,
        *,
        any_type: bool = False,
        at: int | None = None,
    ) -> bool:
        """Update the entity, or create it when there is none; True when created.

        With `any_type` the caller named no type: the only entity with this id at this path is
        updated whatever its type (several: Ambiguous), and `identity.type` is for creation.
        """
        raise NotImplementedError

    def delete(self, tenant: Tenant, id: str, type: str | None, path: ServicePath) -> None:
        """Delete the one entity. Raises NotFound or Ambiguous."""
        raise NotImplementedError
