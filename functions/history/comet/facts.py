"""What STH-Comet's operations need of a request: whose history, and who asks."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from city.errors import InvalidRequest
from city.policy import Caller
from city.policy.grants import Access
from city.tenancy import PathPattern, PathScope, ServicePath, Tenant, parse_tenant, parse_write_path
from history.comet.parameters import Invalid

TENANT = "fiware-service"
PATH = "fiware-servicepath"


@dataclass(frozen=True, slots=True)
class Facts:
    """Both headers are mandatory; a service path is one place, and nothing below it is meant."""

    caller: Caller
    tenant: Tenant
    path: ServicePath

    @property
    def access(self) -> Access:
        """What the caller may do."""
        return self.caller.access

    @property
    def scope(self) -> PathScope:
        """The service path as what a query looks at."""
        return (PathPattern(self.path, subtree=False),)


async def read_facts(request: Request) -> Facts:
    """The facts of a request. Raises Invalid for a header that is missing or wrong."""
    headers = request.headers
    for name in (TENANT, PATH):
        if not headers.get(name):
            message = f'child "{name}" fails because [{name} is required]'
            raise Invalid(message, "headers")
        if len(headers.getlist(name)) > 1:
            raise Invalid(f"{name} must be given only once", "headers", (name,))
    try:
        tenant, path = parse_tenant(headers[TENANT]), parse_write_path(headers[PATH])
    except InvalidRequest as error:
        raise Invalid(str(error), "headers") from error
    return Facts(request.scope["caller"], tenant, path)


CometFacts = Annotated[Facts, Depends(read_facts)]
