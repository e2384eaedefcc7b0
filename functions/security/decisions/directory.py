"""The directory of a tenant: what policies may know of subjects and resources beforehand.

An entry has a type, an id and free properties. In a decision they count before those that the
request gives, so that nobody who asks can raise himself; searches go through the entries.
"""

from city.clock import Clock
from city.dynamodb import ConditionFailed
from city.errors import InvalidRequest, NotFound, Stale, TooLarge
from city.json import Json, dump
from city.preconditions import Preconditions
from city.tenancy import Tenant
from security.store.directory import DirectoryStore, Entry, Kind, Place

MAX_BYTES = 16_384
"""Size of the properties of one entry as JSON."""


class Directory:
    """The directories of all tenants, over their store; safe for threads."""

    def __init__(self, store: DirectoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def put(
        self, tenant: Tenant, place: Place, properties: Json, preconditions: Preconditions
    ) -> tuple[Entry, bool]:
        """Replace an entry whole, or add it; the entry, and whether it is new.

        Raises InvalidRequest, TooLarge, and Stale or Unconditional (see `Preconditions`).
        """
        if not isinstance(properties, dict):
            raise InvalidRequest("properties must be an object")
        if len(dump(properties).encode()) > MAX_BYTES:
            raise TooLarge(f"properties may have at most {MAX_BYTES} bytes")
        present = self._store.get(tenant, place)
        preconditions.check(present.changed if present else None)
        now = self._clock()
        entry = Entry(place, properties, max(now, present.changed + 1) if present else now)
        try:
            self._store.put(tenant, entry, present)
        except ConditionFailed as error:
            raise Stale("another change was faster: read it again") from error
        return entry, present is None

    def get(self, tenant: Tenant, place: Place) -> Entry:
        """One entry. Raises NotFound."""
        found = self._store.get(tenant, place)
        if found is None:
            raise _not_found(place)
        return found

    def some(
        self, tenant: Tenant, kind: Kind, type: str, limit: int, after: str | None
    ) -> tuple[list[Entry], str | None]:
        """A page of the entries of a type in the order of their ids, and where to continue."""
        return self._store.some(tenant, kind, type, limit, after)

    def delete(self, tenant: Tenant, place: Place, preconditions: Preconditions) -> None:
        """Delete an entry. Raises NotFound or Stale."""
        present = self.get(tenant, place)
        preconditions.check(present.changed, required=False)
        try:
            self._store.delete(tenant, place, present)
        except ConditionFailed as error:
            raise Stale("another change was faster: read it again") from error


def _not_found(place: Place) -> NotFound:
    return NotFound(f"the directory has no {place.type} {place.id} among its {place.kind}")
