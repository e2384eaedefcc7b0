"""Queries with a place see the rows that were observed there, exactly."""

from pathlib import Path

import pytest

from city import geography
from city.geography import box, point
from city.json import Json, dump
from city.policy.grants import UNLIMITED
from history.reading.queries import Aggregate, Choice, Method, Place, Rows
from tests.builders import CITY, START
from tests.history_records import record
from tests.history_shelf import Shelf

SQUARE: Json = {"type": "Polygon", "coordinates": [[[2, 2], [3, 2], [3, 3], [2, 3], [2, 2]]]}
SECOND = 1_000_000


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A bus at two places, then nowhere, then in a square."""
    shelf = Shelf(tmp_path)
    shelf.record(
        CITY,
        [
            record(1, ts=START, position=(0.0, 0.0)),
            record(2, ts=START + SECOND, position=(0.01, 0.0)),
            record(3, ts=START + 2 * SECOND),
            record(4, ts=START + 3 * SECOND, position=(2.5, 2.5), shape=dump(SQUARE)),
        ],
    )
    return shelf


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place("near", point(0, 0), max_distance=500), [1]),
        (Place("near", point(0, 0), max_distance=2000), [1, 2]),
        (Place("near", point(0, 0), min_distance=500), [2, 4]),
        (Place("coveredBy", box((-1, -1), (1, 1))), [1, 2]),
        (Place("coveredBy", box((2.1, 2.1), (2.9, 2.9))), []),
        (Place("intersects", box((2.9, 2.9), (4, 4))), [4]),
        (Place("disjoint", box((-1, -1), (1, 1))), [4]),
        (Place("equals", geography.read_geojson(SQUARE)), [4]),
    ],
)
def test_rows_are_those_observed_there(shelf: Shelf, place: Place, expected: list[int]) -> None:
    found = shelf.planner().run(Rows(Choice(CITY), place=place), UNLIMITED)
    assert [row.values["temperature"] for row in found.rows] == expected


def test_aggregates_are_of_what_was_observed_there(shelf: Shelf) -> None:
    place = Place("near", point(0, 0), max_distance=2000)
    query = Aggregate(Choice(CITY), [Method.AVG], place=place)
    (bucket,) = shelf.planner().run(query, UNLIMITED).rows
    assert bucket.values == {Method.AVG: 1.5}
