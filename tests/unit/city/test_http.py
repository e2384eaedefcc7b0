"""What surrounds every HTTP application: correlator, log line, and errors that do not leak."""

import asyncio
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from city.http import Correlated

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send


class Log(Logger):
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, msg: object, *_: object, **extra: Any) -> None:
        self.lines.append((str(msg), extra))

    def exception(self, msg: object, *_: object, **extra: Any) -> None:
        self.lines.append((str(msg), extra))


def call(app: Any, *, path: str = "/v2", headers: dict[bytes, bytes] | None = None) -> Any:
    """Run one request; what was sent, what was logged, and the scope the application saw."""
    log = Log()
    sent: list[Message] = []
    scope = {"type": "http", "method": "GET", "path": path, "headers": [*(headers or {}).items()]}

    async def receive() -> "Message":
        return {"type": "http.request"}

    async def send(message: "Message") -> None:
        sent.append(message)

    asyncio.run(Correlated(app, log)(scope, receive, send))
    return sent, log.lines, scope


async def answering(scope: "Scope", _: "Receive", send: "Send") -> None:
    scope["audit"]["subject"] = "machine-1"
    await send({"type": "http.response.start", "status": 204, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body"})


def test_correlator_of_the_request_is_on_the_answer() -> None:
    sent, lines, scope = call(answering, headers={b"fiware-correlator": b"mine"})
    assert sent[0]["headers"] == [(b"a", b"b"), (b"fiware-correlator", b"mine")]
    assert scope["correlator"] == "mine"
    assert lines[0][1]["correlator"] == "mine"


def test_correlator_is_made_when_there_is_none() -> None:
    first, second = (call(answering)[2]["correlator"] for _ in range(2))
    assert len(first) == 36
    assert first != second


def test_one_line_tells_status_and_subject_but_not_the_path() -> None:
    _, lines, _ = call(answering, path="/v2/entities/Private")
    ((message, extra),) = lines
    assert message == "request"
    assert (extra["status"], extra["subject"], extra["route"]) == (204, "machine-1", None)
    assert "Private" not in repr(extra)


def test_one_slash_at_the_end_is_dropped_but_not_the_root() -> None:
    assert call(answering, path="/v2/")[2]["path"] == "/v2"
    assert call(answering, path="/v2//")[2]["path"] == "/v2/"
    assert call(answering, path="/")[2]["path"] == "/"


def test_unexpected_error_is_logged_and_goes_no_further() -> None:
    async def failing(_scope: "Scope", _receive: "Receive", _send: "Send") -> None:
        raise RuntimeError("broken")

    _, lines, _ = call(failing)
    assert [message for message, _ in lines] == ["unexpected error", "request"]
