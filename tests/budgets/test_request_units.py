"""What each operation costs: calls to DynamoDB and request units, at a hundred to ten thousand
entities. The figures are those of the design and of the tables in `context.store`.
"""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from city import clock
from city.clock import SECOND
from city.document import Entity
from city.entity_rows import rows_of
from city.tenancy import EVERYWHERE, ROOT
from context.entities import Outcome
from context.ngsi_v2.geo import parse_geo_query
from context.ngsi_v2.query_language import parse_q
from context.queries import EntityQuery, Order, Queries, Selector
from context.store.entities import EntityStore
from tests.budgets.meter import Meter, metered
from tests.budgets.test_processor_time import kilobyte
from tests.builders import (
    CITY,
    EVERYTHING,
    OpenEntities,
    at,
    creating,
    following,
    identity,
    located,
    setting,
)
from tests.conftest import create_context_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.dynamodb_local

ROOM = (CITY, "room5", "Room", ROOT)
ROOMS = Selector(type="Room")


@pytest.fixture(scope="module")
def store(dynamodb_local: "DynamoDBClient") -> EntityStore:
    return EntityStore(dynamodb_local, create_context_table(dynamodb_local))


@pytest.fixture(scope="module", params=[100, 1_000, 10_000])
def crowded(store: EntityStore, request: pytest.FixtureRequest) -> int:
    """The table holds this many rooms of about 1 KB, and as many cars, half at another path."""
    number: int = request.param
    present = store.count(CITY, types=["Room"], scope=EVERYWHERE)
    now = clock.now()
    entities = [
        made
        for n in range(present, number)
        for made in (
            kilobyte(identity(f"room{n}"), now + n),
            creating(speed=n)(identity(f"car{n}", "Car", "/a/" if n % 2 else "/"), now + n),
        )
    ]
    for entity in entities:
        entity.version = entity.created
    chunks = [entities[start : start + 5] for start in range(0, len(entities), 5)]
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda chunk: write_plainly(store, chunk, deltas=not present), chunks))
    fold_all(store)
    return number


def write_plainly(store: EntityStore, entities: list[Entity], *, deltas: bool) -> None:
    """Write the rows of new entities without transactions, which would take minutes."""
    items = [
        statement["Put"]["Item"]
        for entity in entities
        for statement in store._creating(entity, rows_of(entity), None)
    ]
    wanted = [item for item in items if deltas or item["k"]["S"] != "T"]
    requests: Any = [{"PutRequest": {"Item": item}} for item in wanted]
    answer = store._client.batch_write_item(RequestItems={store._table: requests})
    assert not answer["UnprocessedItems"]


def fold_all(store: EntityStore) -> None:
    """Do what the stream function does."""
    client, table = store._client, store._table
    pages = client.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :a)",
        ExpressionAttributeValues={":pk": {"S": "t\u001fcity\u001ftypes"}, ":a": {"S": "a\u001f"}},
    )
    store.fold([item for page in pages for item in page["Items"]])


@pytest.fixture
def entities(store: EntityStore) -> OpenEntities:
    return OpenEntities(store, clock.now)


@pytest.fixture
def measure(dynamodb_local: "DynamoDBClient") -> Callable[[Callable[[], Any]], Meter]:
    def run(operation: Callable[[], Any]) -> Meter:
        with metered(dynamodb_local) as meter:
            operation()
        return meter

    return run


Measure = Callable[[Callable[[], Any]], Meter]


# One entity


@pytest.mark.usefixtures("crowded")
def test_getting_an_entity_is_one_call(entities: OpenEntities, measure: Measure) -> None:
    for type in ("Room", None):
        meter = measure(lambda type=type: entities.get(CITY, "room5", type, EVERYWHERE))  # type: ignore[misc]
        assert meter.calls == {"Query": 1}
        assert meter.units == (1, 0)


