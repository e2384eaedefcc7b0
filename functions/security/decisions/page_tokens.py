"""Page tokens: sealed positions in a list, good only for the caller, tenant and query they were for.

A token is a JWE (RFC 7516; direct key, AES-256-GCM), so it can be neither read nor changed: a
position may name something that the caller must not see.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, cast

from city.errors import InvalidRequest
from city.json import Json, dump, parse
from security.decisions.search_pages import Window

if TYPE_CHECKING:
    from joserfc.jwk import OctKey

_HEADER = {"alg": "dir", "enc": "A256GCM"}
_MAX_TOKEN = 8192


class PageTokens:
    """Seals and opens tokens with the key that `key` gives when it is first needed."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._read_key = key

    @cached_property
    def _key(self) -> "OctKey":
        from joserfc.jwk import OctKey  # noqa: PLC0415 - only requests that page pay for it

        return OctKey.import_key(self._read_key())

    def seal(self, query: Mapping[str, Json], window: Window) -> str:
        """The token that continues a query at a place."""
        from joserfc import jwe  # noqa: PLC0415

        content = dump({"q": _fingerprint(query), "p": window.position, "l": window.limit})
        return jwe.encrypt_compact(_HEADER, content.encode(), self._key)

    def open(self, query: Mapping[str, Json], token: str, limit: int | None) -> Window:
        """The place in the query. Raises InvalidRequest unless it was sealed for this query.

        A `limit` must be the one of the first page, if it is given again.
        """
        content = self._content(token)
        if content["q"] != _fingerprint(query):
            raise InvalidRequest("page.token is of another query, tenant or caller")
        window = Window(cast("str", content["p"]), cast("int", content["l"]))
        if limit is not None and limit != window.limit:
            raise InvalidRequest("page.limit must stay the same from page to page")
        return window

    def _content(self, token: str) -> dict[str, Json]:
        from joserfc import jwe  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415

        try:
            opened = jwe.decrypt_compact(
                token[:_MAX_TOKEN].encode("ascii"), self._key, algorithms=[*_HEADER.values()]
            )
            return cast("dict[str, Json]", parse(opened.plaintext or b""))
        except (JoseError, ValueError) as error:
            raise InvalidRequest("page.token is not one that this service gave") from error


def _fingerprint(query: Mapping[str, Json]) -> str:
    """What two queries have in common only if they are the same."""
    return hashlib.sha256(dump(_sorted(dict(query))).encode()).hexdigest()


def _sorted(value: Json) -> Json:
    match value:
        case dict():
            return {name: _sorted(value[name]) for name in sorted(value)}
        case list():
            return [_sorted(member) for member in value]
        case _:
            return value
