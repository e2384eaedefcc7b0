# ruff: noqa: S608 - a text has only names of ours; values are bound
"""The SQL of queries, in the dialect of Athena; DuckDB runs the same text over a list of files.

Every value is a bound parameter. Only names of ours, and tenant and type as `history.names` writes
them (letters, digits, `~_.-`), stand in a text: Athena finds a partition by a literal alone. The
functions used are those that both engines have and understand alike; the one that differs is in
`bucket_sql`. Times come out as milliseconds, numbers as they are, types as in the files' keys.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from city.tenancy import EVERYWHERE, PathPattern, PathScope
from history.names import encode
from history.reading.fragments import (
    TRUE,
    Sql,
    among,
    bound,
    compose,
    either,
    every,
    instant,
    joined,
)
from history.reading.queries import Window
from history.reading.selection import ENTITY, Part, Selection
from history.store.ledger import Deletion

_LITERAL = re.compile(r"[A-Za-z0-9~_.-]+\Z")


@dataclass(frozen=True, slots=True)
class Files:
    """What DuckDB reads: files, and whether an observation may be in them more than once."""

    uris: tuple[str, ...]
    repeats: bool

    def relation(self) -> Sql:
        """The rows of the files, with the type from their keys."""
        return compose(
            "read_parquet({}, hive_partitioning = true, hive_types_autocast = false)",
            bound(self.uris),
        )

    def condition(self) -> Sql:
        """The rows meant are all that are in the files."""
        return TRUE


@dataclass(frozen=True, slots=True)
class Partitions:
    """What Athena reads: days of types. Objects that wait to be removed are among them."""

    tenant: str
    types: tuple[str, ...]
    first: date
    last: date
    repeats: bool = True

    def relation(self) -> Sql:
        """The table."""
        return Sql("history")

    def condition(self) -> Sql:
        """The partitions; projection takes tenant and type as literals only."""
        types = ", ".join(_literal(type) for type in self.types)
        days = f"dt BETWEEN '{self.first.isoformat()}' AND '{self.last.isoformat()}'"
        return Sql(f"service = {_literal(self.tenant)} AND type IN ({types}) AND {days}")


Source = Files | Partitions
Engine = Literal["duckdb", "athena"]

COLUMNS = (
    "type, entity_id, service_path, attr, dataset_id, attr_type, ts, modified_at, ingested_at, "
    "seq, op, kind, v_num, v_bool, v_str, v_json, lat, lon, geo, meta_json, idx"
)
IDENTITY = "type, entity_id, service_path, attr, dataset_id, ts"
SERIES = "type, entity_id, service_path"
SUBJECT = f"{SERIES}, attr, dataset_id"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows of the sources are meant: before anything is made of them."""

    selection: Selection
    window: Window
    deletions: Sequence[Deletion] = ()
    with_ends: bool = False
    """Whether the ends of attributes and entities are meant too."""


def records(sources: Sequence[Source], scope: Scope) -> Sql:
    """The rows that count, each observation once."""
    return joined(" UNION ALL ", [_records(source, scope) for source in sources])


def _records(source: Source, scope: Scope) -> Sql:
    conditions = every(
        [source.condition(), selected(scope), within("ts", scope.window), kept(scope.deletions)]
    )
    ops = TRUE if scope.with_ends else Sql("op = 'set'")
    if not source.repeats:
        return compose(
            f"SELECT {COLUMNS} FROM {{}} WHERE {{}}", source.relation(), every([conditions, ops])
        )
    return compose(
        f"SELECT {COLUMNS} FROM (SELECT {COLUMNS}, row_number() OVER (PARTITION BY {IDENTITY} "
        "ORDER BY seq DESC, ingested_at DESC, idx DESC) AS version FROM {} WHERE {}) AS versions "
        "WHERE version = 1 AND {}",
        source.relation(),
        conditions,
        ops,
    )


def within(column: str, window: Window) -> Sql:
    """Whether a time is in the window."""
    terms = []
    if window.start is not None:
        terms.append(compose(f"{column} >= {{}}", instant(window.start)))
    if window.end is not None:
        terms.append(compose(f"{column} < {{}}", instant(window.end)))
    return every(terms)


def selected(scope: Scope) -> Sql:
    """Whether a row is of a selected series and attribute."""
    selection = scope.selection
    datasets = TRUE
    if selection.datasets is not None:
        datasets = among("dataset_id", selection.datasets)
        if scope.with_ends:
            datasets = either([datasets, among("attr", [ENTITY])])
    parts = [_part(part, scope, len(selection.types) > 1) for part in selection.parts]
    return every([datasets, *_hints(scope), either(parts)])


def _hints(scope: Scope) -> Iterable[Sql]:
    """What all parts have in common, said apart so that files and row groups can be skipped."""
    parts = scope.selection.parts
    if len(parts) < 2:
        return
    if all(part.ids is not None for part in parts):
        yield among("entity_id", {id for part in parts for id in part.ids or ()})
    if all(part.names.only is not None for part in parts):
        yield among("attr", {name for part in parts for name in _named(part, scope)})


def _part(part: Part, scope: Scope, with_type: bool) -> Sql:
    terms = [_of_type(part.type)] if with_type else []
    if part.ids is not None:
        terms.append(among("entity_id", part.ids))
    terms.append(placed(part.scope))
    if part.names.only is not None:
        terms.append(among("attr", _named(part, scope)))
    if part.names.hidden:
        terms.append(compose("NOT ({})", among("attr", part.names.hidden)))
    return every(terms)


