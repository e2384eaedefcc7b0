"""The calls of the user pool about people, on moto, and its refusals, stubbed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from city import aws
from city.errors import AlreadyExists, InvalidRequest, NotFound, Unavailable
from security.cognito.users import PAGE, PoolUser, UserDirectory

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def pool() -> Iterator[tuple["CognitoIdentityProviderClient", str]]:
    client = aws.client("cognito-idp")
    policy: Any = {
        "PasswordPolicy": {"MinimumLength": 12}
        | dict.fromkeys(
            ("RequireUppercase", "RequireLowercase", "RequireNumbers", "RequireSymbols"), False
        )
    }
    id = client.create_user_pool(PoolName="people", UsernameAttributes=["email"], Policies=policy)[
        "UserPool"
    ]["Id"]
    yield client, id
    client.delete_user_pool(UserPoolId=id)


@pytest.fixture
def directory(pool: tuple["CognitoIdentityProviderClient", str]) -> UserDirectory:
    return UserDirectory(*pool)


def address() -> str:
    return f"{uuid4().hex}@city.example"


def test_created_user_is_found_by_id_and_address(directory: UserDirectory) -> None:
    email = address()
    id = directory.create(email)
    assert directory.get(id) == PoolUser(id, email, enabled=True, confirmed=False)
    assert directory.find(email) == directory.get(id)
    directory.set_password(id, PASSWORD)
    assert directory.get(id) == PoolUser(id, email, enabled=True, confirmed=True)


def test_id_is_not_taken_for_an_address_nor_the_other_way_round(directory: UserDirectory) -> None:
    email = address()
    id = directory.create(email)
    assert directory.find(id) is None
    assert directory.get(email) is None


def test_unknown_user_is_none_or_not_found(directory: UserDirectory) -> None:
    assert directory.get("nobody") is None
    assert directory.find(address()) is None
    for call in (directory.disable, directory.enable, directory.sign_out, directory.delete):
        with pytest.raises(NotFound):
            call("nobody")
    with pytest.raises(NotFound):
        directory.set_password("nobody", PASSWORD)
    with pytest.raises(NotFound):
        directory.set_email("nobody", address(), verified=True)


def test_address_is_taken_once(directory: UserDirectory) -> None:
    email = address()
    directory.invite(email)
    for call in (directory.create, directory.invite):
        with pytest.raises(AlreadyExists, match="Email already used"):
            call(email)
    other = directory.create(address())
    with pytest.raises(AlreadyExists):
        directory.set_email(other, email, verified=True)


def test_address_that_the_pool_does_not_take_is_refused(directory: UserDirectory) -> None:
    with pytest.raises(InvalidRequest):
        directory.create("no address")


def test_weak_password_is_refused(directory: UserDirectory) -> None:
    id = directory.create(address())
    with pytest.raises(InvalidRequest, match="too short"):
        directory.set_password(id, "short")


def test_user_is_disabled_enabled_and_deleted(directory: UserDirectory) -> None:
    id = directory.create(address())
    directory.disable(id)
    assert directory.get(id) == PoolUser(id, directory.get(id).email, False, False)  # type: ignore[union-attr] # there
    directory.enable(id)
    directory.delete(id)
    assert directory.get(id) is None


def test_directory_has_pages(directory: UserDirectory) -> None:
    made = {directory.create(address()) for _ in range(PAGE + 5)}
    found: set[str] = set()
    after: str | None = None
    pages = 0
    while True:
        page = directory.page(after)
        assert len(page.users) <= PAGE
        found |= {user.id for user in page.users}
        pages += 1
        after = page.after
        if after is None:
            break
    assert made <= found
    assert pages > 1


class Refusing:
    """A pool of which every call fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> None:
            raise self._error

        return call


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "AdminCreateUser")


@pytest.mark.parametrize(
    "error",
    [
        refusal("TooManyRequestsException"),
        refusal("LimitExceededException"),
        refusal("InternalErrorException"),
        refusal("ThrottlingException"),
        ConnectTimeoutError(endpoint_url="https://cognito-idp.example"),
    ],
)
def test_pool_that_is_busy_or_away_is_unavailable(error: Exception) -> None:
    directory = UserDirectory(Refusing(error), "pool")  # type: ignore[arg-type] # a stub
    for call in (
        lambda: directory.create("ann@city.example"),
        lambda: directory.invite("ann@city.example"),
        lambda: directory.get("ann"),
        lambda: directory.set_password("ann", PASSWORD),
        lambda: directory.set_email("ann", "ann@city.example", verified=True),
        lambda: directory.delete("ann"),
        directory.page,
    ):
        with pytest.raises(Unavailable):
            call()


def test_other_refusals_are_faults_of_ours() -> None:
    directory = UserDirectory(Refusing(refusal("AccessDeniedException")), "pool")  # type: ignore[arg-type] # a stub
    for call in (
        lambda: directory.create("ann@city.example"),
        lambda: directory.get("ann"),
        lambda: directory.set_password("ann", PASSWORD),
        lambda: directory.set_email("ann", "ann@city.example", verified=True),
        lambda: directory.delete("ann"),
    ):
        with pytest.raises(ClientError):
            call()
