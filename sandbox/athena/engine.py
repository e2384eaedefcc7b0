"""Runs a translated query on DuckDB, over the Parquet files in the embedded AWS's S3."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import duckdb
import duckdb_extension_httpfs

from sandbox.athena import functions, results
from sandbox.athena.catalog import Catalog
from sandbox.athena.dialect import PATH, Scan, translate
from sandbox.athena.failures import LimitExceeded, QueryFailed
from sandbox.athena.projection import StoredFile, files_of
from sandbox.athena.statements import Statement

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MEMORY = "1GB"
SETTINGS = ("SET parquet_metadata_cache = true", "SET enable_progress_bar = false")
_CONNECTING = threading.Lock()
REASONS: dict[type[duckdb.Error], str] = {
    duckdb.ConversionException: "INVALID_CAST_ARGUMENT",
    duckdb.OutOfRangeException: "NUMERIC_VALUE_OUT_OF_RANGE",
    duckdb.BinderException: "SYNTAX_ERROR",
    duckdb.ParserException: "SYNTAX_ERROR",
    duckdb.CatalogException: "FUNCTION_NOT_FOUND",
    duckdb.OutOfMemoryException: "EXCEEDED_LOCAL_MEMORY_LIMIT",
}
"""What Athena calls errors that DuckDB meets."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The S3 that queries read, as DuckDB reaches it."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str

    def secret(self) -> str:
        """The statement that tells DuckDB."""
        parts = urlsplit(self.endpoint)
        options = {
            "KEY_ID": self.access_key,
            "SECRET": self.secret_key,
            "REGION": self.region,
            "ENDPOINT": parts.netloc,
            "URL_STYLE": "path",
            "USE_SSL": str(parts.scheme == "https").lower(),
        }
        told = ", ".join(f"{name} {_quoted(value)}" for name, value in options.items())
        return f"CREATE SECRET (TYPE s3, {told})"


@dataclass
class Outcome:
    """What a query came to. `rows` is empty when they went elsewhere (UNLOAD): then to the `files`."""

    fields: list[results.Field]
    rows: list[results.Row]
    scanned: int
    files: list[str]


class Engine:
    """One DuckDB for all queries; each has a connection of its own, with views of its own."""

    def __init__(self, catalog: Catalog, s3: "S3Client", storage: Storage) -> None:
        self.catalog = catalog
        self.s3 = s3
        self._storage = storage

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        database = duckdb.connect(config={"memory_limit": MEMORY})
        database.execute(f"LOAD {_quoted(str(_httpfs()))}")
        for setting in (self._storage.secret(), *SETTINGS, *functions.MACROS):
            database.execute(setting)
        return database

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A new connection; to be closed."""
        with _CONNECTING:
            connection = self._database.cursor()
        connection.execute("SET TimeZone = 'UTC'")
        return connection


class Run:
    """One run of one query, which another thread may cancel."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._cancelled = False
        self._changing = threading.Lock()

    def cancel(self) -> None:
        """Let the query end as soon as it can."""
        with self._changing:
            self._cancelled = True
            if self._connection is not None:
                self._connection.interrupt()

    def __call__(self, statement: Statement, database: str, limit: int | None) -> Outcome:
        """Raises QueryFailed, or LimitExceeded when more than `limit` bytes would be read."""
        translation = translate(statement.query, database, self._engine.catalog.table)
        with self._connected() as connection:
            try:
                now = datetime.now(UTC)
                files = [
                    files_of(scan.table, scan.conditions, self._engine.s3, now)
                    for scan in translation.scans
                ]
                scanned = sum(map(partial(_prepare, connection), translation.scans, files))
                if limit is not None and scanned > limit:
                    raise LimitExceeded
                return self._execute(connection, statement, translation.sql, scanned)
            except duckdb.Error as error:
                reason = REASONS.get(type(error), "GENERIC_INTERNAL_ERROR")
                raise QueryFailed(reason, str(error).partition("\n")[0]) from error

    @contextmanager
    def _connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._engine.connection() as connection:
            with self._changing:
                if self._cancelled:
                    raise QueryFailed("USER_CANCELED", "Query was canceled")
                self._connection = connection
            try:
                yield connection
            finally:
                with self._changing:
                    self._connection = None

    def _execute(
        self, connection: duckdb.DuckDBPyConnection, statement: Statement, sql: str, scanned: int
    ) -> Outcome:
        if statement.location:
            files = self._unload(connection, statement, sql)
            return Outcome([], [], scanned, files)
        described = connection.execute(f"DESCRIBE {sql}").fetchall()
        fields = [results.Field(name, results.type_name(kind)) for name, kind, *_ in described]
        shown = ", ".join(_shown(place, kind) for place, (_, kind, *_) in enumerate(described))
        names = ", ".join(f"c{place}" for place in range(len(described)))
        # a cursor of rows keeps the query's order; its names need not be different from each other
        cursor = connection.execute(f"SELECT {shown} FROM ({sql}) AS result({names})")  # noqa: S608 - the translated query
        rows: list[results.Row] = [tuple(map(results.text, row)) for row in cursor.fetchall()]
        return Outcome(fields, rows, scanned, [])

    def _unload(
        self, connection: duckdb.DuckDBPyConnection, statement: Statement, sql: str
    ) -> list[str]:
        if statement.options.get("format", "").upper() != "PARQUET":
            raise QueryFailed("NOT_SUPPORTED", "UNLOAD writes format = 'PARQUET' here")
        bucket, _, prefix = statement.location.removeprefix("s3://").partition("/")
        if self._engine.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"):
            message = f"path not empty: {statement.location}"
            raise QueryFailed("HIVE_PATH_ALREADY_EXISTS", message)
        name = f"{prefix.rstrip('/')}/{uuid4().hex}.parquet"
        with TemporaryDirectory() as scratch:
            file = Path(scratch) / "rows"
            connection.execute(
                f"COPY ({sql}) TO {_quoted(str(file))} (FORMAT parquet, COMPRESSION gzip)"
            )
            self._engine.s3.upload_file(str(file), bucket, name)
        return [f"s3://{bucket}/{name}"]


