"""The Simple Query Language of NGSI-v2: `q` on attributes, `mq` on their metadata.

    query     = statement (";" statement)*          all must hold
    statement = path                                it exists
              | "!" path                            it does not exist
              | path operator value
    path      = token ("." token)*                  'single quotes' keep the dots inside a token
    operator  = "==" | ":" | "!=" | ">" | ">=" | "<" | "<=" | "~="
    value     = scalar | scalar ("," scalar)* | scalar ".." scalar

A scalar is a number, an ISO 8601 date, true, false, null, or else a string; 'single quotes' make
it a string in any case. NGSI-v2 "Simple Query Language".
"""

import re
from collections.abc import Iterator
from contextlib import suppress

from city.dates import parse_date
from city.errors import InvalidPattern, InvalidRequest
from city.numbers import read_number
from city.regex import compile_pattern
from context.predicates import Between, Like, OneOf, Ordered, Place, Query, Statement, Test
from context.values import seconds

__all__ = ["Query", "parse_mq", "parse_q"]

_EQUALITY = {"==": False, ":": False, "!=": True}
_ORDER = {
    ">": ("GreaterThan", frozenset({1})),
    ">=": ("GreaterThanOrEqual", frozenset({0, 1})),
    "<": ("LessThan", frozenset({-1})),
    "<=": ("LessThanOrEqual", frozenset({-1, 0})),
}
_PATTERN = "~="
_TWO_CHARACTERS = frozenset({"==", "!=", ">=", "<=", _PATTERN})
_ONE_CHARACTER = frozenset("<>:")

_FORBIDDEN = re.compile("[<>\"'=;()]")
_FORBIDDEN_IN_PATH = re.compile('[<>"=;()]')
_QUOTE_INSIDE_TOKEN = re.compile(r"(?<=[^.])'(?=[^.])")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


class Date(float):
    """Seconds since the epoch that were written as a date, which may not mix with numbers."""


Scalar = None | bool | int | float | str | Date


def parse_q(text: str) -> Query:
    """Read a `q` expression. Raises InvalidRequest saying what is wrong with it."""
    return Query(tuple(_statement(item, "q") for item in _items(text)))


def parse_mq(text: str) -> Query:
    """Read an `mq` expression: the second token of a path names a metadata item."""
    return Query(tuple(_statement(item, "mq") for item in _items(text)))


def _items(text: str) -> Iterator[str]:
    if text in {"", ";"}:
        raise InvalidRequest("empty q")
    if ";;" in text:
        raise InvalidRequest("empty q-item")
    text = text.removesuffix(";").strip()
    if text.endswith(";"):
        raise InvalidRequest("empty q-item")
    for item in text.removeprefix(";").split(";"):
        if not item.strip():
            raise InvalidRequest("empty q-item (only whitespace)")
        yield item.strip()


def _statement(item: str, language: str) -> Statement:
    if item.startswith("!"):
        return Statement(_existing_place(item[1:].strip(), language), negated=True)
    left, operator, right = _split_at_operator(item)
    if not operator:
        return Statement(_existing_place(left, language))
    if not left:
        raise InvalidRequest("empty left-hand-side in q-item")
    place = _place(left, language)
    if not right:
        raise InvalidRequest("empty right-hand-side in q-item")
    if language == "mq" and not place.metadata:
        raise InvalidRequest("no metadata name - not valid for metadata filters")
    return Statement(place, _test(operator, right), _EQUALITY.get(operator, False))


def _split_at_operator(item: str) -> tuple[str, str, str]:
    for position in _outside_quotes(item):
        found = item[position : position + 2]
        if found not in _TWO_CHARACTERS:
            found = found[:1] if found[:1] in _ONE_CHARACTER and found[1:] != "=" else ""
        if found:
            return item[:position].strip(), found, item[position + len(found) :].strip()
    return item, "", ""


