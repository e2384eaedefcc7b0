"""Refusals as QuantumLeap answers them.

What QuantumLeap itself decides is `{"error": …, "description": …}`; what its framework decides (a
parameter of the wrong form, no credential, no such path) is a problem document
`{"detail", "status", "title", "type"}`.
"""

from http import HTTPStatus

from fastapi import Response

from city.errors import CityError
from city.http import headers_of, message_of, status_of
from city.json import dump
from history.queries import Deferred

JSON = "application/json"
PROBLEM = "application/problem+json"

NOT_FOUND = "Not Found"
NO_RECORDS = "No records were found for such query."


class Refused(CityError):
    """A refusal of QuantumLeap's own, with its status, its name and what it says."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error


class WrongForm(CityError):
    """A parameter or body is not of the form that the API's description demands (400)."""


def no_records() -> Refused:
    """What QuantumLeap 1.0.0 answers when there is nothing, for whatever reason."""
    return Refused(404, NOT_FOUND, NO_RECORDS)


def wrong_use(description: str) -> Refused:
    """Parameters that are right one by one and wrong together."""
    return Refused(400, "Bad parameters use", description)


def cannot_aggregate() -> Refused:
    """An aggregate of values that have none."""
    name = "AggrMethod cannot be applied"
    return Refused(404, name, f"{name} on type TEXT and BOOLEAN.")


def ambiguous(entity_id: str, status: int) -> Refused:
    """The id stands for entities of several types; QuantumLeap says 400 or 409."""
    text = f"There are multiple entities with the given entity_id {entity_id}. "
    return Refused(status, "AmbiguousNGSIIdError", f"{text}Please specify entity_type.")


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
