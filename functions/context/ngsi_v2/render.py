"""Entities as NGSI-v2 shows them: normalized, key-values, values, unique, and one attribute.

Which attributes and metadata are shown follows "Filtering out attributes and metadata": no list
means all of the user's; a list means exactly those, in its order; `*` in a list means all of the
user's in their own order, besides what else is named. Builtins show only when named, and one that
the user defined too shows as the user defined it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from city.dates import format_date
from city.document import Attribute, Entity
from city.errors import NotFound
from city.json import Json, dump
from city.locations import geometry_value, is_location
from city.tenancy import shown
from context.values import DATE_TYPES

ALL = "*"
NO_SUCH_ATTRIBUTE = "The entity does not have such an attribute"


@dataclass(frozen=True, slots=True)
class Projection:
    """What to show: attribute names, metadata names, and attributes to leave out (exceptAttrs)."""

    attrs: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
    except_attrs: tuple[str, ...] = ()


EVERYTHING = Projection()
"""All attributes and metadata of the user, no builtins."""


@dataclass(frozen=True, slots=True)
class Extras:
    """Builtins that only a notification knows: of the entity, and of attributes by their name."""

    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    metadata: Mapping[str, Mapping[str, Attribute]] = field(default_factory=dict)


NO_EXTRAS = Extras()


def normalized(
    entity: Entity, projection: Projection = EVERYTHING, extras: Extras = NO_EXTRAS
) -> dict[str, Json]:
    """`{id, type, name: {type, value, metadata}…}`."""
    rendered: dict[str, Json] = {"id": entity.identity.id, "type": entity.identity.type}
    for name, attribute in visible(entity, projection, extras).items():
        rendered[name] = _rendered(attribute, projection.metadata, extras.metadata.get(name, {}))
    return rendered


def key_values(
    entity: Entity, projection: Projection = EVERYTHING, extras: Extras = NO_EXTRAS
) -> dict[str, Json]:
    """`{id, type, name: value…}`."""
    attributes = visible(entity, projection, extras)
    identity: dict[str, Json] = {"id": entity.identity.id, "type": entity.identity.type}
    return identity | {name: shown_value(attribute) for name, attribute in attributes.items()}


def values(
    entity: Entity, projection: Projection = EVERYTHING, extras: Extras = NO_EXTRAS
) -> list[Json]:
    """`[value…]`."""
    return [shown_value(attribute) for attribute in visible(entity, projection, extras).values()]


def unique(
    entity: Entity, projection: Projection = EVERYTHING, extras: Extras = NO_EXTRAS
) -> list[Json]:
    """`[value…]` with every value once."""
    once: dict[str, Json] = {}
    for value in values(entity, projection, extras):
        once.setdefault(dump(value), value)
    return list(once.values())


def attribute(entity: Entity, name: str, metadata: tuple[str, ...] = ()) -> dict[str, Json]:
    """`{type, value, metadata}` of one attribute. Raises NotFound."""
    return _rendered(stored(entity, name), metadata, {})


def stored(entity: Entity, name: str) -> Attribute:
    """The attribute a request path names; of the builtins only `dateExpires`. Raises NotFound."""
    found = entity.attributes.get(name)
    if found is None and name == "dateExpires":
        found = BUILTIN_ATTRIBUTES[name](entity)
    if found is None:
        raise NotFound(NO_SUCH_ATTRIBUTE)
    return found


def shown_value(attribute: Attribute) -> Json:
    """A value as it is shown: of a location given as a GeoJSON feature only the geometry."""
    if attribute.type == "geo:json" and is_location(attribute):
        return geometry_value(attribute.value)
    return attribute.value


def text_value(attribute: Attribute) -> str:
    """The value in a text/plain answer: a string in quotation marks, as it is; a date without."""
    value = shown_value(attribute)
    if not isinstance(value, str):
        return dump(value)
    return value if attribute.type in DATE_TYPES else f'"{value}"'


def visible(
    entity: Entity, projection: Projection = EVERYTHING, extras: Extras = NO_EXTRAS
) -> dict[str, Attribute]:
    """The attributes a projection shows, in its order."""
    users = entity.attributes
    if projection.except_attrs:
        left_out = frozenset(projection.except_attrs)
        return {name: users[name] for name in users if name not in left_out}
    return _selected(users, projection.attrs, lambda name: _builtin(entity, name, extras))


def _builtin(entity: Entity, name: str, extras: Extras) -> Attribute | None:
    make = BUILTIN_ATTRIBUTES.get(name)
    return make(entity) if make else extras.attributes.get(name)


def _selected(
    users: dict[str, Attribute],
    names: tuple[str, ...],
    builtin: Callable[[str], Attribute | None],
) -> dict[str, Attribute]:
    """The user's members and builtins that a list of names shows."""
    if not names:
        return users
    selected = dict(users) if ALL in names else {}
    for name in names:
        member = users.get(name) or builtin(name)
        if member is not None:
            selected.setdefault(name, member)
    return selected


def _rendered(
    attribute: Attribute, names: tuple[str, ...], extras: Mapping[str, Attribute]
) -> dict[str, Json]:
    metadata = _selected(
        attribute.metadata, names, lambda name: _builtin_metadatum(attribute, name, extras)
    )
    return {
        "type": attribute.type,
        "value": shown_value(attribute),
        "metadata": {
            name: {"type": member.type, "value": member.value} for name, member in metadata.items()
        },
    }


def _builtin_metadatum(
    attribute: Attribute, name: str, extras: Mapping[str, Attribute]
) -> Attribute | None:
    moment = {"dateCreated": attribute.created, "dateModified": attribute.modified}.get(name)
    return _date(moment) if moment else extras.get(name)


def _date(moment: int | None) -> Attribute | None:
    return None if moment is None else Attribute("DateTime", format_date(moment))


BUILTIN_ATTRIBUTES: dict[str, Callable[[Entity], Attribute | None]] = {
    "dateCreated": lambda entity: _date(entity.created),
    "dateModified": lambda entity: _date(entity.modified),
    "dateExpires": lambda entity: _date(entity.expires),
    "servicePath": lambda entity: Attribute("Text", shown(entity.identity.path)),
}
"""Builtin attributes that every entity has, wherever it is shown."""
