"""AWS in process (moto) for every test, and a fresh context table for each test that asks."""

import os
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import boto3
import pytest
import yaml
from botocore.config import Config
from moto import mock_aws

from city import aws
from context.store.entities import EntityStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ROOT = Path(__file__).parents[1]
JAR_PACKAGE = ROOT / "build" / "dynamodb-local"

os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_SESSION_TOKEN="testing",
    AWS_DEFAULT_REGION="eu-west-1",
    AWS_EC2_METADATA_DISABLED="true",
)


class _Template(yaml.SafeLoader):
    """Reads a CloudFormation template; intrinsic functions become None."""


_Template.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def table_definition() -> dict[str, Any]:
    """The keys and stream of the template's ContextTable, as CreateTable takes them."""
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Template)  # noqa: S506
    properties = template["Resources"]["ContextTable"]["Properties"]
    stream = {"StreamEnabled": True, **properties["StreamSpecification"]}
    kept = {name: properties[name] for name in ("AttributeDefinitions", "KeySchema", "BillingMode")}
    return {**kept, "StreamSpecification": stream}


def create_context_table(client: "DynamoDBClient") -> str:
    """A new, empty context table; its name."""
    name = f"context-{uuid4().hex[:12]}"
    client.create_table(TableName=name, **table_definition())
    return name


@pytest.fixture(scope="session", autouse=True)
def _aws() -> Iterator[None]:
    with mock_aws():
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
def entity_store(dynamodb: "DynamoDBClient", context_table: str) -> EntityStore:
    """The store on a fresh table."""
    return EntityStore(dynamodb, context_table)
