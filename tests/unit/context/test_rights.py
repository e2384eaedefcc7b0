"""What grants mean for one entity: what of it is visible, and which writes are permitted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from city import clock
from city.clock import SECOND
from city.document import Entity
from city.errors import Forbidden, NotFound, Unauthenticated
from city.policy.grants import UNLIMITED, Access, Action
from city.tenancy import EVERYWHERE, ROOT, ServicePath
from context.entities import Entities, Outcome
from context.rights import Permit, readable, visible
from context.store.entities import EntityStore
from tests.accounts import grant
from tests.builders import CITY, START, FixedClock, attribute, creating, entity, identity, setting

ROOM = (CITY, "room1", "Room", ROOT)


def access(*grants: Any, subject: str = "someone") -> Access:
    return Access(subject, grants, START)


def permit(action: str, *names: str, whole: bool = False, grants: Any = ()) -> Permit:
    return Permit(access(*grants), Action(action), frozenset(names), whole)


# Reading


def test_hidden_attributes_are_left_out_with_their_metadata() -> None:
    room = entity(temperature=1, secret=2)
    room.attributes["secret"].metadata["unit"] = attribute("C")
    view = access(grant("read", attributes=["temperature"])).view(CITY)
    shown = visible(room, view)
    assert shown is not None
    assert shown.attributes == {"temperature": room.attributes["temperature"]}
    assert (shown.identity, shown.created, shown.version) == (
        room.identity,
        room.created,
        room.version,
    )


def test_an_entity_whose_attributes_are_all_visible_is_shown_as_it_is() -> None:
    room = entity(temperature=1)
    assert visible(room, access(grant("read")).view(CITY)) is room
    assert visible(room, access(grant("read", attributes=["temperature"])).view(CITY)) is room


def test_an_entity_out_of_sight_is_not_shown() -> None:
    view = access(grant("read", types=["Car"])).view(CITY)
    assert visible(entity(), view) is None


def test_who_may_read_nothing_is_refused_and_the_public_asked_for_a_credential() -> None:
    with pytest.raises(Forbidden):
        readable(access(grant("update")), CITY)
    with pytest.raises(Unauthenticated):
        readable(access(subject="public"), CITY)
    assert readable(UNLIMITED, CITY).is_everything


# Permits


@pytest.mark.parametrize(
    ("asked", "grants", "allowed"),
    [
        (permit("update", "temperature"), [grant("update", attributes=["temperature"])], True),
        (permit("update", "temperature", "b"), [grant("update", attributes=["temperature"])], False),
        (permit("update", "b"), [grant("update"), grant("update", effect="deny", attributes=["b"])],
         False),
        (permit("update"), [grant("update", attributes=["temperature"])], True),
        (permit("update", whole=True), [grant("update", attributes=["temperature"])], False),
        (permit("update", whole=True), [grant("update")], True),
        (permit("update", whole=True), [grant("update"), grant("update", effect="deny", attributes=["b"])],
         False),
        (permit("delete", whole=True), [grant("delete")], True),
        (permit("delete", whole=True), [grant("delete", attributes=["temperature"])], False),
        (permit("delete", "temperature"), [grant("delete", attributes=["temperature"])], True),
        (permit("create", "temperature"), [grant("update")], False),
    ],
)  # fmt: skip
def test_what_is_asked_for_must_be_granted(asked: Permit, grants: Any, allowed: bool) -> None:
    held = Permit(access(*grants), asked.action, asked.names, asked.whole)
    if allowed:
        held.check(identity())
    else:
        with pytest.raises(Forbidden):
            held.check(identity())


def test_the_refusal_names_the_attribute_that_was_asked_for() -> None:
    held = permit("update", "b", grants=[grant("update", attributes=["a"])])
    with pytest.raises(Forbidden, match="no grant lets you update attribute b of room1/Room"):
        held.check(identity())


# Writes


@pytest.fixture
def entities(entity_store: EntityStore) -> Entities:
    service = Entities(entity_store, FixedClock())
    service.create(
        identity(), creating(temperature=1, secret=2), permit=Permit(UNLIMITED, Action.CREATE)
    )
    return service


def stored(entities: Entities) -> dict[str, Any]:
    found = entities.get(CITY, "room1", "Room", EVERYWHERE, UNLIMITED.view(CITY))
    return {name: attribute.value for name, attribute in found.attributes.items()}


def test_a_mutation_may_not_touch_more_than_it_was_asked_to(entities: Entities) -> None:
    limited = permit("update", "temperature", grants=[grant("update", attributes=["temperature"])])
    with pytest.raises(Forbidden, match="attribute secret"):
        entities.update(*ROOM, setting(temperature=5, secret=None), permit=limited)
    with pytest.raises(Forbidden, match="attribute secret"):
        entities.update(*ROOM, setting(temperature=5, secret=9), permit=limited)
    assert stored(entities) == {"temperature": 1, "secret": 2}
    entities.update(*ROOM, setting(temperature=5), permit=limited)
    assert stored(entities) == {"temperature": 5, "secret": 2}


def test_a_limited_writer_cannot_let_an_entity_expire(entities: Entities) -> None:
    def ending(present: Entity, now: int) -> Outcome:
        changed = setting(temperature=5)(present, now).entity
        changed.expires = now + 1
        return Outcome(changed)

    limited = permit("update", "temperature", grants=[grant("update", attributes=["temperature"])])
    with pytest.raises(Forbidden, match="dateExpires"):
        entities.update(*ROOM, ending, permit=limited)


def test_letting_an_entity_end_sooner_takes_the_right_to_delete_it(entities: Entities) -> None:
    def ending(expires: int | None) -> Callable[[Entity, int], Outcome]:
        return lambda present, _now: Outcome(replace(present, expires=expires))

    now = clock.now()
    writer = permit("update", "dateExpires", grants=[grant("update")])
    whole = replace(writer, names=frozenset(), whole=True)
    for refused in (writer, whole):
        with pytest.raises(Forbidden, match="delete room1/Room"):
            entities.update(*ROOM, ending(now + 900 * SECOND), permit=refused)
    both = [grant("update"), grant("delete", id="d")]
    entities.update(
        *ROOM, ending(now + 900 * SECOND), permit=permit("update", "dateExpires", grants=both)
    )
    with pytest.raises(Forbidden, match="delete room1/Room"):
        entities.update(*ROOM, ending(now + 500 * SECOND), permit=writer)
    entities.update(*ROOM, ending(now + 990 * SECOND), permit=writer)
    entities.update(*ROOM, ending(None), permit=writer)


def test_a_refused_mutation_never_runs(entities: Entities) -> None:
    ran: list[int] = []

    def watched(present: Entity, _now: int) -> Outcome:
        ran.append(1)
        return Outcome(present)

    reader = permit("update", "temperature", grants=[grant("read"), grant("update", types=["Car"])])
    with pytest.raises(Forbidden):
        entities.update(*ROOM, watched, permit=reader)
    assert ran == []


def test_who_can_neither_read_nor_write_it_does_not_find_it(entities: Entities) -> None:
    stranger = permit("update", "temperature", grants=[grant("update", types=["Car"])])
    for type in ("Room", None):
        with pytest.raises(NotFound):
            entities.update(CITY, "room1", type, ROOT, setting(temperature=5), permit=stranger)
    remover = permit("delete", whole=True, grants=[grant("delete", types=["Car"])])
    with pytest.raises(NotFound):
        entities.delete(*ROOM, permit=remover)


def test_hidden_entities_do_not_make_an_id_ambiguous(entities: Entities) -> None:
    anything = Permit(UNLIMITED, Action.CREATE)
    entities.create(identity(type="Car"), creating(temperature=1), permit=anything)
    room_only = [grant("read", "update", types=["Room"])]
    held = permit("update", "temperature", grants=room_only)
    entities.update(CITY, "room1", None, ROOT, setting(temperature=7), permit=held)
    assert stored(entities)["temperature"] == 7
    view = access(*room_only).view(CITY)
    assert entities.get(CITY, "room1", None, EVERYWHERE, view).identity.type == "Room"


def test_an_upsert_needs_the_right_to_what_really_happens(entities: Entities) -> None:
    new = identity("room2")
    updater = permit("update", "temperature", grants=[grant("update")])
    with pytest.raises(Forbidden, match="create"):
        entities.upsert(new, creating(temperature=1), setting(temperature=1), permit=updater)
    creator = permit("update", "temperature", grants=[grant("create")])
    assert entities.upsert(new, creating(temperature=1), setting(temperature=2), permit=creator)
    with pytest.raises(Forbidden, match="update"):
        entities.upsert(new, creating(temperature=1), setting(temperature=2), permit=creator)


def test_a_grant_elsewhere_is_no_grant_here(entities: Entities) -> None:
    elsewhere = [grant("update", servicePath="/a/#"), grant("update", tenant="other")]
    with pytest.raises(NotFound):
        entities.update(
            CITY,
            "room1",
            "Room",
            ServicePath("/"),
            setting(a=1),
            permit=permit("update", "a", grants=elsewhere),
        )
