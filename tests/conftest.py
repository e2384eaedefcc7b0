"""AWS in process (moto) for every test, and fresh tables and buckets for each test that asks."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.server import ThreadedMotoServer
from samtranslator.yaml_helper import yaml_parse

from city import aws
from context.store.entities import EntityStore
from tests import dynamodb_local as local
from tests import fast_transactions
from tests.local_city import LocalCity

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

ROOT = Path(__file__).parents[1]

os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_SESSION_TOKEN="testing",
    AWS_DEFAULT_REGION="eu-west-1",
    AWS_EC2_METADATA_DISABLED="true",
)


@cache
def table_definition(resource: str = "ContextTable") -> dict[str, Any]:
    """The keys and stream of a table in the template, as CreateTable takes them."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    properties = template["Resources"][resource]["Properties"]
    kept = {name: properties[name] for name in ("AttributeDefinitions", "KeySchema", "BillingMode")}
    if stream := properties.get("StreamSpecification"):
        kept["StreamSpecification"] = {"StreamEnabled": True, **stream}
    return kept


def create_context_table(client: "DynamoDBClient") -> str:
    """A new, empty context table; its name."""
    return _create_table(client, "ContextTable")


def create_security_table(client: "DynamoDBClient") -> str:
    """A new, empty security table; its name."""
    return _create_table(client, "SecurityTable")


def create_history_table(client: "DynamoDBClient") -> str:
    """A new, empty history table; its name."""
    return _create_table(client, "HistoryTable")


def create_history_bucket(client: "S3Client") -> str:
    """A new, empty bucket; its name."""
    name = f"history-{uuid4().hex[:12]}"
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name


def _create_table(client: "DynamoDBClient", resource: str) -> str:
    name = f"{resource}-{uuid4().hex[:12]}"
    client.create_table(TableName=name, **table_definition(resource))
    return name


@pytest.fixture(scope="session", autouse=True)
def _aws() -> Iterator[None]:
    with mock_aws(), _one_at_a_time(), fast_transactions.installed():
        yield


@pytest.fixture(scope="module")
def event_loop() -> Iterator[None]:
    """The event loop that API handlers of a module find and use; Lambda never closes its own."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let moto answer one thread after another; it copies its tables while others write them."""
    answer, lock = BotocoreStubber.__call__, RLock()

    def answer_alone(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return answer(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "__call__", answer_alone)
        yield


@pytest.fixture
def dynamodb() -> "DynamoDBClient":
    """The process's DynamoDB client, on the fake."""
    return aws.client("dynamodb")


@pytest.fixture
def context_table(dynamodb: "DynamoDBClient") -> Iterator[str]:
    """A fresh context table; gone after the test."""
    name = create_context_table(dynamodb)
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def security_table(dynamodb: "DynamoDBClient") -> Iterator[str]:
    """A fresh security table; gone after the test."""
    name = create_security_table(dynamodb)
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def history_table(dynamodb: "DynamoDBClient") -> Iterator[str]:
    """A fresh history table; gone after the test."""
    name = create_history_table(dynamodb)
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def s3() -> "S3Client":
    """The process's S3 client, on the fake."""
    return aws.client("s3")


@pytest.fixture
def history_bucket(s3: "S3Client") -> Iterator[str]:
    """A fresh bucket; gone after the test with all that is in it."""
    name = create_history_bucket(s3)
    yield name
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for stored in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=stored["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.fixture
def history(history_table: str, history_bucket: str) -> tuple[str, str]:
    """A fresh table and bucket of the history."""
    return history_table, history_bucket


@pytest.fixture(scope="session")
def s3_endpoint(_aws: None) -> Iterator[str]:
    """Where the fake S3 of this process answers over HTTP, for DuckDB: the very same buckets."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def entity_store(dynamodb: "DynamoDBClient", context_table: str) -> EntityStore:
    """The store on a fresh table."""
    return EntityStore(dynamodb, context_table)


@pytest.fixture(scope="session")
def dynamodb_local() -> Iterator["DynamoDBClient"]:
    """A client of a running DynamoDB Local; tests that use it carry the marker of its name."""
    reason = local.missing()
    if reason:
        pytest.skip(reason)
    with local.running() as client:
        yield client


@pytest.fixture(scope="session")
def local_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCity]:
    """A running city that asks for tokens."""
    city = LocalCity(tmp_path_factory.mktemp("city"))
    city.start()
    yield city
    city.stop()


@pytest.fixture(scope="session")
def open_city(
    local_city: LocalCity, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalCity]:
    """A running city that asks for none (OPEN=1)."""
    city = LocalCity(tmp_path_factory.mktemp("open"), public=True)
    city.built_like(local_city)
    city.start()
    yield city
    city.stop()
