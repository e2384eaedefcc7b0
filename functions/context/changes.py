"""What one version of an entity changed: read from the images of a stream record.

A change is one step of one entity. It knows the attributes its request touched, which of them
really changed, and a name that is the same however often the record is read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from city.clock import SECOND
from city.document import Attribute, Entity, Identity

TTL_PRINCIPAL = "dynamodb.amazonaws.com"
"""Who deletes expired rows, as stream records name it."""


class Alteration(StrEnum):
    """The kinds of change a subscription can ask for (NGSI-v2 "alterationType")."""

    CREATE = "entityCreate"
    UPDATE = "entityUpdate"
    CHANGE = "entityChange"
    DELETE = "entityDelete"


@dataclass(frozen=True, slots=True)
class Change:
    """One version of an entity and the one before it (None: created, or deleted).

    `touched`: attributes the request wrote or deleted; `values` and `metadata`: those whose value
    or type, and whose metadata, are different now. `at`: when, in microseconds; of a deletion
    only the second is known.
    """

    old: Entity | None
    new: Entity | None
    at: int
    touched: tuple[str, ...]
    values: frozenset[str]
    metadata: frozenset[str]

    @property
    def entity(self) -> Entity:
        """The entity after the change, or as it was before it was deleted."""
        found = self.new or self.old
        assert found is not None, "a change has at least one version"
        return found

    @property
    def identity(self) -> Identity:
        """Whose change it is."""
        return self.entity.identity

    @property
    def alteration(self) -> Alteration:
        """What kind of change it is, metadata counted."""
        if self.new is None:
            return Alteration.DELETE
        if self.old is None:
            return Alteration.CREATE
        return Alteration.CHANGE if self.values or self.metadata else Alteration.UPDATE

    @property
    def only_metadata(self) -> bool:
        """Whether metadata changed and nothing else."""
        return bool(self.metadata) and not self.values

    @property
    def sequence(self) -> str:
        """Sorts the changes of one entity; versions are never used twice."""
        end = "d" if self.new is None else ""
        return f"{self.entity.version:016d}{end}"


def change_between(old: Entity | None, new: Entity | None, at: int) -> Change:
    """Compare two versions. An expired old version does not exist, so `new` is a creation."""
    if old is not None and new is not None and old.expired(new.modified):
        old = None
    if new is None:
        return Change(old, None, at, (), frozenset(), frozenset())
    if old is None:
        names = frozenset(new.attributes)
        return Change(None, new, at, tuple(new.attributes), names, names)
    touched = new.write.touched
    if new.write.forced:
        return Change(old, new, at, touched, frozenset(touched), frozenset(touched))
    return Change(
        old,
        new,
        at,
        touched,
        frozenset(name for name in touched if _value_differs(old, new, name)),
        frozenset(name for name in touched if _metadata_differs(old, new, name)),
    )


def change_of(
    record: Mapping[str, Any], entity_from_image: Callable[[Mapping[str, Any]], Entity]
) -> Change:
    """The change in a stream record of an entity row."""
    images = record["dynamodb"]
    old = entity_from_image(images["OldImage"]) if "OldImage" in images else None
    new = entity_from_image(images["NewImage"]) if "NewImage" in images else None
    written = int(images.get("ApproximateCreationDateTime", 0)) * SECOND
    return change_between(old, new, new.modified if new else written)


def is_expiry(record: Mapping[str, Any]) -> bool:
    """Whether the record is the late removal of a row that had expired; it notifies nobody."""
    principal = (record.get("userIdentity") or {}).get("principalId")
    return record["eventName"] == "REMOVE" and principal == TTL_PRINCIPAL


def _value_differs(old: Entity, new: Entity, name: str) -> bool:
    before, after = old.attributes.get(name), new.attributes.get(name)
    if before is None and after is None:
        return name == "dateExpires" and old.expires != new.expires
    return before is None or after is None or not before.same_value(after)


def _metadata_differs(old: Entity, new: Entity, name: str) -> bool:
    before, after = old.attributes.get(name), new.attributes.get(name)
    if before is None or after is None:
        return before is not after
    return not _without_value(before).same_content(_without_value(after))


def _without_value(attribute: Attribute) -> Attribute:
    return replace(attribute, type="", value=None)
