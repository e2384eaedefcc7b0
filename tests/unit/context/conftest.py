"""Fixtures of the notification tests: the pipeline on the fake AWS, and a real receiver."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from city import aws
from tests.builders import FixedClock
from tests.pipeline import Pipeline
from tests.receiver import Receiver

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def pipeline(dynamodb: "DynamoDBClient", context_table: str) -> Pipeline:
    """Subscriptions, matching and delivery on a fresh table and fresh queues."""
    return Pipeline(dynamodb, context_table, aws.client("sqs"), FixedClock())


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that says 204 unless told otherwise."""
    receiver = Receiver()
    yield receiver
    receiver.close()
