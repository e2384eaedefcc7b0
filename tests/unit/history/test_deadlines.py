"""A query has one time to be answered in, however many engines try."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from city.clock import SECOND
from city.policy.grants import UNLIMITED
from city.table import Table
from history.reading.attempts import Limits
from history.reading.engine import Engine, Found, Place, TimedOut
from history.reading.fragments import Sql
from history.reading.large_queries import LargeQueries
from history.reading.planner import Planner
from history.reading.queries import Choice, Deferred, Instances
from history.store.athena import Execution
from tests.builders import CITY, FixedClock
from tests.history_records import record
from tests.history_shelf import Shelf

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

GATEWAY = 29 * SECOND
"""After which the function is ended."""


class Slow(Engine):
    """Takes all the time it is given."""

    def __init__(self, clock: FixedClock, root: Path) -> None:
        super().__init__(Place(str(root)))
        self._clock = clock

    def run(self, query: Sql, timeout: int = 0) -> Found:
        self._clock.now += timeout
        raise TimedOut(query.text)


class Endless:
    """An Athena that never has the answer."""

    def start(self, _query: Sql) -> str:
        return "1"

    def execution(self, _id: str) -> Execution:
        return Execution("running")


def test_what_no_engine_has_in_time_is_put_off_before_the_gateway_gives_up(
    dynamodb: "DynamoDBClient", history_table: str, tmp_path: Path
) -> None:
    clock, shelf, athena = FixedClock(), Shelf(tmp_path), Endless()
    stock: Any = shelf
    shelf.record(CITY, [record(21)])

    def sleep(seconds: float) -> None:
        clock.now += round(seconds * SECOND)

    engine: Any = athena
    large = LargeQueries(engine, Table(dynamodb, history_table), clock=clock, sleep=sleep)
    planner = Planner(stock, stock, stock, Slow(clock, tmp_path), large, clock=clock)
    begun = clock()
    with pytest.raises(Deferred):
        planner.run(Instances(Choice(CITY), limit=5), UNLIMITED)
    assert clock() - begun <= Limits().time
    assert 2 * Limits().time + 5 * SECOND <= GATEWAY
