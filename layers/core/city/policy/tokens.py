"""Access tokens of the city's user pool (Amazon Cognito): JWTs signed with RS256.

Everything that is not exactly such a token is refused, with one and the same message whatever
was wrong, so that an attacker learns nothing from the answer. The algorithm and the issuer are
fixed here; the token's header only chooses among the issuer's own published keys. A token that
was asked for another resource (RFC 8707) has an `aud`, and ours have none.
"""

import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import NamedTuple, cast

from city.errors import Unauthenticated
from city.json import Json
from city.policy.keys import SigningKeys

MAX_TOKEN_LENGTH = 8192
MAX_SKEW = 60
"""Seconds by which the clock of the issuer may be ahead of ours."""
MAX_LIFETIME = 86_400
"""Seconds the longest access token of a user pool lives."""

_COMPACT = re.compile(r"([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)
_HEADER_MEMBERS = {"alg", "kid", "typ"}
_TYPES = (None, "JWT", "at+jwt")


class InvalidToken(Unauthenticated):
    """The credential, token or API key, is not one we accept; why is not told."""

    def __init__(self) -> None:
        super().__init__("the access token is not valid")


class Claims(NamedTuple):
    """What a verified token says of its bearer.

    `issued` and `expires` are in seconds; `id` (jti) names the token, `session` (origin_jti) the sign-in that it
    and all that were refreshed from it come from.
    """

    subject: str
    client: str
    scopes: frozenset[str]
    issued: int = 0
    id: str = ""
    session: str = ""
    expires: int = 0


class TokenVerifier:
    """Verifies access tokens of one issuer; `clock` gives seconds since the epoch."""

    def __init__(
        self, issuer: str, keys: SigningKeys, clock: Callable[[], float] = time.time
    ) -> None:
        self._issuer = issuer
        self._keys = keys
        self._clock = clock

    def verify(self, token: str) -> Claims:
        """The claims of the token. Raises InvalidToken, or Unavailable without any key."""
        return self._claims(_object(verified_payload(token, self._keys)))

    def _claims(self, claims: dict[str, Json]) -> Claims:
        if not (
            claims.get("iss") == self._issuer
            and claims.get("token_use") == "access"
            and "aud" not in claims
            and self._is_current(claims)
        ):
            raise InvalidToken
        client, scope = _text(claims, "client_id"), _text(claims, "scope")
        subject = _text(claims, "sub", client)
        if not (client and subject):
            raise InvalidToken
        return Claims(
            subject,
            client,
            frozenset(scope.split(" ")),
            cast("int", claims["iat"]),
            _text(claims, "jti", ""),
            _text(claims, "origin_jti", ""),
            cast("int", claims["exp"]),
        )

    def _is_current(self, claims: dict[str, Json]) -> bool:
        expiry, issued = claims.get("exp"), claims.get("iat")
        starts = claims.get("nbf", issued)
        if not (type(expiry) is type(issued) is type(starts) is int):
            return False
        now = self._clock()
        latest = now + MAX_SKEW
        return max(issued, starts) <= latest and now < expiry <= latest + MAX_LIFETIME


def verified_payload(token: str, keys: SigningKeys) -> bytes:
    """What the token's signature covers besides its header, when one of the keys made it (RS256).

    Raises InvalidToken, also for a token that is spelled differently from how its bytes are
    encoded, or Unavailable without any key.
    """
    from joserfc.errors import JoseError  # noqa: PLC0415 - only requests with a token pay
    from joserfc.jws import deserialize_compact  # noqa: PLC0415

    match = _COMPACT.fullmatch(token)
    if match is None or len(token) > MAX_TOKEN_LENGTH:
        raise InvalidToken
    key = keys.find(_key_id(_object(_decoded(match[1]))))
    if key is None:
        raise InvalidToken
    try:
        deserialize_compact(token, key, algorithms=["RS256"])
    except (JoseError, ValueError) as error:
        raise InvalidToken from error
    return _decoded(match[2])


def _key_id(header: dict[str, Json]) -> str:
    """The id of the key that a header of ours names. Raises InvalidToken on any other header."""
    kid = header.get("kid")
    if not (
        header.keys() <= _HEADER_MEMBERS
        and header.get("alg") == "RS256"
        and header.get("typ") in _TYPES
        and isinstance(kid, str)
    ):
        raise InvalidToken
    return kid


def _text(claims: dict[str, Json], name: str, absent: str | None = None) -> str:
    value = claims.get(name, absent)
    if not isinstance(value, str):
        raise InvalidToken
    return value


def _decoded(segment: str) -> bytes:
    """The bytes of a base64url segment."""
    try:
        return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError as error:
        raise InvalidToken from error


def _object(text: bytes) -> dict[str, Json]:
    """The JSON object in a segment."""
    try:
        value = json.loads(text.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise InvalidToken from error
    if not isinstance(value, dict):
        raise InvalidToken
    return value


def _unique(members: list[tuple[str, Json]]) -> dict[str, Json]:
    """The members as a dict; a repeated name could be read as either value and is refused."""
    unique = dict(members)
    if len(unique) < len(members):
        raise ValueError("repeated member name")
    return unique
