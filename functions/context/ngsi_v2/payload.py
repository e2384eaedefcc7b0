"""Entities and attributes as NGSI-v2 request bodies carry them, checked before anything is read.

Every function takes parsed JSON (`body.read_json`) and returns attributes as updates take them: the
type given or its default, the value canonical, metadata, and no times. An attribute value may still
be an operation (`operators`). All refusals are InvalidRequest or Malformed and name what is wrong.
"""

from dataclasses import dataclass

from city.dates import canonical
from city.document import Attribute
from city.errors import InvalidRequest, Malformed
from city.json import Json
from context.ngsi_v2 import operators
from context.ngsi_v2.body import MAX_NESTING, TOO_DEEP, UNREADABLE, Repeated
from context.ngsi_v2.identifiers import check_identifier, has_forbidden_characters
from context.values import DATE_TYPES

DEFAULT_ENTITY_TYPE = "Thing"
DATE_EXPIRES = "dateExpires"
UNRESTRICTED = "TextUnrestricted"
RESERVED_NAMES = frozenset({"id", "type", "geo:distance", "*"})

Attributes = dict[str, Attribute]

_TEXTUAL = (str, dict, list)


@dataclass(frozen=True, slots=True)
class IncomingEntity:
    """An entity of a request; `type` is None when the request names none."""

    id: str
    type: str | None
    attributes: Attributes


def default_type(value: Json) -> str:
    """The type of an attribute or metadata that is given without one ("Partial Representations")."""
    if value is None:
        return "None"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int | float):
        return "Number"
    return "Text" if isinstance(value, str) else "StructuredValue"


def read_entity(body: Json, *, key_values: bool = False) -> IncomingEntity:
    """The body of `POST /v2/entities`; an entity without a type is a Thing."""
    members = _object(body)
    if "id" not in members:
        raise InvalidRequest("entity id length: 0, min length supported: 1")
    entity = _entity(members, key_values=key_values)
    return IncomingEntity(entity.id, entity.type or DEFAULT_ENTITY_TYPE, entity.attributes)


def read_attributes(body: Json, *, key_values: bool = False) -> Attributes:
    """The body of POST, PATCH and PUT `/v2/entities/{id}/attrs`."""
    members = _object(body)
    for name in ("id", "type"):
        if name in members:
            raise InvalidRequest(f"entity {name} specified in payload")
    if not members:
        raise InvalidRequest("empty payload")
    return _attributes(members, key_values=key_values)


def read_attribute(name: str, body: Json) -> Attribute:
    """The body of `PUT /v2/entities/{id}/attrs/{name}`."""
    return _normalized(name, _object(body))


def read_value(body: Json) -> Json:
    """The JSON body of `PUT /v2/entities/{id}/attrs/{name}/value`: an object or an array."""
    if not isinstance(body, dict | list):
        raise InvalidRequest("Neither JSON Object nor JSON Array for attribute::value")
    return check_value(body)


def check_value(value: Json) -> Json:
    """Refuse a value of any form that `PUT …/value` cannot store; returns the value."""
    _check_shape(value)
    if _has_forbidden_text(value):
        raise InvalidRequest("Invalid characters in attribute value")
    if operators.is_operation(value):
        operators.check_operation(value)
    return value


def read_batch_entity(item: Json, *, key_values: bool = False) -> IncomingEntity:
    """One entity of a batch update or of a notification; its type may be left out."""
    if not isinstance(item, dict):
        raise InvalidRequest("entity is not a JSON object")
    if "id" in item and "idPattern" in item:
        raise InvalidRequest("both /id/ and /idPattern/ present")
    if "id" not in item and "idPattern" not in item:
        raise InvalidRequest("nor /id/ nor /idPattern/ present")
    if item["id"] == "":
        raise InvalidRequest("id and idPattern cannot be both empty at the same time")
    return _entity(item, key_values=key_values)


def date_value(value: Json, *, where: str = "attribute") -> Json:
    """A DateTime value made canonical: a text, null, or an operation $min or $max on one."""
    if value is None:
        return None
    if operators.is_operation(value) and value.keys() <= {"$min", "$max"}:
        return {name: canonical(operand, where=where) for name, operand in value.items()}
    return canonical(value, where=where)


def _object(body: Json) -> dict[str, Json]:
    if not isinstance(body, dict):
        raise Malformed(UNREADABLE)
    return body


def _entity(members: dict[str, Json], *, key_values: bool) -> IncomingEntity:
    id, type = members["id"], members.get("type")
    if not isinstance(id, str):
        raise InvalidRequest("Invalid JSON type for entity id")
    check_identifier(id, "entity id")
    if "type" in members:
        if not isinstance(type, str):
            raise InvalidRequest("Invalid JSON type for entity type")
        check_identifier(type, "entity type")
    _refuse_repeated(members)
    attributes = {name: members[name] for name in members if name not in {"id", "type"}}
    return IncomingEntity(
        id,
        type if isinstance(type, str) else None,
        _attributes(attributes, key_values=key_values),
    )


