"""What every HTTP application has around it: a correlator, one log line, and no leaking errors."""

from collections.abc import Callable
from time import perf_counter
from uuid import uuid4

from aws_lambda_powertools import Logger
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CORRELATOR = b"fiware-correlator"


class Correlated:
    """Wraps an ASGI application; for each request

    - takes `Fiware-Correlator` from it or makes one, as `scope["correlator"]`, and puts it on
      the answer whatever that is;
    - drops one slash at the end of the path, which FIWARE's clients may send;
    - logs one line: method, route template, status, time, and who asked for what
      (`scope["audit"]`), but no path, query, header or body, which may hold personal data.
    """

    def __init__(self, app: ASGIApp, log: Logger) -> None:
        self.app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        correlator = _correlator(scope)
        path = scope["path"]
        if len(path) > 1 and path.endswith("/"):
            scope["path"] = path[:-1]
        scope["correlator"] = correlator.decode("latin-1")
        scope["audit"] = {}
        statuses: list[int] = []
        try:
            await self.app(scope, receive, _correlating(send, correlator, statuses.append))
        except Exception:
            # the application has answered 500 already; what is left is to tell the operators
            self._log.exception("unexpected error", correlator=scope["correlator"])
        self._log_request(scope, statuses, perf_counter() - started)

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


def _correlator(scope: Scope) -> bytes:
    given = next((value for name, value in scope["headers"] if name == CORRELATOR), b"")
    return given or str(uuid4()).encode()


def _correlating(send: Send, correlator: bytes, note_status: Callable[[int], None]) -> Send:
    async def send_with_correlator(message: Message) -> None:
        if message["type"] == "http.response.start":
            note_status(message["status"])
            message["headers"] = [*message.get("headers", ()), (CORRELATOR, correlator)]
        await send(message)

    return send_with_correlator
