"""Every statement is SQL of Athena and of DuckDB, and holds no value of a caller."""

import re
from datetime import date

import pytest
import sqlglot
from sqlglot import ErrorLevel

from city.tenancy import ROOT, PathPattern, ServicePath, Tenant
from history.reading import fragments, programs, sql
from history.reading.queries import (
    Aggregate,
    Anchored,
    Calendar,
    Choice,
    Instances,
    Latest,
    Method,
    Query,
    Rows,
    Sightings,
    Window,
)
from history.reading.selection import Names, Part, Selection
from history.reading.sql import Files, Partitions, Scope, Source
from history.store.ledger import Deletion
from tests.builders import CITY, START

EVIL = "x'; DROP TABLE history; --"
PATHS = (PathPattern(ServicePath("/park/"), subtree=True), PathPattern(ROOT, subtree=False))
SELECTION = Selection(
    CITY,
    (
        Part("Room", (EVIL, "b"), PATHS, Names(frozenset({EVIL}))),
        Part("ns:Röm/1", None, PATHS, Names(None, frozenset({"secret"}))),
    ),
    ("", EVIL),
    None,
)
DELETION = Deletion(
    CITY, "Room", "1", (EVIL,), PATHS, ("t",), START, START + 1000, START, "operator"
)
CHOICE = Choice(CITY)
QUERIES: list[Query] = [
    Instances(CHOICE, last=3, limit=5, offset=2, count=True, include_deletes=True),
    Rows(CHOICE, last=3, limit=5, offset=2, newest_first=True, count=True),
    Rows(CHOICE, limit=5),
    *(
        Aggregate(CHOICE, [*Method], period, last=5, limit=3, offset=1)
        for period in (
            None,
            Calendar("month"),
            Calendar("second"),
            Anchored(months=1),
            Anchored(micros=3_600_000_000, origin=START),
        )
    ),
    Latest(CHOICE),
    Sightings(CHOICE, limit=5, offset=1),
]
FILES: list[Source] = [Files(("a.parquet",), repeats=True), Files(("b.parquet",), repeats=False)]
TABLE: list[Source] = [Partitions(CITY, ("Room", "ns:Röm/1"), date(2026, 1, 1), date(2026, 12, 31))]


def statements(query: Query, engine: sql.Engine) -> list[fragments.Sql]:
    """What is run for a query, over a selection that needs every kind of condition."""
    scope = Scope(SELECTION, Window(START, START + 10), [DELETION], with_ends=True)
    source = sql.records(FILES if engine == "duckdb" else TABLE, scope)
    return programs.statements(query, SELECTION, source, engine)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: type(query).__name__)
def test_statements_go_through_both_parsers(query: Query) -> None:
    for statement in statements(query, "athena"):
        (in_duckdb,) = sqlglot.transpile(
            statement.text, read="athena", write="duckdb", unsupported_level=ErrorLevel.RAISE
        )
        sqlglot.parse_one(in_duckdb, read="duckdb")
    for statement in statements(query, "duckdb"):
        sqlglot.parse_one(statement.text, read="duckdb")


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: type(query).__name__)
@pytest.mark.parametrize("engine", ["duckdb", "athena"])
def test_values_of_callers_are_bound_and_never_in_the_text(
    query: Query, engine: sql.Engine
) -> None:
    for statement in statements(query, engine):
        assert EVIL not in statement.text
        assert statement.text.count("?") == len(statement.parameters)
        assert EVIL in statement.parameters


def test_a_partition_is_named_by_literals_of_harmless_characters() -> None:
    table = Partitions("city", (EVIL,), date(2026, 1, 1), date(2026, 1, 2))
    condition = table.condition()
    assert condition.parameters == ()
    assert re.fullmatch(r"[A-Za-z0-9~_.\-='() ,]+", condition.text)


def test_a_list_of_values_may_be_empty() -> None:
    assert fragments.among("attr", []).text == "false"


def test_a_composition_keeps_values_in_the_order_of_their_question_marks() -> None:
    first, second = fragments.bound("a"), fragments.compose("b = {}", fragments.bound("b"))
    assert fragments.compose("{} < {}", second, first) == fragments.Sql("b = ? < ?", ("b", "a"))


def test_a_tenant_is_a_partition_of_its_own() -> None:
    table = Partitions(Tenant("other"), ("Room",), date(2026, 1, 1), date(2026, 1, 2))
    assert "service = 'other'" in table.condition().text