def _attributes(members: dict[str, Json], *, key_values: bool) -> Attributes:
    _refuse_repeated(members)
    read = _simplified if key_values else _normalized
    return {name: read(name, member) for name, member in members.items()}


def _refuse_repeated(members: dict[str, Json]) -> None:
    if isinstance(members, Repeated):
        raise InvalidRequest(f"duplicated attribute /{members.member}/")


def _simplified(name: str, value: Json) -> Attribute:
    """An attribute of the key-values form: only a value, so the type is always the default."""
    return _checked(name, None, value, {})


def _normalized(name: str, member: Json) -> Attribute:
    if not isinstance(member, dict):
        raise InvalidRequest("attribute must be a JSON object, unless keyValues option is used")
    if isinstance(member, Repeated):
        raise InvalidRequest(f"duplicated {member.member} key in attribute")
    if not member.keys() <= {"type", "value", "metadata"}:
        raise InvalidRequest("unrecognized property for context attribute")
    type = member.get("type")
    if "type" in member and not isinstance(type, str):
        raise InvalidRequest("invalid JSON type for attribute type")
    metadata = _metadata(member.get("metadata", {}))
    return _checked(name, type if isinstance(type, str) else None, member.get("value"), metadata)


def _checked(name: str, type: str | None, value: Json, metadata: Attributes) -> Attribute:
    _check_name(name)
    if name == DATE_EXPIRES:
        return _expiry(type, value, metadata)
    _check_shape(value)
    if type is None:
        type = default_type(value)
    special = _special(type, value)
    check_identifier(type, "attribute type")
    if not _unrestricted(type, metadata) and _has_forbidden_text(value):
        raise InvalidRequest("Invalid characters in attribute value")
    if operators.is_operation(value):
        operators.check_operation(value)
    return Attribute(type, special, metadata)


def _check_name(name: str) -> None:
    check_identifier(name, "attribute name")
    if name in RESERVED_NAMES:
        raise InvalidRequest(f"attribute name not allowed: {name}")


def _special(type: str, value: Json) -> Json:
    """The value as types with a meaning want it ("Special Attribute Types")."""
    if type in DATE_TYPES:
        return date_value(value)
    if type == "geo:json" and not isinstance(value, dict | None):
        raise InvalidRequest("geo:json needs an object or null as value")
    return value


def _expiry(type: str | None, value: Json, metadata: Attributes) -> Attribute:
    """The builtin attribute that ends a transient entity: a date, or null for no end."""
    if type is not None and type not in DATE_TYPES:
        raise InvalidRequest(f"{DATE_EXPIRES} must be of type DateTime")
    if metadata:
        raise InvalidRequest(f"{DATE_EXPIRES} cannot have metadata")
    return Attribute("DateTime", date_value(value))


def _metadata(members: Json) -> Attributes:
    if not isinstance(members, dict):
        raise InvalidRequest("metadata not a JSON object")
    if isinstance(members, Repeated):
        raise InvalidRequest(f"duplicated metadata /{members.member}/")
    return {name: _metadatum(name, member) for name, member in members.items()}


def _metadatum(name: str, member: Json) -> Attribute:
    if not isinstance(member, dict):
        raise InvalidRequest("metadata must be a JSON object")
    if isinstance(member, Repeated) or not member.keys() <= {"type", "value"}:
        raise InvalidRequest("invalid JSON field for attribute metadata")
    type, value = member.get("type"), member.get("value")
    if "type" in member and not isinstance(type, str):
        raise InvalidRequest("invalid JSON type for attribute metadata type")
    _check_shape(value)
    check_identifier(name, "metadata name")
    if name == "*":
        raise InvalidRequest(f"metadata name not allowed: {name}")
    type = type if isinstance(type, str) else default_type(value)
    check_identifier(type, "metadata type")
    if isinstance(value, str) and has_forbidden_characters(value):
        raise InvalidRequest("Invalid characters in metadata value")
    if type in DATE_TYPES and value is not None:
        value = canonical(value, where="metadata")
    return Attribute(type, value)


def _unrestricted(type: str, metadata: Attributes) -> bool:
    marker = metadata.get(UNRESTRICTED)
    return type == UNRESTRICTED or (marker is not None and marker.value is True)


def _check_shape(value: Json, depth: int = 0) -> None:
    """Refuse members given twice and nesting beyond the limit, at any depth."""
    if not isinstance(value, dict | list):
        return
    if depth > MAX_NESTING:
        raise Malformed(TOO_DEEP)
    if isinstance(value, Repeated):
        raise InvalidRequest(f"duplicated tag-name: /{value.member}/ in path: /")
    for member in value.values() if isinstance(value, dict) else value:
        if isinstance(member, dict | list):
            _check_shape(member, depth + 1)


def _has_forbidden_text(value: Json) -> bool:
    """Whether any text of a value, but no member name, has forbidden characters."""
    if isinstance(value, str):
        return has_forbidden_characters(value)
    if not isinstance(value, dict | list):
        return False
    members = value.values() if isinstance(value, dict) else value
    return any(_has_forbidden_text(member) for member in members if isinstance(member, _TEXTUAL))
