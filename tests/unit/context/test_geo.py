"""Geography as NGSI-v2 writes it: query parameters, location attributes, and their refusals."""

import pytest

from city.document import Attribute, Entity, Identity
from city.errors import InvalidRequest, TooLarge
from city.json import Json
from city.locations import check_location, geometry_value, location_of
from city.tenancy import ServicePath, Tenant
from context.ngsi_v2.geo import (
    GeoQuery,
    parse_geo_expression,
    parse_geo_parameters,
    parse_geo_query,
)

MADRID = "40.4168,-3.7038"
BOX = "40,-4;41,-3"
TRIANGLE = "40,-4;41,-3;40,-3;40,-4"


def located(value: Json, kind: str = "geo:json") -> dict[str, Attribute]:
    return {"location": Attribute(kind, value)}


def at(latitude: float, longitude: float) -> Entity:
    return holding(located({"type": "Point", "coordinates": [longitude, latitude]}))


def holding(attributes: dict[str, Attribute]) -> Entity:
    return Entity(Identity(Tenant(""), "E", "T", ServicePath("/")), attributes, 0, 0)


@pytest.mark.parametrize(
    ("kind", "value", "geometry"),
    [
        ("geo:json", {"type": "Point", "coordinates": [-3.7, 40.4]}, ("Point", [-3.7, 40.4])),
        ("geo:point", "40.4, -3.7", ("Point", [-3.7, 40.4])),
        ("geo:line", ["1,2", " 3 , 4 "], ("LineString", [[2, 1], [4, 3]])),
        ("geo:box", ["3,4", "1,2"], ("Polygon", [[[2, 1], [4, 1], [4, 3], [2, 3], [2, 1]]])),
        (
            "geo:polygon",
            ["0,0", "0,1", "1,1", "0,0"],
            ("Polygon", [[[0, 0], [1, 0], [1, 1], [0, 0]]]),
        ),
        (
            "geo:json",
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}},
            ("Point", [1, 2]),
        ),
        (
            "geo:json",
            {
                "type": "FeatureCollection",
                "features": [
                    {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}
                ],
            },
            ("Point", [1, 2]),
        ),
    ],
)
def test_location_attribute_forms(kind: str, value: Json, geometry: tuple[str, Json]) -> None:
    location = location_of(located(value, kind))
    assert location is not None
    assert location.geojson() == {"type": geometry[0], "coordinates": geometry[1]}


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"a": Attribute("Text", "40,-3")},
        {"a": Attribute("geo:json", None)},
        {"a": Attribute("geo:point", None)},
        {"a": Attribute("geo:point", "40,-3", {"ignoreType": Attribute("Boolean", True)})},
    ],
)
def test_entity_without_location(attributes: dict[str, Attribute]) -> None:
    check_location(attributes)
    assert location_of(attributes) is None


def test_ignore_type_counts_only_when_true() -> None:
    ignored_not = {"ignoreType": Attribute("Boolean", False)}
    assert location_of({"a": Attribute("geo:point", "40,-3", ignored_not)}) is not None


def test_second_location_is_too_large() -> None:
    pair = {"a": Attribute("geo:point", "1,1"), **located({"type": "Point", "coordinates": [1, 1]})}
    with pytest.raises(TooLarge) as refusal:
        check_location(pair)
    assert str(refusal.value) == (
        "You cannot use more than one geo location attribute when creating an entity. "
        "Use ignoreType metadata if you want to add additional informative locations."
    )


def test_informative_second_location_and_null_are_allowed() -> None:
    attributes = {
        "a": Attribute("geo:point", "1,1", {"ignoreType": Attribute("Boolean", True)}),
        "b": Attribute("geo:json", None),
        **located({"type": "Point", "coordinates": [2, 3]}),
    }
    location = location_of(attributes)
    assert location is not None
    assert location.coordinates == (2, 3)


