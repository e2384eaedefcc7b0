"""What an attacker would try at the history: what is hidden, what is dear, and what breaks readers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, cast

import httpx
import pytest

from city.aws import client
from city.dynamodb import to_item
from city.json import Json
from city.policy.accounts import Account, Accounts, account_row
from city.policy.credentials import key_subject, parse_key
from city.policy.grants import Access, Action, Grant
from city.tenancy import EVERYWHERE
from history.exports.bodies import parse_order
from history.reading.attempts import Limits
from history.reading.large_queries import LargeQueries
from history.reading.planner import Planner
from history.store.athena import Athena, Execution
from tests.accounts import FULL_GRANTS, grant
from tests.integration.recorded import CITY, HEADERS, HistoryApi, observed, path

NOTIFY = "/v2/notify"
NEAR = "georel=near;maxDistance:1000&geometry=point&coords=48.2,16.4"
WHERE: dict[str, Any] = {"position": (16.4, 48.2)}


@pytest.fixture
def api(
    event_loop: None, history_table: str, history_bucket: str, s3_endpoint: str
) -> Iterator[HistoryApi]:
    """Where everybody may do everything."""
    api = HistoryApi(history_table, history_bucket, s3_endpoint)
    yield api
    api.close()


@pytest.fixture
def guarded(
    event_loop: None, history_table: str, history_bucket: str, s3_endpoint: str, security_table: str
) -> Iterator[HistoryApi]:
    """Where grants count: Room1 has been at one place."""
    api = HistoryApi(history_table, history_bucket, s3_endpoint, security_table=security_table)
    api.record(
        observed("2026-10-01T12:00:00Z", 20, **WHERE),
        observed("2026-10-01T12:00:00Z", "16.4,48.2", "location", index=1, **WHERE),
    )
    yield api
    api.close()


def notified(api: HistoryApi, *entities: Json, headers: Any = None) -> httpx.Response:
    return api("POST", NOTIFY, {"subscriptionId": "s", "data": list(entities)}, headers)


def room(id: str = "Room1", at: str | None = None, **attributes: Json) -> dict[str, Json]:
    if at is not None:
        attributes["TimeInstant"] = {"type": "DateTime", "value": at}
    return {"id": id, "type": "Room", "temperature": {"type": "Number", "value": 1}, **attributes}


# Where an entity was


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({}, 200),
        ({"attributes": ["temperature", "location"]}, 200),
        ({"attributes": ["temperature"]}, 404),
    ],
)
def test_places_are_asked_for_by_who_may_read_the_location(
    guarded: HistoryApi, limits: Any, status: int
) -> None:
    caller = guarded.key(grant("read", **limits))
    for asked in (
        f"/v2/entities/Room1/attrs/temperature?{NEAR}",
        f"/v2/types/Room?{NEAR}",
        f"/v2/attrs?{NEAR}",
        f"/v2/types/Room/attrs/temperature?aggrMethod=avg&aggrPeriod=day&{NEAR}",
    ):
        assert guarded.get(asked, headers=caller).status_code == status


def test_a_denied_location_is_not_found_by_place(guarded: HistoryApi) -> None:
    deny = grant("read", id="no", effect="deny", attributes=["location"])
    caller = guarded.key(grant("read"), deny)
    assert guarded.get(f"/v2/entities/Room1?{NEAR}", headers=caller).status_code == 404
    assert guarded.get("/v2/entities/Room1", headers=caller).status_code == 200


@pytest.mark.parametrize(("limits", "told"), [({}, True), ({"attributes": ["temperature"]}, False)])
def test_exports_tell_a_hidden_location_to_nobody(
    guarded: HistoryApi, limits: Any, told: bool
) -> None:
    caller = guarded.key(grant("read", **limits))
    order = {"type": "Room", "month": "2026-10", "format": "csv", "layout": "long"}
    id = guarded("POST", "/history/v1/exports", order, caller).json()["id"]
    guarded.work()
    assert guarded.get(f"/history/v1/exports/{id}", headers=caller).json()["state"] == "done"
    (file,) = [key for key in guarded.services.objects.keys("exports/") if key.endswith(".csv")]
    text = guarded.services.objects.get(file).decode()
    assert "temperature" in text
    assert ("48.2" in text) is told


# What answers tell beside their rows


@pytest.mark.parametrize("limits", [{"ids": ["Room1"]}, {"attributes": ["temperature"]}])
def test_what_reading_cost_tells_nothing_of_what_is_hidden(
    guarded: HistoryApi, limits: Any
) -> None:
    caller = guarded.key(grant("read", **limits))
    asked = [
        *("/v2/entities", "/v2/entities/Room1/attrs/temperature", "/v2/types/Room", "/v2/attrs"),
        "/v2/types/Room?fromDate=2026-10-02T00:00:00",
        "/v2/types/Room/attrs/temperature?aggrMethod=count&fromDate=2026-10-02T00:00:00",
        "/STH/v1/contextEntities/type/Room/id/Room1/attributes/temperature?lastN=3",
    ]

    def answers() -> list[Any]:
        found = [guarded.get(url, headers=caller) for url in asked]
        return [(one.status_code, one.headers.get("city-read"), one.text) for one in found]

    before = answers()
    guarded.record(
        *(observed(f"2026-10-0{day}T12:00:00Z", 1, "secret", id="Room2") for day in (1, 2, 3)),
        source="hidden",
    )
    assert answers() == before
    assert before[0][1] == "rows=1"
    assert "files=" in guarded.get("/v2/entities", headers=guarded.key()).headers["city-read"]


class BusyAthena:
    """Never has an answer."""

    def start(self, _statement: object) -> str:
        return "execution"

    def execution(self, _id: str) -> Execution:
        return Execution("running")


def test_a_large_answer_is_only_for_who_still_has_the_rights(guarded: HistoryApi) -> None:
    services, athena = guarded.services, cast("Athena", BusyAthena())
    large = LargeQueries(athena, services.table, wait=0, clock=guarded.clock)
    services.__dict__["large_queries"] = large
    services.__dict__["planner"] = Planner(
        services.ledger,
        services.directory,
        services.objects,
        services.planner._engine,
        large,
        limits=Limits(days=0),
        clock=guarded.clock,
    )
    caller = guarded.key(grant("read"))
    url = "/v2/types/Room/attrs/temperature?aggrMethod=avg&aggrPeriod=minute"
    answer = guarded.get(url, headers=caller)
    assert answer.status_code == 202

    def asked(headers: Any) -> int:
        return guarded.get(answer.headers["location"], headers=headers).status_code

    assert asked(caller) == 202
    assert asked(guarded.key(grant("read"))) == 404
    key_id, _ = parse_key(caller["X-API-Key"])
    account = account_of(guarded, key_subject(key_id))
    change(guarded, replace(account, grants=(grant("read", id="other"),)))
    assert asked(caller) == 202
    change(guarded, replace(account, grants=(grant("read", ids=["Room1"]),)))
    assert asked(caller) == 404


def account_of(api: HistoryApi, subject: str) -> Account:
    accounts = Accounts(client("dynamodb"), api.settings.security_table, 0)
    return accounts.find((subject,))[subject]


def change(api: HistoryApi, account: Account) -> None:
    item = to_item(account_row(account))
    client("dynamodb").put_item(TableName=api.settings.security_table, Item=item)


# What is sent in


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b'[{"deep": 1e400}]'])
def test_a_number_that_nobody_could_be_told_is_refused(api: HistoryApi, number: bytes) -> None:
    headers = HEADERS | {"Content-Type": "application/json"}
    body = b'{"data": [{"id": "a", "type": "Room", "x": {"type": "Number", "value": %s}}]}' % number
    assert api("POST", NOTIFY, headers=headers, content=body).status_code == 400
    body = b'{"data": [{"id": "a", "type": "Room", "x": {"value": 1, "metadata": {"m": {"value": %s}}}}]}' % number  # fmt: skip
    assert api("POST", NOTIFY, headers=headers, content=body).status_code == 400
    assert api.get("/v2/types/Room").status_code == 404


@pytest.mark.parametrize("character", ["\x00", "\n", "\x1f", "\x7f"])
def test_names_have_no_control_characters(api: HistoryApi, character: str) -> None:
    name = f"a{character}b"
    for entity in (room(name), room() | {"type": name}, room() | {name: {"value": 1}}):
        assert notified(api, entity).status_code == 400


def test_one_notification_is_not_thousands_of_files(api: HistoryApi) -> None:
    days = [date(2025, 1, 1) + timedelta(days=day) for day in range(401)]
    entities = [room(at=day.isoformat()) for day in days]
    refused = notified(api, *entities)
    assert (refused.status_code, api.get("/v2/types/Room").status_code) == (413, 404)
    types = [room() | {"type": f"T{number}"} for number in range(401)]
    assert notified(api, *types).status_code == 413
    assert notified(api, *entities[:3]).status_code == 200
    elements = [
        {"contextElement": {"id": "a", "type": f"T{n}", "attributes": [{"name": "x", "value": 1}]}}
        for n in range(401)
    ]
    for url in ("/STH/notify", "/notify"):
        assert api("POST", url, {"contextResponses": elements}).status_code == 413


def test_values_from_the_end_of_time_break_no_reader(api: HistoryApi) -> None:
    for at in ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59-14:00", "1900-01-01"):
        assert notified(api, room(at=at)).status_code == 200
    for unit in ("year", "month", "day", "hour", "minute", "second"):
        url = f"/v2/types/Room/attrs/temperature?aggrMethod=avg&aggrPeriod={unit}"
        assert api.get(url).status_code == 200, unit
    comet = "/STH/v1/contextEntities/type/Room/id/Room1/attributes/temperature"
    for unit in ("month", "day", "hour", "minute", "second"):
        for window in ("", "&dateFrom=9999-12-31T00:00:00Z&dateTo=9999-12-31T23:59:59.999Z"):
            answer = api.get(f"{comet}?aggrMethod=sum&aggrPeriod={unit}{window}")
            assert answer.status_code == 200, (unit, window)


@pytest.mark.parametrize(
    "query",
    [
        {"entities": [{"type": "Room", "id": f"r{n}"} for n in range(1001)], "attrs": []},
        {"entities": [{"type": f"T{n}", "id": "r"} for n in range(51)], "attrs": []},
        {"entities": [{"type": "Room", "id": "r"}], "attrs": [f"a{n}" for n in range(1001)]},
    ],
)
def test_one_query_is_not_thousands(api: HistoryApi, query: Json) -> None:
    assert api("POST", "/v2/op/query", query).status_code == 413


# What is deleted


def test_a_loop_of_deletions_ends(api: HistoryApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in force is a condition of every query."""
    monkeypatch.setattr("history.keeping.deletions.MAX_IN_FORCE", 3)
    api.record(observed("2026-10-01T12:00:00Z", 1))
    url = "/STH/v1/contextEntities/type/Room/id/Room1"
    assert [api("DELETE", url).status_code for _ in range(4)] == [204, 204, 204, 503]
    api.work()
    api.record(observed("2026-10-01T12:00:00Z", 1), source="again")
    assert api("DELETE", url).status_code == 204


