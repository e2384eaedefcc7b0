"""Real weather for the demo: the files of the Python package vega_datasets, as WeatherObserved entities.

Hourly temperatures of Seattle and San Francisco in 2010 (degrees Fahrenheit) and the daily weather
of Seattle from 2012 to 2015 (metric), both public-domain observations of NOAA. Values are passed on
as they stand, with their unit. NOAA writes local standard time, eight hours behind UTC.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from vega_datasets import data as vega

TYPE = "WeatherObserved"
LOCAL_TIME = timezone(timedelta(hours=-8))


@dataclass(frozen=True, slots=True)
class Station:
    """A city of the data set; its file of hourly temperatures and that file's way to write a time."""

    city: str
    file: str
    time_format: str
    longitude: float
    latitude: float

    @property
    def id(self) -> str:
        return f"urn:ngsi-ld:{TYPE}:{self.city.replace(' ', '')}"


SEATTLE = Station("Seattle", vega.seattle_temps.filepath, "%Y/%m/%d %H:%M", -122.3321, 47.6062)
SAN_FRANCISCO = Station(
    "San Francisco", vega.sf_temps.filepath, "%Y/%m/%d %H:%M:%S", -122.4194, 37.7749
)
STATIONS = (SEATTLE, SAN_FRANCISCO)


@dataclass(frozen=True, slots=True)
class Observation:
    """The temperature, in degrees Fahrenheit, that a station read at the full hour."""

    observed: str
    temperature: float

    def attributes(self) -> dict[str, Any]:
        """What changes from hour to hour."""
        return {
            "dateObserved": {"type": "DateTime", "value": self.observed},
            "temperature": _quantity(self.temperature, "FAH"),
        }


def hours(station: Station, limit: int) -> list[Observation]:
    """The first `limit` hours of the station's year, in order."""
    readings = [
        Observation(_shown(row["date"], station.time_format), float(row["temp"]))
        for row in _rows(station.file)
    ]
    return readings[:limit]


def station_entity(station: Station, first: Observation) -> dict[str, Any]:
    """The station as an entity at its first hour; every later hour updates it."""
    return {"id": station.id, "type": TYPE, **_place(station), **first.attributes()}


def days() -> list[dict[str, Any]]:
    """The weather of Seattle, one entity for each of the 1,461 days."""
    return [_day(row) for row in _rows(vega.seattle_weather.filepath)]


def _day(row: dict[str, str]) -> dict[str, Any]:
    return {
        "id": f"{SEATTLE.id}:{row['date'].replace('/', '-')}",
        "type": TYPE,
        **_place(SEATTLE),
        "dateObserved": {"type": "DateTime", "value": _shown(row["date"], "%Y/%m/%d")},
        "dayMaximum": {"value": {"temperature": float(row["temp_max"])}},
        "dayMinimum": {"value": {"temperature": float(row["temp_min"])}},
        "precipitation": _quantity(float(row["precipitation"]), "MMT"),
        "windSpeed": _quantity(float(row["wind"]), "MTS"),
        "weatherType": {"type": "Text", "value": row["weather"]},
    }


def _place(station: Station) -> dict[str, Any]:
    coordinates = [station.longitude, station.latitude]
    return {
        "location": {
            "type": "geo:json",
            "value": {"type": "Point", "coordinates": coordinates},
        },
        "address": {"value": {"addressLocality": station.city, "addressCountry": "US"}},
        "dataProvider": {"type": "Text", "value": "NOAA"},
    }


def _quantity(value: float, unit: str) -> dict[str, Any]:
    """A number with its unit as a common code of UN/CEFACT: FAH, MMT (millimetre), MTS (metre per second)."""
    return {
        "type": "Number",
        "value": value,
        "metadata": {"unitCode": {"type": "Text", "value": unit}},
    }


def _shown(written: str, time_format: str) -> str:
    """The time as NGSI-v2 renders it: UTC with milliseconds."""
    local = datetime.strptime(written, time_format).replace(tzinfo=LOCAL_TIME)
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _rows(file: str) -> Iterator[dict[str, str]]:
    with Path(file).open(newline="") as lines:
        yield from csv.DictReader(lines)