PREFIX = "error parsing location attribute: "


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("geo:json", "1,2", "geo:json needs an object or null as value"),
        ("geo:json", [1, 2], "geo:json needs an object or null as value"),
        ("geo:json", {"type": "Feature"}, PREFIX + "geometry in Feature not found"),
        (
            "geo:json",
            {"type": "Feature", "geometry": 1},
            PREFIX + "geometry in Feature is not an object",
        ),
        (
            "geo:json",
            {"type": "FeatureCollection"},
            PREFIX + "features field not found in FeatureCollection",
        ),
        (
            "geo:json",
            {"type": "FeatureCollection", "features": {}},
            PREFIX + "features in FeatureCollection is not an array",
        ),
        (
            "geo:json",
            {"type": "FeatureCollection", "features": []},
            PREFIX + "features in FeatureCollection has 0 items",
        ),
        (
            "geo:json",
            {"type": "FeatureCollection", "features": [{}, {}]},
            PREFIX + "features in FeatureCollection has more than 1 item",
        ),
        (
            "geo:json",
            {"type": "GeometryCollection", "geometries": []},
            PREFIX + "unsupported GeoJSON type, use one of Point, MultiPoint, LineString, "
            "MultiLineString, Polygon, MultiPolygon",
        ),
        (
            "geo:point",
            "91,0",
            PREFIX + "geo coordinates format error [see Orion user manual]: 91,0",
        ),
        ("geo:point", "1", PREFIX + "geo coordinates format error [see Orion user manual]: 1"),
        (
            "geo:point",
            "nan,0",
            PREFIX + "geo coordinates format error [see Orion user manual]: nan,0",
        ),
        (
            "geo:point",
            "1_0,0",
            PREFIX + "geo coordinates format error [see Orion user manual]: 1_0,0",
        ),
        (
            "geo:polygon",
            ["0,0", "1,1", "1,0", "0,1", "0,0"],
            PREFIX + "the polygon is not valid: Self-intersection[0.5 0.5]",
        ),
        ("geo:point", 5, PREFIX + "geo coordinates format error [see Orion user manual]: "),
        (
            "geo:line",
            "1,2",
            PREFIX + "geo:line, geo:box and geo:polygon needs array of strings as value",
        ),
        (
            "geo:box",
            ["1,2", 3],
            PREFIX + "geo:line, geo:box and geo:polygon needs array of strings "
            "but some element is not a string",
        ),
        ("geo:line", ["1,2"], PREFIX + "geo:line uses at least 2 coordinates"),
        ("geo:box", ["1,2"], PREFIX + "geo:box uses exactly 2 coordinates"),
        (
            "geo:box",
            ["1,2", "1,3"],
            PREFIX + "geo:box coordinates are not defining an actual box",
        ),
        ("geo:polygon", ["0,0"] * 3, PREFIX + "geo:polygon uses at least 4 coordinates"),
        (
            "geo:polygon",
            ["0,0", "0,1", "1,1", "1,0"],
            PREFIX + "geo:polygon first and last coordinates must match",
        ),
    ],
)
def test_bad_location_is_refused(kind: str, value: Json, message: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_location(located(value, kind))
    assert str(refusal.value) == message


def test_geo_json_of_an_ignored_attribute_still_needs_an_object() -> None:
    ignored = {"ignoreType": Attribute("Boolean", True)}
    with pytest.raises(InvalidRequest, match="needs an object or null"):
        check_location({"a": Attribute("geo:json", "x", ignored)})


def test_feature_is_shown_as_its_geometry() -> None:
    geometry: Json = {"type": "Point", "coordinates": [1, 2]}
    feature: Json = {"type": "Feature", "properties": {"a": 1}, "geometry": geometry}
    collection: Json = {"type": "FeatureCollection", "features": [feature]}
    assert geometry_value(feature) == geometry_value(collection) == geometry
    assert geometry_value(geometry) == geometry


@pytest.mark.parametrize(
    ("georel", "geometry", "coords", "expected"),
    [
        ("near;maxDistance:1000", "point", "40.41,-3.70", True),
        ("near;maxDistance:100", "point", "40.41,-3.70", False),
        ("near;minDistance:100", "point", "40.41,-3.70", True),
        ("near;minDistance:1000", "point", "40.41,-3.70", False),
        ("near;minDistance:100;maxDistance:1000", "point", "40.41,-3.70", True),
        ("maxDistance:1000;near", "point", "40.41,-3.70", True),
        ("near;maxDistance:0", "point", MADRID, True),
        ("near;minDistance:0", "point", MADRID, True),
        ("coveredBy", "box", BOX, True),
        ("coveredBy", "box", "41,-3;40,-4", True),
        ("coveredBy", "box", "-4,40;-3,41", False),
        ("coveredBy", "polygon", TRIANGLE, False),
        ("coveredBy", "polygon", "40,-4;41,-4;41,-3;40,-4", True),
        ("intersects", "box", BOX, True),
        ("intersects", "polygon", TRIANGLE, False),
        ("intersects", "line", f"{MADRID};41,-3", True),
        ("intersects", "line", "40,-4;40,-3", False),
        ("intersects", "point", MADRID, True),
        ("equals", "point", MADRID, True),
        ("equals", "point", "40.4168,-3.7039", False),
        ("equals", "line", f"{MADRID};41,-3", False),
        ("equals", "box", BOX, False),
        ("equals", "polygon", TRIANGLE, False),
        ("disjoint", "box", BOX, False),
        ("disjoint", "box", "50,-4;51,-3", True),
        ("disjoint", "point", "40,-3", True),
        ("disjoint", "line", f"{MADRID};41,-3", False),
        ("disjoint", "polygon", TRIANGLE, True),
    ],
)
def test_point_in_madrid_stands_in_relation(
    georel: str, geometry: str, coords: str, expected: bool
) -> None:
    assert parse_geo_query(georel, geometry, coords).matches(at(40.4168, -3.7038)) is expected


@pytest.mark.parametrize("georel", ["near;minDistance:0", "disjoint", "intersects", "equals"])
def test_entity_without_location_stands_in_no_relation(georel: str) -> None:
    query = parse_geo_query(georel, "point", MADRID)
    assert not query.matches(holding({}))
    assert query.distance(holding({})) is None


def test_area_entity_stands_in_relation() -> None:
    park = holding(located(["40.40,-3.71", "40.42,-3.69"], "geo:box"))
    assert parse_geo_query("intersects", "point", MADRID).matches(park)
    assert parse_geo_query("near;maxDistance:0", "point", MADRID).matches(park)
    assert parse_geo_query("coveredBy", "box", BOX).matches(park)
    assert parse_geo_query("equals", "box", "40.42,-3.71;40.40,-3.69").matches(park)
    assert not parse_geo_query("coveredBy", "box", "40.41,-3.71;40.42,-3.69").matches(park)


def test_distance_is_in_metres_from_the_reference_point() -> None:
    query = parse_geo_query("near;maxDistance:1", "point", "40,-3")
    assert query.distance(at(41, -3)) == pytest.approx(111_194.9, abs=0.1)
    assert parse_geo_query("coveredBy", "box", BOX).distance(at(41, -3)) is None


@pytest.mark.parametrize(
    ("georel", "geometry", "coords", "message"),
    [
        ("", "point", MADRID, "empty georel"),
        ("equals;", "point", MADRID, "Invalid modifier in georel parameter"),
        ("within", "point", MADRID, "Invalid modifier in georel parameter"),
        ("near;distance:5", "point", MADRID, "Invalid modifier in georel parameter"),
        ("near;near", "point", MADRID, "georel type present more than once"),
        ("near;equals", "point", MADRID, "georel type present more than once"),
        (
            "near",
            "point",
            MADRID,
            "georel /near/ without either minDistance nor maxDistance",
        ),
        ("near;maxDistance:far", "point", MADRID, "invalid number for maxDistance"),
        ("near;maxDistance:-1", "point", MADRID, "invalid number for maxDistance"),
        ("near;minDistance:", "point", MADRID, "invalid number for minDistance"),
        (
            "near;minDistance:1;minDistance:2",
            "point",
            MADRID,
            "minDistance present more than once",
        ),
        (
            "equals;maxDistance:1",
            "point",
            MADRID,
            "maxDistance erroneously used with georel /equals/",
        ),
        (
            "disjoint;minDistance:1",
            "point",
            MADRID,
            "minDistance erroneously used with georel /disjoint/",
        ),
        ("maxDistance:1", "point", MADRID, "maxDistance erroneously used with georel //"),
        (
            "near;maxDistance:1",
            "box",
            BOX,
            "georel /near/ used with geometry different than point",
        ),
        (
            "near;maxDistance:1",
            "line",
            BOX,
            "georel /near/ used with geometry different than point",
        ),
        (
            "near;maxDistance:1",
            "polygon",
            TRIANGLE,
            "georel /near/ used with geometry different than point",
        ),
        ("coveredBy", "point", MADRID, "point geometry cannot be used with coveredBy georel"),
        ("coveredBy", "line", BOX, "line geometry cannot be used with coveredBy georel"),
        (
            "equals",
            "circle",
            MADRID,
            "error parsing geometry: Invalid selector in geometry specification",
        ),
        (
            "equals",
            "point;box",
            MADRID,
            "error parsing geometry: geometry-type present more than once",
        ),
        ("equals", ";", MADRID, "error parsing geometry: empty geometry"),
        (
            "equals",
            "point;",
            MADRID,
            "error parsing geometry: Invalid selector in geometry specification",
        ),
        ("equals", "point", "", "no coordinates for geometry"),
        ("equals", "point", ";", "erroneous coordinates for geometry"),
        ("equals", "point", "1", "invalid point in URI param /coords/"),
        ("equals", "point", "1,2,3", "invalid point in URI param /coords/"),
        ("equals", "point", "1,2;", "invalid point in URI param /coords/"),
        ("equals", "point", "a,b", "invalid coordinates"),
        ("equals", "point", "91,0", "invalid coordinates"),
        ("equals", "point", "0,181", "invalid coordinates"),
        ("equals", "point", "inf,0", "invalid coordinates"),
        ("equals", "point", "1,2;3,4", "invalid number of coordinates for /point/"),
        ("equals", "line", "1,2", "invalid number of coordinates for /line/"),
        ("equals", "box", "1,2", "invalid number of coordinates for /box/"),
        ("equals", "box", "1,2;3,4;5,6", "invalid number of coordinates for /box/"),
        ("equals", "box", "1,2;1,3", "box coordinates are not defining an actual box"),
        ("equals", "polygon", "1,2;3,4;1,2", "Too few coordinates for polygon"),
        (
            "equals",
            "polygon",
            "0,0;0,1;1,1;1,0",
            "First and last point in polygon not the same",
        ),
    ],
)
def test_malformed_geographical_query_is_refused(
    georel: str, geometry: str, coords: str, message: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_geo_query(georel, geometry, coords)
    assert str(refusal.value) == message


def test_polygon_that_crosses_itself_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="the polygon is not valid"):
        parse_geo_query("intersects", "polygon", "0,0;1,1;1,0;0,1;0,0")


def test_parameters_make_a_query_or_none() -> None:
    assert parse_geo_parameters(None, None, None) is None
    assert parse_geo_parameters("equals", "point", "1,2") == parse_geo_query(
        "equals", "point", "1,2"
    )


@pytest.mark.parametrize(
    ("georel", "geometry", "coords", "message"),
    [
        (None, None, "1,2", "Invalid query: URI param /coords/ used without /geometry/"),
        ("equals", None, None, "Invalid query: URI param /georel/ used without /geometry/"),
        ("equals", "point", None, "Invalid query: URI param /geometry/ used without /coords/"),
        (None, "point", "1,2", "Invalid query: URI param /geometry/ used without /georel/"),
        (
            "coveredBy",
            "point",
            "1,2",
            "Invalid query: point geometry cannot be used with coveredBy georel",
        ),
    ],
)
def test_incomplete_parameters_are_refused(
    georel: str | None, geometry: str | None, coords: str | None, message: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_geo_parameters(georel, geometry, coords)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("georel", "geometry", "coords", "message"),
    [
        ("", "point", "1,2", "georel is empty"),
        ("equals", "", "1,2", "geometry is empty"),
        ("equals", "point", "", "coords is empty"),
        (
            None,
            "point",
            "1,2",
            "partial geo expression: geometry, georel and coords have to be provided together",
        ),
        (
            "equals",
            "point",
            None,
            "partial geo expression: geometry, georel and coords have to be provided together",
        ),
        (
            "equals;maxDistance:1",
            "point",
            "1,2",
            "error parsing geo-query fields: maxDistance erroneously used with georel /equals/",
        ),
    ],
)
def test_incomplete_expression_is_refused(
    georel: str | None, geometry: str | None, coords: str | None, message: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_geo_expression(georel, geometry, coords)
    assert str(refusal.value) == message


def test_expression_makes_a_query_or_none() -> None:
    assert parse_geo_expression(None, None, None) is None
    assert isinstance(parse_geo_expression("equals", "point", "1,2"), GeoQuery)


@pytest.mark.parametrize("georel", ["disjoint", "near;minDistance:5"])
def test_relation_that_holds_almost_everywhere_cannot_be_narrowed(georel: str) -> None:
    assert parse_geo_query(georel, "point", MADRID).covering() is None


def test_distance_beyond_the_far_side_of_the_earth_cannot_be_narrowed() -> None:
    assert parse_geo_query("near;maxDistance:2.1e7", "point", MADRID).covering() is None
