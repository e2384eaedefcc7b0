"""The entity service: one answer for every race between readers and writers of an entity."""

from typing import Any

import pytest

from city import aws
from city.document import Entity
from city.errors import AlreadyExists, Ambiguous, Contended, NotFound, PartialUpdate, Unprocessable
from city.tenancy import EVERYWHERE, ROOT, PathScope, ServicePath
from context import entities as service
from context.entities import Outcome
from context.store.entities import EntityStore
from tests.builders import (
    CITY,
    START,
    FixedClock,
    OpenEntities,
    at,
    creating,
    following,
    identity,
    setting,
)

ROOM = (CITY, "room1", "Room", ROOT)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def entities(entity_store: EntityStore, clock: FixedClock) -> OpenEntities:
    return OpenEntities(entity_store, clock)


def values(entity: Entity) -> dict[str, Any]:
    return {name: attribute.value for name, attribute in entity.attributes.items()}


def stored(entities: OpenEntities) -> dict[str, Any]:
    return values(entities.get(CITY, "room1", "Room", EVERYWHERE))


@pytest.fixture
def stale_reads(entity_store: EntityStore, monkeypatch: pytest.MonkeyPatch) -> list[list[Entity]]:
    """What the next eventually consistent reads find instead of the truth."""
    answers: list[list[Entity]] = []
    find = entity_store.find

    def find_stale(*args: Any, consistent: bool, **wanted: Any) -> list[Entity]:
        if answers and not consistent:
            return answers.pop(0)
        return find(*args, consistent=consistent, **wanted)

    monkeypatch.setattr(entity_store, "find", find_stale)
    return answers


# Reading


@pytest.mark.parametrize("scope", [EVERYWHERE, at("/")])
@pytest.mark.parametrize(("id", "type"), [("x" * 2100, None), ("room1", "x" * 1100)])
def test_what_is_too_long_for_a_key_is_not_found_and_not_looked_for(
    entities: OpenEntities, id: str, type: str | None, scope: PathScope
) -> None:
    """DynamoDB refuses even a read: 2048 bytes of partition key, 1024 of sort key."""
    asked: list[object] = []
    client = aws.client("dynamodb")
    client.meta.events.register("before-call.dynamodb", lambda **_: asked.append(1), "long-key")
    try:
        with pytest.raises(NotFound):
            entities.get(CITY, id, type, scope)
    finally:
        client.meta.events.unregister("before-call.dynamodb", unique_id="long-key")
    assert asked == []


def test_getting_an_unknown_entity_says_so(entities: OpenEntities) -> None:
    with pytest.raises(NotFound, match="The requested entity has not been found"):
        entities.get(CITY, "room1", None, EVERYWHERE)


def test_getting_an_id_of_two_types_is_ambiguous_until_the_type_is_given(
    entities: OpenEntities,
) -> None:
    entities.create(identity(type="Room"), creating())
    entities.create(identity(type="Suite"), creating())
    with pytest.raises(Ambiguous, match="More than one matching entity"):
        entities.get(CITY, "room1", None, EVERYWHERE)
    assert entities.get(CITY, "room1", "Suite", EVERYWHERE).identity.type == "Suite"


def test_an_id_at_two_paths_is_ambiguous_only_in_a_scope_of_both(entities: OpenEntities) -> None:
    for path in ("/a/", "/a/b/"):
        entities.create(identity(path=path), creating())
    assert entities.get(CITY, "room1", "Room", at("/a/")).identity.path == "/a/"
    with pytest.raises(Ambiguous):
        entities.get(CITY, "room1", "Room", at("/a/", subtree=True))


# Creating


def test_a_second_create_is_refused_and_changes_nothing(entities: OpenEntities) -> None:
    entities.create(identity(), creating(temperature=1))
    with pytest.raises(AlreadyExists, match="Already Exists"):
        entities.create(identity(), creating(temperature=2))
    assert stored(entities) == {"temperature": 1}


def test_an_entity_can_be_created_as_of_a_given_time(entities: OpenEntities) -> None:
    created = entities.create(identity(), creating(), at=START - 5)
    assert created.created == START - 5


