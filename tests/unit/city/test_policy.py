"""The policy: which tokens are accepted, and what a caller may do with one."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from joserfc import jwe, jws
from joserfc.jwk import ECKey, RSAKey
from starlette.datastructures import Headers
from urllib3.exceptions import HTTPError

from city.clock import SECOND
from city.errors import Forbidden, Unauthenticated, Unavailable
from city.policy import PUBLIC, MissingScope, Operation, Policy, Subject
from city.policy.accounts import Account
from city.policy.credentials import presented_token
from city.policy.grants import Action
from city.policy.keys import MAX_AGE, REFRESH_INTERVAL, RETRY_INTERVAL, SigningKeys
from city.policy.tokens import MAX_LIFETIME, MAX_SKEW, MAX_TOKEN_LENGTH, InvalidToken, TokenVerifier
from city.tenancy import ROOT
from tests.accounts import FULL_GRANTS, headers

ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_City"
NOW = 1_800_000_000

KEY = RSAKey.generate_key(2048, {"kid": "key-1"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "key-2"})
ELLIPTIC_KEY = ECKey.generate_key("P-256", {"kid": "key-1"})


def key_set(*keys: RSAKey) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token; None leaves a claim out."""
    good = {
        "iss": ISSUER,
        "sub": "machine-1",
        "client_id": "machine-1",
        "token_use": "access",
        "scope": "context/read context/write",
        "iat": NOW - 10,
        "exp": NOW + 3600,
        "jti": "c0ffee",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(
    payload: dict[str, Any] | bytes, key: Any = KEY, *, alg: str = "RS256", **header: Any
) -> str:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    members = {"alg": alg, "kid": "key-1"} | header
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jws.serialize_compact(members, content, key, registry=registry)


def segment(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def with_header(text: str) -> str:
    """A token whose header is this text, signed correctly over it."""
    header = urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
    content = f"{header}.{segment(claims())}"
    algorithm = jws.JWSRegistry.algorithms["RS256"]
    signature = algorithm.sign(content.encode(), KEY)
    return f"{content}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def keyed_with(secret: bytes) -> str:
    """A token signed with HMAC, as if what everybody knows were a shared secret."""
    content = f"{segment({'alg': 'HS256', 'kid': 'key-1'})}.{segment(claims())}"
    code = hmac.digest(secret, content.encode(), "sha256")
    return f"{content}.{urlsafe_b64encode(code).rstrip(b'=').decode()}"


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Issuer:
    """Serves a key set and counts how often it is asked."""

    def __init__(self, *keys: RSAKey) -> None:
        self.keys = keys
        self.fetches = 0
        self.failing = False

    def __call__(self) -> bytes:
        self.fetches += 1
        if self.failing:
            raise HTTPError("no route")
        return key_set(*self.keys)


@pytest.fixture(scope="module")
def verify() -> Callable[[str], Any]:
    return TokenVerifier(ISSUER, SigningKeys(Issuer(KEY)), Clock(NOW)).verify


def test_good_token_tells_subject_client_and_scopes(verify: Callable[[str], Any]) -> None:
    verified = verify(signed(claims(sub="user-7")))
    assert verified.subject == "user-7"
    assert verified.client == "machine-1"
    assert verified.scopes == {"context/read", "context/write"}


def test_verified_header_may_name_its_type(verify: Callable[[str], Any]) -> None:
    assert verify(signed(claims(), typ="JWT")).client == "machine-1"


FORGED = {
    "unsigned": f"{segment({'alg': 'none', 'kid': 'key-1'})}.{segment(claims())}.",
    "unsigned, mixed case": f"{segment({'alg': 'nOnE', 'kid': 'key-1'})}.{segment(claims())}.AA",
    "empty algorithm": f"{segment({'alg': '', 'kid': 'key-1'})}.{segment(claims())}.AA",
    "algorithm missing": f"{segment({'kid': 'key-1'})}.{segment(claims())}.AA",
    "algorithm a list": f"{segment({'alg': ['RS256'], 'kid': 'key-1'})}.{segment(claims())}.AA",
    "HS256 keyed with the public key as PEM": keyed_with(KEY.as_pem(private=False)),
    "HS256 keyed with the public key as DER": keyed_with(KEY.as_der(private=False)),
    "HS256 keyed with the public key as JWK": keyed_with(
        json.dumps(KEY.as_dict(private=False)).encode()
    ),
    "PS256 of the right key": signed(claims(), alg="PS256"),
    "ES256": signed(claims(), ELLIPTIC_KEY, alg="ES256"),
    "ES256 with a signature of zeros": (
        f"{segment({'alg': 'ES256', 'kid': 'key-1'})}.{segment(claims())}.{'A' * 86}"
    ),
    "RS256 with a signature of zeros": (
        f"{segment({'alg': 'RS256', 'kid': 'key-1'})}.{segment(claims())}.{'A' * 342}"
    ),
    "signed by another key": signed(claims(), OTHER_KEY),
    "key in the header": signed(claims(), OTHER_KEY, jwk=OTHER_KEY.as_dict(private=False)),
    "key address in the header": signed(claims(), jku="https://evil.example/jwks.json"),
    "certificate address in the header": signed(claims(), x5u="https://evil.example/cert"),
    "critical extension": with_header('{"alg":"RS256","kid":"key-1","crit":["exp"]}'),
    "unencoded payload": with_header('{"alg":"RS256","kid":"key-1","b64":false,"crit":["b64"]}'),
    "repeated header member": with_header('{"alg":"none","alg":"RS256","kid":"key-1"}'),
    "type a list": with_header('{"alg":"RS256","kid":"key-1","typ":[]}'),
    "unknown type": signed(claims(), typ="id+jwt"),
    "key id unknown": signed(claims(), kid="key-9"),
    "key id missing": with_header('{"alg":"RS256"}'),
    "key id not a text": with_header('{"alg":"RS256","kid":1}'),
    "key id a path": signed(claims(), kid="../../../../dev/null"),
    "key id a query": signed(claims(), kid="key-1' OR '1'='1"),
    "key id an address": signed(claims(), kid="https://evil.example/key"),
    "key id with NUL": signed(claims(), kid="key-1\0"),
    "key id very long": signed(claims(), kid="k" * 400),
    "header an array": with_header('["RS256"]'),
    "header deep": f"{urlsafe_b64encode(b'[' * 3000).rstrip(b'=').decode()}.{segment({})}.AA",
    "expired": signed(claims(exp=NOW - 1)),
    "expires this moment": signed(claims(exp=NOW)),
    "no expiry": signed(claims(exp=None)),
    "expiry a text": signed(claims(exp=str(NOW + 60))),
    "expiry a fraction": signed(claims(exp=NOW + 60.5)),
    "expiry true": signed(claims(exp=True)),
    "expiry centuries away": signed(claims(exp=10**30)),
    "expiry past the longest life": signed(claims(exp=NOW + MAX_LIFETIME + 1)),
    "issued in the future": signed(claims(iat=NOW + MAX_SKEW + 1)),
    "no time of issue": signed(claims(iat=None)),
    "not valid yet": signed(claims(nbf=NOW + MAX_SKEW + 1)),
    "not-before a text": signed(claims(nbf="0")),
    "issuer with a slash more": signed(claims(iss=ISSUER + "/")),
    "issuer cut": signed(claims(iss=ISSUER[:-1])),
    "issuer with a prefix": signed(claims(iss="x" + ISSUER)),
    "another pool": signed(claims(iss=ISSUER.replace("_City", "_Other"))),
    "another region": signed(claims(iss=ISSUER.replace("west", "central"))),
    "no issuer": signed(claims(iss=None)),
    "issuer a list": signed(claims(iss=[ISSUER])),
    "id token": signed(claims(token_use="id", aud="machine-1", client_id=None)),
    "refresh token": signed(claims(token_use="refresh")),
    "no token use": signed(claims(token_use=None)),
    "token use a list": signed(claims(token_use=["access"])),
    "no client": signed(claims(client_id=None)),
    "empty client": signed(claims(client_id="")),
    "no scope": signed(claims(scope=None)),
    "scope a list": signed(claims(scope=["context/read"])),
    "claims an array": signed(b"[1]"),
    "claims no JSON": signed(b"access"),
    "repeated claim": signed(b'{"exp":1,' + json.dumps(claims()).encode()[1:]),
    "token inside a token": signed(signed(claims()).encode()),
    "encrypted": jwe.encrypt_compact(
        {"alg": "RSA-OAEP", "enc": "A128GCM"}, json.dumps(claims()).encode(), KEY
    ),
    "detached content": ".".join([signed(claims()).split(".")[0], "", "AA"]),
    "four segments": signed(claims()) + ".AA",
    "two segments": signed(claims()).rpartition(".")[0],
    "line break at the end": signed(claims()) + "\n",
    "blank in front": " " + signed(claims()),
    "padded": signed(claims()) + "==",
    "standard alphabet": signed(claims(note="?>?>?>")).replace("_", "/").replace("-", "+") + "+",
    "too long": signed(claims(note="x" * MAX_TOKEN_LENGTH)),
    "empty": "",
    "a word": "token",
}


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
        claims(nbf=NOW + MAX_SKEW),
    ],
    ids=["last second", "longest life", "issuer's clock ahead", "begins within the skew"],
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


def bearer(payload: dict[str, Any]) -> Headers:
    return headers(authorization=f"Bearer {signed(payload)}")


RULES = {
    ("GET", "/open"): Operation("thing:look", None),
    ("GET", "/things"): Operation("thing:read", "context/read"),
    ("POST", "/things"): Operation("thing:create", "context/subscribe"),
}
GOOD = headers(authorization=f"Bearer {signed(claims())}")


MACHINE = Account("machine-1", "application", grants=FULL_GRANTS)


class Directory:
    """Accounts in memory; `spent` are the subjects whose requests were counted."""

    def __init__(self, *accounts: Account) -> None:
        self.accounts = {account.subject: account for account in accounts}
        self.spent: list[str] = []
        self.reads: list[list[str]] = []

    def find(self, subjects: Iterable[str]) -> dict[str, Account]:
        self.reads.append([*subjects])
        return {id: self.accounts[id] for id in self.reads[-1] if id in self.accounts}

    def spend(self, account: Account) -> None:
        self.spent.append(account.subject)


def policy_of(
    verify: Callable[[str], Any], *accounts: Account, public_access: bool = False
) -> Policy:
    directory = Directory(*accounts)
    return Policy(
        RULES,
        verify,
        directory.find,
        directory.spend,
        public_access=public_access,
        clock=lambda: NOW * SECOND,
    )


@pytest.fixture
def policy(verify: Callable[[str], Any]) -> Policy:
    return policy_of(verify, MACHINE)


@pytest.fixture
def public_policy(verify: Callable[[str], Any]) -> Policy:
    return policy_of(verify, MACHINE, public_access=True)


@pytest.mark.parametrize("public_access", [False, True])
def test_route_without_a_rule_is_forbidden_to_everybody(
    verify: Callable[[str], Any], *, public_access: bool
) -> None:
    policy = policy_of(verify, MACHINE, public_access=public_access)
    for credentials in (headers(), GOOD):
        with pytest.raises(Forbidden):
            policy.authorise("DELETE", "/things", credentials)


def test_open_operation_needs_no_token(policy: Policy) -> None:
    assert policy.authorise("GET", "/open", headers()).subject is PUBLIC


def test_other_operations_need_a_token(policy: Policy) -> None:
    with pytest.raises(Unauthenticated):
        policy.authorise("GET", "/things", headers())


def test_token_with_the_scope_is_let_through(policy: Policy) -> None:
    caller = policy.authorise("GET", "/things", GOOD)
    scopes = frozenset({"context/read", "context/write"})
    assert caller.subject == Subject("machine-1", "machine-1", scopes, token_id="c0ffee")
    assert caller.account is MACHINE
    assert caller.access.allows(Action.READ, "city", ROOT, "Room", "room1")


def test_token_without_the_scope_is_told_which(policy: Policy) -> None:
    with pytest.raises(MissingScope, match="context/subscribe"):
        policy.authorise("POST", "/things", GOOD)


@pytest.mark.parametrize("scope", ["context/readx", "xcontext/read", "context", "CONTEXT/READ", ""])
def test_scope_is_compared_whole(policy: Policy, scope: str) -> None:
    with pytest.raises(MissingScope):
        policy.authorise("GET", "/things", bearer(claims(scope=scope)))


def test_public_access_grants_everything_without_a_token(public_policy: Policy) -> None:
    caller = public_policy.authorise("POST", "/things", headers())
    assert caller.subject is PUBLIC
    assert caller.access.is_unlimited


@pytest.mark.parametrize("route", ["/open", "/things"])
def test_bad_token_is_refused_even_where_none_is_needed(public_policy: Policy, route: str) -> None:
    with pytest.raises(InvalidToken):
        public_policy.authorise("GET", route, headers(authorization="Bearer forged"))
