"""The user pool's public keys under the city's own address: a copy that is renewed while it is used."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from city.clock import SECOND, Clock
from city.errors import Unavailable
from city.json import Json, dump, parse

MAX_AGE = 300 * SECOND
RETRY_AFTER = 5 * SECOND
"""How long a pool that does not answer is left alone; meanwhile an old copy is served."""

_PUBLIC_MEMBERS = ("kty", "use", "alg", "kid", "n", "e")


@dataclass(frozen=True, slots=True)
class KeySet:
    """A JWKS document and the tag that changes with it (RFC 9110 §8.8.3)."""

    document: bytes
    etag: str


class PublishedKeys:
    """Keeps the pool's JWKS document; serves the last good one while the pool does not answer."""

    def __init__(self, fetch: Callable[[], bytes], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: KeySet | None = None
        self._renew_at = 0

    def get(self) -> KeySet:
        """The document. Raises Unavailable while none could be had at all."""
        moment = self._clock()
        if moment >= self._renew_at:
            self._renew(moment)
        if self._keys is None:
            raise Unavailable("the user pool's keys cannot be fetched; try again")
        return self._keys

    def _renew(self, moment: int) -> None:
        self._renew_at = moment + RETRY_AFTER
        try:
            self._keys = _key_set(self._fetch())
        except (Unavailable, ValueError):
            return
        self._renew_at = moment + MAX_AGE


def _key_set(text: bytes) -> KeySet:
    answer = parse(text)
    keys = answer.get("keys") if isinstance(answer, dict) else None
    if not isinstance(keys, list) or not keys:
        raise ValueError("not a JSON Web Key Set")
    public: list[Json] = [
        {name: key[name] for name in _PUBLIC_MEMBERS if name in key}
        for key in keys
        if isinstance(key, dict)
    ]
    document = dump({"keys": public}).encode()
    return KeySet(document, f'"{sha256(document).hexdigest()[:32]}"')
