"""Shapes on the earth: what GeoJSON is accepted, how shapes relate, how far things are."""

import math
import os
import random
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.errors import InvalidRequest
from city.geography import (
    EARTH_RADIUS,
    Bounds,
    Geometry,
    box,
    check_polygons,
    covered_by,
    distance,
    great_circle,
    intersects,
    point,
    read_geojson,
    same_shape,
)
from city.json import Json

SQUARE: Json = [[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]
HOLE: Json = [[0.5, 0.5], [1.5, 0.5], [1.5, 1.5], [0.5, 1.5], [0.5, 0.5]]
QUARTER = EARTH_RADIUS * math.pi / 2


def shape(kind: str, coordinates: Json) -> Geometry:
    return read_geojson({"type": kind, "coordinates": coordinates})


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("Point", [-3.7, 40.4]),
        ("MultiPoint", [[0, 0], [1, 1]]),
        ("LineString", [[0, 0], [1, 1]]),
        ("MultiLineString", [[[0, 0], [1, 1]], [[2, 2], [3, 3]]]),
        ("Polygon", [SQUARE, HOLE]),
        ("MultiPolygon", [[SQUARE], [[[5, 5], [6, 5], [6, 6], [5, 5]]]]),
    ],
)
def test_geojson_is_read_and_given_back(kind: str, coordinates: Json) -> None:
    value: Json = {"type": kind, "coordinates": coordinates}
    assert read_geojson(value).geojson() == value


@pytest.mark.parametrize("corner", [[-180, -90], [180, 90], [-180, 90], [180, -90]])
def test_the_ends_of_the_earth_are_on_it(corner: Json) -> None:
    assert shape("Point", corner).geojson()["coordinates"] == corner


def test_altitude_is_dropped() -> None:
    assert shape("Point", [1, 2, 345]).geojson() == {"type": "Point", "coordinates": [1, 2]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "unsupported GeoJSON type"),
        ({}, "unsupported GeoJSON type"),
        ({"type": "GeometryCollection", "geometries": []}, "unsupported GeoJSON type"),
        ({"type": "Circle", "coordinates": [0, 0]}, "unsupported GeoJSON type"),
        ({"type": ["Point"], "coordinates": [0, 0]}, "unsupported GeoJSON type"),
        ({"type": "Point"}, "coordinates must be a non-empty array"),
        ({"type": "Point", "coordinates": []}, "coordinates must be a non-empty array"),
        ({"type": "Point", "coordinates": [1]}, "longitude and latitude"),
        ({"type": "Point", "coordinates": [1, 2, 3, 4]}, "longitude and latitude"),
        ({"type": "Point", "coordinates": ["1", 2]}, "longitude and latitude"),
        ({"type": "Point", "coordinates": [True, 2]}, "longitude and latitude"),
        ({"type": "Point", "coordinates": [181, 2]}, "not on the earth"),
        ({"type": "Point", "coordinates": [0, -90.1]}, "not on the earth"),
        ({"type": "LineString", "coordinates": [[0, 0]]}, "at least 2 positions"),
        ({"type": "LineString", "coordinates": [0, 0]}, "coordinates must be a non-empty array"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [0, 0]]]}, "at least 4 positions"),
        (
            {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2]]]},
            "must be the same",
        ),
    ],
)
def test_what_is_no_geometry_is_refused(value: Json, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        read_geojson(value)


@pytest.mark.parametrize(
    ("kind", "coordinates", "reason"),
    [
        ("Polygon", [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]], "Self-intersection"),
        ("Polygon", [SQUARE, [[9, 9], [9, 8], [8, 8], [9, 9]]], "Hole lies outside shell"),
        ("MultiPolygon", [[SQUARE], [SQUARE]], "Self-intersection"),
    ],
)
def test_polygon_that_crosses_itself_is_refused(kind: str, coordinates: Json, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=f"the polygon is not valid: {reason}"):
        check_polygons(shape(kind, coordinates))


def test_sound_shapes_pass_the_polygon_check() -> None:
    check_polygons(shape("Polygon", [SQUARE, HOLE]))
    check_polygons(box((0, 0), (1, 1)))
    check_polygons(point(0, 0))


def test_boxes_and_points_need_no_geometry_library() -> None:
    program = """
import sys
from city.geography import box, covered_by, distance, intersects, point
assert intersects(point(1, 1), box((0, 0), (2, 2)))
assert covered_by(box((0, 0), (1, 1)), box((0, 0), (2, 2)))
assert not intersects(point(3, 1), box((0, 0), (2, 2)))
assert distance((0, 0), point(0, 1)) > 0
assert not {"shapely", "numpy", "s2sphere"} & set(sys.modules)
"""
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_box_takes_any_two_opposite_corners() -> None:
    assert box((2, 0), (0, 1)) == box((0, 1), (2, 0))
    assert box((2, 0), (0, 1)).bounds == Bounds(0, 0, 2, 1)


