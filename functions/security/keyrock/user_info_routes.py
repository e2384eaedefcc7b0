"""`/user`: what PEP proxies and applications ask about a token.

The token that is asked about comes as `access_token` in the query, because proxies written for
Keyrock send it there (the query is never logged), or in a header. A proxy may send its own token in
`X-Auth-Token` beside it. What a client says of itself in other headers (X-Roles and the like) means
nothing. Each parameter may come once, and there are no others: a request that a proxy and we could
read in two ways is refused.
"""

from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from city.errors import InvalidRequest, Unauthenticated
from city.http import headers_of, message_of, status_of
from city.json import Json
from city.policy import Operation
from city.policy.tokens import InvalidToken
from city.tenancy import parse_tenant
from security.access import OPEN
from security.applications.user_info import Attempt, Bearer, Info, Role
from security.keyrock.answers import answer
from security.services import SecurityServices, Services

router = APIRouter(tags=["User information"])

RULES = {("GET", "/user"): Operation("user:read", OPEN)}

HEADER = "authorization_service_header"
PARAMETERS = frozenset({"access_token", "app_id", "action", "resource", HEADER, "authzforce"})
_MAY_BE_EMPTY = frozenset({HEADER, "authzforce"})
_DECISIONS = {None: "", True: "Permit", False: "Deny"}


class _Question(NamedTuple):
    token: str | None
    application: str | None
    attempt: Attempt | None


@router.get("/user")
async def read_user(request: Request, services: SecurityServices) -> Response:
    question = _question(request.scope["query_string"])
    bearer = _bearer(request, question, services)
    info = services.registry.user_info.about(bearer, question.application, question.attempt)
    return answer(_shown(info, bearer))


def render(error: Exception) -> Response:
    """The answer to a refusal, `{"message", "code", "title"}` as Keyrock has it here."""
    status = status_of(error)
    body = {"message": message_of(error), "code": status, "title": HTTPStatus(status).phrase}
    return answer(body, status, headers_of(error))


def _question(query: bytes) -> _Question:
    """What is asked. Raises InvalidRequest."""
    values = _parameters(query)
    application = values.get("app_id")
    verb, resource = values.get("action"), values.get("resource")
    if (verb is None) != (resource is None):
        raise InvalidRequest("action and resource must be given together")
    if verb is None or resource is None:
        return _Question(values.get("access_token"), application, None)
    if application is None:
        raise InvalidRequest("app_id is needed: a decision is one application's")
    if values.get("authzforce") == "true":
        raise InvalidRequest("ask for a decision or for the AuthZForce domain, not for both")
    attempt = Attempt(verb, resource, parse_tenant(values.get(HEADER)))
    return _Question(values.get("access_token"), application, attempt)


def _parameters(query: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeError as error:
        raise InvalidRequest("the query is not percent-encoded UTF-8") from error
    values = dict(pairs)
    if len(values) < len(pairs):
        raise InvalidRequest("a query parameter may be given once only")
    if unknown := values.keys() - PARAMETERS:
        raise InvalidRequest(f"unknown query parameter {min(unknown)[:50]}")
    for name, value in values.items():
        if not value and name not in _MAY_BE_EMPTY:
            raise InvalidRequest(f"{name} is empty")
    return values


def _bearer(request: Request, question: _Question, services: Services) -> Bearer:
    """The bearer that is asked about: the caller, whom the policy has confirmed, or that of the token
    in the query. Raises Unauthenticated (or its InvalidToken)."""
    if question.token is None:
        subject = request.scope["caller"].subject
        if not subject.client:
            raise Unauthenticated("an access token is needed")
        return Bearer(subject.id, subject.client, subject.scopes, unconfirmed=None)
    if _bearer_token(request) not in (None, question.token):
        raise InvalidToken
    claims = services.oauth.verify(question.token)
    return Bearer(claims.subject, claims.client, claims.scopes, unconfirmed=claims)


def _bearer_token(request: Request) -> str | None:
    """The token of the Authorization header, which the policy has checked."""
    header = request.headers.get("authorization")
    return header.split()[-1] if header else None


def _shown(info: Info, bearer: Bearer) -> dict[str, Json]:
    profile = info.profile if bearer.shares("profile") else None
    return {
        "organizations": [
            {
                "id": organisation.id,
                "name": organisation.name,
                "description": organisation.description or None,
                "website": organisation.website or None,
                "roles": _roles(roles),
            }
            for organisation, roles in info.organisations
        ],
        "displayName": profile.username if profile else "",
        "roles": _roles(info.roles),
        "app_id": info.application,
        "trusted_apps": [*info.trusted],
        "isGravatarEnabled": profile.gravatar if profile else False,
        "id": info.subject,
        "sub": info.subject,
        "given_name": "",
        "family_name": "",
        "extra": (profile.extra or None) if profile else None,
        "authorization_decision": _DECISIONS[info.decision],
        "app_azf_domain": "",
        "eidas_profile": {},
        "attributes": {},
        "shared_attributes": "",
        "username": profile.username if profile else "",
        "email": info.email,
        "image": "",
        "gravatar": "",
    }


def _roles(roles: tuple[Role, ...]) -> list[Json]:
    return [{"id": role.id, "name": role.name} for role in roles]
