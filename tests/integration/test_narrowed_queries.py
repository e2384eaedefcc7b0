"""A narrowed query finds what a filter of everything finds, whatever the grants and the query."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city import aws, clock
from city.document import Entity
from city.policy.grant_forms import parse_grant
from city.policy.grants import UNLIMITED, Access
from city.regex import compile_pattern
from city.tenancy import Tenant, parse_read_scope
from context.ngsi_v2.geo import parse_geo_query
from context.ngsi_v2.query_language import parse_q
from context.queries import EntityQuery, Order, Page, Queries, Selector
from context.store.entities import EntityStore
from tests import oracle
from tests.integration.frozen import FrozenClient
from tests.integration.world import IDS, PATHS, TYPES, populated

TENANT = Tenant("a")
EVERYTHING = UNLIMITED.view(TENANT)
ATTRIBUTES = ("name", "temperature", "secret", "location")


@pytest.fixture(scope="module")
def queries() -> Iterator[Queries]:
    with populated() as table:
        client: Any = FrozenClient(aws.client("dynamodb"))
        yield Queries(EntityStore(client, table), budget=20_000)


def some(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


PLACES = ("/#", "/", "/a", "/a/#", "/ab/#", "/a/b", "/nowhere")
GRANT = st.fixed_dictionaries(
    {
        "actions": st.sampled_from([["read"], ["read", "update"], ["update"]]),
        "tenant": st.sampled_from(["a", "a", "a", "*", "b"]),
    },
    optional={
        "effect": st.sampled_from(["allow", "allow", "deny"]),
        "servicePath": st.sampled_from(PLACES),
        "types": some((*TYPES, "Bus")),
        "ids": some((*IDS, "x9")),
        "idPattern": st.sampled_from(["x.*", ".*2", "x1|nothing"]),
        "attributes": some(ATTRIBUTES),
    },
)
GRANTS = st.lists(GRANT, min_size=1, max_size=5)
SELECTORS = st.lists(
    st.builds(
        Selector,
        id=st.sampled_from([None, None, *IDS]),
        id_pattern=st.sampled_from([None, compile_pattern("2$"), compile_pattern("x")]),
        type=st.sampled_from([None, None, *TYPES]),
        type_pattern=st.sampled_from([None, compile_pattern("^R")]),
    ),
    min_size=1,
    max_size=2,
).map(tuple)
PREDICATES = st.lists(
    st.sampled_from(
        ["temperature>105", "secret", "!secret", "secret==103", "name~=Room", "!location"]
    ),
    max_size=2,
    unique=True,
).map(lambda texts: tuple(map(parse_q, texts)))
NEAR = parse_geo_query("near;maxDistance:5000", "point", "0,0")
ORDERS = ("secret", "temperature", "name", "id", "type", "dateCreated")
ORDER = st.lists(st.builds(Order, st.sampled_from(ORDERS), st.booleans()), max_size=2,
                 unique_by=lambda order: order.name).map(tuple)  # fmt: skip


QUERY = st.fixed_dictionaries(
    {
        "selectors": SELECTORS,
        "predicates": PREDICATES,
        "geo": st.sampled_from([None, None, NEAR]),
        "order": ORDER,
        "offset": st.integers(0, 4),
        "limit": st.integers(0, 9),
        "count": st.booleans(),
    }
)


@settings(deadline=None, max_examples=400)
@given(GRANTS, st.sampled_from([None, "/#", "/a/#", "/,/ab/#", "/a/b"]), QUERY)
def test_a_narrowed_query_is_a_filter_of_everything(
    queries: Queries, grants: list[oracle.Grant], path: str | None, asked: dict[str, Any]
) -> None:
    parsed = [parse_grant(f"g{number}", one) for number, one in enumerate(grants)]
    view = Access("someone", parsed, clock.now()).view(TENANT)
    page = queries.run(EntityQuery(TENANT, parse_read_scope(path), view, **asked))

    every = queries.run(
        EntityQuery(TENANT, parse_read_scope(path), EVERYTHING, asked["selectors"], limit=100)
    )
    found = [shown for one in every.entities if (shown := as_shown(grants, one)) is not None]
    conditions = [*asked["predicates"], *([asked["geo"]] if asked["geo"] else [])]
    found = [one for one in found if all(condition.matches(one) for condition in conditions)]
    for key in reversed(asked["order"]):
        found.sort(key=lambda one, key=key: sort_key(one, key.name), reverse=key.descending)  # type: ignore[misc]
    assert contents(page.entities) == contents(found[asked["offset"] :][: asked["limit"]])
    assert page.total == (len(found) if asked["count"] else None)


@settings(deadline=None, max_examples=400)
@given(GRANTS, st.sampled_from([None, "/a/#", "/,/ab/#", *PATHS]))
def test_types_are_those_of_everything_that_is_visible(
    queries: Queries, grants: list[oracle.Grant], path: str | None
) -> None:
    parsed = [parse_grant(f"g{number}", one) for number, one in enumerate(grants)]
    view = Access("someone", parsed, clock.now()).view(TENANT)
    scope = parse_read_scope(path)
    every: Page = queries.run(EntityQuery(TENANT, scope, EVERYTHING, limit=100))
    expected: dict[str, tuple[int, dict[str, set[str]]]] = {}
    for one in every.entities:
        shown = as_shown(grants, one)
        if shown is not None:
            number, types = expected.get(shown.identity.type, (0, {}))
            for name, attribute in shown.attributes.items():
                types.setdefault(name, set()).add(attribute.type)
            expected[shown.identity.type] = (number + 1, types)
    found = queries.types(TENANT, scope, view)
    assert {type: (of.count, of.attributes) for type, of in found.items()} == expected
    assert [*found] == sorted(found)


def as_shown(grants: list[oracle.Grant], entity: Entity) -> Entity | None:
    tenant, id, type, path = entity.identity
    attributes = oracle.shown(
        grants, oracle.Place(tenant, path, type, id), entity.attributes, "read"
    )
    if attributes is None:
        return None
    return Entity(entity.identity, attributes, entity.created, entity.modified)


def sort_key(entity: Entity, name: str) -> Any:
    fixed = {"id": entity.identity.id, "type": entity.identity.type, "dateCreated": entity.created}
    if name in fixed:
        return fixed[name]
    attribute = entity.attributes.get(name)
    return (attribute is not None, attribute.value if attribute else 0)


def contents(entities: list[Entity]) -> list[Any]:
    return [(one.identity, one.created, one.attributes) for one in entities]
