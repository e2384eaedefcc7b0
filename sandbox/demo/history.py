"""The demo's past: a whole year by the hour, recorded by the date of observation, and asked back."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from typing import Any

import httpx

from sandbox.demo.city import City
from sandbox.demo.observations import STATIONS, TYPE, Station, hours, station_entity

BATCH = 240
"""Readings in a notification: ten days, so ten files."""

PAGE = 1000
"""Rows of an answer."""

PATIENCE = 60.0
"""Seconds in which what was recorded has to be there."""

Series = dict[datetime, float]


class YearFeed:
    """Notifies up to `limit` hours of each station, as another broker would that keeps them for years.

    `dateObserved` says when each was observed.
    """

    def __init__(self, limit: int) -> None:
        self.readings = {station: hours(station, limit) for station in STATIONS}

    @property
    def total(self) -> int:
        return sum(map(len, self.readings.values()))

    def run(self, city: City, advance: Callable[[int], None]) -> float:
        """Send everything, calling `advance` with the size of each batch. Returns the seconds it took."""
        started = time.perf_counter()
        for entities in self._batches():
            city.notify(entities, "dateObserved")
            advance(len(entities))
        return time.perf_counter() - started

    def _batches(self) -> Iterator[list[dict[str, Any]]]:
        for station, observations in self.readings.items():
            for start in range(0, len(observations), BATCH):
                some = observations[start : start + BATCH]
                yield [station_entity(station, observation) for observation in some]


class Questions:
    """What the charts show, asked by QuantumLeap's API; times are UTC."""

    def __init__(self, city: City) -> None:
        self._city = city

    def temperatures(
        self, station: Station, method: str, period: str, first: str, last: str
    ) -> Series:
        """One figure for each period of the station's temperature."""
        answer = self._ask(
            f"/history/v2/entities/{station.id}/attrs/temperature",
            aggrMethod=method,
            aggrPeriod=period,
            fromDate=first,
            toDate=last,
            limit="10000",
        )
        times = map(datetime.fromisoformat, answer["index"] if answer else [])
        return dict(zip(times, answer["values"] if answer else [], strict=True))

    def rain(self, first: str, last: str) -> Series:
        """The precipitation of all Seattle's days, by month."""
        months: Series = defaultdict(float)
        for offset in count(0, PAGE):
            answer = self._ask(
                f"/history/v2/types/{TYPE}/attrs/precipitation",
                aggrMethod="sum",
                aggrPeriod="month",
                fromDate=first,
                toDate=last,
                limit=str(PAGE),
                offset=str(offset),
            )
            if answer is None:
                break
            for entity in answer["entities"]:
                for moment, value in zip(entity["index"], entity["values"], strict=True):
                    months[datetime.fromisoformat(moment)] += value
        return dict(sorted(months.items()))

    def recorded(self, station: Station) -> int:
        """How many temperatures of the station's year are in the history."""
        answer = self._ask(
            f"/history/v2/entities/{station.id}/attrs/temperature",
            aggrMethod="count",
            fromDate="2010-01-01",
            toDate="2011-01-02",
        )
        return int(answer["values"][0]) if answer else 0

    def _ask(self, path: str, **parameters: str) -> Any:
        """The answer; None where nothing is found, which is 404 to QuantumLeap."""
        try:
            return self._city.ask(path, type=TYPE, **parameters)
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND:
                return None
            raise


def await_recorded(questions: Questions, feed: YearFeed) -> bool:
    """Wait until every reading can be asked for; whether that was so in time."""
    until = time.perf_counter() + PATIENCE
    while time.perf_counter() < until:
        if all(
            questions.recorded(station) >= len(observations)
            for station, observations in feed.readings.items()
        ):
            return True
        time.sleep(0.5)
    return False
