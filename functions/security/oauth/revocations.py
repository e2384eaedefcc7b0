"""Ending tokens (RFC 7009), also those that are out already.

Cognito ends refresh tokens. An access token is verified offline by every API, so its session is
written into the subject's account, which all of them read (at most 30 s old, by GrantSeconds).
"""

from contextlib import suppress

from city.policy.tokens import InvalidToken
from security.cognito.endpoints import CognitoEndpoints, Rejected
from security.oauth.clients import Client
from security.oauth.refusals import invalid_grant
from security.oauth.subject_tokens import SubjectTokens


class Revocations:
    """Ends tokens of authenticated clients."""

    def __init__(self, cognito: CognitoEndpoints, tokens: SubjectTokens) -> None:
        self._cognito = cognito
        self._tokens = tokens

    def revoke(self, client: Client, token: str) -> None:
        """End the session of an access or refresh token; a token that is none is ended already.

        Raises invalid_grant for a token of another client.
        """
        try:
            claims = self._tokens.read(token)
        except InvalidToken:
            self._revoke_refresh_token(client, token)
            return
        if not client.owns(claims.client):
            raise invalid_grant("the token was issued to another client")
        self._tokens.end(claims)

    def _revoke_refresh_token(self, client: Client, token: str) -> None:
        """It is opaque: the access token that it still buys tells whose session it is."""
        try:
            answer = self._cognito.refresh(client.key, token, has_login_page=client.has_login_page)
        except Rejected:
            return
        try:
            self._end(str(answer["access_token"]))
        finally:
            for old in {token, str(answer.get("refresh_token", token))}:
                with suppress(Rejected):
                    self._cognito.revoke(client.key, old)

    def _end(self, access_token: str) -> None:
        with suppress(InvalidToken):  # ended by its access token before
            self._tokens.end(self._tokens.read(access_token))
