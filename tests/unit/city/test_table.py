"""Rows of the security table: found, listed, changed on a condition, and gone when they expire."""

from typing import TYPE_CHECKING

import pytest

from city.clock import SECOND
from city.dynamodb import ConditionFailed
from city.table import IS_NEW, IS_THERE, Change, Condition, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from city.dynamodb import Row

NOW = 1_800_000_000


@pytest.fixture
def table(dynamodb: "DynamoDBClient", security_table: str) -> Table:
    return Table(dynamodb, security_table, lambda: NOW * SECOND)


def row(sk: str, pk: str = "p", **members: int | str) -> "Row":
    return {"pk": pk, "sk": sk, **members}


def fill(table: Table, *rows: "Row") -> None:
    for one in rows:
        table.put(one)


def test_row_is_found_by_its_key(table: Table) -> None:
    fill(table, row("a", n=1))
    assert table.get("p", "a") == row("a", n=1)
    assert table.get("p", "b") is None


def test_expired_row_is_not_there_though_it_is_still_stored(table: Table) -> None:
    fill(table, row("past", exp=NOW), row("future", exp=NOW + 1))
    assert table.get("p", "past") is None
    assert table.get_many([("p", "past"), ("p", "future")]).keys() == {("p", "future")}
    assert list(table.every("p")) == [row("future", exp=NOW + 1)]


def test_many_rows_are_read_whatever_their_number_and_however_often_named(table: Table) -> None:
    rows = [row(f"{number:03}") for number in range(130)]
    fill(table, *rows)
    keys = [("p", str(one["sk"])) for one in rows]
    assert table.get_many([*keys, *keys, ("p", "none")]).keys() == {*keys}


def test_range_has_the_rows_that_start_so_and_no_others(table: Table) -> None:
    fill(table, row("grant"), row("grant\x1fa"), row("grant\x1fb"), row("granted"))
    assert [one["sk"] for one in table.every("p", "grant\x1f")] == ["grant\x1fa", "grant\x1fb"]


def test_pages_continue_after_one_another_in_either_order(table: Table) -> None:
    fill(table, *(row(sk) for sk in "abcde"))
    first = table.query("p", limit=2)
    assert ([one["sk"] for one in first.rows], first.after) == (["a", "b"], "b")
    second = table.query("p", limit=2, after=first.after, between=("b", "d"))
    assert [one["sk"] for one in second.rows] == ["c", "d"]
    assert [one["sk"] for one in table.query("p", newest_first=True, limit=2).rows] == ["e", "d"]
    assert table.query("p").after is None


def test_failed_condition_writes_nothing_and_tells_what_is_there(table: Table) -> None:
    fill(table, row("a", n=1))
    with pytest.raises(ConditionFailed) as refused:
        table.put(row("a", n=2), IS_NEW)
    assert refused.value.found == {0: row("a", n=1)}
    with pytest.raises(ConditionFailed):
        table.update("p", "b", Change("SET n = :n", {":n": 1}), IS_THERE)
    assert list(table.every("p")) == [row("a", n=1)]


def test_change_answers_with_the_row_as_it_is_then(table: Table) -> None:
    fill(table, row("a", n=1, name="x"))
    change = Change("ADD n :one REMOVE #name", {":one": 1}, {"#name": "name"})
    one = Condition("n = :n", {":n": 1})
    assert table.update("p", "a", change, one) == row("a", n=2)


def test_deleted_row_is_told_once(table: Table) -> None:
    fill(table, row("a"))
    assert table.delete("p", "a") == row("a")
    assert table.delete("p", "a") is None


def test_transaction_writes_all_or_nothing_and_names_what_refused(table: Table) -> None:
    fill(table, row("a", n=1), row("b"))
    statements = [
        table.putting(row("c"), IS_NEW),
        table.deleting("p", "b"),
        table.updating(
            "p", "a", Change("SET n = :n", {":n": 5}), Condition("n = :was", {":was": 0})
        ),
    ]
    with pytest.raises(ConditionFailed) as refused:
        table.transact(statements)
    assert refused.value.found == {2: row("a", n=1)}
    assert list(table.every("p")) == [row("a", n=1), row("b")]
    table.transact([*statements[:2], table.checking("p", "a", IS_THERE)])
    assert list(table.every("p")) == [row("a", n=1), row("c")]
