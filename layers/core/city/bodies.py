"""Request bodies as JSON, read strictly."""

import json
from typing import cast

from starlette.requests import Request

from city.errors import InvalidRequest, Malformed, TooLarge
from city.json import Json

MAX_NESTING = 50

_TOO_DEEP = f"the body is nested more than {MAX_NESTING} levels deep"


async def read_object(request: Request) -> dict[str, Json]:
    """The JSON object that is the body of a request.

    Raises Malformed for anything else, for a member given twice, for numbers and characters that
    JSON does not know, and for deep nesting; TooLarge; InvalidRequest for another media type.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise InvalidRequest("Content-Type must be application/json")
    value = parse_json(await read_bytes(request))
    if not isinstance(value, dict):
        raise Malformed("the body must be a JSON object")
    return value


async def read_bytes(request: Request) -> bytes:
    """The body of a request, of any media type. Raises TooLarge."""
    body = await request.body()
    limit = request.app.state.settings.max_body_bytes
    if len(body) > limit:
        raise TooLarge(f"the body is {len(body)} bytes long; at most {limit} are accepted")
    return body


def parse_json(body: bytes) -> Json:
    """The JSON value of a text. Raises Malformed."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
        json.dumps(
            value, ensure_ascii=False, allow_nan=False
        ).encode()  # half a surrogate pair is no character
    except RecursionError as error:
        raise Malformed(_TOO_DEEP) from error
    except ValueError as error:
        raise Malformed("the body is not valid JSON (RFC 8259), or has a member twice") from error
    if _depth(value) > MAX_NESTING:
        raise Malformed(_TOO_DEEP)
    return cast("Json", value)


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [member for container in level for member in _members(container)]
    return depth - 1


def _members(value: object) -> list[object]:
    match value:
        case dict():
            return list(value.values())
        case list():
            return value
        case _:
            return []


def _unique(members: list[tuple[str, Json]]) -> dict[str, Json]:
    unique = dict(members)
    if len(unique) < len(members):
        raise ValueError("repeated member name")
    return unique


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
