"""What the routes of `/access/v1` need of a request: the caller, paging, times; and their answers.

A list is paged by `limit` and `token`; an answer with more to come has `next`, the token of the next
page. A token is a position in the list and no permission.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Request, Response

from city.clock import from_iso
from city.errors import InvalidRequest
from city.json import Json, dump
from city.policy import Caller
from city.policy.grants import ANY_TENANT
from city.tenancy import parse_tenant

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
MAX_ID = 256
"""Characters of an identifier in a path or a parameter."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LISTED = re.compile(r"[^\x00-\x1e\x7f]{1,600}")
_LIMIT = re.compile(r"[0-9]{1,4}")


async def _caller(request: Request) -> Caller:
    caller: Caller = request.scope["caller"]
    return caller


CallerFact = Annotated[Caller, Depends(_caller)]


class Parameters:
    """The query of a request: every parameter at most once, and none that the operation lacks."""

    def __init__(self, request: Request, *names: str) -> None:
        given = request.query_params.multi_items()
        self._given = dict(given)
        if len(self._given) < len(given):
            raise InvalidRequest("a parameter may be given only once")
        if unknown := sorted(self._given.keys() - {*names}):
            raise InvalidRequest(
                f"there is no parameter {unknown[0]} here; there are {', '.join(names)}"
            )

    def text(self, name: str) -> str | None:
        """An identifier, or None when the parameter is absent."""
        value = self._given.get(name)
        return None if value is None else identifier(name, value)

    def tenant(self, name: str = "tenant") -> str | None:
        """A canonical tenant ("" is the default one) or ANY_TENANT; None when it is absent."""
        value = self._given.get(name)
        return value if value in (None, ANY_TENANT) else parse_tenant(value)

    def moment(self, name: str, default: int) -> int:
        """A time in microseconds, from ISO 8601; UTC unless it says otherwise."""
        value = self._given.get(name)
        if value is None:
            return default
        try:
            # a query turns the + of an offset into a space
            return max(0, from_iso(value.replace(" ", "+")))
        except ValueError as error:
            raise InvalidRequest(f"{name} must be an ISO 8601 date and time") from error

    @property
    def limit(self) -> int:
        """How many members a page may have."""
        value = self._given.get("limit", str(DEFAULT_LIMIT))
        if not _LIMIT.fullmatch(value) or not 1 <= int(value) <= MAX_LIMIT:
            raise InvalidRequest(f"limit must be a number from 1 to {MAX_LIMIT}")
        return int(value)

    @property
    def after(self) -> str | None:
        """The sort key after which the page begins."""
        token = self._given.get("token")
        return None if token is None else _position(token)


def identifier(name: str, value: str) -> str:
    """A text that can be part of a key. Raises InvalidRequest."""
    if not 0 < len(value) <= MAX_ID or _CONTROL.search(value):
        raise InvalidRequest(f"{name} must have 1 to {MAX_ID} characters and no control characters")
    return value


def json_answer(content: object, status: int = 200, location: str | None = None) -> Response:
    """An answer with a JSON body, which no cache may keep."""
    headers = {"Cache-Control": "no-store"}
    if location is not None:
        headers["Location"] = location
    return Response(dump(content).encode(), status, headers, "application/json")


def page_answer(name: str, members: Sequence[Json], after: str | None) -> Response:
    """A page of a list; `after` is the sort key of its last member, if there are more."""
    content: dict[str, object] = {name: members}
    if after is not None:
        content["next"] = urlsafe_b64encode(after.encode()).decode().rstrip("=")
    return json_answer(content)


def no_content() -> Response:
    """The answer to what leaves nothing to say."""
    return Response(None, 204)


def check_members(body: dict[str, Json], *names: str) -> None:
    """Refuse members that the operation does not know, so that a typing error changes nothing."""
    if unknown := sorted(body.keys() - {*names}):
        raise InvalidRequest(f"there is no member {unknown[0]}; there are {', '.join(names)}")


def required_text(body: dict[str, Json], name: str) -> str:
    """An identifier that the body must have."""
    value = body.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} must be a text")
    return identifier(name, value)


def _position(token: str) -> str:
    try:
        position = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError as error:
        raise InvalidRequest("token is not one that this API has given") from error
    if not _LISTED.fullmatch(position):
        raise InvalidRequest("token is not one that this API has given")
    return position
