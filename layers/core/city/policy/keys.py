"""The public keys an issuer signs with, fetched from its JWKS address and cached.

A process fetches the set on the first token, again after an hour so that a withdrawn key dies,
and for an unknown key id at most once a minute, so that a flood of forged tokens costs nothing.
While the address does not answer, the keys we have stay in use.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from city.errors import Unavailable
from city.json import Json, parse

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

MAX_AGE = 3600
REFRESH_INTERVAL = 60
RETRY_INTERVAL = 1
"""Seconds: a set is renewed, is fetched again for an unknown id, is tried again after failure."""

MIN_KEY_BITS = 2048

_TIMEOUT = 2.0
_MAX_BYTES = 65_536


class SigningKeys:
    """The issuer's RSA keys by key id; `fetch` gives the JWKS document, `clock` seconds."""

    def __init__(
        self, fetch: Callable[[], bytes], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, RSAKey] = {}
        self._renew_at = self._next_fetch = float("-inf")

    def find(self, kid: str) -> "RSAKey | None":
        """The key with this id. Raises Unavailable while no key set could be had at all."""
        now = self._clock()
        if now >= self._next_fetch and (kid not in self._keys or now >= self._renew_at):
            self._refresh(now)
        if not self._keys:
            raise Unavailable("the keys that sign access tokens cannot be fetched; try again")
        return self._keys.get(kid)

    def _refresh(self, now: float) -> None:
        from joserfc.errors import JoseError  # noqa: PLC0415 - only requests with a token pay
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        self._next_fetch = now + RETRY_INTERVAL
        try:
            self._keys = _rsa_keys(parse(self._fetch()))
        except (HTTPError, JoseError, ValueError):
            return
        self._next_fetch = now + REFRESH_INTERVAL
        self._renew_at = now + MAX_AGE


def fetch_from(url: str) -> Callable[[], bytes]:
    """A fetch of the JWKS document at an address that the deployment itself gives."""

    def fetch() -> bytes:
        from urllib3 import PoolManager, Retry, Timeout  # noqa: PLC0415
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        with PoolManager(timeout=Timeout(total=_TIMEOUT), retries=Retry(1, redirect=0)) as pool:
            response = pool.request("GET", url, preload_content=False)
            document = response.read(_MAX_BYTES)
            if response.status != 200:
                raise HTTPError(f"{url} answered {response.status}")
            return document

    return fetch


def _rsa_keys(document: Json) -> "dict[str, RSAKey]":
    from joserfc.jwk import RSAKey  # noqa: PLC0415

    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not keys:
        raise ValueError("not a JSON Web Key Set")
    imported = {
        str(key["kid"]): RSAKey.import_key(
            {str(k): v for k, v in key.items() if isinstance(v, str)}
        )
        for key in keys
        if isinstance(key, dict) and "kid" in key and _signs_tokens(key)
    }
    return {kid: key for kid, key in imported.items() if key.raw_value.key_size >= MIN_KEY_BITS}


def _signs_tokens(key: dict[str, Json]) -> bool:
    """Whether the key is for what we take: RSA signatures with SHA-256."""
    operations = key.get("key_ops", ["verify"])
    return (
        key.get("kty") == "RSA"
        and key.get("use", "sig") == "sig"
        and key.get("alg", "RS256") == "RS256"
        and isinstance(operations, list)
        and "verify" in operations
    )
