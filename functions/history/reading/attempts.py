"""Answering a query within a request, by DuckDB alone and within limits.

A query for the newest, or for a page, walks through the days from one end and stops when it has
enough. One that has to see everything reads all days of its window at once: calendar aggregates
from rollups, the rest from the files of records.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, cast

from city.clock import SECOND
from history.days import begin_of
from history.reading import answers, bucket_sql, programs, sql
from history.reading.fragments import Sql
from history.reading.plans import Mixture, Span, mixture
from history.reading.programs import Cells, in_time
from history.reading.queries import (
    Aggregate,
    Calendar,
    Instance,
    Instances,
    Latest,
    Method,
    Query,
    Rows,
    Seen,
    Sightings,
)
from history.reading.reading import Reading
from history.reading.selection import ENTITY
from history.reading.sql import Scope
from history.records import Series
from history.store.ledger import Holdings

FAR = 1000
"""An offset from which it pays to count first where it leads."""

ROWS_OF_A_DAY = 1000
"""How many rows of a page a walk hopes to find on one day."""

_BY_HOUR = frozenset({"hour", "day", "month", "year"})
_BY_VALUE = frozenset({Method.DISTINCT, Method.OCCURRENCES, Method.STDDEV})
"""Methods that rollups know nothing about, or not exactly."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read within a request: days and bytes of a whole window, and for how long (µs).

    The gateway waits 30 s, and a request of STH-Comet may need two queries.
    """

    days: int = 31
    bytes: int = 200_000_000
    time: int = 12 * SECOND


USUAL = Limits()


class TooMuch(Exception):
    """More than fits into a request has to be read."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Answering one query with DuckDB, within the limits."""

    reading: Reading
    span: Span
    limits: Limits

    def answer(self, query: Query) -> tuple[Sequence[Cells], int | None]:
        """The rows, and how many there are if the query asks."""
        match query:
            case Instances(last=int(last)) if not self._is_one_attribute():
                return self._cut(query, self._newest_of_each(query, last))
            case Instances(last=int()) | Rows(last=int()):
                return self._cut(query, self._newest(query))
            case Instances() | Rows():
                return self._page(query)
            case Aggregate():
                return self._buckets(query), None
            case Latest():
                return self._latest(), None
            case Sightings():
                return self._sightings(query), None

    def _is_one_attribute(self) -> bool:
        """Whether all that is selected is one attribute of one series."""
        selection = self.reading.selection
        return (
            selection.attribute is not None
            and selection.series is not None
            and len(selection.series) == 1
        )

    def _all(self, query: Query, source: Sql) -> tuple[list[Any], int | None]:
        """The whole answer of a query over a source."""
        selection = self.reading.selection
        statements = programs.statements(query, selection, source, "duckdb")
        return programs.answered(query, [self.reading.run(one) for one in statements])

    def _page(self, query: Instances | Rows) -> tuple[Sequence[Cells], int | None]:
        if query.count or query.offset >= FAR:
            return self._counted_page(query)
        if query.limit is None:
            return self._all_days(query)
        needed = query.offset + query.limit
        return self._walk(query, needed, newest_first=query.newest_first)[query.offset :], None

    def _newest(self, query: Instances | Rows) -> list[Cells]:
        """The newest of the whole answer, in the order of the query."""
        rows = self._walk(query, query.last or 0, newest_first=True)
        return rows if query.newest_first else rows[::-1]

    def _walk(self, query: Instances | Rows, needed: int, *, newest_first: bool) -> list[Cells]:
        """The first rows from one end of time, looking no further than it takes."""
        rows: list[Cells] = []
        if not needed:
            return rows
        size = max(1, needed // ROWS_OF_A_DAY)
        for source in self.reading.steps(self.span, size, newest_first=newest_first):
            piece = replace(
                query,
                last=None,
                limit=needed - len(rows),
                offset=0,
                count=False,
                newest_first=newest_first,
            )
            rows += self._all(piece, source)[0]
            if len(rows) >= needed:
                break
        return rows

    def _all_days(self, query: Query) -> tuple[Sequence[Cells], int | None]:
        """The whole answer from all days of the window at once."""
        source = self._everything()
        if source is None:
            return [], 0 if counts(query) else None
        return self._all(query, source)

    def _everything(self) -> Sql | None:
        held = self.reading.stock.between(self.span)
        self._check(held)
        return self.reading.records(held.days, held.deletions)

    def _counted_page(self, query: Instances | Rows) -> tuple[Sequence[Cells], int | None]:
        """A page of those days only that it is on, which counting the rows of each day tells."""
        held = self.reading.stock.between(self.span)
        self._check(held)
        source = self.reading.records(held.days, held.deletions)
        if source is None:
            return [], 0 if query.count else None
        one_by_one = isinstance(query, Instances) or self.reading.selection.attribute is not None
        tally = self.reading.run(sql.by_day(source if one_by_one else sql.row_keys(source)))
        counts = sorted((day * 1000, n) for day, n in tally)
        total = sum(n for _, n in counts)
        days, skipped = _days_of_page(query, counts)
        if not days or query.limit == 0:
            return [], total if query.count else None
        within = [day for day in held.days if begin_of(day.date) in days]
        piece = replace(query, offset=query.offset - skipped, count=False)
        found = self.reading.records(within, held.deletions)
        rows = self._all(piece, found)[0] if found is not None else []
        return rows, total if query.count else None

    def _newest_of_each(self, query: Instances, last: int) -> list[Instance]:
        """The newest so many of each attribute of each series, in the order of the query."""
        kept: Counter[tuple[Series, str]] = Counter()
        found: list[Instance] = []
        piece = replace(query, limit=None, offset=0, count=False, newest_first=True)
        for source in self.reading.steps(self.span, 1, newest_first=True):
            for one in cast("list[Instance]", self._all(piece, source)[0]):
                subject = one.series, one.attribute
                if kept[subject] < last:
                    kept[subject] += 1
                    found.append(one)
            expected = self._subjects()
            if expected is not None and all(kept[one] >= last for one in expected):
                break
        return sorted(found, key=in_time, reverse=query.newest_first)

    def _latest(self) -> list[Instance]:
        found: dict[tuple[Series, str, str], Instance] = {}
        ended: set[Series] = set()
        for source in self.reading.steps(self.span, 1, newest_first=True):
            statement = sql.instances(sql.newest_of_each(source, 1, by=sql.SUBJECT))
            rows = map(answers.instance, self.reading.run(statement))
            for one in rows:
                found.setdefault((one.series, one.attribute, one.dataset), one)
                if one.attribute == ENTITY:
                    ended.add(one.series)
            if self._has_all(found, ended):
                break
        return programs.alive(found.values())

    def _has_all(self, found: Iterable[tuple[Series, str, str]], ended: set[Series]) -> bool:
        """Whether what is older than what was found cannot matter."""
        series = self.reading.selection.series
        if series is not None and ended.issuperset(series):
            return True
        expected = self._subjects()
        if expected is None or self.reading.selection.datasets is None:
            return False
        present = {(series, attribute) for series, attribute, _ in found}
        return all(one in present or one[0] in ended for one in expected)

    def _subjects(self) -> list[tuple[Series, str]] | None:
        """Every attribute of a series that is selected, if that is known; the least there may be."""
        selection = self.reading.selection
        if selection.series is None or any(part.names.only is None for part in selection.parts):
            return None
        names = {
            (part.type, id, pattern.path): part.names.only or frozenset()
            for part in selection.parts
            for id in part.ids or ()
            for pattern in part.scope
        }
        return [
            (series, name)
            for series in selection.series
            for name in names[series.type, series.id, series.path]
        ]

    def _sightings(self, query: Sightings) -> list[Seen]:
        found: dict[Series, Seen] = {}
        needed = None if query.limit is None else query.offset + query.limit
        series = self.reading.selection.series
        piece = replace(query, limit=None, offset=0)
        for source in self.reading.steps(self.span, 1, newest_first=True):
            for one in cast("list[Seen]", self._all(piece, source)[0]):
                found.setdefault(one.series, one)
            if needed is not None and len(found) >= needed:
                break
            if series is not None and len(found) == len(series):
                break
        ordered = sorted(found.values(), key=lambda one: (-one.ts, one.series))
        return ordered[query.offset : needed]

    def _buckets(self, query: Aggregate) -> Sequence[Cells]:
        if not _can_use_rollups(query):
            return self._all_days(query)[0]
        held = self.reading.stock.between(self.span, months=True)
        mixed = mixture(held, query.window)
        self._check_mixture(mixed)
        pieces = self._partials(query, mixed, held)
        if not pieces:
            return []
        found = bucket_sql.together(pieces)
        if not _has_each_bucket_once(query, mixed):
            found = bucket_sql.combined(found)
        page = programs.buckets(query, self.reading.selection, found)
        return programs.answered(query, [self.reading.run(page)])[0]

    def _partials(self, query: Aggregate, mixed: Mixture, held: Holdings) -> list[Sql]:
        """What is known of the buckets from rollups, and from the records of what these lack."""
        period = cast("Calendar | None", query.period)
        raw = [self.reading.records(mixed.days, held.deletions)]
        raw += [self.reading.records([day], held.deletions, edge) for day, edge in mixed.edges]
        pieces = [
            bucket_sql.partials(bucket_sql.bucketed(source, period, "duckdb"))
            for source in raw
            if source
        ]
        for rollups in (mixed.rollups, *mixed.months.values()):
            if rollups:
                files = self.reading.files(file for file, _ in rollups)
                hours = [window for _, windows in rollups for window in windows]
                scope = Scope(self.reading.selection, query.window)
                pieces.append(bucket_sql.partials_of_hours(files, hours, period, scope))
        return pieces

    def _check(self, held: Holdings) -> None:
        """Refuse what does not fit into a request."""
        self._check_size(
            len({day.date for day in held.days}),
            self.reading.bytes_needed(file for day in held.days for file in day.files),
        )

    def _check_mixture(self, mixed: Mixture) -> None:
        raw = [*mixed.days, *(day for day, _ in mixed.edges)]
        files = [file for day in raw for file in day.files]
        files += [file for file, _ in chain(mixed.rollups, *mixed.months.values())]
        self._check_size(len({day.date for day in raw}), self.reading.bytes_needed(files))

    def _check_size(self, days: int, size: int) -> None:
        if days > self.limits.days or size > self.limits.bytes:
            raise TooMuch

    def _cut(
        self, query: Instances | Rows, rows: Sequence[Cells]
    ) -> tuple[Sequence[Cells], int | None]:
        """The page of all rows that the query asks for."""
        end = None if query.limit is None else query.offset + query.limit
        return rows[query.offset : end], len(rows) if query.count else None


def counts(query: Query) -> bool:
    """Whether a query asks for the size of the whole answer."""
    return isinstance(query, Instances | Rows) and query.count


def _has_each_bucket_once(query: Aggregate, mixed: Mixture) -> bool:
    """Whether no two rows of the sources are parts of one bucket."""
    is_hour = isinstance(query.period, Calendar) and query.period.unit == "hour"
    return not mixed.edges and (is_hour or not (mixed.rollups or mixed.months))


def _can_use_rollups(query: Aggregate) -> bool:
    """Whether whole hours are enough to know."""
    by_hour = query.period is None or (
        isinstance(query.period, Calendar) and query.period.unit in _BY_HOUR
    )
    return by_hour and query.place is None and _BY_VALUE.isdisjoint(query.methods)


def _days_of_page(
    query: Instances | Rows, counts: Sequence[tuple[int, int]]
) -> tuple[set[int], int]:
    """The begins of the days that a page is on, and how many rows come before them."""
    days: set[int] = set()
    end = None if query.limit is None else query.offset + query.limit
    passed = skipped = 0
    for begin, n in reversed(counts) if query.newest_first else counts:
        if passed + n <= query.offset:
            skipped += n
        elif end is None or passed < end:
            days.add(begin)
        passed += n
    return days, skipped
