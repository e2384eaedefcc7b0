"""What STH-Comet takes in and removes: notifications of NGSI v1, removals; to whom it is allowed."""

from collections.abc import Iterator
from typing import Any

import pytest

from city.clock import iso
from city.policy.grants import Action, Grant
from tests.integration.recorded import CITY, HEADERS, HistoryApi, observed, path

V1 = "/STH/v1/contextEntities"
V2 = "/STH/v2/entities"
NOTIFY = "/STH/notify"


@pytest.fixture
def api(
    event_loop: None, history_table: str, history_bucket: str, s3_endpoint: str
) -> Iterator[HistoryApi]:
    api = HistoryApi(history_table, history_bucket, s3_endpoint)
    yield api
    api.close()


@pytest.fixture
def guarded(
    event_loop: None, history_table: str, history_bucket: str, s3_endpoint: str, security_table: str
) -> Iterator[HistoryApi]:
    """Where grants count."""
    api = HistoryApi(history_table, history_bucket, s3_endpoint, security_table=security_table)
    yield api
    api.close()


def legacy(*attributes: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A notification about Room1, as a broker writes it with attrsFormat legacy."""
    element = {"id": "Room1", "type": "Room", "isPattern": "false", "attributes": [*attributes]}
    status = {"code": "200", "reasonPhrase": "OK"}
    response = {"contextElement": element | members, "statusCode": status}
    return {"subscriptionId": "1", "originator": "localhost", "contextResponses": [response]}


def attribute(value: Any, name: str = "temperature", at: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "type": "Number", "value": value}
    if at is not None:
        made["metadatas"] = [{"name": "TimeInstant", "type": "DateTime", "value": at}]
    return made


def points(api: HistoryApi, name: str = "temperature", **request: Any) -> Any:
    answer = api.get(f"{V2}/Room1/attrs/{name}?type=Room&lastN=100", **request)
    assert answer.status_code == 200, answer.text
    return answer.json()["value"]


def shown(api: HistoryApi, name: str = "temperature", **request: Any) -> list[Any]:
    return [point["attrValue"] for point in points(api, name, **request)]


@pytest.mark.parametrize("url", [NOTIFY, "/notify"])
def test_a_notification_counts_when_it_is_answered(api: HistoryApi, url: str) -> None:
    answer = api("POST", url, legacy(attribute("21.28"), attribute("dry", "humidity")))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["fiware-correlator"]
    assert points(api) == [
        {"recvTime": iso(api.clock()), "attrType": "Number", "attrValue": "21.28"}
    ]
    assert shown(api, "humidity") == ["dry"]


def test_each_attribute_has_its_own_time(api: HistoryApi) -> None:
    body = legacy(
        attribute(1, at="2026-10-01T10:00:00.123Z"),
        attribute(2, "humidity", at="2026-10-01T12:00:00+02:00"),
        attribute(3, "pressure", at="not a date"),
    )
    assert api("POST", NOTIFY, body).status_code == 200
    assert [point["recvTime"] for point in points(api)] == ["2026-10-01T10:00:00.123Z"]
    assert [point["recvTime"] for point in points(api, "humidity")] == ["2026-10-01T10:00:00.000Z"]
    assert [point["recvTime"] for point in points(api, "pressure")] == [iso(api.clock())]


def test_the_same_time_has_one_value(api: HistoryApi) -> None:
    at = "2026-10-01T10:00:00Z"
    for value in ("1", "1", "2"):
        assert api("POST", NOTIFY, legacy(attribute(value, at=at))).status_code == 200
        api.clock.advance(1)
    assert shown(api) == ["2"]
    answer = api.get(f"{V2}/Room1/attrs/temperature?type=Room&aggrMethod=sum&aggrPeriod=day")
    assert answer.json()["value"][0]["points"] == [{"offset": 1, "samples": 1, "sum": 2}]


@pytest.mark.parametrize("value", [0, 0.0, False, "", None, "0", [], {"a": None}])
def test_values_that_count_for_nothing_elsewhere_are_kept(api: HistoryApi, value: Any) -> None:
    assert api("POST", NOTIFY, legacy(attribute(value))).status_code == 200
    (found,) = shown(api)
    assert (found, type(found)) == (value, type(value))


def test_several_entities_come_at_once(api: HistoryApi) -> None:
    body = legacy(attribute(1))
    body["contextResponses"] += legacy(attribute(2), id="Room2")["contextResponses"]
    body["contextResponses"] += legacy(attribute(3), id="Thing1", type="")["contextResponses"]
    assert api("POST", NOTIFY, body).status_code == 200
    assert shown(api) == [1]
    for id, type, value in (("Room2", "Room", 2), ("Thing1", "Thing", 3)):
        answer = api.get(f"{V2}/{id}/attrs/temperature?type={type}&lastN=1")
        assert [point["attrValue"] for point in answer.json()["value"]] == [value]


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        ({}, ["contextResponses"]),
        ({"contextResponses": {}}, ["contextResponses"]),
        ({"contextResponses": []}, ["attributes"]),
        ({"contextResponses": [{}]}, ["contextElement"]),
        (legacy(), ["attributes"]),
        (legacy(attributes={}), ["attributes"]),
        (legacy({"type": "Number", "value": 1}), ["attributes"]),
        (legacy(attribute(1), attribute(2)), ["attributes"]),
        (legacy(attribute(1) | {"metadatas": {}}), ["metadatas"]),
        (legacy(attribute(1) | {"metadatas": [{"value": 1}]}), ["metadatas"]),
    ],
)
def test_what_is_no_notification_is_refused(
    api: HistoryApi, body: dict[str, Any], keys: list[str]
) -> None:
    answer = api("POST", NOTIFY, body)
    assert answer.status_code == 400
    assert answer.json()["statusCode"] == 400
    assert answer.json()["validation"] == {"source": "payload", "keys": keys}
    assert shown(api) == []


def test_entities_need_an_id_and_the_body_json(api: HistoryApi) -> None:
    for request in (
        {"json": legacy(attribute(1), id="")},
        {"content": b"{", "headers": HEADERS | {"Content-Type": "application/json"}},
        {"content": b"{}", "headers": HEADERS | {"Content-Type": "text/plain"}},
        {"json": legacy(attribute(1)), "headers": {"Fiware-Service": CITY}},
    ):
        answer = api("POST", NOTIFY, **request)
        assert (answer.status_code, answer.json()["error"]) == (400, "Bad Request")


def test_notifications_of_another_form_are_quantum_leaps(api: HistoryApi) -> None:
    entity = {"id": "Room1", "type": "Room", "temperature": {"type": "Number", "value": 7}}
    answer = api("POST", "/notify", {"subscriptionId": "1", "data": [entity]})
    assert answer.status_code == 200
    assert shown(api) == [7]


@pytest.fixture
def two_rooms(api: HistoryApi) -> HistoryApi:
    at = "2026-10-01T10:00:00Z"
    for id in ("Room1", "Room2"):
        for name in ("temperature", "humidity"):
            api.record(observed(at, 1, name, id), source=f"{id} {name}")
    api.record(observed(at, 2, path=path("/parks")), source="parks")
    api.record(observed(at, 3, type="Hall"), source="hall")
    return api


def left(api: HistoryApi) -> set[str]:
    """What there still is: the type's first letter, the room's number, the attribute's letter."""
    found = set()
    for type, id, name in (
        ("Room", "Room1", "temperature"),
        ("Room", "Room1", "humidity"),
        ("Room", "Room2", "temperature"),
        ("Hall", "Room1", "temperature"),
    ):
        answer = api.get(f"{V2}/{id}/attrs/{name}?type={type}&lastN=1")
        if answer.json()["value"]:
            found.add(f"{type[0]}{id[-1]}{name[0]}")
    answer = api.get(
        f"{V2}/Room1/attrs/temperature?type=Room&lastN=1",
        headers=HEADERS | {"Fiware-ServicePath": "/parks"},
    )
    return found | ({"parks"} if answer.json()["value"] else set())


@pytest.mark.parametrize(
    ("url", "remaining"),
    [
        (f"{V1}/type/Room/id/Room1/attributes/temperature", {"R1h", "R2t", "H1t", "parks"}),
        (f"{V1}/type/Room/id/Room1", {"R2t", "H1t", "parks"}),
        (V1, {"parks"}),
        (f"{V1}/type/Room/id/Room9", {"R1t", "R1h", "R2t", "H1t", "parks"}),
        (f"{V1}/type/Room/id/Room1/attributes/x", {"R1t", "R1h", "R2t", "H1t", "parks"}),
    ],
)
def test_what_is_removed_is_gone_at_once_and_for_good(
    two_rooms: HistoryApi, url: str, remaining: set[str]
) -> None:
    answer = two_rooms("DELETE", url)
    assert (answer.status_code, answer.content) == (204, b"")
    assert left(two_rooms) == remaining
    two_rooms.clock.advance(1)
    assert two_rooms.work() == []
    assert left(two_rooms) == remaining


def test_what_comes_after_a_removal_stays(api: HistoryApi) -> None:
    api("POST", NOTIFY, legacy(attribute(1)))
    api.clock.advance(1)
    assert api("DELETE", V1).status_code == 204
    api.clock.advance(1)
    api("POST", NOTIFY, legacy(attribute(2)))
    assert shown(api) == [2]


def may(*actions: Action, **conditions: Any) -> Grant:
    return Grant("it", frozenset(actions), CITY, **conditions)


def test_recording_needs_create_for_every_attribute(guarded: HistoryApi) -> None:
    body = legacy(attribute(1), attribute(2, "humidity"))
    limited = may(Action.CREATE, attributes=frozenset({"temperature"}))
    for headers, status in (
        (HEADERS, 401),
        (guarded.key(may(Action.READ)), 403),
        (guarded.key(limited), 403),
        (guarded.key(may(Action.CREATE), scopes=["history/read"]), 403),
        (guarded.key(may(Action.CREATE)), 200),
    ):
        answer = guarded("POST", NOTIFY, body, headers)
        assert answer.status_code == status
        if status != 200:
            assert answer.json()["statusCode"] == status
    assert shown(guarded, headers=guarded.key(may(Action.READ))) == [1]


def test_reading_shows_what_grants_show(guarded: HistoryApi) -> None:
    guarded.record(observed("2026-10-01T10:00:00Z", 1))
    url = f"{V2}/Room1/attrs/temperature?type=Room"
    for asked in ("lastN=5&count=true", "aggrMethod=sum&aggrPeriod=day", "filetype=csv"):
        answer = guarded.get(f"{url}&{asked}")
        assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized")
        stranger = guarded.key(Grant("x", frozenset({Action.READ}), "elsewhere"))
        answer = guarded.get(f"{url}&{asked}", headers=stranger)
        assert (answer.status_code, answer.json()["error"]) == (403, "Forbidden")
        for hidden in (
            may(Action.READ, ids=frozenset({"Room2"})),
            may(Action.READ, attributes=frozenset({"humidity"})),
        ):
            answer = guarded.get(f"{url}&{asked}", headers=guarded.key(hidden))
            assert answer.status_code == 200
            assert answer.headers.get("fiware-total-count", "0") == "0"
            if "csv" not in asked:
                assert answer.json()["value"] == []
            else:
                assert answer.text.count("\r\n") == 1


def test_removing_needs_delete_for_all_that_one_sees(guarded: HistoryApi) -> None:
    for id in ("Room1", "Room2"):
        guarded.record(observed("2026-10-01T10:00:00Z", 1, id=id), source=id)
    reader = guarded.key(may(Action.READ))
    everything = may(Action.READ, Action.DELETE)
    one_of_two = guarded.key(
        may(Action.READ), Grant("d", frozenset({Action.DELETE}), CITY, ids=frozenset({"Room2"}))
    )
    for headers, url, status in (
        (HEADERS, V1, 401),
        (reader, V1, 403),
        (one_of_two, V1, 403),
        (one_of_two, f"{V1}/type/Room/id/Room1", 403),
        (guarded.key(everything, scopes=["history/read"]), V1, 403),
    ):
        assert guarded("DELETE", url, headers=headers).status_code == status
    assert shown(guarded, headers=reader) == [1]
    only_two = guarded.key(may(Action.READ, Action.DELETE, ids=frozenset({"Room2"})))
    assert guarded("DELETE", V1, headers=only_two).status_code == 204
    assert shown(guarded, headers=reader) == [1]
    assert guarded("DELETE", V1, headers=guarded.key(everything)).status_code == 204
    assert shown(guarded, headers=reader) == []


@pytest.mark.parametrize("url", ["/STH/admin/log", "/admin/log"])
def test_the_level_of_the_log(api: HistoryApi, url: str) -> None:
    assert api.get(url).json() == {"level": "INFO"}
    answer = api("PUT", f"{url}?level=warning")
    assert (answer.status_code, answer.content) == (200, b"")
    assert api.get(url).json() == {"level": "WARN"}
    for level in ("FATAL", "ERROR", "DEBUG", "INFO"):
        assert api("PUT", f"{url}?level={level}").status_code == 200
        assert api.get(url).json() == {"level": level}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", 'child "level" fails because ["level" is required]'),
        ("?level=LOUD", '"level" must be one of [FATAL, ERROR, WARNING, INFO, DEBUG]'),
        ("?level=INFO&x=1", '"x" is not allowed'),
    ],
)
def test_other_levels_are_refused(api: HistoryApi, query: str, message: str) -> None:
    answer = api("PUT", f"/STH/admin/log{query}")
    assert answer.status_code == 400
    assert message in answer.json()["message"]


def test_the_log_is_the_platforms(guarded: HistoryApi) -> None:
    scopes = ["history/admin"]
    tenant = guarded.key(may(Action.ADMIN), scopes=scopes)
    platform = guarded.key(Grant("all", frozenset({Action.ADMIN}), "*"), scopes=scopes)
    for method in ("GET", "PUT"):
        assert guarded(method, "/STH/admin/log?level=INFO").status_code == 401
        assert guarded(method, "/STH/admin/log?level=INFO", headers=tenant).status_code == 403
        assert guarded(method, "/STH/admin/log?level=INFO", headers=platform).status_code == 200
