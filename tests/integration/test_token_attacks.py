"""Every forged credential we know, over HTTP: always 401, always the same answer, nothing changed.

The requests take the whole way through the application; only the issuer's keys and the clock are
fixed, since what is forged about some tokens is their time.
"""

from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import Any

import pytest
from fastapi import FastAPI

from city import aws
from city.clock import SECOND
from city.policy import Policy
from city.policy.accounts import Accounts, KeyTerms
from city.policy.credentials import new_key
from city.policy.keys import SigningKeys
from city.policy.quotas import Quotas
from city.policy.tokens import TokenVerifier
from context.ngsi_v2.access import RULES
from tests.accounts import put_account
from tests.conftest import create_context_table, create_security_table
from tests.integration.api import Api, api_settings
from tests.tokens import FORGED, ISSUER, KEY, NOW, Clock, Issuer, claims, signed

ISSUER_OF_KEYS = Issuer(KEY)

REFUSAL = {"error": "Unauthorized", "description": "the access token is not valid"}
CHALLENGE = 'Bearer realm="city", error="invalid_token"'

GOOD = signed(claims())
UNKNOWN_KEY = new_key().text


def by(**changes: Any) -> str:
    """A good token of another subject."""
    return f"Bearer {signed(claims(**changes))}"


BY_TOKEN_HEADER = ("empty", "unsigned", "expired", "id token", "another pool", "blank in front")
"""Sent as X-Auth-Token; a blank in front of a bearer token belongs to the header, not to it."""

REQUESTS: dict[str, list[tuple[str, str]]] = {
    name: [("X-Auth-Token", token)]
    if name in BY_TOKEN_HEADER
    else [("Authorization", f"Bearer {token}")]
    for name, token in FORGED.items()
} | {
    "two tokens": [("Authorization", f"Bearer {GOOD}"), ("X-Auth-Token", signed(claims(sub="v")))],
    "good token beside a forged one": [
        ("Authorization", f"Bearer {GOOD}"),
        ("X-Auth-Token", "forged"),
    ],
    "authorization twice": [("Authorization", f"Bearer {GOOD}")] * 2,
    "authorization twice, folded": [("Authorization", f"Bearer {GOOD}, Bearer {GOOD}")],
    "two tokens, folded": [("X-Auth-Token", f"{GOOD},{GOOD}")],
    "token beside an API key": [("Authorization", f"Bearer {GOOD}"), ("X-API-Key", UNKNOWN_KEY)],
    "token as API key": [("X-API-Key", GOOD)],
    "API key as token": [("Authorization", f"Bearer {UNKNOWN_KEY}")],
    "API key unknown": [("X-API-Key", UNKNOWN_KEY)],
    "API key malformed": [("X-API-Key", "sk_city_0_0_0")],
    "API key empty": [("X-API-Key", "")],
    "other scheme": [("Authorization", f"Basic {GOOD}")],
    "scheme alone": [("Authorization", "Bearer")],
    "authorization empty": [("Authorization", "")],
    "token without a scheme": [("Authorization", GOOD)],
    "client deleted": [("Authorization", by(sub="deleted", client_id="deleted"))],
    "client switched off": [("Authorization", by(sub="user-7", client_id="off"))],
    "user switched off": [("Authorization", by(sub="off"))],
    "all tokens of the user revoked": [("Authorization", by(sub="revoked"))],
    "session revoked": [("Authorization", by(sub="user-7", origin_jti="ended"))],
    "token revoked": [("Authorization", by(sub="user-7", jti="lost"))],
}  # fmt: skip


def application(api: Api) -> FastAPI:
    """What answers the requests, inside what surrounds it."""
    assert isinstance(api.app.app, FastAPI)
    return api.app.app


