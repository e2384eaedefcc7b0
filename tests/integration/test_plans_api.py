"""`/access/v1/plans` and `/access/v1/usage`: how many requests subjects may make, and have made."""

from typing import Any

import pytest

from city.clock import SECOND
from city.policy.accounts import Plan
from city.policy.quotas import QuotaExceeded, Quotas
from tests.integration.desk import Desk

PLANS = "/access/v1/plans"
SMALL = {"limit": 3, "seconds": 60}
START = 1_800_000_000


@pytest.fixture
def ann(desk: Desk) -> str:
    desk.account("ann")
    desk("PUT", f"{PLANS}/small", json=SMALL)
    return "ann"


def assign(desk: Desk, plan: str, subject: str = "ann") -> int:
    return desk("PUT", f"{PLANS}/{plan}/subjects/{subject}").status_code


def plan_of(desk: Desk, subject: str) -> Plan | None:
    return desk.accounts.get(subject).account.plan


def members(desk: Desk, plan: str) -> list[str]:
    found: list[str] = desk("GET", f"{PLANS}/{plan}/subjects").json()["subjects"]
    return found


def test_plan_is_written_shown_and_listed(desk: Desk) -> None:
    assert desk("PUT", f"{PLANS}/small", json=SMALL).status_code == 201
    assert desk("PUT", f"{PLANS}/small", json=SMALL | {"lease": 2}).status_code == 200
    shown = {"name": "small", **SMALL, "lease": 2}
    assert desk("GET", f"{PLANS}/small").json() == shown
    assert desk("GET", PLANS).json() == {"plans": [shown]}


def test_assigned_plan_is_in_the_account(desk: Desk, ann: str) -> None:
    assert assign(desk, "small") == 204
    assert plan_of(desk, "ann") == Plan("small", 3, 60)
    assert members(desk, "small") == ["ann"]


def test_changed_plan_reaches_everybody_under_it(desk: Desk, ann: str) -> None:
    desk.account("bob")
    assign(desk, "small")
    assign(desk, "small", "bob")
    desk("PUT", f"{PLANS}/small", json=SMALL | {"limit": 9})
    assert plan_of(desk, "ann") == plan_of(desk, "bob") == Plan("small", 9, 60)


def test_subject_is_under_one_plan_only(desk: Desk, ann: str) -> None:
    desk("PUT", f"{PLANS}/large", json=SMALL | {"limit": 100})
    assign(desk, "small")
    assign(desk, "large")
    assert plan_of(desk, "ann") == Plan("large", 100, 60)
    assert (members(desk, "small"), members(desk, "large")) == ([], ["ann"])


def test_withdrawn_subject_has_no_plan(desk: Desk, ann: str) -> None:
    assign(desk, "small")
    assert desk("DELETE", f"{PLANS}/small/subjects/ann").status_code == 204
    assert plan_of(desk, "ann") is None
    assert members(desk, "small") == []
    assert desk("DELETE", f"{PLANS}/small/subjects/ann").status_code == 404


def test_plan_in_use_is_not_deleted(desk: Desk, ann: str) -> None:
    assign(desk, "small")
    assert desk("DELETE", f"{PLANS}/small").status_code == 422
    desk("DELETE", f"{PLANS}/small/subjects/ann")
    assert desk("DELETE", f"{PLANS}/small").status_code == 204
    assert desk("GET", f"{PLANS}/small").status_code == 404


def test_plan_of_a_subject_is_that_of_its_keys(desk: Desk, ann: str) -> None:
    desk.post("grants", {"subject": "ann", "actions": ["read"], "tenant": "park"})
    terms = {
        "name": "k",
        "grants": [{"actions": ["read"], "tenant": "park"}],
        "scopes": ["security/admin"],
    }
    key = desk.post("keys", terms, by="ann").json()["subject"]
    assign(desk, "small")
    assert plan_of(desk, key) == Plan("small", 3, 60)
    desk("DELETE", f"{PLANS}/small/subjects/ann")
    assert plan_of(desk, key) is None


def test_plans_are_for_administrators_of_the_platform(desk: Desk, ann: str) -> None:
    for caller in ("ann", "warden"):
        for method, path in (
            ("GET", ""),
            ("GET", "/small"),
            ("PUT", "/small"),
            ("DELETE", "/small"),
            ("GET", "/small/subjects"),
            ("PUT", "/small/subjects/ann"),
            ("DELETE", "/small/subjects/ann"),
        ):
            body = SMALL if (method, path) == ("PUT", "/small") else None
            assert desk(method, f"{PLANS}{path}", by=caller, json=body).status_code == 403, path


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("a b", SMALL, "name"),
        ("x" * 65, SMALL, "name"),
        ("p", {"seconds": 60}, "limit"),
        ("p", SMALL | {"limit": 0}, "limit"),
        ("p", SMALL | {"limit": 1.5}, "limit"),
        ("p", SMALL | {"limit": True}, "limit"),
        ("p", SMALL | {"seconds": 31 * 86_400 + 1}, "seconds"),
        ("p", SMALL | {"lease": 4}, "lease"),
        ("p", SMALL | {"price": 1}, "price"),
    ],
)
def test_bad_plan_names_the_field(desk: Desk, name: str, body: Any, field: str) -> None:
    status, answer = desk.refused("PUT", f"plans/{name}", json=body)
    assert (status, field in answer["detail"]) == (400, True), answer


def test_unknown_plan_and_subject_are_not_found(desk: Desk, ann: str) -> None:
    assert assign(desk, "none") == 404
    assert assign(desk, "small", "nobody") == 404


def test_usage_is_what_was_let_through(
    desk: Desk, ann: str, dynamodb: Any, security_table: str
) -> None:
    assign(desk, "small")
    now = START * SECOND
    quotas = Quotas(dynamodb, security_table, lambda: now)
    account = desk.accounts.get("ann").account
    spent = 0
    for _ in range(5):
        try:
            quotas.spend(account)
        except QuotaExceeded:
            break
        spent += 1
    assert spent == 3
    answer = desk("GET", "/access/v1/usage?subject=ann")
    window = {"plan": "small", "window": "2027-01-15T08:00:00Z", "seconds": 60, "limit": 3}
    assert answer.json() == {"usage": [window | {"used": 3}]}
    assert desk("GET", "/access/v1/usage?subject=ann&plan=other").json() == {"usage": []}
    assert desk("GET", "/access/v1/usage", by="ann").json() == answer.json()


def test_usage_of_others_is_for_administrators_of_the_platform(desk: Desk, ann: str) -> None:
    assert desk("GET", "/access/v1/usage?subject=root", by="ann").status_code == 403
    assert desk("GET", "/access/v1/usage?subject=ann", by="warden").status_code == 403


def test_changes_of_plans_are_audited(desk: Desk, ann: str) -> None:
    assign(desk, "small")
    entries = desk("GET", "/access/v1/audit").json()["entries"]
    assert [(one["action"], one["target"]) for one in entries] == [
        ("plan:assign", "ann"),
        ("plan:write", "small"),
    ]
