"""What a token or API key is worth now (RFC 7662), read from the accounts themselves, not a cache.

Whatever is not good in every respect is `{"active": false}` and nothing more: malformed, expired,
another issuer's, revoked by itself or with its session, its subject or its client, or not the
asking client's business.
"""

from hmac import compare_digest

from city.clock import SECOND, Clock
from city.json import Json
from city.keys import key
from city.policy.credentials import hash_of, key_subject, parse_key
from city.policy.tokens import Claims, InvalidToken
from city.table import Table
from security.oauth.clients import Client
from security.oauth.subject_tokens import SubjectTokens
from security.store.accounts import AccountStore

INACTIVE: dict[str, Json] = {"active": False}

Facts = dict[str, Json]


class Introspection:
    """Describes tokens."""

    def __init__(
        self,
        issuer: str,
        tokens: SubjectTokens,
        accounts: AccountStore,
        table: Table,
        clock: Clock,
    ) -> None:
        self._issuer = issuer
        self._tokens = tokens
        self._accounts = accounts
        self._table = table
        self._clock = clock

    def describe(self, token: str, asking: Client | None = None) -> Facts:
        """The token's facts. A client that asks learns only of tokens issued to itself or to an
        application it trusts; without one the asker may know of all."""
        try:
            claims = self._tokens.read(token)
        except InvalidToken:
            return self._api_key(token) if asking is None else INACTIVE
        if asking is not None and not self._concerns(asking, claims.client):
            return INACTIVE
        return self._access_token(claims)

    def _concerns(self, asking: Client, client_id: str) -> bool:
        if asking.owns(client_id):
            return True
        stored = self._accounts.find(client_id)
        application = (stored and stored.application) or client_id
        trusted = self._table.get(key("application", asking.known.id), key("trusted", application))
        return trusted is not None

    def _access_token(self, claims: Claims) -> Facts:
        return {
            "active": True,
            "token_type": "Bearer",
            "scope": " ".join(sorted(claims.scopes)),
            "client_id": claims.client,
            "sub": claims.subject,
            "iss": self._issuer,
            "iat": claims.issued,
            "exp": claims.expires,
            "jti": claims.id,
        }

    def _api_key(self, text: str) -> Facts:
        try:
            key_id, secret = parse_key(text)
        except InvalidToken:
            return INACTIVE
        stored = self._accounts.find(key_subject(key_id))
        if stored is None or stored.account.key is None or not stored.account.active:
            return INACTIVE
        account, terms = stored.account, stored.account.key
        if not compare_digest(hash_of(secret), terms.secret_hash):
            return INACTIVE
        if account.is_ended_key(self._clock()):
            return INACTIVE
        scope = " ".join(sorted(account.scopes))
        facts: Facts = {"active": True, "token_type": "api_key", "scope": scope}
        facts["sub"] = account.subject
        return facts if terms.ends is None else facts | {"exp": terms.ends // SECOND}
