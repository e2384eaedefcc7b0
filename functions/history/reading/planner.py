"""Answers queries of the history: decides what has to be read, and by which engine.

DuckDB tries first, in the function and within limits (`history.reading.attempts`). What would be too
much for a request goes to Athena, which may take longer than a request waits.
"""

from dataclasses import replace
from typing import Any, overload

from city import clock as city_clock
from city.clock import Clock
from city.errors import TooComplex, Unavailable
from city.policy.grants import Access
from history.reading import programs, sql
from history.reading.attempts import USUAL, Attempt, Limits, TooMuch, counts
from history.reading.engine import Engine, TimedOut, Vanished
from history.reading.fragments import Sql
from history.reading.large_queries import LargeQueries
from history.reading.plans import Span, Stock
from history.reading.queries import (
    DEFAULT_DATASET,
    Aggregate,
    Answer,
    Bucket,
    Instance,
    Instances,
    Latest,
    Query,
    Row,
    Rows,
    Seen,
    Sightings,
)
from history.reading.reading import Reading
from history.reading.rights import reader
from history.reading.selection import Selection, select
from history.reading.sql import Partitions, Scope
from history.store.directory import Directory
from history.store.ledger import Ledger
from history.store.objects import Objects


class Planner:
    """Runs queries for a caller, who sees what its view of the tenant shows and nothing else."""

    def __init__(
        self,
        ledger: Ledger,
        directory: Directory,
        objects: Objects,
        engine: Engine,
        large: LargeQueries | None = None,
        *,
        limits: Limits = USUAL,
        clock: Clock = city_clock.now,
    ) -> None:
        self._ledger = ledger
        self._directory = directory
        self._objects = objects
        self._engine = engine
        self._large = large
        self._limits = limits
        self._clock = clock

    @overload
    def run(self, query: Instances | Latest, access: Access) -> Answer[Instance]: ...
    @overload
    def run(self, query: Rows, access: Access) -> Answer[Row]: ...
    @overload
    def run(self, query: Aggregate, access: Access) -> Answer[Bucket]: ...
    @overload
    def run(self, query: Sightings, access: Access) -> Answer[Seen]: ...
    def run(
        self, query: Query, access: Access
    ) -> Answer[Instance] | Answer[Row] | Answer[Bucket] | Answer[Seen]:
        """The answer; empty when nothing is there or nothing of it is visible.

        Raises Deferred when it is not ready in the time that a request may take, InvalidPattern for
        an id pattern, TooComplex for what is too much even then, and Unavailable.
        """
        choice = query.choice
        if isinstance(query, Rows):
            choice = replace(choice, datasets=(DEFAULT_DATASET,))
        view = access.view(choice.tenant)
        selection = select(self._directory, choice, view)
        if getattr(query, "place", None) is not None:
            selection = selection.of_located()
        answer = self._answered(query, selection, reader(access, choice.tenant))
        return answer if view.is_everything else replace(answer, report=answer.report.narrowed())

    def _answered(self, query: Query, selection: Selection, reader: str) -> Answer[Any]:
        if not selection.parts:
            return Answer([], total=0 if counts(query) else None)
        deadline = self._clock() + self._limits.time
        try:
            return self._run(query, selection, reader, deadline)
        except Vanished:
            pass
        try:
            return self._run(query, selection, reader, deadline)
        except Vanished as error:
            raise Unavailable("the history is being rearranged; try again") from error

    def _run(self, query: Query, selection: Selection, reader: str, deadline: int) -> Answer[Any]:
        reading = self._reading(query, selection, deadline)
        span = reading.stock.span(query.window)
        if span is None:
            return Answer([], total=0 if counts(query) else None)
        attempt = Attempt(reading, span, self._limits)
        try:
            rows, total = attempt.answer(query)
        except (TooMuch, TimedOut) as error:
            if self._large is None or reading.place is not None:
                raise TooComplex(
                    "the query would read too much; narrow it by time, type or entity"
                ) from error
            statements = self._statements(query, reading, span)
            return self._large.run(query, reader, statements, deadline)
        return Answer(rows, reading.report(len(rows)), total)

    def _reading(self, query: Query, selection: Selection, deadline: int) -> Reading:
        place = getattr(query, "place", None)
        with_ends = isinstance(query, Latest) or getattr(query, "include_deletes", False)
        return Reading(
            self._engine,
            self._objects,
            Stock(self._ledger, selection),
            selection,
            query.window,
            self._clock,
            deadline,
            place,
            with_ends,
        )

    def _statements(self, query: Query, reading: Reading, span: Span) -> list[Sql]:
        """What Athena has to run: all days at once."""
        selection = reading.selection
        source = Partitions(selection.tenant, tuple(selection.types), span.first, span.last)
        deletions = reading.stock.deletions()
        scope = Scope(selection, query.window, deletions, reading.with_ends)
        return programs.statements(query, selection, sql.records([source], scope), "athena")
