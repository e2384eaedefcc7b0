"""`/history/v1/exports`: a part of one type's history as one file."""

from fastapi import APIRouter, Request, Response

from city.bodies import read_object
from city.clock import iso
from city.errors import InvalidRequest
from city.json import Json, dump, parse
from city.policy import Operation
from history.access import READ
from history.exports.bodies import parse_limit, parse_order, parse_token
from history.exports.exports import Link
from history.facts import CallerFact, ScopeFact, TenantFact
from history.services import HistoryServices
from history.store.exports import Job

router = APIRouter(tags=["Exports"])

ALL = "/history/v1/exports"
ONE = "/history/v1/exports/{id}"

RULES = {
    ("POST", ALL): Operation("export:create", READ),
    ("GET", ALL): Operation("export:list", READ),
    ("GET", ONE): Operation("export:read", READ),
    ("DELETE", ONE): Operation("export:delete", READ),
}


@router.post(ALL)
async def order_export(
    request: Request,
    caller: CallerFact,
    tenant: TenantFact,
    scope: ScopeFact,
    services: HistoryServices,
) -> Response:
    """Order a file of what the caller may see now; 200 when it is there already, 202 if not yet."""
    order = parse_order(await read_object(request), tenant, scope)
    job = services.exports.order(caller.access, order)
    link = services.exports.link(caller.access, job)
    status = 202 if link is None else 200
    return _answer(_shown(job, link), status, {"Location": f"{ALL}/{job.address.id}"})


@router.get(ALL)
async def list_exports(
    request: Request, caller: CallerFact, tenant: TenantFact, services: HistoryServices
) -> Response:
    """The exports that the caller has ordered; links are given one by one."""
    query = request.query_params
    if unknown := sorted(query.keys() - {"limit", "token"}):
        raise InvalidRequest(f"there is no parameter {unknown[0]} here; there are limit, token")
    limit, after = parse_limit(query.get("limit")), parse_token(query.get("token"))
    jobs, following = services.exports.page(caller.access, tenant, limit, after)
    content: dict[str, Json] = {"exports": [_shown(job) for job in jobs]}
    return _answer(content if following is None else content | {"next": following})


@router.get(ONE)
async def read_export(
    id: str, caller: CallerFact, tenant: TenantFact, services: HistoryServices
) -> Response:
    """How far an export is and, when it is done, a new link to its file."""
    job = services.exports.get(caller.access, tenant, id)
    return _answer(_shown(job, services.exports.link(caller.access, job)))


@router.delete(ONE)
async def delete_export(
    id: str, caller: CallerFact, tenant: TenantFact, services: HistoryServices
) -> Response:
    """Delete an export with its file; one that is under way stops."""
    services.exports.delete(caller.access, tenant, id)
    return Response(None, 204)


def _shown(job: Job, link: Link | None = None) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "id": job.address.id,
        "state": job.state,
        "progress": job.share,
        "rows": job.rows,
        "bytes": job.size,
        "order": parse(job.order),
        "createdAt": iso(job.created),
        "deletedAt": iso(job.ends),
    }
    if job.reason:
        shown["reason"] = job.reason
    if link is not None:
        shown |= {"link": link.url, "expires": iso(link.expires), "fileName": job.name}
    return shown


def _answer(content: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    # a link is a credential
    kept = {"Cache-Control": "no-store"} | (headers or {})
    return Response(dump(content).encode(), status, kept, "application/json")
