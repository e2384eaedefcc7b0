"""Entities in the context table: every read and write of an entity.

An update whose attributes keep their names, types and location touches the entity row only, with
one plain conditional write. Everything else an entity has (listing rows, location rows, type
statistics, parts of a large document) is written in one transaction with it.

Versions start at the creation time and count up, so an entity that is deleted and created again
never has an old version twice.

Request units (a row of up to 1 KB, i.e. about 3 KB of attributes as JSON; i location cells):

| operation | read | write |
|---|---|---|
| find by id, type and path | 0.5 eventual, 1 consistent | |
| find by id | 0.5 eventual, 1 consistent, per 4 KB found | |
| create | | 8 + 2·i (entity, two listings, type delta); 10 + 2·i transient |
| replace, same names, types, location, expiry | | 1 per KB |
| replace, other names or types | | 4 (entity, type delta) |
| replace, other location | | 2 + 2 per cell left or entered |
| replace, other expiry | | 8 + 2·i; 10 + 2·i when it had one |
| delete | | 8 + 2·i; 10 + 2·i transient |
| load | 1 each | |

Each delta is folded later for 2 to 4 write (`types`). A document past 350 KB compressed costs 2
write per KB for its new parts and again for the parts it supersedes.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from city.document import Attribute, Entity, Identity
from city.dynamodb import ConditionFailed, Row, from_stream, to_item, transact
from city.dynamodb import write as write_one
from city.entity_keys import Key, entity_key, entity_partition, part_key
from city.entity_rows import GRACE, Rows, entity_of, expiry, rows_of
from city.errors import Contended
from city.keys import prefix
from city.tenancy import PathScope, Tenant, in_scope
from context.store.layout import cell_key, is_possible, path_key, type_key
from context.store.listings import Listings
from context.store.table import (
    IS_NEW,
    Span,
    Statement,
    has_version,
    starting_with,
)
from context.store.types import same_tally

_TRIES = 4


class Exists(Exception):
    """The entity to create is there; `current` is its version."""

    def __init__(self, current: Entity) -> None:
        super().__init__(current.identity)
        self.current = current


class Stale(Exception):
    """The version to replace or delete is not the present one; `current` is, or None if gone."""

    def __init__(self, current: Entity | None) -> None:
        super().__init__(current and current.identity)
        self.current = current


class EntityStore(Listings):
    """The entities of one context table; safe for threads."""

    def find(
        self, tenant: Tenant, id: str, *, type: str | None, scope: PathScope, consistent: bool
    ) -> list[Entity]:
        """The entities with this id (and type) in the scope, expired ones left out; one call."""
        nearest = entity_key(Identity(tenant, id, type or "", scope[0].path))
        if not is_possible(nearest):
            return []
        if type is not None and len(scope) == 1 and not scope[0].subtree:
            row = self._get(nearest, consistent=consistent)
            rows = [row] if row else []
        else:
            pk = entity_partition(tenant, id)
            span = Span(pk) if type is None else starting_with(pk, prefix(type))
            rows = [row for page in self._pages(span, consistent=consistent) for row in page]
        return [entity for entity in self._living(rows) if in_scope(scope, entity.identity.path)]

    def load(self, identities: Iterable[Identity]) -> list[Entity]:
        """The entities that exist, in the given order; strongly consistent, in parallel."""
        return self._living(self._get_many([entity_key(identity) for identity in identities]))

    def create(self, entity: Entity) -> None:
        """Write a first version, in the place of an expired one if there is. Raises Exists."""
        rows = rows_of(entity)
        expired: Entity | None = None
        for _ in range(_TRIES):
            try:
                transact(self._client, [*self._creating(entity, rows, expired)])
            except ConditionFailed as failed:
                expired = self._expired(failed.found[0])
            else:
                return
        raise Contended("the entity is being created by too many requests at once; try again")

    def replace(self, previous: Entity, entity: Entity) -> None:
        """Write the version after `previous`. Raises Stale when `previous` is not the present."""
        rows = rows_of(entity)
        others = [*self._following(previous, entity), *map(self._put, rows.parts)]
        condition = has_version(previous.version)
        try:
            if others:
                transact(self._client, [self._put(rows.entity, **condition), *others])
            else:
                item = to_item(rows.entity)
                write_one(self._client.put_item, TableName=self._table, Item=item, **condition)
        except ConditionFailed as failed:
            found = failed.found[0]
            # A write whose answer was lost is repeated by the client and meets itself.
            if not found or found.get("n") != rows.entity["n"]:
                raise Stale(self._present(found)) from failed

    def delete(self, entity: Entity) -> None:
        """Remove an entity. Raises Stale when this version is not the present one."""
        condition = has_version(entity.version)
        statements = [
            self._delete(entity_key(entity.identity), **condition),
            *map(self._delete, _listing_keys(entity)),
            *self._count_changes(entity, None),
            *self._retiring(entity),
        ]
        try:
            transact(self._client, statements)
        except ConditionFailed as failed:
            raise Stale(self._present(failed.found[0])) from failed

    def entity_from_image(self, image: Mapping[str, Any]) -> Entity:
        """The entity in an image of a stream record (base64 or raw binary), expired or not."""
        return self._entity(from_stream(image))

    def _creating(self, entity: Entity, rows: Rows, expired: Entity | None) -> Iterator[Statement]:
        if expired:
            yield self._put(rows.entity, **has_version(expired.version))
            yield from self._relisting(expired, entity)
            yield from self._retiring(expired)
        else:
            yield self._put(rows.entity, **IS_NEW)
            yield from map(self._put, _rows_at(_listing_keys(entity), entity))
        yield from self._count_changes(expired, entity)
        yield from map(self._put, rows.parts)

    def _expired(self, found: Row | None) -> Entity | None:
        """The expired entity a create has met, or None; raises Exists when it has not expired."""
        present = self._entity(found) if found else None
        if present and not present.expired(self._clock()):
            raise Exists(present)
        return present

    def _following(self, old: Entity, new: Entity) -> Iterator[Statement]:
        """Statements for the rows beside the entity row that differ between two versions."""
        ends_otherwise = old.expires != new.expires
        if ends_otherwise or not _same_location(old, new):
            yield from self._relisting(old, new)
        if ends_otherwise or not same_tally(old, new):
            yield from self._count_changes(old, new)
        yield from self._retiring(old)

    def _relisting(self, old: Entity, new: Entity) -> Iterator[Statement]:
        before, after = _listing_keys(old), _listing_keys(new)
        yield from (self._delete(key) for key in before if key not in after)
        kept = before if old.expires == new.expires else []
        yield from map(self._put, _rows_at([key for key in after if key not in kept], new))

    def _retiring(self, entity: Entity) -> Iterator[Statement]:
        """Let the parts of a superseded document expire, once its stream records have been read."""
        for number in range(entity.parts):
            yield {
                "Update": {
                    "TableName": self._table,
                    "Key": to_item({**part_key(entity.identity, entity.version, number)._asdict()}),
                    "UpdateExpression": "SET exp = :exp",
                    "ExpressionAttributeValues": {
                        ":exp": {"N": str(self._clock() // 1_000_000 + GRACE)}
                    },
                }
            }

    def _living(self, rows: Iterable[Row]) -> list[Entity]:
        now = self._clock()
        alive = (row for row in rows if cast("int", row.get("expires", now + 1)) > now)
        return [self._entity(row) for row in alive]

    def _present(self, row: Row | None) -> Entity | None:
        entity = self._entity(row) if row else None
        return entity if entity and not entity.expired(self._clock()) else None

    def _entity(self, row: Row) -> Entity:
        return entity_of(row, self._get_many)


def _listing_keys(entity: Entity) -> list[Key]:
    """Keys of the rows that say that the entity exists: in the listings and in its cells."""
    return [type_key(entity), path_key(entity), *_cell_keys(entity)]


_KINDS = {"l": "L", "p": "P", "g": "G"}


def _rows_at(keys: Iterable[Key], entity: Entity) -> list[Row]:
    return [
        {**key._asdict(), "k": _KINDS[key.pk.split("\u001f")[2]], **expiry(entity.expires)}
        for key in keys
    ]


def _places(entity: Entity) -> dict[str, Attribute]:
    return {
        name: attribute
        for name, attribute in entity.attributes.items()
        if attribute.type.startswith("geo:")
    }


def _same_location(old: Entity, new: Entity) -> bool:
    before, after = _places(old), _places(new)
    return before.keys() == after.keys() and all(
        before[name].same_content(attribute) for name, attribute in after.items()
    )


def _cell_keys(entity: Entity) -> list[Key]:
    if not _places(entity):
        return []
    from city.locations import location_of  # noqa: PLC0415
    from context.cells import cells_of  # noqa: PLC0415 - only located entities need it

    location = location_of(entity.attributes)
    return [cell_key(entity, cell) for cell in cells_of(location)] if location else []
