"""The HTTP application of the history API: routes, policy, errors, and what surrounds them."""

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
from city.policy import Policy, Rules, merged
from city.policy.audit import DecisionAudit
from history import description_routes, large_query_routes, retention_routes
from history.access import ADMIN, DELETE
from history.comet import errors as comet_errors
from history.comet import notify_routes as comet_notify_routes
from history.comet import routes as comet_routes
from history.comet import service_routes as comet_service_routes
from history.exports import routes as export_routes
from history.fitting import Fitting
from history.opendata import catalog_routes, ckan_routes, dataset_routes
from history.quantumleap import deletion_routes, notify_routes, query_routes, service_routes
from history.quantumleap import errors as quantumleap_errors
from history.quantumleap.mounting import PATHS as QUANTUMLEAP_PATHS
from history.services import Services
from history.settings import ApiSettings

Renderer = Callable[[Exception], Response]


class Routes(Protocol):
    """A module with routes and their rules, by method and path."""

    router: APIRouter

    @property
    def RULES(self) -> Rules:  # noqa: N802 - a constant of the module
        """The operation of each route."""


ROUTES: tuple[Routes, ...] = (
    query_routes,
    notify_routes,
    deletion_routes,
    service_routes,
    description_routes,
    large_query_routes,
    retention_routes,
    comet_routes,
    comet_notify_routes,
    comet_service_routes,
    export_routes,
    dataset_routes,
    ckan_routes,
    catalog_routes,
)
"""Every module with routes. Whoever writes one adds it here."""

RULES = merged(module.RULES for module in ROUTES)

AUDITED = frozenset(
    f"{method} {path}"
    for (method, path), operation in RULES.items()
    if operation.scope in {DELETE, ADMIN} and method != "GET"
)
"""What the audit trail has of everybody: deletions, and what administrators change."""

RENDERERS: tuple[tuple[str, Renderer], ...] = (
    *((path, quantumleap_errors.render) for path in QUANTUMLEAP_PATHS),
    ("/STH/v2", comet_errors.render_v2),
    ("/STH", comet_errors.render),
    ("/notify", comet_errors.render),
    ("/admin/", comet_errors.render),
    ("/api/", ckan_routes.render),
    ("/", problems.render),
)
"""How refusals look, by the start of the path; the first that fits is taken."""


def create_app(settings: ApiSettings) -> Correlated:
    """The application that answers every request to the history and the open data."""
    app = FastAPI(
        title="Data Storage API",
        description="The history of a city's context, and its open data.",
        openapi_url=None,
        redirect_slashes=False,
        dependencies=[Depends(authorise)],
        exception_handlers={
            CityError: _refuse,
            HTTPException: _refuse_unrouted,
            Exception: _refuse,
        },
    )
    app.add_middleware(GZipMiddleware, minimum_size=COMPRESS_FROM, compresslevel=5)
    app.add_middleware(Fitting, refuse=_refuse)
    app.state.settings = settings
    app.state.rules = RULES
    app.state.policy = Policy.of(RULES, settings, client("dynamodb"))
    # made now, not by the first request: a function starts with more processor than it runs with
    app.state.services = Services(settings, client("dynamodb"))
    for module in ROUTES:
        app.include_router(module.router)
    decisions = DecisionAudit.of(settings, client("dynamodb"), AUDITED)
    return Correlated(app, logger("history-api", settings.stage), decisions)


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
