"""Answers that the gateway would not pass on are refused, whichever API they are of.

A function may answer 6 MiB, as JSON in which a text is a string, and anything else is base64.
"""

from collections.abc import Awaitable, Callable

from mangum.adapter import DEFAULT_TEXT_MIME_TYPES
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from city.errors import TooLarge
from city.json import dump

MAX_ANSWER_BYTES = 6_000_000
"""The rest is for headers."""

_ALWAYS_FITS = MAX_ANSWER_BYTES // 6

Refuse = Callable[[Request, Exception], Awaitable[Response]]


class Fitting:
    """Wraps an application, compression included; `refuse` renders the refusal."""

    def __init__(self, app: ASGIApp, refuse: Refuse) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started: list[Message] = []

        async def send_what_fits(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
                return
            start = started.pop() if started else None
            if start is None:
                await send(message)
            elif (
                sent_as(message.get("body", b""), Headers(raw=start["headers"])) > MAX_ANSWER_BYTES
            ):
                response = await self._refuse(Request(scope), _refusal())
                await response(scope, receive, send)
            else:
                await send(start)
                await send(message)

        await self._app(scope, receive, send_what_fits)


def sent_as(body: bytes, headers: Headers) -> int:
    """How many bytes a body is when it leaves the function."""
    if len(body) <= _ALWAYS_FITS:
        return len(body)
    media_type = headers.get("content-type", "")
    is_text = any(one in media_type for one in DEFAULT_TEXT_MIME_TYPES)
    if not is_text or "content-encoding" in headers:
        return -(-len(body) // 3) * 4
    return len(dump(body.decode()).encode())


def _refusal() -> TooLarge:
    return TooLarge(
        f"the answer has more than {MAX_ANSWER_BYTES} bytes: ask for less at a time, by limit, "
        "attributes or time; accept gzip, or order an export at /history/v1/exports"
    )
