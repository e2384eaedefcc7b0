"""The commands about the history: what they do and what they print."""

import shlex
from typing import TYPE_CHECKING, Any

import pytest
from boto3.session import Session
from typer.testing import CliRunner

from city.aws import client
from cli import stack
from cli.__main__ import app
from cli.stack import Stack
from history.keeping.tasks import CarryOutDeletion, CompactDays, parse_task
from tests.history_keeping import TENANT, TYPE, Keeping, observation

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


class City:
    """Runs commands against a history in this process."""

    def __init__(self, keeping: Keeping, queue: str) -> None:
        self.keeping = keeping
        self.queue = queue

    def run(self, command: str, status: int = 0) -> str:
        result = CliRunner().invoke(app, shlex.split(f"history {command}"))
        assert result.exit_code == status, (result.output, result.exception)
        return result.output

    def tasks(self) -> list[Any]:
        found = client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [parse_task(message["Body"]) for message in found.get("Messages", [])]


@pytest.fixture
def city(
    dynamodb: "DynamoDBClient",
    history_table: str,
    s3: "S3Client",
    history_bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> City:
    keeping = Keeping(dynamodb, history_table, s3, history_bucket)
    keeping.record([observation(keeping.now, 1), observation(keeping.now, 2, id="b")], "one")
    queue = client("sqs").create_queue(QueueName=history_bucket)["QueueUrl"]
    local = Stack("city", Session())
    vars(local)["outputs"] = {"HistoryTableName": history_table, "HistoryTaskQueueUrl": queue}
    monkeypatch.setattr(stack, "find", lambda _: local)
    return City(keeping, queue)


def test_status_shows_what_a_tenant_has(city: City) -> None:
    line = city.run(f"status --tenant {TENANT}")
    assert line.startswith(f"{TYPE}: 2026-03-30 to 2026-03-30; 1 days (0 complete), 1 files")
    assert "2 records, 0 month rollups, 0 deletions, 1 marks" in line


def test_status_of_a_tenant_without_history_is_empty(city: City) -> None:
    assert city.run("status --tenant elsewhere") == ""


def test_compact_queues_what_is_marked(city: City) -> None:
    assert city.run("compact") == "1 tasks queued\n"
    assert city.tasks() == [CompactDays(TENANT, TYPE, "2026-03-30", "2026-03-30")]


def test_erase_is_in_force_at_once_and_queued(city: City) -> None:
    assert f"is in force for {TYPE}" in city.run(f"erase a --tenant {TENANT}")
    assert {one[0].id for one in city.keeping.visible()} == {"b"}
    [task] = city.tasks()
    assert isinstance(task, CarryOutDeletion)


def test_erasing_an_unknown_entity_is_refused(city: City) -> None:
    assert "no history of this entity" in city.run(f"erase zzz --tenant {TENANT}", 2)


def test_a_bad_tenant_is_refused(city: City) -> None:
    assert "bad character" in city.run("status --tenant a-b", 2)
