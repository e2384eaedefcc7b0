"""Where an entity's own rows are in the context table: its partition, its key, its parts.

The writer (context) and whoever reads the table's stream share them; `·` is U+001F
(`city.keys`), times in keys are 16 digits of microseconds.

| `k` | row | pk | sk |
|---|---|---|---|
| E | entity | `t·{tenant}·e·{id}` | `{type}·{path}` |
| X | part of a large document | `t·{tenant}·x·{digest}` | `{version}·{part}` |
"""

from hashlib import blake2b
from typing import NamedTuple

from city.document import Identity
from city.keys import key, split
from city.tenancy import ServicePath, Tenant


class Key(NamedTuple):
    """Partition key and sort key of one row."""

    pk: str
    sk: str


def moment(microseconds: int) -> str:
    """A time as keys hold it, so that text order is time order."""
    return f"{microseconds:016d}"


def entity_partition(tenant: Tenant, id: str) -> str:
    """All entities with one id, whatever their type and path."""
    return key("t", tenant, "e", id)


def entity_key(identity: Identity) -> Key:
    """The entity itself."""
    return Key(entity_partition(identity.tenant, identity.id), key(identity.type, identity.path))


def identity_of(row_key: Key) -> Identity:
    """The identity an entity key was made from."""
    _, tenant, _, id = split(row_key.pk)
    type, path = split(row_key.sk)
    return Identity(Tenant(tenant), id, type, ServicePath(path))


def part_key(identity: Identity, version: int, part: int) -> Key:
    """One part of a document too large for the entity row; never written twice."""
    return Key(key("t", identity.tenant, "x", digest(identity)), key(moment(version), str(part)))


def digest(identity: Identity) -> str:
    """A short stand-in for an identity where a key has no room for it."""
    return blake2b(key(*identity).encode(), digest_size=16).hexdigest()
