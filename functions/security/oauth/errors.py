"""Refusals as OAuth 2.0 answers them (RFC 6749 §5.2): `{"error", "error_description"}`, never stored."""

from fastapi import Response

from city import errors
from city.http import MethodNotAllowed, UnknownPath, headers_of, message_of, status_of
from city.json import dump
from city.policy import MissingScope
from city.policy.tokens import InvalidToken

NEVER_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
CHALLENGE = 'Basic realm="city", charset="UTF-8"'


class OAuthError(errors.CityError):
    """A refusal with an error code of RFC 6749 §5.2."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


def invalid_request(description: str) -> OAuthError:
    """A parameter is missing, repeated or malformed."""
    return OAuthError("invalid_request", description)


def invalid_client() -> OAuthError:
    """One refusal, whether the client is unknown, its secret wrong, or its secret missing."""
    return OAuthError("invalid_client", "client authentication failed")


def invalid_grant(description: str) -> OAuthError:
    """The code, refresh token or password is not valid, or belongs to another client."""
    return OAuthError("invalid_grant", description)


_CODES: dict[type[errors.CityError], str] = {
    errors.InvalidRequest: "invalid_request",
    InvalidToken: "invalid_token",
    errors.Unauthenticated: "invalid_request",
    MissingScope: "insufficient_scope",
    errors.Forbidden: "access_denied",
    errors.TooLarge: "invalid_request",
    errors.Unavailable: "temporarily_unavailable",
    errors.Contended: "temporarily_unavailable",
    UnknownPath: "invalid_request",
    MethodNotAllowed: "invalid_request",
}


def render(error: Exception) -> Response:
    """The answer to a refusal; anything that is no refusal is a 500 that tells nothing."""
    body = dump({"error": _code(error), "error_description": _description(error)}).encode()
    headers = NEVER_STORED | (headers_of(error) or {})
    if _is_invalid_client(error):
        headers["WWW-Authenticate"] = CHALLENGE
    return Response(body, _status(error), headers, "application/json")


def _code(error: Exception) -> str:
    if isinstance(error, OAuthError):
        return error.code
    return next((_CODES[cls] for cls in type(error).__mro__ if cls in _CODES), "server_error")


def _status(error: Exception) -> int:
    if _is_invalid_client(error):
        return 401
    return 400 if isinstance(error, OAuthError) else status_of(error)


def _is_invalid_client(error: Exception) -> bool:
    return isinstance(error, OAuthError) and error.code == "invalid_client"


def _description(error: Exception) -> str:
    """The message in the characters RFC 6749 allows: printable ASCII but quotes and backslashes."""
    text = str(error) if isinstance(error, OAuthError) else message_of(error)
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "'" for c in text)
