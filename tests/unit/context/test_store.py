"""The entity store: what each write leaves in the table, and what the reads then say."""

from typing import TYPE_CHECKING, Any

import pytest

from city import dynamodb as wire
from city.clock import SECOND
from city.document import Entity, Write
from city.errors import TooLarge
from city.tenancy import EVERYWHERE, ServicePath, Tenant
from context.store.entities import EntityStore, Exists, Stale
from tests.builders import CITY, START, FixedClock, at, attribute, entity, following, located

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MINUTE = 60 * SECOND


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def store(dynamodb: "DynamoDBClient", context_table: str, clock: FixedClock) -> EntityStore:
    return EntityStore(dynamodb, context_table, clock)


@pytest.fixture
def rows(dynamodb: "DynamoDBClient", context_table: str) -> Any:
    """All items of the table, by kind."""

    def read() -> dict[str, list[dict[str, Any]]]:
        kinds: dict[str, list[dict[str, Any]]] = {}
        for item in dynamodb.scan(TableName=context_table)["Items"]:
            kinds.setdefault(item["k"]["S"], []).append(item)
        return kinds

    return read


def find(store: EntityStore, id: str = "room1", type: str | None = None) -> list[Entity]:
    return store.find(CITY, id, type=type, scope=EVERYWHERE, consistent=True)


def listed(store: EntityStore, *types: str, **scope: Any) -> list[str]:
    listing = store.listing(CITY, types=types or None, scope=at(**scope) if scope else EVERYWHERE)
    return [row.id for row in listing]


def fold(store: EntityStore, rows: Any) -> None:
    store.fold(rows().get("T", []))


# Reading and writing one entity


def test_a_created_entity_is_found_as_it_was_written(store: EntityStore) -> None:
    room = entity(temperature=21.5, name="Küche", big=12345678901234567890)
    room.write = Write(("temperature",), forced=True, correlator="abc")
    store.create(room)
    assert find(store) == [room]
    room.write = Write(("temperature", "name"), undated=("name",))
    room.identity = room.identity._replace(id="room2")
    store.create(room)
    assert find(store, "room2") == [room]


def test_an_entity_is_found_by_full_identity(store: EntityStore) -> None:
    store.create(entity(path="/a/"))

    def found(path: str) -> list[Entity]:
        return store.find(CITY, "room1", type="Room", scope=at(path), consistent=False)

    assert found("/a/")
    assert not found("/")


def test_one_id_has_an_entity_for_each_type_and_path(store: EntityStore) -> None:
    store.create(entity(type="Room"))
    store.create(entity(type="Room1"))
    store.create(entity(type="Room", path="/a/"))
    assert len(find(store)) == 3
    assert [e.identity.path for e in find(store, type="Room")] == ["/", "/a/"]
    assert len(store.find(CITY, "room1", type=None, scope=at("/a/"), consistent=True)) == 1


def test_tenants_never_meet(store: EntityStore) -> None:
    store.create(entity())
    for tenant in (Tenant(""), Tenant("cit"), Tenant("city2")):
        assert not store.find(tenant, "room1", type=None, scope=EVERYWHERE, consistent=True)
        assert not list(store.listing(tenant, types=["Room"], scope=EVERYWHERE))
        assert not store.types(tenant, EVERYWHERE)


def test_creating_what_exists_returns_the_present_version(store: EntityStore) -> None:
    first = entity(temperature=1)
    store.create(first)
    with pytest.raises(Exists) as caught:
        store.create(entity(at=START + 1, temperature=2))
    assert caught.value.current == first
    assert find(store) == [first]
    assert store.types(CITY, EVERYWHERE)["Room"].count == 1


def test_replacing_writes_the_entity_row_only(store: EntityStore, rows: Any) -> None:
    first = entity(temperature=1)
    store.create(first)
    before = rows()
    second = following(first, temperature=2)
    store.replace(first, second)
    after = rows()
    assert find(store) == [second]
    assert {k: v for k, v in after.items() if k != "E"} == {
        k: v for k, v in before.items() if k != "E"
    }


def test_replacing_an_old_version_is_refused_with_the_present_one(store: EntityStore) -> None:
    first = entity(temperature=1)
    store.create(first)
    second = following(first, temperature=2)
    store.replace(first, second)
    for stale in (following(first, temperature=3), following(first, humidity=3)):
        with pytest.raises(Stale) as caught:
            store.replace(first, stale)
        assert caught.value.current == second
    assert find(store) == [second]


