"""What editors say about datasets and the catalogue: administrators of the tenant, or the platform."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from city.clock import Clock
from city.dynamodb import ConditionFailed
from city.errors import Contended, InvalidRequest, NotFound
from city.json import Json
from city.policy import Caller
from city.preconditions import Preconditions
from city.tenancy import Tenant
from history.opendata.names import dataset_id
from history.opendata.publications import Publications
from history.store.datasets import DatasetStore, Written
from history.store.directory import Directory
from models.open_data.catalog import CatalogRecord
from models.open_data.dataset import DatasetRecord
from models.open_data.texts import Record, explain

MAX_TYPE = 256

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Entry:
    """A type as its editors see it: whether the public has it, and what was written about it."""

    type: str
    id: str
    is_public: bool
    written: Written | None


class Editorial:
    """Reads and changes editorial records. Every method raises Forbidden for who may not."""

    def __init__(
        self,
        store: DatasetStore,
        directory: Directory,
        publications: Publications,
        clock: Clock,
    ) -> None:
        self._store = store
        self._directory = directory
        self._publications = publications
        self._clock = clock

    def every(self, caller: Caller, tenant: Tenant) -> list[Entry]:
        """The types of a tenant that have history or a record, in alphabetical order."""
        caller.access.require_admin(tenant)
        records = self._store.of_tenant(tenant).records
        types = sorted({*self._directory.types(tenant), *records})
        public = {d.type for d in self._publications.every() if d.tenant == tenant}
        return [_entry(tenant, type, type in public, records.get(type)) for type in types]

    def get(self, caller: Caller, tenant: Tenant, type: str) -> Entry:
        """A type that has history or a record. Raises NotFound."""
        caller.access.require_admin(tenant)
        written = self._store.find(tenant, type)
        if written is None and type not in self._directory.types(tenant):
            raise NotFound(f"there is no history of the type {type}, and no record about it")
        is_public = self._publications.of_type(tenant, type) is not None
        return _entry(tenant, type, is_public, written)

    def put(
        self,
        caller: Caller,
        tenant: Tenant,
        type: str,
        record: dict[str, Json],
        conditions: Preconditions,
    ) -> tuple[Written, bool]:
        """Write a record; it, and whether it is new. Raises InvalidRequest, Stale, Unconditional."""
        caller.access.require_admin(tenant)
        checked(DatasetRecord, record)
        seen = self._store.find(tenant, _checked_type(type))
        conditions.check(seen.at if seen else None)
        return self._write(
            caller, record, seen, lambda new, at: self._store.put(tenant, type, new, at)
        )

    def patch(
        self,
        caller: Caller,
        tenant: Tenant,
        type: str,
        changes: dict[str, Json],
        conditions: Preconditions,
    ) -> Written:
        """Change members of a record, which need not exist (RFC 7396); as `put`."""
        caller.access.require_admin(tenant)
        seen = self._store.find(tenant, _checked_type(type))
        conditions.check(seen.at if seen else None, required=False)
        record = merged(seen.record if seen else {}, changes)
        checked(DatasetRecord, record)
        return self._write(
            caller, record, seen, lambda new, at: self._store.put(tenant, type, new, at)
        )[0]

    def delete(self, caller: Caller, tenant: Tenant, type: str, conditions: Preconditions) -> None:
        """Delete a record; the dataset stays. Raises NotFound, Stale, Unconditional."""
        caller.access.require_admin(tenant)
        seen = self._store.find(tenant, type)
        if seen is None:
            raise NotFound(f"there is no record about the type {type}")
        conditions.check(seen.at)
        _uncontended(lambda: self._store.delete(tenant, type, seen.at))

    def catalog(self, caller: Caller) -> Written | None:
        """The record of the catalogue."""
        caller.access.require_admin(None)
        return self._store.catalog()

    def put_catalog(
        self, caller: Caller, record: dict[str, Json], conditions: Preconditions
    ) -> tuple[Written, bool]:
        """Write the record of the catalogue; as `put`."""
        caller.access.require_admin(None)
        checked(CatalogRecord, record)
        seen = self._store.catalog()
        conditions.check(seen.at if seen else None)
        return self._write(caller, record, seen, self._store.put_catalog)

    def patch_catalog(
        self, caller: Caller, changes: dict[str, Json], conditions: Preconditions
    ) -> Written:
        """Change members of the record of the catalogue; as `patch`."""
        caller.access.require_admin(None)
        seen = self._store.catalog()
        conditions.check(seen.at if seen else None, required=False)
        record = merged(seen.record if seen else {}, changes)
        checked(CatalogRecord, record)
        return self._write(caller, record, seen, self._store.put_catalog)[0]

    def delete_catalog(self, caller: Caller, conditions: Preconditions) -> None:
        """Delete the record of the catalogue. Raises NotFound, Stale, Unconditional."""
        caller.access.require_admin(None)
        seen = self._store.catalog()
        if seen is None:
            raise NotFound("there is no record of the catalogue")
        conditions.check(seen.at)
        _uncontended(lambda: self._store.delete_catalog(seen.at))

    def _write(
        self,
        caller: Caller,
        record: dict[str, Json],
        seen: Written | None,
        put: Callable[[Written, int | None], None],
    ) -> tuple[Written, bool]:
        before = seen.at if seen else None
        # a version is later than the one before it, whatever the clock says
        at = max(self._clock(), (before or 0) + 1)
        written = Written(record, at, caller.subject.id)
        _uncontended(lambda: put(written, before))
        return written, seen is None


def checked(model: type[R], record: dict[str, Json]) -> R:
    """The record as its model has it. Raises InvalidRequest, which names the member."""
    try:
        return model.model_validate(record)
    except ValidationError as error:
        raise InvalidRequest(explain(error)) from error


def merged(record: dict[str, Json], changes: dict[str, Json]) -> dict[str, Json]:
    """A record with changes merged into it: null takes a member away (RFC 7396)."""
    result = {name: value for name, value in record.items() if changes.get(name, value) is not None}
    for name, change in changes.items():
        if isinstance(change, dict):
            present = result.get(name)
            result[name] = merged(present if isinstance(present, dict) else {}, change)
        elif change is not None:
            result[name] = change
    return result


def _entry(tenant: Tenant, type: str, is_public: bool, written: Written | None) -> Entry:
    return Entry(type, dataset_id(tenant, type), is_public, written)


def _checked_type(type: str) -> str:
    if not 0 < len(type) <= MAX_TYPE or not type.isprintable():
        raise InvalidRequest(f"type must have 1 to {MAX_TYPE} characters and no control characters")
    return type


def _uncontended(write: Callable[[], None]) -> None:
    try:
        write()
    except ConditionFailed as failure:
        raise Contended("the record has just changed; read it again and repeat") from failure
