# ruff: noqa: S608 - a text has only names of ours; values are bound
"""The SQL of aggregates: values in buckets, what is known of them in parts, and what follows."""

from collections.abc import Iterable, Sequence

from history.reading.fragments import Sql, bound, compose, either, every, instant, joined
from history.reading.queries import Anchored, Calendar, Window
from history.reading.sql import (
    SERIES,
    SUBJECT,
    Engine,
    Files,
    Scope,
    in_order,
    millis,
    selected,
    within,
)

_ADD_MONTHS = {
    "duckdb": "({1} + to_months(CAST({0} AS INTEGER)))",
    "athena": "date_add('month', {0}, {1})",
}

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
        f"SELECT *, passed - mod(passed, {{}}) AS bucket, {millis('start')} AS origin "
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
    bucket = f"{millis('bucket')} AS bucket" if calendar else "bucket"
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


def together(pieces: Sequence[Sql]) -> Sql:
    """What is known of buckets, or of parts of them, from several sources."""
    return joined(
        " UNION ALL ",
        [compose(f"SELECT {_KEY}, {PARTIALS} FROM ({{}}) AS piece", piece) for piece in pieces],
    )


def combined(parts: Sql) -> Sql:
    """What follows for each bucket from what is known of parts of it."""
    return compose(f"SELECT {_KEY}, {_OF_PARTIALS} FROM ({{}}) AS pieces GROUP BY {_KEY}", parts)


def bucket_rows(
    found: Sql, period: Calendar | Anchored | None, wanted: Iterable[str], more: Sequence[str]
) -> Sql:
    """Buckets with plain numbers and texts; the order of columns is that of `answers.Known`.

    Columns that are not `wanted` are null, so that no engine works them out.
    """
    bucket = f"{millis('bucket')} AS bucket" if isinstance(period, Calendar) else "bucket"
    kept = frozenset(wanted)
    columns = [
        name if name in kept else f"CAST(NULL AS {type}) AS {name}" for name, type in _SHOWN.items()
    ]
    shown = ", ".join([*columns, *more])
    return compose(f"SELECT {SUBJECT}, {bucket}, origin, {shown} FROM ({{}}) AS buckets", found)


def bucket_keys(found: Sql) -> Sql:
    """The pairs of series and bucket, once each."""
    return compose(f"SELECT DISTINCT {SERIES}, bucket, origin FROM ({{}}) AS buckets", found)


def page_of_buckets(found: Sql, *, last: int | None, limit: int | None, offset: int) -> Sql:
    """Of buckets, or pairs, those on a page; `last`: of the newest so many."""
    columns = SERIES.split(", ")
    if last is not None:
        every = compose("SELECT * FROM ({}) AS buckets", found)
        found = in_order(every, ("origin", "bucket", *columns), newest_first=True, limit=last)
    left = compose("SELECT * FROM ({}) AS newest", found)
    return in_order(left, (*columns, "origin", "bucket"), limit=limit, offset=offset)


def buckets_of_page(found: Sql, page: Sql) -> Sql:
    """The buckets of the pairs on a page."""
    columns = (*SERIES.split(", "), "bucket", "origin")
    on = " AND ".join(f"page.{column} = buckets.{column}" for column in columns)
    return compose(
        f"SELECT buckets.* FROM ({{}}) AS page JOIN ({{}}) AS buckets ON {on}", page, found
    )
