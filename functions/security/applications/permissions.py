"""Permissions of an application, as Keyrock knows them, and what a set of them permits.

A permission is a verb and a resource of the API behind an application's PEP proxy: an exact path or
a regular expression, for one tenant (`header`, the value of the service header). Three rules are
stricter than Keyrock's, where each is a way around the permission:

- A regular expression is RE2 and must match the whole path, in its case; a path that merely contains
  a match is not permitted.
- A permission without tenant permits the default tenant only. Keyrock lets it permit every tenant,
  so whoever may read one tenant reads all. Name ANY_TENANT ("*") to mean all of them.
- A path with dot segments or backslashes is never permitted: what the proxy compares must be what
  the service behind it serves.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from city.errors import InvalidRequest
from city.json import Json
from city.policy.grants import ANY_TENANT
from city.regex import compile_pattern
from city.tenancy import Tenant

MANAGE_INTERNAL_ROLES = "1"
MANAGE_APPLICATION = "2"
MANAGE_ROLES = "3"
MANAGE_AUTHORIZATIONS = "4"
ASSIGN_ALL_ROLES = "5"
ASSIGN_OWN_ROLES = "6"

BUILT_IN_PERMISSIONS: Mapping[str, str] = {
    MANAGE_INTERNAL_ROLES: "Get and assign all internal application roles",
    MANAGE_APPLICATION: "Manage the application",
    MANAGE_ROLES: "Manage roles",
    MANAGE_AUTHORIZATIONS: "Manage authorizations",
    ASSIGN_ALL_ROLES: "Get and assign all public application roles",
    ASSIGN_OWN_ROLES: "Get and assign only public owned roles",
}
"""Permissions that every application has and nobody can change; they are about itself."""

PROVIDER = "provider"
PURCHASER = "purchaser"

BUILT_IN_ROLES: Mapping[str, frozenset[str]] = {
    PROVIDER: frozenset(BUILT_IN_PERMISSIONS),
    PURCHASER: frozenset({ASSIGN_ALL_ROLES}),
}
"""Roles that every application has and nobody can change, with their permissions."""

MAX_PATTERN = 1000
"""Characters of a regular expression."""

_VERB = re.compile(r"[A-Za-z]{1,32}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission. Without verb and resource it is about the application or about `grant` only.

    - `header`: the canonical tenant, or ANY_TENANT; None for the default tenant.
    - `entity_ids`, `entity_types`, `attributes`: Keyrock's payload rules, regular expressions.
    - `grant`: a grant to the city's own data in its wire form (see `city.policy.grants`).
    - `is_native`: whether its author administers the tenant it names, so that holders get a grant
      to the city's own data and not just a Permit.
    """

    id: str
    name: str
    description: str | None = None
    action: str | None = None
    resource: str | None = None
    is_regex: bool = False
    header: str | None = None
    entity_ids: str | None = None
    entity_types: str | None = None
    attributes: str | None = None
    grant: Mapping[str, Json] | None = None
    is_native: bool = False

    @property
    def is_internal(self) -> bool:
        """Whether it is one of those that every application has."""
        return self.id in BUILT_IN_PERMISSIONS

    def permits(self, action: str, resource: str, tenant: Tenant) -> bool:
        """Whether it permits the verb on the path in the tenant."""
        return (
            self.action is not None
            and self.resource is not None
            and self.action.upper() == action.upper()
            and (self.header or "") in (ANY_TENANT, tenant)
            and self._names(resource)
        )

    def _names(self, resource: str) -> bool:
        if not self.is_regex or self.resource is None:
            return resource == self.resource
        return compile_pattern(self.resource).matches_whole(resource)


def internal(id: str) -> Permission:
    """The built-in permission with this id."""
    return Permission(id, BUILT_IN_PERMISSIONS[id])


def permits(permissions: Iterable[Permission], action: str, resource: str, tenant: Tenant) -> bool:
    """Whether any of the permissions permits the verb on the path in the tenant."""
    return is_canonical(resource) and any(
        permission.permits(action, resource, tenant) for permission in permissions
    )


def check(permission: Permission) -> None:
    """Raise InvalidRequest, naming the field, unless the permission can be decided by."""
    if (permission.action is None) != (permission.resource is None):
        raise InvalidRequest("action and resource must be given together")
    if permission.action is None and permission.grant is None and not permission.is_internal:
        raise InvalidRequest("a permission needs action and resource, or a grant")
    if permission.action is not None and not _VERB.fullmatch(permission.action):
        raise InvalidRequest("action must be an HTTP verb")
    patterns = {
        "resource": permission.resource if permission.is_regex else None,
        "regex_entity_ids": permission.entity_ids,
        "regex_types": permission.entity_types,
        "regex_attributes": permission.attributes,
    }
    for name, pattern in patterns.items():
        _check_pattern(name, pattern)


def is_canonical(resource: str) -> bool:
    """Whether a path can be read in one way only: no dot segments, backslashes or controls."""
    path = resource.partition("?")[0]
    for _ in range(2):  # a proxy may decode once, and the service behind it once more
        if _UNSAFE.search(path) or not {".", ".."}.isdisjoint(path.split("/")):
            return False
        path = unquote(path)
    return not _UNSAFE.search(path) and {".", ".."}.isdisjoint(path.split("/"))


def _check_pattern(name: str, pattern: str | None) -> None:
    if pattern is None:
        return
    if len(pattern) > MAX_PATTERN:
        raise InvalidRequest(f"{name} must have at most {MAX_PATTERN} characters")
    compile_pattern(pattern)
