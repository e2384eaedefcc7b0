from itertools import pairwise

import pytest

from sandbox.demo.feed import DailyFeed, HourlyFeed
from sandbox.demo.observations import SAN_FRANCISCO, SEATTLE, STATIONS, Observation, Station, hours


def test_hours_are_those_of_the_data_set_in_utc() -> None:
    assert hours(SEATTLE, 2) == [
        Observation("2010-01-01T08:00:00.000Z", 39.4),
        Observation("2010-01-01T09:00:00.000Z", 39.2),
    ]


@pytest.mark.parametrize("station", STATIONS, ids=lambda station: station.city)
def test_a_year_is_in_order_and_no_hour_comes_twice(station: Station) -> None:
    year = hours(station, 10_000)
    assert len(year) == 8759
    assert all(earlier.observed < later.observed for earlier, later in pairwise(year))


def test_the_limit_is_for_each_station() -> None:
    readings = HourlyFeed(limit=24).readings
    assert {station: len(observations) for station, observations in readings.items()} == {
        SEATTLE: 24,
        SAN_FRANCISCO: 24,
    }


def test_due_are_the_changes_to_a_temperature_above_the_threshold() -> None:
    feed = HourlyFeed(limit=1)
    temperatures = [51, 51, 49, 50, 52, 53]
    feed.readings = {
        SEATTLE: [Observation(str(hour), degrees) for hour, degrees in enumerate(temperatures)]
    }
    assert feed.due(50) == {(SEATTLE.id, "0"), (SEATTLE.id, "4"), (SEATTLE.id, "5")}


def test_every_day_is_an_entity_with_its_units() -> None:
    entities = DailyFeed().entities
    assert len({entity["id"] for entity in entities}) == 1461
    assert entities[0]["id"] == "urn:ngsi-ld:WeatherObserved:Seattle:2012-01-01"
    assert entities[0]["dateObserved"]["value"] == "2012-01-01T08:00:00.000Z"
    assert entities[0]["dayMaximum"]["value"] == {"temperature": 12.8}
    assert entities[0]["windSpeed"] == {
        "type": "Number",
        "value": 4.7,
        "metadata": {"unitCode": {"type": "Text", "value": "MTS"}},
    }
