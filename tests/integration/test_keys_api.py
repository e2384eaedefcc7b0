"""`/access/v1/keys`: keys that may do what their owner may, and no more."""

from typing import Any

import pytest

from city.policy.accounts import Plan
from tests.accounts import FULL_GRANTS, grant
from tests.integration.desk import Desk

KEYS = "/access/v1/keys"
SCOPES = "security/admin security/decide context/read"
READ = {"actions": ["read"], "tenant": "park", "types": ["Room"]}
TERMS: dict[str, Any] = {"name": "gate", "grants": [READ], "scopes": ["context/read"]}


@pytest.fixture
def ann(desk: Desk) -> str:
    """A user who may read and change rooms and trees of the park."""
    own = grant("read", "update", tenant="park", types=["Room", "Tree"], id="own")
    desk.account("ann", own)
    return "ann"


def make(desk: Desk, by: str = "ann", **terms: Any) -> Any:
    answer = desk("POST", KEYS, json=TERMS | terms, by=by, scopes=SCOPES)
    assert answer.status_code == 201, answer.text
    return answer.json()


def refusal(desk: Desk, carried: str = SCOPES, **terms: Any) -> tuple[int, str]:
    answer = desk("POST", KEYS, json=TERMS | terms, by="ann", scopes=carried)
    return answer.status_code, answer.json()["detail"]


def used(desk: Desk, text: str, **headers: str) -> int:
    """The status of a request with the key, which administers in these tests."""
    path = "/access/v1/usage"
    return desk("GET", path, by=None, headers={"X-API-Key": text, **headers}).status_code


def actions(desk: Desk, key: Any) -> list[str]:
    """What the account of a key allows, in which tenants and of which types."""
    account = desk.accounts.get(key["subject"]).account
    return sorted(
        f"{action} {one.tenant} {'|'.join(sorted(one.types or ()))}{' not' * one.deny}"
        for one in account.grants
        for action in one.actions
    )


def test_key_is_shown_once(desk: Desk, ann: str) -> None:
    made = make(desk)
    assert made["key"].startswith("sk_city_")
    assert (made["owner"], made["name"], made["scopes"]) == ("ann", "gate", ["context/read"])
    shown = desk("GET", f"{KEYS}/{made['id']}", by="ann").json()
    assert shown == {name: value for name, value in made.items() if name != "key"}
    secret = made["key"].split("_")[3]
    assert secret not in str(desk.services.table.query("subject\x1f" + made["subject"]).rows)


def test_key_holds_its_grants(desk: Desk, ann: str) -> None:
    assert actions(desk, make(desk)) == ["read park Room"]


def test_keys_of_the_caller_are_listed_without_secret(desk: Desk, ann: str) -> None:
    made = make(desk)
    [listed] = desk("GET", KEYS, by="ann").json()["keys"]
    assert (listed["id"], listed["name"]) == (made["id"], "gate")
    assert listed.keys() == {"id", "subject", "name", "createdAt"}
    desk.account("bob")
    assert desk("GET", KEYS, by="bob").json()["keys"] == []


def test_key_authenticates_until_it_is_revoked(desk: Desk, ann: str) -> None:
    made = make(desk, scopes=["security/admin"])
    assert used(desk, made["key"]) == 200
    assert desk("DELETE", f"{KEYS}/{made['id']}", by="ann").status_code == 204
    assert used(desk, made["key"]) == 401
    assert desk("GET", f"{KEYS}/{made['id']}", by="ann").status_code == 404
    assert desk("GET", KEYS, by="ann").json()["keys"] == []


def test_rotation_ends_the_secret_before(desk: Desk, ann: str) -> None:
    made = make(desk, scopes=["security/admin"])
    renewed = desk("POST", f"{KEYS}/{made['id']}/rotate", by="ann").json()
    assert {**renewed, "key": made["key"]} == made
    assert used(desk, made["key"]) == 401
    assert used(desk, renewed["key"]) == 200


def test_key_is_bound_to_origins(desk: Desk, ann: str) -> None:
    made = make(desk, scopes=["security/admin"], origins=["https://app.example"])
    assert used(desk, made["key"]) == 401
    assert used(desk, made["key"], Origin="https://app.example.evil") == 401
    assert used(desk, made["key"], Origin="https://app.example") == 200


def test_key_is_bound_to_networks(desk: Desk, ann: str) -> None:
    near = make(desk, scopes=["security/admin"], networks=["127.0.0.0/8"])
    far = make(desk, scopes=["security/admin"], networks=["192.0.2.0/24", "2001:db8::/32"])
    assert (used(desk, near["key"]), used(desk, far["key"])) == (200, 401)


@pytest.mark.parametrize(
    "more",
    [
        {"actions": ["read", "delete"]},
        {"tenant": "beach"},
        {"tenant": "*"},
        {"types": None},
        {"types": ["Room", "Car"]},
    ],
)
def test_key_for_more_than_the_owner_may_do_is_refused(desk: Desk, ann: str, more: Any) -> None:
    status, detail = refusal(desk, grants=[READ, {**READ, **more}])
    assert (status, detail) == (403, "grants[1]: you have no grant of your own that covers it")
    assert desk("GET", KEYS, by="ann").json()["keys"] == []


