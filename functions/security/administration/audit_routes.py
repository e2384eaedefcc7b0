"""`/access/v1/audit`: who changed what, and who was refused what."""

from fastapi import APIRouter, Request, Response

from city.clock import iso
from city.json import Json
from city.policy import Operation
from city.policy.audit import PLATFORM
from city.policy.grants import ANY_TENANT
from security.access import ADMIN
from security.administration.facts import CallerFact, Parameters, page_answer
from security.audit import Wanted
from security.rights.delegation import require_admin
from security.services import SecurityServices
from security.store.audit import Entry

router = APIRouter(tags=["Audit"])

AUDIT = "/access/v1/audit"

RULES = {("GET", AUDIT): Operation("audit:read", ADMIN)}


@router.get(AUDIT)
async def read_audit(request: Request, caller: CallerFact, services: SecurityServices) -> Response:
    """Entries about a tenant ("*" or absent: about the platform), the newest first.

    A page may have few entries, or none, before the end: only a missing `next` is the end.
    """
    query = Parameters(
        request, "tenant", "actor", "action", "outcome", "from", "to", "limit", "token"
    )
    named = query.tenant()
    tenant = ANY_TENANT if named is None else named
    require_admin(caller, tenant)
    wanted = Wanted(
        PLATFORM if tenant == ANY_TENANT else tenant,
        query.moment("from", 0),
        query.moment("to", services.clock()),
        query.text("actor"),
        query.text("action"),
        query.text("outcome"),
    )
    found, after = services.audit.find(wanted, query.limit, query.after)
    return page_answer("entries", [_shown(entry) for entry in found], after)


def _shown(entry: Entry) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "time": iso(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "outcome": entry.outcome,
    }
    return shown | {"detail": {**entry.detail}} if entry.detail else shown
