"""`/oauth2`: sign-in, tokens, and what becomes of them (RFC 6749, 7009, 7662, OpenID Connect)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from city.bodies import read_bytes
from city.json import Json, dump
from city.policy import PUBLIC, MissingScope, Operation
from city.policy.credentials import presented_token
from security.access import DECIDE, OPEN
from security.cognito.endpoints import Rejected
from security.oauth.errors import NEVER_STORED
from security.oauth.forms import (
    Parameters,
    parse_form,
    parse_parameters,
    presented_credentials,
    required,
)
from security.oauth.metadata import IDENTITY
from security.oauth.refusals import OAuthError
from security.services import SecurityServices, Services

if TYPE_CHECKING:
    from security.oauth.clients import Client

router = APIRouter(tags=["Sign-in"])

RULES = {
    ("GET", "/oauth2/authorize"): Operation("token:sign-in", OPEN),
    ("POST", "/oauth2/token"): Operation("token:issue", OPEN, takes_client=True),
    ("POST", "/oauth2/revoke"): Operation("token:revoke", OPEN, takes_client=True),
    ("POST", "/oauth2/introspect"): Operation("token:introspect", OPEN, takes_client=True),
    ("GET", "/oauth2/userinfo"): Operation("token:user", IDENTITY),
    ("POST", "/oauth2/userinfo"): Operation("token:user", IDENTITY),
}


@router.get("/oauth2/authorize")
async def authorize(request: Request, services: SecurityServices) -> Response:
    parameters = parse_parameters(request.url.query)
    location = services.oauth.authorization.login_page(parameters)
    return Response(None, 302, NEVER_STORED | {"Location": location})


@router.post("/oauth2/token")
async def token(request: Request, services: SecurityServices) -> Response:
    parameters = await _form(request)
    client = _client(request, services, parameters)
    return _answer(services.oauth.tokens.exchange(client, parameters))


@router.post("/oauth2/revoke")
async def revoke(request: Request, services: SecurityServices) -> Response:
    parameters = await _form(request)
    client = _client(request, services, parameters)
    services.oauth.revocations.revoke(client, required(parameters, "token"))
    return Response(None, 200, NEVER_STORED)


@router.post("/oauth2/introspect")
async def introspect(request: Request, services: SecurityServices) -> Response:
    parameters = await _form(request)
    token = required(parameters, "token")
    subject = request.scope["caller"].subject
    if subject is not PUBLIC:
        if not subject.holds(DECIDE):
            raise MissingScope(DECIDE)
        return _answer(services.oauth.introspection.describe(token))
    client = _client(request, services, parameters)
    if client.known.is_public:
        raise OAuthError("unauthorized_client", "this needs a client with a secret")
    return _answer(services.oauth.introspection.describe(token, client))


@router.get("/oauth2/userinfo")
@router.post("/oauth2/userinfo")
async def user_info(request: Request, services: SecurityServices) -> Response:
    headers = request.headers
    token = presented_token(headers.getlist("authorization"), headers.getlist("x-auth-token"))
    try:
        return _answer(services.oauth.cognito.user_info(token or ""))
    except Rejected as error:
        raise MissingScope(IDENTITY) from error


async def _form(request: Request) -> Parameters:
    return parse_form(request.headers.get("content-type", ""), await read_bytes(request))


def _client(request: Request, services: Services, parameters: Parameters) -> "Client":
    credentials = presented_credentials(parameters, request.headers.getlist("authorization"))
    client = services.oauth.clients.authenticate(credentials)
    request.scope["audit"]["client"] = client.known.id
    return client


def _answer(members: Mapping[str, Json]) -> Response:
    return Response(dump(members).encode(), 200, NEVER_STORED, "application/json")
