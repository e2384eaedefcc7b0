"""`/access/v1/me`: what the city holds about the caller, to see, correct, take away and erase."""

from fastapi import APIRouter, Request, Response

from city.bodies import read_object
from city.errors import InvalidRequest
from city.json import Json
from city.policy import Operation
from security.access import PROFILE
from security.administration.facts import CallerFact, check_members, json_answer, no_content
from security.people.users import Details
from security.services import SecurityServices

router = APIRouter(tags=["Profile"])

ME = "/access/v1/me"

RULES = {
    ("GET", ME): Operation("profile:read", PROFILE),
    ("PATCH", ME): Operation("profile:update", PROFILE),
    ("DELETE", ME): Operation("profile:erase", PROFILE),
    ("GET", f"{ME}/export"): Operation("profile:export", PROFILE),
}

MAX_TEXT = 1000


@router.get(ME)
async def read_profile(caller: CallerFact, services: SecurityServices) -> Response:
    return json_answer(services.people.profiles.show(caller.subject.id))


@router.patch(ME)
async def update_profile(
    request: Request, caller: CallerFact, services: SecurityServices
) -> Response:
    """Correct the profile. A new address must be proved with the code that is sent to it; the
    password is changed at the login page."""
    body = await read_object(request)
    check_members(body, "username", "email", "description", "website", "gravatar", "extra")
    if "username" in body and not body["username"]:
        raise InvalidRequest("username must not be empty")
    id = caller.subject.id
    services.users.update(id, _details(body), vouched=False)
    services.audit.record(actor=id, action="profile:update", tenant="*", target=id)
    return json_answer(services.people.profiles.show(id))


@router.get(f"{ME}/export")
async def export_profile(caller: CallerFact, services: SecurityServices) -> Response:
    answer = json_answer(services.people.profiles.export(caller.subject.id))
    answer.headers["Content-Disposition"] = 'attachment; filename="me.json"'
    return answer


@router.delete(ME)
async def erase_profile(caller: CallerFact, services: SecurityServices) -> Response:
    """Erase the caller: nothing is left but a digest in the ledger, and this cannot be undone."""
    id = services.users.get(caller.subject.id).id
    services.people.erasures.erase(id)
    services.audit.record(actor=id, action="user:erase", tenant="*", target=id)
    return no_content()


def _details(body: dict[str, Json]) -> Details:
    gravatar, extra = body.get("gravatar"), body.get("extra")
    if not isinstance(gravatar, bool | None):
        raise InvalidRequest("gravatar must be true or false")
    if not isinstance(extra, dict | None):
        raise InvalidRequest("extra must be an object")
    return Details(
        username=_text(body, "username"),
        email=_text(body, "email"),
        description=_text(body, "description"),
        website=_text(body, "website"),
        gravatar=gravatar,
        extra=extra,
    )


def _text(body: dict[str, Json], name: str) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
        raise InvalidRequest(f"{name} must be a text of at most {MAX_TEXT} printable characters")
    return value
