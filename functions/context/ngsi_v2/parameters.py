"""URL parameters: the checks that hold for every NGSI-v2 operation, and typed access to them.

A parameter the operation does not know is ignored, but it is checked like the others. The
vocabulary of `options` is one for all operations.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from city.errors import InvalidRequest
from context.ngsi_v2.identifiers import has_forbidden_characters

DEFAULT_LIMIT = 20
MAX_LIMIT = 1000

OPTIONS = frozenset(
    {
        "append",
        "count",
        "dateCreated",
        "dateModified",
        "flowControl",
        "forcedUpdate",
        "fullCounters",
        "keyValues",
        "libVersions",
        "noAttrDetail",
        "normalized",
        "overrideMetadata",
        "skipForwarding",
        "skipInitialNotification",
        "unique",
        "upsert",
        "values",
    }
)
_FORMATS = frozenset({"keyValues", "unique", "values"})

_UNCHECKED = {"q", "mq", "idPattern", "typePattern"}
_EXEMPT_CHARACTERS = {
    "geometry": str.maketrans("", "", "=;"),
    "georel": str.maketrans("", "", "=;"),
    "coords": str.maketrans("", "", ";"),
}


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one request: `values` by name, `options` split, the page asked for."""

    values: dict[str, str]
    options: frozenset[str]
    limit: int
    offset: int

    def get(self, name: str) -> str | None:
        """The value of a parameter, or None when it is not given."""
        return self.values.get(name)

    def names(self, name: str) -> tuple[str, ...]:
        """The comma-separated items of a parameter, each once, in their order."""
        return tuple(dict.fromkeys(split_list(self.values.get(name, ""))))

    @property
    def format(self) -> str:
        """The representation asked for: normalized, keyValues, values or unique."""
        return next(iter(self.options & _FORMATS), "normalized")


def parse_parameters(query_string: bytes) -> Parameters:
    """Read and check the query string; the last of repeated parameters counts."""
    if not query_string:
        return _NONE
    values = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
    for name, value in values.items():
        _check(name, value)
    return Parameters(
        values,
        _parse_options(values.get("options", "")),
        _parse_limit(values.get("limit")),
        _parse_offset(values.get("offset")),
    )


def split_list(text: str) -> list[str]:
    """The items of a comma-separated list; commas at its start are skipped."""
    text = text.lstrip(",")
    return text.split(",") if text else []


_NONE = Parameters({}, frozenset(), DEFAULT_LIMIT, 0)


def _check(name: str, value: str) -> None:
    if not value:
        raise InvalidRequest(f"Empty right-hand-side for URI param /{name}/")
    if name in _UNCHECKED:
        return
    checked = value.translate(_EXEMPT_CHARACTERS.get(name, {}))
    if has_forbidden_characters(checked) or has_forbidden_characters(name):
        raise InvalidRequest("invalid character in URI parameter")


def _parse_options(text: str) -> frozenset[str]:
    options = frozenset(split_list(text))
    if not options <= OPTIONS or len(options & _FORMATS) > 1:
        raise InvalidRequest("Invalid value for URI param /options/")
    return options


def _parse_limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    limit = _digits(text)
    if limit is None:
        raise InvalidRequest(f"Bad pagination limit: /{text}/ [must be a positive integer number]")
    if limit > MAX_LIMIT:
        raise InvalidRequest(f"Bad pagination limit: /{text}/ [max: {MAX_LIMIT}]")
    return limit


def _parse_offset(text: str | None) -> int:
    offset = 0 if text is None else _digits(text)
    if offset is None:
        raise InvalidRequest(f"Bad pagination offset: /{text}/ [must be a decimal number]")
    return offset


def _digits(text: str) -> int | None:
    """The number that decimal digits write; no more than the first dozen of them count."""
    if not (text.isascii() and text.isdecimal()):
        return None
    return int((text.lstrip("0") or "0")[:12])
