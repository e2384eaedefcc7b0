"""`/v1/users` as Keyrock's clients know it, and where it is harder than Keyrock."""

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.people.city import PASSWORD, People

NOT_AUTHORIZED = (403, "User not authorized to perform action")


def wanted(name: str | None = None, **members: Any) -> dict[str, Any]:
    name = name or f"u{uuid4().hex}"
    user = {"username": name, "email": f"{name}@city.example", "password": PASSWORD}
    return {"user": user | members}


def test_administrator_creates_reads_changes_and_deletes_a_user(people: People) -> None:
    created = people("POST", "/v1/users", wanted("ann", description="first", website="https://a"))
    assert created.status_code == 201
    assert created.headers["cache-control"] == "no-store"
    user = created.json()["user"]
    assert user == {
        "id": user["id"],
        "username": "ann",
        "email": "ann@city.example",
        "enabled": True,
        "admin": False,
        "gravatar": False,
        "image": "default",
        "date_password": user["date_password"],
        "description": "first",
        "website": "https://a",
        "extra": None,
    }
    url = f"/v1/users/{user['id']}"
    read = people("GET", url)
    assert (read.status_code, read.json()) == (200, {"user": user})
    changed = people("PATCH", url, {"user": {"username": "anna", "website": "https://a"}})
    assert (changed.status_code, changed.json()) == (200, {"values_updated": {"username": "anna"}})
    assert people("GET", url).json()["user"]["username"] == "anna"
    deleted = people("DELETE", url)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert people.refused("GET", url) == (404, "User not found")
    assert people.refused("DELETE", url) == (404, "User not found")


def test_v3_is_another_name_of_v1(people: People) -> None:
    answer = people("GET", f"/v3/users/{people.admin}")
    assert answer.json() == people("GET", f"/v1/users/{people.admin}").json()
    assert people.refused("GET", "/v3/users/nobody") == (404, "User not found")


def test_list_has_every_user_in_order_of_creation(people: People) -> None:
    made = [people.add(name) for name in ("zoe", "bob")]
    listed = people("GET", "/v1/users").json()["users"]
    assert [user["id"] for user in listed] == [people.admin, *made]
    assert listed[1].keys() == {
        "id",
        "username",
        "email",
        "enabled",
        "gravatar",
        "date_password",
        "description",
        "website",
    }


def test_administrator_is_shown_as_one(people: People) -> None:
    assert people("GET", f"/v1/users/{people.admin}").json()["user"]["admin"] is True


def test_user_of_the_pool_that_we_never_made_is_taken_in(people: People) -> None:
    people.cognito.admin_create_user(UserPoolId=people.pool, Username="new@city.example")
    listed = people("GET", "/v1/users").json()["users"]
    new = next(user for user in listed if user["email"] == "new@city.example")
    assert new["username"] == "new"
    assert people("GET", f"/v1/users/{new['id']}").status_code == 200


def test_user_gone_from_the_pool_is_not_listed(people: People) -> None:
    gone = people.add("gone")
    people.cognito.admin_delete_user(UserPoolId=people.pool, Username=gone)
    listed = people("GET", "/v1/users").json()["users"]
    assert gone not in {user["id"] for user in listed}


def test_user_reads_changes_and_deletes_itself(people: People) -> None:
    ann = people.add("ann")
    url = f"/v1/users/{ann}"
    assert people("GET", url, by=ann).json()["user"]["email"] == "ann@city.example"
    changed = people("PATCH", url, {"user": {"description": "me"}}, by=ann)
    assert changed.json() == {"values_updated": {"description": "me"}}
    assert people("DELETE", url, by=ann).status_code == 204


def test_user_may_do_nothing_to_others(shared: People) -> None:
    ann, bob = (shared.add(f"u{uuid4().hex}") for _ in range(2))
    for method, url, body in (
        ("GET", "/v1/users", None),
        ("POST", "/v1/users", wanted()),
        ("GET", f"/v1/users/{bob}", None),
        ("PATCH", f"/v1/users/{bob}", {"user": {"username": "mine"}}),
        ("DELETE", f"/v1/users/{bob}", None),
        ("GET", f"/v1/users/{uuid4()}", None),
    ):
        assert shared.refused(method, url, body, by=ann) == NOT_AUTHORIZED, (method, url)


