"""Who may do what in the local city, from its first start on."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.local_city import LocalCity

pytestmark = pytest.mark.sandbox

GRANTS = "/access/v1/grants"
SOON = 5.0
"""Seconds; functions of the local city go on with what they have read for one."""

ROOM = {"id": "Room1", "type": "Room"}


@pytest.fixture
def administrator(local_city: LocalCity) -> Iterator[httpx.Client]:
    """A client of the city that has signed in as its administrator."""
    with signed_in(local_city) as client:
        yield client


def signed_in(city: LocalCity) -> httpx.Client:
    token = city.sign_in(*city.administrator)
    return httpx.Client(base_url=city.url, headers={"X-Auth-Token": token}, timeout=30)


def names_in_pool(city: LocalCity) -> tuple[list[str], set[str]]:
    """The addresses of all users, and the ids of all clients."""
    cognito, pool = city.aws("cognito-idp"), city.outputs["UserPoolId"]
    users = cognito.list_users(UserPoolId=pool)["Users"]
    attributes = [{a["Name"]: a["Value"] for a in user["Attributes"]} for user in users]
    clients = cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=60)["UserPoolClients"]
    return [a["email"] for a in attributes], {client["ClientId"] for client in clients}


def test_start_says_who_may_administer(local_city: LocalCity) -> None:
    name, password = local_city.administrator
    deadline = time.monotonic() + 30
    while f"{name}, password {password}" not in (local_city.state / "start.log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_only_the_owner_of_the_state_can_read_the_password(local_city: LocalCity) -> None:
    assert (local_city.state / "admin-password").stat().st_mode & 0o077 == 0


def test_administrator_may_use_and_administer_everything(administrator: httpx.Client) -> None:
    tenant = {"Fiware-Service": "administered"}
    assert administrator.post("/v2/entities", json=ROOM, headers=tenant).status_code == 201
    assert administrator.get(GRANTS, params={"tenant": "administered"}).status_code == 200


def test_granted_is_seen_and_revoked_is_gone_soon(
    local_city: LocalCity, administrator: httpx.Client
) -> None:
    """The public gets and loses one tenant; nobody needs a new token for it."""
    tenant: Any = {"Fiware-Service": "opened"}
    reading: Any = {"subject": "public", "actions": ["read"], "tenant": "opened"}
    administrator.post("/v2/entities", json=ROOM, headers=tenant).raise_for_status()
    with httpx.Client(base_url=local_city.url, headers=tenant, timeout=30) as anybody:
        assert anybody.get("/v2/entities").status_code == 401
        given = administrator.post(GRANTS, json=reading)
        assert given.status_code == 201, given.text
        assert eventually(anybody, 200).json() == [ROOM]
        assert administrator.delete(given.headers["location"]).status_code == 204
        eventually(anybody, 401)


def eventually(client: httpx.Client, status: int) -> httpx.Response:
    """The answer to a read with this status, which must come soon."""
    deadline = time.monotonic() + SOON
    while (answer := client.get("/v2/entities")).status_code != status:
        assert time.monotonic() < deadline, f"still {answer.status_code}: {answer.text}"
    return answer


def test_reset_leaves_the_administrator_and_the_tokens_that_are_out(
    local_city: LocalCity, administrator: httpx.Client
) -> None:
    cognito, pool = local_city.aws("cognito-idp"), local_city.outputs["UserPoolId"]
    before = names_in_pool(local_city)[1]
    cognito.admin_create_user(
        UserPoolId=pool,
        Username="ada@city.example",
        UserAttributes=[{"Name": "email", "Value": "ada@city.example"}],
        MessageAction="SUPPRESS",
    )
    cognito.create_user_pool_client(UserPoolId=pool, ClientName="an application")
    assert httpx.post(f"{local_city.url}/_sandbox/reset", timeout=60).status_code == 204
    users, clients = names_in_pool(local_city)
    assert users == [local_city.administrator[0]]
    assert clients == {local_city.outputs["ClientId"], local_city.outputs["LoginClientId"]}
    assert clients <= before
    assert administrator.get(GRANTS, params={"tenant": "any"}).status_code == 200
    with local_city.client("any") as machine:
        assert machine.get("/v2/entities").status_code == 200


def test_open_city_lets_everybody_administer(open_city: LocalCity) -> None:
    answer = httpx.get(f"{open_city.url}{GRANTS}", params={"tenant": "any"}, timeout=30)
    assert (answer.status_code, answer.json()["grants"]) == (200, [])
