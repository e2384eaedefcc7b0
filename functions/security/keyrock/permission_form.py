"""Permissions as Keyrock's interface takes and shows them.

Beside Keyrock's members there are two: `grant`, a grant to the city's own data in its wire form,
and (read only) `effective_grant`, what holders of the permission get there, or null for nothing.
"""

from collections.abc import Mapping

from city.errors import InvalidRequest
from city.json import Json
from city.policy.grant_forms import show_grant
from city.policy.grants import ANY_TENANT
from city.tenancy import parse_tenant
from security.applications.permissions import Permission
from security.applications.roles import native
from security.keyrock.body import changed_text, optional_flag, optional_text, required_text

_HEADER, _USES = "authorization_service_header", "use_authorization_service_header"
_TEXTS = {
    "description": "description",
    "action": "action",
    "resource": "resource",
    "regex_entity_ids": "entity_ids",
    "regex_attributes": "attributes",
    "regex_types": "entity_types",
}


def new_permission(members: Mapping[str, Json]) -> Permission:
    """The permission that a request asks for, without an id. Raises InvalidRequest."""
    name = required_text(members, "name")
    return Permission(id="", name=name, **_changes(members, None))  # type: ignore[arg-type]  # fields by name


def changed_permission(members: Mapping[str, Json], present: Permission) -> dict[str, object]:
    """What a request changes of a permission, by field. Raises InvalidRequest."""
    changes = _changes(members, present.header)
    if (name := changed_text(members, "name")) is not None:
        changes["name"] = name
    return changes


def shown_permission(permission: Permission, application: str) -> dict[str, Json]:
    """A permission with all it has."""
    return {**listed_permission(permission), "oauth_client_id": application}


def listed_permission(permission: Permission) -> dict[str, Json]:
    """A permission as lists show it."""
    grant = native(permission)
    effective = show_grant(grant) if grant is not None else None
    return {
        "id": permission.id,
        "is_internal": permission.is_internal,
        "name": permission.name,
        "description": permission.description,
        "action": permission.action,
        "resource": permission.resource,
        "is_regex": permission.is_regex,
        _HEADER: permission.header,
        _USES: permission.header is not None,
        "regex_entity_ids": permission.entity_ids,
        "regex_attributes": permission.attributes,
        "regex_types": permission.entity_types,
        "xml": None,
        "grant": None if permission.grant is None else dict(permission.grant),
        "effective_grant": effective and {k: v for k, v in effective.items() if k != "id"},
    }


def _changes(members: Mapping[str, Json], header: str | None) -> dict[str, object]:
    if members.get("xml") is not None:
        raise InvalidRequest("xml is not accepted: the level of authorization is not advanced")
    changes: dict[str, object] = {
        field: optional_text(members, name) or None
        for name, field in _TEXTS.items()
        if name in members
    }
    if (is_regex := optional_flag(members, "is_regex")) is not None:
        changes["is_regex"] = is_regex
    if members.keys() & {_HEADER, _USES}:
        changes["header"] = _tenant(members, header)
    if "grant" in members:
        changes["grant"] = _grant(members["grant"])
    return changes


def _tenant(members: Mapping[str, Json], present: str | None) -> str | None:
    """The canonical tenant of the service header; None when it is not used."""
    text = optional_text(members, _HEADER) if _HEADER in members else present
    uses = optional_flag(members, _USES)
    if uses and not text:
        raise InvalidRequest(f"{_USES} needs {_HEADER}")
    if uses is False or not text:
        return None
    return ANY_TENANT if text == ANY_TENANT else parse_tenant(text)


def _grant(value: Json) -> dict[str, Json] | None:
    if value is not None and not isinstance(value, dict):
        raise InvalidRequest("grant must be an object")
    return value
