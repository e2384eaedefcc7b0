"""`/access/v1/me` and `/access/v1/erasures`: seeing, correcting, taking away and erasing oneself."""

from typing import Any

import pytest

from security.store.assignments import AssignmentStore, UserRole
from security.store.organisations import Membership
from security.store.registrations import Wanted
from security.store.users import digest_of
from tests.accounts import grant, put_account
from tests.integration.people.city import People

ME = "/access/v1/me"
ERASURES = "/access/v1/erasures"
KEY = {
    "name": "my key",
    "scopes": ["security/profile"],
    "grants": [{"actions": ["read"], "tenant": "*", "types": ["Tree"]}],
}


def settled(people: People, name: str = "ann") -> str:
    """A user who has something of everything: roles, grants, memberships, keys; its id."""
    id = people.add(name)
    services = people.services
    put_account(people.dynamodb, people.table, "app-1")
    people.dynamodb.put_item(
        TableName=people.table,
        Item={"pk": {"S": "application\x1fapp-1"}, "sk": {"S": "application"}},
    )
    AssignmentStore(services.table).assign("app-1", UserRole(id, "provider"))
    parks = services.organisations.create(people.admin, "parks")
    services.organisations.set_member(parks.id, id, Membership.OWNER)
    services.accounts.grant(id, grant("read", id="g-own", types=["Tree"]), by=people.admin)
    services.people.registrations.register(f"{name}@city.example", name, Wanted(), "let me in")
    token = {"X-Auth-Token": people.token(id)}
    assert people("POST", "/access/v1/keys", KEY, headers=token).status_code == 201
    return id


def test_profile_shows_and_corrects_itself(people: People) -> None:
    ann = people.add("ann")
    shown = people("GET", ME, by=ann).json()
    assert shown == {
        "id": ann,
        "username": "ann",
        "email": "ann@city.example",
        "description": "",
        "website": "",
        "gravatar": False,
        "extra": {},
        "enabled": True,
        "admin": False,
        "created": shown["created"],
        "passwordSet": shown["passwordSet"],
        "organisations": [],
    }
    change = {"username": "Anna", "extra": {"language": "de"}, "gravatar": True}
    changed = people("PATCH", ME, change, by=ann)
    assert (changed.status_code, changed.json()) == (200, shown | change)
    assert people("GET", ME, by=ann).json() == shown | change
    assert people.audited() == [(ann, "profile:update", ann)]


@pytest.mark.parametrize(
    "change",
    [
        {"admin": True},
        {"enabled": True},
        {"id": "x"},
        {"password": "a new long password"},
        {"organisations": []},
        {"username": ""},
        {"username": 7},
        {"email": "nothing"},
        {"gravatar": 1},
        {"extra": "x"},
        {"description": "x" * 1001},
    ],
)
def test_bad_correction_changes_nothing(shared: People, change: dict[str, Any]) -> None:
    before = shared("GET", ME).json()
    assert shared.problem("PATCH", ME, change)[0] == 400
    assert shared("GET", ME).json() == before


def test_profile_needs_a_token_with_its_scope(shared: People) -> None:
    assert shared.problem("GET", ME, by="")[0] == 401
    weak = {"X-Auth-Token": shared.token(shared.admin, "security/admin")}
    assert shared.problem("GET", ME, headers=weak)[0] == 403
    enough = {"X-Auth-Token": shared.token(shared.admin, "security/profile")}
    assert shared("GET", ME, headers=enough).status_code == 200


def test_who_is_no_user_has_no_profile(shared: People) -> None:
    put_account(shared.dynamodb, shared.table, "machine-1")
    for method, url in (("GET", ME), ("DELETE", ME), ("GET", f"{ME}/export")):
        assert shared.problem(method, url, by="machine-1") == (404, "User not found")


def test_export_has_everything_that_is_held_and_no_secret(people: People) -> None:
    ann = settled(people)
    answer = people("GET", f"{ME}/export", by=ann)
    assert answer.headers["content-disposition"] == 'attachment; filename="me.json"'
    export = answer.json()
    assert export["profile"]["email"] == "ann@city.example"
    assert [(one["name"], one["role"]) for one in export["organisations"]] == [("parks", "owner")]
    assert export["roles"] == [{"application": "app-1", "role": "provider"}]
    assert [one["types"] for one in export["account"]["grants"]] == [["Tree"]]
    assert [one["name"] for one in export["keys"]] == ["my key"]
    assert export["registration"]["message"] == "let me in"
    for row in people.rows():
        if "key" in row:
            assert row["key"]["M"]["hash"]["S"] not in answer.text


def remains(people: People, id: str) -> list[dict[str, Any]]:
    """Rows that know of a user."""
    traces = (id, "ann@city.example", "let me in", "my key")
    return [row for row in people.rows() if any(trace in repr(row) for trace in traces)]


