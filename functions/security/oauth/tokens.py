"""The token endpoint: grants are checked here and exchanged for tokens by Cognito.

Two forms of answer. Standard clients get RFC 6749's, with the scopes the token really has. Clients
written for Keyrock, which ask for no scope or one of Keyrock's own, get Keyrock's: a list.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping

from city.json import Json, parse
from city.policy import DIRECT_SIGN_IN
from security.applications.agents import AGENT_NAMES
from security.cognito.endpoints import (
    BadLogin,
    ChallengeRequired,
    ClientKey,
    CognitoEndpoints,
    Rejected,
)
from security.oauth.clients import Client, Clients
from security.oauth.forms import Parameters, required
from security.oauth.metadata import PASSWORD
from security.oauth.refusals import OAuthError, invalid_grant, invalid_request
from security.store.agents import Agent

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
"""RFC 7636 §4.1."""

_KEYROCK_SCOPES = {"bearer", "jwt"}
_MEMBERS = ("access_token", "id_token", "refresh_token", "expires_in")

Answer = dict[str, Json]
AgentOf = Callable[[str, str], Agent | None]
"""Gives the PEP proxy or IoT agent with an id and a password."""


class Tokens:
    """Exchanges grants of authenticated clients for tokens."""

    def __init__(
        self,
        cognito: CognitoEndpoints,
        clients: Clients,
        agent_of: AgentOf,
        *,
        takes_passwords: bool,
    ) -> None:
        self._cognito = cognito
        self._clients = clients
        self._agent_of = agent_of
        self._grants: dict[str, Callable[[Client, Parameters], Answer]] = {
            "authorization_code": self._code,
            "refresh_token": self._refresh,
            "client_credentials": self._client_credentials,
        }
        if takes_passwords:
            self._grants[PASSWORD] = self._password

    def exchange(self, client: Client, parameters: Parameters) -> Answer:
        """The tokens for a grant (RFC 6749 §4 and §6). Raises OAuthError."""
        grant_type = required(parameters, "grant_type")
        grant = self._grants.get(grant_type)
        if grant is None:
            raise OAuthError(
                "unsupported_grant_type", f"the grant types are {', '.join(self._grants)}"
            )
        scopes = _scopes(parameters)
        answer = grant(client, parameters)
        if _is_for_keyrock(grant_type, scopes, answer):
            return _told(answer, "bearer", ["bearer"])
        return _told(answer, "Bearer", " ".join(sorted(scopes_of(answer))))

    def _code(self, client: Client, parameters: Parameters) -> Answer:
        verifier = required(parameters, "code_verifier")
        if not VERIFIER.fullmatch(verifier):
            raise invalid_request("code_verifier must be 43 to 128 unreserved characters")
        form = {name: required(parameters, name) for name in ("code", "redirect_uri")}
        if form["redirect_uri"] not in client.known.redirect_uris:
            raise invalid_grant("redirect_uri is not one that the client registered")
        return self._ask(client.key, "authorization_code", form | {"code_verifier": verifier})

    def _refresh(self, client: Client, parameters: Parameters) -> Answer:
        token = required(parameters, "refresh_token")
        try:
            return self._cognito.refresh(client.key, token, has_login_page=client.has_login_page)
        except Rejected as error:
            raise _refusal(error) from error

    def _client_credentials(self, client: Client, parameters: Parameters) -> Answer:
        if client.known.is_public:
            raise OAuthError("unauthorized_client", "a client without a secret has no credentials")
        scopes = _scopes(parameters) - _KEYROCK_SCOPES
        form = {"scope": " ".join(sorted(scopes))} if scopes else {}
        return self._ask(self._clients.machine_key(client), "client_credentials", form)

    def _password(self, client: Client, parameters: Parameters) -> Answer:
        if not client.known.takes_passwords:
            raise OAuthError("unauthorized_client", "the client may not use the password grant")
        username, password = (required(parameters, name) for name in ("username", "password"))
        if username.startswith(AGENT_NAMES):
            return self._agent(client, username, password)
        try:
            return self._cognito.password(client.key, username, password)
        except BadLogin as error:
            raise invalid_grant("wrong user name or password") from error
        except ChallengeRequired as error:
            raise invalid_grant("the user has to sign in at the login page first") from error
        except Rejected as error:
            raise _refusal(error) from error

    def _agent(self, client: Client, name: str, password: str) -> Answer:
        """An agent acts for its application; it has no rights of its own beside those."""
        agent = self._agent_of(name, password)
        if agent is None or agent.application != client.known.id:
            raise invalid_grant("wrong user name or password")
        return self._client_credentials(client, {})

    def _ask(self, client: ClientKey, grant_type: str, form: Mapping[str, str]) -> Answer:
        try:
            return self._cognito.token(client, {"grant_type": grant_type, **form})
        except Rejected as error:
            raise _refusal(error) from error


def scopes_of(answer: Answer) -> frozenset[str]:
    """The scopes in the access token of an answer, which comes from Cognito itself."""
    _, payload, _ = str(answer["access_token"]).split(".")
    claims = parse(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    scope = claims.get("scope") if isinstance(claims, dict) else None
    return frozenset(str(scope).split()) if scope else frozenset()


def _scopes(parameters: Parameters) -> frozenset[str]:
    scopes = frozenset(parameters.get("scope", "").split())
    if "permanent" in scopes:
        raise OAuthError("invalid_scope", "there are no permanent tokens")
    if scopes & _KEYROCK_SCOPES and len(scopes) > 1:
        raise OAuthError("invalid_scope", "bearer and jwt are asked for alone")
    return scopes


def _is_for_keyrock(grant_type: str, scopes: frozenset[str], answer: Answer) -> bool:
    """Whether a client written for Keyrock asks; a refresh is told by how its session began."""
    if scopes:
        return scopes <= _KEYROCK_SCOPES
    if grant_type == "refresh_token":
        return DIRECT_SIGN_IN in scopes_of(answer)
    return grant_type in {"client_credentials", PASSWORD}


def _told(answer: Answer, token_type: str, scope: Json) -> Answer:
    tokens = {name: answer[name] for name in _MEMBERS if name in answer}
    return tokens | {"token_type": token_type, "scope": scope}


_REFUSALS = {
    "invalid_client": "client authentication failed",
    "invalid_grant": "the grant is not valid, has been used, has expired, or is another client's",
    "unauthorized_client": "the client may not use this grant type",
    "invalid_scope": "a scope is unknown, or the client may not ask for it",
}


def _refusal(error: Rejected) -> OAuthError:
    """What Cognito refuses, in our words: its own may quote the request."""
    if error.code in _REFUSALS:
        return OAuthError(error.code, _REFUSALS[error.code])
    return invalid_request("Cognito does not accept the request")
