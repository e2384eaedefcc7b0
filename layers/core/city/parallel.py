"""Calls that wait for AWS, made side by side."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

WORKERS = 16

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(call: Callable[[T], R], arguments: Sequence[T]) -> list[R]:
    """The results in order; on threads when there is more than one. Calls must not nest."""
    if len(arguments) < 2:
        return [call(argument) for argument in arguments]
    return list(_pool().map(call, arguments))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="parallel")
