"""What somebody tries who has a foot in the door: a key, a token, an application, a tenant."""

from typing import Any

import pytest

from city.clock import SECOND, now
from security.applications.native_grants import native_grant
from security.applications.permissions import Permission
from security.store import accounts as store
from tests.accounts import grant
from tests.integration.desk import Desk, entity, question
from tests.integration.people.city import People

KEYS, GRANTS = "/access/v1/keys", "/access/v1/grants"
MONTH = 30 * 86_400 * SECOND


def new_key(people: People, by: str, scopes: list[str]) -> tuple[str, str]:
    """Id and text of an API key that may read in the tenant park."""
    body = {"name": "k", "scopes": scopes, "grants": [{"actions": ["read"], "tenant": "park"}]}
    answer = people("POST", KEYS, body, by=by)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["key"]


def test_revoked_key_is_refused_until_it_has_a_new_secret(people: People) -> None:
    id, text = new_key(people, people.admin, ["security/admin"])

    def status(text: str) -> int:
        return people("GET", KEYS, by="", headers={"X-API-Key": text}).status_code

    assert status(text) == 403
    assert people("POST", f"/access/v1/subjects/key:{id}/revoke").status_code == 204
    assert status(text) == 401
    renewed = people("POST", f"{KEYS}/{id}/rotate").json()["key"]
    assert status(renewed) == 403


def test_revoked_session_stays_dead_as_long_as_it_could_be_refreshed(desk: Desk) -> None:
    desk.account("ann")
    desk.post("subjects/ann/revoke", {"session": "s-1"})
    until = desk.accounts.get("ann").revoked_until or {}
    assert until["s-1"] >= now() + MONTH - 10 * SECOND


def test_revoking_all_tokens_ends_the_refresh_tokens_too(people: People) -> None:
    ann = people.add("ann")
    ended: list[str] = []
    people.services.directory.__dict__["sign_out"] = ended.append
    assert people("POST", f"/access/v1/subjects/{ann}/revoke").status_code == 204
    assert ended == [ann]


def test_api_key_does_not_register_applications_without_number(people: People) -> None:
    ann = people.add("ann")
    people.services.accounts.grant(ann, grant("read", tenant="park"), by="bootstrap")
    _, text = new_key(people, ann, ["security/admin"])
    body = {"application": {"name": "a", "grant_type": "client_credentials"}}
    answer = people("POST", "/v1/applications", body, by="", headers={"X-API-Key": text})
    assert answer.status_code == 403


def test_provider_lifts_no_deny_by_deleting_the_application(people: People) -> None:
    ann, bob = people.add("ann"), people.add("bob")
    body = {"application": {"name": "a", "grant_type": "client_credentials"}}
    id = people("POST", "/v1/applications", body, by=ann).json()["application"]["id"]
    url = f"/v1/applications/{id}"
    deny = {"effect": "deny", "actions": ["read"], "tenant": "park"}
    role = people("POST", f"{url}/roles", {"role": {"name": "r"}}).json()["role"]["id"]
    made = people("POST", f"{url}/permissions", {"permission": {"name": "p", "grant": deny}})
    permission = made.json()["permission"]["id"]
    assert people("POST", f"{url}/roles/{role}/permissions/{permission}").status_code == 201
    assert people("POST", f"{url}/users/{bob}/roles/{role}").status_code == 201
    assert people.services.accounts.get(bob).account.grants
    assert people("DELETE", url, by=ann).status_code == 403
    assert people.services.accounts.get(bob).account.grants
    assert people("DELETE", url).status_code == 204


@pytest.mark.parametrize("limit", ["00001999999", "0" * 5 + "9" * 5000, "1001", "0"])
def test_limit_of_a_page_is_read_whole(desk: Desk, limit: str) -> None:
    assert desk("GET", f"/access/v1/plans?limit={limit}").status_code == 400


