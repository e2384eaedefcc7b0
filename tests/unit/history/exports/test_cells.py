"""Cells of CSV files: exact, and harmless in a spreadsheet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.json import Json
from history.exports.cells import FORMULA_STARTS, cell, harmless


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (0.0, "0.0"),
        (-5, "-5"),
        (2**64, "18446744073709551616"),
        ("", ""),
        ("open", "open"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        (["=1"], '["=1"]'),
    ],
)
def test_values_are_shown_as_they_are(value: Json, shown: str) -> None:
    assert cell(value) == shown


@pytest.mark.parametrize("text", ["=1+1", "+cmd|'/c calc'!A1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_get_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "+3.25", "-.5", "-1e-7"])
def test_negative_numbers_written_as_texts_stay(text: str) -> None:
    assert cell(text) == text


@given(st.text())
def test_no_text_is_left_that_a_spreadsheet_computes(text: str) -> None:
    shown = harmless(text)
    if shown.startswith(tuple(FORMULA_STARTS)):
        float(shown)
    assert shown.removeprefix("'") == text.removeprefix("'")
