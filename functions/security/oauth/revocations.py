"""Ending tokens (RFC 7009), also those that are out already.

Cognito ends refresh tokens. An access token is verified offline by every API, so its session is
written into the subject's account, which all of them read (at most 30 s old, by GrantSeconds).
"""

from collections.abc import Callable
from contextlib import suppress

from city.clock import SECOND, Clock
from city.errors import NotFound
from city.policy.accounts import Account
from city.policy.tokens import MAX_LIFETIME, Claims, InvalidToken
from security.cognito_endpoints import CognitoEndpoints, Rejected
from security.oauth.clients import APPLICATION, Client
from security.oauth.errors import invalid_grant
from security.store.accounts import AccountStore

LONGEST_SESSION = 30 * 86_400 * SECOND
"""The life of a refresh token: while it can be exchanged, what comes of it must be refused."""


class Revocations:
    """Ends tokens of authenticated clients; `verify` gives the claims of a good access token."""

    def __init__(
        self,
        cognito: CognitoEndpoints,
        verify: Callable[[str], Claims],
        accounts: AccountStore,
        clock: Clock,
    ) -> None:
        self._cognito = cognito
        self._verify = verify
        self._accounts = accounts
        self._clock = clock

    def revoke(self, client: Client, token: str) -> None:
        """End the session of an access or refresh token; a token that is none is ended already.

        Raises invalid_grant for a token of another client.
        """
        try:
            claims = self._verify(token)
        except InvalidToken:
            self._revoke_refresh_token(client, token)
            return
        if not client.owns(claims.client):
            raise invalid_grant("the token was issued to another client")
        self._end(claims, LONGEST_SESSION)

    def _revoke_refresh_token(self, client: Client, token: str) -> None:
        """It is opaque: the access token that it still buys tells whose session it is."""
        try:
            answer = self._cognito.token(
                client.key, {"grant_type": "refresh_token", "refresh_token": token}
            )
        except Rejected:
            return
        try:
            self._end(self._verify(str(answer["access_token"])), MAX_LIFETIME * SECOND)
        finally:
            for old in {token, str(answer.get("refresh_token", token))}:
                with suppress(Rejected):
                    self._cognito.revoke(client.key, old)

    def _end(self, claims: Claims, lasts: int) -> None:
        session, until = claims.session or claims.id, self._clock() + lasts
        try:
            self._accounts.revoke_session(claims.subject, session, until)
        except NotFound:
            # nobody has given it rights yet, or it was deleted: then its tokens are refused anyway
            kind = APPLICATION if claims.subject == claims.client else "user"
            if self._accounts.create(Account(claims.subject, kind)):
                self._accounts.revoke_session(claims.subject, session, until)
