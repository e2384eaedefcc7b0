"""Geographical conditions of QuantumLeap."""

import pytest

from city.geography import Geometry
from history.quantumleap.places import check_forms, read_place
from history.quantumleap.refusals import Refused, WrongForm
from history.reading.queries import Place


def place(georel: str, geometry: str = "point", coords: str = "52.5,13.4") -> Place | None:
    check_forms(georel, geometry, coords)
    return read_place(georel, geometry, coords)


def test_latitude_comes_first_in_the_request_and_last_inside() -> None:
    assert place("near;maxDistance:1000") == Place(
        "near", Geometry("Point", (13.4, 52.5)), None, 1000.0
    )


@pytest.mark.parametrize(
    ("georel", "least", "most"),
    [
        ("near;minDistance:10", 10, None),
        ("near;minDistance:10;maxDistance:20.5", 10, 20.5),
        ("near;maxDistance:20.5;minDistance:0", 0, 20.5),
    ],
)
def test_distances(georel: str, least: float | None, most: float | None) -> None:
    found = place(georel)
    assert found is not None
    assert (found.min_distance, found.max_distance) == (least, most)


def test_box_and_polygon_and_line() -> None:
    ring = ((1.0, 0.0), (1.0, 2.0), (3.0, 2.0), (1.0, 0.0))
    assert place("coveredBy", "polygon", "0,1;2,1;2,3;0,1") == Place(
        "coveredBy", Geometry("Polygon", (ring,))
    )
    assert place("intersects", "line", "0,1;2,3") == Place(
        "intersects", Geometry("LineString", ((1.0, 0.0), (3.0, 2.0)))
    )
    found = place("disjoint", "box", "0,1;2,3")
    assert found is not None
    assert found.reference.bounds == (1, 0, 3, 2)


def test_a_plus_sign_may_have_become_a_blank() -> None:
    assert place("intersects", "point", " 52.5, 13.4") == place("intersects")


def test_nothing_is_no_condition() -> None:
    assert read_place(None, None, None) is None


@pytest.mark.parametrize(
    "parts",
    [
        {"georel": "near"},
        {"georel": "within"},
        {"georel": "near;maxDistance:-1"},
        {"georel": "near;maxDistance:1;maxDistance:2"},
        {"georel": "coveredBy;maxDistance:1"},
        {"geometry": "circle"},
        {"coords": "52.5"},
        {"coords": "40 42' 51'',74 0' 21''"},
        {"coords": "1,2;"},
    ],
)
def test_wrong_forms_name_their_parameter(parts: dict[str, str]) -> None:
    [name] = parts
    with pytest.raises(WrongForm, match=f"^{name}:"):
        check_forms(parts.get("georel"), parts.get("geometry"), parts.get("coords"))


@pytest.mark.parametrize(
    ("georel", "geometry", "coords"),
    [
        ("intersects", None, "1,2"),
        (None, "point", "1,2"),
        ("intersects", "point", None),
        ("near;maxDistance:5", "line", "1,2;3,4"),
        ("intersects", "line", "1,2"),
        ("intersects", "box", "1,2"),
        ("intersects", "polygon", "1,2;3,4;5,6"),
        ("intersects", "polygon", "0,0;2,2;0,2;2,0;0,0"),
        ("intersects", "point", "91,0"),
        ("intersects", "point", "0,181"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    georel: str | None, geometry: str | None, coords: str | None
) -> None:
    with pytest.raises(Refused, match="Invalid geographical query parameters") as refusal:
        read_place(georel, geometry, coords)
    assert (refusal.value.status, refusal.value.error) == (400, "ValueError")


def test_equals_is_not_supported() -> None:
    with pytest.raises(Refused) as refusal:
        place("equals")
    assert (refusal.value.status, refusal.value.error) == (422, "NotSupportedQuery")
