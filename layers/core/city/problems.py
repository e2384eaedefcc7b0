"""Refusals as the interfaces of our own answer them: problem details (RFC 9457)."""

from http import HTTPStatus

from fastapi import Response

from city.http import headers_of, message_of, status_of
from city.json import dump


def render(error: Exception) -> Response:
    """The answer to a refusal; anything that is no refusal is a 500 that tells nothing."""
    status = status_of(error)
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": message_of(error),
    }
    body = dump(problem).encode()
    return Response(body, status, headers_of(error), "application/problem+json")
