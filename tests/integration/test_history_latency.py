"""S3 answers after some milliseconds, so many small files are asked for side by side."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from history.reading.engine import Credentials, Engine, Place
from history.reading.fragments import Sql
from history.recording.parquet import parquet_of
from tests.history_records import record

FILES = 60
LATENCY = 0.02


class Far(ThreadingHTTPServer):
    """Stands for S3 with one object under every key; knows how many requests it had at once."""

    request_queue_size = 64

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.content = content
        self.present = self.most = 0
        self.lock = Lock()

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self.lock:
            self.present += 1
            self.most = max(self.most, self.present)
        time.sleep(LATENCY)
        yield
        with self.lock:
            self.present -= 1


class Answering(BaseHTTPRequestHandler):
    """HEAD and GET with a range, as DuckDB asks."""

    protocol_version = "HTTP/1.1"
    server: Far

    def do_HEAD(self) -> None:
        with self.server.counted():
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.server.content)))
            self.send_header("Last-Modified", "Thu, 08 Oct 2026 12:00:00 GMT")
            self.end_headers()

    def do_GET(self) -> None:
        first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        content = self.server.content
        with self.server.counted():
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            self.send_header("Content-Length", str(len(content[first : last + 1])))
            self.end_headers()
            self.wfile.write(content[first : last + 1])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_small_files_are_read_side_by_side() -> None:
    server = Far(parquet_of([record(21)]))
    Thread(target=server.serve_forever, daemon=True).start()
    place = Place("s3://city/", f"http://127.0.0.1:{server.server_port}", "eu-south-1")
    engine = Engine(place, lambda: Credentials("testing", "testing"))
    files = tuple(f"s3://city/history/{number}.parquet" for number in range(FILES))
    found = engine.run(Sql("SELECT count(*) FROM read_parquet(?)", (files,)))
    server.shutdown()
    server.server_close()
    assert found.rows == [(FILES,)]
    assert server.most >= 12
