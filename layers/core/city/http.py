"""What every HTTP application has around it: who may pass, what refusals are, a correlator and one
log line.

A refusal's status and headers are those of `status_of` and `headers_of` unless the API's standard
has others; its body is the API's own.
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from uuid import uuid4

from aws_lambda_powertools import Logger
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from city import errors
from city.errors import InvalidRequest
from city.policy import MissingScope, Policy, Subject
from city.policy.audit import DecisionAudit
from city.policy.grants import PUBLIC_ID
from city.policy.quotas import QuotaExceeded
from city.policy.tokens import InvalidToken
from city.tenancy import DEFAULT_TENANT, parse_tenant

CORRELATOR = b"fiware-correlator"
_TENANT_HEADERS = frozenset({b"fiware-service", b"ngsild-tenant"})
REQUEST_ID = b"x-request-id"

COMPRESS_FROM = 4096
"""Bytes of an answer that are worth compressing; egress is the dearest part of a large list."""

INTERNAL = "an unexpected error of the service, which has been logged"


class UnknownPath(errors.NotFound):
    """The path is no route of the API."""

    def __init__(self, path: str) -> None:
        super().__init__(f"there is nothing at {path}")


class MethodNotAllowed(errors.CityError):
    """The path has other methods than this; `allowed` names them."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = ", ".join(allowed)
        super().__init__(f"this path takes {self.allowed} only")


_STATUSES: dict[type[errors.CityError], int] = {
    errors.InvalidRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    MethodNotAllowed: 405,
    errors.Ambiguous: 409,
    errors.AlreadyExists: 409,
    errors.Stale: 412,
    errors.TooLarge: 413,
    errors.Unprocessable: 422,
    QuotaExceeded: 429,
    errors.Unconditional: 428,
    errors.Unsupported: 501,
    errors.Contended: 503,
    errors.Unavailable: 503,
}


def status_of(error: Exception) -> int:
    """The status of a refusal; 500 for anything that is none."""
    return next((_STATUSES[cls] for cls in type(error).__mro__ if cls in _STATUSES), 500)


def message_of(error: Exception) -> str:
    """What the caller is told; nothing of an error that is no refusal."""
    return INTERNAL if status_of(error) == 500 else str(error)


def headers_of(error: Exception) -> dict[str, str] | None:
    """The headers of a refusal: the challenge (RFC 6750), when to try again, what is allowed."""
    match error:
        case InvalidToken():
            return {"WWW-Authenticate": 'Bearer realm="city", error="invalid_token"'}
        case MissingScope():
            challenge = f'Bearer realm="city", error="insufficient_scope", scope="{error.scope}"'
            return {"WWW-Authenticate": challenge}
        case errors.Unauthenticated():
            return {"WWW-Authenticate": 'Bearer realm="city"'}
        case QuotaExceeded():
            return error.headers()
        case MethodNotAllowed():
            return {"Allow": error.allowed}
        case errors.Contended() | errors.Unavailable():
            return {"Retry-After": "1"}
        case _:
            return None


async def authorise(request: Request) -> None:
    """Runs before every route, whoever adds it, and lets only what the policy allows pass.

    The application has its policy as `app.state.policy`; routes find the caller as
    `request.scope["caller"]`.
    """
    policy: Policy = request.app.state.policy
    address = request.client.host if request.client else ""
    route = request.scope["route"].path
    try:
        caller = policy.authorise(request.method, route, request.headers, address)
    except MissingScope as refusal:
        _note(request, refusal.subject)
        raise
    request.scope["caller"] = caller
    _note(request, caller.subject)


def _note(request: Request, subject: Subject | None) -> None:
    if subject is not None:
        request.scope["audit"] |= {"subject": subject.id, "client": subject.client}


class Correlated:
    """Wraps an ASGI application; for each request

    - takes `Fiware-Correlator` from it or makes one, as `scope["correlator"]`, and puts it on
      the answer whatever that is, with the `X-Request-ID` of the request if it has one;
    - drops one slash at the end of the path, which FIWARE's clients may send;
    - logs one line: method, route template, status, time, and who asked for what
      (`scope["audit"]`), but no path, query, header or body, which may hold personal data;
    - keeps what was decided about a known caller in the audit trail (`decisions`). A request without
      a tenant's name is about `tenant`.
    """

    def __init__(
        self,
        app: ASGIApp,
        log: Logger,
        decisions: DecisionAudit | None = None,
        tenant: str = DEFAULT_TENANT,
    ) -> None:
        self.app = app
        self._log = log
        self._decisions = decisions
        self._tenant = tenant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        correlator = _correlator(scope)
        marks = [(CORRELATOR, correlator), *_request_ids(scope)]
        path = scope["path"]
        if len(path) > 1 and path.endswith("/"):
            scope["path"] = path[:-1]
        scope["correlator"] = correlator.decode("latin-1")
        scope["audit"] = {}
        statuses: list[int] = []
        try:
            await self.app(scope, receive, _correlating(send, marks, statuses.append))
        except Exception:
            # the application has answered 500 already; what is left is to tell the operators
            self._log.exception("unexpected error", correlator=scope["correlator"])
        self._log_request(scope, statuses, perf_counter() - started)
        self._keep_decision(scope, statuses)

    def _log_request(self, scope: Scope, statuses: list[int], seconds: float) -> None:
        route = scope.get("route")
        self._log.info(
            "request",
            method=scope["method"],
            route=getattr(route, "path", None),
            status=statuses[0] if statuses else None,
            ms=round(seconds * 1000, 1),
            correlator=scope["correlator"],
            **scope["audit"],
        )

    def _keep_decision(self, scope: Scope, statuses: list[int]) -> None:
        subject = scope["audit"].get("subject", PUBLIC_ID)
        if self._decisions is None or subject == PUBLIC_ID or not statuses:
            return
        action = f"{scope['method']} {getattr(scope.get('route'), 'path', '')}"
        if statuses[0] == 403:
            self._decisions.refused(
                actor=subject,
                action=action,
                tenant=self._tenant_of(scope),
                reason=scope["audit"].get("refusal", ""),
            )
        elif statuses[0] < 400:
            self._decisions.allowed(actor=subject, action=action, tenant=self._tenant_of(scope))

    def _tenant_of(self, scope: Scope) -> str:
        """The tenant that the request names; it may be refused for a name that is none."""
        named = next((value for name, value in scope["headers"] if name in _TENANT_HEADERS), None)
        try:
            return self._tenant if named is None else parse_tenant(named.decode("latin-1"))
        except InvalidRequest:
            return self._tenant


def _correlator(scope: Scope) -> bytes:
    given = next((value for name, value in scope["headers"] if name == CORRELATOR), b"")
    return given or str(uuid4()).encode()


def _request_ids(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The request's own identifier, which AuthZEN and many clients want back; empty without."""
    given = [(name, value) for name, value in scope["headers"] if name == REQUEST_ID]
    return given[:1]


def _correlating(
    send: Send, marks: list[tuple[bytes, bytes]], note_status: Callable[[int], None]
) -> Send:
    async def send_with_marks(message: Message) -> None:
        if message["type"] == "http.response.start":
            note_status(message["status"])
            message["headers"] = [*message.get("headers", ()), *marks]
        await send(message)

    return send_with_marks
