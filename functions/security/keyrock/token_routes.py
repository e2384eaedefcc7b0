"""`/v1/auth/tokens`: signing in, asking what a token is worth, and signing out.

A token is an access token of the user pool. People sign in with address and password only where the
deployment's `password_grant` allows it; PEP proxies and IoT agents sign in with their credentials.
Whoever has a token "exchanges" it for itself: the pool gives no second token for one, and nothing
that was made for Keyrock needs another.
"""

from fastapi import APIRouter, Response

from city.clock import SECOND, iso
from city.errors import NotFound, Unauthenticated
from city.json import Json
from city.policy import PUBLIC, Operation
from city.policy.tokens import Claims, InvalidToken
from security.access import OPEN
from security.keyrock.answers import answer, no_content
from security.keyrock.body import is_plain_text
from security.keyrock.errors import Refused, bad_login
from security.keyrock.facts import Facts, KeyrockFacts
from security.keyrock.representations import token_owner
from security.oauth.sign_in import SignInRefused
from security.services import SecurityServices, Services

router = APIRouter(tags=["Tokens"])

RULES = {
    ("GET", "/v1"): Operation("keyrock:entry-points", OPEN),
    ("POST", "/v1/auth/tokens"): Operation("token:create", OPEN),
    ("GET", "/v1/auth/tokens"): Operation("token:read", OPEN),
    ("DELETE", "/v1/auth/tokens"): Operation("token:delete", OPEN),
}

SUBJECT_TOKEN = "X-Subject-Token"  # noqa: S105 - the name of a header


@router.get("/v1")
async def entry_points(facts: KeyrockFacts) -> Response:
    _require_caller(facts)
    return answer(
        {
            "auth_url": "/v1/auth",
            "applications_url": "/v1/applications",
            "organizations_url": "/v1/organizations",
            "service_providers_url": "/v1/service_providers",
            "users_url": "/v1/users",
        }
    )


@router.post("/v1/auth/tokens")
async def create_token(facts: KeyrockFacts, services: SecurityServices) -> Response:
    token, methods = _authenticate(facts.body, services)
    claims = _read(token, services)
    body = {
        "token": {"methods": methods, "expires_at": iso(claims.expires * SECOND)},
        "idm_authorization_config": {"level": "basic", "authzforce": False},
    }
    return answer(body, 201, {SUBJECT_TOKEN: token})


@router.get("/v1/auth/tokens")
async def read_token(facts: KeyrockFacts, services: SecurityServices) -> Response:
    token = facts.headers.get(SUBJECT_TOKEN.lower(), "")
    claims = _read(token, services)
    if facts.subject != claims.subject and not facts.is_admin:
        raise bad_login()
    owner = _owner(claims, services)
    expires = iso(claims.expires * SECOND)
    return answer({"access_token": token, "expires": expires, "valid": True, **owner})


@router.delete("/v1/auth/tokens")
async def delete_token(facts: KeyrockFacts, services: SecurityServices) -> Response:
    _require_caller(facts)
    try:
        claims = services.oauth.subject_tokens.read(facts.headers.get(SUBJECT_TOKEN.lower(), ""))
    except InvalidToken:
        raise Refused(404, "Subject Token not found") from None
    if facts.subject != claims.subject and not facts.is_admin:
        raise Refused(403, "User must be admin or owner of the two tokens")
    services.oauth.subject_tokens.end(claims)
    services.audit.record(
        actor=facts.subject, action="token:delete", tenant="*", target=claims.subject
    )
    return no_content()


def _require_caller(facts: Facts) -> None:
    """These routes take every valid token, whatever its scopes, but not none."""
    if facts.caller.subject is PUBLIC and not facts.caller.access.is_unlimited:
        raise Unauthenticated("this operation needs an access token")


def _authenticate(body: dict[str, Json], services: Services) -> tuple[str, list[Json]]:
    """The token that name and password, a token, or both of one user are good for."""
    name, password, token = (body.get(member) for member in ("name", "password", "token"))
    if not (name and password):
        if not isinstance(token, str):
            raise bad_login()
        return token, ["token"]
    signed_in = _sign_in(name, password, services)
    if token is None:
        return signed_in, ["password"]
    if not isinstance(token, str):
        raise bad_login()
    if _read(token, services).subject != _read(signed_in, services).subject:
        raise Refused(401, "Token not correspond to user")
    return signed_in, ["password", "token"]


def _sign_in(name: Json, password: Json, services: Services) -> str:
    if not (is_plain_text(name) and isinstance(password, str)):
        raise bad_login()
    try:
        token = services.oauth.sign_in.token(name, password)
    except SignInRefused as refusal:
        raise Refused(401, str(refusal)) from None
    if token is None:
        raise bad_login()
    return token


def _read(token: str, services: Services) -> Claims:
    try:
        return services.oauth.subject_tokens.read(token)
    except InvalidToken:
        raise bad_login() from None


def _owner(claims: Claims, services: Services) -> dict[str, Json]:
    """The user that a token is of; a machine has no more than its name."""
    try:
        return {"User": token_owner(services.users.get(claims.subject))}
    except NotFound:
        return {"PepProxy": {"id": claims.subject}}
