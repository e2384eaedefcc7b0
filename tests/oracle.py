"""What grants mean, said a second time: a plain reading of their wire form, for tests to compare.

Nothing here uses the policy layer. A grant is the dictionary that the administration takes, a path
is a list of its levels, and every question looks at every grant.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Grant = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """An entity as grants see it; `path` as clients write it ("/", "/a/b")."""

    tenant: str
    path: str
    type: str
    id: str


def levels(path: str) -> list[str]:
    return [level for level in path.split("/") if level]


def inside(pattern: str, path: str) -> bool:
    """Whether a path is at a place, or below one that ends in `#`."""
    here, wanted = levels(path), levels(pattern)
    if wanted[-1:] == ["#"]:
        return here[: len(wanted) - 1] == wanted[:-1]
    return here == wanted


def in_force(grant: Grant, now: datetime) -> bool:
    starts, ends = (grant.get(name) for name in ("validFrom", "validUntil"))
    return (starts is None or datetime.fromisoformat(starts) <= now) and (
        ends is None or now < datetime.fromisoformat(ends)
    )


def about(grants: Iterable[Grant], action: str, tenant: str) -> list[Grant]:
    now = datetime.now(UTC)
    return [
        grant
        for grant in grants
        if action in grant["actions"] and grant["tenant"] in ("*", tenant) and in_force(grant, now)
    ]


def covers(grant: Grant, place: Place) -> bool:
    pattern = grant.get("idPattern")
    return (
        inside(grant.get("servicePath", "/#"), place.path)
        and ("types" not in grant or place.type in grant["types"])
        and ("ids" not in grant or place.id in grant["ids"])
        and (pattern is None or re.fullmatch(pattern, place.id) is not None)
    )


def has_any(grants: Iterable[Grant], action: str, tenant: str) -> bool:
    """Whether some grant allows the action on anything in the tenant."""
    found = about(grants, action, tenant)
    return any(g.get("effect") != "deny" for g in found)


def allowed(
    grants: Iterable[Grant], action: str, place: Place, attribute: str | None = None
) -> bool:
    """Whether the action may be done with an attribute, or with the entity as such."""
    relevant = [grant for grant in about(grants, action, place.tenant) if covers(grant, place)]
    denies = [grant for grant in relevant if grant.get("effect") == "deny"]
    allows = [grant for grant in relevant if grant.get("effect") != "deny"]
    if attribute is None and action == "delete":
        return any("attributes" not in grant for grant in allows) and not denies
    if attribute is None:
        return bool(allows) and all("attributes" in grant for grant in denies)
    return any(_names(grant, attribute) for grant in allows) and not any(
        _names(grant, attribute) for grant in denies
    )


def allowed_whole(grants: Iterable[Grant], action: str, place: Place) -> bool:
    """Whether the action may be done with every attribute the entity may ever have."""
    relevant = [grant for grant in about(grants, action, place.tenant) if covers(grant, place)]
    return any(
        grant.get("effect") != "deny" and "attributes" not in grant for grant in relevant
    ) and not any(grant.get("effect") == "deny" for grant in relevant)


def shown(
    grants: Sequence[Grant], place: Place, attributes: dict[str, Any], *actions: str
) -> dict[str, Any] | None:
    """The attributes that all the actions may be done with; None when the entity is hidden."""
    if not all(allowed(grants, action, place) for action in actions):
        return None
    return {
        name: value
        for name, value in attributes.items()
        if all(allowed(grants, action, place, name) for action in actions)
    }


def _names(grant: Grant, attribute: str) -> bool:
    return "attributes" not in grant or attribute in grant["attributes"]
