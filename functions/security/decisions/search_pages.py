"""Pages of search results: candidates in order, of which those stay that an evaluation allows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import NamedTuple

from city.json import Json

MAX_CANDIDATES = 1000
"""Candidates that one page looks at; it may then have fewer results than asked for."""

START = ""
"""The position before all candidates."""

_CHUNK = 100

Keep = Callable[[Sequence[str]], list[bool]]
"""Tells of each of some candidates whether it is a result."""


class Window(NamedTuple):
    """Which page is wanted: at most `limit` results, from candidates after `position`."""

    position: str
    limit: int

    def after(self, candidates: Iterable[str]) -> list[str]:
        """The candidates that come after the position, in order and once each."""
        return sorted({one for one in candidates if one > self.position})


class Found(NamedTuple):
    """Results, the position of the next page (None: there is none), and what cannot be listed."""

    results: list[Json]
    position: str | None
    note: str = ""


def page(candidates: Iterable[str], keep: Keep, window: Window) -> tuple[list[str], str | None]:
    """The first candidates that are kept, and the position of the next page.

    `candidates` come in order, once each, and after the window's position.
    """
    source = iter(candidates)
    kept: list[str] = []
    last = window.position
    for _ in range(MAX_CANDIDATES // _CHUNK):
        chunk = list(islice(source, _CHUNK))
        for candidate, is_result in zip(chunk, keep(chunk), strict=True):
            if is_result and len(kept) == window.limit:
                return kept, last
            if is_result:
                kept.append(candidate)
            last = candidate
        if len(chunk) < _CHUNK:
            return kept, None
    return kept, last


def unique(ordered: Iterable[str]) -> Iterator[str]:
    """The members of an ordered sequence, once each."""
    return (one for one, _ in groupby(ordered))
