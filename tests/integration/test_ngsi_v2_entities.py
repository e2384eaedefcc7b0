"""`/v2/entities` over HTTP: statuses, headers and bodies of what succeeds."""

import pytest

from tests.integration.api import Api

ROOM = {
    "id": "Room1",
    "type": "Room",
    "temperature": {
        "type": "Number",
        "value": 21.5,
        "metadata": {"accuracy": {"type": "Number", "value": 0.5}},
    },
    "name": {"type": "Text", "value": "north", "metadata": {}},
}


@pytest.fixture
def room(api: Api) -> Api:
    assert api.post("/v2/entities", ROOM).status_code == 201
    return api


def test_creation_is_201_and_says_where(api: Api) -> None:
    answer = api.post("/v2/entities", ROOM)
    assert answer.status_code == 201
    assert answer.headers["location"] == "/v2/entities/Room1?type=Room"
    assert answer.content == b""
    assert api.get(answer.headers["location"]).json() == ROOM


def test_entity_without_type_is_a_thing(api: Api) -> None:
    answer = api.post("/v2/entities", {"id": "x"})
    assert answer.headers["location"] == "/v2/entities/x?type=Thing"


def test_location_of_an_id_with_a_percent_sign_leads_to_it(api: Api) -> None:
    answer = api.post("/v2/entities", {"id": "50%25+x", "type": "a+b"})
    assert answer.headers["location"] == "/v2/entities/50%2525%2Bx?type=a%2Bb"
    assert api.get(answer.headers["location"]).json() == {"id": "50%25+x", "type": "a+b"}


