# ruff: noqa: S608 - a text has only names of ours; values are bound
"""The SQL of queries, in the dialect of Athena; DuckDB runs the same text over a list of files.

Every value is a bound parameter. Only names of ours, and tenant and type as `history.names` writes
them (letters, digits, `~_.-`), stand in a text: Athena finds a partition by a literal alone. The
functions used are those that both engines have and understand alike; where they differ there is a
pair in `Engine`. Times come out as milliseconds, numbers as they are, types as in the files' keys.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Literal, NamedTuple

from city.tenancy import EVERYWHERE, PathPattern, PathScope
from history.names import encode
from history.reading.queries import Anchored, Calendar, Window
from history.reading.selection import ENTITY, Part, Selection
from history.store.ledger import Deletion

Parameter = str | int | float | datetime | tuple[str, ...] | tuple[float, ...]
"""A tuple is a list, for DuckDB only."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH.replace(tzinfo=UTC)) // timedelta(microseconds=1)
"""No observation, a whole millisecond, is as late as this; periods may end later (µs)."""
_PLACE = re.compile(r"\{\}")
_LITERAL = re.compile(r"[A-Za-z0-9~_.-]+\Z")


class Sql(NamedTuple):
    """A piece of SQL and the values of its question marks, in their order."""

    text: str
    parameters: tuple[Parameter, ...] = ()

    def __str__(self) -> str:
        return self.text


TRUE = Sql("true")


def compose(template: str, *pieces: Sql) -> Sql:
    """The template with a piece in place of each `{}`."""
    texts = iter(pieces)
    text = _PLACE.sub(lambda _: next(texts).text, template)
    return Sql(text, tuple(chain.from_iterable(piece.parameters for piece in pieces)))


def joined(separator: str, pieces: Iterable[Sql]) -> Sql:
    """Pieces with a separator between them."""
    some = list(pieces)
    parameters = chain.from_iterable(piece.parameters for piece in some)
    return Sql(separator.join(piece.text for piece in some), tuple(parameters))


def bound(value: Parameter) -> Sql:
    """A question mark for a value."""
    return Sql("?", (value,))


def instant(moment: int) -> Sql:
    """A time (µs) as timestamps are stored: UTC, without a zone."""
    return bound(_EPOCH + timedelta(microseconds=min(moment, _LAST)))


def among(column: str, values: Iterable[str]) -> Sql:
    """Whether a column has one of the values."""
    some = sorted(values)
    if not some:
        return Sql("false")
    if len(some) == 1:
        return Sql(f"{column} = ?", (some[0],))
    return Sql(f"{column} IN ({', '.join('?' * len(some))})", tuple(some))


def every(conditions: Iterable[Sql]) -> Sql:
    """All of the conditions."""
    kept = [condition for condition in conditions if condition != TRUE]
    return joined(" AND ", kept) if kept else TRUE


def either(conditions: Sequence[Sql]) -> Sql:
    """Any of the conditions."""
    if TRUE in conditions:
        return TRUE
    if len(conditions) == 1:
        return conditions[0]
    return compose("({})", joined(" OR ", [compose("({})", one) for one in conditions]))


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

_ADD_MONTHS = {
    "duckdb": "({1} + to_months(CAST({0} AS INTEGER)))",
    "athena": "date_add('month', {0}, {1})",
}

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
        f"SELECT {SUBJECT}, attr_type, {_millis('ts')} AS moment, seq, op, kind, v_num, v_bool, v_str, "
        f"v_json, {_millis('modified_at')} AS modified, meta_json, idx, lat, lon "
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
    day = _millis("date_trunc('day', ts)")
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
        f"SELECT {SERIES}, {_millis('max(ts)')} AS moment FROM ({{}}) AS records GROUP BY {SERIES}",
        source,
    )


PARTIALS = (
    "n, num, total, squares, low, high, s_low, s_high, "
    "first_at, first_kind, first_num, first_text, last_at, last_kind, last_num, last_text"
)
"""What is known of some values of an attribute, such that what is known of more follows from it."""

_SHOWN = {
    "n": "bigint",
    "num": "bigint",
    "total": "double",
    "squares": "double",
    "low": "double",
    "high": "double",
    "s_low": "varchar",
    "s_high": "varchar",
    "first_kind": "varchar",
    "first_num": "double",
    "first_text": "varchar",
    "last_kind": "varchar",
    "last_num": "double",
    "last_text": "varchar",
}
"""The columns of `PARTIALS` that answers show, and their types."""

