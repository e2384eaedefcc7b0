"""`/access/v1/audit`: who changed what and who was refused what, for administrators."""

from collections.abc import Callable
from typing import Any

import pytest

from city.clock import SECOND
from city.policy.audit import DAY, audit_row
from security.audit import MAX_DAYS
from tests.integration.desk import Desk

AUDIT = "/access/v1/audit"
NOON = 1_800_014_400 * SECOND
Add = Callable[..., None]


@pytest.fixture
def add(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Add:
    """Adds an entry made some time before a noon, which is now."""
    monkeypatch.setattr(desk.services.audit, "_clock", lambda: NOON)
    monkeypatch.setattr(desk.services, "clock", lambda: NOON)

    def add(ago: int = 0, **values: str) -> None:
        entry = {
            "actor": "ann",
            "action": "a:b",
            "tenant": "park",
            "target": "t",
            "outcome": "done",
        }
        members: Any = entry | values
        desk.services.table.put(audit_row(at=NOON - ago, days=400, detail={}, **members))

    return add


def targets(desk: Desk, query: str = "", **request: Any) -> list[str]:
    """What all pages of an answer name, in order."""
    found, token = [], ""
    for _ in range(60):
        answer = desk("GET", f"{AUDIT}?tenant=park{query}{token}", **request)
        assert answer.status_code == 200, answer.text
        found += [one["target"] for one in answer.json()["entries"]]
        if "next" not in answer.json():
            return found
        token = f"&token={answer.json()['next']}"
    raise AssertionError("the pages do not end")


def test_entries_are_shown_newest_first(desk: Desk, add: Add) -> None:
    for ago, target in ((2 * SECOND, "first"), (SECOND, "second"), (3 * DAY, "old")):
        add(ago, target=target)
    assert targets(desk) == ["second", "first", "old"]
    [newest, *_] = desk("GET", f"{AUDIT}?tenant=park").json()["entries"]
    assert newest == {
        "time": "2027-01-15T11:59:59.000Z",
        "actor": "ann",
        "action": "a:b",
        "target": "second",
        "outcome": "done",
    }


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_join_without_loss_or_repetition(desk: Desk, add: Add, limit: int) -> None:
    expected = []
    for number in range(7):
        add(number * DAY // 2, target=str(number))
        expected.append(str(number))
    assert targets(desk, f"&limit={limit}") == expected


def test_days_without_entries_are_passed_however_many(desk: Desk, add: Add) -> None:
    add(3 * MAX_DAYS * DAY, target="long ago")
    assert targets(desk) == ["long ago"]


def test_entries_are_chosen_by_actor_action_and_outcome(desk: Desk, add: Add) -> None:
    add(target="1", actor="bob")
    add(target="2", action="x:y")
    add(target="3", outcome="refused")
    assert targets(desk, "&actor=bob") == ["1"]
    assert targets(desk, "&action=x:y") == ["2"]
    assert targets(desk, "&outcome=refused") == ["3"]
    assert targets(desk, "&outcome=refused&actor=bob") == []


def test_entries_are_chosen_by_time_inclusive(desk: Desk, add: Add) -> None:
    for hours in range(4):
        add(hours * 3600 * SECOND, target=str(hours))
    between = "&from=2027-01-15T10:00:00Z&to=2027-01-15T11:00:00Z"
    assert targets(desk, between) == ["1", "2"]
    assert targets(desk, "&from=2027-01-15T12:30:00%2B01:30") == ["0", "1"]


def test_tenants_and_the_platform_have_trails_of_their_own(desk: Desk, add: Add) -> None:
    for tenant in ("park", "", "-", "*"):
        add(target=f"<{tenant}>", tenant=tenant)
    assert targets(desk) == ["<park>"]

    def shown(query: str) -> set[str]:
        return {one["target"] for one in desk("GET", f"{AUDIT}{query}").json()["entries"]}

    assert shown("?tenant=") == {"<>"}
    assert shown("") == shown("?tenant=*") == {"<->", "<*>"}


def test_trail_is_for_administrators_of_the_tenant(desk: Desk, add: Add) -> None:
    add()
    assert targets(desk, by="warden") == ["t"]
    desk.account("ann")
    assert desk("GET", f"{AUDIT}?tenant=park", by="ann").status_code == 403
    for query in ("", "?tenant=beach", "?tenant=", "?tenant=*"):
        assert desk("GET", f"{AUDIT}{query}", by="warden").status_code == 403


def test_token_of_another_trail_shows_nothing_that_is_not_the_tenants(desk: Desk, add: Add) -> None:
    for tenant in ("park", "beach"):
        for number in range(3):
            add(number * SECOND, tenant=tenant, target=f"{tenant}{number}")
    token = desk("GET", f"{AUDIT}?tenant=beach&limit=1").json()["next"]
    answer = desk("GET", f"{AUDIT}?tenant=park&token={token}", by="warden").json()
    assert {one["target"] for one in answer["entries"]} <= {"park0", "park1", "park2"}


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "limit=0",
        "limit=1001",
        "limit=x",
        "token=%00",
        "token=YWJj",
        "actor=a&actor=b",
        "colour=red",
        "tenant=a%20b",
    ],
)
def test_bad_query_is_refused(desk: Desk, query: str) -> None:
    assert desk("GET", f"{AUDIT}?{query}").status_code == 400


def test_refused_request_is_in_the_trail_of_its_tenant(desk: Desk) -> None:
    desk.account("ann")
    desk("GET", "/access/v1/grants?tenant=park", by="ann", tenant="park")
    [entry] = desk("GET", f"{AUDIT}?tenant=park").json()["entries"]
    assert entry["actor"] == "ann"
    assert (entry["action"], entry["outcome"]) == ("GET /access/v1/grants", "refused")
    assert entry["detail"] == {"reason": "Forbidden"}


def test_request_without_the_scope_is_in_the_trail(desk: Desk) -> None:
    desk("GET", "/access/v1/plans", scopes="security/decide")
    [entry] = desk("GET", f"{AUDIT}?outcome=refused").json()["entries"]
    assert (entry["actor"], entry["detail"]) == ("root", {"reason": "MissingScope"})


def test_request_of_nobody_is_not_in_the_trail(desk: Desk) -> None:
    assert desk("GET", "/access/v1/plans", by=None).status_code == 401
    assert desk("GET", AUDIT).json()["entries"] == []
