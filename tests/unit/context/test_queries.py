"""Queries: plans, filters, order, paging, count and budget over the store."""

import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city import aws
from city.document import Entity, Identity
from city.errors import TooComplex
from city.regex import compile_pattern
from city.tenancy import EVERYWHERE, Tenant
from context.ngsi_v2.geo import parse_geo_query
from context.ngsi_v2.query_language import parse_q
from context.queries import EntityQuery, Order, Page, Queries, Selector
from context.store.entities import EntityStore
from tests.builders import CITY, EVERYTHING, START, at, entity, located
from tests.conftest import create_context_table

ROOMS = Selector(type="Room")


@pytest.fixture
def queries(entity_store: EntityStore) -> Queries:
    return Queries(entity_store, budget=1000)


@pytest.fixture(scope="module")
def town_store() -> Iterator[EntityStore]:
    """Thirty rooms and ten cars, alternating in creation; temperature counts up. Only to read."""
    client = aws.client("dynamodb")
    table = create_context_table(client)
    store = EntityStore(client, table)
    for n in range(40):
        type = "Car" if n % 4 == 3 else "Room"
        path = "/north/" if n % 2 else "/"
        made = entity(f"{type.lower()}{n:02}", type, path, at=START + n * 1000, temperature=n)
        store.create(made)
    yield store
    client.delete_table(TableName=table)


@pytest.fixture
def town(town_store: EntityStore) -> Queries:
    return Queries(town_store, budget=1000)


def run(queries: Queries, *selectors: Selector, **members: Any) -> Page:
    members.setdefault("scope", EVERYWHERE)
    return queries.run(
        EntityQuery(CITY, view=EVERYTHING, selectors=selectors or (Selector(),), **members)
    )


def ids(page: Page) -> list[str]:
    return [entity.identity.id for entity in page.entities]


def q(text: str) -> dict[str, Any]:
    return {"predicates": (parse_q(text),)}


# Paging and count


def test_a_page_is_in_creation_order(town: Queries) -> None:
    page = run(town, limit=5)
    assert ids(page) == ["room00", "room01", "room02", "car03", "room04"]
    assert page.total is None


@pytest.mark.parametrize("members", [{}, q("temperature>=0"), {"order": (Order("dateCreated"),)}])
@pytest.mark.parametrize("count", [True, False])
def test_pages_join_to_the_whole(town: Queries, members: Any, count: bool) -> None:
    pages = [
        run(town, ROOMS, limit=7, offset=offset, count=count, **members)
        for offset in range(0, 42, 7)
    ]
    seen = [id for page in pages for id in ids(page)]
    assert seen == sorted(seen, key=lambda id: int(id[4:]))
    assert len(set(seen)) == len(seen) == 30
    assert {page.total for page in pages} == ({30} if count else {None})


@pytest.mark.parametrize("members", [{}, q("temperature>=0"), {"order": (Order("temperature"),)}])
def test_limit_zero_returns_nothing_but_may_count(town: Queries, members: Any) -> None:
    assert run(town, limit=0, **members) == Page([])
    assert run(town, limit=0, count=True, **members) == Page([], 40)


def test_an_offset_past_the_end_is_empty(town: Queries) -> None:
    assert run(town, offset=99, count=True) == Page([], 40)


def test_an_unknown_tenant_is_empty(queries: Queries) -> None:
    assert run(queries, count=True) == Page([], 0)
    assert run(queries, ROOMS, order=(Order("x"),)) == Page([])


# Selection


@pytest.mark.parametrize(
    ("selectors", "total", "first"),
    [
        ([Selector(type="Car")], 10, "car03"),
        ([Selector(type="Car"), Selector(type="Room")], 40, "room00"),
        ([Selector(type="None")], 0, None),
        ([Selector(id="room00"), Selector(id="car07")], 2, "room00"),
        ([Selector(id="room00", type="Car")], 0, None),
        ([Selector(id="room00", type="Car"), Selector(id="room00", type="Room")], 1, "room00"),
        ([Selector(id_pattern=compile_pattern("0$"))], 4, "room00"),
        ([Selector(id_pattern=compile_pattern("0$"), type="Room")], 4, "room00"),
        ([Selector(type_pattern=compile_pattern("^C"))], 10, "car03"),
        ([Selector(type_pattern=compile_pattern("x"))], 0, None),
        ([Selector(id="room38"), Selector(type="Car")], 11, "car03"),
        ([Selector(id="car03"), Selector(type="Car")], 10, "car03"),
        ([Selector(id="room00", type_pattern=compile_pattern("^C"))], 0, None),
    ],
)
@pytest.mark.parametrize("members", [{}, q("temperature>=0"), {"order": (Order("temperature"),)}])
def test_selectors_are_alternatives(
    town: Queries, selectors: list[Selector], total: int, first: str | None, members: Any
) -> None:
    page = run(town, *selectors, count=True, limit=1000, **members)
    assert page.total == total
    assert len(set(ids(page))) == total
    assert next(iter(ids(page)), None) == first
    assert ids(run(town, *selectors, limit=1000, **members)) == ids(page)