def _named(part: Part, scope: Scope) -> frozenset[str]:
    named = part.names.only or frozenset()
    return named | {ENTITY} if scope.with_ends else named


def _of_type(type: str) -> Sql:
    return compose("type = {}", bound(encode(type)))


def placed(scope: PathScope) -> Sql:
    """Whether the service path is in the scope."""
    if EVERYWHERE[0] in scope:
        return TRUE
    return either([_path(pattern) for pattern in scope]) if scope else Sql("false")


def _path(pattern: PathPattern) -> Sql:
    if pattern.subtree:
        return compose("starts_with(service_path, {})", bound(pattern.path))
    return compose("service_path = {}", bound(pattern.path))


def kept(deletions: Sequence[Deletion]) -> Sql:
    """Whether no deletion in force covers a row."""
    return every([compose("NOT ({})", _deleted(deletion)) for deletion in deletions])


def _deleted(deletion: Deletion) -> Sql:
    terms = [
        _of_type(deletion.type),
        placed(deletion.scope),
        within("ts", Window(deletion.start, deletion.end)),
        compose("ingested_at <= {}", instant(deletion.at)),
    ]
    if deletion.ids is not None:
        terms.append(among("entity_id", deletion.ids))
    if deletion.attributes is not None:
        terms.append(among("attr", deletion.attributes))
    return every(terms)


def instances(source: Sql) -> Sql:
    """Rows as instances; the order of the columns is that of `answers.Found`."""
    return compose(
        f"SELECT {SUBJECT}, attr_type, {millis('ts')} AS moment, seq, op, kind, v_num, v_bool, v_str, "
        f"v_json, {millis('modified_at')} AS modified, meta_json, idx, lat, lon "
        "FROM ({}) AS records",
        source,
    )


TIME_ORDER = ("moment", "seq", *SERIES.split(", "), "idx", "attr", "dataset_id")
"""The one order of instances: by time, what is as old by seq, and no two alike."""


def newest_of_each(source: Sql, count: int, *, by: str = f"{SERIES}, attr") -> Sql:
    """Of the rows with the same `by` the newest so many."""
    return compose(
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY "
        f"{by} ORDER BY ts DESC, seq DESC, dataset_id DESC) AS age FROM ({{}}) AS records) AS aged "
        "WHERE age <= {}",
        source,
        bound(count),
    )


def row_keys(source: Sql) -> Sql:
    """Series and times at which a series has anything, once each."""
    return compose(f"SELECT DISTINCT {SERIES}, ts FROM ({{}}) AS records", source)


def by_day(source: Sql) -> Sql:
    """How many rows there are on each day, as milliseconds of its begin."""
    day = millis("date_trunc('day', ts)")
    return compose(f"SELECT {day} AS day, count(*) AS n FROM ({{}}) AS found GROUP BY 1", source)


def in_order(
    source: Sql,
    columns: Iterable[str],
    *,
    newest_first: bool = False,
    limit: int | None = None,
    offset: int = 0,
) -> Sql:
    """The rows of a source in an order, or a page of them."""
    direction = " DESC" if newest_first else ""
    order = ", ".join(f"{column}{direction}" for column in columns)
    page = Sql("")
    if offset:
        page = compose(" OFFSET {}", bound(offset))
    if limit is not None:
        page = compose("{} LIMIT {}", page, bound(limit))
    return compose(f"{{}} ORDER BY {order}{{}}", source, page)


def rows_of_page(source: Sql, page: Sql) -> Sql:
    """The records of the series and times of a page."""
    on = " AND ".join(f"page.{column} = found.{column}" for column in (*SERIES.split(", "), "ts"))
    return compose(f"SELECT found.* FROM ({{}}) AS page JOIN ({{}}) AS found ON {on}", page, source)


def sightings(source: Sql) -> Sql:
    """When each series was last observed."""
    return compose(
        f"SELECT {SERIES}, {millis('max(ts)')} AS moment FROM ({{}}) AS records GROUP BY {SERIES}",
        source,
    )


def locations(source: Sql, latitudes: tuple[float, float] | None) -> Sql:
    """Where anything was observed, once each; points only between the latitudes."""
    between = TRUE
    if latitudes is not None:
        south, north = map(bound, latitudes)
        between = compose("(geo IS NOT NULL OR lat BETWEEN {} AND {})", south, north)
    return compose(
        "SELECT DISTINCT lat, lon, geo FROM ({}) AS records WHERE lat IS NOT NULL AND {}",
        source,
        between,
    )


def at_locations(source: Sql, kept: Sequence[tuple[float, float, str | None]]) -> Sql:
    """The rows that were observed at one of the locations; for DuckDB only."""
    columns = (
        tuple(lat for lat, _, _ in kept),
        tuple(lon for _, lon, _ in kept),
        tuple(geo or "" for _, _, geo in kept),
    )
    return compose(
        "SELECT records.* FROM ({}) AS records JOIN (SELECT unnest(CAST({} AS double[])) AS lat_, "
        "unnest(CAST({} AS double[])) AS lon_, unnest(CAST({} AS varchar[])) AS geo_) AS kept "
        "ON lat = lat_ AND lon = lon_ AND coalesce(geo, '') = geo_",
        source,
        *(Sql("?", (column,)) for column in columns),
    )


def millis(moment: str) -> str:
    """A timestamp as milliseconds since the epoch."""
    return f"date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', {moment})"


def _literal(text: str) -> str:
    encoded = encode(text)
    if not _LITERAL.match(encoded):
        raise ValueError(f"not a partition: {encoded}")
    return f"'{encoded}'"
