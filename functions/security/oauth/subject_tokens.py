"""Tokens as things one asks about: what a token is worth at this moment, and ending one.

Read from the accounts themselves, not from a cache, so an ended token is ended at once here; other
functions follow within the age of what they keep.
"""

from collections.abc import Callable, Mapping

from city.clock import SECOND, Clock
from city.errors import NotFound
from city.policy import honours
from city.policy.accounts import Account
from city.policy.tokens import Claims, InvalidToken
from security.store.accounts import AccountStore

LONGEST_SESSION = 30 * 86_400 * SECOND
"""The life of a refresh token: while it can be exchanged, what comes of it must be refused."""


class SubjectTokens:
    """Access tokens of the city; `verify` gives the claims of one that is genuine and current."""

    def __init__(
        self, verify: Callable[[str], Claims], accounts: AccountStore, clock: Clock
    ) -> None:
        self._verify = verify
        self._accounts = accounts
        self._clock = clock

    def read(self, token: str) -> Claims:
        """Whose token this is. Raises InvalidToken, also for one that was revoked."""
        claims = self._verify(token)
        confirm(claims, self._accounts.remembered(claims.client, claims.subject))
        return claims

    def end(self, claims: Claims) -> None:
        """End the session that a token belongs to, with all its tokens."""
        session = claims.session or claims.id
        until = self._clock() + LONGEST_SESSION if claims.session else claims.expires * SECOND
        try:
            self._accounts.revoke_session(claims.subject, session, until)
        except NotFound:
            # nobody has given it rights yet; if it was deleted, its tokens are refused anyway
            kind = "application" if claims.subject == claims.client else "user"
            if self._accounts.create(Account(claims.subject, kind)):
                self._accounts.revoke_session(claims.subject, session, until)


def confirm(claims: Claims, accounts: Mapping[str, Account]) -> None:
    """Refuse a token that its client or its subject does not honour, with InvalidToken.

    `accounts` has theirs as they are now, also deleted ones; a user may have none, a client not.
    """
    client, owner = accounts.get(claims.client), accounts.get(claims.subject)
    if client is None or not honours(client, claims):
        raise InvalidToken
    if owner is not None and not honours(owner, claims):
        raise InvalidToken
