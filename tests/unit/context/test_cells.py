"""The geographical index: a query's ranges always hold the cells of what it matches."""

from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from city.document import Attribute, Entity, Identity
from city.errors import InvalidRequest
from city.geography import Geometry, Position, box, point
from city.locations import geometry_of
from city.tenancy import ServicePath, Tenant
from context.cells import CellRange, cells_of, ranges_around, ranges_for
from context.ngsi_v2.geo import parse_geo_query

MADRID = (-3.7038, 40.4168)
MAX_CELLS = 20


def found(ranges: list[CellRange] | None, geometry: Geometry) -> bool:
    return ranges is None or any(
        low <= cell <= high for cell in cells_of(geometry) for low, high in ranges
    )


def square(centre: Position, degrees: float) -> Geometry:
    west, south = centre[0] - degrees / 2, centre[1] - degrees / 2
    return box((west, south), (west + degrees, south + degrees))


def test_cell_is_written_as_sixteen_digits() -> None:
    (cell,) = cells_of(point(*MADRID))
    assert len(cell) == 16
    assert int(cell, 16) > 0


def test_point_moves_to_another_cell_only_when_it_really_moves() -> None:
    here = cells_of(point(*MADRID))
    assert cells_of(point(MADRID[0] + 0.00001, MADRID[1])) == here
    assert cells_of(point(MADRID[0] + 0.001, MADRID[1])) != here


@pytest.mark.parametrize("degrees", [1e-5, 1e-3, 1e-2, 0.1, 1, 10, 50])
def test_area_has_few_cells_whatever_its_size(degrees: float) -> None:
    assert 1 <= len(cells_of(square(MADRID, degrees))) <= MAX_CELLS


def test_the_whole_earth_has_six_cells() -> None:
    assert len(cells_of(box((-180, -90), (180, 90)))) == 6


def test_scattered_points_are_indexed_one_by_one_until_they_are_many() -> None:
    few = tuple((float(degree), 0.5) for degree in range(10))
    many = tuple((degree / 1000, 0.5) for degree in range(100))
    assert len(cells_of(Geometry("MultiPoint", few))) == 10
    assert len(cells_of(Geometry("MultiPoint", many))) <= MAX_CELLS
    assert not found(ranges_around((4.5, 0.5), 10_000), Geometry("MultiPoint", few))


@pytest.mark.parametrize("metres", [0, 10, 100, 1_000, 10_000, 100_000, 1_000_000])
def test_neighbourhood_is_a_dozen_ranges(metres: float) -> None:
    ranges = ranges_around(MADRID, metres)
    assert ranges is not None
    assert len(ranges) <= 12
    assert ranges == sorted(ranges)
    assert all(low <= high for low, high in ranges)


def test_far_points_are_not_in_the_ranges() -> None:
    ranges = ranges_around(MADRID, 1_000)
    assert found(ranges, point(*MADRID))
    assert not found(ranges, point(MADRID[0] + 0.1, MADRID[1]))


def test_neighbourhood_reaches_across_the_antimeridian() -> None:
    assert found(ranges_around((179.99, 10), 5_000), point(-179.99, 10))


def test_small_query_finds_the_large_area_around_it() -> None:
    for degrees in (0.01, 0.1, 1, 10, 100):
        assert found(ranges_around(MADRID, 1), square(MADRID, degrees))
        assert found(ranges_for(point(*MADRID)), square(MADRID, degrees))


CENTRES: Any = st.tuples(
    st.sampled_from([-180.0, 180.0, 0.0, -90.0, 45.0]) | st.floats(-180, 180),
    st.sampled_from([-90.0, 90.0, 0.0, 45.0]) | st.floats(-89, 89),
)
SIZES = st.floats(-5, 1.5).map(lambda exponent: 10**exponent)
OFFSETS = st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=4, max_size=5)


def _positions(centre: Position, size: float, offsets: list[Position]) -> tuple[Position, ...]:
    return tuple(
        (
            min(180.0, max(-180.0, centre[0] + size * east)),
            min(90.0, max(-90.0, centre[1] + size * north)),
        )
        for east, north in offsets
    )


@st.composite
def shapes(draw: st.DrawFn, kinds: tuple[str, ...], centre: Position) -> tuple[str, str]:
    """The `geometry` and `coords` of a shape near a centre, as NGSI-v2 writes them."""
    kind = draw(st.sampled_from(kinds))
    positions = _positions(centre, draw(SIZES), draw(OFFSETS))
    if kind == "polygon":
        positions = (*positions[:3], positions[0])
    else:
        positions = positions[: {"point": 1, "line": 5, "box": 2}[kind]]
    return kind, ";".join(f"{latitude!r},{longitude!r}" for longitude, latitude in positions)


@st.composite
def stored(draw: st.DrawFn, centre: Position) -> Attribute:
    """A location attribute near a centre, of any type."""
    kind, coords = draw(shapes(("point", "line", "box", "polygon"), centre))
    pairs = coords.split(";")
    if kind == "line" and draw(st.booleans()):
        positions: list[Any] = [[*map(float, reversed(pair.split(",")))] for pair in pairs]
        return Attribute("geo:json", {"type": "MultiPoint", "coordinates": positions})
    return Attribute(f"geo:{kind}", coords if kind == "point" else [*pairs])


@st.composite
def questions(draw: st.DrawFn) -> tuple[Attribute, tuple[str, str, str]]:
    """A location, and a geographical query near it."""
    centre = draw(CENTRES)
    location = draw(stored(centre))
    georel = draw(st.sampled_from(["near", "coveredBy", "intersects", "equals"]))
    if georel == "near":
        metres = draw(SIZES) * 111_000
        kinds: tuple[str, ...] = ("point",)
        georel = f"near;maxDistance:{metres!r}"
    else:
        kinds = ("box", "polygon") if georel == "coveredBy" else ("point", "line", "box", "polygon")
    return location, (georel, *draw(shapes(kinds, centre)))


@settings(deadline=None)
@given(questions())
def test_covering_never_misses_a_match(
    question: tuple[Attribute, tuple[str, str, str]],
) -> None:
    location, parts = question
    entity = Entity(Identity(Tenant(""), "E", "T", ServicePath("/")), {"location": location}, 0, 0)
    try:
        query = parse_geo_query(*parts)
        matches = query.matches(entity)
    except InvalidRequest:
        assume(condition=False)
    event(f"{query.relation} matches: {matches}")
    geometry = geometry_of(location)
    assert len(cells_of(geometry)) <= MAX_CELLS
    assert not matches or found(query.covering(), geometry)
