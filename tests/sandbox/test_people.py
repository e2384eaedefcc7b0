"""Users in a running city, whose user pool checks what the fake of the other tests does not:
passwords, first passwords, sessions, and tokens that it signs itself."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from security.cognito.users import UserDirectory
from tests.local_city import LocalCity

pytestmark = pytest.mark.sandbox

PASSWORD = "Correct-horse-1-battery"
TOKENS = "/v1/auth/tokens"


@pytest.fixture
def administrator(local_city: LocalCity) -> Iterator[httpx.Client]:
    """A client of the city that has signed in as its administrator, the way Keyrock's do."""
    with httpx.Client(base_url=local_city.url, timeout=60) as client:
        name, password = local_city.administrator
        answer = client.post(TOKENS, json={"name": name, "password": password})
        assert answer.status_code == 201, answer.text
        client.headers["X-Auth-Token"] = answer.headers["x-subject-token"]
        yield client


@pytest.fixture
def directory(local_city: LocalCity) -> UserDirectory:
    """The calls of the pool about people, on the city's pool."""
    return UserDirectory(local_city.aws("cognito-idp"), local_city.outputs["UserPoolId"])


def address() -> str:
    return f"{uuid4().hex}@city.example"


def add(administrator: httpx.Client, email: str) -> str:
    user = {"username": "Ann", "email": email, "password": PASSWORD}
    answer = administrator.post("/v1/users", json={"user": user})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["user"]["id"])


def sign_in(city: LocalCity, email: str, password: str = PASSWORD) -> httpx.Response:
    body = {"name": email, "password": password}
    return httpx.post(f"{city.url}{TOKENS}", json=body, timeout=60)


def me(city: LocalCity, token: str) -> httpx.Response:
    return httpx.get(f"{city.url}/access/v1/me", headers={"X-Auth-Token": token}, timeout=60)


def refresh(city: LocalCity, token: str) -> Any:
    return city.aws("cognito-idp").initiate_auth(
        ClientId=city.outputs["LoginClientId"],
        AuthFlow="REFRESH_TOKEN_AUTH",
        AuthParameters={"REFRESH_TOKEN": token},
    )


def test_user_signs_in_with_its_own_password_only(
    local_city: LocalCity, administrator: httpx.Client
) -> None:
    email = address()
    id = add(administrator, email)
    signed_in = sign_in(local_city, email)
    assert signed_in.status_code == 201
    token = signed_in.headers["x-subject-token"]
    assert me(local_city, token).json()["id"] == id
    refusals = [
        sign_in(local_city, email, "Wrong-horse-1-battery"),
        sign_in(local_city, address()),
        sign_in(local_city, email, ""),
    ]
    assert {refusal.status_code for refusal in refusals} == {401}
    assert len({refusal.text for refusal in refusals}) == 1


def test_token_is_described_and_ended(local_city: LocalCity, administrator: httpx.Client) -> None:
    email = address()
    id = add(administrator, email)
    token = sign_in(local_city, email).headers["x-subject-token"]
    subject = {"X-Subject-Token": token}
    assert administrator.get(TOKENS, headers=subject).json()["User"]["id"] == id
    assert administrator.delete(TOKENS, headers=subject).status_code == 204
    assert administrator.get(TOKENS, headers=subject).status_code == 401


def test_first_password_of_an_invitation_opens_nothing(
    local_city: LocalCity, administrator: httpx.Client
) -> None:
    email = address()
    body = {"email": email, "username": "Ann"}
    assert administrator.post("/access/v1/registrations", json=body).status_code == 202
    waiting = administrator.get("/access/v1/registrations").json()["registrations"]
    id = next(one["id"] for one in waiting if one["email"] == email)
    approved = administrator.post(f"/access/v1/registrations/{id}/approve")
    assert approved.json()["invited"] is True
    local_city.aws("cognito-idp").admin_set_user_password(
        UserPoolId=local_city.outputs["UserPoolId"],
        Username=approved.json()["user"],
        Password=PASSWORD,
        Permanent=False,
    )
    assert sign_in(local_city, email).status_code == 401


def test_deleted_user_is_gone_from_the_pool_and_its_token_dead(
    local_city: LocalCity, administrator: httpx.Client, directory: UserDirectory
) -> None:
    email = address()
    id = add(administrator, email)
    token = sign_in(local_city, email).headers["x-subject-token"]
    assert administrator.delete(f"/v1/users/{id}").status_code == 204
    assert directory.get(id) is None
    assert sign_in(local_city, email).status_code == 401
    assert (
        httpx.get(
            f"{local_city.url}{TOKENS}",
            headers={
                "X-Auth-Token": administrator.headers["X-Auth-Token"],
                "X-Subject-Token": token,
            },
            timeout=60,
        ).status_code
        == 401
    )


def test_user_is_known_by_id_and_address(directory: UserDirectory) -> None:
    email, other = address(), address()
    id = directory.create(email)
    assert directory.get(id) == directory.find(email)
    directory.set_email(id, other, verified=True)
    assert directory.find(email) is None
    found = directory.find(other)
    assert found is not None
    assert found.id == id
    directory.delete(id)


def test_disabled_user_can_neither_sign_in_nor_refresh(
    local_city: LocalCity, directory: UserDirectory
) -> None:
    cognito = local_city.aws("cognito-idp")
    email = address()
    id = directory.create(email)
    directory.set_password(id, PASSWORD)

    def tokens() -> Any:
        return cognito.initiate_auth(
            ClientId=local_city.outputs["LoginClientId"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
        )["AuthenticationResult"]

    before = tokens()["RefreshToken"]
    directory.disable(id)
    for attempt in (tokens, lambda: refresh(local_city, before)):
        with pytest.raises(cognito.exceptions.NotAuthorizedException):
            attempt()
    directory.enable(id)
    assert tokens()["AccessToken"]
    directory.delete(id)
