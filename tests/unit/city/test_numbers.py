"""Numbers in query text: decimal only, integers exact, nothing a double cannot hold."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.numbers import read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("-7", -7), ("+5", 5), ("5.", 5.0), (".5", 0.5), ("-1.5e2", -150.0), ("1E3", 1000)],
)
def test_number_is_read(text: str, number: float) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    "text",
    ["", ".", "-", "1e", "1e999", "9" * 400, "nan", "inf", "0x10", "1_0", "١", " 1", "1 ", "1,5"],
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert read_number(text) is None


@settings(deadline=None)
@given(st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_reads_back_exactly(number: float) -> None:
    assert read_number(repr(number)) == number
