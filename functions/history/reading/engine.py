"""DuckDB: one database in memory for the process, which reads files of the history and nothing else.

Before the first query everything is set and locked: no other files, no other hosts' objects, no
settings and no extensions can be reached by whatever a query says. Files never change once they
are written, so what is known of them is kept.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from city.clock import SECOND
from city.errors import TooComplex, Unavailable
from history.reading.fragments import Sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = 700_000_000
"""Bytes that queries may take; what they do not need keeps parts of files."""

THREADS = 16
"""More than a function has cores: most of the time they wait for S3. At 25 ms a request, 240 new
files take 2.4 s to open with 16 threads, 8.4 s with 4, and 1.8 s with 32."""

TIMEOUT = 20 * SECOND

CURSORS = 4
"""Queries at a time."""

_COUNTED = '{"TOTAL_BYTES_READ": "true"}'
_NOT_FOUND = 404


class Credentials(NamedTuple):
    """What S3 wants to know; they change while a process lives."""

    key_id: str
    secret: str
    token: str = ""

    @classmethod
    def of_environment(cls) -> "Credentials":
        """Those that Lambda gives the function."""
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        return cls(*(os.environ.get(name, "") for name in names))


@dataclass(frozen=True, slots=True)
class Place:
    """Where files may be: a bucket of S3 at an address (None: AWS), or a directory here."""

    root: str
    endpoint: str | None = None
    region: str = ""

    @classmethod
    def bucket(cls, root: str, region: str) -> "Place":
        """A bucket where the SDK would look for it: at an address in the environment, or at AWS."""
        names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
        endpoint = next((os.environ[name] for name in names if os.environ.get(name)), None)
        return cls(root, endpoint, region)

    @property
    def is_bucket(self) -> bool:
        """Whether files are objects of S3."""
        return self.root.startswith("s3://")


class Found(NamedTuple):
    """The rows of a query, and the bytes of files that were read for them."""

    rows: list[tuple[Any, ...]]
    bytes: int


class Vanished(Exception):
    """A file that the ledger named is not there any more: it was merged into another."""


class TimedOut(TooComplex):
    """The query took longer than it may."""


class Engine:
    """Runs SQL on files; safe for threads. Made cheaply: DuckDB loads with the first query."""

    def __init__(
        self,
        place: Place,
        credentials: Callable[[], Credentials] = Credentials.of_environment,
        *,
        memory: int = MEMORY,
        threads: int = THREADS,
    ) -> None:
        self._place = place
        self._credentials = credentials
        self._memory = memory
        self._threads = threads
        self._known: Credentials | None = None
        self._lock = Lock()

    def run(self, query: Sql, timeout: int = TIMEOUT) -> Found:
        """The rows of a query, in at most `timeout` microseconds.

        Raises TimedOut, Vanished, TooComplex when memory does not suffice, and Unavailable when S3
        does not answer.
        """
        import duckdb  # noqa: PLC0415 - what is asked for may not need it

        cursor = self._taken()
        timer = Timer(timeout / SECOND, cursor.interrupt)
        timer.start()
        try:
            rows = cursor.execute(query.text, _values(query)).fetchall()
            return Found(rows, _bytes_read(cursor))
        except duckdb.InterruptException as error:
            raise TimedOut("the query takes too long; narrow it by time, entity or type") from error
        except duckdb.OutOfMemoryException as error:
            raise TooComplex("the query needs too much memory; narrow it or set limit") from error
        except duckdb.IOException as error:
            raise _refusal(error) from error
        finally:
            timer.cancel()
            self._cursors.put(cursor)

    def _taken(self) -> "DuckDBPyConnection":
        """A cursor that nobody uses, with the present credentials."""
        with self._lock:
            cursors = self._cursors
            cursor = cursors.get()
            if self._place.is_bucket:
                self._keep_credentials(cursor)
        return cursor

    @cached_property
    def _cursors(self) -> "SimpleQueue[DuckDBPyConnection]":
        """Cursors of the locked database. What each counts has to be said before it is locked."""
        database = self._open()
        cursors: SimpleQueue[DuckDBPyConnection] = SimpleQueue()
        for _ in range(CURSORS):
            cursor = database.cursor()
            cursor.execute("SET enable_profiling = 'no_output'")
            cursor.execute(f"SET custom_profiling_settings = '{_COUNTED}'")
            cursors.put(cursor)
        database.execute("SET lock_configuration = true")
        return cursors

    def _open(self) -> "DuckDBPyConnection":
        import duckdb  # noqa: PLC0415

        database = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "memory_limit": f"{self._memory // 1_000_000}MB",
                "threads": self._threads,
                "temp_directory": "",
                "preserve_insertion_order": False,
            },
        )
        database.execute("SET GLOBAL parquet_metadata_cache = true")
        if self._place.is_bucket:
            database.execute(f"LOAD '{_extension()}'")
            # else the first secret looks for a directory, which no query may reach
            database.execute("SET allow_persistent_secrets = false")
            database.execute("SET GLOBAL enable_http_metadata_cache = true")
            database.execute("SET GLOBAL validate_external_file_cache = 'NO_VALIDATION'")
        database.execute("SET GLOBAL allowed_directories = [?]", [self._place.root])
        database.execute("SET GLOBAL enable_external_access = false")
        return database

    def _keep_credentials(self, database: "DuckDBPyConnection") -> None:
        """Give DuckDB the present credentials, if they are others than those it has."""
        present = self._credentials()
        if present == self._known:
            return
        options = {
            "TYPE": "s3",
            "KEY_ID": present.key_id,
            "SECRET": present.secret,
            "SESSION_TOKEN": present.token,
            "REGION": self._place.region,
            "SCOPE": self._place.root,
            **_address(self._place.endpoint),
        }
        said = ", ".join(f"{name} {_quoted(value)}" for name, value in options.items() if value)
        database.execute(f"CREATE OR REPLACE SECRET history ({said})")
        self._known = present


def _address(endpoint: str | None) -> dict[str, str]:
    """How DuckDB names the address of an S3 that is not AWS's own."""
    if not endpoint:
        return {}
    parts = urlsplit(endpoint)
    encrypted = "true" if parts.scheme == "https" else "false"
    return {"ENDPOINT": parts.netloc, "URL_STYLE": "path", "USE_SSL": encrypted}


def _extension() -> Path:
    """The file of the HTTP extension; DuckDB checks its signature."""
    import duckdb_extension_httpfs  # noqa: PLC0415

    (package,) = duckdb_extension_httpfs.__path__
    return next(Path(package).rglob("httpfs.duckdb_extension"))


def _values(query: Sql) -> Sequence[Any]:
    return [list(one) if isinstance(one, tuple) else one for one in query.parameters]


def _bytes_read(cursor: "DuckDBPyConnection") -> int:
    from city.json import parse  # noqa: PLC0415

    profile = parse(cursor.get_profiling_information(format="json"))
    read = profile.get("total_bytes_read") if isinstance(profile, dict) else 0
    return read if isinstance(read, int) else 0


def _refusal(error: Exception) -> Exception:
    status, message = getattr(error, "status_code", 0), str(error)
    if status == _NOT_FOUND or "No files found" in message or "HTTP 404" in message:
        return Vanished(message)
    return Unavailable("the object store does not answer; try again")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
