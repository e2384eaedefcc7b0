"""Entities in the context table (signatures; being filled in)."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from city.tenancy import PathScope, Tenant
from context.document import Entity, Identity

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Exists(Exception):
    """The entity to create is there; `current` is its version."""

    def __init__(self, current: Entity) -> None:
        super().__init__("exists")
        self.current = current


class Stale(Exception):
    """The version to replace or delete is not the present one; `current` is, or None if gone."""

    def __init__(self, current: Entity | None) -> None:
        super().__init__("stale")
        self.current = current


class EntityStore:
    """Rows of entities in one table; safe for threads."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find(
        self, tenant: Tenant, id: str, *, type: str | None, scope: PathScope, consistent: bool
    ) -> list[Entity]:
        """Entities with this id; one call."""
        raise NotImplementedError

    def create(self, entity: Entity, now: int) -> None:
        """Write a first version. Raises Exists."""
        raise NotImplementedError

    def replace(self, previous: Entity, entity: Entity, now: int) -> None:
        """Write the next version. Raises Stale."""
        raise NotImplementedError

    def delete(self, entity: Entity, now: int) -> None:
        """Remove an entity. Raises Stale."""
        raise NotImplementedError

    def load(self, identities: Iterable[Identity]) -> list[Entity]:
        """The entities that exist, in the given order; strongly consistent."""
        raise NotImplementedError

    def entity_from_image(self, image: Mapping[str, Any]) -> Entity:
        """The entity in a stream image (wire format of a Lambda event or of the client)."""
        raise NotImplementedError

    def fold(self, deltas: Iterable[Mapping[str, Any]]) -> None:
        """Count type-statistics deltas (new images with k = "T"); repeating is harmless."""
        raise NotImplementedError

    def expire(self, images: Iterable[Mapping[str, Any]]) -> None:
        """Count entities that TTL removed (old images with k = "E"); repeating is harmless."""
        raise NotImplementedError
