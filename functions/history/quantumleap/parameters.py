"""URL parameters of QuantumLeap's operations: their forms first, then what they mean together.

Each operation knows some parameters and ignores the others. Empty text is no parameter.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from city.errors import InvalidPattern
from city.regex import compile_pattern
from history.quantumleap.places import check_forms, read_place
from history.quantumleap.refusals import Refused, WrongForm, wrong_use
from history.quantumleap.times import LATEST, read_time
from history.reading.queries import MILLISECOND, Calendar, Method, Place, Window

MAX_LIMIT = 10_000
"""Rows of one answer; a greater limit means this one."""

METHODS = {
    method.value: method
    for method in (Method.COUNT, Method.SUM, Method.AVG, Method.MIN, Method.MAX)
}
PERIODS = {unit: Calendar(unit) for unit in ("year", "month", "day", "hour", "minute", "second")}
TASK_STATUSES = ("pending", "succeeded", "failed")

_TIME = frozenset({"fromDate", "toDate"})
_PAGE = frozenset({"limit", "offset"})
_SERIES = (
    frozenset({"aggrMethod", "aggrPeriod", "options", "lastN", "georel", "geometry", "coords"})
    | _TIME
    | _PAGE
)
_MANY = frozenset({"id", "idPattern", "aggrScope"})

ENTITIES = frozenset({"type", "idPattern"}) | _TIME | _PAGE
ENTITY = _SERIES | {"type", "attrs"}
ENTITY_ATTRIBUTE = _SERIES | {"type"}
TYPE = _SERIES | _MANY | {"attrs"}
TYPE_ATTRIBUTE = _SERIES | _MANY
ATTRIBUTES = TYPE | {"type"}
ATTRIBUTE = TYPE_ATTRIBUTE | {"type"}
DELETE_ENTITY = _TIME | {"type"}
DELETE_TYPE = _TIME | {"dropTable"}
TASKS = frozenset({"taskStatus"})

_ALIASES = {"aggr_scope": "aggrScope"}
"""FiLiP writes it so, and QuantumLeap takes both."""

_CHOICES = {
    "aggrMethod": tuple(METHODS),
    "aggrPeriod": tuple(PERIODS),
    "aggrScope": ("global", "entity"),
    "options": ("keyValues", "values"),
    "taskStatus": TASK_STATUSES,
}
_LEAST = {"lastN": 1, "limit": 1, "offset": 0}
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}\Z")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the parameters of one request say; None is not given.

    `from_text` and `to_text` are the dates as they came, `window` what they mean (`toDate` is
    inclusive). `limit` is at most `MAX_LIMIT`. `id_pattern` is an RE2 expression for the beginning
    of the id, whatever the case of its letters.
    """

    types: tuple[str, ...] | None
    ids: tuple[str, ...] | None
    id_pattern: str | None
    attributes: tuple[str, ...] | None
    method: Method | None
    period: Calendar | None
    from_text: str | None
    to_text: str | None
    window: Window
    place: Place | None
    last: int | None
    limit: int
    offset: int
    drops_table: bool

    @property
    def rows(self) -> int:
        """How many rows the answer may have at most."""
        return self.limit if self.last is None else min(self.last, self.limit)


def parse(query_string: bytes, known: frozenset[str], attribute: str | None = None) -> Parameters:
    """Read the parameters an operation knows; `attribute` is the one that its path names.

    Raises WrongForm for a parameter of the wrong form and Refused for a wrong combination, in the
    order in which QuantumLeap looks at them.
    """
    values = _values(query_string, known)
    _check_forms(values)
    pattern = _id_pattern(values.get("idPattern"))
    attributes = (attribute,) if attribute is not None else _names(values.get("attrs"))
    _check_use(values, attributes)
    place = read_place(*(values.get(name) for name in ("georel", "geometry", "coords")))
    return Parameters(
        types=_names(values.get("type")),
        ids=_names(values.get("id")),
        id_pattern=pattern,
        attributes=attributes,
        method=METHODS[values["aggrMethod"]] if "aggrMethod" in values else None,
        period=PERIODS[values["aggrPeriod"]] if "aggrPeriod" in values else None,
        from_text=values.get("fromDate"),
        to_text=values.get("toDate"),
        window=_window(values),
        place=place,
        last=int(values["lastN"]) if "lastN" in values else None,
        limit=min(int(values.get("limit", MAX_LIMIT)), MAX_LIMIT),
        offset=int(values.get("offset", 0)),
        drops_table=_BOOLEANS[values.get("dropTable", "false").lower()],
    )


def _values(query_string: bytes, known: frozenset[str]) -> dict[str, str]:
    """The known parameters by name; of a repeated one the last counts."""
    pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    named = {_ALIASES.get(name, name): value for name, value in pairs}
    typed = _CHOICES.keys() | _LEAST.keys() | {"dropTable"}
    return {
        name: value for name, value in named.items() if name in known and (value or name in typed)
    }


def _check_forms(values: dict[str, str]) -> None:
    for name, choices in _CHOICES.items():
        if name in values and values[name] not in choices:
            raise WrongForm(f"{name}: '{values[name]}' is not one of {list(choices)}")
    for name, least in _LEAST.items():
        if name in values:
            _check_integer(name, values[name], least)
    if values.get("dropTable", "false").lower() not in _BOOLEANS:
        raise WrongForm("dropTable: Wrong type, expected 'boolean', true or false")
    check_forms(values.get("georel"), values.get("geometry"), values.get("coords"))


def _check_integer(name: str, text: str, least: int) -> None:
    if not _INTEGER.match(text):
        raise WrongForm(f"{name}: Wrong type, expected 'integer' of at most 15 digits")
    if int(text) < least:
        raise WrongForm(f"{name}: {int(text)} is less than the minimum of {least}")


def _check_use(values: dict[str, str], attributes: tuple[str, ...] | None) -> None:
    if "aggrPeriod" in values and "aggrMethod" not in values:
        raise wrong_use("aggrMethod is compulsory when using aggrPeriod.")
    if "options" in values or values.get("aggrScope") == "global":
        text = "aggrScope and options are not yet implemented."
        raise Refused(501, "Not implemented option", text)
    if "aggrMethod" in values and not attributes:
        method = values["aggrMethod"]
        raise wrong_use(f"Specified aggrMethod = {method} but missing attrs parameter.")


def _id_pattern(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        compile_pattern(text)
    except InvalidPattern as error:
        raise WrongForm(f"idPattern: {error}") from None
    return f"(?i)^(?:{text})"


def _names(text: str | None) -> tuple[str, ...] | None:
    """The items of a comma-separated list, each once, in their order; None without any."""
    items = (item.strip() for item in (text or "").split(","))
    return tuple(dict.fromkeys(item for item in items if item)) or None


def _window(values: dict[str, str]) -> Window:
    start, end = (
        read_time(values[name]) if name in values else None for name in ("fromDate", "toDate")
    )
    if end is not None:
        # observations are at whole milliseconds; whole hours are read from rollups
        end = min((end // MILLISECOND + 1) * MILLISECOND, LATEST)
    return Window(start, end)
