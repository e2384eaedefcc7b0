"""`/access/v1/grants`: administrators give and take rights, within their own."""

from typing import Any

import pytest

from city.policy.accounts import Account
from tests.accounts import FULL_GRANTS, grant
from tests.integration.desk import Desk

READ = {"actions": ["read"], "tenant": "park"}


@pytest.fixture
def ann(desk: Desk) -> str:
    desk.account("ann")
    return "ann"


def give(desk: Desk, subject: str, **members: Any) -> str:
    """Give a grant as the administrator of the platform; its id."""
    answer = desk.post("grants", {"subject": subject, **READ, **members})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def held(desk: Desk, subject: str) -> list[str]:
    return sorted(one.id for one in desk.accounts.get(subject).account.grants)


def listed(desk: Desk, query: str, **request: Any) -> list[Any]:
    answer = desk("GET", f"/access/v1/grants?{query}", **request)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["grants"]
    return found


def test_grant_is_held_at_once_and_shown_as_it_was_given(desk: Desk, ann: str) -> None:
    body = {"subject": ann, **READ, "types": ["Room"], "servicePath": "/a/#", "effect": "deny"}
    answer = desk.post("grants", body)
    assert answer.status_code == 201
    shown = answer.json()
    assert answer.headers["location"] == f"/access/v1/grants/ann/{shown['id']}"
    assert {name: shown[name] for name in body} == body
    assert (shown["givenBy"], shown["origin"]) == ("root", "direct")
    assert held(desk, ann) == [shown["id"]]
    assert desk("GET", answer.headers["location"]).json() == shown


def test_deleted_grant_is_gone_at_once(desk: Desk, ann: str) -> None:
    id = give(desk, ann)
    assert desk("DELETE", f"/access/v1/grants/ann/{id}").status_code == 204
    assert held(desk, ann) == []
    assert listed(desk, "tenant=park") == listed(desk, "subject=ann") == []
    assert desk("DELETE", f"/access/v1/grants/ann/{id}").status_code == 404


def test_grants_are_listed_by_tenant_and_by_subject(desk: Desk, ann: str) -> None:
    desk.account("bob")
    ids = {give(desk, ann), give(desk, "bob")}
    elsewhere = give(desk, ann, tenant="beach")
    assert {one["id"] for one in listed(desk, "tenant=park")} == ids
    assert elsewhere in {one["id"] for one in listed(desk, "subject=ann")}
    assert [one["id"] for one in listed(desk, "subject=ann&tenant=beach")] == [elsewhere]


def test_list_is_paged_without_loss(desk: Desk, ann: str) -> None:
    ids = sorted(give(desk, ann) for _ in range(5))
    seen, token = [], ""
    while True:
        answer = desk("GET", f"/access/v1/grants?tenant=park&limit=2{token}").json()
        seen += [one["id"] for one in answer["grants"]]
        if "next" not in answer:
            break
        token = f"&token={answer['next']}"
    assert seen == ids


def test_token_of_one_tenant_shows_nothing_of_another(desk: Desk, ann: str) -> None:
    desk.account("beacher", grant("admin", tenant="beach"))
    for _ in range(2):
        give(desk, ann)
    token = desk("GET", "/access/v1/grants?tenant=park&limit=1").json()["next"]
    assert listed(desk, f"tenant=beach&token={token}", by="beacher") == []


def test_tenant_administrator_grants_inside_his_tenant_only(desk: Desk, ann: str) -> None:
    assert desk.post("grants", {"subject": ann, **READ}, by="warden").status_code == 201
    for tenant in ("beach", "", "*"):
        body = {"subject": ann, **READ, "tenant": tenant}
        assert desk.refused("POST", "grants", json=body, by="warden")[0] == 403
    assert len(held(desk, ann)) == 1


def test_tenant_administrator_sees_and_takes_grants_of_his_tenant_only(
    desk: Desk, ann: str
) -> None:
    own, other = give(desk, ann), give(desk, ann, tenant="beach")
    assert [one["id"] for one in listed(desk, "tenant=park", by="warden")] == [own]
    for query in ("tenant=beach", "tenant=*", "subject=ann"):
        assert desk("GET", f"/access/v1/grants?{query}", by="warden").status_code == 403
    assert desk("GET", f"/access/v1/grants/ann/{other}", by="warden").status_code == 403
    assert desk("DELETE", f"/access/v1/grants/ann/{other}", by="warden").status_code == 403
    assert desk("DELETE", f"/access/v1/grants/ann/{own}", by="warden").status_code == 204
    assert held(desk, ann) == [other]