@pytest.mark.parametrize("selectors", [(), (ROOMS,), (Selector(id="room00"), ROOMS)])
def test_the_scope_narrows_every_plan(town: Queries, selectors: tuple[Selector, ...]) -> None:
    page = run(town, *selectors, scope=at("/north/"), limit=1000, count=True)
    assert {entity.identity.path for entity in page.entities} == {"/north/"}
    assert page.total == len(page.entities) == (10 if selectors else 20)


def test_several_paths_are_one_result(town: Queries) -> None:
    scope = (*at("/north/"), *at("/"), *at("/none/", subtree=True))
    assert run(town, scope=scope, count=True).total == 40
    assert run(town, ROOMS, scope=(*at("/north/"), *at("/north/")), count=True).total == 10


def test_all_conditions_must_hold(town: Queries) -> None:
    page = run(town, ROOMS, predicates=(parse_q("temperature>10"), parse_q("temperature<15")))
    assert ids(page) == ["room12", "room13", "room14"]


def test_an_entity_deleted_while_the_list_is_read_is_left_out(
    queries: Queries, entity_store: EntityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        entity_store.create(entity(f"r{n}", at=START + n))
    load = entity_store.load

    def load_late(identities: Any) -> list[Entity]:
        wanted = list(identities)
        entity_store.delete(load(wanted)[1])
        entity_store.create(entity("r1", at=START + 10))
        return load(wanted)

    monkeypatch.setattr(entity_store, "load", load_late)
    assert ids(run(queries, ROOMS)) == ["r0", "r2"]


# Order


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ((Order("temperature", descending=True),), ["car39", "room38"]),
        ((Order("id"),), ["car03", "car07"]),
        ((Order("type", descending=True), Order("id", descending=True)), ["room38", "room37"]),
        ((Order("type"), Order("dateCreated", descending=True)), ["car39", "car35"]),
        ((Order("missing"),), ["room00", "room01"]),
        ((Order("missing", descending=True),), ["room00", "room01"]),
    ],
)
def test_results_are_ordered(town: Queries, order: tuple[Order, ...], first: list[str]) -> None:
    page = run(town, order=order, limit=2, count=True)
    assert ids(page) == first
    assert page.total == 40


def test_order_across_types_of_values(queries: Queries, entity_store: EntityStore) -> None:
    values: list[Any] = [True, [20, "x"], {"a": 1}, "20", 5, None]
    for n, value in enumerate(values):
        entity_store.create(entity(f"r{n}", at=START + n, v=value))
    entity_store.create(entity("r6", at=START + 6))
    page = run(queries, ROOMS, order=(Order("v"),))
    assert ids(page) == ["r5", "r6", "r4", "r1", "r3", "r2", "r0"]


# Geography


@pytest.fixture
def stations(entity_store: EntityStore) -> None:
    """Four stations on a meridian, one kilometre apart, and a room without location."""
    for n in range(4):
        made = located(entity(f"s{n}", "Station", at=START + n), 2.0, 41.0 + n * 0.009)
        entity_store.create(made)
    entity_store.create(entity(at=START + 9))


@pytest.mark.usefixtures("stations")
@pytest.mark.parametrize(
    ("georel", "expected"),
    [
        ("near;maxDistance:1500", ["s0", "s1"]),
        ("near;maxDistance:2500;minDistance:500", ["s1", "s2"]),
        ("near;minDistance:1500", ["s2", "s3"]),
    ],
)
@pytest.mark.parametrize("selectors", [(), (Selector(type="Station"),)])
def test_near(
    queries: Queries, georel: str, expected: list[str], selectors: tuple[Selector, ...]
) -> None:
    geo = parse_geo_query(georel, "point", "41.0,2.0")
    page = run(queries, *selectors, geo=geo, count=True)
    assert ids(page) == expected
    assert page.total == len(expected)


