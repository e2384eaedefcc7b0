"""Shapes on the earth: reading GeoJSON, comparing shapes, measuring distances.

Longitude comes before latitude here, as in GeoJSON (RFC 7946). Edges are straight in longitude
and latitude, and a shape does not cross the antimeridian (RFC 7946 §3.1.9 cuts it in two).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, cast

from city.errors import InvalidRequest
from city.json import Json

EARTH_RADIUS = 6_371_000.0
"""Metres; the sphere all distances are measured on."""

MAX_CROSSED = 1000
"""Positions of lines that are compared with all their crossings."""

Position = tuple[float, float]
"""Longitude and latitude in degrees."""

_DEPTH = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}


class Bounds(NamedTuple):
    """The rectangle around a shape, in degrees."""

    west: float
    south: float
    east: float
    north: float

    def meets(self, other: "Bounds") -> bool:
        return (
            self.west <= other.east
            and other.west <= self.east
            and self.south <= other.north
            and other.south <= self.north
        )

    def covers(self, other: "Bounds") -> bool:
        return (
            self.west <= other.west
            and other.east <= self.east
            and self.south <= other.south
            and other.north <= self.north
        )


@dataclass(frozen=True)
class Geometry:
    """A GeoJSON geometry: its type and its coordinates as nested tuples of positions."""

    kind: str
    coordinates: Any

    @property
    def positions(self) -> list[Position]:
        """All vertices."""
        return list(_flatten(self.coordinates, _DEPTH[self.kind]))

    @cached_property
    def bounds(self) -> Bounds:
        """The rectangle around it."""
        longitudes, latitudes = zip(*self.positions, strict=True)
        return Bounds(min(longitudes), min(latitudes), max(longitudes), max(latitudes))

    @cached_property
    def is_box(self) -> bool:
        """Whether it is exactly the rectangle around it."""
        if self.kind != "Polygon" or [len(ring) for ring in self.coordinates] != [5]:
            return False
        west, south, east, north = self.bounds
        corners = {(west, south), (east, south), (east, north), (west, north)}
        (ring,) = self.coordinates
        straight = all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(ring))
        return straight and len(corners) == 4 and set(ring) == corners

    @cached_property
    def shapely(self) -> Any:
        """The same shape for the geometry library, prepared for many comparisons."""
        from shapely import prepare  # noqa: PLC0415 - numpy and GEOS load slowly
        from shapely.geometry import shape  # noqa: PLC0415

        made = shape({"type": self.kind, "coordinates": self.coordinates})
        prepare(made)
        return made

    @property
    def parts(self) -> list["Geometry"]:
        """The points, lines or polygons of a multi-geometry; of any other just itself."""
        if not self.kind.startswith("Multi"):
            return [self]
        return [Geometry(self.kind.removeprefix("Multi"), part) for part in self.coordinates]

    def geojson(self) -> dict[str, Json]:
        """The GeoJSON object."""
        return {"type": self.kind, "coordinates": _as_lists(self.coordinates)}


def point(longitude: float, latitude: float) -> Geometry:
    """A point."""
    return Geometry("Point", (longitude, latitude))


def box(first: Position, second: Position) -> Geometry:
    """The rectangle between two opposite corners."""
    west, east = sorted((first[0], second[0]))
    south, north = sorted((first[1], second[1]))
    ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return Geometry("Polygon", (ring,))


def read_geojson(value: Json) -> Geometry:
    """The geometry of a GeoJSON geometry object; a third coordinate (altitude) is dropped.

    Raises InvalidRequest for other types and for coordinates that do not make such a shape; that
    polygons do not cross themselves is left to `check_polygons`.
    """
    members = value if isinstance(value, dict) else {}
    kind = members.get("type")
    if not isinstance(kind, str) or kind not in _DEPTH:
        raise InvalidRequest(f"unsupported GeoJSON type, use one of {', '.join(_DEPTH)}")
    geometry = Geometry(kind, _read_coordinates(members.get("coordinates"), _DEPTH[kind]))
    for part in geometry.parts:
        _check_closed(part)
    return geometry


def check_polygons(geometry: Geometry) -> None:
    """Raise InvalidRequest when a polygon crosses itself or has its holes outside."""
    if "Polygon" in geometry.kind and not geometry.is_box:
        from shapely import is_valid_reason  # noqa: PLC0415 - numpy and GEOS load slowly

        reason = is_valid_reason(geometry.shapely)
        if reason != "Valid Geometry":
            raise InvalidRequest(f"the polygon is not valid: {reason}")


def check_position(position: Position) -> Position:
    """The position itself; raises InvalidRequest when it is not on the earth."""
    if not (-180 <= position[0] <= 180 and -90 <= position[1] <= 90):
        raise InvalidRequest(
            f"longitude {position[0]:g}, latitude {position[1]:g} is not on the earth"
        )
    return position


def distance(origin: Position, geometry: Geometry) -> float:
    """Metres along the great circle from a position to the nearest point of a shape.

    For lines and polygons that point is found on a map centred on the origin.
    """
    if geometry.kind in {"Point", "MultiPoint"}:
        return min(great_circle(origin, position) for position in geometry.positions)
    west, _, east, _ = geometry.bounds
    return min(
        _distance_on_map(origin, geometry, turn)
        for turn in (-360.0, 0.0, 360.0)
        if west - 180 <= origin[0] + turn <= east + 180
    )


def great_circle(first: Position, second: Position) -> float:
    """Metres between two positions on the sphere."""
    west, south, east, north = map(math.radians, (*first, *second))
    half = (
        math.sin((north - south) / 2) ** 2
        + math.cos(south) * math.cos(north) * math.sin((east - west) / 2) ** 2
    )
    return 2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(half)))


def intersects(first: Geometry, second: Geometry) -> bool:
    """Whether the shapes share a point; borders belong to a shape."""
    if not first.bounds.meets(second.bounds):
        return False
    if first.kind == second.kind == "Point" or _box_holds(first, second):
        return True
    return bool(first.shapely.intersects(second.shapely))


def covered_by(inner: Geometry, outer: Geometry) -> bool:
    """Whether no point of `inner` is outside `outer`."""
    if not outer.bounds.covers(inner.bounds):
        return False
    return outer.is_box or bool(outer.shapely.covers(inner.shapely))


def same_shape(first: Geometry, second: Geometry) -> bool:
    """Whether the shapes are the same set of points.

    Long lines have to have the same vertices too: finding where they cross themselves may take
    the square of their length.
    """
    if first.bounds != second.bounds:
        return False
    if first == second:
        return True
    lines = [shape for shape in (first, second) if "Line" in shape.kind]
    if sum(len(line.positions) for line in lines) > MAX_CROSSED:
        return bool(first.shapely.normalize().equals_exact(second.shapely.normalize()))
    return bool(first.shapely.equals(second.shapely))


def _flatten(coordinates: Any, depth: int) -> Iterator[Position]:
    if depth == 0:
        yield coordinates
        return
    for member in coordinates:
        yield from _flatten(member, depth - 1)


def _as_lists(coordinates: Any) -> Json:
    if isinstance(coordinates, tuple):
        return [_as_lists(member) for member in coordinates]
    return cast("Json", coordinates)


def _read_coordinates(value: Json, depth: int) -> Any:
    if not isinstance(value, list) or not value:
        raise InvalidRequest("coordinates must be a non-empty array")
    if depth:
        return tuple(_read_coordinates(member, depth - 1) for member in value)
    return _read_position(value)


def _read_position(value: list[Json]) -> Position:
    numbers = [float(n) for n in value if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(numbers) != len(value) or len(numbers) not in {2, 3}:
        raise InvalidRequest("a position is an array of longitude and latitude")
    return check_position((numbers[0], numbers[1]))


def _check_closed(part: Geometry) -> None:
    if part.kind == "LineString" and len(part.coordinates) < 2:
        raise InvalidRequest("a line needs at least 2 positions")
    for ring in part.coordinates if part.kind == "Polygon" else ():
        if len(ring) < 4:
            raise InvalidRequest("a polygon ring needs at least 4 positions")
        if ring[0] != ring[-1]:
            raise InvalidRequest("the first and last position of a polygon ring must be the same")


def _box_holds(first: Geometry, second: Geometry) -> bool:
    """Whether one of the shapes is a box with the other inside: no geometry library needed."""
    return (first.bounds.covers(second.bounds) and first.is_box) or (
        second.bounds.covers(first.bounds) and second.is_box
    )


def _distance_on_map(origin: Position, geometry: Geometry, turn: float) -> float:
    from shapely import Point, transform  # noqa: PLC0415
    from shapely.ops import nearest_points  # noqa: PLC0415

    scale = max(math.cos(math.radians(origin[1])), 1e-6)
    centre = (origin[0] + turn, origin[1])
    on_map = transform(geometry.shapely, lambda degrees: (degrees - centre) * (scale, 1.0))
    nearest, _ = nearest_points(on_map, Point(0, 0))
    return great_circle(origin, (nearest.x / scale + centre[0], nearest.y + centre[1]))
