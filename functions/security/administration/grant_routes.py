"""`/access/v1/grants`: which subject may do what with which data."""

from fastapi import APIRouter, Request, Response

from city.bodies import read_object
from city.clock import iso
from city.errors import InvalidRequest
from city.json import Json
from city.policy import Operation
from city.policy.grant_forms import show_grant
from security.access import ADMIN
from security.administration.facts import (
    CallerFact,
    Parameters,
    identifier,
    json_answer,
    no_content,
    page_answer,
    required_text,
)
from security.services import SecurityServices
from security.store.grants import ListedGrant

router = APIRouter(tags=["Grants"])

GRANTS = "/access/v1/grants"
GRANT = "/access/v1/grants/{subject}/{grant}"

RULES = {
    ("GET", GRANTS): Operation("grant:list", ADMIN),
    ("POST", GRANTS): Operation("grant:create", ADMIN),
    ("GET", GRANT): Operation("grant:read", ADMIN),
    ("DELETE", GRANT): Operation("grant:delete", ADMIN),
}


@router.get(GRANTS)
async def list_grants(request: Request, caller: CallerFact, services: SecurityServices) -> Response:
    """Direct grants of a subject, or about a tenant, or of a subject about a tenant."""
    query = Parameters(request, "tenant", "subject", "limit", "token")
    tenant, subject = query.tenant(), query.text("subject")
    if subject is not None:
        found, after = services.grants.of_subject(caller, subject, tenant, query.limit, query.after)
    elif tenant is not None:
        found, after = services.grants.in_tenant(caller, tenant, query.limit, query.after)
    else:
        raise InvalidRequest("name a tenant or a subject whose grants you want to see")
    return page_answer("grants", [shown(listed) for listed in found], after)


@router.post(GRANTS)
async def create_grant(
    request: Request, caller: CallerFact, services: SecurityServices
) -> Response:
    """Give a grant: its wire form and the `subject` that gets it."""
    body = await read_object(request)
    subject = required_text(body, "subject")
    given = {name: value for name, value in body.items() if name != "subject"}
    grant = services.grants.give(caller, subject, given)
    listed = services.grants.get(caller, subject, grant.id)
    return json_answer(shown(listed), 201, f"{GRANTS}/{subject}/{grant.id}")


@router.get(GRANT)
async def read_grant(
    subject: str, grant: str, caller: CallerFact, services: SecurityServices
) -> Response:
    found = services.grants.get(caller, *_named(subject, grant))
    return json_answer(shown(found))


@router.delete(GRANT)
async def delete_grant(
    subject: str, grant: str, caller: CallerFact, services: SecurityServices
) -> Response:
    """Take a grant away. It ends at once, or within the seconds that accounts are cached."""
    services.grants.take(caller, *_named(subject, grant))
    return no_content()


def _named(subject: str, grant: str) -> tuple[str, str]:
    return identifier("subject", subject), identifier("grant", grant)


def shown(listed: ListedGrant) -> dict[str, Json]:
    """A grant with its subject, who gave it and when."""
    whose: dict[str, Json] = {"subject": listed.subject}
    return whose | show_grant(listed.grant) | {"givenBy": listed.by, "givenAt": iso(listed.at)}
