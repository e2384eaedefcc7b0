"""Keyrock's interface of a fresh city for each test."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.integration.applications.keyrock import Keyrock
from tests.integration.oauth.user_pool import UserPool, serving

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(scope="session")
def served_pool() -> Iterator[UserPool]:
    """What signs tokens and serves the keys for it."""
    with serving(UserPool()) as pool:
        yield pool


@pytest.fixture
def keyrock(
    served_pool: UserPool, security_table: str, dynamodb: "DynamoDBClient"
) -> Iterator[Keyrock]:
    """Keyrock's interface of a fresh city."""
    city = Keyrock(served_pool, security_table, dynamodb)
    yield city
    city.close()
