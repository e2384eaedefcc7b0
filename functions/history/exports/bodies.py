"""The body of an order, and the parameters of a list of them, read strictly."""

import re
from collections.abc import Mapping
from typing import cast, get_args

from city.dates import parse_date
from city.errors import InvalidRequest
from city.json import Json
from city.tenancy import PathScope, Tenant
from history.days import days_of_month
from history.exports.orders import Format, Layout, Order
from history.reading.queries import Window, window_of

MEMBERS = ("type", "month", "from", "to", "format", "layout", "ids", "attributes")

MAX_NAMES = 10_000
"""Of ids, and of attributes."""
MAX_LIMIT = 1000
DEFAULT_LIMIT = 100

_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}\Z")
_LIMIT = re.compile(r"[0-9]{1,4}\Z")
_ID = re.compile(r"[0-9a-f]{24}\Z")
_LAYOUTS: Mapping[Format, Layout] = {"parquet": "long", "csv": "rows"}
"""The layout of each format, if an order does not say."""


def parse_order(body: Mapping[str, Json], tenant: Tenant, scope: PathScope) -> Order:
    """The order that a body is. Raises InvalidRequest, which names the member."""
    if unknown := sorted(body.keys() - {*MEMBERS}):
        raise InvalidRequest(f"there is no member {unknown[0]}; there are {', '.join(MEMBERS)}")
    type = body.get("type")
    if not isinstance(type, str) or not type:
        raise InvalidRequest("type must be the name of an entity type")
    form = cast("Format", _one_of("format", body, get_args(Format), "parquet"))
    layout = cast("Layout", _one_of("layout", body, get_args(Layout), _LAYOUTS[form]))
    if form == "parquet" and layout != "long":
        raise InvalidRequest("layout must be long for parquet; rows is for csv")
    ids, attributes = (_names(name, body) for name in ("ids", "attributes"))
    return Order(tenant, type, _window(body), form, layout, ids, attributes, scope)


def parse_limit(text: str | None) -> int:
    """How many members a page may have. Raises InvalidRequest."""
    if text is None:
        return DEFAULT_LIMIT
    if not _LIMIT.match(text) or not 1 <= int(text) <= MAX_LIMIT:
        raise InvalidRequest(f"limit must be a number from 1 to {MAX_LIMIT}")
    return int(text)


def parse_token(text: str | None) -> str | None:
    """After which job a page begins. Raises InvalidRequest."""
    if text is not None and not _ID.match(text):
        raise InvalidRequest("token is not one that this API has given")
    return text


def _window(body: Mapping[str, Json]) -> Window:
    month = body.get("month")
    if month is None:
        start, end = _moment("from", body), _moment("to", body)
        if start is not None and end is not None and start >= end:
            raise InvalidRequest("from must be before to")
        return Window(start, end)
    if body.get("from") is not None or body.get("to") is not None:
        raise InvalidRequest("give a month, or from and to")
    try:
        if isinstance(month, str) and _MONTH.match(month):
            return window_of(*days_of_month(month))
    except ValueError:
        pass
    raise InvalidRequest("month must be a month as YYYY-MM")


def _moment(name: str, body: Mapping[str, Json]) -> int | None:
    text = body.get(name)
    if text is None:
        return None
    try:
        if isinstance(text, str):
            return parse_date(text)
    except ValueError:
        pass
    raise InvalidRequest(f"{name} must be an ISO 8601 date and time")


def _one_of(name: str, body: Mapping[str, Json], known: tuple[str, ...], default: str) -> str:
    value = body.get(name, default)
    if value not in known:
        raise InvalidRequest(f"{name} must be one of {', '.join(known)}")
    return value


def _names(name: str, body: Mapping[str, Json]) -> tuple[str, ...] | None:
    value = body.get(name)
    if value is None:
        return None
    given = value if isinstance(value, list) else []
    names = tuple(dict.fromkeys(one for one in given if isinstance(one, str)))
    if not names or len(names) < len(given):
        raise InvalidRequest(f"{name} must be an array of different texts, with at least one")
    if len(names) > MAX_NAMES:
        raise InvalidRequest(f"{name} must not have more than {MAX_NAMES} members")
    return names
