"""Questions to the handler of the history API, and what answering them takes."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from threading import Lock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from city.aws import client
from city.tenancy import Tenant
from history.reading.engine import Engine, Place
from history.reading.fragments import Sql
from history.reading.planner import Planner
from sandbox.history_benchmark.replay import TYPE

if TYPE_CHECKING:
    from history.services import Services

ONE = "/v2/entities/{id}/attrs/temperature"
MANY = f"/v2/types/{TYPE}/attrs/temperature"


@dataclass(frozen=True, slots=True)
class Question:
    """A request, and of how many rows of the history its answer is made."""

    path: str
    parameters: Mapping[str, str | int]
    rows: int

    @property
    def query(self) -> str:
        return urlencode(self.parameters)


def between(first: date, days: int) -> dict[str, str]:
    """The parameters for so many whole days."""
    last = first + timedelta(days=days - 1)
    return {"fromDate": f"{first}T00:00:00Z", "toDate": f"{last}T23:59:59.999Z"}


def averages(period: str) -> dict[str, str]:
    """The parameters for averages by hour, day and so on."""
    return {"aggrMethod": "avg", "aggrPeriod": period}


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the first answer the files and bytes that were read; then the medians, in milliseconds, of
    all that a warm answer takes, and of what of it went by waiting for DynamoDB."""

    files: int
    read: int
    warm: float
    waiting: float
    calls: int

    @property
    def own(self) -> float:
        """What the function itself takes, and S3."""
        return self.warm - self.waiting


class _Waiting:
    """For how long calls of DynamoDB are on their way, one or several at once, and how many."""

    def __init__(self) -> None:
        self.begin_anew()
        self._under_way = 0
        self._since = 0.0
        self._lock = Lock()

    def begin_anew(self) -> None:
        self.milliseconds, self.calls = 0.0, 0

    def begin(self, **_: object) -> None:
        with self._lock:
            if not self._under_way:
                self._since = time.perf_counter()
            self._under_way += 1

    def end(self, **_: object) -> None:
        with self._lock:
            self.calls += 1
            self._under_way -= 1
            if not self._under_way:
                self.milliseconds += (time.perf_counter() - self._since) * 1000


class Function:
    """The deployed function in this process."""

    def __init__(self) -> None:
        from history.api import handler  # noqa: PLC0415 - reads the environment

        self._handler = handler
        self._waiting = _Waiting()
        events = client("dynamodb").meta.events
        events.register("before-send.dynamodb", self._waiting.begin)
        events.register("response-received.dynamodb", self._waiting.end)

    def measured(self, tenant: Tenant, question: Question, repeats: int) -> Figures:
        """A question to a process that has answered others, but never read these files."""
        self._forget()
        found = self._ask(tenant, question)
        read = dict(part.split("=") for part in found["headers"]["city-read"].split("; "))
        times, waits = [], []
        for _ in range(repeats):
            self._waiting.begin_anew()
            started = time.perf_counter()
            self._ask(tenant, question)
            times.append((time.perf_counter() - started) * 1000)
            waits.append(self._waiting.milliseconds)
        warm, waiting = statistics.median(times), statistics.median(waits)
        return Figures(int(read["files"]), int(read["bytes"]), warm, waiting, self._waiting.calls)

    def _forget(self) -> None:
        """Let what has been read of files be unknown again."""
        services: Services = self._handler.app.app.state.services  # type: ignore[attr-defined]  # a FastAPI
        engine = Engine(Place.bucket(services.objects.s3_uri(""), "eu-west-1"))
        engine.run(Sql("SELECT 1"))
        services.planner = Planner(services.ledger, services.directory, services.objects, engine)

    def _ask(self, tenant: Tenant, question: Question) -> dict[str, Any]:
        """Raises RuntimeError when the answer is an error."""
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": question.path,
            "rawQueryString": question.query,
            "headers": {"host": "history.example", "fiware-service": tenant},
            "requestContext": {
                "http": {"method": "GET", "path": question.path, "sourceIp": "192.0.2.1"},
                "stage": "$default",
            },
            "isBase64Encoded": False,
        }
        answer: dict[str, Any] = self._handler(event, SimpleNamespace(aws_request_id="1"))
        if answer["statusCode"] != 200:
            raise RuntimeError(f"{question.path}?{question.query}: {answer}")
        return answer
