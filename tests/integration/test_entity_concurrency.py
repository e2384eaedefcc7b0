"""Many writers at once: nothing is lost, nothing is made twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from city import clock as time
from city.document import Entity
from city.errors import AlreadyExists
from city.tenancy import EVERYWHERE, ROOT
from context.entities import Outcome
from context.queries import EntityQuery, Queries, Selector
from context.store.entities import EntityStore
from tests.builders import (
    CITY,
    EVERYTHING,
    OpenEntities,
    attribute,
    creating,
    following,
    identity,
    setting,
)

ROOM = (CITY, "room1", "Room", ROOT)


@pytest.fixture
def entities(entity_store: EntityStore) -> OpenEntities:
    return OpenEntities(entity_store, time.now)


def stored(entities: OpenEntities) -> dict[str, Any]:
    room = entities.get(*ROOM[:3], EVERYWHERE)
    return {name: attribute.value for name, attribute in room.attributes.items()}


def test_eight_writers_of_one_entity_lose_nothing(entities: OpenEntities) -> None:
    rounds = 63
    created = entities.create(identity(), creating(**{f"a{n}": 0 for n in range(8)}))

    def count_up(name: str) -> None:
        for value in range(rounds):

            def mutation(present: Entity, _now: int, value: int = value) -> Outcome:
                assert present.attributes[name].value == value, "another writer undid this one"
                changed = following(present)
                changed.attributes[name] = attribute(value + 1)
                return Outcome(changed)

            entities.update(*ROOM, mutation)

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(count_up, [f"a{n}" for n in range(8)]))
    final = entities.get(*ROOM[:3], EVERYWHERE)
    assert stored(entities) == {f"a{n}": rounds for n in range(8)}
    assert final.version == created.version + 8 * rounds


def test_of_concurrent_creates_of_one_id_exactly_one_succeeds(
    entities: OpenEntities, entity_store: EntityStore
) -> None:
    def create(n: int) -> bool:
        try:
            entities.create(identity(), creating(winner=n))
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(8) as creators:
        assert sum(creators.map(create, range(24))) == 1
    rows = list(entity_store.listing(CITY, types=["Room"], scope=EVERYWHERE))
    assert len(rows) == 1
    assert entity_store.types(CITY, EVERYWHERE)["Room"].count == 1


def test_concurrent_upserts_of_one_id_all_succeed(entities: OpenEntities) -> None:

    def upsert(n: int) -> bool:
        return entities.upsert(identity(), creating(**{f"a{n}": n}), setting(**{f"a{n}": n}))

    with ThreadPoolExecutor(8) as writers:
        assert sum(writers.map(upsert, range(24))) == 1
    assert stored(entities) == {f"a{n}": n for n in range(24)}


def test_paging_never_repeats_or_skips_what_was_there_while_others_create(
    entities: OpenEntities, entity_store: EntityStore
) -> None:
    queries = Queries(entity_store, budget=10_000)
    for n in range(100):
        entities.create(identity(f"old{n}"), creating())

    def pages() -> Iterator[list[str]]:
        for offset in range(0, 100, 10):
            query = EntityQuery(
                CITY, EVERYWHERE, EVERYTHING, (Selector(type="Room"),), limit=10, offset=offset
            )
            yield [entity.identity.id for entity in queries.run(query).entities]

    with ThreadPoolExecutor(8) as creators:
        made = [
            creators.submit(entities.create, identity(f"new{n}"), creating()) for n in range(60)
        ]
        seen = [id for page in pages() for id in page]
        for future in made:
            future.result()
    assert seen == [f"old{n}" for n in range(100)]
