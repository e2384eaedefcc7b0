"""What the demo sends: hours as updates of their station, days in batches."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from sandbox.demo.city import City
from sandbox.demo.observations import STATIONS, Observation, Station, days, hours, station_entity
from sandbox.demo.receiver import Moment

BATCH = 100


class HourlyFeed:
    """Up to `limit` hours of each station, sent one by one and in order; the stations at once.

    `sent` has the time (`time.perf_counter`) at which the update with each hour left.
    """

    def __init__(self, limit: int) -> None:
        self.readings = {station: hours(station, limit) for station in STATIONS}
        self.sent: dict[Moment, float] = {}
        self._ended = threading.Event()

    def due(self, threshold: float) -> set[Moment]:
        """The hours a subscriber must hear of: the temperature changed, to one above the threshold."""
        return {
            (station.id, observation.observed)
            for station, observations in self.readings.items()
            for before, observation in zip([None, *observations], observations, strict=False)
            if observation.temperature > threshold
            and (before is None or before.temperature != observation.temperature)
        }

    def run(self, city: City, advance: Callable[[Station], None]) -> float:
        """Send everything, calling `advance` after each hour. Returns the seconds it took.

        When one station is refused or the user interrupts, no station sends any more.
        """
        started = time.perf_counter()
        with ThreadPoolExecutor(len(STATIONS)) as pool:
            feeds = [pool.submit(self._run_station, city, station, advance) for station in STATIONS]
            try:
                for feed in as_completed(feeds):
                    feed.result()
            finally:
                self._ended.set()
        return time.perf_counter() - started

    def _run_station(
        self, city: City, station: Station, advance: Callable[[Station], None]
    ) -> None:
        first, *others = self.readings[station]
        self._note(station, first)
        city.send("POST", "/v2/entities", station_entity(station, first))
        advance(station)
        for observation in others:
            if self._ended.is_set():
                return
            self._note(station, observation)
            city.send("PATCH", f"/v2/entities/{station.id}/attrs", observation.attributes())
            advance(station)

    def _note(self, station: Station, observation: Observation) -> None:
        self.sent[station.id, observation.observed] = time.perf_counter()


class DailyFeed:
    """All days of Seattle, a hundred to a batch."""

    def __init__(self) -> None:
        self.entities = days()

    def run(self, city: City, advance: Callable[[int], None]) -> float:
        """Send everything, calling `advance` with the size of each batch. Returns the seconds it took."""
        started = time.perf_counter()
        for batch in self._batches():
            city.send("POST", "/v2/op/update", {"actionType": "append", "entities": batch})
            advance(len(batch))
        return time.perf_counter() - started

    def _batches(self) -> Iterator[list[Any]]:
        for start in range(0, len(self.entities), BATCH):
            yield [*self.entities[start : start + BATCH]]
