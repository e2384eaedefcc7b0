"""`/access/v1/plans` and `/access/v1/usage`: how many requests subjects may make, and have made."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from city.bodies import read_object
from city.json import Json
from city.policy import Operation
from city.policy.accounts import Plan
from security.access import ADMIN
from security.administration.facts import (
    CallerFact,
    Parameters,
    check_members,
    identifier,
    json_answer,
    no_content,
    page_answer,
)
from security.rights.plans import parse_plan
from security.services import SecurityServices
from security.store.plans import Usage

router = APIRouter(tags=["Plans"])

PLANS = "/access/v1/plans"
PLAN = "/access/v1/plans/{plan}"
SUBJECTS = "/access/v1/plans/{plan}/subjects"
SUBJECT = "/access/v1/plans/{plan}/subjects/{subject}"
USAGE = "/access/v1/usage"

RULES = {
    ("GET", PLANS): Operation("plan:list", ADMIN),
    ("GET", PLAN): Operation("plan:read", ADMIN),
    ("PUT", PLAN): Operation("plan:write", ADMIN),
    ("DELETE", PLAN): Operation("plan:delete", ADMIN),
    ("GET", SUBJECTS): Operation("plan:read", ADMIN),
    ("PUT", SUBJECT): Operation("plan:assign", ADMIN),
    ("DELETE", SUBJECT): Operation("plan:withdraw", ADMIN),
    ("GET", USAGE): Operation("usage:read", ADMIN),
}


@router.get(PLANS)
async def list_plans(request: Request, caller: CallerFact, services: SecurityServices) -> Response:
    query = Parameters(request, "limit", "token")
    found, after = services.plans.page(caller, query.limit, query.after)
    return page_answer("plans", [_shown(one.plan) for one in found], after)


@router.get(PLAN)
async def read_plan(plan: str, caller: CallerFact, services: SecurityServices) -> Response:
    return json_answer(_shown(services.plans.get(caller, identifier("plan", plan)).plan))


@router.put(PLAN)
async def write_plan(
    plan: str, request: Request, caller: CallerFact, services: SecurityServices
) -> Response:
    """Make a plan, or change it for everybody under it."""
    body = await read_object(request)
    check_members(body, "limit", "seconds", "lease")
    parsed = parse_plan(plan, body)
    created = services.plans.put(caller, parsed)
    return json_answer(_shown(parsed), 201 if created else 200)


@router.delete(PLAN)
async def delete_plan(plan: str, caller: CallerFact, services: SecurityServices) -> Response:
    services.plans.delete(caller, identifier("plan", plan))
    return no_content()


@router.get(SUBJECTS)
async def list_subjects(
    plan: str, request: Request, caller: CallerFact, services: SecurityServices
) -> Response:
    query = Parameters(request, "limit", "token")
    name = identifier("plan", plan)
    found, after = services.plans.subjects(caller, name, query.limit, query.after)
    return page_answer("subjects", [*found], after)


@router.put(SUBJECT)
async def assign_plan(
    plan: str, subject: str, caller: CallerFact, services: SecurityServices
) -> Response:
    """Put a subject under a plan, and take it out of the one it was under."""
    services.plans.assign(caller, identifier("plan", plan), identifier("subject", subject))
    return no_content()


@router.delete(SUBJECT)
async def withdraw_plan(
    plan: str, subject: str, caller: CallerFact, services: SecurityServices
) -> Response:
    services.plans.withdraw(caller, identifier("plan", plan), identifier("subject", subject))
    return no_content()


@router.get(USAGE)
async def read_usage(request: Request, caller: CallerFact, services: SecurityServices) -> Response:
    """Requests counted in each window, of the caller or of another `subject`."""
    query = Parameters(request, "subject", "plan", "limit", "token")
    subject = query.text("subject") or caller.subject.id
    found, after = services.plans.usage(
        caller, subject, query.text("plan"), query.limit, query.after
    )
    return page_answer("usage", [_counted(one) for one in found], after)


def _shown(plan: Plan) -> dict[str, Json]:
    return {
        "name": plan.name,
        "limit": plan.limit,
        "seconds": plan.seconds,
        "lease": plan.lease,
    }


def _counted(usage: Usage) -> dict[str, Json]:
    start = datetime.fromtimestamp(usage.window, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "plan": usage.plan,
        "window": start,
        "seconds": usage.seconds,
        "limit": usage.limit,
        "used": usage.used,
    }
