"""A subscriber's receiver: a real HTTP server on the loopback, obedient or not."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from city.json import Json, parse


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        value: Json = parse(self.body)
        return value


@dataclass
class Receiver:
    """Answers with `status`; while `hanging`, it takes requests and does not answer.

    `statuses` overrides the status for requests whose body contains the text.
    """

    status: int = 204
    retry_after: int = 0
    hanging: bool = False
    statuses: dict[str, int] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self
        self._woken = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self) -> None:
                receiver._take(self)

            do_POST = do_PUT = do_GET = do_PATCH = do_DELETE = do  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def entities(self) -> list[Any]:
        """The entities of all standard notifications, in order of arrival."""
        return [request.json["data"][0] for request in self.received]

    def close(self) -> None:
        """Stop listening; new connections are refused from now on."""
        self._woken.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length).decode()
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.received.append(Received(handler.command, handler.path, headers, body))
        if self.hanging:
            self._woken.wait(30)
            handler.close_connection = True
            return
        status = next((s for text, s in self.statuses.items() if text in body), self.status)
        handler.send_response(status)
        if self.retry_after:
            handler.send_header("Retry-After", str(self.retry_after))
        handler.send_header("Content-Length", "0")
        handler.end_headers()
