"""What each NGSI-v2 operation makes of an entity: pure creations and mutations.

A mutation of several attributes applies what it can. The rest is named in the refusal of its
Outcome: PartialUpdate when something was applied; when nothing was, the mutation raises
Unprocessable and nothing is written. Values that cannot be computed or located refuse the whole
mutation. The rules kept here:

- an attribute takes its type from the request, or the default type of the value; only `put_value`
  keeps the present type
- metadata that a request does not name stays, unless `override_metadata` is set
- an attribute's modification time moves only when its content changes or the write is forced; the
  entity's moves with every write
- `dateExpires` behaves like an attribute but is kept as `Entity.expires`
- a replacement makes all attributes anew and counts as a change even where nothing differs
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from city.dates import format_date, parse_date
from city.document import TIME_METADATA, Attribute, Entity, Identity, Write
from city.errors import InvalidRequest, NotFound, PartialUpdate, Unprocessable
from city.json import Json
from city.locations import LOCATION_TYPES, check_location, geometry_of, is_location
from city.tenancy import shown
from context.entities import Creation, Mutation, Outcome
from context.ngsi_v2 import operators
from context.ngsi_v2.payload import DATE_EXPIRES, Attributes, date_value
from context.ngsi_v2.render import NO_SUCH_ATTRIBUTE
from context.values import DATE_TYPES

MISSING = "do not exist: "
PRESENT = "one or more of the attributes in the request already exist: "
MAX_IDENTITY_LENGTH = 1013
"""Of id, type and service path together; keeps every key of the store within its limits."""


@dataclass(frozen=True, slots=True)
class Request:
    """How an update was asked for, besides its attributes.

    `id` and `type` name the entity in messages as the request did (`type` None: not named).
    """

    id: str = ""
    type: str | None = None
    override_metadata: bool = False
    forced: bool = False
    correlator: str = ""

    @property
    def entity(self) -> str:
        """The entity as messages name it: `E/T`, or `E` when the request named no type."""
        return self.id if self.type is None else f"{self.id}/{self.type}"

    def write(self, touched: Iterable[str], undated: Iterable[str] = ()) -> Write:
        """What readers of the stream learn of this request."""
        return Write(tuple(touched), self.forced, self.correlator, tuple(undated))


def create(incoming: Attributes, request: Request) -> Creation:
    """A new entity with these attributes."""

    def creation(identity: Identity, now: int) -> Entity:
        length = len(identity.id) + len(identity.type) + len(shown(identity.path))
        if length > MAX_IDENTITY_LENGTH:
            raise InvalidRequest("Too long entity id/type/servicePath combination")
        empty = Entity(identity, {}, created=now, modified=now, version=0)
        return _next(empty, _made_anew(incoming, now), incoming, request, now)

    return creation


def append(incoming: Attributes, request: Request) -> Mutation:
    """Update the attributes that exist, add the others (`POST …/attrs`, upsert)."""

    def mutation(present: Entity, now: int) -> Outcome:
        attributes = _attributes_of(present)
        _merge_into(attributes, incoming, request, now)
        _check_appended_location(present, attributes, incoming)
        return Outcome(_touched(present, attributes, incoming, request, now))

    return mutation


def append_strictly(incoming: Attributes, request: Request) -> Mutation:
    """Add attributes that do not exist yet; those that do are refused (`options=append`)."""

    def mutation(present: Entity, now: int) -> Outcome:
        attributes = _attributes_of(present)
        taken = [name for name in incoming if name in attributes]
        added = {name: incoming[name] for name in incoming if name not in attributes}
        _merge_into(attributes, added, request, now)
        _check_appended_location(present, attributes, added)
        refusal = _refusal(PRESENT, taken, added, request)
        return Outcome(_touched(present, attributes, added, request, now), refusal)

    return mutation


def update(incoming: Attributes, request: Request) -> Mutation:
    """Update attributes that exist; the others are refused (`PATCH …/attrs`)."""

    def mutation(present: Entity, now: int) -> Outcome:
        attributes = _attributes_of(present)
        missing = [name for name in incoming if name not in attributes]
        existing = {name: incoming[name] for name in incoming if name in attributes}
        _merge_into(attributes, existing, request, now)
        refusal = _refusal(MISSING, missing, existing, request)
        return Outcome(_touched(present, attributes, existing, request, now), refusal)

    return mutation


def replace_all(incoming: Attributes, request: Request) -> Mutation:
    """Drop all attributes and set these (`PUT …/attrs`)."""
    request = replace(request, forced=True)

    def mutation(present: Entity, now: int) -> Outcome:
        return Outcome(_next(present, _made_anew(incoming, now), incoming, request, now))

    return mutation


def put_attribute(name: str, incoming: Attribute, request: Request) -> Mutation:
    """Update one attribute that exists (`PUT …/attrs/{name}`). The mutation may raise NotFound."""

    def mutation(present: Entity, now: int) -> Outcome:
        attributes = _attributes_of(present)
        _existing(attributes, name)
        _merge_into(attributes, {name: incoming}, request, now)
        return Outcome(_touched(present, attributes, {name: incoming}, request, now))

    return mutation


def put_value(name: str, value: Json, request: Request) -> Mutation:
    """Change only the value of an attribute that exists (`PUT …/attrs/{name}/value`)."""
    request = replace(request, override_metadata=False)

    def mutation(present: Entity, now: int) -> Outcome:
        attributes = _attributes_of(present)
        type = _existing(attributes, name).type
        incoming = Attribute(type, date_value(value) if type in DATE_TYPES else value)
        _merge_into(attributes, {name: incoming}, request, now)
        return Outcome(_touched(present, attributes, {name: incoming}, request, now))

    return mutation


def delete_attribute(name: str, request: Request) -> Mutation:
    """Remove one attribute (`DELETE …/attrs/{name}`). The mutation may raise NotFound."""

    def mutation(present: Entity, now: int) -> Outcome:
        attributes = _attributes_of(present)
        _existing(attributes, name)
        del attributes[name]
        return Outcome(_touched(present, attributes, [name], request, now))

    return mutation


def delete_attributes(names: Iterable[str], request: Request) -> Mutation:
    """Remove attributes; those that do not exist are refused (batch action `delete`)."""
    names = tuple(names)

    def mutation(present: Entity, now: int) -> Outcome:
        attributes = _attributes_of(present)
        missing = [name for name in names if name not in attributes]
        removed = [name for name in names if name in attributes]
        for name in removed:
            del attributes[name]
        refusal = _refusal(MISSING, missing, removed, request)
        return Outcome(_touched(present, attributes, removed, request, now), refusal)

    return mutation


def _attributes_of(present: Entity) -> Attributes:
    """The entity's attributes to build on, its end among them."""
    if present.expires is None:
        return dict(present.attributes)
    end = Attribute("DateTime", format_date(present.expires))
    return {**present.attributes, DATE_EXPIRES: end}


