"""`/v1/auth/tokens`: signing in, what a token is worth, signing out."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.accounts import put_account
from tests.integration.people.city import PASSWORD, People

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TOKENS = "/v1/auth/tokens"
BAD_LOGIN = (401, "Invalid email or password")


def test_password_gives_a_token_in_a_header(people: People) -> None:
    ann = people.add("ann")
    answer = people.sign_in("ann")
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["token"]["methods"] == ["password"]
    assert body["token"]["expires_at"].endswith("Z")
    assert body["idm_authorization_config"] == {"level": "basic", "authzforce": False}
    token = answer.headers["x-subject-token"]
    assert token not in answer.text
    headers = {"X-Auth-Token": token}
    assert people("GET", f"/v1/users/{ann}", headers=headers).json()["user"]["id"] == ann


def test_token_is_exchanged_for_itself(people: People) -> None:
    ann = people.add("ann")
    token = people.token(ann)
    answer = people("POST", TOKENS, {"token": token}, by="")
    assert (answer.status_code, answer.json()["token"]["methods"]) == (201, ["token"])
    assert answer.headers["x-subject-token"] == token


def test_password_and_token_must_be_of_one_user(people: People) -> None:
    ann, bob = people.add("ann"), people.add("bob")
    body = {"name": "ann@city.example", "password": PASSWORD}
    both = people("POST", TOKENS, body | {"token": people.token(ann)}, by="")
    assert both.json()["token"]["methods"] == ["password", "token"]
    mixed = people.refused("POST", TOKENS, body | {"token": people.token(bob)}, by="")
    assert mixed == (401, "Token not correspond to user")


def test_every_sign_in_that_fails_has_one_answer(people: People) -> None:
    people.add("ann")
    people.cognito.admin_disable_user(UserPoolId=people.pool, Username=people.add("off"))
    people.cognito.admin_create_user(UserPoolId=people.pool, Username="new@city.example")
    address = "ann@city.example"
    bodies: list[dict[str, Any]] = [
        {},
        {"name": address},
        {"password": PASSWORD},
        {"name": address, "password": "wrong"},
        {"name": "nobody@city.example", "password": PASSWORD},
        {"name": "off@city.example", "password": PASSWORD},
        {"name": "new@city.example", "password": PASSWORD},
        {"name": "no address", "password": PASSWORD},
        {"name": [address], "password": PASSWORD},
        {"name": address, "password": {"$ne": ""}},
        {"name": address, "password": 1},
        {"token": "nonsense"},
        {"token": ["nonsense"]},
        {"token": ""},
        {"token": people.token("nobody", client_id="unknown")},
        {"name": "pep_proxy_nobody", "password": PASSWORD},
        {"name": "iot_sensor_nobody", "password": PASSWORD},
    ]
    answers = {people("POST", TOKENS, body, by="").text for body in bodies}
    assert [people.refused("POST", TOKENS, body, by="") for body in bodies] == [
        BAD_LOGIN for _ in bodies
    ]
    assert len(answers) == 1


def test_disabled_user_cannot_sign_in_and_its_tokens_die(people: People) -> None:
    ann = people.add("ann")
    token = {"X-Auth-Token": people.token(ann)}
    url = f"/access/v1/subjects/{ann}"
    assert people("POST", f"{url}/disable").status_code == 204
    assert people("GET", f"/v1/users/{ann}", headers=token).status_code == 401
    assert people.sign_in("ann").status_code == 401
    assert people("GET", f"/v1/users/{ann}").json()["user"]["enabled"] is False
    assert people("POST", f"{url}/enable").status_code == 204
    assert people("GET", f"/v1/users/{ann}", headers=token).status_code == 401
    assert people.sign_in("ann").status_code == 201


@pytest.fixture
def strict(dynamodb: "DynamoDBClient", security_table: str) -> Any:
    """A city that takes no passwords, as in production."""
    city = People(dynamodb, security_table, password_grant=False)
    yield city
    city.close()


def test_passwords_are_refused_unless_the_deployment_takes_them(strict: People) -> None:
    strict.add("ann")
    for name in ("ann", "nobody"):
        answer = strict.sign_in(name)
        assert answer.status_code == 401
        assert answer.json()["error"]["message"].startswith("passwords are not taken here")
        assert "x-subject-token" not in answer.headers


def test_token_tells_whose_it_is(people: People) -> None:
    ann = people.add("ann")
    token = people.token(ann)
    answer = people("GET", TOKENS, headers={"X-Auth-Token": token, "X-Subject-Token": token})
    assert answer.status_code == 200
    body = answer.json()
    assert body == {
        "access_token": token,
        "expires": body["expires"],
        "valid": True,
        "User": {
            "id": ann,
            "username": "ann",
            "email": "ann@city.example",
            "date_password": body["User"]["date_password"],
            "enabled": True,
            "admin": False,
        },
    }


def test_token_of_a_machine_tells_its_name_only(people: People) -> None:
    put_account(people.dynamodb, people.table, "machine-1", grants=())
    token = people.token("machine-1")
    answer = people("GET", TOKENS, headers={"X-Subject-Token": token})
    assert answer.json()["PepProxy"] == {"id": "machine-1"}


def test_administrator_may_ask_about_every_token_and_others_about_their_own(
    people: People,
) -> None:
    ann, bob = people.add("ann"), people.add("bob")
    subject = {"X-Subject-Token": people.token(ann)}
    assert people("GET", TOKENS, headers=subject).json()["User"]["id"] == ann
    assert people.refused("GET", TOKENS, by=bob, headers=subject) == BAD_LOGIN
    assert people.refused("GET", TOKENS, by="", headers=subject) == BAD_LOGIN
    assert people.refused("GET", TOKENS, by=ann) == BAD_LOGIN
    assert people.refused("GET", TOKENS, by=ann, headers={"X-Subject-Token": "x"}) == BAD_LOGIN


def test_deleted_token_and_its_whole_session_are_dead(people: People) -> None:
    ann = people.add("ann")
    token = people.token(ann, origin_jti="session-1")
    sibling = people.token(ann, origin_jti="session-1")
    other = people.token(ann)
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    assert people("DELETE", TOKENS, headers=headers).status_code == 204
    url = f"/v1/users/{ann}"
    for dead in (token, sibling):
        assert people("GET", url, headers={"X-Auth-Token": dead}).status_code == 401
    assert people("GET", url, headers={"X-Auth-Token": other}).status_code == 200
    again = people.refused("DELETE", TOKENS, headers={"X-Subject-Token": token})
    assert again == (404, "Subject Token not found")


def test_token_of_a_deleted_user_is_worth_nothing(people: People) -> None:
    ann = people.add("ann")
    subject = {"X-Subject-Token": people.token(ann)}
    assert people("GET", TOKENS, headers=subject).status_code == 200
    assert people("DELETE", f"/v1/users/{ann}").status_code == 204
    assert people.refused("GET", TOKENS, headers=subject) == BAD_LOGIN
    exchange = {"token": subject["X-Subject-Token"]}
    assert people.refused("POST", TOKENS, exchange, by="") == BAD_LOGIN


def test_token_is_deleted_by_its_owner_or_an_administrator(people: People) -> None:
    ann, bob = people.add("ann"), people.add("bob")
    subject = {"X-Subject-Token": people.token(ann)}
    assert people.refused("DELETE", TOKENS, by=bob, headers=subject) == (
        403,
        "User must be admin or owner of the two tokens",
    )
    assert people.refused("DELETE", TOKENS) == (404, "Subject Token not found")
    assert people.refused("DELETE", TOKENS, by="", headers=subject)[0] == 400
    assert people("DELETE", TOKENS, headers=subject).status_code == 204
    assert people.audited() == [(people.admin, "token:delete", ann)]


def test_no_token_or_password_is_logged(people: People, caplog: pytest.LogCaptureFixture) -> None:
    people.add("ann")
    token = people.sign_in("ann").headers["x-subject-token"]
    people("GET", TOKENS, headers={"X-Auth-Token": token, "X-Subject-Token": token})
    people.sign_in("ann", "a wrong password here")
    logged = repr([vars(record) for record in caplog.records])
    assert TOKENS in logged
    for secret in (token, PASSWORD, "a wrong password here", "ann@city.example"):
        assert secret not in logged
