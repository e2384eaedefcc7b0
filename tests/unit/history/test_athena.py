"""Queries as Athena takes them."""

from datetime import UTC, datetime

from history.reading.fragments import Sql
from history.store.athena import said

MOMENT = datetime(2026, 10, 8, 12, 30, 0, 250_000, tzinfo=UTC).replace(tzinfo=None)


def test_texts_are_bound_and_numbers_and_times_stand_in_the_query() -> None:
    text = "SELECT mod(a, ?) FROM t WHERE b = ? AND ts < ? AND c IN (?, ?) LIMIT ?"
    query = Sql(text, (3600, "it's; --", MOMENT, "", "?", 10))
    shown = (
        "SELECT mod(a, 3600) FROM t WHERE b = ? AND ts < TIMESTAMP '2026-10-08 12:30:00.250000' "
        "AND c IN (?, ?) LIMIT 10"
    )
    assert said(query) == (shown, ["'it''s; --'", "''", "'?'"])


def test_query_without_values_stays_as_it_is() -> None:
    assert said(Sql("SELECT 1")) == ("SELECT 1", [])
