"""Geography as NGSI-v2 writes it: query parameters and the types of location attributes.

Query coordinates and the older attribute types (geo:point, geo:line, geo:box, geo:polygon) put
latitude first; geo:json puts longitude first. NGSI-v2 "Geospatial properties of entities" and
"Geographical Queries".
"""

from collections.abc import Mapping
from dataclasses import dataclass

from city.errors import InvalidRequest, TooLarge
from city.json import Json
from context import cells, geography
from context.cells import CellRange
from context.document import Attribute, Entity
from context.geography import Geometry, Position
from context.ngsi_v2.numbers import read_number

LOCATION_TYPES = frozenset({"geo:json", "geo:point", "geo:line", "geo:box", "geo:polygon"})
"""Attribute types that make an attribute the location of its entity."""

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


def location_of(attributes: Mapping[str, Attribute]) -> Geometry | None:
    """The one location among the attributes, or None.

    Null values do not count, nor attributes with metadata `ignoreType` true. Raises TooLarge for
    a second location and InvalidRequest for a value that is not what its type says.
    """
    locations = [attribute for attribute in attributes.values() if is_location(attribute)]
    if len(locations) > 1:
        raise TooLarge(
            "You cannot use more than one geo location attribute when creating an entity. "
            "Use ignoreType metadata if you want to add additional informative locations."
        )
    return geometry_of(locations[0]) if locations else None


def check_location(attributes: Mapping[str, Attribute]) -> None:
    """Refuse what an entity may not have as location; see `location_of`."""
    for attribute in attributes.values():
        if attribute.type == "geo:json" and not isinstance(attribute.value, dict | None):
            raise InvalidRequest("geo:json needs an object or null as value")
    location = location_of(attributes)
    if location is not None:
        try:
            geography.check_polygons(location)
        except InvalidRequest as error:
            raise InvalidRequest(f"error parsing location attribute: {error}") from None


def is_location(attribute: Attribute) -> bool:
    """Whether the attribute says where its entity is."""
    if attribute.type not in LOCATION_TYPES or attribute.value is None:
        return False
    ignored = attribute.metadata.get("ignoreType")
    return ignored is None or ignored.value is not True


def geometry_of(attribute: Attribute) -> Geometry:
    """The shape that a location attribute's value describes."""
    try:
        if attribute.type == "geo:json":
            return geography.read_geojson(geometry_value(attribute.value))
        return _read_old_form(attribute.type, attribute.value)
    except InvalidRequest as error:
        raise InvalidRequest(f"error parsing location attribute: {error}") from None


def geometry_value(value: Json) -> Json:
    """What a geo:json value is shown as: of a Feature or FeatureCollection the geometry."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "FeatureCollection":
        return _feature_geometry(_only_feature(value))
    return _feature_geometry(value) if kind == "Feature" else value


def _feature_geometry(feature: Json) -> Json:
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    if geometry is None:
        raise InvalidRequest("geometry in Feature not found")
    if not isinstance(geometry, dict):
        raise InvalidRequest("geometry in Feature is not an object")
    return geometry


def _only_feature(collection: Json) -> Json:
    features = collection.get("features") if isinstance(collection, dict) else None
    if features is None:
        raise InvalidRequest("features field not found in FeatureCollection")
    if not isinstance(features, list):
        raise InvalidRequest("features in FeatureCollection is not an array")
    if not features:
        raise InvalidRequest("features in FeatureCollection has 0 items")
    if len(features) > 1:
        raise InvalidRequest("features in FeatureCollection has more than 1 item")
    return features[0]


def _read_old_form(kind: str, value: Json) -> Geometry:
    if kind == "geo:point":
        return Geometry("Point", _read_pair(value))
    if not isinstance(value, list):
        raise InvalidRequest("geo:line, geo:box and geo:polygon needs array of strings as value")
    if not all(isinstance(pair, str) for pair in value):
        raise InvalidRequest(
            "geo:line, geo:box and geo:polygon needs array of strings "
            "but some element is not a string"
        )
    positions = tuple(map(_read_pair, value))
    return _OLD_FORMS[kind](positions)


def _old_line(positions: tuple[Position, ...]) -> Geometry:
    if len(positions) < 2:
        raise InvalidRequest("geo:line uses at least 2 coordinates")
    return Geometry("LineString", positions)


def _old_box(positions: tuple[Position, ...]) -> Geometry:
    if len(positions) != 2:
        raise InvalidRequest("geo:box uses exactly 2 coordinates")
    return _box(positions, "geo:box")


def _old_polygon(positions: tuple[Position, ...]) -> Geometry:
    if len(positions) < 4:
        raise InvalidRequest("geo:polygon uses at least 4 coordinates")
    if positions[0] != positions[-1]:
        raise InvalidRequest("geo:polygon first and last coordinates must match")
    return Geometry("Polygon", (positions,))


_OLD_FORMS = {"geo:line": _old_line, "geo:box": _old_box, "geo:polygon": _old_polygon}


def _read_pair(value: Json) -> Position:
    position = _position(value) if isinstance(value, str) else None
    if position is None:
        shown = value if isinstance(value, str) else ""
        raise InvalidRequest(f"geo coordinates format error [see Orion user manual]: {shown}")
    return position


def _position(pair: str) -> Position | None:
    """Longitude and latitude of a "latitude, longitude" pair, or None when it is not one."""
    numbers = [read_number(text.strip()) for text in pair.split(",")]
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        return None
    try:
        return geography.check_position((numbers[1], numbers[0]))
    except InvalidRequest:
        return None


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
        position = _position(pair)
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
        return _box(positions, "box")
    return Geometry("LineString", positions) if shape == "line" else Geometry("Point", positions[0])


def _box(corners: tuple[Position, ...], name: str) -> Geometry:
    first, second = corners
    if first[0] == second[0] or first[1] == second[1]:
        raise InvalidRequest(f"{name} coordinates are not defining an actual box")
    return geography.box(first, second)
