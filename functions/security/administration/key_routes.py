"""`/access/v1/keys`: API keys of the caller."""

from fastapi import APIRouter, Request, Response

from city.bodies import read_object
from city.clock import iso
from city.json import Json
from city.policy import Operation
from city.policy.grant_forms import show_grant
from security.access import ADMIN
from security.administration.facts import (
    CallerFact,
    Parameters,
    check_members,
    identifier,
    json_answer,
    no_content,
    page_answer,
    required_text,
)
from security.rights.api_keys import ApiKey, parse_terms
from security.services import SecurityServices
from security.store.keys import ListedKey

router = APIRouter(tags=["API keys"])

KEYS = "/access/v1/keys"
KEY = "/access/v1/keys/{key}"
ROTATION = "/access/v1/keys/{key}/rotate"

RULES = {
    ("GET", KEYS): Operation("key:list", ADMIN),
    ("POST", KEYS): Operation("key:create", ADMIN),
    ("GET", KEY): Operation("key:read", ADMIN),
    ("DELETE", KEY): Operation("key:delete", ADMIN),
    ("POST", ROTATION): Operation("key:rotate", ADMIN),
}


@router.get(KEYS)
async def list_keys(request: Request, caller: CallerFact, services: SecurityServices) -> Response:
    """The caller's keys; those of another `owner` for an administrator of the platform."""
    query = Parameters(request, "owner", "limit", "token")
    found, after = services.api_keys.page(caller, query.text("owner"), query.limit, query.after)
    return page_answer("keys", [_listed(one) for one in found], after)


@router.post(KEYS)
async def create_key(request: Request, caller: CallerFact, services: SecurityServices) -> Response:
    """Make a key. Its text, member `key` of the answer, is shown this once."""
    body = await read_object(request)
    check_members(body, "name", "grants", "scopes", "origins", "networks", "validUntil")
    terms = parse_terms(required_text(body, "name"), body, services.clock())
    made, text = services.api_keys.create(caller, terms)
    id = made.listed.subject.partition(":")[2]
    return json_answer(_shown(made) | {"key": text}, 201, f"{KEYS}/{id}")


@router.get(KEY)
async def read_key(key: str, caller: CallerFact, services: SecurityServices) -> Response:
    return json_answer(_shown(services.api_keys.get(caller, identifier("key", key))))


@router.delete(KEY)
async def delete_key(key: str, caller: CallerFact, services: SecurityServices) -> Response:
    """Revoke a key."""
    services.api_keys.revoke(caller, identifier("key", key))
    return no_content()


@router.post(ROTATION)
async def rotate_key(key: str, caller: CallerFact, services: SecurityServices) -> Response:
    """Give a key a new secret; its text is shown this once, the one before is dead."""
    found, text = services.api_keys.rotate(caller, identifier("key", key))
    return json_answer(_shown(found) | {"key": text})


def _listed(listed: ListedKey) -> dict[str, Json]:
    return {
        "id": listed.subject.partition(":")[2],
        "subject": listed.subject,
        "name": listed.name,
        "createdAt": iso(listed.at),
    }


def _shown(key: ApiKey) -> dict[str, Json]:
    account, terms = key.account, key.account.key
    shown: dict[str, Json] = _listed(key.listed) | {
        "owner": key.owner,
        "active": account.active,
        "grants": [show_grant(grant) for grant in account.grants],
        "scopes": [*sorted(account.scopes)],
        "plan": account.plan.name if account.plan else None,
    }
    if terms is not None:
        shown["origins"] = [*sorted(terms.origins)]
        shown["networks"] = [*terms.networks]
        shown["validUntil"] = None if terms.ends is None else iso(terms.ends)
    return shown
