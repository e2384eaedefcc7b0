"""Entity queries as requests ask them: URL parameters of a list, body of a batch query."""

from dataclasses import dataclass
from typing import cast

from city.document import Entity
from city.errors import InvalidPattern, InvalidRequest, Malformed, TooComplex
from city.json import Json
from city.regex import Pattern, compile_pattern
from context.ngsi_v2.body import UNREADABLE
from context.ngsi_v2.facts import Facts
from context.ngsi_v2.geo import GeoQuery, parse_geo_expression, parse_geo_parameters
from context.ngsi_v2.identifiers import check_identifier
from context.ngsi_v2.parameters import Parameters, split_list
from context.ngsi_v2.query_language import parse_mq, parse_q
from context.ngsi_v2.render import Projection
from context.queries import EntityQuery, Order, Predicate, Selector

MAX_COMBINATIONS = 10_000
"""Of an id and a type that one list may ask for; the two lists multiply."""

_MEMBERS = {"entities", "attributes", "attrs", "expression", "metadata"}
_RELEVANT = _MEMBERS - {"metadata"}
_LANGUAGES = {"q": parse_q, "mq": parse_mq}


@dataclass(frozen=True, slots=True)
class HasAny:
    """That an entity has at least one of these attributes."""

    names: frozenset[str]

    def matches(self, entity: Entity) -> bool:
        """Whether it has."""
        return not self.names.isdisjoint(entity.attributes)


def list_query(facts: Facts) -> EntityQuery:
    """The query of `GET /v2/entities`. Raises InvalidRequest."""
    parameters = facts.parameters
    predicates = tuple(
        parse(text) for name, parse in _LANGUAGES.items() if (text := parameters.get(name))
    )
    geo = parse_geo_parameters(
        parameters.get("georel"), parameters.get("geometry"), parameters.get("coords")
    )
    return _query(facts, _selectors(parameters), predicates, geo)


def batch_query(facts: Facts, body: Json) -> tuple[EntityQuery, Projection]:
    """The query in the body of `POST /v2/op/query` and what it wants to see.

    The old member `attributes` both filters (at least one of them) and projects. Raises
    InvalidRequest or Malformed.
    """
    members = _checked_members(body)
    selectors = tuple(map(_selector, _list_of(members, "entities"))) or (Selector(),)
    predicates, geo = _expression(members)
    filtering = _strings(members, "attributes")
    if filtering:
        predicates = (HasAny(frozenset(filtering)), *predicates)
    projection = Projection(_strings(members, "attrs") or filtering, _strings(members, "metadata"))
    return _query(facts, selectors, predicates, geo), projection


def _query(
    facts: Facts,
    selectors: tuple[Selector, ...],
    predicates: tuple[Predicate, ...],
    geo: GeoQuery | None,
) -> EntityQuery:
    return EntityQuery(
        tenant=facts.tenant,
        scope=facts.scope,
        view=facts.view,
        selectors=selectors,
        predicates=predicates,
        geo=geo,
        order=_order(facts.parameters),
        limit=facts.parameters.limit,
        offset=facts.parameters.offset,
        count="count" in facts.parameters.options,
    )


def _order(parameters: Parameters) -> tuple[Order, ...]:
    tokens = split_list(parameters.get("orderBy") or "")
    order = tuple(Order(token.removeprefix("!"), token.startswith("!")) for token in tokens)
    if len({key.name for key in order}) < len(order):
        raise InvalidRequest("duplicate orderBy token detected")
    return order


def _selectors(parameters: Parameters) -> tuple[Selector, ...]:
    """Every combination of the ids or id pattern with the types or type pattern."""
    ids, id_pattern = parameters.names("id"), parameters.get("idPattern")
    types, type_pattern = parameters.names("type"), parameters.get("typePattern")
    if ids and id_pattern:
        raise InvalidRequest("Incompatible parameters: id, IdPattern")
    if types and type_pattern:
        raise InvalidRequest("Incompatible parameters: type, typePattern")
    if len(ids) * len(types) > MAX_COMBINATIONS:
        raise TooComplex("too many combinations of ids and types; ask for fewer at a time")
    compiled_id = _pattern(id_pattern, "entity idPattern")
    compiled_type = _pattern(type_pattern, "entity typePattern")
    return tuple(
        Selector(id, compiled_id, type, compiled_type)
        for id in ids or (None,)
        for type in types or (None,)
    )


