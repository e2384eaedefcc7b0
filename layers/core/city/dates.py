"""DateTime values: every accepted form in, one canonical form out (NGSI-v2 "Datetime support").

Inside, a time is whole microseconds since the epoch, UTC; on the wire and in stored values it is
`YYYY-MM-DDThh:mm:ss.sssZ`, so digits beyond milliseconds are cut.
"""

import re
from datetime import UTC, datetime, timedelta

from city.errors import InvalidRequest
from city.json import Json

EPOCH = "1970-01-01T00:00:00.000Z"
FIRST_YEAR = 1900

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_UTC_SUFFIX = "+00:00"
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(T([01][0-9]|2[0-3])"
    r"(:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?|[0-9]{4}(\.[0-9]+)?|[0-9]{2})?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?\Z"
)


def parse_date(text: str) -> int:
    """The moment an ISO 8601 text names, in microseconds; without a zone it is UTC.

    Accepts a date, or a date and a time of `hh`, `hh:mm`, `hhmm`, `hh:mm:ss[.s]` or `hhmmss[.s]`
    with an optional zone (`Z`, `±hh`, `±hhmm`, `±hh:mm`). Raises ValueError for anything else,
    for days that do not exist, and for years before 1900.
    """
    if not _DATE.match(text):
        raise ValueError(f"not a date: {text}")
    moment = datetime.fromisoformat(text)
    if moment.year < FIRST_YEAR:
        raise ValueError(f"before the year {FIRST_YEAR}: {text}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    microseconds = (moment - _EPOCH) // _MILLISECOND * 1000
    format_date(microseconds)
    return microseconds


def format_date(moment: int) -> str:
    """Microseconds in the canonical form. Raises ValueError outside the years 1 to 9999."""
    try:
        date = _EPOCH + (moment // 1000) * _MILLISECOND
    except OverflowError as error:
        raise ValueError(f"no year of four digits: {moment}") from error
    return date.isoformat(timespec="milliseconds").removesuffix(_UTC_SUFFIX) + "Z"


def canonical(value: Json, *, where: str) -> str:
    """A DateTime value in the canonical form; `where` is "attribute" or "metadata"."""
    try:
        if isinstance(value, str):
            return format_date(parse_date(value))
    except ValueError:
        pass
    raise InvalidRequest(f"date has invalid format in {where} value")
