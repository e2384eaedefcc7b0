"""Times in QuantumLeap's parameters and answers."""

from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.clock import SECOND, from_iso
from history.quantumleap.refusals import Refused
from history.quantumleap.times import read_time, shown_bound, shown_time

NOON = from_iso("2026-03-29T12:00:00Z")


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-29T12:00:00Z",
        "2026-03-29T12:00:00",
        "2026-03-29 12:00",
        "2026-03-29T12",
        "20260329T120000Z",
        "2026-03-29T14:00:00+02:00",
        "2026-03-29T14:00:00 02:00",
        "2026-03-29T14:00:00.000 0200",
        "2026-03-29 14:00 02",
        '"2026-03-29T12:00:00.000Z"',
        "2026-03-29T07:00:00-05:00",
    ],
)
def test_one_moment_in_many_forms(text: str) -> None:
    assert read_time(text) == NOON


@pytest.mark.parametrize(
    ("text", "first"),
    [("2026", "2026-01-01"), ("2026-03", "2026-03-01"), ("2026-W14", "2026-03-30")],
)
def test_a_year_month_or_week_is_its_first_moment(text: str, first: str) -> None:
    assert read_time(text) == from_iso(first)


@pytest.mark.parametrize(
    "text", ["yesterday", "", '"', "2026-02-30", "2026-03-29T25:00", "1.5", "12:00", "٢٠٢٦", "\0"]
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_time(text)
    assert (refusal.value.status, refusal.value.error) == (422, "InvalidParameterValue")
    assert "fromDate" in str(refusal.value)


def test_shown_with_milliseconds_and_offset() -> None:
    assert shown_time(NOON + 1_999) == "2026-03-29T12:00:00.001+00:00"


def test_bounds_are_shown_without_needless_fractions() -> None:
    assert shown_bound(NOON) == "2026-03-29T12:00:00+00:00"
    assert shown_bound(NOON + 500_000) == "2026-03-29T12:00:00.500000+00:00"
    assert shown_bound(None) == ""


@given(
    st.integers(-2_000_000_000, 250_000_000_000),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_a_time_of_any_zone_survives_an_url_that_drops_the_plus(
    second: int, zone: timezone
) -> None:
    text = datetime.fromtimestamp(second, zone).isoformat()
    assert read_time(text.replace("+", " ")) == second * SECOND


@given(st.text(max_size=30))
def test_no_text_is_worse_than_refused(text: str) -> None:
    with suppress(Refused):
        assert isinstance(read_time(text), int)
