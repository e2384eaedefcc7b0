"""Where shapes stand in the geographical index: S2 cells, and the ranges a query reads.

A cell is written as 16 hexadecimal digits, whose order is the order on S2's curve over the earth:
everything inside a cell is one range. A point is indexed by its cell of level 18 (about 40 m, so
that a parked vehicle's jitter rewrites nothing), any other shape by at most 20 cells of one of the
levels 0, 4, 8, 12 and 16. A query reads the ranges of the cells that cover it, and, for the larger
shapes around it, the ancestors of these cells at those levels.

No match is missed: two shapes that share a point are each covered around that point, and of two
cells that share a point one contains the other.
"""

import math
from collections.abc import Iterable
from typing import Any

from city.geography import EARTH_RADIUS, Bounds, Geometry, Position

CellRange = tuple[str, str]
"""First and last index key (both included) of a range of cells."""

_POINT_LEVEL = 18
_AREA_LEVELS = (16, 12, 8, 4, 0)
_MAX_CELLS = 20
_MAX_QUERY_CELLS = 6
_EDGE_RADIANS = 1.46
_MARGIN_DEGREES = 1e-7
_MARGIN_METRES = 0.01
_INDEX_KEY = "{:016x}"


def cells_of(geometry: Geometry) -> list[str]:
    """The index keys of a stored shape, in order; at most 20."""
    parts = geometry.parts
    cells = [cell for part in parts for cell in _area_cells(part)] if len(parts) < 20 else []
    if not 0 < len(cells) <= _MAX_CELLS:
        cells = _box_cells(geometry.bounds)
    return sorted({_INDEX_KEY.format(cell.id()) for cell in cells})


def ranges_for(geometry: Geometry) -> list[CellRange]:
    """The index keys of all stored shapes that may share a point with this one."""
    import s2sphere  # noqa: PLC0415 - only geographical requests need it

    if geometry.kind == "Point":
        return _ranges([_point_cell(geometry.coordinates)])
    return _ranges(_query_covering(_rectangle(s2sphere, geometry.bounds)))


def ranges_around(centre: Position, metres: float) -> list[CellRange] | None:
    """The index keys of all stored shapes within a distance; None when that is everywhere."""
    import s2sphere  # noqa: PLC0415

    if metres >= math.pi * EARTH_RADIUS:
        return None
    axis = s2sphere.LatLng.from_degrees(centre[1], centre[0]).to_point()
    angle = (metres * (1 + 1e-9) + _MARGIN_METRES) / EARTH_RADIUS
    cap = s2sphere.Cap.from_axis_angle(axis, s2sphere.Angle.from_radians(angle))
    return _ranges(_query_covering(cap))


def _point_cell(position: Position) -> Any:
    from s2sphere import CellId, LatLng  # noqa: PLC0415

    longitude, latitude = position
    return CellId.from_lat_lng(LatLng.from_degrees(latitude, longitude)).parent(_POINT_LEVEL)


def _area_cells(part: Geometry) -> list[Any]:
    return [_point_cell(part.coordinates)] if part.kind == "Point" else _box_cells(part.bounds)


def _box_cells(bounds: Bounds) -> list[Any]:
    """All cells of one level that a rectangle meets; the finest level where they are few."""
    import s2sphere  # noqa: PLC0415

    region = _rectangle(s2sphere, bounds)
    start = s2sphere.LatLng.from_degrees(bounds.south, bounds.west).to_point()
    for level in _AREA_LEVELS:
        if _cell_estimate(bounds, level) <= _MAX_CELLS:
            cells = list(s2sphere.RegionCoverer.get_simple_covering(region, start, level))
            if len(cells) <= _MAX_CELLS:
                return cells
    raise AssertionError("the earth has six cells of level 0")


def _cell_estimate(bounds: Bounds, level: int) -> float:
    """About how many cells of a level a rectangle meets; never more than there are."""
    nearest = 0 if bounds.south * bounds.north < 0 else min(abs(bounds.south), abs(bounds.north))
    width = math.radians(bounds.east - bounds.west) * math.cos(math.radians(nearest))
    height = math.radians(bounds.north - bounds.south)
    cells_per_radian = 2.0**level / _EDGE_RADIANS
    return min((width * cells_per_radian + 1) * (height * cells_per_radian + 1), 6 * 4.0**level)


def _rectangle(s2sphere: Any, bounds: Bounds) -> Any:
    """The rectangle, a centimetre wider on each side so that rounding loses nothing."""
    low = s2sphere.LatLng.from_degrees(bounds.south, bounds.west)
    high = s2sphere.LatLng.from_degrees(bounds.north, bounds.east)
    margin = s2sphere.LatLng.from_degrees(_MARGIN_DEGREES, _MARGIN_DEGREES)
    return s2sphere.LatLngRect(low, high).expanded(margin)


def _query_covering(region: Any) -> list[Any]:
    import s2sphere  # noqa: PLC0415

    coverer = s2sphere.RegionCoverer()
    coverer.max_cells = _MAX_QUERY_CELLS
    coverer.max_level = _POINT_LEVEL
    return list(coverer.get_covering(region))


def _ranges(cells: Iterable[Any]) -> list[CellRange]:
    """The descendants of the cells, and their ancestors at the levels of stored shapes."""
    spans = set()
    for cell in cells:
        spans.add((cell.range_min().id(), cell.range_max().id()))
        ancestors = [cell.parent(level).id() for level in _AREA_LEVELS if level < cell.level()]
        spans.update((ancestor, ancestor) for ancestor in ancestors)
    return [(_INDEX_KEY.format(first), _INDEX_KEY.format(last)) for first, last in _merged(spans)]


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Overlapping and touching spans as one; cell ids are odd at the lowest level."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 2:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
