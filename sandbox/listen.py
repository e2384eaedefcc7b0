"""`make listen`: a subscriber that prints each notification it gets, one JSON document a line."""

import contextlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sandbox.options import HOST, port_from_environment


class Printer(BaseHTTPRequestHandler):
    """Answers 204 to every POST and prints its body."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        print(body.decode(errors="replace"), flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing but the notifications."""


def main() -> None:
    port = port_from_environment(9099)
    try:
        server = ThreadingHTTPServer((HOST, port), Printer)
    except OSError as taken:
        sys.exit(
            f"Port {port} is taken ({taken.strerror}). Choose another: make listen PORT={port + 1}"
        )
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
