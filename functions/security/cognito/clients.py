"""The app clients of the user pool: every call of Cognito about applications.

Cognito lets no client have the client credentials flow beside another, and a client's secret cannot
be added later. So an application that people sign in to has a client for codes, refresh tokens and
passwords, and a second one, its machine client, if it also acts for itself.

Each method is one call. Cognito takes 5 calls of each operation a second and pool, which cannot be
raised: beyond it a call is tried three more times and then refused with `Unavailable`. So no
request of an application's users may call here, but for the authentication of clients, which keeps
what it was told.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from city.dynamodb import error_code
from city.errors import InvalidRequest, NotFound
from security.cognito.refusals import translated

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

MAX_NAME = 128
PASSWORD_FLOW = "ALLOW_USER_PASSWORD_AUTH"  # noqa: S105 - the name of a flow

_UNNAMEABLE = re.compile(r"[^\w\s+=,.@-]", re.ASCII)
_INERT = "ALLOW_CUSTOM_AUTH"
"""A flow that nobody can use here. Without any flow, Cognito allows several."""
_USER_SCOPES = frozenset({"openid", "email", "profile"})
"""Scopes that are about a user, which a machine is not."""


@dataclass(frozen=True, slots=True)
class ClientTerms:
    """What a client may do: where sign-in and sign-out may return to, and the scopes it may ask for.

    `takes_passwords`: it may exchange a user's password for tokens. A machine acts for itself, if
    it is enabled.
    """

    name: str
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...] = ()
    sign_out_uris: tuple[str, ...] = ()
    takes_passwords: bool = False
    is_machine: bool = False
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class PoolClient:
    """A client as the pool knows it; `secret` is None for a public one."""

    id: str
    secret: str | None = field(default=None, repr=False)
    redirect_uris: frozenset[str] = frozenset()
    takes_passwords: bool = False


class NewClient(NamedTuple):
    """A client just made, with the secret that nothing tells again."""

    id: str
    secret: str


class AppClients:
    """The app clients of one pool. What a client may do is refused with InvalidRequest."""

    def __init__(self, client: "CognitoIdentityProviderClient", pool_id: str) -> None:
        self._client = client
        self._pool = pool_id

    def create(self, terms: ClientTerms) -> NewClient:
        """A new client with a secret."""
        answer = _accepted(
            self._client.create_user_pool_client,
            UserPoolId=self._pool,
            GenerateSecret=True,
            **_request(terms),
        )
        client = answer["UserPoolClient"]
        return NewClient(client["ClientId"], client["ClientSecret"])

    def update(self, id: str, terms: ClientTerms) -> None:
        """Let a client have exactly these terms; its secret stays. Raises NotFound."""
        _accepted(
            self._client.update_user_pool_client,
            UserPoolId=self._pool,
            ClientId=id,
            **_request(terms),
        )

    def describe(self, id: str) -> PoolClient | None:
        """The client with its secret, for authentication only: never shown, logged or stored."""
        try:
            with translated():
                answer = self._client.describe_user_pool_client(UserPoolId=self._pool, ClientId=id)
        except ClientError as error:
            if error_code(error) in {"ResourceNotFoundException", "InvalidParameterException"}:
                return None
            raise
        found = answer["UserPoolClient"]
        return PoolClient(
            id,
            found.get("ClientSecret"),
            frozenset(found.get("CallbackURLs", [])),
            PASSWORD_FLOW in found.get("ExplicitAuthFlows", []),
        )

    def delete(self, id: str) -> None:
        """Remove a client: it gets no more tokens. Nothing happens when there is none."""
        try:
            with translated():
                self._client.delete_user_pool_client(UserPoolId=self._pool, ClientId=id)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise


def machine_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Those of the scopes that a client may ask for without a user."""
    return tuple(scope for scope in scopes if scope not in _USER_SCOPES)


def _request(terms: ClientTerms) -> dict[str, Any]:
    """All terms: an update sets what it does not name back to Cognito's defaults."""
    common = {
        "ClientName": _UNNAMEABLE.sub("_", terms.name)[:MAX_NAME] or "application",
        "PreventUserExistenceErrors": "ENABLED",
        "EnableTokenRevocation": True,
    }
    return common | (_machine_request(terms) if terms.is_machine else _user_request(terms))


def _machine_request(terms: ClientTerms) -> dict[str, Any]:
    return {
        "AllowedOAuthFlowsUserPoolClient": terms.is_enabled,
        "AllowedOAuthFlows": ["client_credentials"] if terms.is_enabled else [],
        "AllowedOAuthScopes": [*machine_scopes(terms.scopes)] if terms.is_enabled else [],
        "ExplicitAuthFlows": [_INERT],
        # each such token costs; what it may do is looked up by request, so it may live long
        "AccessTokenValidity": 24,
        "TokenValidityUnits": {"AccessToken": "hours"},
    }


def _user_request(terms: ClientTerms) -> dict[str, Any]:
    by_code = bool(terms.redirect_uris)
    return {
        "SupportedIdentityProviders": ["COGNITO"],
        # refresh tokens are rotated; the flow that uses them without rotation stays off
        "RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 10},
        "ExplicitAuthFlows": [PASSWORD_FLOW if terms.takes_passwords else _INERT],
        "AllowedOAuthFlowsUserPoolClient": by_code,
        "AllowedOAuthFlows": ["code"] if by_code else [],
        "AllowedOAuthScopes": [*terms.scopes] if by_code else [],
        "CallbackURLs": [*terms.redirect_uris],
        "LogoutURLs": [*terms.sign_out_uris] if by_code else [],
        "AccessTokenValidity": 60,
        "IdTokenValidity": 60,
        "RefreshTokenValidity": 14,
        "TokenValidityUnits": {
            "AccessToken": "minutes",
            "IdToken": "minutes",
            "RefreshToken": "days",
        },
    }


def _accepted(operation: Any, **request: Any) -> Any:
    try:
        with translated():
            return operation(**request)
    except ClientError as error:
        match error_code(error):
            case "InvalidParameterException" | "InvalidOAuthFlowException":
                raise InvalidRequest(
                    "redirect_uri must be https, or http://localhost, without a fragment"
                ) from None
            case "ScopeDoesNotExistException":
                raise InvalidRequest("scope names a scope that does not exist") from None
            case "ResourceNotFoundException":
                raise NotFound("Application not found") from None
        raise
