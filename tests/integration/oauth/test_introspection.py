"""Introspection (RFC 7662): what is not good in every respect is inactive, and nothing more is told."""

import time
from typing import Any

import pytest

from city.clock import SECOND, now
from city.keys import key
from city.policy.accounts import KeyTerms
from city.policy.credentials import key_subject, new_key
from tests.accounts import put_account
from tests.integration.oauth.conftest import SECRET, City

INACTIVE = {"active": False}


def introspect(city: City, token: str, **request: Any) -> Any:
    answer = city.post("/oauth2/introspect", {"token": token}, **request)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def decider(city: City) -> dict[str, Any]:
    """What a resource server sends that may ask about every token."""
    token = city.pool.access_token("other", "other", "security/decide")
    return {"headers": {"Authorization": f"Bearer {token}"}, "auth": None}


def test_good_token_is_described(city: City) -> None:
    started = int(time.time())
    token = city.signed_in()["access_token"]
    facts = introspect(city, token)
    assert started <= facts.pop("iat") <= time.time()
    assert facts.pop("exp") > time.time()
    assert facts.pop("jti")
    assert facts == {
        "active": True,
        "token_type": "Bearer",
        "scope": "context/read openid",
        "client_id": "web",
        "sub": "user-1",
        "iss": "https://issuer.example/pool",
    }


BAD_CLAIMS: list[dict[str, Any]] = [
    {"exp": int(time.time()) - 1},
    {"iss": "https://issuer.example/other"},
    {"token_use": "id"},
    {"token_use": "refresh"},
    {"nbf": int(time.time()) + 600},
    {"client_id": "gone"},
]


@pytest.mark.parametrize("claims", BAD_CLAIMS)
def test_token_with_bad_claims_is_inactive(city: City, claims: dict[str, Any]) -> None:
    token = city.pool.access_token("user-1", "web", "openid", **claims)
    assert introspect(city, token, **decider(city)) == INACTIVE


@pytest.mark.parametrize("token", ["unknown", "a.b.c", "é", "x" * 9000, "sk_city_short"])
def test_what_is_no_token_is_inactive(city: City, token: str) -> None:
    assert introspect(city, token) == INACTIVE
    assert introspect(city, token, **decider(city)) == INACTIVE


@pytest.mark.parametrize("subject", ["user-1", "web"])
def test_token_of_a_disabled_user_or_client_is_inactive(city: City, subject: str) -> None:
    token = city.signed_in()["access_token"]
    city.accounts.set_active(subject, active=False)
    assert introspect(city, token, **decider(city)) == INACTIVE


def test_tokens_issued_before_a_subject_was_revoked_are_inactive(city: City) -> None:
    token = city.signed_in()["access_token"]
    city.accounts.revoke_tokens("user-1")
    assert introspect(city, token) == INACTIVE


def test_token_of_a_deleted_client_is_inactive(city: City) -> None:
    token = city.pool.access_token("user-1", "login", "openid")
    city.accounts.delete("login")
    assert introspect(city, token, **decider(city)) == INACTIVE


def test_client_learns_nothing_of_other_clients_tokens(city: City) -> None:
    token = city.signed_in()["access_token"]
    assert introspect(city, token, auth=("other", "s3")) == INACTIVE


def test_client_learns_of_tokens_of_applications_that_it_trusts(city: City) -> None:
    row = {"pk": {"S": key("application", "other")}, "sk": {"S": key("trusted", "web")}}
    city.dynamodb.put_item(TableName=city.table, Item=row)
    for token in (city.signed_in(), city.token("client_credentials").json()):
        assert introspect(city, token["access_token"], auth=("other", "s3"))["active"]


def test_client_learns_of_tokens_of_its_own_machine_client(city: City) -> None:
    token = city.token("client_credentials").json()["access_token"]
    assert introspect(city, token)["client_id"] == "web-machine"


def refused(city: City, **request: Any) -> tuple[int, str]:
    answer = city.post("/oauth2/introspect", {"token": "x"}, **request)
    return answer.status_code, answer.json()["error"]


def test_nobody_introspects_without_authenticating(city: City) -> None:
    assert refused(city, auth=None) == (401, "invalid_client")
    assert refused(city, auth=("web", "wrong")) == (401, "invalid_client")
    public = city.post("/oauth2/introspect", {"token": "x", "client_id": "login"})
    assert public.json()["error"] == "unauthorized_client"


def test_bearer_needs_the_scope_to_decide(city: City) -> None:
    token = city.pool.access_token("other", "other", "context/read")
    answer = refused(city, auth=None, headers={"Authorization": f"Bearer {token}"})
    assert answer == (403, "insufficient_scope")


def test_revoked_bearer_introspects_nothing(city: City) -> None:
    request = decider(city)
    city.accounts.set_active("other", active=False)
    assert refused(city, **request) == (401, "invalid_token")


def api_key(city: City, **terms: Any) -> tuple[str, str]:
    """A new API key: its text and its subject."""
    made = new_key()
    subject = key_subject(made.key_id)
    put_account(
        city.dynamodb,
        city.table,
        subject,
        kind="key",
        key=KeyTerms(made.secret_hash, **terms),
        scopes=frozenset({"context/read"}),
    )
    return made.text, subject


def test_api_key_is_described(city: City) -> None:
    text, subject = api_key(city)
    assert introspect(city, text, **decider(city)) == {
        "active": True,
        "token_type": "api_key",
        "scope": "context/read",
        "sub": subject,
    }


def test_api_key_that_has_ended_was_revoked_or_has_another_secret_is_inactive(city: City) -> None:
    asker = decider(city)
    ended, _ = api_key(city, ends=now() - SECOND)
    assert introspect(city, ended, **asker) == INACTIVE
    text, subject = api_key(city)
    assert introspect(city, new_key().text, **asker) == INACTIVE
    city.accounts.set_active(subject, active=False)
    assert introspect(city, text, **asker) == INACTIVE


def test_api_keys_are_nothing_to_ordinary_clients(city: City) -> None:
    text, _ = api_key(city)
    assert introspect(city, text, auth=("web", SECRET)) == INACTIVE
