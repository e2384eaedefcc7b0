"""The HTTP endpoints of the user pool's domain, and the sign-in calls that need no AWS credentials.

The addresses come from the deployment only. Answers are bounded in time and size, redirects are
not followed, and nothing that is sent or answered is logged: it is secrets and tokens.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from hmac import digest
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from city.dynamodb import error_code
from city.errors import CityError, Unavailable
from city.json import Json, parse

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from urllib3 import BaseHTTPResponse, PoolManager

TIMEOUT = 5.0
"""Seconds of a whole exchange with Cognito."""
MAX_BYTES = 65_536
_UNAVAILABLE = "the user pool does not answer; try again"


class Rejected(CityError):
    """Cognito refuses; `code` is the error code of its answer (RFC 6749 §5.2)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class BadLogin(CityError):
    """The user is unknown, disabled or unconfirmed, or the password wrong: which is not told."""


class ChallengeRequired(CityError):
    """The password is right, but Cognito wants more (a new password, a second factor)."""


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A client of the pool as it authenticates itself to Cognito; public ones have no secret."""

    id: str
    secret: str | None = field(default=None, repr=False)


class CognitoEndpoints:
    """The pool's domain at `login_url`; `keys_url` is the pool's JWKS document; `sign_in` makes the
    client of the calls that are no HTTP endpoints.

    Every method raises Unavailable when Cognito throttles, fails or does not answer.
    """

    def __init__(
        self,
        login_url: str,
        keys_url: str,
        sign_in: "Callable[[], CognitoIdentityProviderClient]",
    ) -> None:
        self._login_url = login_url
        self._keys_url = keys_url
        self._sign_in = sign_in

    def authorize_url(self, parameters: Mapping[str, str]) -> str:
        """Where a browser goes to sign in."""
        return f"{self._login_url}/oauth2/authorize?{urlencode(parameters, quote_via=quote)}"

    def token(self, client: ClientKey, form: Mapping[str, str]) -> dict[str, Json]:
        """The answer of the token endpoint to a grant. Raises Rejected."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if client.secret is not None:
            headers["Authorization"] = _basic(client)
        body = urlencode({**form, "client_id": client.id})
        return self._object("POST", f"{self._login_url}/oauth2/token", headers, body)

    def user_info(self, access_token: str) -> dict[str, Json]:
        """The claims of the token's user (OpenID Connect Core §5.3). Raises Rejected."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return self._object("GET", f"{self._login_url}/oauth2/userInfo", headers)

    def keys(self) -> bytes:
        """The pool's public keys, a JWKS document."""
        status, body = self._request("GET", self._keys_url, {})
        if status != 200:
            raise Unavailable(_UNAVAILABLE)
        return body

    def password(self, client: ClientKey, username: str, password: str) -> dict[str, Json]:
        """Tokens for a user's password, in the members of a token endpoint's answer.

        Raises BadLogin, ChallengeRequired, or Rejected when the client may not do this.
        """
        parameters = {"USERNAME": username, "PASSWORD": password}
        if client.secret is not None:
            parameters["SECRET_HASH"] = _secret_hash(client, username)
        with _sign_in_translated():
            answer = self._sign_in().initiate_auth(
                ClientId=client.id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters
            )
        if "AuthenticationResult" not in answer:
            raise ChallengeRequired("sign in at the login page first")
        return _tokens(answer["AuthenticationResult"])

    def refresh(
        self, client: ClientKey, refresh_token: str, *, has_login_page: bool
    ) -> dict[str, Json]:
        """The tokens for a refresh token, in the members of a token endpoint's answer.

        The token endpoint serves only clients that have OAuth's flows, so whose client does not
        send people to the login page is refreshed by a call. Raises Rejected.
        """
        if has_login_page:
            form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
            return self.token(client, form)
        try:
            with _sign_in_translated():
                answer = self._sign_in().get_tokens_from_refresh_token(
                    ClientId=client.id, RefreshToken=refresh_token, **_secret(client)
                )
        except BadLogin:
            raise Rejected("invalid_grant") from None
        return _tokens(answer["AuthenticationResult"])

    def revoke(self, client: ClientKey, refresh_token: str) -> None:
        """End a refresh token and its family; an unknown one is ended already."""
        with _sign_in_translated():
            self._sign_in().revoke_token(Token=refresh_token, ClientId=client.id, **_secret(client))

    @cached_property
    def _pool(self) -> "PoolManager":
        from urllib3 import PoolManager, Retry, Timeout  # noqa: PLC0415 - not for every request

        # a code or refresh token works once: only a connection that never stood is tried again
        retries = Retry(total=1, connect=1, read=0, redirect=0, status=0, other=0)
        return PoolManager(
            timeout=Timeout(total=TIMEOUT), retries=retries, cert_reqs="CERT_REQUIRED"
        )

    def _object(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None = None
    ) -> dict[str, Json]:
        status, text = self._request(method, url, headers, body)
        answer = _parsed(text)
        if status == 200:
            return answer
        code = answer.get("error")
        if status in {400, 401, 403} and isinstance(code, str):
            raise Rejected(code)
        raise Unavailable(_UNAVAILABLE)

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None = None
    ) -> tuple[int, bytes]:
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            answer = self._pool.request(
                method, url, body=body, headers=headers, redirect=False, preload_content=False
            )
            return answer.status, _read(answer)
        except HTTPError as error:
            raise Unavailable(_UNAVAILABLE) from error