def test_upsert_is_204_whether_the_entity_is_new_or_not(api: Api) -> None:
    for value in (1, 2):
        body = {"id": "Room1", "type": "Room", "level": {"value": value}}
        answer = api.post("/v2/entities?options=upsert", body)
        assert answer.status_code == 204
        assert answer.headers["location"] == "/v2/entities/Room1?type=Room"
        assert api.value("Room1", "level") == value


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ROOM),
        ("?options=normalized", ROOM),
        (
            "?options=keyValues",
            {"id": "Room1", "type": "Room", "temperature": 21.5, "name": "north"},
        ),
        ("?options=values", [21.5, "north"]),
        ("?options=unique", [21.5, "north"]),
        ("?attrs=name", {"id": "Room1", "type": "Room", "name": ROOM["name"]}),
        ("?attrs=nope", {"id": "Room1", "type": "Room"}),
        ("?attrs=name,temperature&options=values", ["north", 21.5]),
        ("?type=Room&attrs=nope", {"id": "Room1", "type": "Room"}),
        ("?unknown=1&attrs=nope&options=flowControl", {"id": "Room1", "type": "Room"}),
    ],
)
def test_entity_is_shown_as_asked(room: Api, query: str, shown: object) -> None:
    answer = room.get(f"/v2/entities/Room1{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == shown


@pytest.mark.parametrize("query", ["options=dateCreated", "attrs=dateCreated,*"])
def test_old_options_show_dates_besides_everything(room: Api, query: str) -> None:
    shown = room.get(f"/v2/entities/Room1?{query}").json()
    assert shown.keys() == {"id", "type", "temperature", "name", "dateCreated"}


def test_attributes_alone_come_without_id_and_type(room: Api) -> None:
    url = "/v2/entities/Room1/attrs"
    assert room.get(url).json() == {name: ROOM[name] for name in ("temperature", "name")}
    assert room.get(f"{url}?options=keyValues").json() == {"temperature": 21.5, "name": "north"}
    assert room.get(f"{url}?options=values").json() == [21.5, "north"]


def test_one_attribute(room: Api) -> None:
    url = "/v2/entities/Room1/attrs/temperature"
    assert room.get(url).json() == ROOM["temperature"]
    assert room.get(f"{url}?options=keyValues").json() == {"temperature": 21.5}
    assert room.get(f"{url}?metadata=nope").json() == {
        "type": "Number",
        "value": 21.5,
        "metadata": {},
    }


def test_slash_at_the_end_of_a_path_is_dropped(room: Api) -> None:
    assert room.get("/v2/entities/").json() == [ROOM]
    assert room.get("/v2/entities/Room1/").json() == ROOM


def test_changes_are_204_without_a_body(room: Api) -> None:
    url = "/v2/entities/Room1/attrs"
    for method, path, body in (
        ("POST", url, {"level": {"value": 1}}),
        ("POST", f"{url}?options=append", {"floor": {"value": 1}}),
        ("PATCH", url, {"level": {"value": 2}}),
        ("PUT", f"{url}/level", {"value": 3}),
        ("PUT", f"{url}/level/value", [4]),
        ("PUT", f"{url}?options=keyValues", {"level": 5, "only": "this"}),
    ):
        answer = room(method, path, json=body)
        assert (answer.status_code, answer.content) == (204, b""), (method, path)
    assert room.get(f"{url}?options=keyValues").json() == {"level": 5, "only": "this"}
    assert room("DELETE", f"{url}/only").status_code == 204
    assert room("DELETE", "/v2/entities/Room1").status_code == 204
    assert room.get("/v2/entities").json() == []


def test_type_tells_entities_with_one_id_apart(api: Api) -> None:
    api.create("Twin", "Room", level=1)
    api.create("Twin", "Hall", level=2)
    assert api("PUT", "/v2/entities/Twin/attrs/level?type=Hall", json={"value": 9}).is_success
    assert api.get("/v2/entities/Twin?type=Hall&options=values").json() == [9]
    assert api("DELETE", "/v2/entities/Twin?type=Room").status_code == 204
    assert api.get("/v2/entities/Twin?options=values").json() == [9]


def test_metadata_sticks_unless_overridden(room: Api) -> None:
    url = "/v2/entities/Room1/attrs/temperature"
    room("PUT", url, json={"value": 1})
    assert room.get(url).json()["metadata"] == {"accuracy": {"type": "Number", "value": 0.5}}
    room("PUT", f"{url}?options=overrideMetadata", json={"value": 1})
    assert room.get(url).json()["metadata"] == {}


def test_correlator_is_echoed_or_made(room: Api) -> None:
    given = room.get("/v2/entities", headers={"Fiware-Correlator": "my-request"})
    assert given.headers["fiware-correlator"] == "my-request"
    made = [room.get("/v2/nothing").headers["fiware-correlator"] for _ in range(2)]
    assert all(len(correlator) == 36 for correlator in made)
    assert made[0] != made[1]


def test_correlator_is_kept_with_the_change(room: Api) -> None:
    room(
        "PATCH",
        "/v2/entities/Room1/attrs",
        json={"temperature": {"value": 0}},
        headers={"Fiware-Correlator": "my-request"},
    )
    assert any("my-request" in repr(row) for row in room.rows())


def test_list_is_paged_counted_and_in_order_of_creation(api: Api) -> None:
    for number in (3, 1, 2, 5, 4):
        api.create(f"Room{number}")
    first = api.get("/v2/entities?limit=2&options=count,values&attrs=id")
    assert first.headers["fiware-total-count"] == "5"
    pages = [
        [entity["id"] for entity in api.get(f"/v2/entities?limit=2&offset={offset}").json()]
        for offset in (0, 2, 4, 6)
    ]
    assert pages == [["Room3", "Room1"], ["Room2", "Room5"], ["Room4"], []]


def test_list_is_not_counted_unasked(room: Api) -> None:
    assert "fiware-total-count" not in room.get("/v2/entities").headers


def test_page_of_none_is_empty_and_can_be_counted(room: Api) -> None:
    answer = room.get("/v2/entities?limit=0&options=count")
    assert answer.json() == []
    assert answer.headers["fiware-total-count"] == "1"


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("id=Room1,Hall1", ["Room1", "Hall1"]),
        ("id=,Room1", ["Room1"]),
        ("idPattern=1$", ["Room1", "Hall1"]),
        ("type=Hall", ["Hall1", "Hall2"]),
        ("type=Room,Hall", ["Room1", "Room2", "Hall1", "Hall2"]),
        ("typePattern=^R", ["Room1", "Room2"]),
        ("id=Room1,Hall1&type=Hall", ["Hall1"]),
        ("q=level>1", ["Room2", "Hall2"]),
        ("q=level%3E1%3Bname", []),
        ("mq=level.accuracy", []),
        ("orderBy=!level,!type", ["Room2", "Hall2", "Room1", "Hall1"]),
        ("orderBy=type,id&limit=1&offset=1", ["Hall2"]),
        ("id=Nope", []),
    ],
)
def test_list_is_filtered_and_ordered(api: Api, query: str, ids: list[str]) -> None:
    for type in ("Room", "Hall"):
        for number in (1, 2):
            api.create(f"{type}{number}", type, level=number)
    assert [entity["id"] for entity in api.get(f"/v2/entities?{query}").json()] == ids


def test_list_near_a_point(api: Api) -> None:
    api.create("Near", location={"type": "Point", "coordinates": [-3.70, 40.41]})
    body = {"id": "Far", "place": {"type": "geo:point", "value": "43.46,-3.80"}}
    assert api.post("/v2/entities", body).status_code == 201
    near = "georel=near;maxDistance:1000&geometry=point&coords=43.46,-3.80"
    assert [entity["id"] for entity in api.get(f"/v2/entities?{near}").json()] == ["Far"]


def test_answer_too_large_for_the_gateway_says_which_page_fits(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("context.ngsi_v2.answers.MAX_ANSWER_BYTES", 60_000)
    monkeypatch.setattr("context.ngsi_v2.answers._ALWAYS_FITS", 10_000)
    for number in range(10):
        api.create(f"Large{number}", text="x" * 8_000)
    status, error, description = api.refused("GET", "/v2/entities")
    assert (status, error) == (413, "NoResourcesAvailable")
    assert description.endswith("ask for pages of limit 7 or less")
    assert len(api.get("/v2/entities?limit=7").json()) == 7