_TEXT = (
    "coalesce(v_str, v_json, CASE WHEN v_bool THEN 'true' WHEN NOT v_bool THEN 'false' ELSE '' END)"
)
_OF_VALUES = (
    "count(*) AS n, count(v_num) AS num, sum(v_num) AS total, sum(v_num * v_num) AS squares, "
    "min(v_num) AS low, max(v_num) AS high, min(v_str) AS s_low, max(v_str) AS s_high, "
    "min(ts) AS first_at, min_by(kind, ts) AS first_kind, "
    f"min_by(coalesce(v_num, 0.0), ts) AS first_num, min_by({_TEXT}, ts) AS first_text, "
    "max(ts) AS last_at, max_by(kind, ts) AS last_kind, "
    f"max_by(coalesce(v_num, 0.0), ts) AS last_num, max_by({_TEXT}, ts) AS last_text"
)
_OF_PARTIALS = (
    "sum(n) AS n, sum(num) AS num, sum(total) AS total, sum(squares) AS squares, "
    "min(low) AS low, max(high) AS high, min(s_low) AS s_low, max(s_high) AS s_high, "
    "min(first_at) AS first_at, min_by(first_kind, first_at) AS first_kind, "
    "min_by(first_num, first_at) AS first_num, min_by(first_text, first_at) AS first_text, "
    "max(last_at) AS last_at, max_by(last_kind, last_at) AS last_kind, "
    "max_by(last_num, last_at) AS last_num, max_by(last_text, last_at) AS last_text"
)
_OF_HOURS = (
    '"n" AS n, "num" AS num, "sum" AS total, "sumsq" AS squares, "min" AS low, "max" AS high, '
    '"s_min" AS s_low, "s_max" AS s_high, first_ts AS first_at, first_kind, '
    "coalesce(first_num, 0.0) AS first_num, coalesce(first_text, '') AS first_text, "
    "last_ts AS last_at, last_kind, coalesce(last_num, 0.0) AS last_num, "
    "coalesce(last_text, '') AS last_text"
)
_DISTINCT = (
    "CASE kind WHEN 'string' THEN concat('s', v_str) WHEN 'json' THEN concat('j', v_json) "
    "WHEN 'boolean' THEN concat('b', CAST(v_bool AS varchar)) "
    "ELSE concat('n', coalesce(v_json, CAST(v_num AS varchar))) END"
)
_KEY = f"{SUBJECT}, bucket, origin"


def bucketed(source: Sql, period: Calendar | Anchored | None, engine: Engine) -> Sql:
    """Values (no nulls, no ends) with their `bucket` and the `origin` that it counts from.

    `bucket` is a timestamp for a calendar; for anchored buckets it is how many months, or
    milliseconds, begin after the origin.
    """
    values = compose("SELECT * FROM ({}) AS records WHERE op = 'set' AND kind <> 'null'", source)
    if not isinstance(period, Anchored):
        bucket = "0" if period is None else f"date_trunc('{period.unit}', ts)"
        return compose(f"SELECT *, {bucket} AS bucket, 0 AS origin FROM ({{}}) AS found", values)
    if period.origin is None:
        origin = Sql(f"min(ts) OVER (PARTITION BY {SUBJECT})")
    else:
        origin = compose("CAST({} AS timestamp)", instant(period.origin))
    counted = compose(
        "SELECT * FROM (SELECT *, {} AS start FROM ({}) AS found) AS begun WHERE ts >= start",
        origin,
        values,
    )
    size, elapsed = _elapsed(period, engine)
    return compose(
        f"SELECT *, passed - mod(passed, {{}}) AS bucket, {_millis('start')} AS origin "
        f"FROM (SELECT *, {elapsed} AS passed FROM ({{}}) AS counted) AS measured",
        bound(size),
        counted,
    )


def _elapsed(period: Anchored, engine: Engine) -> tuple[int, str]:
    """The size of a bucket, and how much has passed since `start`, in the same whole units."""
    if not period.months:
        return period.micros // 1000, "date_diff('millisecond', start, ts)"
    months = "((year(ts) - year(start)) * 12 + month(ts) - month(start))"
    reached = _ADD_MONTHS[engine].format(months, "start")
    return period.months, f"({months} - CASE WHEN {reached} > ts THEN 1 ELSE 0 END)"


