"""What matching and delivery cost: calls to DynamoDB and request units, at 10 and 1,000
subscriptions. The figures are those of the tables in `context.store.subscriptions` and `.parked`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from city import aws
from city.clock import SECOND
from city.document import Entity, Write
from tests.budgets.meter import Meter, metered
from tests.builders import CITY, FixedClock, entity, following
from tests.conftest import create_context_table
from tests.pipeline import Pipeline, record, wanted
from tests.receiver import Receiver

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.dynamodb_local


@pytest.fixture(scope="module")
def pipeline(dynamodb_local: "DynamoDBClient") -> Pipeline:
    table = create_context_table(dynamodb_local)
    return Pipeline(dynamodb_local, table, aws.client("sqs"), FixedClock())


@pytest.fixture(scope="module", params=[10, 1_000])
def crowded(pipeline: Pipeline, request: pytest.FixtureRequest) -> int:
    """The tenant has this many subscriptions to other entities."""
    present = len(pipeline.store.all(CITY))

    def subscribe(number: int) -> None:
        body = wanted(entities=[{"id": f"other{number}", "type": "Room"}])
        pipeline.subscriptions.create(CITY, None, body)

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(subscribe, range(present, request.param)))
    pipeline.change(None, entity("warm", temperature=1))
    number: int = request.param
    return number


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def history(number: int, id: str, start: int) -> list[Entity]:
    versions = [entity(id, temperature=0, at=start)]
    for value in range(1, number):
        new = following(versions[-1], temperature=value)
        new.write = Write(("temperature",))
        versions.append(replace(new, modified=versions[-1].modified + SECOND))
    return versions


def process(pipeline: Pipeline, client: "DynamoDBClient", id: str) -> Meter:
    """Process twenty changes of an entity in one batch."""
    versions = history(20, id, pipeline.clock.now)
    batch = [record(old, new) for old, new in zip([None, *versions], versions, strict=False)]
    with metered(client) as meter:
        pipeline.stream.process(batch)
    return meter


def test_batch_that_triggers_nothing(
    pipeline: Pipeline, crowded: int, dynamodb_local: "DynamoDBClient"
) -> None:
    meter = process(pipeline, dynamodb_local, "room1")
    assert meter.calls == {"GetItem": 1}
    assert meter.units == (1.0, 0.0)


def test_batch_that_triggers(
    pipeline: Pipeline, crowded: int, dynamodb_local: "DynamoDBClient", receiver: Receiver
) -> None:
    id = f"triggering{crowded}"
    subscription = pipeline.subscribe(receiver.url, entities=[{"id": id}])
    pipeline.change(None, entity("warm", temperature=1))
    meter = process(pipeline, dynamodb_local, id)
    assert meter.calls == {"GetItem": 1}
    records = pipeline.taken(pipeline.notifications)
    assert len(records) == 20
    with metered(dynamodb_local) as meter:
        assert pipeline.inbox.process(records[:10]) == []
    assert meter.calls == {"GetItem": 1, "UpdateItem": 1}
    assert meter.units == (1.0, 1.0)
    pipeline.subscriptions.delete(CITY, subscription)


def test_throttled_subscription(
    pipeline: Pipeline, crowded: int, dynamodb_local: "DynamoDBClient"
) -> None:
    id = f"throttled{crowded}"
    subscription = pipeline.subscribe(entities=[{"id": id}], throttling=5)
    pipeline.change(None, entity("warm", temperature=1))
    meter = process(pipeline, dynamodb_local, id)
    assert meter.calls == {"GetItem": 2, "UpdateItem": 1}
    assert meter.units == (2.0, 1.0)
    assert len(pipeline.queued()) == 4
    pipeline.subscriptions.delete(CITY, subscription)


def test_managing_a_subscription(
    pipeline: Pipeline, crowded: int, dynamodb_local: "DynamoDBClient"
) -> None:
    with metered(dynamodb_local) as meter:
        id = pipeline.subscribe()
    assert meter.calls == {"TransactWriteItems": 1}
    assert meter.units == (0.0, 6.0)
    with metered(dynamodb_local) as meter:
        pipeline.shown(id)
    assert meter.calls == {"Query": 1}
    assert meter.units == (1.0, 0.0)
    with metered(dynamodb_local) as meter:
        pipeline.subscriptions.update(CITY, id, None, {"throttling": 1})
    assert meter.calls == {"Query": 1, "TransactWriteItems": 1}
    assert meter.units == (1.0, 4.0)
    with metered(dynamodb_local) as meter:
        pipeline.subscriptions.delete(CITY, id)
    assert meter.calls == {"TransactWriteItems": 1}
    assert meter.units == (0.0, 6.0)


def test_parking_and_draining(
    pipeline: Pipeline, crowded: int, dynamodb_local: "DynamoDBClient", receiver: Receiver
) -> None:
    id = f"parked{crowded}"
    subscription = pipeline.subscribe(receiver.url, entities=[{"id": id}])
    process(pipeline, dynamodb_local, id)
    records = pipeline.taken(pipeline.notifications)[:10]
    receiver.status = 500
    with metered(dynamodb_local) as meter:
        pipeline.inbox.process(records)
    assert meter.calls == {"GetItem": 1, "TransactWriteItems": 1, "UpdateItem": 1}
    assert meter.units == (1.0, 10 * 2 + 2 + 1.0)
    receiver.status = 204
    with metered(dynamodb_local) as meter:
        pipeline.tick(subscription)
    calls = {"GetItem": 1, "Query": 1, "TransactWriteItems": 1, "UpdateItem": 3}
    assert meter.calls == calls
    assert meter.write == 10 * 2 + 2 + 3
    pipeline.subscriptions.delete(CITY, subscription)
