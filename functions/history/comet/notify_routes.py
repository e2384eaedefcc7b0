"""`POST /STH/notify`, and `/notify` as brokers know it from STH-Comet."""

from uuid import uuid4

from fastapi import APIRouter, Request, Response

from city.bodies import read_object
from city.json import Json
from city.policy import Operation
from history.access import WRITE
from history.comet.facts import Facts, read_facts
from history.comet.notification import is_legacy, records_of
from history.quantumleap import notify_routes as quantumleap
from history.quantumleap.facts import QuantumLeapFacts
from history.recording.notified import require_create, require_few_files
from history.services import HistoryServices, Services

router = APIRouter(tags=["STH-Comet"])

NOTIFY = "/STH/notify"
NOTIFY_AT_ROOT = "/notify"

RULES = {
    ("POST", NOTIFY): Operation("history:record", WRITE),
    ("POST", NOTIFY_AT_ROOT): Operation("history:record", WRITE),
}


@router.post(NOTIFY)
async def notify(request: Request, services: HistoryServices) -> Response:
    """Record a notification in the form of NGSI v1; it counts before this is answered."""
    facts = await read_facts(request)
    return _record(services, facts, await read_object(request))


@router.post(NOTIFY_AT_ROOT)
async def notify_at_root(
    request: Request, facts: QuantumLeapFacts, services: HistoryServices
) -> Response:
    """As `/STH/notify`; a notification of another form goes the way of QuantumLeap's."""
    body = await read_object(request)
    if is_legacy(body):
        return _record(services, await read_facts(request), body)
    return await quantumleap.notify(facts, services)


def _record(services: Services, facts: Facts, body: Json) -> Response:
    records = records_of(body, facts.path, services.clock())
    require_create(facts.access, facts.tenant, records)
    require_few_files(records)
    # no two notifications are one batch: one that says the same again, says it of another time
    services.recorder.record(facts.tenant, records, f"notify {uuid4().hex}")
    return Response(None, 200)
