"""Refusals as AuthZEN answers them: a status and a message, which is one JSON string.

Authorization API 1.0, "Error Responses": 400, 401, 403 and 500; the others are HTTP's own.
"""

from fastapi import Response

from city.http import headers_of, message_of, status_of
from city.json import dump


def render(error: Exception) -> Response:
    """The answer to a refusal; anything that is no refusal is a 500 that tells nothing."""
    body = dump(message_of(error)).encode()
    return Response(body, status_of(error), headers_of(error), "application/json")
