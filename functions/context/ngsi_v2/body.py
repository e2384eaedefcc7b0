"""Request bodies as JSON, read more strictly than JSON asks.

A member given twice, a number no double can hold and half a surrogate pair are refused instead of
silently changed. A number written with a fraction of zero is the integer (23.0 is stored as 23).
"""

import json
import re
from typing import cast

from city.errors import InvalidRequest, Malformed
from city.json import Json

UNREADABLE = "Errors found in incoming JSON buffer"
MAX_NESTING = 50
TOO_DEEP = f"attribute or metadata value has overpassed maximum nesting limit: {MAX_NESTING}"
MAX_EXACT_FLOAT = 2**53

_MAX_DIGITS = 308
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_WORDS: dict[str, Json] = {
    word: value
    for name, value in (("true", True), ("false", False), ("null", None))
    for word in (name, name.capitalize(), name.upper())
}


class Repeated(dict[str, Json]):
    """A JSON object of the body that has one of its members twice; `member` is its name."""

    member: str


def read_json(body: bytes) -> Json:
    """The JSON value of a request body. Raises Malformed.

    An object with a repeated member is a `Repeated`: whoever knows what the object means says so.
    """
    try:
        text = body.decode()
        value = _DECODER.decode(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise Malformed(TOO_DEEP) from error
    except ValueError as error:
        raise Malformed(UNREADABLE) from error
    return cast("Json", value)


def read_text_value(body: bytes) -> Json:
    """The attribute value in a text/plain body: quoted text, true, false, null or a number."""
    try:
        text = body.decode().strip()
    except ValueError as error:
        raise InvalidRequest("attribute value type not recognized") from error
    if text.startswith('"'):
        if len(text) < len('""') or not text.endswith('"'):
            raise InvalidRequest("Missing citation-mark at end of string")
        return text[1:-1]
    if text in _WORDS:
        return _WORDS[text]
    if not _NUMBER.match(text):
        raise InvalidRequest("attribute value type not recognized")
    return _number_of(text)


def _number_of(text: str) -> Json:
    try:
        return _integer(text) if text.lstrip("+-").isdecimal() else _fraction(text)
    except ValueError as error:
        raise InvalidRequest("attribute value type not recognized") from error


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repeated = Repeated()
    for name, value in pairs:
        if name in repeated:
            repeated.member = name
        repeated[name] = value
    return repeated


def _fraction(text: str) -> int | float:
    number = float(text)
    if number - number != 0:
        raise ValueError("not a finite number")
    return int(number) if number.is_integer() and abs(number) < MAX_EXACT_FLOAT else number


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("too large for a number")
    return int(text)


def _refuse(constant: str) -> Json:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_float=_fraction,
    parse_int=_integer,
    parse_constant=_refuse,
)
