"""The history API in process over recorded history, as clients see it.

Objects are in the fake S3 of this process, which DuckDB reads over HTTP. `work` does the tasks that
are queued, as the function does that takes them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx

from city.aws import client
from city.clock import from_iso
from city.json import Json
from city.policy.grants import Grant
from city.table import Table
from city.tenancy import ROOT, Tenant, parse_write_path
from history.application import create_app
from history.keeping.chores import chores
from history.keeping.tasks import Worker
from history.reading.engine import Credentials, Engine, Place
from history.reading.planner import Planner
from history.records import Record, Series
from history.services import Services
from history.settings import ApiSettings, CompactSettings
from history.store.tasks import TaskDeadLetters, TaskQueue
from tests.accounts import put_key

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CITY = Tenant("smartcity")
HEADERS = {"Fiware-Service": CITY, "Fiware-ServicePath": "/"}
SCOPES = ("history/read", "history/write", "history/delete")


@cache
def _engine(endpoint: str) -> Engine:
    """One for all tests, whatever their bucket is: DuckDB takes a second to be ready."""
    return Engine(Place("s3://", endpoint), lambda: Credentials("testing", "testing"))


class Clock:
    """A clock that a test sets; microseconds."""

    def __init__(self, now: str) -> None:
        self.now = from_iso(now)

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: int) -> None:
        self.now += seconds * 1_000_000


def observed(
    at: str, value: Json, attribute: str = "temperature", id: str = "Room1", **more: Any
) -> Record:
    """A record of an attribute of a Room, by default at the root."""
    moment = from_iso(at)
    series = Series(more.pop("type", "Room"), id, more.pop("path", ROOT))
    facts: dict[str, Any] = {
        "series": series,
        "attribute": attribute,
        "attribute_type": "Number",
        "ts": moment,
        "ts_source": "received",
        "modified": moment,
        "ingested": moment,
        "seq": moment,
        "op": "set",
        "value": value,
    }
    return Record(**(facts | more))


class HistoryApi:
    """Sends requests to the application, and records what it shall answer."""

    def __init__(
        self, table: str, bucket: str, endpoint: str, *, security_table: str = "", **changes: Any
    ) -> None:
        self.sqs: SQSClient = client("sqs")
        self.queue = self.sqs.create_queue(QueueName=f"{bucket}-tasks")["QueueUrl"]
        self.dead_letters = self.sqs.create_queue(QueueName=f"{bucket}-dead")["QueueUrl"]
        self.settings = ApiSettings.model_validate(
            {
                "stage": "sandbox",
                "context_table": "none",
                "history_table": table,
                "history_bucket": bucket,
                "history_task_queue_url": self.queue,
                "athena_workgroup": "none",
                "athena_database": "none",
                "security_table": security_table or "none",
                "grant_seconds": 0,
                "token_issuer": "https://issuer.example/pool",
                "token_jwks_url": "http://127.0.0.1:9/jwks.json",
                "public_access": not security_table,
            }
            | changes
        )
        self.clock = Clock("2026-11-15T12:00:00Z")
        self.app = create_app(self.settings)
        inner: Any = self.app.app
        services = self.services = Services(self.settings, client("dynamodb"))
        services.clock = self.clock
        services.table = Table(client("dynamodb"), table, self.clock)
        services.__dict__["planner"] = Planner(
            services.ledger,
            services.directory,
            services.objects,
            _engine(endpoint),
            clock=self.clock,
        )
        inner.state.services = services
        self._worker = Worker(
            chores(self._compact_settings(), TaskQueue(self.sqs, self.queue), self.clock),
            TaskQueue(self.sqs, self.queue),
            TaskDeadLetters(self.sqs, self.dead_letters),
        )
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self._respond), base_url="http://city"
        )

    async def _respond(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    def _compact_settings(self) -> CompactSettings:
        return CompactSettings(
            stage="sandbox",
            history_table=self.settings.history_table,
            history_bucket=self.settings.history_bucket,
            security_table=self.settings.security_table,
            public_access=self.settings.public_access,
            history_task_queue_url=self.queue,
            history_task_dead_letter_queue_url=self.dead_letters,
            history_grace_seconds=0,
            history_settle_seconds=0,
        )

    def __call__(
        self,
        method: str,
        url: str,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Send a request about the city, at the root, unless `headers` say otherwise."""
        request: dict[str, Any] = {"headers": HEADERS if headers is None else headers, **more}
        if json is not None:
            request["json"] = json
        return self._loop.run_until_complete(self._client.request(method, url, **request))

    def get(self, url: str, **request: Any) -> httpx.Response:
        return self("GET", url, **request)

    def record(self, *records: Record, tenant: Tenant = CITY, source: str = "test") -> None:
        """Keep records as the archive does."""
        self.services.recorder.record(tenant, records, source)

    def key(
        self, *grants: Grant, scopes: Sequence[str] = SCOPES, path: str = "/"
    ) -> dict[str, str]:
        """The headers of somebody with these grants."""
        table = self.settings.security_table
        text = put_key(client("dynamodb"), table, *grants, scopes=scopes)
        return {**HEADERS, "Fiware-ServicePath": path, "X-API-Key": text}

    def tasks(self) -> list[str]:
        """The bodies of tasks that are waiting; they are taken."""
        bodies: list[str] = []
        while True:
            answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
            if not answer.get("Messages"):
                return bodies
            for message in answer["Messages"]:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def work(self) -> list[str]:
        """Do the tasks that are waiting; those that have to come again."""
        return self.do(self.tasks())

    def do(self, tasks: Sequence[str]) -> list[str]:
        """Do these tasks; those that have to come again."""
        records = [{"messageId": body, "body": body} for body in tasks]
        return self._worker.process(records)

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()


def path(text: str) -> Any:
    """A service path as records have it."""
    return parse_write_path(text)
