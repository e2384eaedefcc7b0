"""Where the rows that lead to entities are in the context table, and what their keys say.

The keys of an entity itself are in `city.entity_keys`.

| `k` | row | pk | sk |
|---|---|---|---|
| L | listing by type | `t·{tenant}·l·{type}` | `{created}·{path}·{id}` |
| P | listing by path | `t·{tenant}·p·{path}` | `{type}·{created}·{id}` |
| G | location, one per S2 cell | `t·{tenant}·g·{type}` | `{cell}·{created}·{path}·{id}` |
| T | type delta, until it is counted | `t·{tenant}·types` | `a·{random}` |
| C | type counter | `t·{tenant}·types` | `b·{type}·{path}` |
| Y | end of a transient entity | `t·{tenant}·types` | `c·{expires}·{created}·{digest}` |

Both listings are in creation order within (type) and (path, type), and a row says everything a
query needs before it reads the entity. A path ends in "/", so no key of one path starts with
another path followed by the separator.
"""

from typing import NamedTuple

from city.document import Entity, Identity
from city.entity_keys import Key, digest, moment
from city.keys import key, prefix, split
from city.tenancy import ServicePath, Tenant

MAX_PK_BYTES = 2048
MAX_SK_BYTES = 1024


class Listed(NamedTuple):
    """What a listing or location row says; sorting by these members is the default order."""

    created: int
    path: ServicePath
    type: str
    id: str

    def identity(self, tenant: Tenant) -> Identity:
        """The entity the row stands for."""
        return Identity(tenant, self.id, self.type, self.path)


def listed(entity: Entity) -> Listed:
    """The place of an entity in the default order."""
    _, id, type, path = entity.identity
    return Listed(entity.created, path, type, id)


def is_possible(row_key: Key) -> bool:
    """Whether DynamoDB can have such a row: it refuses even to look for a longer key."""
    return len(row_key.pk.encode()) <= MAX_PK_BYTES and len(row_key.sk.encode()) <= MAX_SK_BYTES


def type_partition(tenant: Tenant, type: str) -> str:
    """Listing rows of all entities of one type."""
    return key("t", tenant, "l", type)


def path_partition(tenant: Tenant, path: ServicePath) -> str:
    """Listing rows of all entities at one path."""
    return key("t", tenant, "p", path)


def cell_partition(tenant: Tenant, type: str) -> str:
    """Location rows of all entities of one type."""
    return key("t", tenant, "g", type)


def types_partition(tenant: Tenant) -> str:
    """Type statistics of a tenant."""
    return key("t", tenant, "types")


def type_key(entity: Entity) -> Key:
    """The row in the listing by type."""
    tenant, id, type, path = entity.identity
    return Key(type_partition(tenant, type), key(moment(entity.created), path, id))


def path_key(entity: Entity) -> Key:
    """The row in the listing by path."""
    tenant, id, type, path = entity.identity
    return Key(path_partition(tenant, path), key(type, moment(entity.created), id))


def cell_key(entity: Entity, cell: str) -> Key:
    """The row for one cell of the entity's location."""
    tenant, id, type, path = entity.identity
    return Key(cell_partition(tenant, type), key(cell, moment(entity.created), path, id))


def delta_key(tenant: Tenant, token: str) -> Key:
    """A pending change of type statistics."""
    return Key(types_partition(tenant), key("a", token))


def counter_key(tenant: Tenant, type: str, path: ServicePath) -> Key:
    """The counter of one type at one path."""
    return Key(types_partition(tenant), key("b", type, path))


def end_key(identity: Identity, created: int, expires: int) -> Key:
    """The row that ends the counting of a transient entity once it has expired."""
    return Key(
        types_partition(identity.tenant),
        key("c", moment(expires), moment(created), digest(identity)),
    )


def statistics_range(now: int) -> tuple[str, str]:
    """Sort keys that enclose all deltas, all counters and the ends that have come by `now`."""
    return prefix("a"), prefix("c", moment(now + 1))


def read_type_row(type: str, sk: str) -> Listed:
    """What a row of the listing by type says."""
    created, path, id = split(sk)
    return Listed(int(created), ServicePath(path), type, id)


def read_path_row(path: ServicePath, sk: str) -> Listed:
    """What a row of the listing by path says."""
    type, created, id = split(sk)
    return Listed(int(created), path, type, id)


def read_cell_row(type: str, sk: str) -> Listed:
    """What a location row says."""
    _, created, path, id = split(sk)
    return Listed(int(created), ServicePath(path), type, id)
