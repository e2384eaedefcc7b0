"""The one credential of a request: `Authorization: Bearer` (RFC 6750) or FIWARE's `X-Auth-Token`."""

import re
from collections.abc import Sequence

from city.policy.tokens import InvalidToken

_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)


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


def _bearer(header: str) -> str:
    match = _BEARER.fullmatch(header.strip())
    if match is None:
        raise InvalidToken
    return match[1]
