"""The forms of grants: packed in an account item, and in the wire form of every API.

The wire form is `{"effect": "allow"|"deny", "actions": ["read", …], "tenant": "city"|"*"|"",
"servicePath": "/parks/#", "types": […], "ids": […], "idPattern": "…", "attributes": […],
"validFrom": ISO, "validUntil": ISO}`; only `actions` and `tenant` are required.
"""

from collections.abc import Mapping

from city.clock import from_iso, iso
from city.dynamodb import Row, Value
from city.errors import InvalidRequest
from city.json import Json
from city.policy.grants import ANY_TENANT, Action, Grant
from city.regex import compile_pattern
from city.tenancy import EVERYWHERE, PathPattern, parse_read_scope, parse_tenant, shown

MAX_NAMES = 100
"""Types, ids or attributes that one grant may list."""
MAX_NAME_LENGTH = 256


# The form in the account item


def pack(grant: Grant) -> Row:
    """The grant as a map of an account item, without its id; what is not limited is left out."""
    row: dict[str, Value] = {
        "a": [action.value for action in Action if action in grant.actions],
        "t": grant.tenant,
        "p": None if grant.path == EVERYWHERE[0] else _show_path(grant.path),
        "y": _listed(grant.types),
        "i": _listed(grant.ids),
        "x": grant.id_pattern,
        "n": _listed(grant.attributes),
        "d": grant.deny or None,
        "s": grant.starts,
        "e": grant.ends,
        "o": grant.origin or None,
    }
    return {name: value for name, value in row.items() if value is not None}


def unpack(id: str, row: Mapping[str, Value]) -> Grant:
    """The grant that `pack` packed. Raises ValueError on what it cannot have packed."""
    match row:
        case {"a": list(actions), "t": str(tenant)} if row.keys() <= _PACKED:
            return Grant(
                id,
                frozenset(Action(str(action)) for action in actions),
                tenant,
                _parse_path(row.get("p", "/#")),
                _unlisted(row.get("y")),
                _unlisted(row.get("i")),
                _text(row.get("x")),
                _unlisted(row.get("n")),
                _denies(row.get("d")),
                _moment(row.get("s")),
                _moment(row.get("e")),
                _text(row.get("o")) or "",
            )
    raise ValueError(f"not a grant: {sorted(row)}")


_PACKED = frozenset("atpyixndseo")


def _listed(names: frozenset[str] | None) -> list[Value] | None:
    return None if names is None else [*sorted(names)]


def _unlisted(names: Value) -> frozenset[str] | None:
    if names is None:
        return None
    if isinstance(names, list):
        return frozenset(str(name) for name in names)
    raise ValueError("not a list of names")


def _text(value: Value) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _denies(value: Value) -> bool:
    if value is not None and value is not True:
        raise ValueError("not true")
    return value is True


def _moment(value: Value) -> int | None:
    if value is not None and type(value) is not int:
        raise ValueError("not a moment")
    return value


# The form in every API


def parse_grant(id: str, body: Json, origin: str = "") -> Grant:
    """Read a grant in its wire form. `id` and `origin` in it are for reading only and change
    nothing. Raises InvalidRequest naming the member that is wrong.
    """
    if not isinstance(body, dict):
        raise InvalidRequest("a grant must be a JSON object")
    unknown = sorted(body.keys() - _MEMBERS)
    if unknown:
        raise InvalidRequest(f"a grant has no member {unknown[0]}")
    grant = Grant(
        id,
        _parse_actions(body.get("actions")),
        _parse_tenant(body.get("tenant")),
        _parse_path(body.get("servicePath", "/#")),
        _parse_names(body, "types"),
        _parse_names(body, "ids"),
        _parse_pattern(body.get("idPattern")),
        _parse_names(body, "attributes"),
        _parse_effect(body.get("effect", "allow")),
        parse_moment(body, "validFrom"),
        parse_moment(body, "validUntil"),
        origin,
    )
    _check(grant)
    return grant