def test_versions_never_repeat_when_an_entity_is_deleted_and_created_again(
    entities: OpenEntities, clock: FixedClock
) -> None:
    entities.create(identity(), creating())
    updated = entities.update(*ROOM, setting(temperature=1))
    entities.delete(*ROOM)
    clock.now += 1000
    assert entities.create(identity(), creating()).version > updated.version


# Updating


def test_an_update_is_written_with_the_next_version(entities: OpenEntities) -> None:
    created = entities.create(identity(), creating(temperature=1))
    updated = entities.update(*ROOM, setting(temperature=2))
    assert entities.get(*ROOM[:3], EVERYWHERE) == updated
    assert updated.version == created.version + 1


def test_an_update_without_type_finds_the_only_entity_at_the_path(entities: OpenEntities) -> None:
    entities.create(identity(path="/a/"), creating(temperature=1))
    entities.update(CITY, "room1", None, ServicePath("/a/"), setting(temperature=2))
    with pytest.raises(NotFound):
        entities.update(CITY, "room1", None, ROOT, setting(temperature=3))
    assert stored(entities) == {"temperature": 2}


def test_an_update_without_type_of_two_types_is_ambiguous(entities: OpenEntities) -> None:
    entities.create(identity(type="Room"), creating())
    entities.create(identity(type="Suite"), creating())
    with pytest.raises(Ambiguous):
        entities.update(CITY, "room1", None, ROOT, setting(temperature=3))


def test_a_refusal_is_raised_after_the_rest_is_written(entities: OpenEntities) -> None:
    entities.create(identity(), creating(temperature=1))

    def partly(present: Entity, _now: int) -> Outcome:
        return Outcome(following(present, temperature=2), PartialUpdate("humidity"))

    with pytest.raises(PartialUpdate):
        entities.update(*ROOM, partly)
    assert stored(entities) == {"temperature": 2}


def test_a_mutation_that_raises_writes_nothing(entities: OpenEntities) -> None:
    created = entities.create(identity(), creating(temperature=1))

    def refuse(_present: Entity, _now: int) -> Outcome:
        raise Unprocessable("no")

    with pytest.raises(Unprocessable):
        entities.update(*ROOM, refuse)
    assert entities.get(*ROOM[:3], EVERYWHERE) == created


def test_a_mutation_that_returns_the_entity_it_got_writes_nothing(entities: OpenEntities) -> None:
    created = entities.create(identity(), creating(temperature=1))
    assert entities.update(*ROOM, lambda present, _now: Outcome(present)) == created


def test_modification_times_never_go_back(entities: OpenEntities, clock: FixedClock) -> None:
    entities.create(identity(), creating(temperature=1))
    clock.now -= 1000
    seen = []

    def note(present: Entity, now: int) -> Outcome:
        seen.append(now)
        return Outcome(present)

    entities.update(*ROOM, note)
    assert min(seen) >= START


def test_an_update_on_an_old_read_is_done_again_on_the_present_version(
    entities: OpenEntities, stale_reads: list[list[Entity]]
) -> None:
    old = entities.create(identity(), creating(temperature=1))
    entities.update(*ROOM, setting(humidity=5))
    stale_reads.append([old])
    entities.update(*ROOM, setting(temperature=2))
    assert stored(entities) == {"temperature": 2, "humidity": 5}


def test_not_found_on_an_eventual_read_is_confirmed(
    entities: OpenEntities, stale_reads: list[list[Entity]]
) -> None:
    entities.create(identity(), creating(temperature=1))
    stale_reads.append([])
    entities.update(*ROOM, setting(temperature=2))
    stale_reads.append([])
    entities.delete(*ROOM)
    with pytest.raises(NotFound):
        entities.get(*ROOM[:3], EVERYWHERE)


def test_a_refusal_on_an_eventual_read_is_confirmed(
    entities: OpenEntities, stale_reads: list[list[Entity]]
) -> None:
    old = entities.create(identity(), creating())
    entities.update(*ROOM, setting(humidity=5))
    stale_reads.append([old])

    def double(present: Entity, _now: int) -> Outcome:
        if "humidity" not in present.attributes:
            raise NotFound("humidity")
        return Outcome(following(present, humidity=10))

    entities.update(*ROOM, double)
    assert stored(entities) == {"humidity": 10}


