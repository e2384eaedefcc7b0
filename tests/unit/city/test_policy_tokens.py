"""Which tokens are accepted: exactly those of the one issuer, and the keys that prove it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from city.errors import Unavailable
from city.policy.keys import MAX_AGE, REFRESH_INTERVAL, RETRY_INTERVAL, SigningKeys
from city.policy.tokens import MAX_LIFETIME, MAX_SKEW, InvalidToken, TokenVerifier
from tests.tokens import (
    ELLIPTIC_KEY,
    FORGED,
    ISSUER,
    KEY,
    NOW,
    OTHER_KEY,
    Clock,
    Issuer,
    claims,
    signed,
)


@pytest.fixture(scope="module")
def verify() -> Callable[[str], Any]:
    return TokenVerifier(ISSUER, SigningKeys(Issuer(KEY)), Clock()).verify


def test_good_token_tells_who_bears_it_and_since_when(verify: Callable[[str], Any]) -> None:
    verified = verify(signed(claims(sub="user-7")))
    assert verified.subject == "user-7"
    assert verified.client == "machine-1"
    assert verified.scopes == {"context/read", "context/write"}
    assert (verified.issued, verified.id, verified.session) == (NOW - 10, "c0ffee", "decaf")


def test_subject_of_a_machine_is_its_client(verify: Callable[[str], Any]) -> None:
    assert verify(signed(claims(sub=None, origin_jti=None))).subject == "machine-1"


@pytest.mark.parametrize("type", ["JWT", "at+jwt"])
def test_header_may_name_its_type(verify: Callable[[str], Any], type: str) -> None:
    assert verify(signed(claims(), typ=type)).client == "machine-1"


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED.keys())
def test_token_that_is_not_exactly_right_is_refused_without_reason(
    token: str, verify: Callable[[str], Any]
) -> None:
    with pytest.raises(InvalidToken, match=r"^the access token is not valid$"):
        verify(token)


@pytest.mark.parametrize(
    "good",
    [
        claims(exp=NOW + 1),
        claims(exp=NOW + MAX_LIFETIME),
        claims(iat=NOW + MAX_SKEW),
        claims(iat=NOW + MAX_SKEW, exp=NOW + MAX_SKEW + MAX_LIFETIME),
        claims(nbf=NOW + MAX_SKEW),
    ],
    ids=[
        "last second",
        "longest life",
        "issuer's clock ahead",
        "longest life by a clock ahead",
        "begins within the skew",
    ],
)
def test_token_at_the_edge_of_its_time_is_accepted(
    good: dict[str, Any], verify: Callable[[str], Any]
) -> None:
    assert verify(signed(good)).client == "machine-1"


def test_flood_of_unknown_key_ids_fetches_keys_at_most_once_a_minute() -> None:
    issuer, clock = Issuer(KEY), Clock(1000.0)
    keys = SigningKeys(issuer, clock)
    assert keys.find("key-1")
    for number in range(100):
        assert keys.find(f"forged-{number}") is None
    assert issuer.fetches == 1
    clock.now += REFRESH_INTERVAL
    assert keys.find("forged") is None
    assert issuer.fetches == 2


def test_new_key_of_the_issuer_is_found_after_a_minute() -> None:
    issuer, clock = Issuer(KEY), Clock(0.0)
    keys = SigningKeys(issuer, clock)
    assert keys.find("key-2") is None
    issuer.keys = (KEY, OTHER_KEY)
    clock.now += REFRESH_INTERVAL
    assert keys.find("key-2")


def test_withdrawn_key_dies_within_an_hour() -> None:
    issuer, clock = Issuer(KEY, OTHER_KEY), Clock(0.0)
    keys = SigningKeys(issuer, clock)
    assert keys.find("key-2")
    issuer.keys = (KEY,)
    clock.now += MAX_AGE
    assert keys.find("key-2") is None


def test_unreachable_issuer_is_503_and_tried_again_soon() -> None:
    issuer, clock = Issuer(KEY), Clock(0.0)
    issuer.failing = True
    keys = SigningKeys(issuer, clock)
    for _ in range(10):
        with pytest.raises(Unavailable):
            keys.find("key-1")
    assert issuer.fetches == 1
    issuer.failing = False
    clock.now += RETRY_INTERVAL
    assert keys.find("key-1")


def test_known_keys_stay_in_use_while_the_issuer_is_down() -> None:
    issuer, clock = Issuer(KEY), Clock(0.0)
    keys = SigningKeys(issuer, clock)
    keys.find("key-1")
    issuer.failing = True
    clock.now += MAX_AGE
    assert keys.find("key-1")


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":[]}',
        b'{"keys":1}',
        b"<html>",
        b'{"keys":[{"kty":"RSA","kid":"key-1"}]}',
        b'{"keys":[{"kty":"RSA","kid":"key-1","n":"AA","e":"AQAB"}]}',
        b'{"keys":[{"kty":"RSA","kid":"key-1","n":"!!","e":"AQAB"}]}',
    ],
)
def test_document_that_is_no_key_set_is_not_taken(document: bytes) -> None:
    with pytest.raises(Unavailable):
        SigningKeys(lambda: document, Clock(0.0)).find("key-1")


def test_keys_of_other_kinds_in_the_set_are_passed_over() -> None:
    document = json.dumps({"keys": [ELLIPTIC_KEY.as_dict(private=False), "junk"]}).encode()
    with pytest.raises(Unavailable):
        SigningKeys(lambda: document, Clock(0.0)).find("key-1")


@pytest.mark.parametrize(
    "members",
    [{"use": "enc"}, {"alg": "RS512"}, {"key_ops": ["encrypt"]}, {"kty": "EC"}],
    ids=["for encryption", "of another algorithm", "without verify", "of another kind"],
)
def test_key_for_another_purpose_is_not_taken(members: dict[str, Any]) -> None:
    document = json.dumps({"keys": [KEY.as_dict(private=False) | members]}).encode()
    with pytest.raises(Unavailable):
        SigningKeys(lambda: document, Clock(0.0)).find("key-1")


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_short_key_is_not_taken() -> None:
    short = RSAKey.generate_key(1024, {"kid": "key-1"})
    with pytest.raises(Unavailable):
        SigningKeys(Issuer(short), Clock(0.0)).find("key-1")
