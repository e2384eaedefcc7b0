"""Signing in with name and password, as Keyrock's clients do: people only where the city wants it.

People's passwords belong on the login page (RFC 9700 §2.4), so a deployment must ask for this. PEP
proxies and IoT agents have passwords that nobody made up; with one they get a token of their
application by client credentials, which Cognito charges for ($0.00225).
"""

from typing import TYPE_CHECKING

from city.errors import CityError, InvalidRequest
from security.applications.agents import AGENT_NAMES
from security.cognito.endpoints import BadLogin, ChallengeRequired, ClientKey, CognitoEndpoints
from security.oauth.refusals import OAuthError
from security.people.mail_addresses import parse_address

if TYPE_CHECKING:
    from security.oauth.clients import Clients
    from security.oauth.tokens import AgentOf, Tokens


class SignInRefused(CityError):
    """Signing in is not possible, whoever tries; the message says why."""


class SignIn:
    """Gives access tokens for names and passwords; `login_client` is what people sign in with."""

    def __init__(
        self,
        cognito: CognitoEndpoints,
        login_client: ClientKey | None,
        agent_of: "AgentOf",
        clients: "Clients",
        tokens: "Tokens",
    ) -> None:
        self._cognito = cognito
        self._login_client = login_client
        self._agent_of = agent_of
        self._clients = clients
        self._tokens = tokens

    def token(self, name: str, password: str) -> str | None:
        """An access token; None whatever is wrong with name or password.

        Raises SignInRefused where people cannot sign in like this, or an agent's application
        cannot act for itself.
        """
        if name.startswith(AGENT_NAMES):
            return self._of_agent(name, password)
        if self._login_client is None:
            raise SignInRefused(
                "passwords are not taken here; get a token from /oauth2/authorize and /oauth2/token"
            )
        return self._of_person(self._login_client, name, password)

    def _of_person(self, client: ClientKey, name: str, password: str) -> str | None:
        try:
            answer = self._cognito.password(client, parse_address(name), password)
        except (BadLogin, ChallengeRequired, InvalidRequest):
            return None
        return str(answer["access_token"])

    def _of_agent(self, name: str, password: str) -> str | None:
        agent = self._agent_of(name, password)
        if agent is None:
            return None
        try:
            client = self._clients.named(agent.application)
            answer = self._tokens.exchange(client, {"grant_type": "client_credentials"})
        except OAuthError:
            raise SignInRefused(
                "the application must have the grant type client_credentials, "
                "so that its PEP proxy and agents can have tokens"
            ) from None
        return str(answer["access_token"])
