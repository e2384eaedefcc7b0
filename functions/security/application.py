"""The HTTP application of the security API: routes, policy, errors, and what surrounds them."""

from collections.abc import Callable
from typing import Protocol

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from city import problems
from city.aws import client
from city.errors import CityError
from city.http import COMPRESS_FROM, Correlated, MethodNotAllowed, UnknownPath, authorise
from city.observability import logger
from city.policy import Operation, Policy, merged
from city.policy.audit import PLATFORM, DecisionAudit
from security.administration import (
    audit_routes,
    erasure_routes,
    grant_routes,
    key_routes,
    plan_routes,
    profile_routes,
    registration_routes,
    subject_routes,
)
from security.decisions import (
    directory_routes,
    evaluation_routes,
    policy_routes,
    search_routes,
)
from security.decisions import errors as authzen_errors
from security.keyrock import (
    application_routes,
    assignment_routes,
    credential_routes,
    organization_routes,
    permission_routes,
    role_routes,
    token_routes,
    trusted_routes,
    user_info_routes,
    user_routes,
)
from security.keyrock import errors as keyrock_errors
from security.keyrock.alias import KeyrockAlias
from security.oauth import errors as oauth_errors
from security.oauth import metadata_routes
from security.oauth import routes as oauth_routes
from security.services import Services
from security.settings import ApiSettings

Renderer = Callable[[Exception], Response]


class Routes(Protocol):
    """A module with routes and their rules, by method and path."""

    router: APIRouter
    RULES: dict[tuple[str, str], Operation]


ROUTES: tuple[Routes, ...] = (
    grant_routes,
    key_routes,
    plan_routes,
    subject_routes,
    audit_routes,
    oauth_routes,
    metadata_routes,
    evaluation_routes,
    search_routes,
    policy_routes,
    directory_routes,
    registration_routes,
    profile_routes,
    erasure_routes,
    token_routes,
    user_routes,
    organization_routes,
    application_routes,
    role_routes,
    permission_routes,
    assignment_routes,
    credential_routes,
    trusted_routes,
    user_info_routes,
)
"""Every module with routes. Whoever writes one adds it here."""

RULES = merged(module.RULES for module in ROUTES)

RENDERERS: tuple[tuple[str, Renderer], ...] = (
    ("/access/v1/evaluation", authzen_errors.render),
    ("/access/v1/search/", authzen_errors.render),
    ("/.well-known/authzen-configuration", authzen_errors.render),
    ("/oauth2/", oauth_errors.render),
    ("/.well-known/", oauth_errors.render),
    ("/idm/", oauth_errors.render),
    ("/v1", keyrock_errors.render),
    ("/user", user_info_routes.render),
    ("/", problems.render),
)
"""How refusals look, by the start of the path; the first that fits is taken."""


def create_app(settings: ApiSettings) -> Correlated:
    """The application that answers every request to the security API."""
    app = FastAPI(
        title="Security API",
        description="Users, applications, tokens, grants and decisions of a city.",
        openapi_url=None,
        redirect_slashes=False,
        dependencies=[Depends(authorise)],
        exception_handlers={
            CityError: _refuse,
            HTTPException: _refuse_unrouted,
            Exception: _refuse,
        },
    )
    app.add_middleware(KeyrockAlias)
    app.add_middleware(GZipMiddleware, minimum_size=COMPRESS_FROM, compresslevel=5)
    app.state.settings = settings
    app.state.policy = Policy.of(RULES, settings, client("dynamodb"))
    # made now, not by the first request: a function starts with more processor than it runs with
    app.state.services = Services(settings, client("dynamodb"))
    for module in ROUTES:
        app.include_router(module.router)
    decisions = DecisionAudit.of(settings, client("dynamodb"))
    return Correlated(app, logger("security-api", settings.stage), decisions, PLATFORM)


async def _refuse(request: Request, error: Exception) -> Response:
    request.scope["audit"]["refusal"] = type(error).__name__
    path = request.scope["path"]
    render = next(render for start, render in RENDERERS if path.startswith(start))
    return render(error)


async def _refuse_unrouted(request: Request, error: HTTPException) -> Response:
    """Refuse a path that is no route (404) or lacks the method (405)."""
    if error.status_code != 405:
        return await _refuse(request, UnknownPath(request.url.path))
    route = request.scope["route"].path
    return await _refuse(request, MethodNotAllowed([m for m, path in RULES if path == route]))
