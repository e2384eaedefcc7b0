"""`/v2/subscriptions` and `/v2/registrations` over HTTP."""

import re
from typing import Any

import pytest

from tests.integration.api import Api

WANTED: dict[str, Any] = {
    "description": "warm rooms",
    "subject": {
        "entities": [{"idPattern": ".*", "type": "Room"}],
        "condition": {"attrs": ["temperature"]},
    },
    "notification": {"http": {"url": "http://receiver.example/notify"}},
}


def subscribe(api: Api, **headers: str) -> str:
    answer = api.post("/v2/subscriptions", WANTED, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.content == b""
    location = answer.headers["location"]
    assert re.fullmatch("/v2/subscriptions/[0-9a-f]{24}", location)
    return str(location)


def test_subscription_is_created_read_changed_and_deleted(api: Api) -> None:
    location = subscribe(api)
    shown = api.get(location).json()
    assert shown["id"] == location.rpartition("/")[2]
    assert shown["status"] == "active"
    assert shown["notification"]["attrsFormat"] == "normalized"
    changed = api("PATCH", location, json={"status": "inactive"})
    assert (changed.status_code, changed.content) == (204, b"")
    assert api.get(location).json()["status"] == "inactive"
    deleted = api("DELETE", location)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert api.refused("GET", location)[0] == 404


def test_subscriptions_are_listed_paged_and_counted(api: Api) -> None:
    locations = [subscribe(api) for _ in range(3)]
    answer = api.get("/v2/subscriptions?limit=2&offset=1&options=count")
    assert [one["id"] for one in answer.json()] == [
        location.rpartition("/")[2] for location in locations[1:]
    ]
    assert answer.headers["fiware-total-count"] == "3"
    assert "fiware-total-count" not in api.get("/v2/subscriptions").headers


def test_subscriptions_of_tenants_never_meet(api: Api) -> None:
    location = subscribe(api, **{"Fiware-Service": "one"})
    assert api.get("/v2/subscriptions").json() == []
    assert api.refused("GET", location)[0] == 404
    assert api.refused("DELETE", location, headers={"Fiware-Service": "two"})[0] == 404
    assert api.get(location, headers={"Fiware-Service": "one"}).status_code == 200


def test_list_with_a_path_has_those_of_this_very_path(api: Api) -> None:
    subscribe(api, **{"Fiware-ServicePath": "/parks"})
    subscribe(api)
    for path, number in (("/parks", 1), ("/", 0), ("/#", 2)):
        listed = api.get("/v2/subscriptions", headers={"Fiware-ServicePath": path}).json()
        assert len(listed) == number, path


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"subject": {}}, 400),
        ({"notification": {"http": {"url": "nowhere"}}}, 400),
        ({"notification": {"mqtt": {"url": "mqtt://m.example", "topic": "t"}}}, 501),
        ({"throttling": "often"}, 400),
        ({"status": "asleep"}, 400),
    ],
)
def test_bad_subscription_changes_nothing(api: Api, change: dict[str, Any], status: int) -> None:
    location = subscribe(api)
    assert api.refused("POST", "/v2/subscriptions", json=WANTED | change)[0] == status
    assert api.refused("PATCH", location, json=change)[0] == status


def test_subscription_to_several_paths_is_refused(api: Api) -> None:
    headers = {"Fiware-ServicePath": "/a,/b"}
    assert api.refused("POST", "/v2/subscriptions", json=WANTED, headers=headers) == (
        400,
        "BadRequest",
        "max one service-path allowed for subscriptions",
    )


def test_there_are_no_registrations(api: Api) -> None:
    answer = api.get("/v2/registrations?options=count")
    assert (answer.status_code, answer.json()) == (200, [])
    assert answer.headers["fiware-total-count"] == "0"
