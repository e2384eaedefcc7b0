"""The authorization endpoint: a request is checked, then goes to Cognito's login page.

It redirects nowhere else, not even with an error, so that it cannot be used to send people to an
address of someone's choice; Cognito returns to the registered `redirect_uri` itself.
"""

import re

from security.cognito.endpoints import CognitoEndpoints
from security.oauth.clients import Clients
from security.oauth.forms import Parameters, required
from security.oauth.refusals import OAuthError, invalid_request

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
"""The base64url of a SHA-256 (RFC 7636 §4.2)."""

_FORWARDED = (
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method", "prompt", "login_hint", "lang"),
)


class Authorization:
    """Sends browsers to the login page."""

    def __init__(self, cognito: CognitoEndpoints, clients: Clients) -> None:
        self._cognito = cognito
        self._clients = clients

    def login_page(self, parameters: Parameters) -> str:
        """Where the request goes on. Raises OAuthError (RFC 6749 §4.1, RFC 7636, RFC 9700 §2.1)."""
        if required(parameters, "response_type") != "code":
            raise OAuthError("unsupported_response_type", "the response type is code")
        client = self._clients.named(required(parameters, "client_id"))
        if required(parameters, "redirect_uri") not in client.known.redirect_uris:
            raise invalid_request("redirect_uri is not one that the client registered, exactly")
        if parameters.get("code_challenge_method") != "S256":
            raise invalid_request("PKCE is needed: code_challenge_method must be S256")
        if not _CHALLENGE.fullmatch(required(parameters, "code_challenge")):
            raise invalid_request("code_challenge must be the base64url of a SHA-256")
        forwarded = {name: parameters[name] for name in _FORWARDED if name in parameters}
        return self._cognito.authorize_url(forwarded)
