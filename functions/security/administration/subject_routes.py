"""`/access/v1/subjects`: what the policy knows of users, applications, keys; and ending it at once."""

from fastapi import APIRouter, Request, Response

from city.bodies import read_bytes, read_object
from city.clock import iso
from city.errors import InvalidRequest
from city.json import Json
from city.policy import Operation
from city.policy.accounts import Account
from city.policy.grant_forms import show_grant
from security.access import ADMIN
from security.administration.facts import (
    CallerFact,
    Parameters,
    check_members,
    identifier,
    json_answer,
    no_content,
    required_text,
)
from security.services import SecurityServices

router = APIRouter(tags=["Subjects"])

SUBJECT = "/access/v1/subjects/{subject}"
DISABLE = "/access/v1/subjects/{subject}/disable"
ENABLE = "/access/v1/subjects/{subject}/enable"
REFRESH = "/access/v1/subjects/{subject}/refresh"
REVOKE = "/access/v1/subjects/{subject}/revoke"

MAX_SESSION = 64
"""Characters of the id of a session: an account remembers many."""

RULES = {
    ("GET", SUBJECT): Operation("subject:read", ADMIN),
    ("POST", DISABLE): Operation("subject:disable", ADMIN),
    ("POST", ENABLE): Operation("subject:enable", ADMIN),
    ("POST", REFRESH): Operation("subject:refresh", ADMIN),
    ("POST", REVOKE): Operation("subject:revoke", ADMIN),
}


@router.get(SUBJECT)
async def read_subject(
    subject: str, request: Request, caller: CallerFact, services: SecurityServices
) -> Response:
    """The account of a subject: all grants it holds, from whatever origin."""
    tenant = Parameters(request, "tenant").tenant()
    return json_answer(
        _shown(services.subjects.get(caller, identifier("subject", subject), tenant))
    )


@router.post(DISABLE)
async def disable_subject(subject: str, caller: CallerFact, services: SecurityServices) -> Response:
    services.subjects.disable(caller, identifier("subject", subject))
    return no_content()


@router.post(ENABLE)
async def enable_subject(subject: str, caller: CallerFact, services: SecurityServices) -> Response:
    services.subjects.enable(caller, identifier("subject", subject))
    return no_content()


@router.post(REFRESH)
async def refresh_subject(subject: str, caller: CallerFact, services: SecurityServices) -> Response:
    """Compile the account anew from roles, organisations and grants.

    That happens with every change; this repairs one that was interrupted.
    """
    services.subjects.refresh(caller, identifier("subject", subject))
    return no_content()


@router.post(REVOKE)
async def revoke_subject(
    subject: str, request: Request, caller: CallerFact, services: SecurityServices
) -> Response:
    """Revoke all tokens issued so far or, with `session` in a body, those of one session."""
    session: str | None = None
    if await read_bytes(request):
        body = await read_object(request)
        check_members(body, "session")
        session = required_text(body, "session")
        if len(session) > MAX_SESSION:
            raise InvalidRequest(f"session must have at most {MAX_SESSION} characters")
    services.subjects.revoke(caller, identifier("subject", subject), session)
    return no_content()


def _shown(account: Account) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "subject": account.subject,
        "kind": account.kind,
        "active": account.active,
        "grants": [show_grant(grant) for grant in account.grants],
        "plan": account.plan.name if account.plan else None,
    }
    if account.revoked_before:
        shown["revokedBefore"] = iso(account.revoked_before)
    return shown