@pytest.mark.parametrize(
    "member", [{"admin": True}, {"enabled": False}, {"status": "x"}, {"salt": "x"}, {"owner": "x"}]
)
def test_members_that_give_power_are_ignored(shared: People, member: dict[str, Any]) -> None:
    created = shared("POST", "/v1/users", wanted(**member)).json()["user"]
    assert (created["admin"], created["enabled"]) == (False, True)
    url = f"/v1/users/{created['id']}"
    changed = shared("PATCH", url, {"user": {**member, "username": "new"}}, by=created["id"])
    assert changed.json() == {"values_updated": {"username": "new"}}
    read = shared("GET", url).json()["user"]
    assert (read["admin"], read["enabled"]) == (False, True)


def test_no_answer_has_a_password_a_salt_or_a_secret(people: People) -> None:
    created = people("POST", "/v1/users", wanted("ann"))
    id = created.json()["user"]["id"]
    changed = people("PATCH", f"/v1/users/{id}", {"user": {"password": "another long password"}})
    assert changed.json() == {"values_updated": {}}
    answers = [created, changed, people("GET", f"/v1/users/{id}"), people("GET", "/v1/users")]
    for answer in answers:
        assert PASSWORD not in answer.text
        assert "another" not in answer.text
        assert "salt" not in answer.text
    assert PASSWORD not in repr(people.rows())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Missing parameter user in body request"),
        ({"user": {}}, "Missing parameter user in body request"),
        ({"user": "ann"}, "Missing parameter user in body request"),
        (
            wanted(username=""),
            "Missing parameter username in body request or empty username",
        ),
        (
            wanted(password=""),
            "Missing parameter password in body request or empty password",
        ),
        (wanted(email=None), "Missing parameter email in body request or empty email"),
        (wanted(email="ann"), "Email not valid"),
        (wanted(email="ann@"), "Email not valid"),
        (wanted(email="a b@city.example"), "Email not valid"),
        (wanted(email="ann@city"), "Email not valid"),
        (wanted(email=f"{'a' * 65}@city.example"), "Email not valid"),
        (wanted(password="short"), "password is too short or too simple for this city's rules"),
        (wanted(password=12), "password must be a text"),
        (wanted(gravatar="yes"), "gravatar must be true or false"),
        (wanted(extra=[]), "extra must be an object"),
        (wanted(extra={"a": "b" * 5000}), "extra may have at most 4096 bytes"),
    ],
)
def test_bad_body_makes_no_user(shared: People, body: Any, message: str) -> None:
    users = shared.cognito.list_users(UserPoolId=shared.pool)["Users"]
    assert shared.refused("POST", "/v1/users", body) == (400, message)
    assert shared.cognito.list_users(UserPoolId=shared.pool)["Users"] == users


def test_text_that_cannot_be_shown_is_refused(shared: People) -> None:
    for text in ("a\nb", "a\x00", "x" * 1001, 7):
        status, message = shared.refused("POST", "/v1/users", wanted(username=text))
        assert (status, message.split()[0]) == (400, "username")


def test_body_that_is_no_json_object_is_refused(shared: People) -> None:
    for content in ("{", "[]", '{"user": 1, "user": 2}', "NaN"):
        assert shared.refused("POST", "/v1/users", content=content)[0] == 400


def test_address_can_be_taken_once_in_any_spelling(shared: People) -> None:
    name = f"u{uuid4().hex}"
    assert shared("POST", "/v1/users", wanted(name)).status_code == 201
    taken = shared.refused("POST", "/v1/users", wanted(email=f"{name.upper()}@City.Example"))
    assert taken == (409, "Email already used")
    other = shared.add(f"v{uuid4().hex}")
    change = {"user": {"email": f"{name}@city.example"}}
    assert shared.refused("PATCH", f"/v1/users/{other}", change) == (409, "Email already used")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "Missing parameter user in body request"),
        ({"user": {"id": "another"}}, "Cannot set id"),
        ({"user": {"username": ""}}, "Cannot set empty username"),
        ({"user": {"email": ""}}, "Cannot set empty email"),
        ({"user": {"email": "nothing"}}, "Email not valid"),
        (
            {"user": {"password": ""}},
            "Missing parameter password in body request or empty password",
        ),
    ],
)
def test_bad_change_changes_nothing(shared: People, change: Any, message: str) -> None:
    url = f"/v1/users/{shared.admin}"
    before = shared("GET", url).json()
    assert shared.refused("PATCH", url, change) == (400, message)
    assert shared("GET", url).json() == before


def test_change_that_changes_nothing_says_so(shared: People) -> None:
    change = {"user": {"username": "admin"}}
    answer = shared("PATCH", f"/v1/users/{shared.admin}", change)
    assert (answer.status_code, answer.json()) == (200, {"values_updated": {}})


