"""Rollups: what an hour of one attribute comes to, from the records that count.

A rollup file of a day or a month has one row per (entity, path, attribute, dataset, hour) that has a
value; deletes and nulls have none. Whatever calendar unit of an hour or more is asked for is summed
up from these rows.
"""

COLUMNS: dict[str, str] = {
    "entity_id": "VARCHAR",
    "service_path": "VARCHAR",
    "attr": "VARCHAR",
    "dataset_id": "VARCHAR",
    "hour": "TIMESTAMP",
    "attr_type": "VARCHAR",
    "n": "BIGINT",
    "num": "BIGINT",
    "sum": "DOUBLE",
    "sumsq": "DOUBLE",
    "min": "DOUBLE",
    "max": "DOUBLE",
    "s_min": "VARCHAR",
    "s_max": "VARCHAR",
    "first_ts": "TIMESTAMP",
    "first_kind": "VARCHAR",
    "first_num": "DOUBLE",
    "first_text": "VARCHAR",
    "last_ts": "TIMESTAMP",
    "last_kind": "VARCHAR",
    "last_num": "DOUBLE",
    "last_text": "VARCHAR",
    "lat": "DOUBLE",
    "lon": "DOUBLE",
}
"""Columns of a rollup file, in this order; rows are sorted by the first five.

`hour` is when the hour begins (UTC). `n` counts values of every kind but null, `num` numbers;
`sum`, `sumsq`, `min`, `max` are of the numbers, `s_min` and `s_max` of the strings. A first or last
value has its `kind` as a record has; `num` if it is a number, and else `text`: the string itself,
"true" or "false", JSON, or the exact digits of an integer beyond 2^53 (beside `num`). `attr_type`,
`lat` and `lon` are those of the last value.
"""

SERIES_COLUMNS = "entity_id, service_path, attr, dataset_id"

_VALUE = """struct_pack(
    ts := ts,
    kind := kind,
    num := CASE WHEN numeric THEN v_num END,
    text := CASE kind WHEN 'string' THEN v_str WHEN 'boolean' THEN CAST(v_bool AS VARCHAR) ELSE v_json END,
    attr_type := attr_type,
    lat := lat,
    lon := lon
)"""

HOURS_OF_RECORDS = f"""
WITH value AS (
    SELECT {SERIES_COLUMNS}, date_trunc('hour', ts) AS hour, {_VALUE} AS one,
        CASE WHEN numeric THEN v_num END AS number, CASE kind WHEN 'string' THEN v_str END AS string
    FROM (SELECT *, kind IN ('integer', 'number') AS numeric FROM read_parquet(?))
    WHERE op = 'set' AND kind <> 'null'
), hours AS (
    SELECT {SERIES_COLUMNS}, hour,
        count(*) AS n, count(number) AS num,
        fsum(number) AS sum, fsum(number * number) AS sumsq, min(number) AS min, max(number) AS max,
        min(string) AS s_min, max(string) AS s_max,
        arg_min(one, one.ts) AS first, arg_max(one, one.ts) AS last
    FROM value GROUP BY ALL
)
SELECT {SERIES_COLUMNS}, hour, last.attr_type AS attr_type,
    n, num, sum, sumsq, min, max, s_min, s_max,
    first.ts AS first_ts, first.kind AS first_kind, first.num AS first_num, first.text AS first_text,
    last.ts AS last_ts, last.kind AS last_kind, last.num AS last_num, last.text AS last_text,
    last.lat AS lat, last.lon AS lon
FROM hours ORDER BY {SERIES_COLUMNS}, hour"""  # noqa: S608 - constants only
"""The rows of a day's rollup, from its file: each record in it counts."""

HOURS_OF_DAYS = f"""
SELECT * FROM read_parquet(?) ORDER BY {SERIES_COLUMNS}, hour"""  # noqa: S608 - constants only
"""The rows of a month's rollup, from those of its days, which share no hour."""
