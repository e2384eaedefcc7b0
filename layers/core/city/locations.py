"""Where an entity is: the attribute that says so, whichever API wrote it, as one geometry.

The types are NGSI-v2's ("Geospatial properties of entities"). geo:json puts longitude first; the
older ones (geo:point, geo:line, geo:box, geo:polygon) are text with latitude first.
"""

from collections.abc import Mapping

from city import geography
from city.document import Attribute
from city.errors import InvalidRequest, TooLarge
from city.geography import Geometry, Position
from city.json import Json
from city.numbers import read_number

LOCATION_TYPES = frozenset({"geo:json", "geo:point", "geo:line", "geo:box", "geo:polygon"})
"""Attribute types that make an attribute the location of its entity."""


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
    return box_between(positions, "geo:box")


def _old_polygon(positions: tuple[Position, ...]) -> Geometry:
    if len(positions) < 4:
        raise InvalidRequest("geo:polygon uses at least 4 coordinates")
    if positions[0] != positions[-1]:
        raise InvalidRequest("geo:polygon first and last coordinates must match")
    return Geometry("Polygon", (positions,))


_OLD_FORMS = {"geo:line": _old_line, "geo:box": _old_box, "geo:polygon": _old_polygon}


def _read_pair(value: Json) -> Position:
    position = read_position(value) if isinstance(value, str) else None
    if position is None:
        shown = value if isinstance(value, str) else ""
        raise InvalidRequest(f"geo coordinates format error [see Orion user manual]: {shown}")
    return position


def read_position(pair: str) -> Position | None:
    """Longitude and latitude of a "latitude, longitude" pair, or None when it is not one."""
    numbers = [read_number(text.strip()) for text in pair.split(",")]
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        return None
    try:
        return geography.check_position((numbers[1], numbers[0]))
    except InvalidRequest:
        return None


def box_between(corners: tuple[Position, ...], name: str) -> Geometry:
    """The box with these two opposite corners; `name` is what messages call it."""
    first, second = corners
    if first[0] == second[0] or first[1] == second[1]:
        raise InvalidRequest(f"{name} coordinates are not defining an actual box")
    return geography.box(first, second)