@pytest.fixture(scope="module")
def city() -> Iterator[Api]:
    dynamodb = aws.client("dynamodb")
    table, security = create_context_table(dynamodb), create_security_table(dynamodb)
    put_account(dynamodb, security, "machine-1")
    put_account(dynamodb, security, "off", active=False)
    put_account(dynamodb, security, "revoked", kind="user", revoked_before=NOW * SECOND)
    put_account(dynamodb, security, "user-7", kind="user", revoked=frozenset({"ended", "lost"}))
    put_account(dynamodb, security, "public", kind="public")
    api = Api(api_settings(table, security_table=security, public_access=False), dynamodb)
    application(api).state.policy = Policy(
        RULES,
        TokenVerifier(ISSUER, SigningKeys(ISSUER_OF_KEYS), Clock()).verify,
        Accounts(dynamodb, security).find,
        Quotas(dynamodb, security).spend,
    )
    yield api
    api.close()
    dynamodb.delete_table(TableName=table)
    dynamodb.delete_table(TableName=security)


@pytest.mark.parametrize("headers", REQUESTS.values(), ids=REQUESTS.keys())
def test_forged_credential_is_401_with_the_one_answer(
    city: Api, headers: list[tuple[str, str]]
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    body = {"id": "Room1", "type": "Room"}
    with city.unchanged():
        for method, url, more in (
            ("POST", "/v2/entities", {"json": body}),
            ("GET", "/v2/entities", {}),
            ("GET", "/version", {}),
        ):
            answer = city(method, url, headers=raw, **more)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == CHALLENGE
            assert answer.json() == REFUSAL


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_good_token_is_accepted_beside_all_the_forged_ones(city: Api, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {GOOD}", "X-Auth-Token": GOOD}
    assert city.get("/v2/entities", headers=headers).status_code == 200


def test_list_of_attacks_has_every_kind() -> None:
    assert len(REQUESTS) >= 120


def test_flood_of_unknown_key_ids_asks_the_issuer_once(city: Api) -> None:
    city.get("/v2/entities", headers={"X-Auth-Token": GOOD})
    before = ISSUER_OF_KEYS.fetches
    for number in range(50):
        forged = signed(claims(), kid=f"flood-{number}")
        assert city.get("/v2/entities", headers={"X-Auth-Token": forged}).status_code == 401
    assert ISSUER_OF_KEYS.fetches - before <= 1


@pytest.mark.parametrize("credential", [{}, {"X-Auth-Token": signed(claims(scope="context/read"))}])
def test_identity_headers_of_the_client_count_for_nothing(
    city: Api, credential: dict[str, str]
) -> None:
    claimed = {
        "X-Nick-Name": "mayor",
        "X-Roles": "admin",
        "X-Forwarded-User": "machine-1",
        "X-Amzn-Oidc-Identity": "machine-1",
        "X-Subject": "machine-1",
        "X-HTTP-Method-Override": "GET",
    }
    with city.unchanged():
        answer = city.post(
            "/v2/entities", {"id": "Room1", "type": "Room"}, headers=claimed | credential
        )
    assert answer.status_code == (403 if credential else 401)


def test_token_shows_nowhere_in_the_refusal(city: Api) -> None:
    for headers in ({"X-Auth-Token": FORGED["expired"]}, {"X-API-Key": UNKNOWN_KEY}):
        answer = city.get("/v2/entities", headers=headers)
        (secret,) = headers.values()
        assert secret not in answer.text
        assert secret not in repr(answer.headers)


def test_wrong_secret_of_a_known_key_answers_as_an_unknown_key(city: Api) -> None:
    key, other = new_key(), new_key()
    security = application(city).state.settings.security_table
    terms = KeyTerms(other.secret_hash)
    put_account(aws.client("dynamodb"), security, f"key:{key.key_id}", kind="key", key=terms)
    for text in (key.text, other.text):
        answer = city.get("/v2/entities", headers={"X-API-Key": text})
        assert (answer.status_code, answer.json()) == (401, REFUSAL)


def test_refusing_takes_about_the_same_time_whatever_is_wrong() -> None:
    """Within a factor of 20, i.e. microseconds: nobody learns from it which check failed."""
    verify = TokenVerifier(ISSUER, SigningKeys(Issuer(KEY)), Clock()).verify
    times = []
    for name in ("signed by another key", "expired", "another pool", "id token", "no scope"):
        rounds = []
        for _ in range(15):
            started = perf_counter()
            with pytest.raises(Exception, match="not valid"):
                verify(FORGED[name])
            rounds.append(perf_counter() - started)
        times.append(median(rounds))
    assert max(times) < 20 * min(times)
