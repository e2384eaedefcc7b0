"""AWS's DynamoDB Local as a child process: real request units, flat as tables grow."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FOLDER = Path(__file__).parents[1] / "build" / "dynamodb-local"
JAR = FOLDER / "DynamoDBLocal.jar"


def missing() -> str | None:
    """Why DynamoDB Local cannot run here, or None."""
    if shutil.which("java") is None:
        return "DynamoDB Local needs Java"
    if not JAR.exists():
        return "DynamoDB Local is not in build/dynamodb-local (make test-dynamodb-local brings it)"
    return None


@contextmanager
def running() -> Iterator["DynamoDBClient"]:
    """A DynamoDB Local in memory on a free port, and a client for it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["java", "-Djava.library.path=DynamoDBLocal_lib", "-jar", JAR.name]
    options = ["-inMemory", "-disableTelemetry", "-port", str(port)]
    process = subprocess.Popen(
        [*command, *options], cwd=FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    client = boto3.client(
        "dynamodb",
        endpoint_url=f"http://127.0.0.1:{port}",
        config=Config(max_pool_connections=32, parameter_validation=False),
    )
    try:
        _wait_for(port)
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(10)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise TimeoutError("DynamoDB Local did not start")
