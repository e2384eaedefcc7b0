"""Geographical queries as NGSI-v2 writes them: georel, geometry and coords (latitude first)."""

from dataclasses import dataclass

from city import geography
from city.document import Entity
from city.errors import InvalidRequest
from city.geography import Geometry, Position
from city.locations import box_between, location_of, read_position
from city.numbers import read_number
from context import cells
from context.cells import CellRange

_RELATIONS = frozenset({"near", "coveredBy", "intersects", "equals", "disjoint"})
_SHAPES = frozenset({"point", "line", "box", "polygon"})


@dataclass(frozen=True, slots=True)
class GeoQuery:
    """A spatial relation to a reference shape; distances in metres, only with `near`."""

    relation: str
    reference: Geometry
    min_distance: float | None = None
    max_distance: float | None = None

    def matches(self, entity: Entity) -> bool:
        """Whether the entity has a location and it stands in the relation to the reference."""
        location = location_of(entity.attributes)
        if location is None:
            return False
        match self.relation:
            case "near":
                return self._in_reach(geography.distance(self._centre, location))
            case "coveredBy":
                return geography.covered_by(location, self.reference)
            case "equals":
                return geography.same_shape(location, self.reference)
            case _:
                meets = geography.intersects(location, self.reference)
                return meets == (self.relation == "intersects")

    def distance(self, entity: Entity) -> float | None:
        """Metres from the reference point to the entity; None without location or point."""
        location = location_of(entity.attributes)
        if location is None or self.reference.kind != "Point":
            return None
        return geography.distance(self._centre, location)

    def covering(self) -> list[CellRange] | None:
        """Index keys that hold every match; None when matches may be anywhere."""
        if self.relation == "disjoint":
            return None
        if self.relation != "near":
            return cells.ranges_for(self.reference)
        if self.max_distance is None:
            return None
        return cells.ranges_around(self._centre, self.max_distance)

    @property
    def _centre(self) -> Position:
        centre: Position = self.reference.coordinates
        return centre

    def _in_reach(self, metres: float) -> bool:
        near_enough = self.max_distance is None or metres <= self.max_distance
        return near_enough and (self.min_distance is None or metres >= self.min_distance)


def parse_geo_query(georel: str, geometry: str, coords: str) -> GeoQuery:
    """Read the three parts of a geographical query; InvalidRequest says which one is wrong."""
    shape = _parse_shape(geometry)
    relation, distances = _parse_relation(georel)
    if relation == "coveredBy" and shape in {"point", "line"}:
        raise InvalidRequest(f"{shape} geometry cannot be used with coveredBy georel")
    if relation == "near" and shape != "point":
        raise InvalidRequest("georel /near/ used with geometry different than point")
    reference = _reference(shape, _parse_coords(coords))
    return GeoQuery(relation, reference, distances.get("minDistance"), distances.get("maxDistance"))


def parse_geo_parameters(
    georel: str | None, geometry: str | None, coords: str | None
) -> GeoQuery | None:
    """The geographical query in URL parameters, or None without any of them."""
    if not (georel or geometry or coords):
        return None
    if not geometry:
        given = "coords" if coords else "georel"
        raise InvalidRequest(f"Invalid query: URI param /{given}/ used without /geometry/")
    for name, value in (("coords", coords), ("georel", georel)):
        if not value:
            raise InvalidRequest(f"Invalid query: URI param /geometry/ used without /{name}/")
    try:
        return parse_geo_query(georel or "", geometry, coords or "")
    except InvalidRequest as error:
        raise InvalidRequest(f"Invalid query: {error}") from None


def parse_geo_expression(
    georel: str | None, geometry: str | None, coords: str | None
) -> GeoQuery | None:
    """The geographical query in an `expression` object, or None without any of its fields."""
    for name, value in (("geometry", geometry), ("coords", coords), ("georel", georel)):
        if value == "":
            raise InvalidRequest(f"{name} is empty")
    if georel is None and geometry is None and coords is None:
        return None
    if georel is None or geometry is None or coords is None:
        raise InvalidRequest(
            "partial geo expression: geometry, georel and coords have to be provided together"
        )
    try:
        return parse_geo_query(georel, geometry, coords)
    except InvalidRequest as error:
        raise InvalidRequest(f"error parsing geo-query fields: {error}") from None


def _parse_shape(geometry: str) -> str:
    shapes = geometry.lstrip(";").split(";")
    if shapes == [""]:
        raise InvalidRequest("error parsing geometry: empty geometry")
    if not _SHAPES.issuperset(shapes):
        raise InvalidRequest("error parsing geometry: Invalid selector in geometry specification")
    if len(shapes) > 1:
        raise InvalidRequest("error parsing geometry: geometry-type present more than once")
    return shapes[0]


def _parse_relation(georel: str) -> tuple[str, dict[str, float]]:
    relation = ""
    distances: dict[str, float] = {}
    items = georel.lstrip(";").split(";")
    if items == [""]:
        raise InvalidRequest("empty georel")
    for item in items:
        name, _, number = item.partition(":")
        if item in _RELATIONS:
            if relation:
                raise InvalidRequest("georel type present more than once")
            relation = item
        elif name in {"maxDistance", "minDistance"}:
            if name in distances:
                raise InvalidRequest(f"{name} present more than once")
            distances[name] = _metres(name, number)
        else:
            raise InvalidRequest("Invalid modifier in georel parameter")
    _check_relation(relation, distances)
    return relation, distances


def _check_relation(relation: str, distances: dict[str, float]) -> None:
    if distances and relation != "near":
        first = "maxDistance" if "maxDistance" in distances else "minDistance"
        raise InvalidRequest(f"{first} erroneously used with georel /{relation}/")
    if relation == "near" and not distances:
        raise InvalidRequest("georel /near/ without either minDistance nor maxDistance")


def _metres(name: str, text: str) -> float:
    metres = read_number(text)
    if metres is None or metres < 0:
        raise InvalidRequest(f"invalid number for {name}")
    return metres


def _parse_coords(coords: str) -> tuple[Position, ...]:
    if not coords:
        raise InvalidRequest("no coordinates for geometry")
    pairs = coords.lstrip(";").split(";")
    if pairs == [""]:
        raise InvalidRequest("erroneous coordinates for geometry")
    positions = []
    for pair in pairs:
        if pair.count(",") != 1:
            raise InvalidRequest("invalid point in URI param /coords/")
        position = read_position(pair)
        if position is None:
            raise InvalidRequest("invalid coordinates")
        positions.append(position)
    return tuple(positions)


def _reference(shape: str, positions: tuple[Position, ...]) -> Geometry:
    if shape == "polygon":
        if len(positions) < 4:
            raise InvalidRequest("Too few coordinates for polygon")
        if positions[0] != positions[-1]:
            raise InvalidRequest("First and last point in polygon not the same")
        polygon = Geometry("Polygon", (positions,))
        geography.check_polygons(polygon)
        return polygon
    wrong = {"point": len(positions) != 1, "line": len(positions) < 2, "box": len(positions) != 2}
    if wrong[shape]:
        raise InvalidRequest(f"invalid number of coordinates for /{shape}/")
    if shape == "box":
        return box_between(positions, "box")
    return Geometry("LineString", positions) if shape == "line" else Geometry("Point", positions[0])
