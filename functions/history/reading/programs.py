"""From a query and the rows that it is about to statements, and from their results to its answer.

Both engines run the same statements; a program asks for the whole answer at once.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from history.reading import answers, bucket_sql, fragments, sql
from history.reading.fragments import Sql
from history.reading.queries import (
    Aggregate,
    Bucket,
    Calendar,
    Instance,
    Instances,
    Latest,
    Method,
    Query,
    Row,
    Rows,
    Seen,
    Sightings,
)
from history.reading.selection import ENTITY, Selection
from history.reading.sql import Engine
from history.records import Series

Result = Sequence[Sequence[Any]]
"""The rows of one statement."""

Cells = Instance | Row | Bucket | Seen

ROW_ORDER = ("moment", *sql.SERIES.split(", "))


def statements(query: Query, selection: Selection, source: Sql, engine: Engine) -> list[Sql]:
    """What has to be run, over the records of `source`, to answer a query."""
    match query:
        case Instances():
            return _instances(query, source)
        case Rows():
            return _rows(query, selection, source)
        case Aggregate():
            return _aggregate(query, selection, source, engine)
        case Latest():
            newest = sql.newest_of_each(source, 1, by=sql.SUBJECT)
            return [sql.instances(newest)]
        case Sightings():
            return [_sightings(query, source)]


def answered(query: Query, results: Sequence[Result]) -> tuple[list[Any], int | None]:
    """The rows of the answer, and the size of all of it if the query asked to count."""
    found = results[0]
    match query:
        case Instances():
            return list(map(answers.instance, found)), _total(query.count, results)
        case Rows():
            rows = answers.rows(found, newest_first=query.newest_first)
            return rows, _total(query.count, results)
        case Aggregate():
            return answers.buckets(query, *results), None
        case Latest():
            return alive(map(answers.instance, found)), None
        case Sightings():
            return list(map(answers.seen, found)), None


def _instances(query: Instances, source: Sql) -> list[Sql]:
    if query.last is not None:
        source = sql.newest_of_each(source, query.last)
    page = sql.in_order(
        sql.instances(source),
        sql.TIME_ORDER,
        newest_first=query.newest_first,
        limit=query.limit,
        offset=query.offset,
    )
    return [page, sql.by_day(source)] if query.count else [page]


def _rows(query: Rows, selection: Selection, source: Sql) -> list[Sql]:
    if selection.attribute is not None and query.last is None:
        page = sql.in_order(
            sql.instances(source),
            ROW_ORDER,
            newest_first=query.newest_first,
            limit=query.limit,
            offset=query.offset,
        )
        return [page, sql.by_day(source)] if query.count else [page]
    keys = sql.row_keys(source)
    order = ("ts", *sql.SERIES.split(", "))
    if query.last is not None:
        newest = sql.in_order(keys, order, newest_first=True, limit=query.last)
        keys = fragments.compose("SELECT * FROM ({}) AS newest", newest)
    page = sql.in_order(
        keys, order, newest_first=query.newest_first, limit=query.limit, offset=query.offset
    )
    found = [sql.instances(sql.rows_of_page(source, page))]
    return [*found, sql.by_day(keys)] if query.count else found


def _aggregate(query: Aggregate, selection: Selection, source: Sql, engine: Engine) -> list[Sql]:
    bucketed = bucket_sql.bucketed(source, query.period, engine)
    extra = _extra(query)
    found = bucket_sql.partials(
        bucketed, deviation="deviation" in extra, distinct="different" in extra
    )
    page = buckets(query, selection, found)
    if Method.OCCURRENCES not in query.methods:
        return [page]
    calendar = isinstance(query.period, Calendar)
    return [page, bucket_sql.occurrences(bucketed, calendar=calendar)]


def buckets(query: Aggregate, selection: Selection, found: Sql) -> Sql:
    """What is known of the values of each bucket, as rows of the answer: those that it asks for."""
    wanted = {column for method in query.methods for column in answers.NEEDED.get(method, ())}
    rows = bucket_sql.bucket_rows(found, query.period, wanted, _extra(query))
    if query.last is None and query.limit is None and not query.offset:
        return rows
    one_by_one = selection.attribute is not None and len(selection.datasets or ()) == 1
    page = bucket_sql.page_of_buckets(
        rows if one_by_one else bucket_sql.bucket_keys(rows),
        last=query.last,
        limit=query.limit,
        offset=query.offset,
    )
    return page if one_by_one else bucket_sql.buckets_of_page(rows, page)


def _extra(query: Aggregate) -> list[str]:
    return [answers.EXTRA[method] for method in answers.EXTRA if method in query.methods]


def _sightings(query: Sightings, source: Sql) -> Sql:
    order = "moment DESC, type, entity_id, service_path"
    return sql.in_order(sql.sightings(source), [order], limit=query.limit, offset=query.offset)


def alive(found: Iterable[Instance]) -> list[Instance]:
    """The newest instances without those that were deleted, alone or with their entity."""
    every = list(found)
    ends = {
        one.series: (one.ts, one.seq)
        for one in every
        if one.attribute == ENTITY and one.op == "delete"
    }
    left = [
        one
        for one in every
        if one.op == "set" and (one.ts, one.seq) > ends.get(one.series, (-(2**63), 0))
    ]
    return sorted(left, key=_subject)


def in_time(instance: Instance) -> tuple[int, int, Series, int, str, str]:
    """The order of instances, as `sql.TIME_ORDER`."""
    return (
        instance.ts,
        instance.seq,
        instance.series,
        instance.ordinal,
        instance.attribute,
        instance.dataset,
    )


def _subject(instance: Instance) -> tuple[Series, int, str, str]:
    return instance.series, instance.ordinal, instance.attribute, instance.dataset


def _total(asked: bool, results: Sequence[Result]) -> int | None:
    return sum(int(n) for _, n in results[1]) if asked else None