@pytest.mark.usefixtures("stations")
def test_order_by_distance(queries: Queries) -> None:
    geo = parse_geo_query("near;maxDistance:2500", "point", "41.017,2.0")
    page = run(queries, geo=geo, order=(Order("geo:distance"),))
    assert ids(page) == ["s2", "s1", "s3", "s0"]


@pytest.mark.usefixtures("stations")
def test_disjoint_needs_no_cells(queries: Queries) -> None:
    geo = parse_geo_query("disjoint", "box", "40.99,1.9;41.01,2.1")
    assert ids(run(queries, geo=geo)) == ["s2", "s3"]


@pytest.mark.usefixtures("stations")
def test_a_place_far_away_has_nothing(queries: Queries, entity_store: EntityStore) -> None:
    geo = parse_geo_query("coveredBy", "box", "10,10;11,11")
    assert run(queries, geo=geo, count=True) == Page([], 0)


# Budget


@pytest.mark.parametrize(
    "members",
    [
        q("temperature>100"),
        {"order": (Order("temperature"),)},
        {"count": True, **q("temperature>0")},
    ],
)
def test_a_query_past_its_budget_says_what_to_narrow(town_store: EntityStore, members: Any) -> None:
    with pytest.raises(TooComplex, match=r"more than 20 entities; narrow it by type"):
        run(Queries(town_store, budget=20), **members)


def test_a_page_within_the_budget_is_served_however_many_more_there_are(
    town_store: EntityStore,
) -> None:
    assert len(run(Queries(town_store, budget=25), limit=20).entities) == 20


def test_counting_by_type_and_path_costs_no_budget(town_store: EntityStore) -> None:
    page = run(Queries(town_store, budget=25), limit=20, count=True)
    assert (len(page.entities), page.total) == (20, 40)


# Against an oracle

PLACES = st.tuples(
    st.sampled_from("abc"), st.sampled_from(["A", "B"]), st.sampled_from(["/", "/x/"])
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(PLACES, st.integers(0, 3), max_size=8),
    st.sampled_from([(), (Order("v"),), (Order("v", descending=True), Order("id"))]),
    st.integers(0, 4),
    st.integers(0, 4),
)
def test_any_query_equals_filtering_and_sorting_a_list(
    entity_store: EntityStore,
    places: dict[tuple[str, str, str], int],
    order: tuple[Order, ...],
    limit: int,
    offset: int,
) -> None:
    queries = Queries(entity_store, budget=1000)
    made = [
        entity(*place, at=START + n // 2, v=value)
        for n, (place, value) in enumerate(places.items())
    ]
    for one in made:
        entity_store.create(one)
    try:
        expected = sorted(
            made, key=lambda e: (e.created, e.identity.path, e.identity.type, e.identity.id)
        )
        expected = [e for e in expected if e.attributes["v"].value != 2]
        if order:
            if len(order) > 1:
                expected.sort(key=lambda e: e.identity.id)
            values = {
                e.identity: places[e.identity.id, e.identity.type, e.identity.path] for e in made
            }
            expected.sort(key=lambda e: values[e.identity], reverse=order[0].descending)
        page = run(queries, order=order, limit=limit, offset=offset, count=True, **q("v!=2"))
        assert page == Page(expected[offset : offset + limit], len(expected))
    finally:
        for one in made:
            entity_store.delete(one)


class OneOfEach:
    """A store that has every entity, without a table."""

    def find(self, _tenant: Tenant, id: str, **_: Any) -> list[Entity]:
        return [entity(id)]

    def load(self, _identities: list[Identity]) -> list[Entity]:
        """Nothing is left to read."""
        return []


def test_time_of_many_ids_does_not_grow_with_their_square() -> None:
    selectors = tuple(Selector(id=f"room{number:05}") for number in range(10_000))
    queries = Queries(cast("EntityStore", OneOfEach()), budget=20_000)
    start = time.process_time()
    assert run(queries, *selectors, limit=1, count=True).total == 10_000
    assert time.process_time() - start < 2
