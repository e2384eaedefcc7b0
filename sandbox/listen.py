"""`make listen`: a subscriber that prints each notification it gets, one JSON document a line."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"


class Printer(BaseHTTPRequestHandler):
    """Answers 204 to every POST and prints its body."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        print(body.decode(errors="replace"), flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing but the notifications."""


if __name__ == "__main__":
    ThreadingHTTPServer((HOST, int(os.environ.get("PORT") or 9099)), Printer).serve_forever()
