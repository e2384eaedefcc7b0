"""`/v2/types`: types with their attributes and counts."""

import pytest

from tests.integration.api import Api


@pytest.fixture
def city(api: Api) -> Api:
    api.create("Room2", "Room", level="ground")
    api.create("Room1", "Room", level=1, name="north")
    api.create("Bench1", "Bench")
    return api


BENCH = {"type": "Bench", "attrs": {}, "count": 1}
ROOM_ATTRS = {"level": {"types": ["Number", "Text"]}, "name": {"types": ["Text"]}}
ROOM = {"type": "Room", "attrs": ROOM_ATTRS, "count": 2}


def test_types_come_in_alphabetical_order_with_attributes_and_counts(city: Api) -> None:
    answer = city.get("/v2/types")
    assert answer.json() == [BENCH, ROOM]
    assert "fiware-total-count" not in answer.headers


def test_types_are_paged_and_counted(city: Api) -> None:
    answer = city.get("/v2/types?limit=1&offset=1&options=count")
    assert answer.json() == [ROOM]
    assert answer.headers["fiware-total-count"] == "2"
    assert city.get("/v2/types?limit=0").json() == []


def test_names_of_types_alone(city: Api) -> None:
    answer = city.get("/v2/types?options=values,count")
    assert answer.json() == ["Bench", "Room"]
    assert answer.headers["fiware-total-count"] == "2"


def test_attributes_without_their_types(city: Api) -> None:
    attributes: dict[str, object] = {"level": {"types": []}, "name": {"types": []}}
    assert city.get("/v2/types?options=noAttrDetail").json() == [
        BENCH,
        ROOM | {"attrs": attributes},
    ]
    assert city.get("/v2/types/Room?options=noAttrDetail").json()["attrs"] == attributes


def test_one_type(city: Api) -> None:
    assert city.get("/v2/types/Room").json() == {"attrs": ROOM_ATTRS, "count": 2}


def test_type_is_gone_with_its_last_entity(city: Api) -> None:
    assert city("DELETE", "/v2/entities/Bench1").status_code == 204
    assert city.get("/v2/types").json() == [ROOM]
    assert city.refused("GET", "/v2/types/Bench") == (404, "NotFound", "Entity type not found")


def test_types_follow_changes_of_attributes(city: Api) -> None:
    city("PATCH", "/v2/entities/Room2/attrs", json={"level": {"value": 2}})
    city("DELETE", "/v2/entities/Room1/attrs/name")
    assert city.get("/v2/types/Room").json()["attrs"] == {"level": {"types": ["Number"]}}
