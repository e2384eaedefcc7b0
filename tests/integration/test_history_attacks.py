"""What an attacker would try at the history: what is hidden, what is dear, and what breaks readers."""

from collections.abc import Iterator
from dataclasses import replace
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
from history.large_queries import LargeQueries
from history.planner import Limits, Planner
from history.store.athena import Athena, Execution
from tests.accounts import grant
from tests.integration.recorded import CITY, HistoryApi, observed

NOTIFY = "/v2/notify"
NEAR = "georel=near;maxDistance:1000&geometry=point&coords=48.2,16.4"
WHERE = {"position": (16.4, 48.2)}


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


# Files of what is gone


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