def _pattern(source: str | None, what: str) -> Pattern | None:
    if source is None:
        return None
    try:
        return compile_pattern(source)
    except InvalidPattern:
        raise InvalidRequest(f"Invalid regex for {what}") from None


def _checked_members(body: Json) -> dict[str, Json]:
    if not isinstance(body, dict):
        raise Malformed(UNREADABLE)
    if not body:
        raise InvalidRequest("empty payload")
    if _RELEVANT.isdisjoint(body):
        raise InvalidRequest("Invalid JSON payload, no relevant fields found")
    for name in body:
        if name not in _MEMBERS:
            raise InvalidRequest(f"Unrecognized field in JSON payload: /{name}/")
    return body


def _list_of(members: dict[str, Json], name: str) -> list[Json]:
    value = members.get(name, [])
    if not isinstance(value, list):
        raise InvalidRequest(
            "not a JSON array" if name == "entities" else f"the field /{name}/ must be a JSON array"
        )
    return value


def _strings(members: dict[str, Json], name: str) -> tuple[str, ...]:
    items = _list_of(members, name)
    if not all(isinstance(item, str) for item in items):
        raise InvalidRequest(f"only JSON Strings allowed in {name} list")
    return tuple(dict.fromkeys(cast("list[str]", items)))


def _selector(item: Json) -> Selector:
    if not isinstance(item, dict):
        raise InvalidRequest("entity is not a JSON object")
    if "id" in item and "idPattern" in item:
        raise InvalidRequest("both /id/ and /idPattern/ present")
    if "id" not in item and "idPattern" not in item:
        raise InvalidRequest("nor /id/ nor /idPattern/ present")
    if not item.keys() <= {"id", "idPattern", "type", "typePattern"}:
        raise InvalidRequest("no attributes allowed in Entity in this payload")
    _check_patterns(item)
    names = {name: _string(item, name) for name in ("id", "type")}
    for name, text in names.items():
        if text is not None:
            check_identifier(text, f"entity {name}")
    return Selector(
        names["id"],
        _pattern(_string(item, "idPattern"), "entity idPattern"),
        names["type"],
        _pattern(_string(item, "typePattern"), "entity typePattern"),
    )


def _check_patterns(item: dict[str, Json]) -> None:
    if "" in (item.get("id"), item.get("idPattern")):
        raise InvalidRequest("id and idPattern cannot be both empty at the same time")
    if item.get("typePattern") == "":
        raise InvalidRequest("type and typePattern cannot be both empty at the same time")
    if "type" in item and "typePattern" in item:
        raise InvalidRequest("type and typePattern cannot be both filled at the same time")


def _string(item: dict[str, Json], name: str) -> str | None:
    value = item.get(name)
    if name in item and not isinstance(value, str):
        raise InvalidRequest(f"Invalid JSON type for entity {name}")
    return cast("str | None", value)


def _expression(members: dict[str, Json]) -> tuple[tuple[Predicate, ...], GeoQuery | None]:
    expression = members.get("expression")
    if "expression" not in members:
        return (), None
    if not isinstance(expression, dict):
        raise InvalidRequest("expression is not an object")
    if expression.keys().isdisjoint((*_LANGUAGES, *_GEO)):
        raise InvalidRequest("expression is empty")
    texts = {name: _text(expression, name) for name in (*_LANGUAGES, *_GEO)}
    predicates = tuple(
        parse(text) for name, parse in _LANGUAGES.items() if (text := texts[name]) is not None
    )
    return predicates, parse_geo_expression(*(texts[name] for name in _GEO))


_GEO = ("georel", "geometry", "coords")


def _text(expression: dict[str, Json], name: str) -> str | None:
    value = expression.get(name)
    if name not in expression:
        return None
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} is not a string")
    if not value:
        raise InvalidRequest(f"{name} is empty")
    return value
