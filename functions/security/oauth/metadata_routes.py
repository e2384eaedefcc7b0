"""`/.well-known`: the documents that clients configure themselves from, and Keyrock's two of them."""

from fastapi import APIRouter, Request, Response

from city.errors import NotFound
from city.json import Json, dump
from city.policy import Operation
from security.access import OPEN
from security.oauth import metadata
from security.services import SecurityServices, Services

router = APIRouter(tags=["Sign-in"])

RULES = {
    ("GET", "/.well-known/openid-configuration"): Operation("metadata:read", OPEN),
    ("GET", "/.well-known/oauth-authorization-server"): Operation("metadata:read", OPEN),
    ("GET", "/.well-known/oauth-protected-resource"): Operation("metadata:read", OPEN),
    ("GET", "/.well-known/jwks.json"): Operation("metadata:keys", OPEN),
    ("GET", "/idm/applications/{application_id}/.well-known/openid-configuration"): Operation(
        "metadata:read", OPEN
    ),
    ("GET", "/idm/applications/{application_id}/certs"): Operation("metadata:keys", OPEN),
}

_MAY_BE_KEPT = {"Cache-Control": "public, max-age=300"}


@router.get("/.well-known/openid-configuration")
@router.get("/.well-known/oauth-authorization-server")
async def authorization_server(request: Request, services: SecurityServices) -> Response:
    return _document(_authorization_server(request, services))


@router.get("/.well-known/oauth-protected-resource")
async def protected_resource(request: Request, services: SecurityServices) -> Response:
    issuer = services.settings.token_issuer
    return _document(metadata.protected_resource(city_url(request, services), issuer))


@router.get("/.well-known/jwks.json")
async def keys(request: Request, services: SecurityServices) -> Response:
    return _keys(request, services)


@router.get("/idm/applications/{application_id}/.well-known/openid-configuration")
async def application_metadata(
    application_id: str, request: Request, services: SecurityServices
) -> Response:
    _check_application(application_id, services)
    return _document(_authorization_server(request, services))


@router.get("/idm/applications/{application_id}/certs")
async def application_keys(
    application_id: str, request: Request, services: SecurityServices
) -> Response:
    _check_application(application_id, services)
    return _keys(request, services)


def city_url(request: Request, services: Services) -> str:
    """Where the APIs answer: as configured, or the address of this request, which the gateway
    accepts only if it is one of the API's. What a header says of the scheme counts in a sandbox
    only: these documents may be cached, and tell where to send secrets."""
    if services.settings.public_url:
        return services.settings.public_url
    scheme = request.base_url.scheme if services.settings.stage == "sandbox" else "https"
    return f"{scheme}://{request.base_url.netloc}"


def _authorization_server(request: Request, services: Services) -> dict[str, Json]:
    settings = services.settings
    return metadata.authorization_server(
        city_url(request, services),
        settings.token_issuer,
        takes_passwords=settings.password_grant,
    )


def _keys(request: Request, services: Services) -> Response:
    keys = services.oauth.keys.get()
    headers = _MAY_BE_KEPT | {"ETag": keys.etag}
    if keys.etag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    return Response(keys.document, 200, headers, "application/jwk-set+json")


def _check_application(application_id: str, services: Services) -> None:
    if services.oauth.clients.find(application_id) is None:
        raise NotFound("there is no application with this id")


def _document(members: dict[str, Json]) -> Response:
    return Response(dump(members).encode(), 200, _MAY_BE_KEPT, "application/json")
