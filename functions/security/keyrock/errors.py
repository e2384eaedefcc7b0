"""Refusals as Keyrock answers them: a status and `{"error": {"message", "code", "title"}}`.

The texts are the ones Keyrock's clients know. Where Keyrock tells an attacker something (unknown
user, disabled user, wrong password), there is one text for all.
"""

from http import HTTPStatus

from fastapi import Response

from city import errors
from city.http import headers_of, message_of, status_of
from city.json import dump
from security.applications.stewards import NOT_ALLOWED

EXPECTING_TOKEN = "Expecting to find X-Auth-token/Authorization in requests"  # noqa: S105
EXPECTING_JSON = "Missing parameter: header Content-Type: application/json"
NOT_AUTHORIZED = "User not authorized to perform action"
BAD_LOGIN = "Invalid email or password"


class Refused(errors.CityError):
    """A refusal that belongs to Keyrock's interface and carries its own status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def bad_login() -> Refused:
    """The one answer to every sign-in that fails, whatever was wrong with it."""
    return Refused(401, BAD_LOGIN)


def not_authorized() -> Refused:
    """The answer to those who are neither administrator nor the user in question."""
    return Refused(403, NOT_AUTHORIZED)


def not_allowed() -> Refused:
    """The answer to those who do not own the organisation or application in question."""
    return Refused(403, NOT_ALLOWED)


def render(error: Exception) -> Response:
    """The answer to a refusal; anything that is no refusal is a 500 that tells nothing.

    A missing credential is 400 here, as Keyrock has it; one that is not valid is 401.
    """
    status, message = status_of(error), message_of(error)
    if isinstance(error, Refused):
        status, message = error.status, str(error)
    elif type(error) is errors.Unauthenticated:
        status, message = 400, EXPECTING_TOKEN
    envelope = {"message": message, "code": status, "title": HTTPStatus(status).phrase}
    body = dump({"error": envelope}).encode()
    return Response(body, status, headers_of(error), "application/json")
