"""The users of the user pool: every call of Cognito that administers people.

A user is known by its `sub`, which never changes; the e-mail address is what it signs in with and
may pass to another user one day. In a pool whose user names are addresses Cognito makes the `sub`
the user name, so calls by `sub` find the very user.

What is read by `sub` or address is current. `page` reads Cognito's directory, which lags behind by
a second or more: a new user may be missing from it and a deleted one still there.

Each method is one call, `create` and `invite` included; `page` is one call for 60 users.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from city.dynamodb import error_code
from city.errors import AlreadyExists, InvalidRequest, NotFound
from security.cognito.refusals import translated

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

PAGE = 60
"""Users that Cognito lists at once."""


@dataclass(frozen=True, slots=True)
class PoolUser:
    """A user as the pool knows it. `confirmed`: it has a password of its own."""

    id: str
    email: str
    enabled: bool
    confirmed: bool


class UserPage(NamedTuple):
    """Some users, and where to go on (None at the end)."""

    users: list[PoolUser]
    after: str | None


class UserDirectory:
    """The users of one pool."""

    def __init__(self, client: "CognitoIdentityProviderClient", pool_id: str) -> None:
        self._client = client
        self._pool = pool_id

    def create(self, email: str) -> str:
        """A new user without a password, who is not written to. Raises AlreadyExists."""
        return self._create(email, MessageAction="SUPPRESS")

    def invite(self, email: str) -> str:
        """A new user, who gets a mail with a first password. Raises AlreadyExists."""
        return self._create(email, DesiredDeliveryMediums=["EMAIL"])

    def get(self, id: str) -> PoolUser | None:
        """The user with this `sub`."""
        user = self._find(id)
        return user if user and user.id == id else None

    def find(self, email: str) -> PoolUser | None:
        """The user who signs in with this address."""
        user = self._find(email)
        return user if user and user.email == email else None

    def page(self, after: str | None = None) -> UserPage:
        """Some users of the directory (which lags), in no particular order."""
        request: dict[str, Any] = {"UserPoolId": self._pool, "Limit": PAGE}
        if after:
            request["PaginationToken"] = after
        with translated():
            answer = self._client.list_users(**request)
        users = [_user(one, one.get("Attributes", [])) for one in answer["Users"]]
        return UserPage(users, answer.get("PaginationToken"))

    def set_password(self, id: str, password: str, *, permanent: bool = True) -> None:
        """Give a user a password; one that is not permanent must be changed at the first sign-in.

        Raises InvalidRequest for a password that the pool refuses.
        """
        change = self._client.admin_set_user_password
        try:
            self._call(change, id, Password=password, Permanent=permanent)
        except ClientError as error:
            if error_code(error) in {"InvalidPasswordException", "InvalidParameterException"}:
                raise InvalidRequest(
                    "password is too short or too simple for this city's rules"
                ) from None
            raise

    def set_email(self, id: str, email: str, *, verified: bool) -> None:
        """Change the address a user signs in with. Raises AlreadyExists.

        Unless `verified`, Cognito sends a code to the new address and keeps the old one until the
        code has proved that it is the user's (VerifyUserAttribute).
        """
        attributes = [{"Name": "email", "Value": email}]
        if verified:
            attributes.append({"Name": "email_verified", "Value": "true"})
        try:
            self._call(self._client.admin_update_user_attributes, id, UserAttributes=attributes)
        except ClientError as error:
            if error_code(error) == "AliasExistsException":
                raise AlreadyExists("Email already used") from None
            raise

    def disable(self, id: str) -> None:
        """Let a user sign in no more and end its sessions."""
        self._call(self._client.admin_disable_user, id)
        self.sign_out(id)

    def enable(self, id: str) -> None:
        """Let a user sign in again."""
        self._call(self._client.admin_enable_user, id)

    def sign_out(self, id: str) -> None:
        """End all sessions: their refresh tokens die (access tokens are up to the policy)."""
        self._call(self._client.admin_user_global_sign_out, id)

    def delete(self, id: str) -> None:
        """Delete a user with all the pool knows about it. Raises NotFound."""
        self._call(self._client.admin_delete_user, id)

    def _create(self, email: str, **delivery: Any) -> str:
        attributes: list[Any] = [
            {"Name": "email", "Value": email},
            # an administrator vouches for the address, or the invitation's password proves it
            {"Name": "email_verified", "Value": "true"},
        ]
        try:
            with translated():
                answer = self._client.admin_create_user(
                    UserPoolId=self._pool, Username=email, UserAttributes=attributes, **delivery
                )
        except ClientError as error:
            if error_code(error) == "UsernameExistsException":
                raise AlreadyExists("Email already used") from None
            if error_code(error) == "InvalidParameterException":
                raise InvalidRequest("Email not valid") from None
            raise
        return _attributes(answer["User"].get("Attributes", []))["sub"]

    def _find(self, name: str) -> PoolUser | None:
        try:
            with translated():
                answer = self._client.admin_get_user(UserPoolId=self._pool, Username=name)
        except ClientError as error:
            if error_code(error) == "UserNotFoundException":
                return None
            raise
        return _user(answer, answer.get("UserAttributes", []))

    def _call(self, operation: Any, id: str, **request: Any) -> None:
        try:
            with translated():
                operation(UserPoolId=self._pool, Username=id, **request)
        except ClientError as error:
            if error_code(error) == "UserNotFoundException":
                raise NotFound("User not found") from None
            raise


def _user(answer: Mapping[str, Any], attributes: Sequence[Any]) -> PoolUser:
    known = _attributes(attributes)
    return PoolUser(
        id=known["sub"],
        email=known.get("email", ""),
        enabled=answer["Enabled"],
        confirmed=answer["UserStatus"] == "CONFIRMED",
    )


def _attributes(attributes: Sequence[Any]) -> dict[str, str]:
    return {attribute["Name"]: attribute["Value"] for attribute in attributes}
