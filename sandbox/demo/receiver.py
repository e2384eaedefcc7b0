"""A subscriber for the demo: takes notifications on a loopback port of its own and notes when each came."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Moment = tuple[str, str]
"""One observation: entity id and dateObserved."""


class Receiver:
    """Serves as long as the `with` block runs; calls `on_arrival` with each notified entity.

    `arrivals` has the time (`time.perf_counter`) each observation first came; `repeats` counts
    those that came again.
    """

    def __init__(self, on_arrival: Callable[[dict[str, Any]], None]) -> None:
        self.arrivals: dict[Moment, float] = {}
        self.repeats = 0
        self._on_arrival = on_arrival
        self._noting = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/notifications"

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def note(self, entity: dict[str, Any], now: float) -> None:
        moment = (entity["id"], entity["dateObserved"])
        with self._noting:
            if moment in self.arrivals:
                self.repeats += 1
                return
            self.arrivals[moment] = now
        self._on_arrival(entity)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                now = time.perf_counter()
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204)
                self.end_headers()
                for entity in json.loads(body)["data"]:
                    receiver.note(entity, now)

            def log_message(self, *_: object) -> None:
                """Keep the progress bars whole."""

        return Handler
