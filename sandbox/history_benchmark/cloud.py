"""An AWS of its own for the benchmark: a process of the emulator, forgotten when it ends."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from city.aws import client
from city.clock import now
from city.table import Table
from history.store.directory import Directory
from history.store.ledger import Ledger
from history.store.merges import Merges
from history.store.objects import Objects

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HOST = "127.0.0.1"
REGION = "eu-west-1"
PYTHON = Path(".venv-sandbox/bin/python")
PATIENCE = 60

HISTORY, SECURITY, BUCKET = "benchmark-history", "benchmark-security", "benchmark-history"

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_LOG_LEVEL": "WARNING",
    "STAGE": "sandbox",
    "PUBLIC_ACCESS": "true",
    "TOKEN_ISSUER": "https://issuer.example",
    "TOKEN_JWKS_URL": "https://issuer.example/jwks.json",
    "CONTEXT_TABLE": "none",
    "SECURITY_TABLE": SECURITY,
    "HISTORY_TABLE": HISTORY,
    "HISTORY_BUCKET": BUCKET,
    "HISTORY_TASK_QUEUE_URL": "none",
    "ATHENA_WORKGROUP": "none",
    "ATHENA_DATABASE": "none",
}
"""What the functions read; the benchmark needs no queue and no Athena."""


@dataclass(frozen=True, slots=True)
class Store:
    """The history's table and bucket."""

    table: Table
    objects: Objects

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.table)

    @property
    def merges(self) -> Merges:
        return Merges(self.table, now)

    @property
    def directory(self) -> Directory:
        return Directory(self.table)


@contextmanager
def emulated() -> Iterator[Store]:
    """An empty store. What the functions read from the environment is set."""
    port = _free_port()
    with TemporaryDirectory(prefix="benchmark-aws-") as place:
        _prepare_environment(port)
        own = {"BIND_HOST": HOST, "GATEWAY_PORT": str(port), "STATE_DIR": place}
        quiet = {"PERSIST_STATE": "0", "SFTP_ENABLED": "0", "DOCKER_HOST": f"unix://{place}/none"}
        process = subprocess.Popen(
            [PYTHON, "-m", "ministack.app"],
            env=os.environ | own | quiet,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port)
            yield _new_store()
        finally:
            process.terminate()
            process.wait()


def _prepare_environment(port: int) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(ENVIRONMENT, AWS_ENDPOINT_URL=f"http://{HOST}:{port}")


def _new_store() -> Store:
    dynamodb, s3 = client("dynamodb"), client("s3")
    _create_table(dynamodb, HISTORY)
    _create_table(dynamodb, SECURITY)
    place: Any = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    return Store(Table(dynamodb, HISTORY, now), Objects(s3, BUCKET))


def _create_table(dynamodb: "DynamoDBClient", name: str) -> None:
    dynamodb.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE
    while not _answers(port):
        if time.monotonic() > until:
            raise TimeoutError("the emulated AWS does not start")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