@pytest.mark.usefixtures("crowded")
def test_updating_an_entity_of_a_kilobyte_is_half_a_read_and_one_write(
    entities: OpenEntities, measure: Measure
) -> None:
    meter = measure(lambda: entities.update(*ROOM, setting(temperature=clock.now())))
    assert meter.calls == {"GetItem": 1, "PutItem": 1}
    assert meter.units == (0.5, 1)


@pytest.mark.usefixtures("crowded")
def test_updating_without_a_type_reads_consistently(
    entities: OpenEntities, measure: Measure
) -> None:
    meter = measure(
        lambda: entities.update(CITY, "room5", None, ROOT, setting(temperature=clock.now()))
    )
    assert meter.calls == {"Query": 1, "PutItem": 1}
    assert meter.units == (1, 1)


@pytest.mark.usefixtures("crowded")
def test_upserting_is_two_calls_whether_it_creates_or_updates(
    entities: OpenEntities, measure: Measure
) -> None:
    new = identity(f"new{clock.now()}")
    created = measure(lambda: entities.upsert(new, creating(temperature=1), setting()))
    assert created.calls == {"GetItem": 1, "TransactWriteItems": 1}
    assert created.units == (0.5, 8.0)
    updated = measure(lambda: entities.upsert(new, creating(), setting(temperature=2)))
    assert updated.calls == {"GetItem": 1, "PutItem": 1}
    assert updated.units == (0.5, 1.0)
    entities.delete(*new)


@pytest.mark.usefixtures("crowded")
def test_a_life_of_an_entity(entities: OpenEntities, measure: Measure) -> None:
    one = identity(f"one{clock.now()}")
    moved = 0.0

    def located_at(present: Entity, _now: int) -> Outcome:
        changed = following(present)
        return Outcome(located(changed, 2.0 + moved, 41.0))

    def transient(present: Entity, now: int) -> Outcome:
        changed = following(present)
        changed.expires = now + 3600 * SECOND
        return Outcome(changed)

    steps: list[tuple[Callable[[], Any], tuple[float, float]]] = [
        (lambda: entities.create(one, creating(temperature=1)), (0, 8)),
        (lambda: entities.update(*one, setting(humidity=1)), (0.5, 4)),
        (lambda: entities.update(*one, located_at), (0.5, 6)),
        (lambda: entities.update(*one, located_at), (0.5, 1)),
    ]
    for operation, units in steps:
        assert measure(operation).units == units
    moved = 1.0
    assert measure(lambda: entities.update(*one, located_at)).units == (0.5, 6)
    assert measure(lambda: entities.update(*one, transient)).units == (0.5, 10)
    assert measure(lambda: entities.update(*one, transient)).units == (0.5, 12)
    deletion = measure(lambda: entities.delete(*one))
    assert deletion.calls == {"GetItem": 1, "TransactWriteItems": 1}
    assert deletion.units == (0.5, 12)


def test_a_large_entity_costs_its_size(
    entities: OpenEntities, measure: Measure, dynamodb_local: "DynamoDBClient"
) -> None:
    large = identity(f"large{clock.now()}")
    text = random.Random(1).randbytes(450_000).hex()
    made = measure(lambda: entities.create(large, creating(text=text)))
    assert made.calls == {"TransactWriteItems": 1}
    found = measure(lambda: entities.get(CITY, large.id, "Room", EVERYWHERE))
    assert found.calls == {"Query": 1, "BatchGetItem": 1}
    entities.delete(*large)


# Lists


@pytest.fixture
def queries(store: EntityStore) -> Queries:
    return Queries(store, budget=20_000)


def listing(queries: Queries, *selectors: Selector, **members: Any) -> Callable[[], Any]:
    members.setdefault("scope", EVERYWHERE)
    query = EntityQuery(CITY, view=EVERYTHING, selectors=selectors or (Selector(),), **members)
    return lambda: queries.run(query)


