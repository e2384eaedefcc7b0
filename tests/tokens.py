"""Access tokens for tests: good ones of an issuer, and every way we know to forge one."""

import gzip
import hmac
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from joserfc import jwe, jws
from joserfc.jwk import ECKey, RSAKey
from urllib3.exceptions import HTTPError

from city.policy.tokens import MAX_LIFETIME, MAX_SKEW, MAX_TOKEN_LENGTH

ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_City"
NOW = 1_800_000_000
"""The moment at which `FORGED` must be refused and the tokens of `claims` are good, in seconds."""

KEY = RSAKey.generate_key(2048, {"kid": "key-1"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "key-2"})
ELLIPTIC_KEY = ECKey.generate_key("P-256", {"kid": "key-1"})
MOTO_KEY = RSAKey.import_key(
    json.loads(
        gzip.decompress((files("moto") / "cognitoidp/resources/jwks-private.json.gz").read_bytes())
    )
)
"""With this everybody who has moto can sign; it is published with its private half."""


@dataclass
class Clock:
    """A clock in seconds that a test moves."""

    now: float = NOW

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


def key_set(*keys: RSAKey) -> bytes:
    """The document an issuer publishes."""
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a token that is good at NOW; None leaves a claim out."""
    good = {
        "iss": ISSUER,
        "sub": "machine-1",
        "client_id": "machine-1",
        "token_use": "access",
        "scope": "context/read context/write",
        "iat": NOW - 10,
        "exp": NOW + 3600,
        "jti": "c0ffee",
        "origin_jti": "decaf",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(
    payload: dict[str, Any] | bytes, key: Any = KEY, *, alg: str = "RS256", **header: Any
) -> str:
    """A token with these claims and header members, signed."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    members = {"alg": alg, "kid": "key-1"} | header
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jws.serialize_compact(members, content, key, registry=registry)


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _segment(value: object) -> str:
    return _encoded(json.dumps(value).encode())


def _unsigned(alg: object, signature: str = "AA") -> str:
    return f"{_segment({'alg': alg, 'kid': 'key-1'})}.{_segment(claims())}.{signature}"


def _with_header(text: str) -> str:
    """A token whose header is this text, signed correctly over it."""
    content = f"{_encoded(text.encode())}.{_segment(claims())}"
    signature = jws.JWSRegistry.algorithms["RS256"].sign(content.encode(), KEY)
    return f"{content}.{_encoded(signature)}"


def _keyed_with(secret: bytes) -> str:
    """A token signed with HMAC, as if what everybody knows were a shared secret."""
    content = f"{_segment({'alg': 'HS256', 'kid': 'key-1'})}.{_segment(claims())}"
    return f"{content}.{_encoded(hmac.digest(secret, content.encode(), 'sha256'))}"


