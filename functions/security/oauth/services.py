"""The services behind `/oauth2` and `/.well-known`, made when first needed."""

from collections.abc import Callable
from functools import cached_property

from city.aws import client
from city.clock import Clock
from city.policy.keys import SigningKeys
from city.policy.tokens import Claims, TokenVerifier
from city.table import Table
from security.cognito.clients import AppClients
from security.cognito.endpoints import ClientKey, CognitoEndpoints
from security.oauth.authorization import Authorization
from security.oauth.clients import Clients
from security.oauth.introspection import Introspection
from security.oauth.published_keys import PublishedKeys
from security.oauth.revocations import Revocations
from security.oauth.sign_in import SignIn
from security.oauth.subject_tokens import SubjectTokens
from security.oauth.tokens import AgentOf, Tokens
from security.settings import ApiSettings
from security.store.accounts import AccountStore
from security.store.clients import ClientStore


class OAuthServices:
    """What the routes of OAuth call."""

    def __init__(
        self,
        settings: ApiSettings,
        table: Table,
        accounts: AccountStore,
        agent_of: AgentOf,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._table = table
        self._accounts = accounts
        self._agent_of = agent_of
        self._clock = clock
        self.cognito = CognitoEndpoints(
            settings.login_url, settings.token_jwks_url, lambda: client("cognito-idp")
        )

    @cached_property
    def clients(self) -> Clients:
        """The clients and their authentication."""
        pool = AppClients(client("cognito-idp"), self._settings.user_pool_id)
        return Clients(pool.describe, ClientStore(self._table), self._accounts, self._clock)

    @cached_property
    def authorization(self) -> Authorization:
        """Sends browsers to the login page."""
        return Authorization(self.cognito, self.clients)

    @cached_property
    def tokens(self) -> Tokens:
        """Exchanges grants for tokens."""
        takes_passwords = self._settings.password_grant
        return Tokens(self.cognito, self.clients, self._agent_of, takes_passwords=takes_passwords)

    @cached_property
    def sign_in(self) -> SignIn:
        """Signing in with name and password, as Keyrock's clients do."""
        settings = self._settings
        people = ClientKey(settings.login_client_id) if settings.password_grant else None
        return SignIn(self.cognito, people, self._agent_of, self.clients, self.tokens)

    @cached_property
    def keys(self) -> PublishedKeys:
        """The pool's public keys."""
        return PublishedKeys(self.cognito.keys, self._clock)

    @cached_property
    def verify(self) -> Callable[[str], Claims]:
        """Gives the claims of a good access token, by the published keys."""
        keys = SigningKeys(lambda: self.keys.get().document)
        return TokenVerifier(self._settings.token_issuer, keys).verify

    @cached_property
    def subject_tokens(self) -> SubjectTokens:
        """Tokens that one asks about."""
        return SubjectTokens(self.verify, self._accounts, self._clock)

    @cached_property
    def revocations(self) -> Revocations:
        """Ends tokens."""
        return Revocations(self.cognito, self.subject_tokens)

    @cached_property
    def introspection(self) -> Introspection:
        """Says what a token is worth."""
        return Introspection(
            self._settings.token_issuer,
            self.subject_tokens,
            self._accounts,
            self._table,
            self._clock,
        )
