"""The facts of one NGSI-v2 request, checked before anything is done.

The order of the checks is the one clients know from Orion: what the URL, the service path and the
body's media type have wrong is told before parameters, and those before `Accept` and missing
bodies.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers

from city.errors import InvalidRequest
from city.policy import PUBLIC, Caller
from city.policy.grants import Access, Action, View
from city.tenancy import (
    DEFAULT_TENANT,
    EVERYWHERE,
    PathScope,
    ServicePath,
    Tenant,
    parse_read_scope,
    parse_tenant,
    parse_write_path,
)
from context.ngsi_v2 import negotiation
from context.ngsi_v2.identifiers import check_in_url, has_forbidden_characters
from context.ngsi_v2.negotiation import Accept
from context.ngsi_v2.parameters import Parameters, parse_parameters
from context.rights import Permit, readable

TENANT_HEADERS = ("fiware-service", "ngsild-tenant")
_IDENTIFIERS = {"entity_id", "attribute"}
_NOBODY = Caller(PUBLIC, Access(PUBLIC.id, (), 0))
"""Who asks for a path that is no route: such requests are refused before anybody is let in."""


@dataclass(frozen=True)
class Facts:
    """What every operation needs to know of its request.

    `caller` is who asks and what the caller may do; `parts` are the variable parts of the path; `scope` is where a read looks; `service_path` is
    the header as it came; `is_text` says that the body is a bare value (text/plain).
    """

    caller: Caller
    parts: dict[str, str]
    tenant: Tenant
    scope: PathScope
    service_path: str | None
    correlator: str
    parameters: Parameters
    accept: Accept
    body: bytes
    is_text: bool

    @cached_property
    def view(self) -> View:
        """What the caller may read in the tenant. Raises Forbidden when that is nothing."""
        return readable(self.caller.access, self.tenant)

    def permit(self, action: Action, *names: str, whole: bool = False) -> Permit:
        """The caller's permit to do this with attributes of these names."""
        return Permit(self.caller.access, action, frozenset(names), whole)

    @property
    def entity_id(self) -> str:
        """The entity the path names."""
        return self.parts["entity_id"]

    @property
    def attribute(self) -> str:
        """The attribute the path names."""
        return self.parts["attribute"]

    @property
    def key_values(self) -> bool:
        """Whether entities come and go in the key-values form."""
        return self.parameters.format == "keyValues"

    @property
    def type(self) -> str | None:
        """The entity type the request names to tell entities with one id apart."""
        return self.parameters.get("type")

    @property
    def write_path(self) -> ServicePath:
        """The one path a write goes to. Raises InvalidRequest for several or a wildcard."""
        return parse_write_path(self.service_path)


async def read_facts(request: Request) -> Facts:
    """Check the request as far as all operations agree. Raises InvalidRequest and Refused."""
    headers, path = request.headers, request.url.path
    _check_path(path, request.path_params)
    service_path = ",".join(headers.getlist("fiware-servicepath")) or None
    scope = parse_read_scope(service_path)
    _check_single_path(request.method, scope)
    text_too = path.endswith("/value")
    is_text = negotiation.check_media_type(
        headers.get("content-type"), body := await request.body(), text_too=text_too
    )
    parameters = parse_parameters(request.scope["query_string"])
    negotiation.check_size(body, request.app.state.settings.max_body_bytes)
    accept = negotiation.parse_accept(headers.get("accept"))
    negotiation.check_acceptable(accept, text_too=text_too)
    negotiation.check_presence(request.method, headers.get("content-type"), body)
    tenant = _tenant(headers)
    correlator = request.scope["correlator"]
    return Facts(
        request.scope.get("caller", _NOBODY),
        request.path_params,
        tenant,
        scope,
        service_path,
        correlator,
        parameters,
        accept,
        body,
        is_text,
    )


RequestFacts = Annotated[Facts, Depends(read_facts)]


def _check_path(path: str, parts: dict[str, str]) -> None:
    if has_forbidden_characters(path):
        raise InvalidRequest("invalid character in URI")
    for name in parts.keys() & _IDENTIFIERS:
        check_in_url(parts[name])


def _tenant(headers: Headers) -> Tenant:
    """The one tenant that all tenant headers name; NGSI-LD's own header counts as well.

    A request that names two tenants would be decided for one and could be done in the other.
    """
    named = {parse_tenant(text) for name in TENANT_HEADERS for text in headers.getlist(name)}
    if len(named) > 1:
        raise InvalidRequest("Fiware-Service and NGSILD-Tenant name different tenants")
    return named.pop() if named else DEFAULT_TENANT


def _check_single_path(method: str, scope: PathScope) -> None:
    """PATCH and DELETE take one path without wildcard, whatever they are about."""
    if method == "PATCH":
        several = "more than one servicepath in patch update request is not allowed"
        wildcard = "servicepath with wildcard # is not allowed in patch update request"
    elif method == "DELETE":
        several = "more than one servicepath is not allowed in DELETE operation"
        wildcard = "servicepath with wildcard # is not allowed in DELETE operation"
    else:
        return
    if len(scope) > 1:
        raise InvalidRequest(several)
    if scope is not EVERYWHERE and scope[0].subtree:
        raise InvalidRequest(wildcard)
