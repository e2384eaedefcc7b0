"""Refusals as NGSI-v2 answers them: a status, `{"error": …, "description": …}`, and headers.

The names are those of the NGSI-v2 specification ("Error responses") and of Orion where the
specification has none. Descriptions have the characters that NGSI-v2 forbids in values
replaced by HTML entities, so that a message quoting a request cannot carry markup.
"""

from typing import NamedTuple

from fastapi import Response

from city import errors
from city.http import INTERNAL, headers_of
from city.json import dump
from city.policy.quotas import QuotaExceeded

_ESCAPES = str.maketrans(
    {
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "'": "&#39;",
        "=": "&#61;",
        ";": "&#59;",
        "(": "&#40;",
        ")": "&#41;",
    }
)


class Refused(errors.CityError):
    """A refusal that belongs to HTTP or to NGSI-v2 itself and carries its own status and name."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error


class _Answer(NamedTuple):
    status: int
    error: str


_ANSWERS: dict[type[errors.CityError], _Answer] = {
    errors.InvalidRequest: _Answer(400, "BadRequest"),
    errors.Malformed: _Answer(400, "ParseError"),
    errors.Malformed: _Answer(400, "ParseError"),
    errors.Unauthenticated: _Answer(401, "Unauthorized"),
    errors.Forbidden: _Answer(403, "Forbidden"),
    errors.NotFound: _Answer(404, "NotFound"),
    errors.Ambiguous: _Answer(409, "TooManyResults"),
    errors.TooLarge: _Answer(413, "NoResourcesAvailable"),
    errors.Unprocessable: _Answer(422, "Unprocessable"),
    errors.PartialUpdate: _Answer(422, "PartialUpdate"),
    errors.TooComplex: _Answer(422, "NotSupportedQuery"),
    QuotaExceeded: _Answer(429, "TooManyRequests"),
    errors.Unsupported: _Answer(501, "NotImplemented"),
    errors.Unsupported: _Answer(501, "NotImplemented"),
    errors.Contended: _Answer(503, "ServiceUnavailable"),
    errors.Unavailable: _Answer(503, "ServiceUnavailable"),
}
_INTERNAL = _Answer(500, "InternalServerError")


def unknown_url(path: str) -> Refused | errors.InvalidRequest:
    """The refusal of a path that is no route: NGSI-v2 answers 400, and says so of empty parts."""
    parts = path.split("/")
    if parts == ["", ""]:
        text = "The Orion Context Broker is a REST service, not a 'web page'"
    elif parts[:3] == ["", "v2", "entities"] and parts[3:4] == [""]:
        text = "entity id length: 0, min length supported: 1"
    elif parts[:3] == ["", "v2", "entities"] and parts[4:6] == ["attrs", ""]:
        text = "attribute name length: 0, min length supported: 1"
    elif parts[:3] == ["", "v2", "types"] and parts[3:] == [""]:
        text = "entity type length: 0, min length supported: 1"
    else:
        text = "Service not found. Check your URL as probably it is wrong."
    return errors.InvalidRequest(text)


def method_not_allowed() -> Refused:
    """The refusal of a method that the path does not have."""
    return Refused(405, "MethodNotAllowed", "method not allowed")


def render(error: Exception) -> Response:
    """The answer to a refusal; anything that is no refusal is a 500 that tells nothing."""
    status, name = _answer(error)
    text = str(error) if status != 500 else INTERNAL
    body = dump({"error": name, "description": text.translate(_ESCAPES)})
    return Response(body.encode(), status, headers_of(error), "application/json")


def _answer(error: Exception) -> _Answer:
    if isinstance(error, Refused):
        return _Answer(error.status, error.error)
    return next((_ANSWERS[cls] for cls in type(error).__mro__ if cls in _ANSWERS), _INTERNAL)
