"""UTC days and months: files of the history are about one of them. Times are microseconds."""

from datetime import date, timedelta

from city.clock import SECOND

HOUR = 3600 * SECOND
DAY = 24 * HOUR

ONE_DAY = timedelta(days=1)
FIRST_DAY, LAST_DAY = date.min, date.max

_EPOCH = date(1970, 1, 1)


def begin_of(day: date) -> int:
    """When a day begins."""
    return (day - _EPOCH).days * DAY


def day_of(moment: int) -> date:
    """The day of a time, cut to the years that there are."""
    days = min(max(moment // DAY, (FIRST_DAY - _EPOCH).days), (LAST_DAY - _EPOCH).days)
    return _EPOCH + timedelta(days=days)


def days_of_month(month: str) -> tuple[date, date]:
    """The first and the last day of a month (`YYYY-MM`). Raises ValueError."""
    first = date.fromisoformat(f"{month}-01")
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first, following - ONE_DAY