def test_only_administrators_vouch_for_an_address(shared: People) -> None:
    """Cognito keeps the old address until the new one is proved; moto changes it at once."""
    asked: list[set[str]] = []

    def note(params: dict[str, Any], **_: object) -> None:
        asked.append({one["Name"] for one in params["UserAttributes"]})

    event = "before-parameter-build.cognito-identity-provider.AdminUpdateUserAttributes"
    shared.cognito.meta.events.register(event, note)
    ann = shared.add(f"u{uuid4().hex}")
    for by in (ann, shared.admin):
        change = {"user": {"email": f"{uuid4().hex}@city.example"}}
        assert shared("PATCH", f"/v1/users/{ann}", change, by=by).status_code == 200
    shared.cognito.meta.events.unregister(event, note)
    assert asked == [{"email"}, {"email", "email_verified"}]


def test_address_shown_is_the_one_that_counts(
    shared: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Cognito does until the user has proved the new address."""
    monkeypatch.setattr(type(shared.services.directory), "set_email", lambda *_, **__: None)
    ann = shared.add(f"u{uuid4().hex}")
    change = {"user": {"email": f"{uuid4().hex}@city.example"}}
    answer = shared("PATCH", f"/v1/users/{ann}", change, by=ann)
    assert (answer.status_code, answer.json()) == (200, {"values_updated": {}})


def test_new_password_ends_every_session(people: People) -> None:
    ann = people.add("ann")
    old = {"X-Auth-Token": people.token(ann)}
    url = f"/v1/users/{ann}"
    change = {"user": {"password": "another long password"}}
    assert people("PATCH", url, change, headers=old).status_code == 200
    assert people("GET", url, headers=old).status_code == 401
    assert people.sign_in("ann").status_code == 401
    assert people.sign_in("ann", "another long password").status_code == 201


def test_deleted_user_has_no_access_at_once(people: People) -> None:
    ann = people.add("ann")
    token = {"X-Auth-Token": people.token(ann)}
    assert people("GET", f"/v1/users/{ann}", headers=token).status_code == 200
    assert people("DELETE", f"/v1/users/{ann}").status_code == 204
    assert people("GET", f"/v1/users/{ann}", headers=token).status_code == 401
    assert people.sign_in("ann").status_code == 401


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_content_type_must_be_json(shared: People, method: str) -> None:
    url = "/v1/users" if method == "POST" else f"/v1/users/{shared.admin}"
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx"):
        refusal = shared.refused(method, url, wanted(), headers={"Content-Type": media_type})
        assert refusal == (400, "Missing parameter: header Content-Type: application/json")


def test_request_without_token_is_400_as_keyrock_has_it(shared: People) -> None:
    expected = (400, "Expecting to find X-Auth-token/Authorization in requests")
    for method, url in (("GET", "/v1"), ("GET", "/v1/users"), ("DELETE", "/v1/users/x")):
        assert shared.refused(method, url, by="") == expected


def test_token_that_is_not_valid_is_401(shared: People) -> None:
    for token in ("nonsense", "a.b.c", shared.token(shared.admin) + "x"):
        assert shared.refused("GET", "/v1", headers={"X-Auth-Token": token})[0] == 401


def test_token_may_come_as_bearer(shared: People) -> None:
    headers = {"Authorization": f"Bearer {shared.token(shared.admin)}"}
    assert shared("GET", "/v1", by="", headers=headers).json()["users_url"] == "/v1/users"


def test_unknown_path_and_method_have_the_envelope(shared: People) -> None:
    assert shared.refused("GET", "/v1/nothing")[0] == 404
    assert shared.refused("PUT", f"/v1/users/{shared.admin}", {})[0] == 405


def test_identifier_that_is_none_is_refused(shared: People) -> None:
    for part in ("x" * 300, "a%1Fb", "%00"):
        assert shared.refused("GET", f"/v1/users/{part}")[0] == 400


def test_every_change_is_audited_without_personal_data(people: People) -> None:
    created = people("POST", "/v1/users", wanted("ann")).json()["user"]["id"]
    people("PATCH", f"/v1/users/{created}", {"user": {"username": "secret name"}})
    people("DELETE", f"/v1/users/{created}")
    assert people.audited() == [
        (people.admin, action, created) for action in ("user:create", "user:update", "user:delete")
    ]
    items = people.dynamodb.scan(TableName=people.table)["Items"]
    trail = [row for row in items if row["pk"]["S"].startswith("audit")]
    assert "ann" not in repr(trail)
    assert "secret" not in repr(trail)
