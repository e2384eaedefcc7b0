"""Which days a query reads, in which order, and from which files.

A day's files are read whole or as far as their first and last times say that they may matter. Where
whole hours are asked for, the rollup of a day that is clean (or of its month) stands for its file.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from city.parallel import in_parallel
from history.days import (
    DAY,
    FIRST_DAY,
    HOUR,
    LAST_DAY,
    ONE_DAY,
    begin_of,
    day_of,
)
from history.reading.queries import Window, window_of
from history.reading.selection import Selection
from history.recording.parquet import ROW_GROUP
from history.store.ledger import Day, Deletion, File, Holdings, Ledger

MANY_DAYS = 32
"""So many days are worth a look at which of them there are, and as many are read at once."""


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    def steps(self, size: int, *, newest_first: bool) -> Iterator["Span"]:
        """The same days in pieces, each twice as long as the one before it."""
        left: Span | None = self
        while left is not None:
            if newest_first:
                piece = Span(max(left.first, _minus(left.last, size - 1)), left.last)
                left = Span(self.first, piece.first - ONE_DAY) if piece.first > self.first else None
            else:
                piece = Span(left.first, min(left.last, _plus(left.first, size - 1)))
                left = Span(piece.last + ONE_DAY, self.last) if piece.last < self.last else None
            yield piece
            size *= 2


def _minus(day: date, days: int) -> date:
    return day_of(begin_of(day) - days * DAY)


def _plus(day: date, days: int) -> date:
    return day_of(begin_of(day) + days * DAY)


class Stock:
    """What the ledger says of the types of a selection."""

    def __init__(self, ledger: Ledger, selection: Selection) -> None:
        self._ledger = ledger
        self._tenant = selection.tenant
        self._types = selection.types

    def span(self, window: Window) -> Span | None:
        """The days that a window may find anything on; None when there are none."""
        first = FIRST_DAY if window.start is None else day_of(window.start)
        last = LAST_DAY if window.end is None else day_of(window.end - 1)
        if window.start is None or window.end is None or (last - first).days > MANY_DAYS:
            kept = in_parallel(lambda type: self._ledger.span(self._tenant, type), self._types)
            known = [span for span in kept if span is not None]
            if not known:
                return None
            first = max(first, min(span[0] for span in known))
            last = min(last, max(span[1] for span in known))
        return Span(first, last) if first <= last else None

    def deletions(self) -> list[Deletion]:
        """The deletions in force for all types."""
        found = in_parallel(lambda type: self._ledger.deletions(self._tenant, type), self._types)
        return [deletion for some in found for deletion in some]

    def between(self, span: Span, *, months: bool = False) -> Holdings:
        """What there is of these days, of all types."""
        found = in_parallel(
            lambda type: self._ledger.days(
                self._tenant, type, span.first, span.last, months=months
            ),
            self._types,
        )
        return Holdings(
            days=sorted((day for one in found for day in one.days), key=_by_date),
            months=[month for one in found for month in one.months],
            deletions=[deletion for one in found for deletion in one.deletions],
        )


def batches(days: Sequence[Day], *, newest_first: bool) -> Iterator[list[Day]]:
    """Days in their order or the reverse, so many dates at once."""
    by_date = [list(group) for _, group in groupby(days, key=lambda day: day.date)]
    if newest_first:
        by_date.reverse()
    for start in range(0, len(by_date), MANY_DAYS):
        yield [day for group in by_date[start : start + MANY_DAYS] for day in group]


def in_window(files: Iterable[File], window: Window) -> list[File]:
    """Those of the files that may hold something of the window."""
    return [
        file
        for file in files
        if (window.start is None or file.last >= window.start)
        and (window.end is None or file.first < window.end)
    ]


def size_for(file: File, series: int | None) -> int:
    """About how many bytes of a file are read for so many series (None: all of them).

    Files are sorted by entity, so a series is in one or two row groups.
    """
    groups = max(1, -(-file.rows // ROW_GROUP))
    wanted = groups if series is None else min(groups, 2 * series)
    return file.size * wanted // groups


@dataclass(slots=True)
class Mixture:
    """An aggregate's sources: days whose records are read, or only those in a window at their
    edge, and rollups of days and, by type, of months, each for the hours in some windows.

    A month has also days that are read otherwise, and those are not the same for every type.
    """

    days: list[Day] = field(default_factory=list)
    edges: list[tuple[Day, Window]] = field(default_factory=list)
    rollups: list[tuple[File, list[Window]]] = field(default_factory=list)
    months: dict[str, list[tuple[File, list[Window]]]] = field(default_factory=dict)


def mixture(holdings: Holdings, window: Window) -> Mixture:
    """Rollups for the whole hours of clean days, raw files for the rest."""
    mixed = Mixture()
    by_month: dict[tuple[str, str], list[tuple[Day, Window]]] = {}
    for day in holdings.days:
        asked = _overlap(window_of(day.date, day.date), window)
        hours = _whole_hours(asked)
        if hours is None or not _has_rollup(day, holdings.deletions):
            mixed.days.append(day)
            continue
        by_month.setdefault((day.type, f"{day.date:%Y-%m}"), []).append((day, hours))
        mixed.edges += [(day, edge) for edge in _edges(asked, hours)]
    kept = {(month.type, month.month): month for month in holdings.months}
    for key, found in by_month.items():
        month = kept.get(key)
        current = [
            (day, hours)
            for day, hours in found
            if month is not None and month.days.get(day.date) == day.generation
        ]
        if month is not None and len(current) > 1:
            hours_ = _merged([hours for _, hours in current])
            mixed.months.setdefault(month.type, []).append((month.file, hours_))
        else:
            current = []
        mixed.rollups += [
            (day.rollup, [hours])
            for day, hours in found
            if day.rollup and (day, hours) not in current
        ]
    return mixed


def _has_rollup(day: Day, deletions: Sequence[Deletion]) -> bool:
    return (
        day.clean
        and day.rollup is not None
        and not any(
            deletion.type == day.type
            and _meets(window_of(day.date, day.date), Window(deletion.start, deletion.end))
            for deletion in deletions
        )
    )


def _by_date(day: Day) -> tuple[date, str]:
    return day.date, day.type


def _overlap(one: Window, other: Window) -> Window:
    starts = [moment for moment in (one.start, other.start) if moment is not None]
    ends = [moment for moment in (one.end, other.end) if moment is not None]
    return Window(max(starts, default=None), min(ends, default=None))


def _meets(one: Window, other: Window) -> bool:
    common = _overlap(one, other)
    return common.start is None or common.end is None or common.start < common.end


def _whole_hours(window: Window) -> Window | None:
    start, end = -(-(window.start or 0) // HOUR) * HOUR, (window.end or 0) // HOUR * HOUR
    return Window(start, end) if start < end else None


def _edges(asked: Window, hours: Window) -> list[Window]:
    edges = [Window(asked.start, hours.start), Window(hours.end, asked.end)]
    return [edge for edge in edges if (edge.start or 0) < (edge.end or 0)]


def _merged(windows: Sequence[Window]) -> list[Window]:
    """The same times in as few windows as possible."""
    merged: list[Window] = []
    for window in sorted(windows, key=lambda one: one.start or 0):
        if merged and merged[-1].end == window.start:
            merged[-1] = Window(merged[-1].start, window.end)
        else:
            merged.append(window)
    return merged
