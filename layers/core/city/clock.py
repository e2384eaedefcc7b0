"""Time as the store keeps it: whole microseconds since the epoch, UTC."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Gives the present time in microseconds."""

SECOND = 1_000_000


def now() -> int:
    """The present time in microseconds since the epoch."""
    return time.time_ns() // 1000
