"""A context API over the fake AWS: fresh for one test, or shared by those that change nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from city import aws
from tests.conftest import create_context_table
from tests.integration.api import Api, api_settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def api(context_table: str, dynamodb: "DynamoDBClient") -> Iterator[Api]:
    """The API, open to everybody, on a fresh table."""
    api = Api(api_settings(context_table), dynamodb)
    yield api
    api.close()


@pytest.fixture(scope="module")
def shared_api() -> Iterator[Api]:
    """The API on one table for a whole module, whose tests prove that they change nothing."""
    dynamodb = aws.client("dynamodb")
    table = create_context_table(dynamodb)
    api = Api(api_settings(table), dynamodb)
    yield api
    api.close()
    dynamodb.delete_table(TableName=table)
