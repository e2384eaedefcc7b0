"""A context API over the fake AWS: fresh for one test, or shared by those that change nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from city import aws
from tests.conftest import create_context_table, create_security_table
from tests.integration.api import Api, api_settings
from tests.integration.broker import Broker
from tests.integration.desk import Desk
from tests.integration.notified import Delivery, Notified
from tests.receiver import Receiver

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


@pytest.fixture
def broker(shared_api: Api) -> Broker:
    """A new tenant of the module's API, for tests that share nothing but the table."""
    return Broker(shared_api, f"t{uuid4().hex}")


@pytest.fixture
def desk(security_table: str, dynamodb: "DynamoDBClient") -> Iterator[Desk]:
    """The security API on a fresh table, for decisions."""
    desk = Desk(security_table, dynamodb)
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def shared_desk() -> Iterator[Desk]:
    """The security API on one table for a whole module."""
    dynamodb = aws.client("dynamodb")
    table = create_security_table(dynamodb)
    desk = Desk(table, dynamodb)
    yield desk
    desk.close()
    dynamodb.delete_table(TableName=table)


@pytest.fixture(scope="module")
def shared_receiver() -> Iterator[Receiver]:
    """A receiver of notifications for a whole module."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def delivery(shared_api: Api) -> Delivery:
    """What takes the changes of the module's table to receivers."""
    return Delivery(aws.client("dynamodb"), shared_api.table)


@pytest.fixture
def notified(shared_api: Api, delivery: Delivery, shared_receiver: Receiver) -> Notified:
    """A new tenant of the module's API and the receiver of its notifications."""
    return Notified(shared_api, delivery, shared_receiver, f"t{uuid4().hex}")
