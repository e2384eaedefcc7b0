"""Parameters of CKAN's actions: members of a JSON object or, in a query or form, texts.

There a list is the JSON text of one.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from city.errors import InvalidRequest
from city.json import Json, parse

Parameters = Mapping[str, Json]

_NUMBER = re.compile(r"-?[0-9]{1,9}")

T = TypeVar("T")


class Rejected(InvalidRequest):
    """A parameter is wrong; `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.problem = message


def page(things: Sequence[T], parameters: Parameters) -> Sequence[T]:
    """The members from `offset`, at most `limit` of them."""
    start = number(parameters, "offset", 0)
    if not text_of(parameters.get("limit")):
        return things[start:]
    return things[start : start + number(parameters, "limit", 0)]


def identifier(parameters: Parameters, *names: str) -> str:
    """The first of the parameters that is there. Raises Rejected without any."""
    for name in names:
        if found := text(parameters, name):
            return found
    raise Rejected(names[0], "Missing value")


def text(parameters: Parameters, name: str) -> str:
    """A text, empty when it is absent."""
    value = parameters.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Rejected(name, "Must be a text")
    return value


def texts(parameters: Parameters, name: str) -> list[str]:
    """A list of texts: given as a list, as a JSON text of one, or as one text."""
    value = parameters.get(name)
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = parse(value)
        except ValueError as error:
            raise Rejected(name, "Must be a JSON list of texts") from error
    if value is None or isinstance(value, str):
        return [value] if value else []
    found = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(found) < len(value):
        raise Rejected(name, "Must be a list of texts")
    return found


def number(parameters: Parameters, name: str, default: int, least: int = 0) -> int:
    """A whole number, given as such or as a text."""
    value = text_of(parameters.get(name))
    if not value:
        return default
    if not _NUMBER.fullmatch(value):
        raise Rejected(name, "Invalid integer")
    if int(value) < least:
        raise Rejected(name, "Must be a natural number")
    return int(value)


def flag(parameters: Parameters, name: str) -> bool:
    """Whether a parameter is true, in one of the ways in which CKAN takes it."""
    return text_of(parameters.get(name)).lower() in {"true", "1", "yes", "on", "t", "y"}


def text_of(value: Json) -> str:
    """A parameter as a GET has it."""
    return "" if value is None else str(value)
