"""A city with a user pool, fresh for one test or shared by those that leave others alone."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from city import aws
from tests.conftest import create_security_table
from tests.integration.people.city import People

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def people(dynamodb: "DynamoDBClient", security_table: str) -> Iterator[People]:
    """A city in which nobody has signed up but the administrator."""
    city = People(dynamodb, security_table)
    yield city
    city.close()


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[People]:
    """One city for a whole module, whose tests make users of their own."""
    dynamodb = aws.client("dynamodb")
    table = create_security_table(dynamodb)
    city = People(dynamodb, table)
    yield city
    city.close()
    dynamodb.delete_table(TableName=table)