@pytest.mark.parametrize("url", ["/v2/types/Room", "/v2/entities/Room1", "/STH/v1/contextEntities"])
@pytest.mark.parametrize(
    "limits", [{"ids": ["Room1"]}, {"idPattern": "Room1"}, {"servicePath": "/"}]
)
def test_what_is_just_being_recorded_is_not_deleted_by_who_may_not(
    guarded: HistoryApi, url: str, limits: Any
) -> None:
    """Its records count already, but the directory does not know them yet."""
    caller = guarded.key(grant("read", "delete", **limits))
    below = observed("2026-10-01T12:00:00Z", 1, id="Room3", path=path("/below"))
    others = [observed("2026-10-01T12:00:00Z", 1, id="Room2"), below]
    guarded.record(*others, source="others")
    guarded.services.directory.forget(CITY, [one.series for one in others])
    assert guarded("DELETE", url, headers=caller).status_code == 204
    guarded.services.directory.know(CITY, [one.series for one in others])
    answer = guarded.get("/v2/entities?type=Room", headers=guarded.key())
    left = {one["entityId"] for one in answer.json()}
    assert "Room1" not in left
    assert left >= ({"Room3"} if "servicePath" in limits else {"Room2", "Room3"})


def test_deletions_and_what_administrators_change_are_in_the_audit_trail(
    guarded: HistoryApi,
) -> None:
    scopes = ("history/admin", "history/delete", "history/write", "history/read")
    caller = guarded.key(*FULL_GRANTS, scopes=scopes)
    key_id, _ = parse_key(caller["X-API-Key"])
    for method, url, body in (
        ("PUT", "/history/v1/retention/Room", {"days": 30}),
        ("PUT", "/history/v1/datasets/Room", {}),
        ("DELETE", "/STH/v1/contextEntities/type/Room/id/Room1", None),
        ("DELETE", "/v2/types/Room", None),
        ("GET", "/v2/types/Room", None),
        ("GET", "/history/v1/retention", None),
    ):
        assert guarded(method, url, body, caller).status_code in (200, 201, 204, 404), url
    rows = client("dynamodb").scan(TableName=guarded.settings.security_table)["Items"]
    kept = [row for row in rows if row["pk"]["S"].startswith("audit")]
    assert {row["actor"]["S"] for row in kept} == {key_subject(key_id)}
    assert {row["action"]["S"] for row in kept} == {
        "PUT /history/v1/retention/{type:path}",
        "PUT /history/v1/datasets/{type:path}",
        "DELETE /STH/v1/contextEntities/type/{type}/id/{id}",
    }
    assert "Room" not in str(kept)


