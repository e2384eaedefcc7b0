"""Media types: which bodies a request may bring and which answers its `Accept` lets us give.

NGSI-v2 speaks application/json everywhere and text/plain for bare attribute values only.
"""

from typing import NamedTuple

from city.errors import InvalidRequest
from city.json import Json
from context.ngsi_v2.errors import Refused

JSON = "application/json"
TEXT = "text/plain"

_JSON_RANGES = {JSON, "application/*", "*/*"}
_TEXT_RANGES = {TEXT, "text/*", "*/*"}
_METHODS_WITH_BODY = {"POST", "PUT", "PATCH"}


class Accept(NamedTuple):
    """The media ranges of an Accept header that NGSI-v2 knows, with their quality values."""

    ranges: tuple[tuple[str, float], ...]

    def takes(self, media_type: str) -> bool:
        """Whether the client accepts this media type at all."""
        wanted = _JSON_RANGES if media_type == JSON else _TEXT_RANGES
        return any(media_range in wanted for media_range, _ in self.ranges)

    @property
    def preferred(self) -> str:
        """The media type with the highest quality value; the first named wins a tie."""
        media_range, _ = max(self.ranges, key=lambda item: item[1])
        return JSON if media_range in _JSON_RANGES else TEXT


ANYTHING = Accept((("*/*", 1.0),))


def parse_accept(header: str | None) -> Accept:
    """Read an Accept header; media types NGSI-v2 does not know are passed over."""
    if header is None:
        return ANYTHING
    if not header:
        raise InvalidRequest("empty accept header")
    ranges = tuple(
        (media_range, _quality(parameters.strip()))
        for media_range, _, parameters in (
            item.strip().partition(";") for item in header.split(",")
        )
        if media_range.strip() in _JSON_RANGES | _TEXT_RANGES
    )
    if not ranges:
        raise Refused(406, "NotAcceptable", "no acceptable mime-type in accept header")
    return Accept(ranges)


def check_acceptable(accept: Accept, *, text_too: bool) -> None:
    """Refuse with 406 when the answer can come in no form the client accepts."""
    if accept.takes(JSON) or (text_too and accept.takes(TEXT)):
        return
    types = f"{JSON}, {TEXT}" if text_too else JSON
    raise Refused(406, "NotAcceptable", f"acceptable MIME types: {types}")


def check_media_type(content_type: str | None, body: bytes, *, text_too: bool) -> bool:
    """Refuse a body of another media type than we read with 415; True when it is text/plain."""
    if not body:
        return False
    if not content_type:
        raise Refused(
            415,
            "UnsupportedMediaType",
            "Content-Type header not used, default application/octet-stream is not supported",
        )
    media_type = content_type.partition(";")[0].strip()
    is_text = media_type == TEXT
    if media_type != JSON and not (is_text and text_too):
        text = f"not supported content type: {media_type}"
        raise Refused(415, "UnsupportedMediaType", text)
    return is_text


def check_size(body: bytes, limit: int) -> None:
    """Refuse a body of more than `limit` bytes with 413."""
    if len(body) > limit:
        text = f"payload size: {len(body)}, max size supported: {limit}"
        raise Refused(413, "RequestEntityTooLarge", text)


def check_presence(method: str, content_type: str | None, body: bytes) -> None:
    """POST, PUT and PATCH need a body; the other methods must not announce one they lack."""
    if body:
        return
    if method in _METHODS_WITH_BODY:
        text = "Zero/No Content-Length in PUT/POST/PATCH request"
        raise Refused(411, "ContentLengthRequired", text)
    if content_type:
        raise InvalidRequest(
            "Orion accepts no payload for GET/DELETE requests. "
            "HTTP header Content-Type is thus forbidden"
        )


def value_media_type(value: Json, accept: Accept) -> str:
    """The media type of a bare attribute value.

    Objects and arrays come as JSON or as text, whichever the client prefers. Anything else has no
    JSON form in NGSI-v2, so a client that takes only JSON is refused with 406.
    """
    if isinstance(value, dict | list):
        return accept.preferred
    if not accept.takes(TEXT):
        raise Refused(406, "NotAcceptable", "accepted MIME types: text/plain")
    return TEXT


def _quality(parameters: str) -> float:
    """The quality value after a media range (RFC 9110 12.4.2); other parameters are refused."""
    if not parameters:
        return 1.0
    if not parameters.startswith("q"):
        raise InvalidRequest("q missing in accept header")
    if not parameters.startswith("q="):
        raise InvalidRequest("missing equal-sign after q in accept header")
    number = parameters[2:].partition(";")[0]
    if not number:
        raise InvalidRequest("qvalue in accept header is missing")
    try:
        return float(number)
    except ValueError as error:
        raise InvalidRequest("qvalue in accept header is not a number") from error
