"""The directory: properties of subjects and resources that policies look at and searches go through.

| row   | pk                                | sk       | content                                    |
|-------|-----------------------------------|----------|--------------------------------------------|
| entry | `directory·{tenant}·{kind}·{type}` | `{id}`  | `d`: the properties as JSON, `at` (k = D)  |

Request units, for entries of 1 KB: put and delete 1 write; one 1 read; a page 1 read per 4 KB.
What a decision needs (the tenant's policy revision and up to two entries) is one request, 1 each.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, cast

from city.dynamodb import Row
from city.json import Json, dump, parse
from city.keys import key
from city.table import IS_NEW, Condition, Table
from city.tenancy import Tenant
from security.store.policies import revision_key, revision_of

ENTRY = "D"
MAX_KEY = 1024
"""Bytes of a sort key; a longer id has no entry."""


class Kind(StrEnum):
    """What an entry is about."""

    SUBJECT = "subjects"
    RESOURCE = "resources"


class Place(NamedTuple):
    """Where an entry is."""

    kind: Kind
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a subject or resource; `changed` (microseconds) is also its version."""

    place: Place
    properties: dict[str, Json]
    changed: int


class Inputs(NamedTuple):
    """What a decision needs: the revision of the policies, and the properties known."""

    revision: int
    properties: dict[Place, dict[str, Json]]


class DirectoryStore:
    """The directory in the security table. Writes raise ConditionFailed; see `Table`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, tenant: Tenant, place: Place) -> Entry | None:
        """One entry."""
        if not _fits(place):
            return None
        row = self._table.get(*_key(tenant, place))
        return _entry_of(place.kind, place.type, row) if row else None

    def some(
        self, tenant: Tenant, kind: Kind, type: str, limit: int, after: str | None
    ) -> tuple[list[Entry], str | None]:
        """A page of the entries of a type in the order of their ids, and where to continue."""
        page = self._table.query(_partition(tenant, kind, type), limit=limit, after=after)
        return [_entry_of(kind, type, row) for row in page.rows], page.after

    def after(self, tenant: Tenant, kind: Kind, type: str, position: str) -> Iterator[Entry]:
        """The entries of a type whose ids come after a position, read as they are taken.

        The position may be any text, also one too long for a key.
        """
        start: str | None = position.encode()[:MAX_KEY].decode(errors="ignore") or None
        while len(type.encode()) <= MAX_KEY:
            entries, start = self.some(tenant, kind, type, 200, start)
            yield from (entry for entry in entries if entry.place.id > position)
            if start is None:
                return

    def put(self, tenant: Tenant, entry: Entry, present: Entry | None) -> None:
        """Write an entry over the one given, or where there is none."""
        self._table.put(_row(tenant, entry), IS_NEW if present is None else _is(present))

    def delete(self, tenant: Tenant, place: Place, present: Entry) -> None:
        """Delete an entry, if it is the one given."""
        self._table.delete(*_key(tenant, place), _is(present))

    def inputs(self, tenant: Tenant, places: Iterable[Place]) -> Inputs:
        """What decisions about these subjects and resources need, in one request."""
        wanted = {_key(tenant, place): place for place in places if _fits(place)}
        marker = revision_key(tenant)
        rows = self._table.get_many([marker, *wanted])
        known = {wanted[place]: _properties(row) for place, row in rows.items() if place in wanted}
        return Inputs(revision_of(rows.get(marker)), known)


def _fits(place: Place) -> bool:
    """Whether an entry can have this place at all; DynamoDB bounds keys."""
    return len(place.type.encode()) <= MAX_KEY and 0 < len(place.id.encode()) <= MAX_KEY


def _partition(tenant: Tenant, kind: Kind, type: str) -> str:
    return key("directory", tenant, kind, type)


def _key(tenant: Tenant, place: Place) -> tuple[str, str]:
    return _partition(tenant, place.kind, place.type), key(place.id)


def _is(entry: Entry) -> Condition:
    return Condition("#at = :at", {":at": entry.changed}, {"#at": "at"})


def _row(tenant: Tenant, entry: Entry) -> Row:
    pk, sk = _key(tenant, entry.place)
    return {"pk": pk, "sk": sk, "k": ENTRY, "d": dump(entry.properties), "at": entry.changed}


def _entry_of(kind: Kind, type: str, row: Row) -> Entry:
    place = Place(kind, type, cast("str", row["sk"]))
    return Entry(place, _properties(row), cast("int", row["at"]))


def _properties(row: Row) -> dict[str, Json]:
    return cast("dict[str, Json]", parse(cast("str", row["d"])))
