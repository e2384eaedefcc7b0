"""Refusals as STH-Comet answers them.

Version 1, and what has no version, has the bodies of the hapi framework:
`{"statusCode", "error", "message", "validation"?}`. Version 2 has `{"error", "description"}`.
A path or method that STH-Comet does not have is a 404 of its own.
"""

from http import HTTPStatus

from fastapi import Response

from city.http import MethodNotAllowed, UnknownPath, headers_of, message_of, status_of
from city.json import Json, dump
from history.comet.parameters import Invalid
from history.reading.queries import Deferred


def render(error: Exception) -> Response:
    """The answer of version 1 to a refusal; anything that is no refusal is a 500."""
    if isinstance(error, UnknownPath | MethodNotAllowed):
        return _answer(404, {"statusCode": 404, "error": "Not Found"})
    if isinstance(error, Deferred):
        return _later(error)
    status = status_of(error)
    body: dict[str, Json] = {
        "statusCode": status,
        "error": HTTPStatus(status).phrase,
        "message": message_of(error),
    }
    if isinstance(error, Invalid):
        body["validation"] = {"source": error.source, "keys": [*error.keys]}
    return _answer(status, body, headers_of(error))


def render_v2(error: Exception) -> Response:
    """The answer of version 2 to a refusal; anything that is no refusal is a 500."""
    if isinstance(error, UnknownPath | MethodNotAllowed):
        return _answer(404, {"error": "NotFound", "description": "invalid path"})
    if isinstance(error, Deferred):
        return _later(error)
    status = status_of(error)
    name = HTTPStatus(status).phrase.replace(" ", "")
    return _answer(status, {"error": name, "description": message_of(error)}, headers_of(error))


def _later(deferred: Deferred) -> Response:
    """An answer that STH-Comet does not have: the question was good, and its result will be there."""
    body: Json = {"id": deferred.id, "description": str(deferred)}
    return _answer(202, body, {"Location": deferred.location})


def _answer(status: int, body: Json, headers: dict[str, str] | None = None) -> Response:
    return Response(dump(body).encode(), status, headers, "application/json")
