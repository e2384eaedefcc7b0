"""Tenants and service paths, the two scopes every request names by header.

A tenant is a separate world (`Fiware-Service`); a service path is a place in a tree inside it
(`Fiware-ServicePath`). A path is kept with a trailing slash ("/", "/parks/north/") so that a
subtree is a string prefix and "/parks2/" is never below "/parks/".
"""

import re
from dataclasses import dataclass
from typing import NewType

from city.errors import InvalidRequest

Tenant = NewType("Tenant", str)
"""A validated tenant name in lower case; the default tenant is the empty string."""

ServicePath = NewType("ServicePath", str)
"""A validated absolute service path with a trailing slash."""

DEFAULT_TENANT = Tenant("")
ROOT = ServicePath("/")

MAX_TENANT_LENGTH = 50
MAX_PATH_LEVELS = 10
MAX_PATHS = 10

_TENANT = re.compile(r"[A-Za-z0-9_]*\Z")
_LEVEL = re.compile(r"[A-Za-z0-9_]+\Z")
_MAX_LEVEL_LENGTH = 50


@dataclass(frozen=True, slots=True)
class PathPattern:
    """One place a read looks at: exactly `path`, or with `subtree` also everything below it."""

    path: ServicePath
    subtree: bool

    def covers(self, path: ServicePath) -> bool:
        """Whether an entity stored at `path` is inside this pattern."""
        return path.startswith(self.path) if self.subtree else path == self.path


PathScope = tuple[PathPattern, ...]
"""The places a read looks at; an entity is in scope when any pattern covers its path."""

EVERYWHERE: PathScope = (PathPattern(ROOT, subtree=True),)


def in_scope(scope: PathScope, path: ServicePath) -> bool:
    """Whether any pattern of the scope covers the path."""
    return any(pattern.covers(path) for pattern in scope)


def overlap(one: PathScope, other: PathScope) -> PathScope:
    """The places inside both scopes; empty when they have none in common."""
    if one is EVERYWHERE or other is EVERYWHERE:
        return other if one is EVERYWHERE else one
    common = (_common(a, b) for a in one for b in other)
    return tuple(dict.fromkeys(pattern for pattern in common if pattern))


def parse_tenant(header: str | None) -> Tenant:
    """The tenant a `Fiware-Service` header names; absent or empty means the default tenant."""
    name = header or ""
    if len(name) > MAX_TENANT_LENGTH:
        raise InvalidRequest(
            f"bad length - a tenant name can be max {MAX_TENANT_LENGTH} characters long"
        )
    if not _TENANT.match(name):
        raise InvalidRequest(
            "bad character in tenant name - only underscore and alphanumeric characters are allowed"
        )
    return Tenant(name.lower())


def parse_write_path(header: str | None) -> ServicePath:
    """The one path a write goes to; absent means the root. Wildcards and lists are refused."""
    if not header:
        return ROOT
    if "," in header:
        raise InvalidRequest("more than one service path in context update request")
    pattern = _parse_pattern(header.strip())
    if pattern.subtree:
        raise InvalidRequest("Bad Character in Service-Path")
    return pattern.path


def parse_read_scope(header: str | None) -> PathScope:
    """The places a read covers; absent means everywhere. Up to ten, separated by commas."""
    if not header:
        return EVERYWHERE
    parts = header.split(",")
    if len(parts) > MAX_PATHS:
        raise InvalidRequest("too many service paths - a maximum of ten service paths is allowed")
    return tuple(_parse_pattern(part.strip()) for part in parts)


def shown(path: ServicePath) -> str:
    """The path as headers and builtin attributes show it, without the trailing slash."""
    return path if path == ROOT else path[:-1]


def _parse_pattern(text: str) -> PathPattern:
    if not text.startswith("/"):
        raise InvalidRequest(
            "Only /absolute/ Service Paths allowed [a service path must begin with /]"
        )
    subtree = text == "/#" or text.endswith("/#")
    levels = text.removesuffix("/#").removesuffix("/").split("/")[1:]
    if len(levels) > MAX_PATH_LEVELS:
        raise InvalidRequest("too many components in ServicePath")
    for level in levels:
        _check_level(level)
    return PathPattern(ServicePath("/" + "".join(f"{level}/" for level in levels)), subtree)


def _check_level(level: str) -> None:
    if not level:
        raise InvalidRequest("empty component in ServicePath")
    if len(level) > _MAX_LEVEL_LENGTH:
        raise InvalidRequest("component-name too long in ServicePath")
    if not _LEVEL.match(level):
        raise InvalidRequest("a component of ServicePath contains an illegal character")


def _common(one: PathPattern, other: PathPattern) -> PathPattern | None:
    """The places inside both patterns: the deeper one, if it is inside the other."""
    for inner, outer in ((one, other), (other, one)):
        if outer.covers(inner.path) and (outer.subtree or not inner.subtree):
            return inner
    return None
