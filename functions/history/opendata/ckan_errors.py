"""Refusals as CKAN answers them: the envelope of its Action API, or a bare text for no action."""

from fastapi import Response

from city.errors import Forbidden, InvalidRequest, Malformed, NotFound, Unauthenticated
from city.http import UnknownPath, headers_of, message_of, status_of
from city.json import Json, dump
from history.opendata.ckan_parameters import Rejected
from history.opendata.ckan_routes import JSON
from history.opendata.filters import Unreadable


class UnknownAction(InvalidRequest):
    """There is no such action."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Action name not known: {name}")


def render(error: Exception) -> Response:
    """The answer to a refusal."""
    match error:
        case UnknownAction() | Malformed():
            return Response(dump(f"Bad request - {error}").encode(), 400, media_type=JSON)
        case Rejected():
            fault: dict[str, Json] = {error.field: [error.problem]}
            return _envelope(409, {"__type": "Validation Error", **fault})
        case Unreadable():
            message = f"Search Query is invalid: {error}"
            return _envelope(400, {"__type": "Search Query Error", "message": message})
        case NotFound() if not isinstance(error, UnknownPath):
            return _envelope(404, {"__type": "Not Found Error", "message": f"Not found: {error}"})
        case Unauthenticated() | Forbidden():
            message = f"Access denied: {error}"
            return _envelope(403, {"__type": "Authorization Error", "message": message})
    status = status_of(error)
    kind = "Not Found Error" if status == 404 else "Internal Server Error"
    answer = _envelope(status, {"__type": kind, "message": message_of(error)})
    answer.headers.update(headers_of(error) or {})
    return answer


def _envelope(status: int, error: dict[str, Json]) -> Response:
    content: dict[str, Json] = {"help": None, "success": False, "error": error}
    return Response(dump(content).encode(), status, media_type=JSON)
