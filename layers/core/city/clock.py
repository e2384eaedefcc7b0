"""Time as the store keeps it: whole microseconds since the epoch, UTC."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], int]
"""Gives the present time in microseconds."""

SECOND = 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def now() -> int:
    """The present time in microseconds since the epoch."""
    return time.time_ns() // 1000


def iso(moment: int, precision: str = "milliseconds") -> str:
    """A moment as answers show it: ISO 8601 in UTC."""
    date = _EPOCH + moment * _MICROSECOND
    return date.isoformat(timespec=precision).removesuffix("+00:00") + "Z"


def from_iso(text: str) -> int:
    """The moment that an ISO 8601 text names; UTC unless it has a zone. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    try:
        aware = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError(f"no year of four digits: {text}") from error
    return (aware - _EPOCH) // _MICROSECOND
