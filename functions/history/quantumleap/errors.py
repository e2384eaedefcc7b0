"""Refusals as QuantumLeap answers them.

What QuantumLeap itself decides is `{"error": …, "description": …}`; what its framework decides (a
parameter of the wrong form, no credential, no such path) is a problem document
`{"detail", "status", "title", "type"}`.
"""

from http import HTTPStatus

from fastapi import Response

from city.http import headers_of, message_of, status_of
from city.json import dump
from history.quantumleap.refusals import Refused, WrongForm
from history.reading.queries import Deferred

JSON = "application/json"
PROBLEM = "application/problem+json"


def render(error: Exception) -> Response:
    """The answer to a refusal; anything that is no refusal is a 500 that tells nothing."""
    if isinstance(error, Refused):
        body = {"error": error.error, "description": str(error)}
        return Response(dump(body).encode(), error.status, media_type=JSON)
    if isinstance(error, Deferred):
        body = {"id": error.id, "description": str(error)}
        return Response(dump(body).encode(), 202, {"Location": error.location}, JSON)
    return _problem(error)


def _problem(error: Exception) -> Response:
    wrong = isinstance(error, WrongForm)
    status = 400 if wrong else status_of(error)
    detail = str(error) if wrong else message_of(error)
    title = HTTPStatus(status).phrase
    body = {"detail": detail, "status": status, "title": title, "type": "about:blank"}
    return Response(dump(body).encode(), status, headers_of(error), PROBLEM)
