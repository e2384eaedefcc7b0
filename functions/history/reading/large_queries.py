"""Queries that Athena runs: begun within a request, and answered by it if they are ready in time.

The same query of the same caller within `FRESH` is the same one: whoever asks again has its answer.
"""

import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

from city import clock as city_clock
from city.clock import SECOND, Clock
from city.errors import NotFound, TooComplex
from city.table import Table
from city.tenancy import Tenant
from history.reading import programs
from history.reading.fragments import Sql
from history.reading.queries import Answer, Deferred, Query, Report
from history.store.athena import Athena, Execution, State
from history.store.large_queries import LargeQuery, LargeQueryStore

KEPT = 24 * 3600 * SECOND
"""How long an answer can be had."""

FRESH = 900 * SECOND
"""How long an answer is given to the same query without asking Athena again."""

WAIT = 20 * SECOND
"""How long a request waits for Athena; the gateway gives up after 30 s."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0


class Standing(NamedTuple):
    """How a query stands, its answer when it succeeded, and the reason when it failed."""

    state: State
    query: Query
    answer: Answer[Any] | None = None
    reason: str = ""


class LargeQueries:
    """Begins queries in Athena, and has their answers later."""

    def __init__(
        self,
        athena: Athena,
        table: Table,
        *,
        wait: int = WAIT,
        clock: Clock = city_clock.now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._athena = athena
        self._store = LargeQueryStore(table, KEPT)
        self._wait = wait
        self._clock = clock
        self._sleep = sleep

    def run(self, query: Query, subject: str, statements: Sequence[Sql], until: int) -> Answer[Any]:
        """The answer, if it is ready in time and before `until` (µs).

        Raises Deferred, and TooComplex when it failed.
        """
        large = self._begun(query, subject, statements)
        standing = self._wait_for(large, until)
        if standing.answer is not None:
            return standing.answer
        if standing.state == "failed":
            raise TooComplex(f"the query could not be run: {standing.reason}")
        raise Deferred(large.id)

    def standing(self, tenant: Tenant, subject: str, id: str) -> Standing:
        """How a caller's query stands. Raises NotFound."""
        large = self._store.get(tenant, subject, id)
        if large is None:
            raise NotFound("there is no such query of yours, or its time is over")
        return self._standing(large)

    def _begun(self, query: Query, subject: str, statements: Sequence[Sql]) -> LargeQuery:
        tenant, now = query.choice.tenant, self._clock()
        # different questions may need the same statements, and read their results differently
        id = blake2b(repr((query, statements)).encode(), digest_size=16).hexdigest()
        present = self._store.get(tenant, subject, id)
        if present is not None and now - present.at < FRESH and not self._has_failed(present):
            return present
        executions = tuple(self._athena.start(statement) for statement in statements)
        large = LargeQuery(tenant, subject, id, query, executions, now)
        self._store.put(large)
        return large

    def _has_failed(self, large: LargeQuery) -> bool:
        return any(one.state == "failed" for one in self._executions(large))

    def _wait_for(self, large: LargeQuery, until: int) -> Standing:
        end, pause = min(until, self._clock() + self._wait), _FIRST_PAUSE
        while True:
            standing = self._standing(large)
            if standing.state != "running" or self._clock() + pause * SECOND > end:
                return standing
            self._sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _standing(self, large: LargeQuery) -> Standing:
        executions = self._executions(large)
        state = _state_of(executions)
        if state != "succeeded":
            reason = next((one.reason for one in executions if one.state == "failed"), "")
            return Standing(state, large.query, reason=reason)
        results = [self._athena.rows(id) for id in large.executions]
        rows, total = programs.answered(large.query, results)
        read = sum(one.bytes for one in executions)
        report = Report("athena", bytes=read, rows=len(rows))
        return Standing(state, large.query, Answer(rows, report, total))

    def _executions(self, large: LargeQuery) -> list[Execution]:
        return [self._athena.execution(id) for id in large.executions]


def _state_of(executions: Sequence[Execution]) -> State:
    states = {one.state for one in executions}
    order: tuple[Literal["failed", "running"], ...] = ("failed", "running")
    return next((state for state in order if state in states), "succeeded")