def test_tenant_administrator_locks_no_administrator_of_the_platform_out(desk: Desk) -> None:
    deny = {"subject": "root", "effect": "deny", "actions": ["admin", "read"], "tenant": "park"}
    assert desk.post("grants", deny, by="warden").status_code == 403
    assert desk("GET", f"{GRANTS}?tenant=park").status_code == 200


def test_a_hundred_questions_may_be_about_a_hundred_subjects(desk: Desk) -> None:
    questions = [question(f"user-{n}", "read", entity()) for n in range(100)]
    answer = desk.post("evaluations", {"evaluations": questions}, tenant="park")
    assert answer.status_code == 200


LONG = "\U0001f600" * 250


@pytest.mark.parametrize(
    "request_",
    [
        ("GET", f"{GRANTS}/ann/{LONG}"),
        ("GET", f"/access/v1/subjects/{LONG}"),
        ("GET", f"/v1/applications/{LONG}"),
        ("DELETE", f"/access/v1/plans/{LONG}"),
        ("GET", f"/access/v1/registrations/{LONG}"),
        ("GET", f"/access/v1/keys/{LONG}"),
    ],
)
def test_identifier_too_long_for_a_key_is_no_internal_error(desk: Desk, request_: Any) -> None:
    desk.account("ann")
    assert desk(*request_).status_code < 500


def test_expression_that_leaves_a_broken_pattern_for_ids_grants_nothing() -> None:
    resource = "/v2/entities/a\\$"
    permission = Permission("p", "p", action="GET", resource=resource, is_regex=True, header="park")
    assert native_grant(permission) is None


def test_keys_of_one_owner_share_his_quota(people: People) -> None:
    ann = people.add("ann")
    people.services.accounts.grant(ann, grant("read", tenant="park"), by="bootstrap")
    people("PUT", "/access/v1/plans/few", {"limit": 3, "seconds": 86400})
    people("PUT", f"/access/v1/plans/few/subjects/{ann}")
    texts = [new_key(people, ann, ["security/admin"])[1] for _ in range(2)]
    counted = [
        people("GET", "/access/v1/usage", by="", headers={"X-API-Key": text}).status_code
        for text in texts
    ]
    assert counted == [200, 429]


def test_sessions_that_were_ended_do_not_fill_an_account(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.account("ann")
    monkeypatch.setattr(store, "MAX_SESSIONS", 2)
    answers = [
        desk.post("subjects/ann/revoke", {"session": id}, by="ann").status_code
        for id in ("s-1", "s-2", "s-2", "s-3", "s" * 65)
    ]
    assert answers == [204, 204, 204, 413, 400]
    assert desk.accounts.get("ann").account.revoked == {"s-1", "s-2"}


def test_documents_do_not_take_the_scheme_from_a_header(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway's payload says what `X-Forwarded-Proto` said as the scheme."""
    settings = people.services.settings.model_copy(update={"stage": "prod"})
    monkeypatch.setattr(people.services, "settings", settings)
    answer = people("GET", "http://city.example/.well-known/openid-configuration", by="")
    assert answer.json()["token_endpoint"] == "https://city.example/oauth2/token"


def test_nobody_raises_himself_by_his_own_key(people: People) -> None:
    ann = people.add("ann")
    accounts = people.services.accounts
    accounts.grant(ann, grant("admin", tenant="park", id="a"), by="bootstrap")
    accounts.grant(ann, grant("read", tenant="park", effect="deny", id="d"), by="bootstrap")
    administering = [{"actions": ["admin"], "tenant": "park"}]
    body = {"name": "k", "scopes": ["security/admin"], "grants": administering}
    key = {"X-API-Key": people("POST", KEYS, body, by=ann).json()["key"]}
    more = {"subject": ann, "actions": ["update"], "tenant": "park"}
    assert people("POST", GRANTS, more, by="", headers=key).status_code == 403
    assert people("DELETE", f"{GRANTS}/{ann}/d", by="", headers=key).status_code == 403
    assert {one.id for one in accounts.get(ann).account.grants} == {"a", "d"}
    bob = people.add("bob")
    assert people("POST", GRANTS, more | {"subject": bob}, by="", headers=key).status_code == 201
