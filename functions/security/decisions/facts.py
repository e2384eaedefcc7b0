"""What the routes about decisions need of a request: who asks about which tenant, and its body."""

from typing import Annotated, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from city.errors import InvalidRequest
from city.json import Json
from city.preconditions import Preconditions
from city.tenancy import Tenant, parse_tenant
from models.authzen.faults import explain
from security.administration.facts import CallerFact
from security.decisions.evaluations import Asker

_TENANT_HEADERS = ("fiware-service", "ngsild-tenant")

Body = TypeVar("Body", bound=BaseModel)


async def _tenant(request: Request) -> Tenant:
    """The tenant that the request is about, named as the data APIs have it. Raises InvalidRequest."""
    named = {
        parse_tenant(value) for name in _TENANT_HEADERS for value in request.headers.getlist(name)
    }
    if len(named) > 1:
        raise InvalidRequest("the headers name more than one tenant")
    return named.pop() if named else parse_tenant(None)


TenantFact = Annotated[Tenant, Depends(_tenant)]


async def _asker(caller: CallerFact, tenant: TenantFact) -> Asker:
    return Asker(caller.subject.id, caller.access, tenant)


AskerFact = Annotated[Asker, Depends(_asker)]


async def _administrator(asker: AskerFact) -> Asker:
    """The caller, if it administers the tenant. Raises Forbidden."""
    asker.access.require_admin(asker.tenant)
    return asker


AdministratorFact = Annotated[Asker, Depends(_administrator)]


async def _preconditions(request: Request) -> Preconditions:
    return Preconditions(request.headers.get("if-match"), request.headers.get("if-none-match"))


PreconditionsFact = Annotated[Preconditions, Depends(_preconditions)]


def read(model: type[Body], members: Json) -> Body:
    """The body as a model. Raises InvalidRequest naming the member that is wrong."""
    try:
        return model.model_validate(members)
    except ValidationError as error:
        raise InvalidRequest(explain(error)) from None
