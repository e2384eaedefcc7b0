"""NGSI-v2: locations of entities, and queries about them.

Specification: "Geospatial properties of entities", "Geographical Queries". Query coordinates are
latitude, longitude; GeoJSON is longitude, latitude.
"""

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.api import Api
from tests.integration.broker import Broker, query_url

ATTRS = "/v2/entities/E/attrs"
BAD = (400, "BadRequest")
TWO = (413, "NoResourcesAvailable")
IGNORE = {"ignoreType": {"value": True, "type": "Boolean"}}


def point(longitude: float, latitude: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [longitude, latitude]}


def located(value: Any, type: str = "geo:json", **members: Any) -> dict[str, Any]:
    return {"location": {"type": type, "value": value, **members}}


SQUARE = [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]
SHAPES: dict[str, Any] = {
    "Point": [2.186447514, 41.3763726],
    "MultiPoint": [[0, 0], [1, 1]],
    "LineString": [[0, 0], [1, 1], [2, 0]],
    "MultiLineString": [[[0, 0], [1, 1]], [[2, 2], [3, 3]]],
    "Polygon": SQUARE,
    "MultiPolygon": [SQUARE, [[[10, 10], [11, 10], [11, 11], [10, 10]]]],
}


@pytest.mark.parametrize("kind", SHAPES)
def test_geojson_geometry_is_a_location(broker: Broker, kind: str) -> None:
    shape = {"type": kind, "coordinates": SHAPES[kind]}
    broker.create("E", **located(shape))
    assert broker.values() == {"location": shape}
    assert broker.ids(georel="disjoint", geometry="point", coords="-80,-80") == ["E"]


def test_feature_is_shown_as_its_geometry(broker: Broker) -> None:
    feature = {"type": "Feature", "geometry": point(1, 2), "properties": {"a": 1}}
    collection = {"type": "FeatureCollection", "features": [feature]}
    for value in (feature, collection):
        broker.done("POST", "/v2/entities?options=upsert", {"id": "E", **located(value)})
        assert broker.values() == {"location": point(1, 2)}
        assert broker.get(f"{ATTRS}/location/value") == point(1, 2)
        assert broker.ids(georel="equals", geometry="point", coords="2,1") == ["E"]


def test_feature_with_ignore_type_is_shown_whole_and_is_no_location(broker: Broker) -> None:
    feature = {"type": "Feature", "geometry": point(1, 2), "properties": {"a": 1}}
    broker.create("E", **located(feature, metadata=IGNORE))
    assert broker.values() == {"location": feature}
    assert broker.ids(georel="equals", geometry="point", coords="2,1") == []


@pytest.mark.parametrize(
    "value",
    [
        "1,2",
        1,
        [1, 2],
        True,
        {},
        {"type": "Point"},
        {"coordinates": [1, 2]},
        {"type": "Point", "coordinates": [1]},
        {"type": "Point", "coordinates": ["1", "2"]},
        {"type": "Point", "coordinates": [181, 0]},
        {"type": "Point", "coordinates": [0, 91]},
        {"type": "LineString", "coordinates": [[0, 0]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2]]]},
        {"type": "Circle", "coordinates": [1, 2]},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]},
        {"type": "Feature", "properties": {}},
        {"type": "Feature", "geometry": 1},
        {"type": "FeatureCollection", "features": []},
        {"type": "FeatureCollection", "features": [1, 2]},
        {"type": "FeatureCollection"},
    ],
)
def test_value_that_is_no_geojson_is_refused(broker: Broker, value: Any) -> None:
    broker.simple("E", a=1)
    assert broker.refused("POST", "/v2/entities", {"id": "F", **located(value)}) == BAD
    assert broker.refused("POST", ATTRS, located(value)) == BAD
    assert broker.refused("PUT", ATTRS, located(value)) == BAD
    assert broker.ids() == ["E"]
    assert broker.values() == {"a": 1}


def test_null_is_no_location_and_does_not_count(broker: Broker) -> None:
    empty = {"type": "geo:json", "value": None}
    broker.create("E", other=empty, **located(point(1, 2)))
    assert broker.ids(georel="equals", geometry="point", coords="2,1") == ["E"]
    broker.done("PUT", f"{ATTRS}/location", empty)
    assert broker.ids(georel="disjoint", geometry="point", coords="80,80") == []


