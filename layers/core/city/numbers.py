"""Numbers written as text: in query expressions, coordinates and distances."""

import math
import re

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_INTEGER = re.compile(r"[+-]?[0-9]+\Z")


def read_number(text: str) -> int | float | None:
    """The number a text writes in decimal, integers exactly; None when it is not one.

    A number that no double can hold is not one either.
    """
    if not _NUMBER.match(text):
        return None
    number = float(text)
    if not math.isfinite(number):
        return None
    return int(text) if _INTEGER.match(text) else number
