"""Batch update and notify: one action on many entities (NGSI-v2 "Batch Operations").

Entities are independent: those with different ids run in parallel, those with one id in the order
of the request, and entities created by one batch are created in its order. What succeeds stays,
and the refusals of the entities are joined into one:

- no entity exists: NotFound
- every entity that exists refuses all its attributes: Unprocessable
- anything in between: PartialUpdate
- what the caller may not do to an entity: Forbidden, naming all such entities
- any other refusal (ambiguous entity, second location…) is raised as it is
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from city.clock import Clock
from city.document import Entity, Identity
from city.errors import (
    CityError,
    Forbidden,
    InvalidRequest,
    Malformed,
    NotFound,
    PartialUpdate,
    Unprocessable,
    Unsupported,
)
from city.json import Json
from city.policy.grants import Access, Action
from city.tenancy import ServicePath, Tenant
from context.entities import Entities, Mutation
from context.ngsi_v2 import updates
from context.ngsi_v2.body import UNREADABLE
from context.ngsi_v2.payload import (
    DEFAULT_ENTITY_TYPE,
    Attributes,
    IncomingEntity,
    read_batch_entity,
)
from context.ngsi_v2.updates import MISSING, PRESENT, Request
from context.rights import Permit

MAX_WORKERS = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """A checked batch: append, appendstrict, update, replace or delete, and what to do it to."""

    action: str
    entities: tuple[IncomingEntity, ...]


def read_batch(body: Json, *, key_values: bool = False) -> Batch:
    """The body of `POST /v2/op/update`. Raises InvalidRequest, Malformed or Unsupported."""
    members = _members(body, ("entities", "actionType"))
    entities = members["entities"]
    if not isinstance(entities, list):
        raise InvalidRequest("not a JSON array")
    incoming = tuple(_incoming(item, key_values=key_values) for item in entities)
    action = _folded(members["actionType"])
    if action not in _ACTIONS:
        raise InvalidRequest(
            "invalid update action type: right ones are: "
            "append, appendStric, delete, replace, update"
        )
    if not incoming:
        raise InvalidRequest("empty entities vector")
    return Batch(action, incoming)


def read_notification(body: Json, attrs_format: str | None) -> Batch:
    """The body of `POST /v2/op/notify`, whose `Ngsiv2-AttrsFormat` header must be normalized."""
    if attrs_format not in {None, "", "normalized"}:
        if attrs_format not in {"keyValues", "uniqueValues", "custom"}:
            raise InvalidRequest("invalid render format for notifications")
        raise InvalidRequest(
            f"attribute render format /{attrs_format}/ not supported for notifications"
        )
    members = _members(body, ("subscriptionId", "data"))
    if not isinstance(members["subscriptionId"], str):
        raise InvalidRequest("/subscriptionId/ must be a JSON string")
    entities = members["data"]
    if not isinstance(entities, list):
        raise InvalidRequest("notification field /data/ must be a JSON array")
    if not all(isinstance(item, dict) for item in entities):
        raise InvalidRequest("notification data vector item must be a JSON object")
    return Batch("append", tuple(_incoming(item, key_values=False) for item in entities))


def apply(
    batch: Batch,
    entities: Entities,
    tenant: Tenant,
    path: ServicePath,
    access: Access,
    *,
    asked: Request,
    clock: Clock,
) -> None:
    """Do a batch on the entities of a path; `asked` holds the options of the request.

    What `access` allows is decided for each entity by itself. Raises the joined refusal after everything that could be done is done.
    """
    act, start = _ACTIONS[batch.action], clock()

    def attempt(index: int) -> CityError | None:
        incoming = batch.entities[index]
        request = replace(asked, id=incoming.id, type=incoming.type)
        try:
            act(_Target(entities, tenant, path, access, incoming, request, start + index, clock))
        except CityError as refusal:
            return refusal
        return None

    refusal = _joined(batch, _in_groups([entity.id for entity in batch.entities], attempt))
    if refusal:
        raise refusal


@dataclass(frozen=True, slots=True)
class _Target:
    """One entity of a batch, with what acting on it takes; `at` is when it is created (µs)."""

    entities: Entities
    tenant: Tenant
    path: ServicePath
    access: Access
    incoming: IncomingEntity
    request: Request
    at: int
    clock: Clock

    def upsert(self, change: Callable[[Attributes, Request], Mutation]) -> None:
        """Create the entity, or change it when it exists."""
        type, attributes = self.incoming.type, self.incoming.attributes
        self.entities.upsert(
            Identity(self.tenant, self.incoming.id, type or DEFAULT_ENTITY_TYPE, self.path),
            self.create,
            change(attributes, self.request),
            permit=self._permit(Action.UPDATE),
            any_type=type is None,
            at=self.at,
        )

    def create(self, identity: Identity, at: int) -> Entity:
        """The new entity; modified when it is really written, so that subscriptions made while
        the batch runs see it.
        """
        entity = updates.create(self.incoming.attributes, self.request)(identity, at)
        return replace(entity, modified=max(at, self.clock()))

    def update(self) -> None:
        """Change attributes of the entity, which must exist."""
        mutation = updates.update(self.incoming.attributes, self.request)
        self._change(mutation, self._permit(Action.UPDATE))

    def replace(self) -> None:
        """Change all attributes of the entity, which must exist."""
        mutation = updates.replace_all(self.incoming.attributes, self.request)
        self._change(mutation, self._permit(Action.UPDATE, whole=True))

    def delete(self) -> None:
        """Remove the attributes named, or without any the entity."""
        incoming = self.incoming
        if incoming.attributes:
            mutation = updates.delete_attributes(incoming.attributes, self.request)
            self._change(mutation, self._permit(Action.DELETE))
        else:
            permit = self._permit(Action.DELETE, whole=True)
            self.entities.delete(self.tenant, incoming.id, incoming.type, self.path, permit=permit)

    def _change(self, mutation: Mutation, permit: Permit) -> None:
        incoming = self.incoming
        self.entities.update(
            self.tenant, incoming.id, incoming.type, self.path, mutation, permit=permit
        )

    def _permit(self, action: Action, *, whole: bool = False) -> Permit:
        return Permit(self.access, action, frozenset(self.incoming.attributes), whole)


_ACTIONS: dict[str, Callable[[_Target], None]] = {
    "append": lambda target: target.upsert(updates.append),
    "appendstrict": lambda target: target.upsert(updates.append_strictly),
    "update": _Target.update,
    "replace": _Target.replace,
    "delete": _Target.delete,
}


def _members(body: Json, mandatory: tuple[str, ...]) -> dict[str, Json]:
    if not isinstance(body, dict):
        raise Malformed(UNREADABLE)
    if not body:
        raise InvalidRequest("empty payload")
    for name in mandatory:
        if name not in body:
            # Orion's own spelling, and clients compare texts.
            word = "invalid" if name == "subscriptionId" else "Invalid"
            raise InvalidRequest(f"{word} JSON payload, mandatory field /{name}/ not found")
    for name in body:
        if name not in mandatory:
            raise InvalidRequest(f"Unrecognized field in JSON payload: /{name}/")
    return body


def _incoming(item: Json, *, key_values: bool) -> IncomingEntity:
    if isinstance(item, dict) and "idPattern" in item and "id" not in item:
        raise Unsupported("idPattern cannot be used in updates")
    return read_batch_entity(item, key_values=key_values)


def _folded(action: Json) -> str:
    """An action name as the table has it; NGSIv1 spelled them in any case, with underscores."""
    return action.lower().replace("_", "") if isinstance(action, str) else ""


def _in_groups(ids: list[str], act: Callable[[int], CityError | None]) -> list[CityError | None]:
    """Run `act` for each position: equal ids one after another, different ids in parallel."""
    groups: dict[str, list[int]] = {}
    for index, id in enumerate(ids):
        groups.setdefault(id, []).append(index)
    refusals: list[CityError | None] = [None] * len(ids)

    def run(group: list[int]) -> None:
        for index in group:
            refusals[index] = act(index)

    if len(groups) < 2:
        run(list(range(len(ids))))
    else:
        with ThreadPoolExecutor(min(MAX_WORKERS, len(groups))) as pool:
            list(pool.map(run, groups.values()))
    return refusals


def _joined(batch: Batch, refusals: list[CityError | None]) -> CityError | None:
    """One refusal for the whole batch, in the order of its entities."""
    if any(isinstance(refusal, Forbidden) for refusal in refusals):
        return _forbidden(batch, refusals)
    details: list[str] = []
    for incoming, refusal in zip(batch.entities, refusals, strict=True):
        if refusal is None:
            continue
        detail = _detail(incoming, refusal, first=not details)
        if detail is None:
            return refusal
        details.append(detail)
    if not details:
        return None
    text = (PRESENT if batch.action == "appendstrict" else MISSING) + ", ".join(details)
    return _coverage(refusals)(text)


def _forbidden(batch: Batch, refusals: list[CityError | None]) -> Forbidden:
    """One refusal for all that the caller may not do; a single one says itself what it is."""
    named = [
        (Request(incoming.id, incoming.type).entity, refusal)
        for incoming, refusal in zip(batch.entities, refusals, strict=True)
        if isinstance(refusal, Forbidden)
    ]
    if len(named) == 1:
        return named[0][1]
    entities = ", ".join(entity for entity, _ in named)
    return Forbidden(f"no grant lets you {batch.action} all that is asked for of: {entities}")


def _detail(incoming: IncomingEntity, refusal: CityError, *, first: bool) -> str | None:
    """What a joined message says of one entity; None for a refusal that cannot be joined."""
    if isinstance(refusal, NotFound):
        entity = Request(incoming.id, incoming.type).entity
        return f"{entity} - [entity itself]" if first else f"{entity} [entity itself]"
    text = str(refusal)
    for reason in (MISSING, PRESENT):
        if isinstance(refusal, Unprocessable) and text.startswith(reason):
            return text.removeprefix(reason)
    return None


def _coverage(refusals: list[CityError | None]) -> type[CityError]:
    if all(isinstance(refusal, NotFound) for refusal in refusals):
        return NotFound
    if any(refusal is None or isinstance(refusal, PartialUpdate) for refusal in refusals):
        return PartialUpdate
    return Unprocessable