def test_second_location_is_413(broker: Broker) -> None:
    broker.create("E", **located(point(1, 2)))
    second = {"area": {"type": "geo:json", "value": point(3, 4)}}
    assert (
        broker.refused("POST", "/v2/entities", {"id": "F", **second, **located(point(1, 2))}) == TWO
    )
    assert broker.refused("POST", ATTRS, second) == TWO
    assert broker.refused("PUT", ATTRS, {**second, **located(point(1, 2))}) == TWO
    assert broker.ids() == ["E"]
    assert broker.values() == {"location": point(1, 2)}


def test_second_location_may_be_informative(broker: Broker) -> None:
    area = {"type": "geo:json", "value": {"type": "Polygon", "coordinates": SQUARE}}
    broker.create("E", area={**area, "metadata": IGNORE}, **located(point(50, 50)))
    assert broker.ids(georel="intersects", geometry="point", coords="2,2") == []
    assert broker.ids(georel="intersects", geometry="point", coords="50,50") == ["E"]


def test_location_moves_with_its_attribute(broker: Broker) -> None:
    broker.create("E", **located(point(1, 2)))
    broker.done("PUT", f"{ATTRS}/location/value", point(3, 4))
    assert broker.ids(georel="equals", geometry="point", coords="2,1") == []
    assert broker.ids(georel="equals", geometry="point", coords="4,3") == ["E"]
    broker.done("DELETE", f"{ATTRS}/location")
    assert broker.ids(georel="equals", geometry="point", coords="4,3") == []
    broker.done("POST", ATTRS, {"place": {"type": "geo:json", "value": point(5, 6)}})
    assert broker.ids(georel="equals", geometry="point", coords="6,5") == ["E"]


@pytest.mark.parametrize(
    ("type", "value", "inside", "outside"),
    [
        ("geo:point", "40, -3", "40,-3", "-3,40"),
        ("geo:line", ["0,0", "0,10"], "0,5", "5,0"),
        ("geo:box", ["0,0", "10,20"], "5,15", "15,5"),
        ("geo:polygon", ["0,0", "10,0", "10,20", "0,0"], "5,5", "15,5"),
    ],
)
def test_older_types_have_latitude_first(
    broker: Broker, type: str, value: Any, inside: str, outside: str
) -> None:
    broker.create("E", **located(value, type))
    assert broker.values() == {"location": value}
    assert broker.ids(georel="intersects", geometry="point", coords=inside) == ["E"]
    assert broker.ids(georel="intersects", geometry="point", coords=outside) == []


PLACES = {
    "centre": point(0, 0),
    "near": point(0.01, 0),
    "far": point(1, 1),
    "square": {"type": "Polygon", "coordinates": SQUARE},
    "line": {"type": "LineString", "coordinates": [[-1, -1], [1, 1]]},
}


@pytest.fixture(scope="module")
def places(shared_api: Api) -> Broker:
    broker = Broker(shared_api, f"t{uuid4().hex}")
    for id, value in PLACES.items():
        broker.create(id, **located(value))
    broker.simple("nowhere", a=1)
    return broker


EVERYWHERE = set(PLACES)
QUERIES: list[tuple[str, str, str, set[str]]] = [
    ("near;maxDistance:1", "point", "0,0", {"centre", "square", "line"}),
    ("near;maxDistance:1200", "point", "0,0", {"centre", "near", "square", "line"}),
    ("near;maxDistance:1000", "point", "0,0.005", {"centre", "near", "square", "line"}),
    ("near;minDistance:1000", "point", "0,0", {"near", "far"}),
    ("near;minDistance:1000;maxDistance:2000", "point", "0,0", {"near"}),
    ("near;maxDistance:2000;minDistance:1000", "point", "0,0", {"near"}),
    ("coveredBy", "polygon", "-1,-1;-1,2;2,2;2,-1;-1,-1", {"centre", "near", "far", "line"}),
    ("coveredBy", "box", "0,0;4,4", {"centre", "near", "far", "square"}),
    ("coveredBy", "box", "0.5,0.5;4,4", {"far"}),
    ("intersects", "polygon", "-1,-1;-1,2;2,2;2,-1;-1,-1", EVERYWHERE),
    ("intersects", "point", "2,2", {"square"}),
    ("intersects", "point", "0,0", {"centre", "square", "line"}),
    ("intersects", "line", "-1,0;1,0", {"centre", "square", "line"}),
    ("intersects", "box", "3,3;5,5", {"square"}),
    ("equals", "point", "0,0", {"centre"}),
    ("equals", "point", "0,0.01", {"near"}),
    ("equals", "polygon", "0,0;0,4;4,4;4,0;0,0", {"square"}),
    ("equals", "box", "0,0;4,4", {"square"}),
    ("equals", "line", "-1,-1;1,1", {"line"}),
    ("disjoint", "box", "3,3;5,5", EVERYWHERE - {"square"}),
    ("disjoint", "point", "0,0", {"near", "far"}),
]


