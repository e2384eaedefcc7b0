"""Cells of CSV files, which people open with spreadsheets.

A spreadsheet takes a cell that begins with one of `FORMULA_STARTS` for a formula, whatever it is
quoted with, and a sensor's owner could write one. Such a text gets an apostrophe in front of it,
which spreadsheets show as nothing; texts that are decimal numbers stay as they are.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from city.json import Json, dump

FORMULA_STARTS = "=+-@\t\r\n"

DECIMAL = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
"""A regular expression for decimal numbers, in the common subset of Python, RE2 and Athena."""

_DECIMAL = re.compile(rf"{DECIMAL}\Z")


def cell(value: Json) -> str:
    """A value as a cell: nothing for null, JSON for structures, all digits of a number."""
    match value:
        case None:
            return ""
        case str():
            return harmless(value)
        case _:
            return dump(value)


def lines(rows: Iterable[Sequence[Json]]) -> str:
    """The lines of a file (RFC 4180)."""
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def harmless(text: str) -> str:
    """The text, such that no spreadsheet computes it."""
    if text.startswith(tuple(FORMULA_STARTS)) and not _DECIMAL.match(text):
        return f"'{text}"
    return text
