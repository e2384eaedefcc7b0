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
