"""Refusals as OAuth 2.0 answers them (RFC 6749 §5.2): `{"error", "error_description"}`, never stored."""

from fastapi import Response

from city import errors
from city.http import headers_of, message_of, status_of
from city.json import dump
from city.policy import MissingScope
from city.policy.tokens import InvalidToken
from security.oauth.refusals import OAuthError

NEVER_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
CHALLENGE = 'Basic realm="city", charset="UTF-8"'

_CODES: dict[type[errors.CityError], str] = {
    InvalidToken: "invalid_token",
    MissingScope: "insufficient_scope",
    errors.Forbidden: "access_denied",
    errors.Contended: "temporarily_unavailable",
    errors.Unavailable: "temporarily_unavailable",
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
    named = next((_CODES[cls] for cls in type(error).__mro__ if cls in _CODES), None)
    return named or ("invalid_request" if status_of(error) < 500 else "server_error")


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
