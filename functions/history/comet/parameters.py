"""The query of a read, checked in the order and with the words that STH-Comet's clients know."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from city.clock import SECOND
from city.dates import format_date, parse_date
from city.errors import InvalidRequest
from history.comet.points import METHODS, PERIODS, Period

MAX_PAGE = 100
"""Points of one answer that is no file."""

_SIZES = ("lastN", "hLimit", "hOffset")
_NAMES = (*_SIZES, "aggrMethod", "aggrPeriod", "dateFrom", "dateTo", "filetype", "count")
_COMBINED = ("lastN", "hLimit", "hOffset", "filetype", "aggrMethod", "aggrPeriod", "count")
_ALTERNATIVES = "|".join((*METHODS, "all"))
_METHODS = re.compile(rf"({_ALTERNATIVES})(,({_ALTERNATIVES}))*\Z")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)\Z")
_MILLISECONDS = re.compile(r"[+-]?[0-9]{1,16}\Z")


class Invalid(InvalidRequest):
    """A part of the request is wrong: which (`source`: headers, query or payload), and its `keys`."""

    def __init__(self, message: str, source: str, keys: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.source = source
        self.keys = keys


class Raw(NamedTuple):
    """The values themselves: the newest `last`, or a page from the oldest; in a file without both."""

    last: int | None
    limit: int | None
    offset: int
    csv: bool
    counted: bool


class Aggregated(NamedTuple):
    """What the values of each period come to."""

    methods: tuple[str, ...]
    period: Period


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a read asks for; times are microseconds, both inclusive."""

    asked: Raw | Aggregated
    start: int | None
    end: int | None
    type: str | None


def parse(query: Sequence[tuple[str, str]], *, with_type: bool) -> Parameters:
    """The parameters of a read; version 2 names the entity's type here, and must.

    Raises Invalid.
    """
    given = _once(query)
    sizes = {name: _size(name, given[name]) for name in _SIZES if name in given}
    methods, period = _methods(given.get("aggrMethod")), _period(given.get("aggrPeriod"))
    start, end = _moment("dateFrom", given), _moment("dateTo", given)
    filetype, count = _text("filetype", given), _count(given.get("count"))
    type = _required_type(given) if with_type else None
    _check_known(given, (*_NAMES, "type") if with_type else _NAMES)
    csv = (filetype or "").lower() == "csv"
    if csv or "lastN" in sizes or {"hLimit", "hOffset"} <= sizes.keys():
        return Parameters(_raw(sizes, csv=csv, counted=count), start, end, type)
    if methods and period:
        return Parameters(Aggregated(methods, period), start, end, type)
    raise Invalid(
        "A combination of the following query params is required: lastN, hLimit and hOffset, "
        "filetype, or aggrMethod and aggrPeriod",
        "query",
        _COMBINED,
    )


def _once(query: Sequence[tuple[str, str]]) -> dict[str, str]:
    given = dict(query)
    if len(given) < len(query):
        names = [name for name, _ in query]
        twice = next(name for name in names if names.count(name) > 1)
        raise _failed(twice, "must be given only once")
    return given


def _raw(sizes: dict[str, int], *, csv: bool, counted: bool) -> Raw:
    last, limit = sizes.get("lastN"), sizes.get("hLimit")
    if max(last or 0, limit or 0) > MAX_PAGE or (last and limit and limit > last):
        raise Invalid("hLimit <= lastN <= config.maxPageSize", "query", _COMBINED)
    return Raw(last, limit, sizes.get("hOffset", 0), csv, counted)


def _size(name: str, text: str) -> int:
    if not _NUMBER.match(text):
        raise _failed(name, "must be a number")
    number = float(text)
    if not number.is_integer():
        raise _failed(name, "must be an integer")
    if number < 0:
        raise _failed(name, "must be greater than -1")
    if number >= 2**53:
        raise _failed(name, "must be a safe number")
    return int(number)


def _methods(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    if not text:
        raise _failed("aggrMethod", "is not allowed to be empty")
    if not _METHODS.match(text):
        pattern = f"/^({_ALTERNATIVES})(,({_ALTERNATIVES}))*$/"
        raise _failed(
            "aggrMethod", f'with value "{text}" fails to match the required pattern: {pattern}'
        )
    asked = dict.fromkeys(text.split(","))
    return METHODS if "all" in asked else tuple(asked)


def _period(text: str | None) -> Period | None:
    period = next((one for one in PERIODS if one == text), None)
    if text is not None and period is None:
        raise _failed("aggrPeriod", f"must be one of [{', '.join(PERIODS)}]")
    return period


def _moment(name: str, given: dict[str, str]) -> int | None:
    """A time in ISO 8601, or in milliseconds since the epoch."""
    if name not in given:
        return None
    text = given[name]
    try:
        if _MILLISECONDS.match(text):
            moment = int(text) * (SECOND // 1000)
            format_date(moment)
            return moment
        # a query turns the + of an offset into a space
        return parse_date(text.replace(" ", "+"))
    except ValueError as error:
        raise _failed(name, "must be a number of milliseconds or valid date string") from error


def _text(name: str, given: dict[str, str]) -> str | None:
    if given.get(name) == "":
        raise _failed(name, "is not allowed to be empty")
    return given.get(name)


def _count(text: str | None) -> bool:
    if text is not None and text.lower() not in ("true", "false"):
        raise _failed("count", "must be a boolean")
    return text is not None and text.lower() == "true"


def _required_type(given: dict[str, str]) -> str:
    type = _text("type", given)
    if type is None:
        raise _failed("type", "is required")
    return type


def _check_known(given: dict[str, str], names: Sequence[str]) -> None:
    unknown = next((name for name in given if name not in names), None)
    if unknown is not None:
        raise Invalid(f'"{unknown}" is not allowed', "query", (unknown,))


def _failed(name: str, why: str) -> Invalid:
    return Invalid(f'child "{name}" fails because ["{name}" {why}]', "query", (name,))
