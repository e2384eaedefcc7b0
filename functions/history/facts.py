"""What routes need of a request: the caller, the tenant, and the address under which it came."""

from typing import Annotated

from fastapi import Depends, Request

from city.policy import Caller
from city.tenancy import Tenant, parse_tenant
from history.services import HistoryServices


async def _caller(request: Request) -> Caller:
    caller: Caller = request.scope["caller"]
    return caller


async def _tenant(request: Request) -> Tenant:
    return parse_tenant(request.headers.get("fiware-service"))


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
CityFact = Annotated[str, Depends(_city)]
"""The address of the city's APIs, without a slash at its end."""
