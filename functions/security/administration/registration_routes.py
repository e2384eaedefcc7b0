"""`/access/v1/registrations`: people ask to become users, administrators let them in or not."""

from fastapi import APIRouter, Request, Response

from city.bodies import read_object
from city.clock import iso
from city.errors import InvalidRequest
from city.json import Json
from city.policy import Operation
from security.access import ADMIN, OPEN
from security.administration.facts import (
    CallerFact,
    Parameters,
    check_members,
    identifier,
    json_answer,
    no_content,
    page_answer,
)
from security.services import SecurityServices
from security.store.assignments import UserRole
from security.store.registrations import Registration, Wanted

router = APIRouter(tags=["Registrations"])

REGISTRATIONS = "/access/v1/registrations"
REGISTRATION = "/access/v1/registrations/{registration}"

RULES = {
    ("POST", REGISTRATIONS): Operation("registration:create", OPEN),
    ("GET", REGISTRATIONS): Operation("registration:list", ADMIN),
    ("GET", REGISTRATION): Operation("registration:read", ADMIN),
    ("POST", f"{REGISTRATION}/approve"): Operation("registration:approve", ADMIN),
    ("POST", f"{REGISTRATION}/reject"): Operation("registration:reject", ADMIN),
}

MAX_NAME = 256
MAX_MESSAGE = 1000
_ASKED = ("requestedRole", "organisation")

RECEIVED: dict[str, Json] = {
    "status": "received",
    "detail": "an administrator decides; when the registration is approved you get a mail",
}
"""The answer to every registration that can be read, whoever has the address."""


@router.post(REGISTRATIONS)
async def register(request: Request, services: SecurityServices) -> Response:
    body = await read_object(request)
    check_members(body, "email", "username", "message", *_ASKED)
    services.people.registrations.register(
        _text(body, "email", MAX_NAME),
        _text(body, "username", MAX_NAME),
        _wanted(body),
        _text(body, "message", MAX_MESSAGE) if "message" in body else "",
    )
    return json_answer(RECEIVED, 202)


@router.get(REGISTRATIONS)
async def list_registrations(
    request: Request, caller: CallerFact, services: SecurityServices
) -> Response:
    caller.access.require_admin(None)
    query = Parameters(request, "limit", "token")
    page = services.people.registrations.page(query.limit, query.after)
    return page_answer("registrations", [_shown(one) for one in page.registrations], page.after)


@router.get(REGISTRATION)
async def read_registration(
    registration: str, caller: CallerFact, services: SecurityServices
) -> Response:
    caller.access.require_admin(None)
    return json_answer(_shown(services.people.registrations.get(identifier("id", registration))))


@router.post(f"{REGISTRATION}/approve")
async def approve_registration(
    registration: str, request: Request, caller: CallerFact, services: SecurityServices
) -> Response:
    """Make a user of it. A body replaces what was asked for: `{}` gives neither role nor group."""
    caller.access.require_admin(None)
    instead: Wanted | None = None
    if await request.body():
        body = await read_object(request)
        check_members(body, *_ASKED)
        instead = _wanted(body)

    def give_role(user: str, application: str, role: str) -> None:
        services.assignments.assign(caller, application, UserRole(user, role))

    approval = services.people.registrations.approve(
        identifier("id", registration), give_role, instead
    )
    services.audit.record(
        actor=caller.subject.id,
        action="registration:approve",
        tenant="*",
        target=approval.user,
        detail={"registration": registration},
    )
    return json_answer({"user": approval.user, "invited": approval.invited})


@router.post(f"{REGISTRATION}/reject")
async def reject_registration(
    registration: str, caller: CallerFact, services: SecurityServices
) -> Response:
    caller.access.require_admin(None)
    services.people.registrations.reject(identifier("id", registration))
    services.audit.record(
        actor=caller.subject.id, action="registration:reject", tenant="*", target=registration
    )
    return no_content()


def _wanted(body: dict[str, Json]) -> Wanted:
    role, organisation = body.get("requestedRole"), body.get("organisation")
    if organisation is not None and not isinstance(organisation, str):
        raise InvalidRequest("organisation must be the id of an organisation")
    group = identifier("organisation", organisation) if organisation is not None else ""
    if role is None:
        return Wanted(organisation=group)
    if not isinstance(role, dict):
        raise InvalidRequest("requestedRole must be an object with application and role")
    application, name = role.get("application"), role.get("role")
    if not (isinstance(application, str) and isinstance(name, str)):
        raise InvalidRequest("requestedRole must have application and role, both ids")
    return Wanted(
        identifier("requestedRole.application", application),
        identifier("requestedRole.role", name),
        group,
    )


def _text(body: dict[str, Json], name: str, most: int) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
        raise InvalidRequest(f"{name} must be a text of 1 to {most} printable characters")
    return value


def _shown(registration: Registration) -> dict[str, Json]:
    wanted = registration.wanted
    role: Json = {"application": wanted.application, "role": wanted.role} if wanted.role else None
    return {
        "id": registration.id,
        "at": iso(registration.at),
        "email": registration.email,
        "username": registration.username,
        "message": registration.message,
        "requestedRole": role,
        "organisation": wanted.organisation or None,
        "status": "being approved" if registration.claimed else "waiting",
    }
