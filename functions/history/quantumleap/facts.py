"""What QuantumLeap's operations need of a request: whose history, where in it, and who asks."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from city.errors import InvalidRequest, TooLarge
from city.json import Json, dump, parse
from city.policy import Caller
from city.policy.grants import Access, Action
from city.tenancy import (
    EVERYWHERE,
    ROOT,
    PathPattern,
    PathScope,
    ServicePath,
    Tenant,
    parse_read_scope,
    parse_write_path,
)
from history.facts import PATH_HEADER, CallerFact, TenantFact
from history.quantumleap.dialects import DIALECTS, Dialect
from history.quantumleap.refusals import WrongForm

TIME_INDEX_HEADER = "fiware-timeindex-attribute"


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one request.

    `scope` is where a query looks: a service path stands for itself and all below it.
    `service_path` is the header as it came, `time_index` the attribute that a notification's sender
    says has the time. `dialect` is how entities are called in answers.
    """

    caller: Caller
    tenant: Tenant
    scope: PathScope
    service_path: str
    time_index: str | None
    query_string: bytes
    accept: str
    body: bytes
    dialect: Dialect

    @property
    def access(self) -> Access:
        """What the caller may do."""
        return self.caller.access

    @property
    def is_root(self) -> bool:
        """Whether the request is about the whole tenant."""
        return any(pattern.path == ROOT for pattern in self.scope)

    def require_any(self, action: Action) -> None:
        """Refuse whoever may do this with nothing in the tenant, before anything is looked at."""
        if not self.access.may(action, self.tenant):
            raise self.access.refusal(f"no grant lets you {action} anything in this tenant")

    def write_paths(self, entities: int) -> list[ServicePath]:
        """The path of each of so many entities: one for all, or as many as there are entities."""
        paths = [parse_write_path(path.strip()) for path in self.service_path.split(",")]
        if len(paths) == 1:
            return paths * entities
        if len(paths) != entities:
            raise InvalidRequest(
                f"Fiware-ServicePath names {len(paths)} paths for {entities} entities: "
                "give one for all, or one for each"
            )
        return paths

    def document(self) -> dict[str, Json]:
        """The JSON object in the body. Raises WrongForm when it is none."""
        try:
            document = parse(self.body)
            dump(document)  # a number such as 1e999 is JSON, but none that anybody could be told
        except ValueError as error:
            raise WrongForm(f"the body is not JSON: {error}") from None
        if not isinstance(document, dict):
            raise WrongForm("the body is not a JSON object")
        return document


async def read_facts(request: Request, caller: CallerFact, tenant: TenantFact) -> Facts:
    """The facts of a request. Raises InvalidRequest for a wrong header, TooLarge for the body."""
    headers = request.headers
    settings = request.app.state.settings
    service_path = ",".join(headers.getlist(PATH_HEADER))
    body = await request.body()
    if len(body) > settings.max_body_bytes:
        raise TooLarge(
            f"the body has {len(body)} bytes, at most {settings.max_body_bytes} are read"
        )
    return Facts(
        caller=caller,
        tenant=tenant,
        scope=_below(parse_read_scope(service_path or None)),
        service_path=service_path,
        time_index=headers.get(TIME_INDEX_HEADER),
        query_string=request.scope["query_string"],
        accept=headers.get("accept", ""),
        body=body,
        dialect=DIALECTS[settings.quantum_leap_dialect],
    )


QuantumLeapFacts = Annotated[Facts, Depends(read_facts)]


def _below(scope: PathScope) -> PathScope:
    """The places and all below them; everywhere when one of them is the root."""
    if any(pattern.path == ROOT for pattern in scope):
        return EVERYWHERE
    return tuple(dict.fromkeys(PathPattern(pattern.path, subtree=True) for pattern in scope))