def _httpfs() -> Path:
    """The extension's file in its package."""
    [file] = Path(duckdb_extension_httpfs.__path__[0]).rglob("*.duckdb_extension")
    return file


def _prepare(connection: duckdb.DuckDBPyConnection, scan: Scan, files: Sequence[StoredFile]) -> int:
    """Make the view of a scan; how many bytes it reads: the columns needed, compressed."""
    stored = _stored_columns(connection, files)
    connection.execute(f'CREATE TEMP VIEW "{scan.view}" AS {_view(scan, files, stored)}')
    return sum(size for name, size in stored.items() if name in scan.columns)


def _stored_columns(
    connection: duckdb.DuckDBPyConnection, files: Sequence[StoredFile]
) -> dict[str, int]:
    """The columns of the files with their compressed size in all of them."""
    if not files:
        return {}
    found = connection.execute(
        "SELECT path_in_schema, sum(total_compressed_size) FROM parquet_metadata(?) GROUP BY 1",
        [[file.uri for file in files]],
    ).fetchall()
    return {name: int(size) for name, size in found}


def _view(scan: Scan, files: Sequence[StoredFile], stored: dict[str, int]) -> str:
    """The rows of the files as the table has them; what no file has is null."""
    table = scan.table
    pattern = _quoted(table.path_pattern)
    columns = [
        f"CAST({_column(column.name) if column.name in stored else 'NULL'} AS {column.duckdb_type}) "
        f"AS {_column(column.name)}"
        for column in table.columns
    ]
    columns += [
        f"CAST(regexp_extract(filename, {pattern}, {table.placeholders.index(column.name) + 1}) "
        f"AS {column.duckdb_type}) AS {_column(column.name)}"
        for column in table.partitions
    ]
    source = "(SELECT NULL::VARCHAR AS filename) WHERE false"
    if files:
        uris = ", ".join(_quoted(file.uri) for file in files)
        source = f"read_parquet([{uris}], union_by_name = true, filename = true, hive_partitioning = false)"
    return f"SELECT {', '.join(columns)}, filename AS {_column(PATH)} FROM {source}"  # noqa: S608 - the catalog's columns


def _shown(place: int, kind: str) -> str:
    """A column of the result as Python takes it."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime(c{place}, '%Y-%m-%d %H:%M:%S.%g UTC')"
    if kind.startswith(("STRUCT", "MAP")):
        return f"CAST(c{place} AS VARCHAR)"
    return f"CAST(c{place} AS TIMESTAMP)" if kind.startswith("TIMESTAMP") else f"c{place}"


def _column(name: str) -> str:
    return f'"{name}"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