def _existing_place(text: str, language: str) -> Place:
    place = _place(text, language)
    if not text:
        raise InvalidRequest("empty right-hand-side in q-item")
    if _QUOTE_INSIDE_TOKEN.search(text):
        raise InvalidRequest("forbidden characters in String Filter")
    if language == "mq" and not place.metadata:
        raise InvalidRequest("no metadata in right-hand-side of q-item")
    return place


def _place(text: str, language: str) -> Place:
    if _FORBIDDEN_IN_PATH.search(text):
        raise InvalidRequest(f"invalid character found in URI param /{language}/")
    attribute, *path = (token.replace("'", "") for token in _split(text, "."))
    if language == "q":
        return Place(attribute, None, tuple(path))
    if not attribute and path:
        raise InvalidRequest("no attribute name - not valid for metadata filters")
    return Place(attribute, path[0] if path else "", tuple(path[1:]))


def _test(operator: str, text: str) -> Test:
    if operator == _PATTERN:
        return _pattern(text)
    if ".." in text:
        return _range(operator, text)
    if "," in text:
        return _list(operator, text)
    value = _scalar(text)
    if operator in _EQUALITY:
        return OneOf((value,))
    name, accepted = _ORDER[operator]
    if value is None or isinstance(value, bool):
        kind = "Null" if value is None else "Bool"
        raise InvalidRequest(f"values of type /{kind}/ not supported for operator /{name}/")
    return Ordered(value, accepted)


def _pattern(text: str) -> Test:
    if _FORBIDDEN.search(text):
        raise InvalidRequest("forbidden characters in String Filter")
    try:
        return Like(compile_pattern(text))
    except InvalidPattern:
        raise InvalidPattern(f"error compiling filter regex: '{text}'") from None


def _range(operator: str, text: str) -> Test:
    if operator not in _EQUALITY:
        raise InvalidRequest("ranges only valid for equal and not equal ops")
    low, high = (end.strip() for end in text.split("..", 1))
    if not low or not high:
        raise InvalidRequest("empty item in range")
    from_value = _range_end(low, "from")
    to_value = _range_end(high, "to")
    if _kind(from_value) != _kind(to_value):
        raise InvalidRequest("invalid range: types mixed")
    return Between(from_value, to_value)


def _range_end(text: str, end: str) -> float | str:
    value = _scalar(text)
    if value is None or isinstance(value, bool):
        raise InvalidRequest(f"invalid data type for /range-{end}/")
    return value


def _list(operator: str, text: str) -> Test:
    if operator not in _EQUALITY:
        raise InvalidRequest("lists only valid for equal and not equal ops")
    items = [item.strip() for item in _split(text, ",")]
    if not all(items):
        raise InvalidRequest("empty item in list")
    choices = tuple(map(_scalar, items))
    kinds = {str if choice is None else _kind(choice) for choice in choices}
    if len(kinds) > 1 or bool in kinds:
        raise InvalidRequest("invalid JSON value type in list")
    return OneOf(choices)


def _kind(value: Scalar) -> type:
    """What may stand together in a list or range: numbers, dates, strings."""
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _scalar(text: str) -> Scalar:
    if text.startswith("'"):
        return _forced_string(text)
    number = read_number(text)
    if number is not None:
        return number
    with suppress(ValueError):
        return Date(seconds(parse_date(text)))
    if text in _WORDS:
        return _WORDS[text]
    return _checked(text)


def _forced_string(text: str) -> str:
    if len(text) == 1 or not text.endswith("'"):
        raise InvalidRequest("non-terminated forced string")
    if "'" in text[1:-1]:
        raise InvalidRequest("quote in forced string")
    return _checked(text[1:-1])


def _checked(text: str) -> str:
    if _FORBIDDEN.search(text):
        raise InvalidRequest("forbidden characters in String Filter")
    return text


def _split(text: str, separator: str) -> Iterator[str]:
    start = 0
    for position in _outside_quotes(text):
        if text[position] == separator:
            yield text[start:position]
            start = position + 1
    yield text[start:]


def _outside_quotes(text: str) -> Iterator[int]:
    """The positions of the characters that are not inside single quotes."""
    quoted = False
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted:
            yield position
