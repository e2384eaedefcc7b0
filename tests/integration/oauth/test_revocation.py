"""Revocation (RFC 7009), and that it reaches access tokens that are out already."""

from typing import Any

import pytest

from city.policy import Operation, Policy
from city.policy.accounts import Accounts
from city.policy.tokens import InvalidToken
from tests.accounts import headers
from tests.integration.oauth.conftest import City


def is_accepted(city: City, token: str) -> bool:
    """Whether the policy that stands before every API lets the token pass."""
    accounts = Accounts(city.dynamodb, city.table, 0)
    verify = city.services.oauth.verify
    policy = Policy({("GET", "/"): Operation("read", None)}, verify, accounts.find, lambda _: None)
    try:
        policy.authorise("GET", "/", headers(authorization=f"Bearer {token}"))
    except InvalidToken:
        return False
    return True


def revoke(city: City, token: str, **request: Any) -> int:
    return city.post("/oauth2/revoke", {"token": token}, **request).status_code


@pytest.mark.parametrize("name", ["refresh_token", "access_token"])
def test_revoking_either_token_ends_the_whole_session(city: City, name: str) -> None:
    first = city.signed_in()
    second = city.token("refresh_token", refresh_token=first["refresh_token"]).json()
    assert is_accepted(city, first["access_token"])
    assert revoke(city, second[name]) == 200
    assert not is_accepted(city, first["access_token"])
    assert not is_accepted(city, second["access_token"])
    assert not city.is_active(second["access_token"])


def test_refreshing_a_session_ended_by_its_access_token_gives_dead_tokens(city: City) -> None:
    tokens = city.signed_in()
    revoke(city, tokens["access_token"])
    answer = city.token("refresh_token", refresh_token=tokens["refresh_token"])
    assert not is_accepted(city, answer.json()["access_token"])


def test_revoked_refresh_token_gives_nothing(city: City) -> None:
    token = city.signed_in()["refresh_token"]
    revoke(city, token)
    assert city.token("refresh_token", refresh_token=token).status_code == 400


def test_other_sessions_of_the_user_go_on(city: City) -> None:
    ended, other = city.signed_in(), city.signed_in()
    revoke(city, ended["refresh_token"])
    assert is_accepted(city, other["access_token"])
    assert city.token("refresh_token", refresh_token=other["refresh_token"]).status_code == 200


def test_token_of_a_machine_ends_alone(city: City) -> None:
    first, second = (city.token("client_credentials").json()["access_token"] for _ in range(2))
    assert revoke(city, first) == 200
    assert not is_accepted(city, first)
    assert is_accepted(city, second)


def test_user_without_rights_can_be_signed_out_too(city: City) -> None:
    token = city.pool.access_token("user-9", "web", "openid", origin_jti="s-9")
    assert revoke(city, token) == 200
    assert not is_accepted(city, token)


@pytest.mark.parametrize("token", ["unknown", "a.b.c", "é", "x" * 9000])
def test_what_is_no_token_is_revoked_already(city: City, token: str) -> None:
    answer = city.post("/oauth2/revoke", {"token": token, "token_type_hint": "access_token"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"


def test_token_of_another_client_is_refused_and_lives_on(city: City) -> None:
    tokens = city.signed_in()
    answer = city.post("/oauth2/revoke", {"token": tokens["access_token"]}, auth=("other", "s3"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert is_accepted(city, tokens["access_token"])


@pytest.mark.parametrize("auth", [("web", "wrong"), ("nobody", "x"), None])
def test_nobody_revokes_without_authenticating(city: City, auth: tuple[str, str] | None) -> None:
    token = city.signed_in()["access_token"]
    assert revoke(city, token, auth=auth) == 401
    assert is_accepted(city, token)


def test_public_client_revokes_by_the_token_alone(city: City) -> None:
    token = city.pool.access_token("user-1", "login", "openid", origin_jti="s-8")
    answer = city.post("/oauth2/revoke", {"token": token, "client_id": "login"})
    assert answer.status_code == 200
    assert not is_accepted(city, token)


def test_missing_token_is_refused(city: City) -> None:
    answer = city.post("/oauth2/revoke", {"token_type_hint": "refresh_token"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_revoked_session_ends_at_once_for_userinfo(city: City) -> None:
    tokens = city.signed_in()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert city.get("/oauth2/userinfo", headers=bearer).json()["sub"] == "user-1"
    revoke(city, tokens["refresh_token"])
    refused = city.get("/oauth2/userinfo", headers=bearer)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