@pytest.mark.usefixtures("crowded")
def test_a_page_of_a_type_is_two_calls(queries: Queries, measure: Measure) -> None:
    meter = measure(listing(queries, ROOMS))
    assert meter.calls == {"Query": 1, "BatchGetItem": 1}
    assert meter.units == (1 + 20, 0)


@pytest.mark.usefixtures("crowded")
def test_a_page_of_all_types_reads_the_statistics_first(
    store: EntityStore, queries: Queries, measure: Measure
) -> None:
    fold_all(store)
    meter = measure(listing(queries))
    assert meter.calls == {"Query": 1 + 2, "BatchGetItem": 1}
    assert meter.units == (1 + 2 + 20, 0)


@pytest.mark.usefixtures("crowded")
def test_a_page_of_a_type_at_a_path_reads_that_pair_only(
    queries: Queries, measure: Measure
) -> None:
    meter = measure(listing(queries, Selector(type="Car"), scope=at("/a/")))
    assert meter.calls == {"Query": 1, "BatchGetItem": 1}
    assert meter.units == (1 + 20, 0)


@pytest.mark.usefixtures("crowded")
def test_twenty_ids_are_twenty_reads(queries: Queries, measure: Measure) -> None:
    selectors = [Selector(id=f"room{n}", type="Room") for n in range(20)]
    assert measure(listing(queries, *selectors)).calls == {"Query": 20}
    assert measure(listing(queries, *selectors, scope=at())).units == (20, 0)


@pytest.mark.usefixtures("crowded")
def test_a_filter_reads_no_further_than_its_page(queries: Queries, measure: Measure) -> None:
    meter = measure(listing(queries, ROOMS, predicates=(parse_q("attribute1>=0"),)))
    assert meter.calls == {"Query": 1, "BatchGetItem": 1}
    assert meter.read <= 110


@pytest.mark.usefixtures("crowded")
def test_an_area_reads_its_own_cells_only(
    entities: OpenEntities, queries: Queries, measure: Measure
) -> None:
    station = identity(f"station{clock.now()}", "Station")
    entities.create(station, lambda one, now: located(creating()(one, now), 2.0, 41.0))
    geo = parse_geo_query("near;maxDistance:300", "point", "41.0,2.0")
    meter = measure(listing(queries, Selector(type="Station"), geo=geo))
    assert meter.calls["BatchGetItem"] == 1
    assert meter.calls["Query"] <= 12
    entities.delete(*station)


def test_counting_reads_listing_rows_only(
    store: EntityStore, queries: Queries, measure: Measure, crowded: int
) -> None:
    meter = measure(listing(queries, ROOMS, count=True))
    row_bytes = 60
    assert meter.calls["BatchGetItem"] == 1
    assert meter.calls["Query"] == 2 + crowded * row_bytes // 1_000_000
    assert meter.read - 21 <= crowded * row_bytes / 4096 + 2


def test_ordering_by_a_key_reads_no_entity_but_the_page(
    queries: Queries, measure: Measure, crowded: int
) -> None:
    meter = measure(listing(queries, ROOMS, order=(Order("id", descending=True),)))
    assert meter.calls["BatchGetItem"] == 1
    assert meter.read <= 20 + crowded / 25 + 4


# Type statistics


@pytest.mark.usefixtures("crowded")
def test_types_are_one_call(store: EntityStore, measure: Measure) -> None:
    fold_all(store)
    meter = measure(lambda: store.types(CITY, EVERYWHERE))
    assert meter.calls == {"Query": 1}
    assert meter.units == (1, 0)


@pytest.mark.usefixtures("crowded")
def test_folding_a_delta_is_one_read_and_four_writes(
    entities: OpenEntities, store: EntityStore, measure: Measure
) -> None:
    fold_all(store)
    new = identity(f"new{clock.now()}")
    entities.create(new, creating(temperature=1))
    meter = measure(lambda: fold_all(store))
    assert meter.calls == {"Query": 1, "GetItem": 1, "TransactWriteItems": 1}
    assert meter.write == 4
    entities.delete(*new)