def _read(answer: "BaseHTTPResponse") -> bytes:
    try:
        body = answer.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            answer.close()
            raise Unavailable(_UNAVAILABLE)
        return body
    finally:
        answer.release_conn()


def _parsed(text: bytes) -> dict[str, Json]:
    try:
        answer = parse(text)
    except ValueError as error:
        raise Unavailable(_UNAVAILABLE) from error
    if not isinstance(answer, dict):
        raise Unavailable(_UNAVAILABLE)
    return answer


def _basic(client: ClientKey) -> str:
    """RFC 6749 §2.3.1: both parts are form-encoded before they are joined."""
    joined = f"{quote(client.id, safe='')}:{quote(client.secret or '', safe='')}"
    return "Basic " + b64encode(joined.encode()).decode()


def _secret(client: ClientKey) -> Any:
    return {} if client.secret is None else {"ClientSecret": client.secret}


def _tokens(result: Any) -> dict[str, Json]:
    """What a call answers, which gives a new refresh token only where they rotate."""
    members = {
        "access_token": "AccessToken",
        "refresh_token": "RefreshToken",
        "expires_in": "ExpiresIn",
    }
    return {name: result[member] for name, member in members.items() if member in result}


def _secret_hash(client: ClientKey, username: str) -> str:
    """Cognito's proof that a sign-in comes from the client."""
    key = (client.secret or "").encode()
    return b64encode(digest(key, (username + client.id).encode(), sha256)).decode()


_BAD_LOGINS = {
    "NotAuthorizedException",
    "UserNotFoundException",
    "UserNotConfirmedException",
    "PasswordResetRequiredException",
    "RefreshTokenReuseException",
    "UserLambdaValidationException",
}
_REFUSALS = {
    "InvalidParameterException": "unauthorized_client",
    "UnsupportedOperationException": "unauthorized_client",
    "UnauthorizedException": "invalid_client",
    "UnsupportedTokenTypeException": "unsupported_token_type",
    "ResourceNotFoundException": "invalid_client",
}


@contextmanager
def _sign_in_translated() -> Iterator[None]:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    from security.cognito.refusals import translated  # noqa: PLC0415

    try:
        with translated():
            yield
    except ClientError as error:
        name = error_code(error)
        if name in _BAD_LOGINS:
            raise BadLogin("wrong user name or password") from None
        if name in _REFUSALS:
            raise Rejected(_REFUSALS[name]) from None
        raise
