"""What archiving costs: PUTs, calls to DynamoDB, request units and bytes of one batch.

The batch is the one that docs/history.md computes prices with: 3,000 updates of five attributes,
by 600 sensors of five types within one day.
"""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from city import aws
from city.clock import SECOND
from city.dead_letters import StreamDeadLetters
from city.document import Entity
from city.table import Table
from history.recording.stream import Stream
from tests.budgets.meter import metered
from tests.builders import FixedClock
from tests.conftest import create_history_bucket, create_history_table
from tests.history_records import created, steps, updated
from tests.history_store import History

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

SENSORS, TYPES, ROUNDS = 600, 5, 5
UPDATES = SENSORS * ROUNDS


@pytest.fixture(scope="module")
def batches() -> list[list[dict[str, Any]]]:
    """The first values of all sensors, and after that a batch of updates."""
    noise = random.Random(5)
    sensors = [sensor(number, noise) for number in range(SENSORS)]
    first = [step for one in sensors for step in steps(one)]
    batch = []
    for round_number in range(ROUNDS):
        after = [updated(one, after=60 * SECOND, **values(noise)) for one in sensors]
        batch += [
            step
            for number, (old, new) in enumerate(zip(sensors, after, strict=True))
            for step in steps(old, new, first=round_number * SENSORS + number)[1:]
        ]
        sensors = after
    return [first, batch]


def sensor(number: int, noise: random.Random) -> Entity:
    return created(
        f"urn:ngsi-ld:Sensor:{number:04}", f"Sensor{number % TYPES}", name="n", **values(noise)
    )


def values(noise: random.Random) -> dict[str, Any]:
    """A measurement: three numbers with a decimal, a count and a state."""
    return {
        **{name: round(noise.gauss(20, 5), 1) for name in ("temperature", "humidity", "noise")},
        "count": noise.randrange(100),
        "state": noise.choice(["on", "off"]),
    }


def stream_on(history: History) -> Stream:
    sqs: Any = None
    return Stream(
        Table(history.dynamodb, "context"), history.recorder, StreamDeadLetters(sqs, "none")
    )


@contextmanager
def counted(client: "S3Client") -> Iterator[Counter[str]]:
    """The calls of an S3 client inside the block."""
    calls: Counter[str] = Counter()

    def note(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    client.meta.events.register("after-call.s3", note)
    try:
        yield calls
    finally:
        client.meta.events.unregister("after-call.s3", note)


@pytest.mark.dynamodb_local
def test_batch_of_known_series_costs_two_units_and_one_put_per_file(
    dynamodb_local: "DynamoDBClient", batches: list[list[dict[str, Any]]]
) -> None:
    s3 = aws.client("s3")
    table, bucket = create_history_table(dynamodb_local), create_history_bucket(s3)
    history = History(dynamodb_local, table, s3, bucket, FixedClock())
    stream = stream_on(history)
    with metered(dynamodb_local) as meter:
        stream.process(batches[0])
    assert (meter.read, meter.write) == (2, 2 * SENSORS + TYPES + 1 + 2 * TYPES)
    with metered(dynamodb_local) as meter, counted(s3) as calls:
        stream.process(batches[1])
    assert meter.calls == {"GetItem": 2, "PutItem": 2 * TYPES}
    assert (meter.read, meter.write) == (2, 2 * TYPES)
    assert calls == {"PutObject": TYPES}
    history.restart()
    with metered(dynamodb_local) as meter:
        stream_on(history).process(batches[1])
    assert (meter.read, meter.write) == (2 + SENSORS / 2, 2 * TYPES)


def test_update_of_five_values_takes_few_bytes(
    dynamodb: "DynamoDBClient",
    history_table: str,
    s3: "S3Client",
    history_bucket: str,
    batches: list[list[dict[str, Any]]],
) -> None:
    history = History(dynamodb, history_table, s3, history_bucket, FixedClock())
    stream_on(history).process(batches[1])
    stored = sum(history.objects.size(key) for key in history.keys())  # noqa: SIM118 - no mapping
    assert stored / UPDATES < 25
