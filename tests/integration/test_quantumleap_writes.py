"""QuantumLeap's notifications, last values and deletions, and what grants mean for all of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from city.policy.grants import Grant
from tests.accounts import grant, put_account, put_key
from tests.integration.leap import Leap, Store, Tenant, entity, new_store

pytestmark = pytest.mark.usefixtures("event_loop")

DAY1, DAY2, DAY3 = (f"2026-10-{day}T12:00:00.000+00:00" for day in (24, 25, 26))
"""Around the day on which clocks change in Europe."""

SCOPES = ("history/read", "history/write", "history/delete")


@pytest.fixture(scope="module")
def store(s3_endpoint: str) -> Iterator[Store]:
    with new_store(s3_endpoint) as store:
        yield store


@pytest.fixture(scope="module")
def leap(event_loop: None, store: Store) -> Leap:
    return Leap(store)


@pytest.fixture(scope="module")
def guarded(event_loop: None, store: Store) -> Leap:
    return Leap(store, public_access=False)


@pytest.fixture
def city(leap: Leap) -> Tenant:
    """A tenant without history, open to everybody."""
    return Tenant(leap)


def caller(store: Store, guarded: Leap, city: Tenant, *grants: Grant) -> Tenant:
    """The same tenant, for somebody with these grants."""
    key = put_key(store.dynamodb, store.security_table, *grants, scopes=SCOPES)
    somebody = Tenant(guarded, x_api_key=key)
    somebody.headers |= city.headers
    return somebody


def series(city: Tenant, path: str, **query: Any) -> list[Any] | None:
    """The values of an attribute; None when there are none."""
    answer = city.get(f"/v2/entities/{path}/value", **query)
    values: list[Any] | None = answer.json["values"] if answer.status == 200 else None
    return values


def metadata(value: str) -> dict[str, Any]:
    return {"type": "DateTime", "value": value}


@pytest.mark.parametrize(
    ("attributes", "header", "expected"),
    [
        ({"t": {"value": 1}, "seen": metadata(DAY1), "TimeInstant": metadata(DAY2)}, "seen", DAY1),
        ({"t": {"value": 1, "metadata": {"seen": metadata(DAY1)}}}, "seen", DAY1),
        ({"t": {"value": 1}, "TimeInstant": metadata(DAY1), "timestamp": metadata(DAY2)}, "", DAY1),
        ({"t": {"value": 1, "metadata": {"TimeInstant": metadata(DAY1)}}}, "", DAY1),
        (
            {"t": {"value": 1}, "timestamp": metadata(DAY1), "dateModified": metadata(DAY2)},
            "",
            DAY1,
        ),
        ({"t": {"type": "Property", "value": 1, "observedAt": DAY1}}, "", DAY1),
        ({"t": {"value": 1, "metadata": {"dateModified": metadata(DAY1)}}}, "", DAY1),
    ],
)
def test_the_time_of_a_notification(
    city: Tenant, attributes: dict[str, Any], header: str, expected: str
) -> None:
    headers = {"fiware_timeindex_attribute": header} if header else {}
    answer = city.notify({"id": "Room1", "type": "Room", **attributes}, **headers)
    assert (answer.status, answer.text) == (200, "Notification successfully processed")
    found = city.get("/v2/entities/Room1/attrs/t/value").json
    assert found == {"index": [expected], "values": [1]}


def test_an_ngsi_ld_notification(city: Tenant) -> None:
    room = {
        "id": "urn:ngsi-ld:Room:1",
        "type": "Room",
        "t": {"type": "Property", "value": 21.0, "observedAt": "2026-10-25T12:00:00Z"},
        "in": {"type": "Relationship", "object": "urn:ngsi-ld:Hall:1"},
    }
    notification = {"id": "urn:ngsi-ld:Notification:1", "type": "Notification", "data": [room]}
    answer = city.send("POST", "/v2/notify", notification, content_type="application/ld+json")
    assert answer.status == 200
    assert series(city, "urn:ngsi-ld:Room:1/attrs/t") == [21.0]
    assert series(city, "urn:ngsi-ld:Room:1/attrs/in") == ["urn:ngsi-ld:Hall:1"]


def test_the_same_observation_twice_is_one(city: Tenant) -> None:
    for _ in range(2):
        city.record(entity("Room1", DAY1, t=0.0))
    assert series(city, "Room1/attrs/t") == [0.0]


def test_a_path_for_each_entity(city: Tenant) -> None:
    rooms = entity("Room1", DAY1, t=1), entity("Room2", DAY1, t=2)
    city.record(*rooms, fiware_servicepath="/a, /b")
    below = city.get("/v2/entities", {"fiware-servicepath": "/b"}).json
    assert [one["entityId"] for one in below] == ["Room2"]
    answer = city.notify(*rooms, fiware_servicepath="/a,/b,/c")
    assert (answer.status, answer.json["status"]) == (400, 400)
    assert city.notify(*rooms, fiware_servicepath="/a/#").status == 400


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        [],
        {},
        {"data": {}},
        {"data": ["Room1"]},
        {"data": [{"type": "Room"}]},
        {"data": [{"id": "Room1"}]},
        {"data": [{"id": "Room1", "type": "Room", "t": 1}]},
        {"data": [entity("Room1", DAY1, t=1), {"id": "Room2"}]},
    ],
)
def test_a_wrong_notification_records_nothing(city: Tenant, body: Any) -> None:
    answer = city.send("POST", "/v2/notify", body)
    assert (answer.status, answer.json["title"]) == (400, "Bad Request")
    assert city.get("/v2/entities").status == 404


def test_a_notification_without_entities_is_fine(city: Tenant) -> None:
    assert city.notify().status == 200


def test_a_body_too_large_is_refused(city: Tenant) -> None:
    assert city.notify(entity("Room1", DAY1, text="x" * 4_200_000)).status == 413


def test_last_values(city: Tenant) -> None:
    city.record(entity("Room1", DAY1, t=1, p=2), entity("Room2", DAY1, t=5))
    city.record(entity("Room1", DAY2, t=0))
    wanted = [{"type": "Room", "id": "Room2"}, {"type": "room", "id": "Room1"}]
    answer = city.send("POST", "/v2/op/query", {"entities": wanted, "attrs": ["t", "p"]})
    assert answer.json == [
        {
            "type": "Room",
            "id": "Room2",
            "dateModified": {"value": DAY1, "type": "DateTime"},
            "t": {"value": 5, "type": "Number"},
        },
        {
            "type": "Room",
            "id": "Room1",
            "dateModified": {"value": DAY2, "type": "DateTime"},
            "p": {"value": 2, "type": "Number"},
            "t": {"value": 0, "type": "Number"},
        },
    ]
    wanted.append({"type": "Room", "id": "Room9"})
    answer = city.send("POST", "/v2/op/query", {"entities": wanted, "attrs": []})
    assert (answer.status, answer.json["error"]) == (404, "Not Found")


@pytest.mark.parametrize(
    "body",
    [
        {"attrs": []},
        {"entities": []},
        {"entities": [{"type": "Room"}], "attrs": []},
        {"entities": [{"id": "Room1"}], "attrs": []},
        {"entities": [{"type": "Room", "id": "x", "idPattern": ".*"}], "attrs": []},
        {"entities": [{"type": "Room", "id": 1}], "attrs": []},
        {"entities": ["Room1"], "attrs": []},
        {"entities": [{"type": "Room", "id": "x"}], "attrs": [1]},
        {"entities": [], "attrs": [], "expression": {}},
        {"entities": [], "attrs": [], "metadata": []},
    ],
)
def test_questions_that_are_refused(city: Tenant, body: Any) -> None:
    assert city.send("POST", "/v2/op/query", body).status == 400


def test_an_entity_is_deleted_at_once(city: Tenant) -> None:
    city.record(entity("Room1", DAY1, t=1), entity("Room2", DAY1, t=2))
    assert city.delete("/v2/entities/Room1").status == 204
    assert series(city, "Room1/attrs/t") is None
    assert series(city, "Room2/attrs/t") == [2]
    assert city.delete("/v2/entities/Room1").status == 404
    city.record(entity("Room1", DAY1, t=9))
    assert series(city, "Room1/attrs/t") == [9]


def test_a_window_is_deleted_inclusively(city: Tenant) -> None:
    for number, day in enumerate((DAY1, DAY2, DAY3)):
        city.record(entity("Room1", day, t=number))
    assert city.delete("/v2/entities/Room1", fromDate=DAY2, toDate=DAY2).status == 204
    assert series(city, "Room1/attrs/t") == [0, 2]
    mean = series(city, "Room1/attrs/t", aggrMethod="avg")
    assert mean == [1]
    assert city.delete("/v2/types/room", toDate=DAY1).status == 204
    assert series(city, "Room1/attrs/t") == [2]
    assert city.delete("/v2/types/Room", toDate=DAY1).status == 404
    assert city.delete("/v2/types/Room", fromDate="soon").status == 422


def test_an_id_of_two_types_is_not_deleted(city: Tenant) -> None:
    city.record(entity("x", DAY1, "A", n=1), entity("x", DAY1, "B", n=2))
    answer = city.delete("/v2/entities/x")
    assert (answer.status, answer.json["error"]) == (409, "AmbiguousNGSIIdError")
    assert city.delete("/v2/entities/x", type="A").status == 204
    assert series(city, "x/attrs/n") == [2]


def test_a_type_is_deleted_in_a_service_path_or_dropped(city: Tenant) -> None:
    city.record(entity("Room1", DAY1, t=1), fiware_servicepath="/a")
    city.record(entity("Room2", DAY1, t=2), fiware_servicepath="/b")
    below = {"fiware-servicepath": "/a"}
    answer = city.delete("/v2/types/Room", below, dropTable="true")
    assert answer.status == 422
    assert city.delete("/v2/types/Room", below).status == 204
    assert [one["entityId"] for one in city.get("/v2/entities").json] == ["Room2"]
    assert city.delete("/v2/types/Room", dropTable="true", fromDate="2027-01-01").status == 204
    assert city.get("/v2/entities").status == 404
    assert city.delete("/v2/types/Room", dropTable="true").status == 204


def test_nothing_deleted_in_the_newer_dialect(store: Store) -> None:
    newer = Tenant(Leap(store, quantum_leap_dialect="1.0.1"))
    answer = newer.delete("/v2/entities/Room1")
    assert (answer.status, answer.json) == (200, [])


def test_a_caller_reads_what_its_grants_show(store: Store, guarded: Leap, city: Tenant) -> None:
    city.record(entity("Room1", DAY1, t=1, secret=2), fiware_servicepath="/a")
    city.record(entity("Room2", DAY1, t=3), entity("Car1", DAY1, "Car", t=4))
    reader = caller(
        store,
        guarded,
        city,
        grant("read", servicePath="/a/#", types=["Room"], attributes=["t"]),
    )
    assert [one["entityId"] for one in reader.get("/v2/entities").json] == ["Room1"]
    [shown] = reader.get("/v2/types/Room").json["entities"]
    assert [one["attrName"] for one in shown["attributes"]] == ["t"]
    for path in ("entities/Room1/attrs/secret", "entities/Room2", "types/Car", "attrs/secret"):
        assert reader.get(f"/v2/{path}").status == 404
    answer = reader.get("/v2/attrs/t", aggrMethod="sum").json
    assert [one["entityType"] for one in answer["types"]] == ["Room"]
    question = {"entities": [{"type": "Room", "id": "Room1"}], "attrs": ["secret"]}
    assert reader.send("POST", "/v2/op/query", question).status == 404


def test_a_caller_records_what_it_may_create(store: Store, guarded: Leap, city: Tenant) -> None:
    writer = caller(store, guarded, city, grant("create", types=["Room"], attributes=["t"]))
    at = {"fiware_timeindex_attribute": "t"}
    allowed = {"id": "Room1", "type": "Room", "t": {"value": 1}}
    assert writer.notify(allowed).status == 200
    for refused in (allowed | {"type": "Car"}, allowed | {"p": {"value": 1}}):
        answer = writer.notify({**allowed, "t": {"value": 2}}, refused, **at)
        assert (answer.status, answer.json["title"]) == (403, "Forbidden")
    assert series(city, "Room1/attrs/t") == [1]
    assert writer.get("/v2/entities").status == 403


def test_a_caller_deletes_what_it_may_delete(store: Store, guarded: Leap, city: Tenant) -> None:
    for path in ("/a", "/b"):
        city.record(entity("Room1", DAY1, t=1), fiware_servicepath=path)
    city.record(entity("Room2", DAY1, t=2), fiware_servicepath="/b")
    in_a = grant("read", "delete", id="g-a", servicePath="/a")
    careless = caller(store, guarded, city, in_a, grant("read", id="g-b", servicePath="/b"))
    assert careless.delete("/v2/entities/Room1").status == 403
    assert careless.delete("/v2/types/Room").status == 403
    assert len(series(city, "Room1/attrs/t") or ()) == 2
    owner = caller(store, guarded, city, in_a)
    assert owner.delete("/v2/types/Room").status == 204
    assert [one["entityId"] for one in city.get("/v2/entities").json] == ["Room1", "Room2"]
    assert city.get("/v2/entities", {"fiware-servicepath": "/a"}).status == 404
    assert owner.delete("/v2/entities/Room2").status == 404
    assert owner.delete("/v2/types/Room").status == 404


def test_without_a_credential_only_what_the_public_may_read(
    store: Store, guarded: Leap, city: Tenant
) -> None:
    city.record(entity("Room1", DAY1, t=1))
    stranger = Tenant(guarded)
    stranger.headers |= city.headers
    assert stranger.get("/v2/entities").status == 401
    assert stranger.notify(entity("Room1", DAY2, t=2)).status == 401
    assert stranger.delete("/v2/entities/Room1").status == 401
    assert stranger.get("/version").status == 200
    name = city.headers["fiware-service"]
    put_account(
        store.dynamodb, store.security_table, "public", grant("read", tenant=name), kind="public"
    )
    assert series(stranger, "Room1/attrs/t") == [1]
    assert stranger.delete("/v2/entities/Room1").status == 401


def test_two_tenants_in_one_request_are_refused(city: Tenant) -> None:
    answer = city.get("/v2/entities", {"ngsild-tenant": "other"})
    assert (answer.status, answer.json["title"]) == (400, "Bad Request")


def test_the_description(leap: Leap) -> None:
    document = Tenant(leap).get("/history/openapi.json").json
    operation = document["paths"]["/history/v2/types/{entity_type}"]["get"]
    names = {one["name"] for one in operation["parameters"]}
    assert {"entity_type", "aggrMethod", "lastN", "Fiware-Service"} <= names
    assert operation["security"] == [{"token": ["history/read"]}]
    assert document["paths"]["/v2/notify"]["post"]["requestBody"]["required"]
    assert "openapi.json" in Tenant(leap).get("/history/docs").text
