"""What clients and operators ask about the service itself."""

from fastapi import APIRouter, Response

from city.errors import CityError
from city.json import Json
from city.policy import Operation
from city.tenancy import DEFAULT_TENANT
from history.access import DELETE, OPEN, READ
from history.quantumleap import parameters as known
from history.quantumleap.answers import json_answer, no_content
from history.quantumleap.facts import QuantumLeapFacts
from history.quantumleap.mounting import at_both, mounted
from history.quantumleap.parameters import parse
from history.quantumleap.refusals import Refused
from history.services import HistoryServices

HEALTH_SECONDS = 180
"""How long an answer about the health may be used."""

_routes = APIRouter()

_QUEUE = "/management/queue/notifications"
RULES = at_both(
    {
        ("GET", "/v2"): Operation("service:entry-points", OPEN),
        ("GET", "/version"): Operation("service:version", OPEN),
        ("GET", "/health"): Operation("service:health", OPEN),
        ("POST", "/management/config"): Operation("service:configure", READ),
        ("GET", _QUEUE): Operation("service:queue", READ),
        ("DELETE", _QUEUE): Operation("service:empty-queue", DELETE),
        ("GET", f"{_QUEUE}/summary"): Operation("service:queue", READ),
        ("GET", f"{_QUEUE}/count"): Operation("service:queue", READ),
    }
)

_ENTRY_POINTS = {
    "notify_url": "/v2/notify",
    "entities_url": "/v2/entities",
    "types_url": "/v2/types",
    "attributes_url": "/v2/attrs",
}


@_routes.get("/v2")
async def entry_points() -> Response:
    return json_answer(_ENTRY_POINTS)


@_routes.get("/version")
async def version(facts: QuantumLeapFacts) -> Response:
    return json_answer({"version": facts.dialect.version})


@_routes.get("/health")
async def health(services: HistoryServices) -> Response:
    """Whether the directory of series can be read; without it nothing can."""
    status, body = 200, _health("pass")
    try:
        services.directory.types(DEFAULT_TENANT)
    except CityError as error:
        status, body = 424, _health("fail", str(error))
    response = json_answer(body)
    response.status_code = status
    response.headers["Cache-Control"] = f"max-age={HEALTH_SECONDS}"
    return response


@_routes.post("/management/config")
async def configure() -> Response:
    raise Refused(501, "Not Implemented", "This API method is not yet implemented.")


@_routes.get(_QUEUE)
async def tasks(facts: QuantumLeapFacts) -> Response:
    """No task ever waits: a notification is recorded before it is answered."""
    parse(facts.query_string, known.TASKS)
    return json_answer(_EMPTY_QUEUE)


@_routes.get(f"{_QUEUE}/summary")
async def tasks_summary() -> Response:
    return json_answer(_EMPTY_QUEUE)


@_routes.get(f"{_QUEUE}/count")
async def tasks_count(facts: QuantumLeapFacts) -> Response:
    parse(facts.query_string, known.TASKS)
    return json_answer(0)


@_routes.delete(_QUEUE)
async def delete_tasks() -> Response:
    return no_content()


router = mounted(_routes)

_EMPTY_QUEUE: list[Json] = [None]
"""QuantumLeap ends every list of tasks with a null, and clients cut it off."""


def _health(status: str, output: str = "") -> dict[str, Json]:
    details: dict[str, Json] = {"details": {"history": {"status": status, "output": output}}}
    return {"status": status, **(details if output else {})}
