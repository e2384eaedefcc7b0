"""What routes need of a request: the caller, the tenant, where in it, and the address under which
it came."""

from typing import Annotated

from fastapi import Depends, Request

from city.errors import InvalidRequest
from city.policy import Caller
from city.tenancy import DEFAULT_TENANT, PathScope, Tenant, parse_read_scope, parse_tenant
from history.services import HistoryServices

TENANT_HEADERS = ("fiware-service", "ngsild-tenant")
PATH_HEADER = "fiware-servicepath"


async def _caller(request: Request) -> Caller:
    caller: Caller = request.scope["caller"]
    return caller


async def _tenant(request: Request) -> Tenant:
    """The one tenant that all tenant headers name: a request about two would be decided for one."""
    texts = [text for name in TENANT_HEADERS for text in request.headers.getlist(name)]
    named = {parse_tenant(text) for text in texts}
    if len(named) > 1:
        raise InvalidRequest("Fiware-Service and NGSILD-Tenant name different tenants")
    return named.pop() if named else DEFAULT_TENANT


async def _scope(request: Request) -> PathScope:
    return parse_read_scope(",".join(request.headers.getlist(PATH_HEADER)) or None)


async def _city(request: Request, services: HistoryServices) -> str:
    """Where the APIs answer: as configured, or the address of this request, which the gateway
    accepts only if it is one of the API's. What a header says of the scheme counts in a sandbox only.
    """
    if services.settings.public_url:
        return services.settings.public_url.rstrip("/")
    scheme = request.base_url.scheme if services.settings.stage == "sandbox" else "https"
    return f"{scheme}://{request.base_url.netloc}"


CallerFact = Annotated[Caller, Depends(_caller)]
TenantFact = Annotated[Tenant, Depends(_tenant)]
ScopeFact = Annotated[PathScope, Depends(_scope)]
"""The places of the header `Fiware-ServicePath`; everywhere without it."""
CityFact = Annotated[str, Depends(_city)]
"""The address of the city's APIs, without a slash at its end."""
