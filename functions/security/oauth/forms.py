"""What the OAuth endpoints are sent: parameters in a form or a query, each once, and a client's secret.

A parameter given twice, two different secrets and a body that is no form are refused: a request
that can be read in two ways must not be read in either.
"""

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from security.oauth.refusals import invalid_client, invalid_request

MAX_BYTES = 16_384
MAX_PARAMETERS = 40
FORM = "application/x-www-form-urlencoded"

Parameters = Mapping[str, str]

_BASIC = re.compile(r"basic +([A-Za-z0-9+/=_-]+)", re.IGNORECASE)
_CLIENT = re.compile(r"[\w+-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client presents of itself; a public client has no secret."""

    client: str
    secret: str | None = field(default=None, repr=False)


def parse_form(content_type: str, body: bytes) -> dict[str, str]:
    """The parameters of a form; empty ones count as absent (RFC 6749 §3.1)."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise invalid_request(f"the body must be of the media type {FORM}")
    try:
        return parse_parameters(body.decode())
    except UnicodeDecodeError as error:
        raise invalid_request("the body is not UTF-8") from error


def parse_parameters(text: str) -> dict[str, str]:
    """The parameters of a query or form; empty ones count as absent."""
    if len(text) > MAX_BYTES:
        raise invalid_request(f"the parameters are longer than {MAX_BYTES} bytes")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise invalid_request("the parameters cannot be read") from error
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise invalid_request("a parameter is given more than once")
    return {name: value for name, value in parameters.items() if value}


def required(parameters: Parameters, name: str) -> str:
    """The parameter with this name, which must be there."""
    value = parameters.get(name)
    if value is None:
        raise invalid_request(f"the parameter {name} is missing")
    return value


def presented_credentials(parameters: Parameters, authorization: Sequence[str]) -> Credentials:
    """The client's credentials, from `Authorization: Basic` or the form (RFC 6749 §2.3.1).

    Clients of Keyrock send them in both; they must be the same.
    """
    if not authorization:
        client, secret = parameters.get("client_id", ""), parameters.get("client_secret")
        return Credentials(_checked(client), secret)
    credentials = _basic(authorization)
    if parameters.get("client_secret", credentials.secret) != credentials.secret:
        raise invalid_request("the form has another secret than the Authorization header")
    if parameters.get("client_id", credentials.client) != credentials.client:
        raise invalid_request("the form names another client than the Authorization header")
    return credentials


def _checked(client: str) -> str:
    if not _CLIENT.fullmatch(client):
        raise invalid_client()
    return client


def _basic(authorization: Sequence[str]) -> Credentials:
    # both parts should be form-encoded, but few clients do it: a plus stays one, no secret has blanks
    match = _BASIC.fullmatch(authorization[0].strip()) if len(authorization) == 1 else None
    if match is None:
        raise invalid_client()
    try:
        client, separator, secret = b64decode(match[1], validate=True).decode().partition(":")
    except ValueError as error:
        raise invalid_client() from error
    if not separator:
        raise invalid_client()
    return Credentials(_checked(unquote(client)), unquote(secret) or None)
