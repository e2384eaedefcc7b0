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
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - only ever printed, with a Z of our own
_MILLISECOND = timedelta(milliseconds=1)
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2})"
    r"(?::([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?|([0-9]{2})(?:([0-9]{2})(?:\.([0-9]+))?)?)?"
    r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?\Z"
)


def parse_date(text: str) -> int:
    """The moment an ISO 8601 text names, in microseconds; without a zone it is UTC.

    Accepts a date, or a date and a time of `hh`, `hh:mm`, `hhmm`, `hh:mm:ss[.s]` or `hhmmss[.s]`
    with an optional zone (`Z`, `±hh`, `±hhmm`, `±hh:mm`). Raises ValueError for anything else,
    for days that do not exist, and for years before 1900.
    """
    match = _DATE.match(text)
    if match is None:
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, minute2, second2, fraction2, zone = (
        match.groups()
    )
    if int(year) < FIRST_YEAR:
        raise ValueError(text)
    moment = datetime(
        int(year),
        int(month),
        int(day),
        int(hour or 0),
        int(minute or minute2 or 0),
        int(second or second2 or 0),
        int((fraction or fraction2 or "")[:3].ljust(3, "0")) * 1000,
        tzinfo=UTC,
    )
    shifted = (moment - _EPOCH) // _MILLISECOND - _offset(zone or "Z")
    format_date(shifted * 1000)
    return shifted * 1000


def format_date(moment: int) -> str:
    """Microseconds in the canonical form. Raises ValueError outside the years 1 to 9999."""
    try:
        day = _NAIVE_EPOCH + timedelta(milliseconds=moment // 1000)
    except OverflowError as error:
        raise ValueError(moment) from error
    return day.isoformat(timespec="milliseconds") + "Z"


def canonical(value: Json, *, where: str) -> str:
    """A DateTime value in the canonical form; `where` is "attribute" or "metadata"."""
    try:
        if isinstance(value, str):
            return format_date(parse_date(value))
    except ValueError:
        pass
    raise InvalidRequest(f"date has invalid format in {where} value")


def _offset(zone: str) -> int:
    """Milliseconds east of UTC."""
    if zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:] if len(zone) > len("+hh") else 0)
    if hours >= 24 or minutes >= 60:
        raise ValueError(zone)
    return (1 if zone[0] == "+" else -1) * (hours * 60 + minutes) * 60_000
