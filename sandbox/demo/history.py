"""The demo's past: a whole year by the hour, recorded by the date of observation, and asked back."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import httpx

from sandbox.demo.city import City, Postponed
from sandbox.demo.observations import STATIONS, TYPE, Station, hours, station_entity

BATCH = 360
"""Hours in a notification: fifteen days, so as many files."""

PAUSES = (1, 3, 10)
"""Seconds to wait each time a question is postponed."""

Series = dict[datetime, float]
Days = dict[str, dict[datetime, Any]]
"""By attribute, the value of each day."""


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
        longest = max(map(len, self.readings.values()))
        for start in range(0, longest, BATCH):
            yield [
                station_entity(station, observation)
                for station, observations in self.readings.items()
                for observation in observations[start : start + BATCH]
            ]


class Questions:
    """What the charts show, asked by QuantumLeap's API; times are UTC."""

    def __init__(self, city: City) -> None:
        self._city = city

    def temperatures(
        self, station: Station, method: str, period: str, first: date, last: date
    ) -> Series:
        """One figure for each period of the station's temperature, asked month by month."""
        found: Series = {}
        for start, end in months(first, last):
            answer = self._ask(
                f"/history/v2/entities/{station.id}/attrs/temperature",
                aggrMethod=method,
                aggrPeriod=period,
                fromDate=start,
                toDate=end,
                limit="1000",
            )
            if answer is not None:
                found |= _series(answer)
        return found

    def days(self, attributes: Sequence[str], first: date, last: date) -> Days:
        """Attributes of Seattle's days, each of which is an entity."""
        found: Days = {name: {} for name in attributes}
        for start, end in months(first, last):
            answer = self._ask(
                f"/history/v2/types/{TYPE}",
                attrs=",".join(attributes),
                fromDate=start,
                toDate=end,
                limit="1000",
            )
            for entity in answer["entities"] if answer else []:
                for each in entity["attributes"]:
                    found[each["attrName"]] |= _series({**entity, **each})
        return found

    def await_day(self, day: dict[str, Any], patience: float) -> None:
        """Returns when the history has a day's entity, or when this has taken too long."""
        end = time.monotonic() + patience
        path = f"/history/v2/entities/{day['id']}/attrs/precipitation"
        observed = day["dateObserved"]["value"]
        while time.monotonic() < end and not self._ask(path, fromDate=observed, toDate=observed):
            time.sleep(1)

    def _ask(self, path: str, **parameters: str) -> Any:
        """The answer; None where nothing is found, which is 404 to QuantumLeap.

        What a city postpones because it is still recording is asked again; raises Postponed at last.
        """
        for pause in PAUSES:
            try:
                return self._city.ask(path, type=TYPE, **parameters)
            except Postponed:
                time.sleep(pause)
            except httpx.HTTPStatusError as error:
                if error.response.status_code == httpx.codes.NOT_FOUND:
                    return None
                raise
        raise Postponed(path)


def months(first: date, last: date) -> Iterator[tuple[str, str]]:
    """The months from the first day to the last (included), each with its first and last moment."""
    start = first
    while start <= last:
        following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        end = min(following - timedelta(days=1), last)
        yield f"{start}T00:00:00Z", f"{end}T23:59:59.999Z"
        start = following


def _series(answer: Any) -> dict[datetime, Any]:
    times = map(datetime.fromisoformat, answer["index"])
    return dict(zip(times, answer["values"], strict=True))
