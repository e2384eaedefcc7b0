"""The HTTP application of the context API: routes, policy, errors, and what surrounds them."""

from fastapi import Depends, FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from city.aws import client
from city.errors import CityError
from city.http import COMPRESS_FROM, Correlated, authorise
from city.observability import logger
from city.policy import Policy
from city.policy.audit import DecisionAudit
from context.ngsi_v2 import (
    entity_routes,
    errors,
    operation_routes,
    registration_routes,
    service_routes,
    subscription_routes,
    type_routes,
)
from context.ngsi_v2.access import RULES, allowed_methods
from context.ngsi_v2.facts import read_facts
from context.services import Services
from context.settings import ApiSettings

ROUTERS = (
    entity_routes.router,
    operation_routes.router,
    type_routes.router,
    subscription_routes.router,
    registration_routes.router,
    service_routes.router,
)


def create_app(settings: ApiSettings) -> Correlated:
    """The application that answers every request to NGSI-v2."""
    app = FastAPI(
        title="Context Management API (NGSI-v2)",
        description="Entities, types, subscriptions and batch operations of a city's context.",
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
    app.state.settings = settings
    app.state.policy = Policy.of(RULES, settings, client("dynamodb"))
    # made now, not by the first request: a function starts with more processor than it runs with
    app.state.services = Services(settings, client("dynamodb"))
    for router in ROUTERS:
        app.include_router(router)
    decisions = DecisionAudit.of(settings, client("dynamodb"))
    return Correlated(app, logger("context-api", settings.stage), decisions)


async def _refuse(request: Request, error: Exception) -> Response:
    response = errors.render(error)
    request.scope["audit"]["refusal"] = type(error).__name__
    return response


async def _refuse_unrouted(request: Request, error: HTTPException) -> Response:
    """Refuse a path that is no route (400) or lacks the method (405), after what else is wrong."""
    try:
        await read_facts(request)
    except CityError as refusal:
        return await _refuse(request, refusal)
    if error.status_code != 405:
        return await _refuse(request, errors.unknown_url(request.url.path))
    response = await _refuse(request, errors.method_not_allowed())
    response.headers["Allow"] = allowed_methods(request.scope["route"].path)
    return response
