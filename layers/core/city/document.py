"""An entity as the store keeps it, whatever API wrote it, and what changed between two versions.

The stored document serves both NGSI-v2 and NGSI-LD. NGSI-v2 metadata and NGSI-LD sub-attributes
are both nested attributes, so one recursive class holds them; `instances` holds the NGSI-LD
instances of an attribute by datasetId (NGSI-LD 4.5.5) and is empty for NGSI-v2.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast

from city.json import Json, dump, parse
from city.tenancy import ServicePath, Tenant

TIME_METADATA: Final = ("observedAt", "TimeInstant", "timestamp")
"""Metadata that say when a value was observed; the first that is there counts."""


class Identity(NamedTuple):
    """What makes an entity the same entity: NGSI-v2 §"Entity", with tenant and service path."""

    tenant: Tenant
    id: str
    type: str
    path: ServicePath


@dataclass(slots=True)
class Attribute:
    """A typed value with times of its own (microseconds) and nested attributes.

    As NGSI-v2 metadata only `type` and `value` are used and the times are zero.
    """

    type: str
    value: Json
    metadata: dict[str, "Attribute"] = field(default_factory=dict)
    created: int = 0
    modified: int = 0
    instances: dict[str, "Attribute"] = field(default_factory=dict)

    def same_content(self, other: "Attribute") -> bool:
        """Whether type, value, metadata and instances agree; times do not count.

        Values compare as JSON: 1 equals 1.0, but true does not equal 1.
        """
        return (
            self.same_value(other)
            and _same_members(self.metadata, other.metadata)
            and _same_members(self.instances, other.instances)
        )

    def same_value(self, other: "Attribute") -> bool:
        """Whether type and value agree; metadata and times do not count."""
        return self.type == other.type and same_json(self.value, other.value)


@dataclass(frozen=True, slots=True)
class Write:
    """What the request that made a version said, kept for those who read the stream.

    `touched` names the attributes the request wrote or deleted, also those it left unchanged;
    `forced` says that unchanged attributes count as changed (option forcedUpdate);
    `correlator` is the request's Fiware-Correlator; `undated` names touched attributes that keep a
    time of an older value (`TIME_METADATA`), as the request said none.
    """

    touched: tuple[str, ...] = ()
    forced: bool = False
    correlator: str = ""
    undated: tuple[str, ...] = ()


@dataclass(slots=True)
class Entity:
    """One version of an entity. Times are microseconds; `expires` is None or when it vanishes.

    `parts` is the store's own note: how many rows beside its own hold the document (0: none).
    """

    identity: Identity
    attributes: dict[str, Attribute]
    created: int
    modified: int
    version: int = 1
    expires: int | None = None
    write: Write = field(default_factory=Write)
    parts: int = 0

    def expired(self, now: int) -> bool:
        """Whether a transient entity is past its end and no longer exists for anybody."""
        return self.expires is not None and self.expires <= now


def dump_attributes(attributes: dict[str, Attribute]) -> str:
    """Serialise attributes to the stored document."""
    return dump({name: _pack(attribute) for name, attribute in attributes.items()})


def parse_attributes(text: str | bytes) -> dict[str, Attribute]:
    """Read what `dump_attributes` wrote."""
    packed = cast("dict[str, dict[str, Json]]", parse(text))
    return {name: _unpack(members) for name, members in packed.items()}


def same_json(left: Json, right: Json) -> bool:
    """Equality of JSON values: numbers by value, booleans never equal numbers."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_json(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    return left == right


def _same_members(left: dict[str, Attribute], right: dict[str, Attribute]) -> bool:
    return left.keys() == right.keys() and all(left[k].same_content(right[k]) for k in left)


def _pack(attribute: Attribute) -> dict[str, object]:
    packed: dict[str, object] = {"t": attribute.type, "v": attribute.value}
    if attribute.metadata:
        packed["m"] = {name: _pack(member) for name, member in attribute.metadata.items()}
    if attribute.instances:
        packed["i"] = {name: _pack(member) for name, member in attribute.instances.items()}
    if attribute.created:
        packed["c"] = attribute.created
    if attribute.modified:
        packed["u"] = attribute.modified
    return packed


def _unpack(packed: dict[str, Json]) -> Attribute:
    return Attribute(
        type=cast("str", packed["t"]),
        value=packed["v"],
        metadata=_unpack_members(packed.get("m")),
        created=cast("int", packed.get("c", 0)),
        modified=cast("int", packed.get("u", 0)),
        instances=_unpack_members(packed.get("i")),
    )


def _unpack_members(packed: Json) -> dict[str, Attribute]:
    members = cast("dict[str, dict[str, Json]]", packed or {})
    return {name: _unpack(member) for name, member in members.items()}