def test_key_for_scopes_that_the_caller_does_not_have_is_refused(desk: Desk, ann: str) -> None:
    assert refusal(desk, carried="security/admin")[0] == 403
    direct = "aws.cognito.signin.user.admin"
    assert refusal(desk, carried=f"security/admin {direct}", scopes=[direct])[0] == 403


def test_owners_deny_holds_for_the_key(desk: Desk) -> None:
    forbidden = grant("update", tenant="park", types=["Tree"], effect="deny", id="no")
    desk.account("ann", grant("update", tenant="park", id="yes"), forbidden)
    made = make(desk, grants=[{"actions": ["update"], "tenant": "park"}])
    assert actions(desk, made) == ["update park ", "update park Tree not"]


def test_key_loses_what_its_owner_loses_and_gets_it_back(desk: Desk) -> None:
    desk.account("ann")
    ids = [
        desk.post("grants", {"subject": "ann", **READ, "types": [type]}).json()["id"]
        for type in ("Room", "Tree")
    ]
    made = make(desk, grants=[READ, {**READ, "types": ["Tree"]}])
    assert actions(desk, made) == ["read park Room", "read park Tree"]
    desk("DELETE", f"/access/v1/grants/ann/{ids[0]}")
    assert actions(desk, made) == ["read park Tree"]
    desk.post("grants", {"subject": "ann", **READ})
    assert actions(desk, made) == ["read park Room", "read park Tree"]


def test_key_of_a_disabled_owner_is_refused_until_he_is_enabled(desk: Desk, ann: str) -> None:
    made = make(desk, scopes=["security/admin"])
    desk("POST", "/access/v1/subjects/ann/disable")
    assert used(desk, made["key"]) == 401
    desk("POST", "/access/v1/subjects/ann/enable")
    assert used(desk, made["key"]) == 200


def test_key_of_a_deleted_owner_is_gone(desk: Desk, ann: str) -> None:
    made = make(desk, scopes=["security/admin"])
    desk.accounts.delete("ann")
    assert used(desk, made["key"]) == 401
    assert desk.accounts.find(made["subject"]) is None


def test_key_makes_no_keys(desk: Desk) -> None:
    desk.account("ann", *FULL_GRANTS)
    text = make(desk, scopes=["security/admin", "context/read"])["key"]
    answer = desk("POST", KEYS, by=None, headers={"X-API-Key": text}, json=TERMS)
    assert answer.status_code == 403


def test_key_gets_no_grants_after_it_was_made(desk: Desk, ann: str) -> None:
    made = make(desk)
    body = {"subject": made["subject"], "actions": ["admin"], "tenant": "*"}
    assert desk.post("grants", body).status_code == 400
    assert actions(desk, made) == ["read park Room"]


def test_keys_of_others_are_for_administrators_of_the_platform(desk: Desk, ann: str) -> None:
    id = make(desk)["id"]
    desk.account("bob")
    for caller in ("bob", "warden"):
        assert desk("GET", f"{KEYS}?owner=ann", by=caller).status_code == 403
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
            assert desk(method, f"{KEYS}/{id}{path}", by=caller).status_code == 404
    assert [one["id"] for one in desk("GET", f"{KEYS}?owner=ann").json()["keys"]] == [id]
    assert desk("DELETE", f"{KEYS}/{id}").status_code == 204


def test_key_counts_under_the_plan_of_its_owner(desk: Desk, ann: str) -> None:
    plan = Plan("small", 10, 60)
    desk.account("ann", grant("read", tenant="park", id="own"), plan=plan)
    made = make(desk)
    assert made["plan"] == "small"
    assert desk.accounts.get(made["subject"]).account.plan == plan


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"name": ""}, "name"),
        ({"grants": []}, "grants"),
        ({"grants": [READ] * 31}, "grants"),
        ({"grants": [{"actions": []}]}, "actions"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "context/read"}, "scopes"),
        ({"origins": ["app.example"]}, "origins"),
        ({"origins": ["https://app.example/path"]}, "origins"),
        ({"networks": ["192.0.2.1/24"]}, "networks"),
        ({"networks": ["nowhere"]}, "networks"),
        ({"validUntil": "2001-01-01T00:00:00Z"}, "validUntil"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_bad_terms_name_the_field(desk: Desk, ann: str, terms: Any, field: str) -> None:
    status, detail = refusal(desk, **terms)
    assert (status, field in detail) == (400, True), detail


def test_making_and_ending_keys_is_audited_without_secrets(desk: Desk, ann: str) -> None:
    made = make(desk)
    renewed = desk("POST", f"{KEYS}/{made['id']}/rotate", by="ann").json()
    desk("DELETE", f"{KEYS}/{made['id']}", by="ann")
    entries = desk("GET", "/access/v1/audit").json()["entries"]
    assert [one["action"] for one in entries] == ["key:delete", "key:rotate", "key:create"]
    assert {one["target"] for one in entries} == {made["subject"]}
    for text in (made["key"], renewed["key"]):
        assert text.split("_")[3] not in str(entries)
