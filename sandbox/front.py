"""The city's addresses: everything goes to an HTTP API, but for the reset that exists only here."""

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

RESET = "/_sandbox/reset"

IN_FLIGHT = 2 * (os.cpu_count() or 1)
"""Requests that run at once. Every one takes a function process of its own (1 s of CPU to start,
80 MB); more of them than this share the same processors and answer no more requests a second."""


class Front:
    """Routes by the port a request came in on: one of the city's, or that of the embedded AWS.

    `ports` says which HTTP API of the template answers on which port of the city. A request for the
    city is handed to the embedded AWS as one for that API, in the same process. Before `open` it is
    answered with 503.
    """

    def __init__(
        self, aws: Application, ports: Mapping[int, str], reset: Callable[[], Awaitable[None]]
    ) -> None:
        self._aws = aws
        self._ports = ports
        self._reset = reset
        self._prefixes: dict[int, str] = {}
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._resetting = asyncio.Lock()

    def open(self, ids: Mapping[str, str]) -> None:
        """Let requests through to the HTTP APIs with these ids, by their names in the template."""
        self._prefixes = {
            port: f"/_aws/execute-api/{ids[api]}/$default" for port, api in self._ports.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        port = scope["server"][1] if scope["type"] == "http" else 0
        if port not in self._ports:
            await self._aws(scope, receive, send)
        elif not self._prefixes:
            await _answer(send, 503, {"message": "The city is starting."})
        elif scope["path"] == RESET:
            await self._wipe(scope, send)
        else:
            prefix = self._prefixes[port]
            scope["path"] = prefix + scope["path"]
            scope["raw_path"] = prefix.encode() + scope["raw_path"]
            scope["headers"] = [*scope["headers"], (b"x-forwarded-proto", b"http")]
            async with self._slots:
                await self._aws(scope, receive, send)

    async def _wipe(self, scope: Scope, send: Send) -> None:
        if scope["method"] != "POST":
            await _answer(send, 405, {"message": f"{RESET} takes POST."})
            return
        async with self._resetting, contextlib.AsyncExitStack() as alone:
            # no request runs meanwhile, none meets a city that is half empty
            for _ in range(IN_FLIGHT):
                await alone.enter_async_context(self._slots)
            await self._reset()
        await _answer(send, 204)


async def _answer(send: Send, status: int, body: dict[str, str] | None = None) -> None:
    content = b"" if body is None else json.dumps(body).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    await send(
        {"type": "http.response.start", "status": status, "headers": headers if content else []}
    )
    await send({"type": "http.response.body", "body": content})
