"""Geographical queries through the index find exactly what comparing every entity finds."""

import random
from typing import Any

import pytest

from city.document import Entity
from city.tenancy import EVERYWHERE
from context.ngsi_v2.geo import parse_geo_query
from context.queries import EntityQuery, Order, Queries
from context.store.entities import EntityStore
from tests.builders import CITY, EVERYTHING, START, attribute, entity

LATITUDE, LONGITUDE = 40.4, -3.7
BUDGET = 1_000


def _pair(chance: random.Random, spread: float) -> str:
    latitude = LATITUDE + chance.uniform(-spread, spread)
    longitude = LONGITUDE + chance.uniform(-spread, spread)
    return f"{latitude:.6f},{longitude:.6f}"


def _somewhere(chance: random.Random, number: int) -> Entity:
    """An entity in the city: a point mostly, or a line or area from street to region size."""
    kind = chance.choice(["geo:point", "geo:point", "geo:line", "geo:box", "geo:polygon"])
    spread = chance.choice([0.002, 0.02, 0.2])
    pairs: list[Any] = [_pair(chance, spread) for _ in range(3)]
    values: dict[str, Any] = {
        "geo:point": pairs[0],
        "geo:line": pairs,
        "geo:box": pairs[:2],
        "geo:polygon": [*pairs, pairs[0]],
    }
    made = entity(f"thing{number}", "Thing", at=START + number)
    made.attributes["place"] = attribute(values[kind], kind)
    return made


def _questions(chance: random.Random) -> list[tuple[str, str, str]]:
    questions = [("near;minDistance:500", "point", _pair(chance, 0.02))]
    for metres in (50, 1_000, 10_000):
        questions.append((f"near;maxDistance:{metres}", "point", _pair(chance, 0.002)))
    for spread in (0.004, 0.04):
        corners = f"{_pair(chance, spread)};{_pair(chance, spread)}"
        ring = [_pair(chance, spread) for _ in range(3)]
        questions.append(("coveredBy", "box", corners))
        questions.append(("intersects", "polygon", ";".join([*ring, ring[0]])))
        questions.append(("intersects", "line", corners))
    return [*questions, ("disjoint", "box", corners), ("equals", "box", corners)]


@pytest.fixture
def things(entity_store: EntityStore) -> list[Entity]:
    chance = random.Random(7)
    made = [_somewhere(chance, number) for number in range(40)]
    made.append(entity("nowhere", "Thing", at=START + len(made)))
    for one in made:
        entity_store.create(one)
    return made


def test_index_answers_as_comparing_every_entity_does(
    entity_store: EntityStore, things: list[Entity]
) -> None:
    queries = Queries(entity_store, BUDGET)
    sizes = set()
    for question in _questions(random.Random(11)):
        geo = parse_geo_query(*question)
        expected = [one.identity.id for one in things if geo.matches(one)]
        page = queries.run(
            EntityQuery(CITY, EVERYWHERE, EVERYTHING, geo=geo, limit=100, count=True)
        )
        assert [one.identity.id for one in page.entities] == expected, question
        assert page.total == len(expected)
        sizes.add(len(expected))
    assert len(sizes) > 4, "the questions should have answers of many sizes"


def test_distance_orders_the_nearest_first(entity_store: EntityStore, things: list[Entity]) -> None:
    geo = parse_geo_query("near;maxDistance:20000", "point", f"{LATITUDE},{LONGITUDE}")
    query = EntityQuery(
        CITY, EVERYWHERE, EVERYTHING, geo=geo, order=(Order("geo:distance"),), limit=100
    )
    found = Queries(entity_store, BUDGET).run(query).entities
    distances = [geo.distance(one) for one in found]
    assert len(found) > 5
    assert distances == sorted(distances, key=float)  # type: ignore[arg-type]


def test_moved_entity_is_found_where_it_is_now(entity_store: EntityStore) -> None:
    here = parse_geo_query("near;maxDistance:100", "point", "40.4,-3.7")
    there = parse_geo_query("near;maxDistance:100", "point", "40.5,-3.6")
    before = entity("bus", "Bus")
    before.attributes["place"] = attribute("40.4,-3.7", "geo:point")
    after = entity("bus", "Bus")
    after.attributes["place"] = attribute("40.5,-3.6", "geo:point")
    after.version = before.version + 1
    entity_store.create(before)
    entity_store.replace(before, after)
    queries = Queries(entity_store, BUDGET)
    assert queries.run(EntityQuery(CITY, EVERYWHERE, EVERYTHING, geo=here)).entities == []
    assert len(queries.run(EntityQuery(CITY, EVERYWHERE, EVERYTHING, geo=there)).entities) == 1
