"""The calls of the user pool about app clients: what they ask for, and what refusals become."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from city.errors import InvalidRequest, NotFound, Unavailable
from security.cognito.clients import AppClients, ClientTerms

TERMS = ClientTerms(
    "Parks & gardens/1", ("openid", "context/read"), ("https://parks.example/",), ("https://p/",)
)


class Pool:
    """Remembers requests and answers with a refusal, if it is given one."""

    def __init__(self, refusal: str = "") -> None:
        self.requests: list[dict[str, Any]] = []
        self._refusal = refusal

    def _answer(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        if self._refusal:
            raise ClientError({"Error": {"Code": self._refusal, "Message": "secret"}}, "Call")
        client = {"ClientId": "c1", "ClientSecret": "s1", "CallbackURLs": ["https://p/"]}
        return {"UserPoolClient": client}

    create_user_pool_client = update_user_pool_client = _answer
    describe_user_pool_client = delete_user_pool_client = _answer


def clients(pool: Pool) -> AppClients:
    return AppClients(pool, "pool")  # type: ignore[arg-type]


def test_client_of_users_gets_codes_with_rotated_refresh_tokens() -> None:
    pool = Pool()
    made = clients(pool).create(TERMS)
    assert (made.id, made.secret) == ("c1", "s1")
    (request,) = pool.requests
    assert request["GenerateSecret"] is True
    assert request["AllowedOAuthFlows"] == ["code"]
    assert request["CallbackURLs"] == ["https://parks.example/"]
    assert request["RefreshTokenRotation"]["Feature"] == "ENABLED"
    assert request["PreventUserExistenceErrors"] == "ENABLED"
    assert request["EnableTokenRevocation"] is True
    assert request["ExplicitAuthFlows"] == ["ALLOW_CUSTOM_AUTH"]
    assert request["ClientName"] == "Parks _ gardens_1"


def test_machine_gets_nothing_but_client_credentials() -> None:
    pool = Pool()
    clients(pool).create(ClientTerms("m", ("openid", "context/read"), is_machine=True))
    (request,) = pool.requests
    assert request["AllowedOAuthFlows"] == ["client_credentials"]
    assert request["AllowedOAuthScopes"] == ["context/read"]
    assert "CallbackURLs" not in request


@pytest.mark.parametrize("is_machine", [True, False])
def test_no_client_may_ask_for_the_scope_of_direct_sign_in(is_machine: bool) -> None:
    pool = Pool()
    clients(pool).create(
        ClientTerms("m", ("context/read",), ("https://p/",), is_machine=is_machine)
    )
    assert "aws.cognito.signin.user.admin" not in repr(pool.requests)


def test_update_names_everything_since_the_pool_forgets_the_rest() -> None:
    pool = Pool()
    clients(pool).create(TERMS)
    clients(pool).update("c1", TERMS)
    created, updated = pool.requests
    assert created.pop("GenerateSecret") is True
    assert updated == created | {"ClientId": "c1"}


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        ("TooManyRequestsException", Unavailable),
        ("LimitExceededException", Unavailable),
        ("InvalidParameterException", InvalidRequest),
        ("ScopeDoesNotExistException", InvalidRequest),
        ("ResourceNotFoundException", NotFound),
    ],
)
def test_refusal_of_the_pool_becomes_ours(refusal: str, expected: type[Exception]) -> None:
    with pytest.raises(expected) as caught:
        clients(Pool(refusal)).update("c1", TERMS)
    assert "secret" not in str(caught.value)


def test_client_that_is_gone_is_deleted_and_described_without_error() -> None:
    gone = clients(Pool("ResourceNotFoundException"))
    gone.delete("c1")
    assert gone.describe("c1") is None


def test_secret_is_not_in_what_is_printed() -> None:
    described = clients(Pool()).describe("c1")
    assert described is not None
    assert described.secret == "s1"
    assert "s1" not in repr(described)
