"""Which partitions a query reads: partition projection, as Athena computes it from the table's properties.

An `injected` column takes its values from the query, which must compare it with literals; a `date`
column has all days of its range. What else the query says about partition columns is evaluated on
the partitions that remain.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING

import duckdb
from sqlglot import exp

from sandbox.athena.catalog import Column, Table
from sandbox.athena.failures import QueryFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DAYS = {"DAYS": 1, "DAY": 1, "WEEKS": 7, "WEEK": 7, "MONTHS": 30, "MONTH": 30, "YEARS": 365, "YEAR": 365}  # fmt: skip
"""How far `NOW+1UNIT` reaches; to the day only where the unit has a fixed number of days."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a partition."""

    uri: str
    size: int


def files_of(
    table: Table, conditions: Sequence[exp.Expr], s3: "S3Client", now: datetime
) -> list[StoredFile]:
    """The files that a scan of the table reads, given the conditions on it (in DuckDB's words, columns unqualified).

    Raises QueryFailed when an injected column is not compared with literals.
    """
    wanted = set(_partitions(table, conditions, now))
    found = (file for prefix in _prefixes(table, wanted) for file in _listed(prefix, s3))
    pattern = re.compile(table.path_pattern)
    order = [table.placeholders.index(column.name) for column in table.partitions]
    return [
        file
        for file in found
        if (match := pattern.match(file.uri)) and _visible(file.uri)
        and tuple(match.groups()[place] for place in order) in wanted
    ]  # fmt: skip


def _visible(uri: str) -> bool:
    """Athena reads no file whose name starts with an underscore or a dot."""
    return uri.rpartition("/")[2][0] not in "_."


def _partitions(
    table: Table, conditions: Sequence[exp.Expr], now: datetime
) -> Iterator[tuple[str, ...]]:
    names = {column.name for column in table.partitions}
    own = [condition for condition in conditions if _columns_in(condition) <= names]
    choices = [_choices(table, column, own, now) for column in table.partitions]
    if not own:
        yield from product(*choices)
        return
    lists = ", ".join(
        f'(SELECT unnest(${place + 1}) AS "{column.name}")'
        for place, column in enumerate(table.partitions)
    )
    shown = ", ".join(f'"{column.name}"' for column in table.partitions)
    condition = " AND ".join(f"({condition.sql('duckdb')})" for condition in own)
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        yield from engine.execute(f"SELECT {shown} FROM {lists} WHERE {condition}", choices).fetchall()  # noqa: S608 - columns of the catalog and a parsed condition  # fmt: skip


def _choices(
    table: Table, column: Column, conditions: Sequence[exp.Expr], now: datetime
) -> list[str]:
    match table.projection(column.name, "type"):
        case "injected":
            return _injected(column.name, conditions)
        case "date":
            days = _range(table.projection(column.name, "range") or "", now)
            return [day.isoformat() for day in days]
    raise QueryFailed("NOT_SUPPORTED", f"The projection of {column.name} is not known here")


def _injected(column: str, conditions: Sequence[exp.Expr]) -> list[str]:
    given = [
        values for condition in conditions if (values := _literals(column, condition)) is not None
    ]
    if not given:
        raise QueryFailed(
            "CONSTRAINT_VIOLATION",
            f"For the injected projected partition column {column}, the WHERE clause must contain "
            "only static equality conditions, and at least one such condition must be present.",
        )
    return sorted(set.intersection(*given))


def _literals(column: str, condition: exp.Expr) -> set[str] | None:
    """What the condition allows the column to be, when it compares it with literals."""
    compared: list[exp.Expr] = []
    match condition:
        case exp.Paren():
            return _literals(column, condition.this)
        case exp.EQ() if isinstance(condition.this, exp.Column):
            subject, compared = condition.this, [condition.expression]
        case exp.EQ():
            subject, compared = condition.expression, [condition.this]
        case exp.In():
            subject, compared = condition.this, condition.expressions
        case _:
            return None
    literal = all(isinstance(value, exp.Literal) and value.is_string for value in compared)
    if not (compared and literal and isinstance(subject, exp.Column) and subject.name == column):
        return None
    return {value.name for value in compared}


def _range(text: str, now: datetime) -> Iterator[date]:
    first, last = (_bound(bound, now) for bound in text.split(","))
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _bound(text: str, now: datetime) -> date:
    relative = re.fullmatch(r"\s*NOW\s*(?:([+-])\s*(\d+)\s*([A-Z]+))?\s*", text)
    if relative is None:
        return date.fromisoformat(text.strip())
    sign, count, unit = relative.groups()
    shift = DAYS[unit] * int(count) if unit else 0
    return now.astimezone(UTC).date() + timedelta(days=-shift if sign == "-" else shift)


def _prefixes(table: Table, wanted: set[tuple[str, ...]]) -> list[str]:
    """What to list to see every wanted partition: what those with the same injected values begin with."""
    places: dict[tuple[str, ...], list[str]] = {}
    names = [column.name for column in table.partitions]
    injected = [table.projection(name, "type") == "injected" for name in names]
    for values in wanted:
        filled = table.template
        for name, value in zip(names, values, strict=True):
            filled = filled.replace(f"${{{name}}}", value)
        given = tuple(value for value, fixed in zip(values, injected, strict=True) if fixed)
        places.setdefault(given, []).append(filled)
    return [_shared_start(min(filled), max(filled)) for _, filled in sorted(places.items())]


def _shared_start(one: str, other: str) -> str:
    differing = (
        place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]
    )
    return one[: next(differing, len(one))]


def _listed(uri: str, s3: "S3Client") -> Iterator[StoredFile]:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for listed in page.get("Contents", []):
            yield StoredFile(f"s3://{bucket}/{listed['Key']}", listed["Size"])


def _columns_in(condition: exp.Expr) -> set[str]:
    return {column.name for column in condition.find_all(exp.Column)}