def _respelled(token: str) -> str:
    """The token with a last character that decodes to the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) + 1]


_GOOD = signed(claims())
_PUBLIC_JWK = KEY.as_dict(private=False)

ALGORITHMS = {
    "unsigned": _unsigned("none", ""),
    "unsigned, capital": _unsigned("None", ""),
    "unsigned, mixed case": _unsigned("nOnE"),
    "empty algorithm": _unsigned(""),
    "algorithm null": _unsigned(None),
    "algorithm a list": _unsigned(["RS256"]),
    "algorithm missing": f"{_segment({'kid': 'key-1'})}.{_segment(claims())}.AA",
    "algorithm in lower case": _with_header('{"alg":"rs256","kid":"key-1"}'),
    "HS256 keyed with the public key as PEM": _keyed_with(KEY.as_pem(private=False)),
    "HS256 keyed with the public key as DER": _keyed_with(KEY.as_der(private=False)),
    "HS256 keyed with the public key as JWK": _keyed_with(json.dumps(_PUBLIC_JWK).encode()),
    "HS256 keyed with nothing": _keyed_with(b""),
    "PS256 of the right key": signed(claims(), alg="PS256"),
    "RS512 of the right key": signed(claims(), alg="RS512"),
    "ES256": signed(claims(), ELLIPTIC_KEY, alg="ES256"),
    "ES256 with a signature of zeros": _unsigned("ES256", "A" * 86),
    "RS256 with a signature of zeros": _unsigned("RS256", "A" * 342),
    "RS256 with an empty signature": _unsigned("RS256", ""),
    "signed by another key": signed(claims(), OTHER_KEY),
    "signed with the key that moto publishes": signed(claims(), MOTO_KEY, kid="dummy"),
    "signed with the key that moto publishes, in our name": signed(claims(), MOTO_KEY),
}
HEADERS = {
    "key in the header": signed(claims(), OTHER_KEY, jwk=OTHER_KEY.as_dict(private=False)),
    "key address in the header": signed(claims(), jku="https://evil.example/jwks.json"),
    "certificate address in the header": signed(claims(), x5u="https://evil.example/cert"),
    "certificate in the header": signed(claims(), x5c=["MIIB"]),
    "critical extension": _with_header('{"alg":"RS256","kid":"key-1","crit":["exp"]}'),
    "unencoded payload": _with_header('{"alg":"RS256","kid":"key-1","b64":false,"crit":["b64"]}'),
    "repeated header member": _with_header('{"alg":"none","alg":"RS256","kid":"key-1"}'),
    "header no object": _with_header('["RS256"]'),
    "header deep": f"{_encoded(b'[' * 3000)}.{_segment({})}.AA",
    "header in UTF-16": f"{_encoded(json.dumps({'alg': 'RS256'}).encode('utf-16'))}.e30.AA",
    "type a list": _with_header('{"alg":"RS256","kid":"key-1","typ":[]}'),
    "type of an id token": signed(claims(), typ="id+jwt"),
    "content type": signed(claims(), cty="JWT"),
    "key id unknown": signed(claims(), kid="key-9"),
    "key id missing": _with_header('{"alg":"RS256"}'),
    "key id no text": _with_header('{"alg":"RS256","kid":1}'),
    "key id a path": signed(claims(), kid="../../../../dev/null"),
    "key id a query": signed(claims(), kid="key-1' OR '1'='1"),
    "key id an address": signed(claims(), kid="https://evil.example/key"),
    "key id with NUL": signed(claims(), kid="key-1\0"),
    "key id very long": signed(claims(), kid="k" * 400),
}
TIMES = {
    "expired": signed(claims(exp=NOW - 1)),
    "expires this moment": signed(claims(exp=NOW)),
    "no expiry": signed(claims(exp=None)),
    "expiry a text": signed(claims(exp=str(NOW + 60))),
    "expiry a fraction": signed(claims(exp=NOW + 60.5)),
    "expiry true": signed(claims(exp=True)),
    "expiry centuries away": signed(claims(exp=10**30)),
    "expiry infinite": signed(
        json.dumps(claims(exp=0)).replace('"exp": 0', '"exp": Infinity').encode()
    ),
    "expiry past the longest life": signed(claims(exp=NOW + MAX_SKEW + MAX_LIFETIME + 1)),
    "issued in the future": signed(claims(iat=NOW + MAX_SKEW + 1)),
    "no time of issue": signed(claims(iat=None)),
    "not valid yet": signed(claims(nbf=NOW + MAX_SKEW + 1)),
    "not-before a text": signed(claims(nbf="0")),
}
CLAIMS = {
    "issuer with a slash more": signed(claims(iss=ISSUER + "/")),
    "issuer cut": signed(claims(iss=ISSUER[:-1])),
    "issuer with a prefix": signed(claims(iss="x" + ISSUER)),
    "issuer with a suffix": signed(claims(iss=ISSUER + "2")),
    "another pool": signed(claims(iss=ISSUER.replace("_City", "_Other"))),
    "another region": signed(claims(iss=ISSUER.replace("west", "central"))),
    "no issuer": signed(claims(iss=None)),
    "issuer a list": signed(claims(iss=[ISSUER])),
    "id token": signed(claims(token_use="id", aud="machine-1", client_id=None)),
    "id token that names a client": signed(claims(token_use="id")),
    "refresh token": signed(claims(token_use="refresh")),
    "no token use": signed(claims(token_use=None)),
    "token use a list": signed(claims(token_use=["access"])),
    "audience of another resource": signed(claims(aud="https://other.example/")),
    "no client": signed(claims(client_id=None)),
    "empty client": signed(claims(client_id="")),
    "client a list": signed(claims(client_id=["machine-1"])),
    "empty subject": signed(claims(sub="")),
    "subject a number": signed(claims(sub=7)),
    "no scope": signed(claims(scope=None)),
    "scope a list": signed(claims(scope=["context/read"])),
    "token id a list": signed(claims(jti=["c0ffee"])),
    "session a number": signed(claims(origin_jti=1)),
    "claims no object": signed(b"[1]"),
    "claims no JSON": signed(b"access"),
    "repeated claim": signed(b'{"exp":1,' + json.dumps(claims()).encode()[1:]),
}
FORMS = {
    "token inside a token": signed(_GOOD.encode()),
    "encrypted": jwe.encrypt_compact(
        {"alg": "RSA-OAEP", "enc": "A128GCM"}, json.dumps(claims()).encode(), KEY
    ),
    "detached content": f"{_GOOD.split('.')[0]}..{_GOOD.split('.')[2]}",
    "four segments": _GOOD + ".AA",
    "five segments": _GOOD + ".AA.AA",
    "two segments": _GOOD.rpartition(".")[0],
    "another payload": ".".join(
        [_GOOD.split(".")[0], _segment(claims(sub="mayor")), _GOOD.split(".")[2]]
    ),
    "line break at the end": _GOOD + "\n",
    "line break inside": _GOOD.replace(".", ".\n", 1),
    "blank in front": " " + _GOOD,
    "padded": _GOOD + "==",
    "spare bits set": _respelled(_GOOD),
    "standard alphabet": signed(claims(note="?>?>?>")).replace("_", "/").replace("-", "+") + "+",
    "digits of another script": _GOOD[:-1] + "٣",
    "too long": signed(claims(note="x" * MAX_TOKEN_LENGTH)),
    "empty": "",
    "a word": "token",
    "JSON serialisation": json.dumps(dict(zip(("protected", "payload", "signature"),
                                              _GOOD.split("."), strict=True))),
}  # fmt: skip

FORGED = ALGORITHMS | HEADERS | TIMES | CLAIMS | FORMS
"""Tokens that must be refused at NOW, by what is wrong with them."""
