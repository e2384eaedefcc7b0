"""Merging Parquet files with DuckDB: sorted, each record once, without what a deletion covers.

Files are local. What would not fit into memory is done in ranges of entities, one after another;
as files are sorted by entity, a range reads little more than its own rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from city.tenancy import EVERYWHERE, PathPattern, PathScope
from history.recording.parquet import ROW_GROUP
from history.store.ledger import Deletion

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

IDENTITY = "entity_id, service_path, attr, dataset_id, ts"
"""Of rows that have these in common the one with the greatest seq counts."""

# Rows are sorted by entity, so the statistics of row groups tell enough; a reader would fetch the
# bloom filters of all of them one by one (362 GETs instead of 8 for a file of 14.4 M rows).
_WRITTEN = (
    f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}, WRITE_BLOOM_FILTER false)"
)

NEWEST = """QUALIFY lead(ts) OVER (
    PARTITION BY entity_id, service_path, attr, dataset_id ORDER BY ts, seq, ingested_at, idx
) IS DISTINCT FROM ts"""
"""Each observation once: the record that counts."""

_MERGED = f"""
SELECT * FROM read_parquet(?) WHERE {{kept}}
{NEWEST}
ORDER BY {IDENTITY}, seq"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class Query:
    """SQL with its bound parameters, the first of which are the files that it reads."""

    text: str
    parameters: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a type's records. Times are microseconds.

    `ids` None: all entities; `attributes` None: all, and the ends of entities. `start` (inclusive)
    and `end` (exclusive) are of the observation; `until`: recorded until then.
    """

    ids: tuple[str, ...] | None = None
    scope: PathScope = EVERYWHERE
    attributes: tuple[str, ...] | None = None
    start: int | None = None
    end: int | None = None
    until: int | None = None

    @classmethod
    def of(cls, deletion: Deletion) -> "Region":
        """What a deletion covers."""
        return cls(
            deletion.ids,
            deletion.scope,
            deletion.attributes,
            deletion.start,
            deletion.end,
            until=deletion.at,
        )

    def condition(self) -> Query:
        """Whether a row is in it, in SQL."""
        terms: list[str] = []
        values: list[Any] = []
        for column, chosen in (("entity_id", self.ids), ("attr", self.attributes)):
            if chosen is not None:
                terms.append(f"list_contains(?, {column})")
                values.append([*chosen])
        if self.scope != EVERYWHERE:
            terms.append("(" + (" OR ".join(map(_path_term, self.scope)) or "false") + ")")
            values += [pattern.path for pattern in self.scope]
        for term, moment in (
            ("ts >= make_timestamp(?)", self.start),
            ("ts < make_timestamp(?)", self.end),
            ("ingested_at <= make_timestamp(?)", self.until),
        ):
            if moment is not None:
                terms.append(term)
                values.append(moment)
        return Query(" AND ".join(terms) or "true", tuple(values))


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written: rows, bytes, and the first and last observation in it (µs)."""

    path: Path
    rows: int
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Workbench:
    """DuckDB over a directory of this machine, for one task.

    `memory`: bytes DuckDB may use before it spills into the directory; `rows_at_once`: rows that
    are sorted in one go, about 700 bytes of memory each.
    """

    directory: Path
    memory: int = 1_500_000_000
    threads: int = 2
    rows_at_once: int = 2_000_000
    _serial: Iterator[int] = field(default_factory=lambda: iter(range(1_000_000)))

    @cached_property
    def _connection(self) -> "DuckDBPyConnection":
        import duckdb  # noqa: PLC0415 - a task that merges nothing does without

        return duckdb.connect(
            config={
                "memory_limit": f"{self.memory // 1_000_000}MB",
                "threads": self.threads,
                "temp_directory": str(self.directory / "spill"),
                "autoinstall_known_extensions": False,
            }
        )

    def new_path(self) -> Path:
        """Where a further file can be."""
        return self.directory / f"{next(self._serial)}.parquet"

    def merge(self, files: Sequence[Path], without: Sequence[Region] = ()) -> Written | None:
        """One sorted file of all records but those in `without`; None if that leaves nothing."""
        if not files:
            return None
        conditions = [region.condition() for region in without]
        kept = " AND ".join(f"NOT ({one.text})" for one in conditions) or "true"
        values = tuple(value for one in conditions for value in one.parameters)
        return self.write(files, Query(_MERGED.format(kept=kept), values), time="ts")

    def write(self, files: Sequence[Path], query: Query, *, time: str) -> Written | None:
        """The rows of a query over files in one file, range by range of entities.

        The query begins with the files and keeps entities apart; its rows are sorted by entity.
        `time` is the column that says when.
        """
        parts = [
            self._copy(query, ([*map(str, files)], *query.parameters), bounds)
            for bounds in self._ranges(files)
        ]
        whole = parts[0] if len(parts) == 1 else self._join(parts)
        written = self._describe(whole, time)
        if written is None:
            whole.unlink()
        return written

    def series(self, file: Path, region: Region) -> list[tuple[tuple[str, str], bool, bool]]:
        """The series of a region's ids and scope: (id, path), some records in it, some not."""
        series = Region(region.ids, region.scope).condition()
        covered = region.condition()
        found = self._run(
            f"SELECT entity_id, service_path, bool_or({covered.text}), bool_or(NOT ({covered.text}))"  # noqa: S608
            f" FROM read_parquet(?) WHERE {series.text} GROUP BY ALL",
            (*covered.parameters, *covered.parameters, str(file), *series.parameters),
        )
        return [((id, path), bool(hit), bool(stays)) for id, path, hit, stays in found]

    def clear(self) -> None:
        """Remove all files."""
        for path in self.directory.glob("*.parquet"):
            path.unlink()

    def close(self) -> None:
        """Give memory back."""
        if "_connection" in self.__dict__:
            self._connection.close()

    def _ranges(self, files: Sequence[Path]) -> list[tuple[str | None, str | None]]:
        """Consecutive ranges of entity ids (after, up to), none with many more rows than fit."""
        names = [*map(str, files)]
        [(rows,)] = self._run("SELECT count(*) FROM read_parquet(?)", (names,))
        if rows <= self.rows_at_once:
            return [(None, None)]
        ends = self._run(
            """
            SELECT max(entity_id) FROM (
                SELECT entity_id, sum(count(*)) OVER (ORDER BY entity_id) // ? AS range
                FROM read_parquet(?) GROUP BY entity_id
            ) GROUP BY range ORDER BY 1""",
            (self.rows_at_once, names),
        )
        cuts = [None, *(end for (end,) in ends[:-1]), None]
        return [*pairwise(cuts)]

    def _copy(
        self, query: Query, parameters: Iterable[Any], bounds: tuple[str | None, str | None]
    ) -> Path:
        path = self.new_path()
        text, values = query.text, [*parameters]
        after, up_to = bounds
        limits = [
            f"entity_id {sign} ?"
            for sign, bound in ((">", after), ("<=", up_to))
            if bound is not None
        ]
        if limits:
            rows = f"(SELECT * FROM read_parquet(?) WHERE {' AND '.join(limits)})"  # noqa: S608
            text = text.replace("read_parquet(?)", rows, 1)
            values[1:1] = [bound for bound in bounds if bound is not None]
        self._run(f"COPY ({text}) TO '{_quoted(path)}' {_WRITTEN}", values)
        return path

    def _join(self, parts: Sequence[Path]) -> Path:
        """Parts that follow one another, as one file."""
        path = self.new_path()
        self._run(
            f"COPY (SELECT * FROM read_parquet(?)) TO '{_quoted(path)}' {_WRITTEN}",  # noqa: S608
            ([*map(str, parts)],),
        )
        for part in parts:
            part.unlink()
        return path

    def _describe(self, path: Path, time: str) -> Written | None:
        [(rows, first, last)] = self._run(
            f"SELECT count(*), epoch_us(min({time})), epoch_us(max({time})) FROM read_parquet(?)",  # noqa: S608
            (str(path),),
        )
        return Written(path, rows, path.stat().st_size, first, last) if rows else None

    def _run(self, text: str, parameters: Iterable[Any]) -> list[tuple[Any, ...]]:
        return self._connection.execute(text, [*parameters]).fetchall()


@dataclass(frozen=True, slots=True)
class Benches:
    """Makes workbenches in a directory (None: the system's), each removed after its use."""

    directory: Path | None = None
    memory: int = Workbench.memory
    rows_at_once: int = Workbench.rows_at_once

    @contextmanager
    def new(self) -> Iterator[Workbench]:
        """A workbench for one task."""
        with TemporaryDirectory(dir=self.directory) as name:
            bench = Workbench(Path(name), self.memory, rows_at_once=self.rows_at_once)
            try:
                yield bench
            finally:
                bench.close()


def _path_term(pattern: PathPattern) -> str:
    return "starts_with(service_path, ?)" if pattern.subtree else "service_path = ?"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