def test_nothing_to_do_on_an_eventual_read_is_confirmed(
    entities: OpenEntities, stale_reads: list[list[Entity]]
) -> None:
    old = entities.create(identity(), creating())
    entities.update(*ROOM, setting(humidity=5))
    stale_reads.append([old])

    def drop(present: Entity, _now: int) -> Outcome:
        if "humidity" not in present.attributes:
            return Outcome(present)
        return Outcome(following(present, humidity=None))

    entities.update(*ROOM, drop)
    assert stored(entities) == {}


def test_an_update_of_what_was_just_deleted_is_not_found(
    entities: OpenEntities, stale_reads: list[list[Entity]]
) -> None:
    old = entities.create(identity(), creating())
    entities.delete(*ROOM)
    for mutation in (setting(humidity=5), lambda present, _now: Outcome(present)):
        stale_reads.append([old])
        with pytest.raises(NotFound):
            entities.update(*ROOM, mutation)


def test_an_update_that_always_loses_is_contended(
    entities: OpenEntities, entity_store: EntityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_TRIES", 3)
    entities.create(identity(), creating())

    def loser(present: Entity, _now: int) -> Outcome:
        entity_store.replace(present, following(present, other=1))
        return Outcome(following(present, temperature=1))

    with pytest.raises(Contended):
        entities.update(*ROOM, loser)


# Upserting


def test_an_upsert_creates_and_then_updates(entities: OpenEntities) -> None:
    assert entities.upsert(identity(), creating(temperature=1), setting(temperature=2))
    assert not entities.upsert(identity(), creating(temperature=1), setting(temperature=2))
    assert stored(entities) == {"temperature": 2}


def test_an_upsert_of_a_new_type_creates_a_second_entity(entities: OpenEntities) -> None:
    entities.create(identity(type="Suite"), creating())
    assert entities.upsert(identity(), creating(), setting())


def test_an_upsert_of_any_type_updates_the_only_entity(entities: OpenEntities) -> None:
    entities.create(identity(type="Suite"), creating(temperature=1))
    thing = identity(type="Thing")
    assert not entities.upsert(thing, creating(), setting(temperature=2), any_type=True)
    assert values(entities.get(CITY, "room1", None, EVERYWHERE)) == {"temperature": 2}


def test_an_upsert_of_any_type_creates_when_there_is_none(entities: OpenEntities) -> None:
    thing = identity(type="Thing")
    assert entities.upsert(thing, creating(), setting(), any_type=True)
    assert entities.get(CITY, "room1", None, EVERYWHERE).identity.type == "Thing"


def test_an_upsert_of_any_type_with_two_types_is_ambiguous(entities: OpenEntities) -> None:
    for type in ("Room", "Suite"):
        entities.create(identity(type=type), creating())
    with pytest.raises(Ambiguous):
        entities.upsert(identity(), creating(), setting(), any_type=True)


def test_an_upsert_on_an_old_read_updates_what_exists(
    entities: OpenEntities, stale_reads: list[list[Entity]]
) -> None:
    entities.create(identity(), creating(humidity=1))
    stale_reads.append([])
    assert not entities.upsert(identity(), creating(temperature=1), setting(temperature=2))
    assert stored(entities) == {"temperature": 2, "humidity": 1}


def test_an_upsert_of_what_was_just_deleted_creates(
    entities: OpenEntities, stale_reads: list[list[Entity]], clock: FixedClock
) -> None:
    old = entities.create(identity(), creating(humidity=1))
    entities.delete(*ROOM)
    clock.now += 1000
    stale_reads.append([old])
    assert entities.upsert(identity(), creating(temperature=1), setting(temperature=2))
    assert stored(entities) == {"temperature": 1}


# Deleting


def test_a_deleted_entity_is_gone(entities: OpenEntities) -> None:
    entities.create(identity(), creating())
    entities.delete(*ROOM)
    with pytest.raises(NotFound):
        entities.delete(*ROOM)


def test_a_delete_on_an_old_read_deletes_the_present_version(
    entities: OpenEntities, stale_reads: list[list[Entity]]
) -> None:
    old = entities.create(identity(), creating())
    entities.update(*ROOM, setting(humidity=5))
    stale_reads.append([old])
    entities.delete(*ROOM)
    with pytest.raises(NotFound):
        entities.get(*ROOM[:3], EVERYWHERE)