def test_erased_user_leaves_nothing_but_a_digest(people: People) -> None:
    ann = settled(people)
    token = {"X-Auth-Token": people.token(ann)}
    assert people("DELETE", ME, headers=token).status_code == 204
    assert people("GET", ME, headers=token).status_code == 401
    assert people.services.directory.find("ann@city.example") is None
    (account,) = remains(people, ann)
    assert account["sk"] == {"S": "account"}
    assert account["active"] == {"BOOL": False}
    assert account["grants"] == {"M": {}}
    assert "exp" in account
    keys = [row for row in people.rows() if row.get("kind") == {"S": "key"}]
    assert all(key["active"] == {"BOOL": False} for key in keys)
    ledger = people("GET", ERASURES).json()["erasures"]
    assert [entry["digest"] for entry in ledger] == [digest_of(ann)]
    assert (ann, "user:erase", ann) in people.audited()


def test_api_key_of_an_erased_user_is_dead(people: People) -> None:
    ann = people.add("ann")
    people.services.accounts.grant(ann, grant("read", id="g-own"), by=people.admin)
    made = people("POST", "/access/v1/keys", KEY, by=ann)
    key = {"X-API-Key": made.json()["key"]}
    assert people("GET", ME, by="", headers=key).status_code == 404
    people.services.people.erasures.erase(ann)
    assert people("GET", ME, by="", headers=key).status_code == 401


def test_last_owner_may_be_erased_and_an_administrator_names_another(people: People) -> None:
    ann = people.add("ann")
    parks = people.services.organisations.create(ann, "parks")
    people.services.people.erasures.erase(ann)
    assert people.services.organisations.members(parks.id) == []
    url = f"/v1/organizations/{parks.id}/users/{people.admin}/organization_roles/owner"
    assert people("PUT", url).status_code == 201


def test_erasure_can_be_repeated(people: People) -> None:
    ann = settled(people)
    people.services.people.erasures.erase(ann)
    after = people.rows()
    people.services.people.erasures.erase(ann)
    assert len(people.rows()) == len(after)


@pytest.mark.parametrize("step", ["_leave_plans", "_leave_organisations", "_forget_address"])
def test_erasure_that_stopped_half_way_is_done_again(
    people: People, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    ann = settled(people)
    token = {"X-Auth-Token": people.token(ann)}
    erasures = people.services.people.erasures

    def stop(_: str) -> None:
        raise RuntimeError("the function was stopped")

    with monkeypatch.context() as patch:
        patch.setattr(erasures, step, stop)
        with pytest.raises(RuntimeError):
            erasures.erase(ann)
    assert people("GET", ME, headers=token).status_code == 401
    assert people("DELETE", f"/v1/users/{ann}").status_code == 204
    assert len(remains(people, ann)) == 1


def test_replay_erases_who_came_back_with_a_backup(people: People) -> None:
    ann, bob = settled(people), people.add("bob")
    backup = people.rows()
    people.services.people.erasures.erase(ann)
    ledger = people("GET", ERASURES).json()
    for row in people.rows():
        people.dynamodb.delete_item(TableName=people.table, Key={n: row[n] for n in ("pk", "sk")})
    for row in backup:
        people.dynamodb.put_item(TableName=people.table, Item=row)
    assert people.services.users._store.get(ann) is not None
    answer = people("POST", f"{ERASURES}/replay", {"erasures": ledger["erasures"]})
    assert (answer.status_code, answer.json()) == (200, {"erased": 1})
    left = remains(people, ann)
    assert all("exp" in row for row in left)
    assert {row["pk"]["S"].split("\x1f")[0] for row in left} == {"subject", "registrations"}
    assert people("GET", f"/v1/users/{bob}").status_code == 200
    assert people("POST", f"{ERASURES}/replay", {}).json() == {"erased": 0}


def test_ledger_tells_nothing_about_anybody(people: People) -> None:
    ann = people.add("ann")
    people.services.people.erasures.erase(ann)
    (entry,) = people("GET", ERASURES).json()["erasures"]
    assert entry.keys() == {"digest", "at"}
    assert ann not in repr(entry)


def test_only_administrators_see_and_replay_the_ledger(shared: People) -> None:
    eve = shared.add("eve")
    assert shared.problem("GET", ERASURES, by=eve)[0] == 403
    assert shared.problem("POST", f"{ERASURES}/replay", {}, by=eve)[0] == 403
    for body in ({"erasures": "x"}, {"erasures": ["x"]}, {"erasures": [{"digest": "x"}]}):
        assert shared.problem("POST", f"{ERASURES}/replay", body)[0] == 400