@pytest.mark.parametrize("caller", ["ann", "machine"])
def test_who_administers_nothing_grants_nothing(desk: Desk, ann: str, caller: str) -> None:
    body = {"subject": caller, **READ}
    assert desk.refused("POST", "grants", json=body, by=caller)[0] == 403
    assert desk("GET", "/access/v1/grants?tenant=park", by=caller).status_code == 403


def test_subject_sees_its_own_grants(desk: Desk, ann: str) -> None:
    id = give(desk, ann)
    assert [one["id"] for one in listed(desk, "subject=ann", by="ann")] == [id]


@pytest.mark.parametrize("administrator", ["root", "warden"])
def test_nobody_raises_himself(desk: Desk, administrator: str) -> None:
    before = held(desk, administrator)
    body = {"subject": administrator, **READ}
    assert desk.refused("POST", "grants", json=body, by=administrator)[0] == 403
    assert held(desk, administrator) == before


def test_nobody_raises_the_application_he_calls_through(desk: Desk) -> None:
    body = {"subject": "machine", **READ}
    assert desk.refused("POST", "grants", json=body, by="warden")[0] == 403


def test_nobody_raises_himself_through_the_machine_client_of_his_application(desk: Desk) -> None:
    desk.account("shop", kind="application")
    desk.services.accounts.create(Account("clerk", "application"), application="shop")
    assert desk.post("grants", {"subject": "shop", **READ, "actions": ["admin"]}).is_success
    for subject in ("shop", "clerk"):
        body = {"subject": subject, **READ}
        assert desk.refused("POST", "grants", json=body, by="clerk")[0] == 403


def test_nobody_lifts_a_deny_from_himself(desk: Desk) -> None:
    id = give(desk, "warden", effect="deny")
    assert desk("DELETE", f"/access/v1/grants/warden/{id}", by="warden").status_code == 403
    assert id in held(desk, "warden")


def test_one_may_give_himself_what_he_has(desk: Desk) -> None:
    desk.account("owner", *FULL_GRANTS)
    body = {"subject": "owner", **READ}
    assert desk.post("grants", body, by="owner").status_code == 201


def test_public_may_be_granted_reading_only(desk: Desk) -> None:
    for actions in (["create"], ["read", "update"], ["admin"]):
        body = {"subject": "public", **READ, "actions": actions}
        assert desk.refused("POST", "grants", json=body)[0] == 400
    give(desk, "public")
    assert len(held(desk, "public")) == 1


def test_grant_of_an_application_reaches_its_machine_client(desk: Desk) -> None:
    desk.account("app", kind="application")
    desk.services.accounts.create(Account("app-machine", "application"), application="app")
    id = give(desk, "app")
    assert held(desk, "app") == held(desk, "app-machine") == [id]
    other = give(desk, "app-machine")
    assert held(desk, "app") == held(desk, "app-machine") == sorted([id, other])
    for one in (id, other):
        assert desk("DELETE", f"/access/v1/grants/app/{one}").status_code == 204
    assert held(desk, "app") == held(desk, "app-machine") == []


def test_unknown_subject_is_not_found(desk: Desk) -> None:
    status, body = desk.refused("POST", "grants", json={"subject": "nobody", **READ})
    assert (status, body["detail"]) == (404, "there is no subject nobody")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"actions": ["fly"]}, "actions"),
        ({"tenant": "a b"}, "tenant"),
        ({"servicePath": "a"}, "Service Path"),
        ({"idPattern": "("}, "("),
        ({"colour": "red"}, "colour"),
        ({"subject": 7}, "subject"),
        ({"subject": "a\x1fb"}, "subject"),
        ({"validUntil": "soon"}, "validUntil"),
    ],
)
def test_bad_grant_names_the_field(desk: Desk, ann: str, change: Any, field: str) -> None:
    status, body = desk.refused("POST", "grants", json={"subject": ann, **READ, **change})
    assert (status, field in body["detail"]) == (400, True), body
    assert held(desk, ann) == []


def test_token_without_the_scope_is_refused(desk: Desk, ann: str) -> None:
    answer = desk.post("grants", {"subject": ann, **READ}, scopes="security/decide")
    assert answer.status_code == 403
    assert 'scope="security/admin"' in answer.headers["www-authenticate"]


def test_every_change_leaves_an_entry_in_the_audit_of_its_tenant(desk: Desk, ann: str) -> None:
    id = give(desk, ann)
    desk("DELETE", f"/access/v1/grants/ann/{id}")
    entries = desk("GET", "/access/v1/audit?tenant=park").json()["entries"]
    assert [(one["action"], one["actor"], one["target"]) for one in entries] == [
        ("grant:delete", "root", "ann"),
        ("grant:create", "root", "ann"),
    ]
    assert all(one["detail"] == {"grant": id} for one in entries)
