"""What permissions of the form Keyrock has mean for the city's own data: grants.

A permission with a tenant (service header) on the path of the NGSI-v2 entities becomes a grant:

| verb             | `/v2/entities` | `/v2/entities/{id}` | `/v2/entities/{id}/attrs[/{name}[/value]]` |
|------------------|----------------|---------------------|---------------------------------------------|
| GET              | read           | read                | read                                        |
| POST             | create         |                     | update                                      |
| PATCH, PUT       |                |                     | update                                      |
| DELETE           |                | delete              |                                             |

(Nothing is granted for deleting an attribute: no action says just that.) The query of an exact path
may name `type` and `id`. A regular expression is translated when what follows `/v2/entities` is an
expression for ids alone; one for attributes only grants no reading, which would list the entities
as well. Anything else, and a permission without tenant, gives no grant: what cannot
be said exactly is not granted.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from city.errors import InvalidPattern
from city.json import Json
from city.policy.grant_forms import parse_grant
from city.policy.grants import Action, Grant
from city.regex import compile_pattern
from security.applications.permissions import Permission

ENTITIES = "/v2/entities"

_ANYTHING = frozenset({".*", "/?.*", "(/.*)?", "(/.*)*", "(?:/.*)?"})
_GROUP = re.compile(r"\([^()]*\)")
_NAMES = re.compile(r"[\w:-]+(?:\|[\w:-]+)*", re.ASCII)
_ON_COLLECTION = {"GET": Action.READ, "POST": Action.CREATE}
_ON_ENTITY = {"GET": Action.READ, "DELETE": Action.DELETE}
_CHANGING_ATTRIBUTES = {"POST": Action.UPDATE, "PATCH": Action.UPDATE, "PUT": Action.UPDATE}
_ON_ATTRIBUTES = {"GET": Action.READ, **_CHANGING_ATTRIBUTES}


class _Target(NamedTuple):
    """What a path is about; None is no condition."""

    verbs: tuple[Mapping[str, Action], ...]
    types: frozenset[str] | None = None
    ids: frozenset[str] | None = None
    id_pattern: str | None = None
    attributes: frozenset[str] | None = None


def native_grant(permission: Permission) -> Grant | None:
    """The grant to the city's data that a permission means, whoever wrote it; None for none.

    Raises InvalidRequest when its own `grant` is malformed.
    """
    if permission.grant is not None:
        return parse_grant(permission.id, dict[str, Json](permission.grant))
    if permission.header is None or permission.resource is None or permission.action is None:
        return None
    target = (_pattern if permission.is_regex else _path)(permission.resource)
    rules = _payload_rules(permission)
    if target is None or rules is None:
        return None
    verb = permission.action.upper()
    actions = frozenset(verbs[verb] for verbs in target.verbs if verb in verbs)
    if not actions:
        return None
    return _narrowed(
        Grant(
            id=permission.id,
            actions=actions,
            tenant=permission.header,
            types=target.types,
            ids=target.ids,
            id_pattern=target.id_pattern,
            attributes=target.attributes,
        ),
        rules,
    )


class _Rules(NamedTuple):
    types: frozenset[str] | None
    attributes: frozenset[str] | None
    id_pattern: str | None


def _payload_rules(permission: Permission) -> _Rules | None:
    """Keyrock's payload rules as conditions of a grant; None when a grant cannot say them."""
    types, attributes = _names(permission.entity_types), _names(permission.attributes)
    unsayable = (permission.entity_types is not None and types is None) or (
        permission.attributes is not None and attributes is None
    )
    return None if unsayable else _Rules(types, attributes, permission.entity_ids)


def _names(pattern: str | None) -> frozenset[str] | None:
    """The names that an expression of alternatives lists, e.g. "Room|Lamp"."""
    if pattern is None or not _NAMES.fullmatch(pattern):
        return None
    return frozenset(pattern.split("|"))


def _narrowed(grant: Grant, rules: _Rules) -> Grant | None:
    """The grant with the rules as well; None when nothing is left or both limit ids."""
    if rules.id_pattern is not None and grant.id_pattern is not None:
        return None
    types = _common(grant.types, rules.types)
    attributes = _common(grant.attributes, rules.attributes)
    if frozenset() in (types, attributes):
        return None
    return replace(
        grant,
        types=types,
        attributes=attributes,
        id_pattern=grant.id_pattern or rules.id_pattern,
    )


def _common(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return one if other is None else other
    return one & other


def _path(resource: str) -> _Target | None:
    """What an exact path is about."""
    path, _, query = resource.partition("?")
    match [unquote(part) for part in path.split("/")]:
        case ["", "v2", "entities"]:
            return _collection(query)
        case ["", "v2", "entities", id] if id and not query:
            return _Target((_ON_ENTITY,), ids=frozenset({id}))
        case ["", "v2", "entities", id, "attrs"] if id and not query:
            return _Target((_ON_ATTRIBUTES,), ids=frozenset({id}))
        case ["", "v2", "entities", id, "attrs", name, *rest] if rest in ([], ["value"]):
            if id and name and not query:
                return _Target((_ON_ATTRIBUTES,), ids=frozenset({id}), attributes=frozenset({name}))
    return None


def _collection(query: str) -> _Target | None:
    """What `/v2/entities` with this query is about: everything, or the types and ids it names."""
    pairs = parse_qsl(query, keep_blank_values=True)
    named = dict(pairs)
    if len(named) < len(pairs) or not named.keys() <= {"type", "id"} or "" in named.values():
        return None
    listed = {name: frozenset(value.split(",")) for name, value in named.items()}
    return _Target((_ON_COLLECTION,), types=listed.get("type"), ids=listed.get("id"))


def _pattern(resource: str) -> _Target | None:
    """What an expression for paths is about, when it says no more than which ids."""
    source = resource.removeprefix("^").removesuffix("$").replace("\\/", "/")
    if not source.startswith(ENTITIES) or _may_split(source):
        return None
    rest = source.removeprefix(ENTITIES)
    if rest in _ANYTHING:
        return _Target((_ON_COLLECTION, _ON_ENTITY, _ON_ATTRIBUTES))
    if not rest.startswith("/"):
        return None
    ids, slash, deeper = rest[1:].partition("/attrs")
    if slash:
        return _of_ids(ids, _CHANGING_ATTRIBUTES) if deeper in _ANYTHING | {""} else None
    if ids.endswith((".*", ".+")):
        return _of_ids(ids, _ON_ENTITY, _ON_ATTRIBUTES)
    return _of_ids(ids, _ON_ENTITY)


def _of_ids(ids: str, *verbs: Mapping[str, Action]) -> _Target | None:
    """The entities whose ids an expression matches; None when it is not about ids alone."""
    ids = ids.replace("[^/]", ".")
    if not ids or "/" in ids:
        return None
    if ids in (".*", ".+"):
        return _Target(verbs)
    try:
        compile_pattern(ids)
    except InvalidPattern:  # what was cut off belonged to it, e.g. the end of an escape
        return None
    return _Target(verbs, id_pattern=ids)


def _may_split(source: str) -> bool:
    """Whether an alternative may stand outside of groups, where it would split the whole path."""
    if "|" not in source:
        return "\\\\" in source
    if "[" in source or "\\" in source:
        return True
    outside = source
    while (reduced := _GROUP.sub("", outside)) != outside:
        outside = reduced
    return "|" in outside
