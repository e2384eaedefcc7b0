"""`/access/v1/subjects`: what the policy knows of a subject, and ending it at once."""

import time
from typing import Any

import pytest

from city.clock import SECOND, now
from tests.accounts import grant
from tests.integration.desk import Desk

ANN = "/access/v1/subjects/ann"


@pytest.fixture
def ann(desk: Desk) -> str:
    desk.account("ann", grant("read", tenant="park", id="a"), grant("read", tenant="beach", id="b"))
    return "ann"


def may_call(desk: Desk, subject: str) -> bool:
    return desk("GET", "/access/v1/usage", by=subject).status_code == 200


def test_account_is_shown_as_compiled(desk: Desk, ann: str) -> None:
    shown = desk("GET", ANN).json()
    assert (shown["subject"], shown["kind"], shown["active"]) == ("ann", "user", True)
    assert [one["id"] for one in shown["grants"]] == ["a", "b"]
    assert desk("GET", ANN, by="ann").json() == shown


def test_tenant_administrator_sees_what_concerns_his_tenant(desk: Desk, ann: str) -> None:
    shown = desk("GET", f"{ANN}?tenant=park", by="warden").json()
    assert [one["id"] for one in shown["grants"]] == ["a"]
    assert desk("GET", ANN, by="warden").status_code == 403
    assert desk("GET", f"{ANN}?tenant=beach", by="warden").status_code == 403


def test_disabled_subject_is_refused_until_it_is_enabled(desk: Desk, ann: str) -> None:
    assert may_call(desk, "ann")
    assert desk("POST", f"{ANN}/disable").status_code == 204
    assert not may_call(desk, "ann")
    assert desk("POST", f"{ANN}/enable").status_code == 204
    assert may_call(desk, "ann")


def test_revocation_ends_tokens_issued_so_far(desk: Desk, ann: str) -> None:
    assert desk("POST", f"{ANN}/revoke", by="ann").status_code == 204
    account = desk.accounts.get("ann").account
    assert 0 <= now() - account.revoked_before < 10 * SECOND
    assert desk("GET", ANN).json()["revokedBefore"].startswith(time.strftime("%Y-", time.gmtime()))


def test_revocation_of_one_session_ends_that_one_only(desk: Desk, ann: str) -> None:
    assert desk("POST", f"{ANN}/revoke", json={"session": "s-1"}).status_code == 204
    assert desk("POST", f"{ANN}/revoke", json={"session": "s-2"}).status_code == 204
    account = desk.accounts.get("ann").account
    assert account.revoked == {"s-1", "s-2"}
    assert account.revoked_before == 0


@pytest.mark.parametrize("body", [{"session": 1}, {"session": ""}, {"sessions": ["a"]}, []])
def test_bad_revocation_revokes_nothing(desk: Desk, ann: str, body: Any) -> None:
    assert desk.refused("POST", "subjects/ann/revoke", json=body)[0] == 400
    account = desk.accounts.get("ann").account
    assert (account.revoked, account.revoked_before) == (frozenset(), 0)


@pytest.mark.parametrize("caller", ["bob", "warden"])
def test_ending_others_takes_an_administrator_of_the_platform(
    desk: Desk, ann: str, caller: str
) -> None:
    if caller == "bob":
        desk.account("bob")
    for path in ("disable", "enable", "refresh", "revoke"):
        assert desk("POST", f"{ANN}/{path}", by=caller).status_code == 403
    assert may_call(desk, "ann")


def test_refresh_repairs_an_account_whose_sources_say_something_else(desk: Desk) -> None:
    desk.account("ann", grant("read", tenant="park", id="left over"))
    assert desk("POST", f"{ANN}/refresh").status_code == 204
    assert desk("GET", ANN).json()["grants"] == []


def test_nobody_revokes_the_application_he_calls_through(desk: Desk, ann: str) -> None:
    assert desk("POST", "/access/v1/subjects/machine/revoke", by="ann").status_code == 403


def test_nobody_disables_himself(desk: Desk) -> None:
    assert desk("POST", "/access/v1/subjects/root/disable").status_code == 403
    assert may_call(desk, "root")


@pytest.mark.parametrize("path", ["", "/disable", "/enable", "/refresh", "/revoke"])
def test_unknown_subject_is_not_found(desk: Desk, path: str) -> None:
    method = "POST" if path else "GET"
    assert desk(method, f"/access/v1/subjects/nobody{path}").status_code == 404


def test_ending_is_audited(desk: Desk, ann: str) -> None:
    for path in ("disable", "enable", "revoke"):
        desk("POST", f"{ANN}/{path}")
    entries = desk("GET", "/access/v1/audit").json()["entries"]
    assert [one["action"] for one in entries] == [
        "subject:revoke",
        "subject:enable",
        "subject:disable",
    ]
