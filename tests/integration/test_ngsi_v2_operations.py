"""`/v2/op` over HTTP: batch update, batch query, notify."""

from typing import Any

import pytest

from tests.integration.api import Api


@pytest.fixture
def rooms(api: Api) -> Api:
    for number in (1, 2, 3):
        api.create(f"Room{number}", level=number)
    return api


def query(api: Api, body: dict[str, Any], parameters: str = "") -> Any:
    answer = api.post(f"/v2/op/query{parameters}", body)
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize(
    ("action", "entity", "shown"),
    [
        ("append", {"name": {"value": "x"}}, {"level": 1, "name": "x"}),
        ("appendStrict", {"name": {"value": "x"}}, {"level": 1, "name": "x"}),
        ("update", {"level": {"value": 9}}, {"level": 9}),
        ("replace", {"name": {"value": "x"}}, {"name": "x"}),
        ("delete", {"level": {}}, {}),
        ("APPEND", {"level": {"value": 8}}, {"level": 8}),
    ],
)
def test_batch_update_does_its_action(
    rooms: Api, action: str, entity: dict[str, Any], shown: dict[str, Any]
) -> None:
    entities = [{"id": "Room1", "type": "Room", **entity}]
    answer = rooms.post("/v2/op/update", {"actionType": action, "entities": entities})
    assert (answer.status_code, answer.content) == (204, b"")
    assert rooms.get("/v2/entities/Room1/attrs?options=keyValues").json() == shown


def test_batch_takes_key_values(rooms: Api) -> None:
    body = {"actionType": "append", "entities": [{"id": "Room1", "type": "Room", "level": 7}]}
    assert rooms.post("/v2/op/update?options=keyValues", body).status_code == 204
    assert rooms.value("Room1", "level") == 7


def test_batch_creates_in_its_order(api: Api) -> None:
    entities = [{"id": f"Room{number}"} for number in (5, 3, 4, 1, 2)]
    api.post("/v2/op/update", {"actionType": "append", "entities": entities})
    assert [entity["id"] for entity in api.get("/v2/entities").json()] == [
        entity["id"] for entity in entities
    ]


def test_batch_without_attributes_deletes_the_entity(rooms: Api) -> None:
    body = {"actionType": "delete", "entities": [{"id": "Room1"}, {"id": "Room3"}]}
    assert rooms.post("/v2/op/update", body).status_code == 204
    assert [entity["id"] for entity in rooms.get("/v2/entities").json()] == ["Room2"]


def test_batch_applies_what_it_can(rooms: Api) -> None:
    entities = [
        {"id": "Room1", "type": "Room", "level": {"value": 9}},
        {"id": "Nope", "type": "Room", "level": {"value": 9}},
    ]
    answer = rooms.post("/v2/op/update", {"actionType": "update", "entities": entities})
    assert answer.status_code == 422
    assert answer.json()["error"] == "PartialUpdate"
    assert rooms.value("Room1", "level") == 9


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ({"entities": [{"idPattern": ".*"}]}, [1, 2, 3]),
        ({"entities": [{"id": "Room2"}, {"id": "Room1", "type": "Room"}]}, [1, 2]),
        ({"entities": [{"id": "Room2", "type": "Hall"}]}, []),
        ({"entities": [{"idPattern": "[12]$", "typePattern": "^R"}]}, [1, 2]),
        ({"entities": []}, [1, 2, 3]),
        ({"attrs": ["level"]}, [1, 2, 3]),
        ({"attributes": ["level"]}, [1, 2, 3]),
        ({"attributes": ["name", "other"]}, []),
        ({"expression": {"q": "level>=2"}}, [2, 3]),
        ({"expression": {"q": "level>=2;level<3"}}, [2]),
        (
            {
                "expression": {
                    "georel": "near;maxDistance:1",
                    "geometry": "point",
                    "coords": "1,2",
                }
            },
            [],
        ),
    ],
)
def test_batch_query_selects(rooms: Api, body: dict[str, Any], ids: list[int]) -> None:
    assert [entity["id"] for entity in query(rooms, body)] == [f"Room{number}" for number in ids]


def test_batch_query_projects_orders_pages_and_counts(rooms: Api) -> None:
    answer = rooms.post(
        "/v2/op/query?options=count,keyValues&orderBy=!level&limit=1&offset=1",
        {"entities": [{"idPattern": ".*"}], "attrs": ["level", "dateCreated"]},
    )
    assert answer.headers["fiware-total-count"] == "3"
    (entity,) = answer.json()
    assert entity.keys() == {"id", "type", "level", "dateCreated"}
    assert entity["id"] == "Room2"


def test_old_member_attributes_also_projects(rooms: Api) -> None:
    rooms("POST", "/v2/entities/Room1/attrs", json={"name": {"value": "x"}})
    shown = query(rooms, {"attributes": ["name"]}, "?options=keyValues")
    assert shown == [{"id": "Room1", "type": "Room", "name": "x"}]


def test_notification_of_another_broker_is_taken_in(rooms: Api) -> None:
    body = {
        "subscriptionId": "5fa9c0ffee5fa9c0ffee5fa9",
        "data": [
            {"id": "Room1", "type": "Room", "level": {"type": "Number", "value": 8}},
            {"id": "New", "type": "Room", "level": {"type": "Number", "value": 9}},
        ],
    }
    answer = rooms.post("/v2/op/notify", body)
    assert (answer.status_code, answer.content) == (200, b"")
    assert (rooms.value("Room1", "level"), rooms.value("New", "level")) == (8, 9)
