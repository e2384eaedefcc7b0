"""The one credential of a request: an access token or an API key.

A token comes as `Authorization: Bearer` (RFC 6750) or in FIWARE's `X-Auth-Token`, a key in
`X-API-Key`. A key is `sk_city_<id>_<secret>_<checksum>`: the prefix and the checksum let scanners
find keys that leaked, the id names the account `key:<id>`, which has a hash of the secret.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from city.policy.accounts import KeyTerms
from city.policy.tokens import InvalidToken

KEY_PREFIX = "sk_city"
KEY_ID_LENGTH = 12
SECRET_LENGTH = 32
"""Characters of 62, so 190 bits."""
CHECKSUM_LENGTH = 6

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASIC = re.compile(r"basic ", re.IGNORECASE)
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_KEY = re.compile(
    rf"({KEY_PREFIX}_([0-9A-Za-z]{{{KEY_ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}}))"
    rf"_([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)


class Headers(Protocol):
    """The headers of a request."""

    def getlist(self, key: str) -> list[str]:
        """All values of a header, in order."""


class Presented(NamedTuple):
    """What a request presents; at most one of both."""

    token: str | None = None
    key: str | None = None


class NewKey(NamedTuple):
    """A key just made: `text` is shown once, `secret_hash` is what is kept."""

    key_id: str
    text: str
    secret_hash: str


def presented(headers: Headers, *, takes_client: bool = False) -> Presented:
    """The one credential of the request, or none. Raises InvalidToken when there are several.

    With `takes_client` a Basic header is none of them: the route reads it.
    """
    keys = headers.getlist("x-api-key")
    authorization = headers.getlist("authorization")
    if takes_client and len(authorization) == 1 and _BASIC.match(authorization[0]):
        authorization = []
    token = presented_token(authorization, headers.getlist("x-auth-token"))
    if not keys:
        return Presented(token=token)
    if len(keys) > 1 or token is not None:
        raise InvalidToken
    return Presented(key=keys[0])


def presented_token(authorization: Sequence[str], auth_token: Sequence[str]) -> str | None:
    """The token the headers present, or None when they present none at all.

    The same token may come in both headers. Two different ones, a repeated header (which the
    gateway folds with a comma) and another scheme than Bearer raise InvalidToken: a request that
    can be read in two ways must not be read in either.
    """
    presented = {*map(_bearer, authorization), *auth_token}
    if len(authorization) > 1 or len(auth_token) > 1 or len(presented) > 1:
        raise InvalidToken
    return presented.pop() if presented else None


def new_key(key_id: str | None = None) -> NewKey:
    """A fresh random API key; with `key_id` a fresh secret for the one that has this id."""
    key_id, secret = key_id or _random(KEY_ID_LENGTH), _random(SECRET_LENGTH)
    body = f"{KEY_PREFIX}_{key_id}_{secret}"
    return NewKey(key_id, f"{body}_{_checksum(body)}", hash_of(secret))


def parse_key(text: str) -> tuple[str, str]:
    """Id and secret of an API key. Raises InvalidToken on what is none, before any look-up."""
    match = _KEY.fullmatch(text)
    if match is None or _checksum(match[1]) != match[4]:
        raise InvalidToken
    return match[2], match[3]


def key_subject(key_id: str) -> str:
    """The subject id of an API key."""
    return f"key:{key_id}"


def hash_of(secret: str) -> str:
    """What is kept of a secret: SHA-256 in hex. With 190 random bits it needs neither salt nor
    a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_honoured(
    terms: KeyTerms, secret: str, origins: Sequence[str], address: str, now: int
) -> bool:
    """Whether the secret is right and the request comes at a time and from a place that the key
    is for. `origins` are the values of the header Origin, `address` is the caller's IP address.
    """
    return (
        hmac.compare_digest(hash_of(secret), terms.secret_hash)
        and (terms.ends is None or now < terms.ends)
        and (not terms.origins or (len(origins) == 1 and origins[0] in terms.origins))
        and (not terms.networks or _is_inside(address, terms.networks))
    )


def _is_inside(address: str, networks: Sequence[str]) -> bool:
    from ipaddress import ip_address, ip_network  # noqa: PLC0415 - only keys bound to networks

    try:
        caller = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(caller, "ipv4_mapped", None)
    return any((mapped or caller) in ip_network(network) for network in networks)


def _bearer(header: str) -> str:
    match = _BEARER.fullmatch(header.strip(" \t"))
    if match is None:
        raise InvalidToken
    return match[1]


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(text: str) -> str:
    rest = zlib.crc32(text.encode())
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
