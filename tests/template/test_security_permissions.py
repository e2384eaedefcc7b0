"""The role of the security function grants exactly what its routes call: users, tables, clients."""

from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from security.bootstrap import EVERYTHING
from tests.integration.people.city import PASSWORD, People
from tests.template.aws_calls import granted, recorded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PLAN = "/access/v1/plans/basic"


@pytest.fixture
def city(dynamodb: "DynamoDBClient", security_table: str) -> Iterator[People]:
    city = People(dynamodb, security_table)
    # with its source, from which the account is compiled anew when a membership changes
    city.services.accounts.grant(city.admin, EVERYTHING, "test")
    yield city
    city.close()


class Walk:
    """Requests to a city, each of which must succeed."""

    def __init__(self, city: People) -> None:
        self._city = city

    def __call__(self, method: str, path: str, body: Any = None, **request: Any) -> httpx.Response:
        answer = self._city(method, path, body, **request)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)
        return answer

    def create(self, path: str, body: Any, kind: str) -> Any:
        """What Keyrock's interface says of a thing just made."""
        return self("POST", path, body).json()[kind]


def walk_people(walk: Walk) -> None:
    """Users come, sign in, change and go."""
    ada = {"username": "ada", "email": "ada@city.example", "password": PASSWORD}
    user = walk.create("/v1/users", {"user": ada}, "user")["id"]
    walk("GET", "/v1/users")
    walk("GET", f"/v1/users/{user}")
    walk("PATCH", f"/v1/users/{user}", {"user": {"email": "al@city.example", "password": "x" * 20}})
    walk("POST", f"/access/v1/subjects/{user}/disable")
    walk("POST", f"/access/v1/subjects/{user}/enable")
    walk("POST", f"/access/v1/subjects/{user}/revoke")
    sent = {"email": "bob@city.example", "username": "bob"}
    walk("POST", "/access/v1/registrations", sent, by="")
    [waiting] = walk("GET", "/access/v1/registrations").json()["registrations"]
    walk("POST", f"/access/v1/registrations/{waiting['id']}/approve")
    name = {"name": "admin@city.example", "password": PASSWORD}
    token = walk("POST", "/v1/auth/tokens", name, by="").headers["x-subject-token"]
    walk("GET", "/v1/auth/tokens", headers={"X-Auth-Token": token, "X-Subject-Token": token})
    group = walk.create("/v1/organizations", {"organization": {"name": "parks"}}, "organization")
    members = f"/v1/organizations/{group['id']}/users/{user}/organization_roles"
    walk("PUT", f"{members}/member")
    walk("DELETE", f"{members}/member")
    walk("DELETE", f"/v1/organizations/{group['id']}")
    walk("GET", "/access/v1/me/export")
    walk("DELETE", f"/v1/users/{user}")


def walk_applications(walk: Walk, city: People) -> None:
    """An application with everything an application may have."""
    terms = {
        "name": "lamps",
        "redirect_uri": "https://lamps.example/callback",
        "grant_type": ["authorization_code", "client_credentials"],
    }
    application = walk.create("/v1/applications", {"application": terms}, "application")
    place = f"/v1/applications/{application['id']}"
    walk("GET", "/v1/applications")
    walk("PATCH", place, {"application": {"redirect_uri": "https://lamps.example/other"}})
    walk("POST", f"{place}/pep_proxies")
    walk("PATCH", f"{place}/pep_proxies")
    agent = walk.create(f"{place}/iot_agents", {}, "iot_agent")["id"]
    role = walk.create(f"{place}/roles", {"role": {"name": "reader"}}, "role")["id"]
    rule = {"name": "read", "action": "GET", "resource": "/v2/entities"}
    permission = walk.create(f"{place}/permissions", {"permission": rule}, "permission")["id"]
    walk("PUT", f"{place}/roles/{role}/permissions/{permission}")
    walk("PUT", f"{place}/users/{city.admin}/roles/{role}")
    walk("GET", f"{place}/users")
    walk("DELETE", f"{place}/iot_agents/{agent}")
    basic = b64encode(f"{application['id']}:{application['secret']}".encode()).decode()
    walk(
        "POST",
        "/oauth2/introspect",
        by="",
        headers={
            "Authorization": f"Basic {basic}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        content=f"token={city.token(city.admin)}",
    )
    walk("DELETE", place)


def walk_rights(walk: Walk, city: People) -> None:
    """Grants, keys, plans, policies, decisions and what was recorded of them."""
    grant = {"subject": city.admin, "actions": ["read"], "tenant": "city"}
    walk("DELETE", walk("POST", "/access/v1/grants", grant).headers["location"])
    walk("GET", "/access/v1/grants?tenant=city")
    key = {
        "name": "gate",
        "grants": [{"actions": ["read"], "tenant": "city"}],
        "scopes": ["context/read"],
    }
    made = walk("POST", "/access/v1/keys", key).headers["location"]
    walk("POST", f"{made}/rotate")
    walk("DELETE", made)
    walk("PUT", PLAN, {"limit": 100, "seconds": 60})
    walk("PUT", f"{PLAN}/subjects/{city.admin}")
    walk("GET", "/access/v1/usage", params={"subject": city.admin})
    walk("DELETE", f"{PLAN}/subjects/{city.admin}")
    walk("DELETE", PLAN)
    asked = {
        "subject": {"type": "user", "id": city.admin},
        "action": {"name": "read"},
        "resource": {"type": "entity", "id": "r", "properties": {"tenant": "city", "type": "Room"}},
    }
    walk("POST", "/access/v1/evaluation", asked)
    walk("GET", "/access/v1/audit")


def test_function_is_granted_what_it_calls(city: People, security_table: str) -> None:
    walk = Walk(city)
    with recorded({"SecurityTable": security_table, "UserPool": city.pool}) as calls:
        walk_people(walk)
        walk_applications(walk, city)
        walk_rights(walk, city)
    assert calls == granted("SecurityApiRole")
