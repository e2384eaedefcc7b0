"""Roles of the history grant exactly what its functions do.

DuckDB reads the bucket by itself, with the credentials of the API's function: that alone is not
recorded here, and stands as `READ_BY_DUCKDB`.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from botocore.exceptions import ClientError

from city import aws
from city.clock import now
from city.dynamodb import to_item
from city.entity_rows import rows_of
from city.policy.accounts import Plan
from city.table import Table
from history.keeping.tasks import ApplyRetention, CompactDays, dump_task
from history.reading.fragments import Sql
from history.store.athena import Athena
from history.store.merges import Merges
from history.store.retention import RetentionStore
from tests.accounts import put_key
from tests.builders import entity
from tests.deployed import EVENTS, TENANT, Deployed, deploy
from tests.integration.recorded import CITY, HEADERS, HistoryApi, observed
from tests.pipeline import record
from tests.template.aws_calls import Grant, granted, recorded

READ_BY_DUCKDB = {("s3:GetObject", "HistoryBucket")}
TOLD_WHAT_IS_GONE = {("s3:ListBucket", "HistoryBucket")}
"""Who may not list a bucket is told "forbidden" of an object that is not there."""

SCOPES = ("history/read", "history/write", "history/delete", "history/admin")
PAST_DAY, PAST_MONTH = "2026-10-07", "2026-10"


@pytest.fixture
def deployed(
    event_loop: None,
    context_table: str,
    security_table: str,
    history: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Deployed:
    return deploy(context_table, security_table, monkeypatch, history=history)


def in_parts(deployed: Deployed) -> Any:
    """An event about an entity that is too large for one row."""
    large = entity("large", text=random.randbytes(400_000).hex())
    rows = rows_of(large)
    for part in rows.parts:
        aws.client("dynamodb").put_item(
            TableName=deployed.resources["ContextTable"], Item=to_item(part)
        )
    change = record(None, large)
    change["dynamodb"]["NewImage"] = to_item(rows.entity | {"w": ""})
    return {"Records": [change]}


def samples() -> list[Any]:
    """Changes of every kind."""
    files = sorted((EVENTS / "history_archive").glob("*.json"))
    return [json.loads(file.read_text()) for file in files]


def test_archive_is_granted_what_it_calls(deployed: Deployed) -> None:
    events = [*samples(), in_parts(deployed)]
    with recorded(deployed.resources) as calls:
        for event in events:
            deployed.invoke("history_archive", event)
    assert calls == granted("HistoryArchiveRole")


def test_schedule_is_granted_what_it_calls(deployed: Deployed) -> None:
    for event in samples():
        deployed.invoke("history_archive", event)
    table = Table(aws.client("dynamodb"), deployed.resources["HistoryTable"])
    RetentionStore(table, now).put(TENANT, "WeatherObserved", 30, "admin")
    with recorded(deployed.resources) as calls:
        deployed.invoke("history_schedule", {})
    assert calls == granted("HistoryScheduleRole")


@dataclass
class Walk:
    """Requests to the API, each of which must succeed, and the tasks they cause; what both call."""

    api: HistoryApi
    resources: dict[str, str]
    headers: dict[str, str]
    of_api: set[Grant] = field(default_factory=set)
    of_compact: set[Grant] = field(default_factory=set)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        with recorded(self.resources) as calls:
            answer = self.api(method, path, body, self.headers | more)
        assert answer.status_code < 400, (method, path, answer.status_code, answer.text)
        self.of_api |= calls
        return answer

    def work(self, *tasks: str) -> None:
        """Do tasks as the compacting function does; without any, those that wait."""
        bodies = tasks or self.api.tasks()
        with recorded(self.resources) as calls:
            assert self.api.do(bodies) == []
        self.of_compact |= calls


@pytest.fixture
def walk(history: tuple[str, str], s3_endpoint: str, security_table: str) -> Iterator[Walk]:
    api = HistoryApi(*history, s3_endpoint, security_table=security_table, audit_decisions="all")
    plan = Plan("generous", limit=1000, seconds=3600)
    key = put_key(aws.client("dynamodb"), security_table, scopes=SCOPES, plan=plan)
    resources = {
        "HistoryTable": history[0],
        "HistoryBucket": history[1],
        "SecurityTable": security_table,
        "HistoryTaskQueue": api.queue,
        "HistoryTaskDeadLetterQueue": api.dead_letters,
    }
    yield Walk(api, resources, {**HEADERS, "X-API-Key": key})
    api.close()


def walk_records(walk: Walk) -> None:
    """Record, read, delete."""
    room = {"id": "Room1", "type": "Room", "temperature": {"type": "Number", "value": 21}}
    walk("POST", "/v2/notify", {"subscriptionId": "s", "data": [room]})
    walk("GET", "/v2/entities/Room1?lastN=1")
    walk("GET", "/v2/entities")
    walk("GET", "/STH/v2/entities/Room1/attrs/temperature?type=Room&lastN=1")
    walk("DELETE", "/v2/entities/Room1")
    walk.work()


def walk_exports(walk: Walk) -> None:
    """Order, get, forget."""
    walk.api.record(observed(f"{PAST_DAY}T12:00:00Z", 20, id="Room2"), source="past")
    order = {"type": "Room", "month": PAST_MONTH}
    place = walk("POST", "/history/v1/exports", order).headers["location"]
    walk.work()
    assert walk("GET", place).json()["state"] == "done"
    walk("GET", "/history/v1/exports")
    walk("DELETE", place)


def walk_open_data(walk: Walk) -> None:
    walk("PUT", "/history/v1/datasets/Room", {"title": {"en": "Rooms"}})
    walk("GET", "/history/v1/datasets")
    walk("DELETE", "/history/v1/datasets/Room", If_Match="*")
    walk("GET", "/api/3/action/package_list")
    walk("GET", "/catalog.ttl")


def walk_retention(walk: Walk) -> None:
    walk("PUT", "/history/v1/retention/Room", {"days": 30})
    walk("GET", "/history/v1/retention")
    walk("DELETE", "/history/v1/retention/Room")


def query_in_athena(walk: Walk) -> None:
    """Every call of the adapter; the fake has no such workgroup and runs nothing."""
    athena = Athena(aws.client("athena"), "history", "city")
    calls: tuple[Callable[[], object], ...] = (
        lambda: athena.start(Sql("SELECT 1", ())),
        lambda: athena.execution("0" * 36),
        lambda: athena.rows("0" * 36),
    )
    with recorded({}) as made:
        for call in calls:
            try:
                call()
            except (ClientError, KeyError):
                continue
    walk.of_api |= made


def test_api_is_granted_what_it_calls(walk: Walk) -> None:
    walk_records(walk)
    walk_exports(walk)
    walk_open_data(walk)
    walk_retention(walk)
    query_in_athena(walk)
    assert walk.of_api | READ_BY_DUCKDB | TOLD_WHAT_IS_GONE == granted("HistoryApiRole")


def test_compact_is_granted_what_it_calls(walk: Walk) -> None:
    walk_records(walk)
    walk_exports(walk)
    walk.work(
        dump_task(CompactDays(CITY, "Room", PAST_DAY, PAST_DAY)),
        dump_task(ApplyRetention(CITY, "Room", PAST_DAY)),
        "no task",
    )
    compact_what_somebody_else_compacts(walk)
    assert walk.of_compact | TOLD_WHAT_IS_GONE == granted("HistoryCompactRole")


def compact_what_somebody_else_compacts(walk: Walk) -> None:
    """The task is queued again."""
    day = date(2026, 10, 8)
    walk.api.record(observed(f"{day}T12:00:00Z", 20, id="Room2"), source="held")
    merges = Merges(walk.api.services.table, walk.api.clock)
    merges.hold_day(merges.day(CITY, "Room", day))
    walk.work(dump_task(CompactDays(CITY, "Room", day.isoformat(), day.isoformat())))