def _existing(attributes: Attributes, name: str) -> Attribute:
    if name not in attributes:
        raise NotFound(NO_SUCH_ATTRIBUTE)
    return attributes[name]


def _refusal(
    text: str, refused: list[str], applied: Iterable[str], request: Request
) -> PartialUpdate | None:
    if not refused:
        return None
    message = f"{text}{request.entity} - [ {', '.join(refused)} ]"
    if not any(True for _ in applied):
        raise Unprocessable(message)
    return PartialUpdate(message)


def _merge_into(attributes: Attributes, incoming: Attributes, request: Request, now: int) -> None:
    for name, wanted in incoming.items():
        present = attributes.get(name)
        result = _added(wanted, now) if present is None else _merged(present, wanted, request, now)
        if result is not None:
            attributes[name] = result


def _added(wanted: Attribute, now: int) -> Attribute | None:
    value = _computed(wanted, lambda operation: operators.evaluate(operation, operators.ABSENT))
    return _made(wanted, value, now)


def _merged(present: Attribute, wanted: Attribute, request: Request, now: int) -> Attribute:
    value = _computed(wanted, lambda operation: operators.evaluate(operation, present.value))
    assert value is not operators.ABSENT, "no operation removes a value that is there"
    kept = {} if request.override_metadata else present.metadata
    merged = Attribute(
        wanted.type,
        value,
        {**kept, **wanted.metadata},
        created=present.created,
        modified=now,
        instances=present.instances,
    )
    return present if not request.forced and merged.same_content(present) else merged


def _made_anew(incoming: Attributes, now: int) -> Attributes:
    made: Attributes = {}
    for name, wanted in incoming.items():
        date = wanted.type in DATE_TYPES
        value = _computed(wanted, partial(operators.evaluate_new, date=date))
        attribute = _made(wanted, value, now)
        if attribute is not None:
            made[name] = attribute
    return made


def _computed(
    wanted: Attribute, evaluate: Callable[[dict[str, Json]], operators.Present]
) -> operators.Present:
    """The value asked for, which an operation may have computed; a date must stay one."""
    if not operators.is_operation(wanted.value):
        return wanted.value
    value = evaluate(wanted.value)
    if value is operators.ABSENT or wanted.type not in DATE_TYPES:
        return value
    return date_value(value)


def _made(wanted: Attribute, value: operators.Present, now: int) -> Attribute | None:
    if value is operators.ABSENT:
        return None
    return Attribute(wanted.type, value, wanted.metadata, created=now, modified=now)


def _check_appended_location(present: Entity, attributes: Attributes, names: Iterable[str]) -> None:
    """Refuse a bad location of an entity that had none; the message says what was tried."""
    if any(map(is_location, present.attributes.values())):
        return
    for name in names:
        if name in attributes and is_location(attributes[name]):
            kind = "existing" if name in present.attributes else "new"
            try:
                geometry_of(attributes[name])
            except InvalidRequest as error:
                text = str(error).replace(" attribute:", f" attribute for {kind} attribute:", 1)
                raise InvalidRequest(text) from None


def _touched(
    present: Entity,
    attributes: Attributes,
    touched: Collection[str] | Attributes,
    request: Request,
    now: int,
) -> Entity:
    """The version after `present`, or `present` itself when the request touched no attribute."""
    return _next(present, attributes, touched, request, now) if touched else present


def _next(
    present: Entity,
    attributes: Attributes,
    touched: Collection[str] | Attributes,
    request: Request,
    now: int,
) -> Entity:
    """The version after `present`; refuses a location the entity cannot have.

    `touched` is what the request said of each attribute, or only the names of those that it deleted.
    """
    end = attributes.pop(DATE_EXPIRES, None)
    if any(name in attributes and attributes[name].type in LOCATION_TYPES for name in touched):
        check_location(attributes)
    return Entity(
        present.identity,
        attributes,
        created=present.created,
        modified=now,
        version=present.version + 1,
        expires=parse_date(end.value) if end and isinstance(end.value, str) else None,
        write=request.write(touched, _undated(attributes, touched)),
    )


def _undated(attributes: Attributes, touched: Collection[str] | Attributes) -> Iterator[str]:
    """Attributes that keep the time of an older value, as the request says none."""
    for name, wanted in touched.items() if isinstance(touched, dict) else ():
        if name in attributes and not _is_dated(wanted) and _is_dated(attributes[name]):
            yield name


def _is_dated(attribute: Attribute) -> bool:
    return any(name in attribute.metadata for name in TIME_METADATA)
