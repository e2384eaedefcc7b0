"""A history on the fake AWS."""

from typing import TYPE_CHECKING

import pytest

from tests.builders import FixedClock
from tests.history_store import History

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def history(
    dynamodb: "DynamoDBClient",
    history_table: str,
    s3: "S3Client",
    history_bucket: str,
    clock: FixedClock,
) -> History:
    """A history without anything in it."""
    return History(dynamodb, history_table, s3, history_bucket, clock)