def partials(bucketed: Sql, *, deviation: bool = False, distinct: bool = False) -> Sql:
    """What is known of the values of each bucket."""
    more = ", stddev_pop(v_num) AS deviation" if deviation else ""
    more += f", count(DISTINCT {_DISTINCT}) AS different" if distinct else ""
    return compose(
        f"SELECT {_KEY}, {_OF_VALUES}{more} FROM ({{}}) AS values_ GROUP BY {_KEY}", bucketed
    )


def occurrences(bucketed: Sql, *, calendar: bool) -> Sql:
    """How often each string occurs in each bucket."""
    bucket = f"{_millis('bucket')} AS bucket" if calendar else "bucket"
    counted = compose(
        f"SELECT {_KEY}, v_str, count(*) AS n FROM ({{}}) AS values_ "
        f"WHERE kind = 'string' GROUP BY {_KEY}, v_str",
        bucketed,
    )
    return compose(f"SELECT {SUBJECT}, {bucket}, origin, v_str, n FROM ({{}}) AS counted", counted)


def partials_of_hours(
    files: Files, hours: Sequence[Window], period: Calendar | None, scope: Scope
) -> Sql:
    """What rollup files know of the hours in any of the windows, hour by hour."""
    bucket = "0" if period is None else f"date_trunc('{period.unit}', hour)"
    meant = either([within("hour", window) for window in hours])
    return compose(
        f"SELECT {SUBJECT}, {bucket} AS bucket, 0 AS origin, {_OF_HOURS} FROM {{}} WHERE {{}}",
        files.relation(),
        every([selected(scope), meant]),
    )


def combined(pieces: Sequence[Sql]) -> Sql:
    """What follows for each bucket from what is known of parts of it."""
    pieces_ = joined(
        " UNION ALL ",
        [compose(f"SELECT {_KEY}, {PARTIALS} FROM ({{}}) AS piece", piece) for piece in pieces],
    )
    return compose(f"SELECT {_KEY}, {_OF_PARTIALS} FROM ({{}}) AS pieces GROUP BY {_KEY}", pieces_)


def bucket_rows(
    found: Sql, period: Calendar | Anchored | None, wanted: Iterable[str], more: Sequence[str]
) -> Sql:
    """Buckets with plain numbers and texts; the order of columns is that of `answers.Known`.

    Columns that are not `wanted` are null, so that no engine works them out.
    """
    bucket = f"{_millis('bucket')} AS bucket" if isinstance(period, Calendar) else "bucket"
    kept = frozenset(wanted)
    columns = [
        name if name in kept else f"CAST(NULL AS {type}) AS {name}" for name, type in _SHOWN.items()
    ]
    shown = ", ".join([*columns, *more])
    return compose(f"SELECT {SUBJECT}, {bucket}, origin, {shown} FROM ({{}}) AS buckets", found)


def bucket_keys(found: Sql, *, last: int | None, limit: int | None, offset: int) -> Sql:
    """The pairs of series and bucket that are on a page."""
    keys = compose(f"SELECT DISTINCT {SERIES}, bucket, origin FROM ({{}}) AS buckets", found)
    if last is not None:
        columns = ("origin", "bucket", *SERIES.split(", "))
        newest = in_order(keys, columns, newest_first=True, limit=last)
        keys = compose("SELECT * FROM ({}) AS newest", newest)
    return in_order(keys, (*SERIES.split(", "), "origin", "bucket"), limit=limit, offset=offset)


def buckets_of_page(found: Sql, page: Sql) -> Sql:
    """The buckets of the pairs on a page."""
    columns = (*SERIES.split(", "), "bucket", "origin")
    on = " AND ".join(f"page.{column} = buckets.{column}" for column in columns)
    return compose(
        f"SELECT buckets.* FROM ({{}}) AS page JOIN ({{}}) AS buckets ON {on}", page, found
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


def _millis(moment: str) -> str:
    return f"date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', {moment})"


def _literal(text: str) -> str:
    encoded = encode(text)
    if not _LITERAL.match(encoded):
        raise ValueError(f"not a partition: {encoded}")
    return f"'{encoded}'"