@pytest.mark.parametrize(("georel", "geometry", "coords", "found"), QUERIES)
def test_relation_to_a_reference_shape(
    places: Broker, georel: str, geometry: str, coords: str, found: set[str]
) -> None:
    expression = {"georel": georel, "geometry": geometry, "coords": coords}
    assert set(places.ids(**expression)) == found
    body = {"entities": [{"idPattern": ".*"}], "expression": expression}
    assert {one["id"] for one in places.done("POST", "/v2/op/query", body).json()} == found
    answer = places.done("GET", query_url("/v2/entities", options="count", **expression))
    assert answer.headers["fiware-total-count"] == str(len(found))


def test_order_by_distance(places: Broker) -> None:
    query = {"georel": "near;maxDistance:1000000", "geometry": "point", "coords": "-2,-2"}
    assert places.ids(orderBy="geo:distance", **query)[0] == "line"
    near = query | {"coords": "0,0.02", "type": "T"}
    points = [
        id for id in places.ids(orderBy="geo:distance", **near) if id in ("near", "centre", "far")
    ]
    assert points == ["near", "centre", "far"]


@pytest.mark.parametrize(
    ("georel", "geometry", "coords"),
    [
        ("near", "point", "1,2"),
        ("near;maxDistance:x", "point", "1,2"),
        ("near;maxDistance:-1", "point", "1,2"),
        ("near;maxDistance:1;maxDistance:2", "point", "1,2"),
        ("near;maxDistance:1", "polygon", "0,0;0,4;4,4;0,0"),
        ("near;around:1", "point", "1,2"),
        ("coveredBy;maxDistance:1", "box", "0,0;1,1"),
        ("coveredBy", "point", "1,2"),
        ("coveredBy", "line", "0,0;1,1"),
        ("touches", "point", "1,2"),
        ("intersects", "circle", "1,2"),
        ("intersects", "point", "1"),
        ("intersects", "point", "1,2;3,4"),
        ("intersects", "point", "a,b"),
        ("intersects", "point", "91,0"),
        ("intersects", "point", "0,181"),
        ("intersects", "line", "1,2"),
        ("intersects", "box", "0,0"),
        ("intersects", "box", "0,0;1,1;2,2"),
        ("intersects", "box", "0,0;0,1"),
        ("intersects", "polygon", "0,0;1,1;0,0"),
        ("intersects", "polygon", "0,0;0,1;1,1;1,0"),
        ("intersects", "point", ""),
    ],
)
def test_bad_geographical_query_is_refused(
    broker: Broker, georel: str, geometry: str, coords: str
) -> None:
    expression = {"georel": georel, "geometry": geometry, "coords": coords}
    assert broker.refused("GET", query_url("/v2/entities", **expression)) == BAD
    body = {"entities": [{"idPattern": ".*"}], "expression": expression}
    assert broker.refused("POST", "/v2/op/query", body) == BAD


@pytest.mark.parametrize("left_out", ["georel", "geometry", "coords"])
def test_parts_of_a_geographical_query_come_together(broker: Broker, left_out: str) -> None:
    expression = {"georel": "equals", "geometry": "point", "coords": "1,2"}
    del expression[left_out]
    assert broker.refused("GET", query_url("/v2/entities", **expression)) == BAD
    body = {"entities": [{"idPattern": ".*"}], "expression": expression}
    assert broker.refused("POST", "/v2/op/query", body) == BAD
