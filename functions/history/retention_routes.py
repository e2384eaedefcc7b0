"""`/history/v1/retention`: for how many days the history of a type is kept.

The tenant is that of the header `Fiware-Service`; the type is one part of the path, percent-encoded.
Without a type, a PUT or DELETE is about the tenant's default, and a GET lists all rules.
"""

from fastapi import APIRouter, Request, Response

from city.bodies import read_object
from city.clock import iso
from city.errors import InvalidRequest
from city.json import Json, dump
from city.policy import Operation, Rules
from history.access import ADMIN
from history.facts import CallerFact, TenantFact
from history.recording.notification import MAX_TYPE_BYTES
from history.services import HistoryServices
from history.store.retention import DEFAULT, Rule

router = APIRouter(tags=["Retention"])

ALL = "/history/v1/retention"
ONE = "/history/v1/retention/{type:path}"

RULES: Rules = {
    ("GET", ALL): Operation("retention:list", ADMIN),
    ("PUT", ALL): Operation("retention:write", ADMIN),
    ("DELETE", ALL): Operation("retention:delete", ADMIN),
    ("GET", ONE): Operation("retention:read", ADMIN),
    ("PUT", ONE): Operation("retention:write", ADMIN),
    ("DELETE", ONE): Operation("retention:delete", ADMIN),
}


@router.get(ALL)
async def list_rules(caller: CallerFact, tenant: TenantFact, services: HistoryServices) -> Response:
    """All rules of the tenant; the one with the type "" is its default."""
    rules = services.retention.rules(caller, tenant)
    return _answer({"rules": [_shown(rule) for rule in rules]})


@router.put(ALL)
async def write_default(
    request: Request, caller: CallerFact, tenant: TenantFact, services: HistoryServices
) -> Response:
    """Keep types without a rule of their own for so many `days`."""
    return await write_rule(DEFAULT, request, caller, tenant, services)


@router.delete(ALL)
async def delete_default(
    caller: CallerFact, tenant: TenantFact, services: HistoryServices
) -> Response:
    """Keep types without a rule of their own for ever."""
    return await delete_rule(DEFAULT, caller, tenant, services)


@router.get(ONE)
async def read_rule(
    type: str, caller: CallerFact, tenant: TenantFact, services: HistoryServices
) -> Response:
    """The rule of a type."""
    return _answer(_shown(services.retention.get(caller, tenant, type)))


@router.put(ONE)
async def write_rule(
    type: str, request: Request, caller: CallerFact, tenant: TenantFact, services: HistoryServices
) -> Response:
    """Keep a type for so many `days`; what is older goes with the next schedule."""
    if len(type.encode()) > MAX_TYPE_BYTES:
        raise InvalidRequest(f"the type has more than {MAX_TYPE_BYTES} bytes")
    body = await read_object(request)
    if unknown := sorted(body.keys() - {"days"}):
        raise InvalidRequest(f"there is no member {unknown[0]}; there is days")
    rule, is_new = services.retention.put(caller, tenant, type, body.get("days"))
    return _answer(_shown(rule), 201 if is_new else 200)


@router.delete(ONE)
async def delete_rule(
    type: str, caller: CallerFact, tenant: TenantFact, services: HistoryServices
) -> Response:
    """Remove the rule of a type, which the tenant's default is then for."""
    services.retention.delete(caller, tenant, type)
    return Response(None, 204)


def _answer(content: Json, status: int = 200) -> Response:
    return Response(
        dump(content).encode(), status, {"Cache-Control": "no-store"}, "application/json"
    )


def _shown(rule: Rule) -> dict[str, Json]:
    shown: dict[str, Json] = {"type": rule.type, "days": rule.days}
    shown |= {"by": rule.by, "at": iso(rule.at), "applied": rule.applied or None}
    return shown