def show_grant(grant: Grant) -> dict[str, Json]:
    """The grant in its wire form; conditions it does not have are left out."""
    shown_grant: dict[str, Json] = {
        "id": grant.id,
        "effect": "deny" if grant.deny else "allow",
        "actions": [action.value for action in Action if action in grant.actions],
        "tenant": grant.tenant,
        "servicePath": _show_path(grant.path),
        "types": _show_names(grant.types),
        "ids": _show_names(grant.ids),
        "idPattern": grant.id_pattern,
        "attributes": _show_names(grant.attributes),
        "validFrom": _show_moment(grant.starts),
        "validUntil": _show_moment(grant.ends),
        "origin": grant.origin or None,
    }
    return {name: value for name, value in shown_grant.items() if value is not None}


_MEMBERS = frozenset(
    {
        "id",
        "effect",
        "actions",
        "tenant",
        "servicePath",
        "types",
        "ids",
        "idPattern",
        "attributes",
        "validFrom",
        "validUntil",
        "origin",
    }
)


def _check(grant: Grant) -> None:
    if Action.ADMIN in grant.actions and not grant.is_whole:
        raise InvalidRequest(
            "actions: admin is for a whole tenant; it cannot be limited to paths, types, ids or "
            "attributes"
        )
    if grant.starts is not None and grant.ends is not None and grant.ends <= grant.starts:
        raise InvalidRequest("validUntil must be later than validFrom")


def _parse_actions(value: Json) -> frozenset[Action]:
    names = ", ".join(Action)
    if not isinstance(value, list) or not value:
        raise InvalidRequest(f"actions must be a list of one or more of {names}")
    try:
        return frozenset(Action(str(action)) for action in value)
    except ValueError as error:
        raise InvalidRequest(f"actions may only have {names}") from error


def _parse_tenant(value: Json) -> str:
    if not isinstance(value, str):
        raise InvalidRequest('tenant must be the name of a tenant, "" for the default, or "*"')
    return value if value == ANY_TENANT else parse_tenant(value)


def _parse_path(value: object) -> PathPattern:
    if not isinstance(value, str) or not value or "," in value:
        raise InvalidRequest("servicePath must be one path, such as /parks or /parks/#")
    (pattern,) = parse_read_scope(value)
    return pattern


def _parse_names(body: Mapping[str, Json], member: str) -> frozenset[str] | None:
    value = body.get(member)
    if value is None:
        return None
    if not isinstance(value, list) or not 0 < len(value) <= MAX_NAMES:
        raise InvalidRequest(f"{member} must be a list of 1 to {MAX_NAMES} names")
    names = frozenset(name for name in value if isinstance(name, str))
    if len(names) < len(value) or not all(0 < len(name) <= MAX_NAME_LENGTH for name in names):
        raise InvalidRequest(
            f"{member} must have different texts of 1 to {MAX_NAME_LENGTH} characters"
        )
    return names


def _parse_pattern(value: Json) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_LENGTH:
        raise InvalidRequest(f"idPattern must be a text of 1 to {MAX_NAME_LENGTH} characters")
    compile_pattern(value)
    return value


def _parse_effect(value: Json) -> bool:
    if value not in ("allow", "deny"):
        raise InvalidRequest("effect must be allow or deny")
    return value == "deny"


def parse_moment(body: Mapping[str, Json], member: str) -> int | None:
    """The moment that a member names in microseconds, None without it. Raises InvalidRequest."""
    value = body.get(member)
    if value is None:
        return None
    try:
        return from_iso(str(value))
    except ValueError as error:
        raise InvalidRequest(f"{member} must be an ISO 8601 date and time") from error


def _show_names(names: frozenset[str] | None) -> list[Json] | None:
    return None if names is None else [*sorted(names)]


def _show_path(pattern: PathPattern) -> str:
    if not pattern.subtree:
        return shown(pattern.path)
    return f"{pattern.path}#"


def _show_moment(moment: int | None) -> str | None:
    return None if moment is None else iso(moment, "auto")