def test_replacing_what_is_gone_is_refused(store: EntityStore) -> None:
    with pytest.raises(Stale) as caught:
        store.replace(entity(), following(entity(), temperature=3))
    assert caught.value.current is None


def test_a_write_whose_answer_was_lost_does_not_meet_itself(
    store: EntityStore, dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    first = entity(temperature=1)
    store.create(first)
    once = dynamodb.put_item

    def twice(**request: Any) -> Any:
        once(**request)
        return once(**request)

    monkeypatch.setattr(dynamodb, "put_item", twice)
    second = following(first, temperature=2)
    store.replace(first, second)
    assert find(store) == [second]


def test_deleting_leaves_nothing_but_a_delta(store: EntityStore, rows: Any) -> None:
    room = located(entity(temperature=1, expires=START + MINUTE), -3.8, 43.46)
    store.create(room)
    fold(store, rows)
    store.delete(room)
    assert rows().keys() == {"T", "C"}
    fold(store, rows)
    assert not rows()


def test_deleting_an_old_version_is_refused(store: EntityStore) -> None:
    first = entity(temperature=1)
    store.create(first)
    second = following(first, temperature=2)
    store.replace(first, second)
    with pytest.raises(Stale) as caught:
        store.delete(first)
    assert caught.value.current == second
    assert listed(store) == ["room1"]


def test_deleting_what_is_gone_is_refused(store: EntityStore) -> None:
    with pytest.raises(Stale) as caught:
        store.delete(entity())
    assert caught.value.current is None


def test_loading_keeps_the_order_and_skips_what_is_missing(store: EntityStore) -> None:
    rooms = [entity(f"room{n}", at=START + n) for n in range(230)]
    for room in rooms:
        store.create(room)
    wanted = [room.identity for room in reversed(rooms)]
    loaded = store.load([*wanted, entity("none").identity])
    assert [room.identity for room in loaded] == wanted


def test_throttled_keys_of_a_batch_are_read_again(
    store: EntityStore, dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = [entity(f"room{n}") for n in range(5)]
    for room in rooms:
        store.create(room)
    whole = dynamodb.batch_get_item

    def one_at_a_time(RequestItems: Any) -> Any:  # noqa: N803 - the client's name
        ((table, request),) = RequestItems.items()
        keys = request["Keys"]
        first: Any = {table: {**request, "Keys": keys[:1]}}
        answer: Any = whole(RequestItems=first)
        if keys[1:]:
            answer["UnprocessedKeys"] = {table: {"Keys": keys[1:]}}
        return answer

    monkeypatch.setattr(dynamodb, "batch_get_item", one_at_a_time)
    assert store.load([room.identity for room in rooms]) == rooms


# Large entities


def incompressible(size: int) -> str:
    import random  # noqa: PLC0415

    return random.Random(1).randbytes(size // 2).hex()


def test_an_entity_of_a_megabyte_is_kept_in_parts(store: EntityStore, rows: Any) -> None:
    large = entity(text=incompressible(1_000_000))
    store.create(large)
    assert len(rows()["X"]) == 2
    (found,) = find(store)
    assert found.attributes == large.attributes
    assert store.load([large.identity]) == [found]


def test_a_write_that_touches_thousands_of_attributes_fits_the_row(
    store: EntityStore, rows: Any
) -> None:
    first = entity()
    store.create(first)
    names = [f"{'temperature' * 20}{number}" for number in range(2000)]
    second = following(first, **dict.fromkeys(names, 1))
    second.write = Write(tuple(names), correlator="abc")
    store.replace(first, second)
    assert find(store) == [second]
    image = rows()["E"][0]
    assert len(image["w"]["B"]) < 50_000
    assert store.entity_from_image(image).write == second.write


def test_a_write_whose_names_fit_no_row_is_refused(store: EntityStore) -> None:
    first = entity()
    store.create(first)
    second = following(first)
    text = incompressible(400_000)
    second.write = Write(tuple(text[start : start + 200] for start in range(0, len(text), 200)))
    with pytest.raises(TooLarge, match="attributes"):
        store.replace(first, second)
    assert find(store) == [first]


def test_superseded_parts_stay_for_the_stream_and_then_expire(
    store: EntityStore, rows: Any
) -> None:
    first = entity(text=incompressible(1_000_000))
    store.create(first)
    image = rows()["E"][0]
    (present,) = find(store)
    store.replace(present, following(present, text="short"))
    assert find(store)[0].attributes["text"].value == "short"
    assert store.entity_from_image(image).attributes == first.attributes
    assert {part["exp"]["N"] for part in rows()["X"]} == {str(START // SECOND + 2 * 86_400)}


def test_the_stream_image_of_an_entity_can_be_read(store: EntityStore, rows: Any) -> None:
    import base64  # noqa: PLC0415

    room = entity(text="x" * 5000, expires=START + MINUTE)
    store.create(room)
    (image,) = rows()["E"]
    image["d"] = {"B": base64.b64encode(image["d"]["B"]).decode()}
    assert store.entity_from_image(image) == room


def test_a_short_document_is_stored_as_text_and_a_longer_one_compressed(
    store: EntityStore, rows: Any
) -> None:
    store.create(entity("short", text="x"))
    store.create(entity("long", text="x" * 5000))
    stored = {item["pk"]["S"][-4:]: item["d"] for item in rows()["E"]}
    assert "S" in stored["hort"]
    assert len(stored["long"]["B"]) < 200


def test_a_document_that_unpacks_too_large_is_refused(store: EntityStore, rows: Any) -> None:
    """Zeros compress a thousandfold, so updates could grow an entity past every reader's memory."""
    first = entity(a=["x" * 900_000] * 2)
    store.create(first)
    with pytest.raises(TooLarge):
        store.replace(first, following(first, a=["x" * 900_000] * 5))
    assert [row["v"] for row in rows()["E"]] == [{"N": str(first.version)}]


# Listings


def test_listings_are_in_creation_order_and_read_your_writes(store: EntityStore) -> None:
    store.create(entity("b", "Room", at=START + 2))
    store.create(entity("a", "Car", at=START + 1))
    store.create(entity("c", "Room", "/x/", at=START))
    assert listed(store) == ["c", "a", "b"]
    assert listed(store, "Room") == ["c", "b"]
    assert listed(store, "Room", "Car", "None") == ["c", "a", "b"]


def test_one_creation_time_falls_back_to_path_type_and_id(store: EntityStore) -> None:
    for id, type, path in (("b", "A", "/"), ("a", "B", "/"), ("c", "A", "/x/"), ("a", "A", "/")):
        store.create(entity(id, type, path))
    assert listed(store) == ["a", "b", "a", "c"]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"path": "/a/"}, ["a"]),
        ({"path": "/a/", "subtree": True}, ["a", "ab"]),
        ({"path": "/", "subtree": True}, ["root", "a", "a2", "ab"]),
        ({"path": "/none/", "subtree": True}, []),
    ],
)
@pytest.mark.parametrize("types", [(), ("Room",)])
def test_a_path_scope_never_reaches_a_sibling(
    store: EntityStore, scope: Any, expected: list[str], types: tuple[str, ...]
) -> None:
    paths = {"root": "/", "a": "/a/", "a2": "/a2/", "ab": "/a/b/"}
    for n, (id, path) in enumerate(paths.items()):
        store.create(entity(id, path=path, at=START + n))
    assert listed(store, *types, **scope) == expected
    place = at(**scope)
    assert store.count(CITY, types=types or None, scope=place) == len(expected)


def test_counting_sees_all_pages(store: EntityStore) -> None:
    for n in range(30):
        store.create(entity(f"r{n}", "Room" if n % 2 else "Car", at=START + n))
    assert store.count(CITY, types=None, scope=EVERYWHERE) == 30
    assert store.count(CITY, types=["Room"], scope=EVERYWHERE) == 15
    assert len(list(store.listing(CITY, types=["Room"], scope=EVERYWHERE, first_size=2))) == 15


def test_a_located_entity_is_found_through_its_cells(store: EntityStore, rows: Any) -> None:
    from city import geography  # noqa: PLC0415
    from context import cells  # noqa: PLC0415

    def near(longitude: float, latitude: float) -> list[str]:
        ranges = cells.ranges_around((longitude, latitude), 500)
        assert ranges
        found = store.in_cells(CITY, types=None, scope=EVERYWHERE, ranges=ranges)
        return sorted({row.id for row in found})

    first = located(entity("bus", "Bus"), -3.8, 43.46)
    store.create(first)
    assert near(-3.8, 43.46) == ["bus"]
    assert near(2.0, 41.0) == []
    moved = following(first)
    moved.attributes = dict(first.attributes)
    located(moved, 2.0, 41.0)
    store.replace(first, moved)
    assert near(-3.8, 43.46) == []
    assert near(2.0, 41.0) == ["bus"]
    assert len(rows()["G"]) == len(cells.cells_of(geography.point(2.0, 41.0)))
    store.replace(moved, following(moved, location=None))
    assert "G" not in rows()


def test_an_update_beside_the_location_computes_no_cells(
    store: EntityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from context import cells  # noqa: PLC0415

    first = located(entity("bus", "Bus", speed=1), -3.8, 43.46)
    store.create(first)
    monkeypatch.delattr(cells, "cells_of")
    store.replace(first, following(first, speed=2))


# Transient entities


@pytest.fixture
def transient(store: EntityStore) -> Entity:
    """An entity that expires in a minute."""
    made = located(entity(expires=START + MINUTE, temperature=1), -3.8, 43.46)
    store.create(made)
    return made


def test_an_expired_entity_exists_for_nobody(
    store: EntityStore, transient: Entity, clock: FixedClock
) -> None:
    assert listed(store) == ["room1"]
    clock.now = START + MINUTE
    assert not find(store)
    assert not store.load([transient.identity])
    assert listed(store, "Room") == []
    assert store.count(CITY, types=["Room"], scope=EVERYWHERE) == 0
    assert store.types(CITY, EVERYWHERE) == {}
    with pytest.raises(Stale) as caught:
        store.replace(following(transient), following(transient))
    assert caught.value.current is None


def test_every_row_of_a_transient_entity_expires(
    store: EntityStore, transient: Entity, rows: Any
) -> None:
    end = str((START + MINUTE) // SECOND + 1)
    found = rows()
    for kind in "ELPG":
        assert {item["exp"]["N"] for item in found[kind]} == {end}


def test_an_expired_entity_makes_way_for_a_new_one(
    store: EntityStore, transient: Entity, clock: FixedClock, rows: Any
) -> None:
    clock.now = START + 2 * MINUTE
    again = entity(at=clock.now, humidity=1)
    store.create(again)
    assert find(store) == [again]
    assert listed(store) == ["room1"]
    statistics = store.types(CITY, EVERYWHERE)["Room"]
    assert (statistics.count, statistics.attributes) == (1, {"humidity": {"Number"}})
    assert {kind: len(items) for kind, items in rows().items()} == {"E": 1, "L": 1, "P": 1, "T": 2}


def test_an_expired_entity_removed_meanwhile_makes_way_too(
    store: EntityStore,
    transient: Entity,
    clock: FixedClock,
    remove_by_ttl: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock.now = START + 2 * MINUTE
    expired = store._expired

    def remove_then(found: Any) -> Entity | None:
        remove_by_ttl()
        return expired(found)

    monkeypatch.setattr(store, "_expired", remove_then)
    store.create(entity(at=clock.now, humidity=1))
    assert listed(store) == ["room1"]
    assert store.types(CITY, EVERYWHERE)["Room"].count == 1


@pytest.mark.parametrize("expires", [START + 2 * MINUTE, None])
def test_an_expiry_can_move_and_go(
    store: EntityStore, transient: Entity, rows: Any, clock: FixedClock, expires: int | None
) -> None:
    later = following(transient)
    later.expires = expires
    store.replace(transient, later)
    clock.now = START + MINUTE
    assert find(store) == [later]
    assert listed(store) == ["room1"]
    assert store.types(CITY, EVERYWHERE)["Room"].count == 1
    for kind in "ELPG":
        assert all(("exp" in item) == (expires is not None) for item in rows()[kind])


def test_an_expiry_can_be_given_later(store: EntityStore, rows: Any, clock: FixedClock) -> None:
    first = located(entity(temperature=1), -3.8, 43.46)
    store.create(first)
    ending = following(first)
    ending.expires = START + MINUTE
    store.replace(first, ending)
    assert all("exp" in item for kind in "ELPG" for item in rows()[kind])
    clock.now = START + MINUTE
    assert listed(store) == []
    assert store.types(CITY, EVERYWHERE) == {}


@pytest.fixture
def remove_by_ttl(dynamodb: "DynamoDBClient", context_table: str) -> Any:
    """Removes every row with an expiry, as DynamoDB would; the old images of the entities."""

    def remove() -> list[dict[str, Any]]:
        images = []
        for item in dynamodb.scan(TableName=context_table)["Items"]:
            if "exp" in item:
                key = {name: item[name] for name in ("pk", "sk")}
                dynamodb.delete_item(TableName=context_table, Key=key)
                images += [item] if item["k"]["S"] == "E" else []
        return images

    return remove


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.usefixtures("transient")
def test_entities_removed_by_ttl_are_counted_once(
    store: EntityStore, rows: Any, clock: FixedClock, remove_by_ttl: Any, folded: bool
) -> None:
    if folded:
        fold(store, rows)
    store.create(entity("other"))
    clock.now = START + MINUTE
    images = remove_by_ttl()
    assert store.types(CITY, EVERYWHERE)["Room"].count == 1
    for _ in range(2):
        store.expire(images)
        assert store.types(CITY, EVERYWHERE)["Room"].count == 1
    fold(store, rows)
    assert store.types(CITY, EVERYWHERE)["Room"].count == 1
    assert rows().keys() == {"E", "L", "P", "C"}


# Type statistics


def statistics(store: EntityStore, **scope: Any) -> dict[str, tuple[int, dict[str, set[str]]]]:
    place = at(**scope) if scope else EVERYWHERE
    return {type: (s.count, s.attributes) for type, s in store.types(CITY, place).items()}


@pytest.fixture(params=["pending", "folded after each write", "folded twice"])
def settle(request: pytest.FixtureRequest, store: EntityStore, rows: Any) -> Any:
    """Called after each write: folds never, once, or again as a repeated batch would."""

    def fold_now() -> None:
        deltas = rows().get("T", [])
        if request.param != "pending":
            store.fold(deltas)
        if request.param == "folded twice":
            store.fold(deltas)

    return fold_now


def test_statistics_follow_every_write(store: EntityStore, settle: Any) -> None:
    first = entity("r1", temperature=1)
    store.create(first)
    settle()
    store.create(entity("r2", path="/a/", temperature="warm"))
    settle()
    assert statistics(store) == {"Room": (2, {"temperature": {"Number", "Text"}})}
    assert statistics(store, path="/a/") == {"Room": (1, {"temperature": {"Text"}})}
    second = following(first, temperature=None, humidity=2)
    store.replace(first, second)
    settle()
    assert statistics(store, path="/") == {"Room": (1, {"humidity": {"Number"}})}
    store.delete(second)
    settle()
    assert statistics(store) == {"Room": (1, {"temperature": {"Text"}})}
    assert statistics(store, path="/") == {}


def test_statistics_are_in_the_order_of_types(store: EntityStore) -> None:
    for type in ("b", "~", "A", "!"):
        store.create(entity(type=type))
    assert list(statistics(store)) == ["!", "A", "b", "~"]


def test_a_reader_that_meets_a_fold_does_not_count_twice(
    store: EntityStore, rows: Any, dynamodb: "DynamoDBClient", context_table: str
) -> None:
    store.create(entity())
    (delta,) = rows()["T"]
    store.fold([delta])
    dynamodb.put_item(TableName=context_table, Item=delta)
    assert statistics(store)["Room"][0] == 1


def test_many_deltas_fold_in_several_transactions(store: EntityStore, rows: Any) -> None:
    for n in range(200):
        store.create(entity(f"r{n}", "Room" if n % 10 else "Car", temperature=1))
    fold(store, rows)
    found = rows()
    assert "T" not in found
    assert len(found["C"]) == 2
    assert statistics(store)["Room"] == (180, {"temperature": {"Number"}})


def test_two_folds_of_one_counter_both_count(
    store: EntityStore, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create(entity("r1"))
    store.create(entity("r2"))
    one, other = rows()["T"]
    real = wire.transact
    raced: list[int] = []

    def race(client: Any, statements: Any) -> None:
        if not raced:
            raced.append(1)
            store.fold([other])
        real(client, statements)

    monkeypatch.setattr("context.store.types.transact", race)
    store.fold([one])
    assert statistics(store)["Room"][0] == 2
    assert "T" not in rows()


def test_a_type_of_thousands_of_attribute_names_keeps_its_count(
    store: EntityStore, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("context.store.types.MAX_INLINE", 5000)
    for n in range(6):
        names: dict[str, Any] = {f"attribute{n}x{m}x{hash((n, m))}": m for m in range(100)}
        store.create(entity(f"r{n}", **names, common=1))
        fold(store, rows)
    count, attributes = statistics(store)["Room"]
    assert count == 6
    assert "common" in attributes


def test_a_located_attribute_type_is_reported(store: EntityStore) -> None:
    made = entity()
    made.attributes["where"] = attribute(None, "geo:json")
    store.create(made)
    assert statistics(store) == {"Room": (1, {"where": {"geo:json"}})}


def test_the_type_and_path_of_an_entity_are_known_while_its_delta_is_pending(
    store: EntityStore,
) -> None:
    store.create(entity(path="/a/b/"))
    assert listed(store, path="/a/", subtree=True) == ["room1"]
    assert store.known_types(CITY, at("/a/", subtree=True)) == ["Room"]
    assert store.known_types(CITY, at("/b/", subtree=True)) == []
    assert ServicePath("/a/b/") == find(store)[0].identity.path