def test_retention_is_of_the_tenant_that_all_headers_name(api: HistoryApi) -> None:
    url = "/history/v1/retention"
    assert api("PUT", url, {"days": 1}, HEADERS | {"NGSILD-Tenant": "other"}).status_code == 400
    assert api("PUT", url, {"days": 1}, {"NGSILD-Tenant": "b"}).status_code == 201
    assert api.get(url, headers={}).json() == {"rules": []}
    assert api("PUT", f"{url}/{'x' * 3000}", {"days": 1}).status_code == 400


# Files of what is gone


def test_what_is_deleted_is_in_no_export_either(api: HistoryApi) -> None:
    api.record(observed("2026-10-01T12:00:00Z", 1), observed("2026-10-01T12:00:00Z", 2, id="Room2"))
    exports = "/history/v1/exports"
    id = api("POST", exports, {"type": "Room"}).json()["id"]
    api.work()
    assert api.get(f"{exports}/{id}").json()["rows"] == 2
    assert api("DELETE", "/v2/entities/Room1").status_code == 204
    api.work()
    job = api.get(f"{exports}/{id}").json()
    assert (job["state"], "link" in job) == ("failed", False)
    assert [key for key in api.services.objects.keys("exports/") if ".json" not in key] == []
    assert api("POST", exports, {"type": "Room"}).status_code == 202
    api.work()
    assert api.get(f"{exports}/{id}").json()["rows"] == 1


def test_a_file_with_what_was_deleted_is_for_nobody_without_the_right(guarded: HistoryApi) -> None:
    """Also when the directory has forgotten what is in it."""
    exports = guarded.services.exports

    def access(*ids: str) -> Access:
        reading = Grant("r", frozenset({Action.READ}), CITY, ids=frozenset(ids))
        return Access("ann", (reading,), guarded.clock())

    guarded.record(observed("2026-10-01T12:00:00Z", 1, id="Room2"), source="more")
    job = exports.order(access("Room1"), parse_order({"type": "Room"}, CITY, EVERYWHERE))
    guarded.work()
    job = exports.get(access("Room1"), CITY, job.address.id)
    guarded.services.directory.forget(CITY, guarded.services.directory.of_id(CITY, "Room1"))
    assert exports.link(access("Room1"), job)
    with pytest.raises(Exception, match="may not see any more"):
        exports.link(access("Room2"), job)
