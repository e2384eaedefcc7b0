"""The one credential of a request, and API keys."""

import re
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.policy.accounts import KeyTerms
from city.policy.credentials import (
    Presented,
    hash_of,
    is_honoured,
    new_key,
    parse_key,
    presented,
    presented_token,
)
from city.policy.tokens import InvalidToken
from tests.accounts import headers

NOW = 1_800_000_000_000_000


@pytest.mark.parametrize(
    ("authorization", "auth_token", "token"),
    [
        ([], [], None),
        (["Bearer a.b.c"], [], "a.b.c"),
        (["bearer a.b.c"], [], "a.b.c"),
        (["BEARER  a.b.c "], [], "a.b.c"),
        ([], ["a.b.c"], "a.b.c"),
        (["Bearer a.b.c"], ["a.b.c"], "a.b.c"),
    ],
)
def test_token_comes_as_bearer_or_auth_token(
    authorization: list[str], auth_token: list[str], token: str | None
) -> None:
    assert presented_token(authorization, auth_token) == token


@pytest.mark.parametrize(
    ("authorization", "auth_token"),
    [
        (["Bearer a.b.c"], ["d.e.f"]),
        (["Bearer a.b.c", "Bearer a.b.c"], []),
        (["Bearer a.b.c", "Bearer d.e.f"], []),
        ([], ["a.b.c", "a.b.c"]),
        (["Basic dXNlcjpwYXNz"], []),
        (["Basic dXNlcjpwYXNz"], ["a.b.c"]),
        (["a.b.c"], []),
        (["Bearer"], []),
        (["Bearer a b"], []),
        ([""], []),
    ],
)
def test_credentials_that_can_be_read_in_two_ways_are_refused(
    authorization: list[str], auth_token: list[str]
) -> None:
    with pytest.raises(InvalidToken):
        presented_token(authorization, auth_token)


def test_key_comes_alone() -> None:
    assert presented(headers(x_api_key="k")) == Presented(key="k")
    assert presented(headers()) == Presented()
    assert presented(headers(x_auth_token="t")) == Presented(token="t")


@pytest.mark.parametrize(
    "several",
    [
        {"x_api_key": "k", "authorization": "Bearer t"},
        {"x_api_key": "k", "authorization": "Bearer k"},
        {"x_api_key": "k", "x_auth_token": "t"},
        {"x_api_key": "k", "x_auth_token": ""},
        {"x_api_key": ["k", "k"]},
    ],
)
def test_key_beside_another_credential_is_refused(several: dict[str, str | list[str]]) -> None:
    with pytest.raises(InvalidToken):
        presented(headers(**several))


def test_new_key_is_recognised_by_scanners_and_by_us() -> None:
    key = new_key()
    assert re.fullmatch(r"sk_city_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}", key.text)
    key_id, secret = parse_key(key.text)
    assert key_id == key.key_id
    assert hash_of(secret) == key.secret_hash
    assert secret not in key.secret_hash


def test_keys_are_random() -> None:
    keys = {new_key().text for _ in range(100)}
    assert len(keys) == 100
    characters = {character for key in keys for character in key[21:53]}
    assert characters == {*ascii_letters, *digits}


KEY = new_key().text


@given(st.integers(0, len(KEY) - 1), st.sampled_from(ascii_letters + digits + "_- \n"))
def test_key_with_one_other_character_is_refused_before_any_look_up(
    position: int, character: str
) -> None:
    if KEY[position] != character:
        with pytest.raises(InvalidToken):
            parse_key(KEY[:position] + character + KEY[position + 1 :])


@pytest.mark.parametrize(
    "text", ["", "sk_city", KEY + "\n", " " + KEY, KEY[:-1], KEY + KEY, KEY.upper(), "٣" * 60]
)
def test_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        parse_key(text)


def honoured(
    terms: KeyTerms, secret: str = "s", origins: tuple[str, ...] = (), address: str = "192.0.2.7"
) -> bool:
    return is_honoured(terms, secret, origins, address, NOW)


def test_key_needs_its_secret() -> None:
    assert honoured(KeyTerms(hash_of("s")))
    assert not honoured(KeyTerms(hash_of("s")), secret="S")
    assert not honoured(KeyTerms(""), secret="")


def test_key_ends_at_its_moment() -> None:
    assert honoured(KeyTerms(hash_of("s"), ends=NOW + 1))
    assert not honoured(KeyTerms(hash_of("s"), ends=NOW))


@pytest.mark.parametrize(
    ("origins", "accepted"),
    [
        (("https://map.example",), True),
        (("https://map.example.evil",), False),
        (("http://map.example",), False),
        (("null",), False),
        ((), False),
        (("https://map.example", "https://map.example"), False),
    ],
)
def test_key_bound_to_origins(origins: tuple[str, ...], *, accepted: bool) -> None:
    terms = KeyTerms(hash_of("s"), origins=frozenset({"https://map.example"}))
    assert honoured(terms, origins=origins) is accepted


@pytest.mark.parametrize(
    ("address", "accepted"),
    [
        ("192.0.2.0", True),
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("::ffff:192.0.2.7", True),
        ("::ffff:198.51.100.1", False),
        ("", False),
        ("192.0.2.7, 10.0.0.1", False),
        ("localhost", False),
    ],
)
def test_key_bound_to_networks(address: str, *, accepted: bool) -> None:
    terms = KeyTerms(hash_of("s"), networks=("192.0.2.0/24", "2001:db8::/32"))
    assert honoured(terms, address=address) is accepted
