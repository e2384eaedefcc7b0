"""Short ways for tests to say which entity they mean."""

from dataclasses import dataclass

from city.document import Attribute, Entity, Identity
from city.json import Json
from city.policy import PUBLIC, Caller
from city.policy.grants import UNLIMITED, Action, View
from city.tenancy import ROOT, PathPattern, PathScope, ServicePath, Tenant
from context.entities import Creation, Entities, Mutation, Outcome
from context.rights import Permit

CITY = Tenant("city")
START = 1_790_000_000_000_000
"""A moment in microseconds."""

EVERYBODY = Caller(PUBLIC, UNLIMITED)
"""A caller in a city that is open to all."""

EVERYTHING = UNLIMITED.view(CITY)
"""The view of one who may see everything."""

ANY_WRITE = Permit(UNLIMITED, Action.UPDATE)
"""The permit of one who may do everything."""


@dataclass
class FixedClock:
    """A clock that stands still until a test moves it."""

    now: int = START

    def __call__(self) -> int:
        return self.now


def identity(
    id: str = "room1", type: str = "Room", path: str = "/", tenant: Tenant = CITY
) -> Identity:
    """An identity; a room at the root of the city unless said otherwise."""
    return Identity(tenant, id, type, ServicePath(path))


def entity(
    id: str = "room1",
    type: str = "Room",
    path: str = "/",
    *,
    at: int = START,
    expires: int | None = None,
    tenant: Tenant = CITY,
    **values: Json,
) -> Entity:
    """A first version whose attributes have the given values, created at `at`."""
    attributes = {name: attribute(value, at=at) for name, value in values.items()}
    return Entity(identity(id, type, path, tenant), attributes, at, at, at, expires)


def attribute(value: Json, type: str | None = None, *, at: int = START) -> Attribute:
    """An attribute; its type follows the value unless it is given."""
    if type is None:
        type = "Number" if isinstance(value, int | float) else "Text"
    return Attribute(type, value, created=at, modified=at)


def located(entity: Entity, longitude: float, latitude: float) -> Entity:
    """The entity with a location."""
    point: Json = {"type": "Point", "coordinates": [longitude, latitude]}
    entity.attributes["location"] = attribute(point, "geo:json")
    return entity


def following(previous: Entity, **values: Json) -> Entity:
    """The next version with some attributes set; None removes one."""
    attributes = previous.attributes | {
        name: attribute(value) for name, value in values.items() if value is not None
    }
    for name in (name for name, value in values.items() if value is None):
        attributes.pop(name, None)
    return Entity(
        previous.identity,
        attributes,
        previous.created,
        previous.modified + 1,
        previous.version + 1,
        previous.expires,
    )


def creating(**values: Json) -> Creation:
    """A creation of an entity with these attributes."""

    def creation(identity: Identity, now: int) -> Entity:
        attributes = {name: attribute(value, at=now) for name, value in values.items()}
        return Entity(identity, attributes, now, now)

    return creation


def setting(**values: Json) -> Mutation:
    """A mutation that sets these attributes."""
    return lambda present, _now: Outcome(following(present, **values))


def at(path: str = ROOT, *, subtree: bool = False) -> PathScope:
    """The scope of one path."""
    return (PathPattern(ServicePath(path), subtree),)


class OpenEntities(Entities):
    """The entity service for one who may do everything, for tests that are not about grants."""

    def get(
        self,
        tenant: Tenant,
        id: str,
        type: str | None,
        scope: PathScope,
        view: View = EVERYTHING,
    ) -> Entity:
        return super().get(tenant, id, type, scope, view)

    def create(
        self,
        identity: Identity,
        creation: Creation,
        *,
        permit: Permit = ANY_WRITE,
        at: int | None = None,
    ) -> Entity:
        return super().create(identity, creation, permit=permit, at=at)

    def update(
        self,
        tenant: Tenant,
        id: str,
        type: str | None,
        path: ServicePath,
        mutation: Mutation,
        *,
        permit: Permit = ANY_WRITE,
    ) -> Entity:
        return super().update(tenant, id, type, path, mutation, permit=permit)

    def upsert(
        self,
        identity: Identity,
        creation: Creation,
        mutation: Mutation,
        *,
        permit: Permit = ANY_WRITE,
        any_type: bool = False,
        at: int | None = None,
    ) -> bool:
        return super().upsert(identity, creation, mutation, permit=permit, any_type=any_type, at=at)

    def delete(
        self,
        tenant: Tenant,
        id: str,
        type: str | None,
        path: ServicePath,
        *,
        permit: Permit = ANY_WRITE,
    ) -> None:
        super().delete(tenant, id, type, path, permit=permit)