def test_intersecting_shapes_share_a_point_border_included() -> None:
    square = shape("Polygon", [SQUARE])
    assert intersects(point(1, 1), square)
    assert intersects(point(0, 1), square)
    assert intersects(square, shape("LineString", [[-1, -1], [3, 3]]))
    assert intersects(shape("MultiPoint", [[9, 9], [2, 2]]), square)
    assert intersects(point(5, 5), point(5, 5))


def test_disjoint_shapes_do_not_intersect_even_where_their_bounds_do() -> None:
    holed = shape("Polygon", [SQUARE, HOLE])
    assert not intersects(point(1, 1), holed)
    assert not intersects(point(3, 3), holed)
    assert not intersects(shape("LineString", [[0, 0], [3, 3]]), point(1, 2))


def test_covered_shape_may_touch_the_border() -> None:
    square, holed = shape("Polygon", [SQUARE]), shape("Polygon", [SQUARE, HOLE])
    assert covered_by(shape("LineString", [[0, 0], [2, 0]]), square)
    assert covered_by(point(2, 2), square)
    assert not covered_by(shape("LineString", [[0, 0], [2.1, 0]]), square)
    assert not covered_by(box((0.1, 0.1), (1.9, 1.9)), holed)
    assert covered_by(box((0.1, 0.1), (0.4, 1.9)), holed)


def test_same_shape_whatever_vertex_comes_first() -> None:
    turned: Json = [[2, 2], [0, 2], [0, 0], [2, 0], [2, 2]]
    assert same_shape(shape("Polygon", [SQUARE]), shape("Polygon", [turned]))
    assert same_shape(shape("Polygon", [SQUARE]), box((0, 0), (2, 2)))
    assert not same_shape(shape("Polygon", [SQUARE, HOLE]), box((0, 0), (2, 2)))
    assert not same_shape(point(0, 0), point(0, 1e-9))


@pytest.mark.parametrize(
    ("first", "second", "metres"),
    [
        ((0, 0), (0, 0), 0),
        ((0, 0), (90, 0), QUARTER),
        ((0, 0), (0, 90), QUARTER),
        ((0, 0), (180, 0), 2 * QUARTER),
        ((179.5, 0), (-179.5, 0), QUARTER / 90),
        ((-3.7038, 40.4168), (2.1734, 41.3851), 505_442),
    ],
)
def test_great_circle_distance(
    first: tuple[float, float], second: tuple[float, float], metres: float
) -> None:
    assert great_circle(first, second) == pytest.approx(metres, rel=1e-5)


DEGREE = math.pi * EARTH_RADIUS / 180


@pytest.mark.parametrize(
    ("origin", "kind", "coordinates", "metres"),
    [
        ((0, 0), "Point", [0, 1], DEGREE),
        ((0, 0), "MultiPoint", [[0, 5], [0, 1]], DEGREE),
        ((0, 0), "LineString", [[-1, 1], [1, 1]], DEGREE),
        ((0, 0), "LineString", [[0, 1], [0, 2]], DEGREE),
        ((1, 1), "Polygon", [SQUARE], 0),
        ((1, 1), "Polygon", [SQUARE, HOLE], DEGREE / 2),
        ((1, -1), "Polygon", [SQUARE], DEGREE),
        ((1, 60), "LineString", [[2, 59], [2, 61]], DEGREE / 2),
        ((-179.5, 0), "LineString", [[179.5, -1], [179.5, 1]], DEGREE),
        (
            (-179.5, 0),
            "MultiLineString",
            [[[-170, -1], [-170, 1]], [[179.5, -1], [179.5, 1]]],
            DEGREE,
        ),
    ],
)
def test_distance_is_to_the_nearest_point_of_the_shape(
    origin: tuple[float, float], kind: str, coordinates: Json, metres: float
) -> None:
    measured = distance(origin, shape(kind, coordinates))
    assert measured == pytest.approx(metres, rel=3e-4, abs=0.01)


POSITIONS: Any = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@settings(deadline=None)
@given(POSITIONS, POSITIONS)
def test_distance_is_symmetric_and_at_most_half_the_earth(
    first: tuple[float, float], second: tuple[float, float]
) -> None:
    assert great_circle(first, second) == pytest.approx(great_circle(second, first), abs=1e-6)
    assert 0 <= great_circle(first, second) <= math.pi * EARTH_RADIUS


def test_time_to_compare_lines_does_not_grow_with_their_crossings() -> None:
    places = random.Random(1)
    line = tuple((places.uniform(0, 1), places.uniform(0, 1)) for _ in range(3000))
    reverse = Geometry("LineString", line[::-1])
    start = time.process_time()
    assert same_shape(Geometry("LineString", line), reverse)
    assert not same_shape(Geometry("LineString", (*line[1:], line[0])), reverse)
    assert time.process_time() - start < 3
