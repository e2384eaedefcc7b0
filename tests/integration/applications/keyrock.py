"""Keyrock's interface in process: a city with an administrator, and the tokens of whomever one asks.

Users and app clients are in moto's user pool; tokens are signed by a pool of the tests' own.
"""

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from city import aws
from city.policy.accounts import Account
from city.policy.grants import ANY_TENANT, Action, Grant
from security.application import create_app
from security.people.users import Details
from security.settings import ApiSettings
from tests.integration.oauth.user_pool import DIRECT, ISSUER, UserPool

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from security.services import Services

LOGIN = "login"
EVERYTHING = Grant("everything", frozenset(Action), ANY_TENANT)
REDIRECT = "http://localhost/login"


class Keyrock:
    """The security API; every request is the administrator's unless it says whose it is."""

    def __init__(self, pool: UserPool, table: str, dynamodb: "DynamoDBClient", **changes: Any):
        self.pool = pool
        self.cognito = aws.client("cognito-idp")
        self.user_pool_id = self.cognito.create_user_pool(
            PoolName="city", UsernameAttributes=["email"]
        )["UserPool"]["Id"]
        settings = {
            "stage": "sandbox",
            "security_table": table,
            "token_issuer": ISSUER,
            "token_jwks_url": f"{pool.url}/pool/.well-known/jwks.json",
            "user_pool_id": self.user_pool_id,
            "login_url": pool.url,
            "login_client_id": LOGIN,
            "grant_seconds": 0,
            "password_grant": True,
        }
        self.app = create_app(ApiSettings.model_validate(settings | changes))
        self.services: Services = self.app.app.state.services  # type: ignore[attr-defined]
        self.table, self.dynamodb = table, dynamodb
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="https://city.example"
        )
        self.services.accounts.create(Account(LOGIN, "application"))

    @cached_property
    def admin(self) -> str:
        """The id of a user who may do everything."""
        user = self.user("admin@city.example")
        self.services.accounts.grant(user, EVERYTHING, "test")
        return user

    def user(self, email: str | None = None) -> str:
        """A new user's id."""
        address = email or f"{uuid4().hex}@city.example"
        return self.services.users.create(Details(email=address, password="Pass-word-1")).id

    def token(self, user: str, client: str = LOGIN, scope: str = DIRECT, **claims: Any) -> str:
        """An access token of the user."""
        return self.pool.access_token(user, client, scope, **claims)

    def __call__(
        self, method: str, url: str, body: Any = None, *, by: str | None = None, **request: Any
    ) -> httpx.Response:
        """Send a request with a user's token; PUT and POST say that they are JSON."""
        headers = {"X-Auth-Token": self.token(by or self.admin)} | request.pop("headers", {})
        if method in {"POST", "PUT", "PATCH"}:
            headers.setdefault("Content-Type", "application/json")
        if body is not None:
            request["json"] = body
        sent = self._client.request(method, url, headers=headers, **request)
        return self._loop.run_until_complete(sent)

    def get(self, url: str, **request: Any) -> Any:
        """The body of an answer that is 200."""
        answer = self("GET", url, **request)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def made(self, method: str, url: str, body: Any = None, **request: Any) -> Any:
        """The body of an answer that is 201."""
        answer = self(method, url, body, **request)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def done(self, method: str, url: str, **request: Any) -> None:
        """Send what is answered with 204 and nothing."""
        answer = self(method, url, **request)
        assert (answer.status_code, answer.content) == (204, b""), answer.text

    def refused(self, method: str, url: str, body: Any = None, **request: Any) -> tuple[int, str]:
        """Status and message of a refusal in Keyrock's envelope, which changes nothing."""
        request = {"by": self.admin} | request
        before = self.rows()
        answer = self(method, url, body, **request)
        envelope = answer.json()["error"]
        assert envelope.keys() == {"message", "code", "title"}
        assert envelope["code"] == answer.status_code
        assert self.rows() == before
        return answer.status_code, envelope["message"]

    def ask(self, **parameters: str) -> httpx.Response:
        """`GET /user` with these parameters and no headers."""
        sent = self._client.get("/user", params=parameters)
        return self._loop.run_until_complete(sent)

    def raw(self, method: str, url: str, **request: Any) -> httpx.Response:
        """A request exactly as it is given."""
        return self._loop.run_until_complete(self._client.request(method, url, **request))

    def application(self, *, by: str | None = None, **members: Any) -> str:
        """A new application's id."""
        body = {"application": {"name": "parks", "redirect_uri": REDIRECT} | members}
        return str(self.made("POST", "/v1/applications", body, by=by)["application"]["id"])

    def role(self, application: str, name: str = "gardener") -> str:
        """A new role's id."""
        url = f"/v1/applications/{application}/roles"
        return str(self.made("POST", url, {"role": {"name": name}})["role"]["id"])

    def permission(self, application: str, role: str | None = None, **members: Any) -> str:
        """A new permission's id; `role` has it."""
        body = {"permission": {"name": "see", "action": "GET", "resource": "/parks"} | members}
        url = f"/v1/applications/{application}"
        id = str(self.made("POST", f"{url}/permissions", body)["permission"]["id"])
        if role:
            self.made("PUT", f"{url}/roles/{role}/permissions/{id}")
        return id

    def assign(self, application: str, user: str, role: str) -> None:
        """Give a user a role."""
        self.made("PUT", f"/v1/applications/{application}/users/{user}/roles/{role}")

    def decision(self, user: str, application: str, action: str, resource: str, **more: str) -> str:
        """What `/user` decides about a token of the application."""
        token = self.token(user, application, "openid")
        answer = self.ask(
            access_token=token, app_id=application, action=action, resource=resource, **more
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["authorization_decision"])

    def rows(self) -> list[dict[str, Any]]:
        """Everything in the table but the audit trail, in a fixed order."""
        items = self.dynamodb.scan(TableName=self.table)["Items"]
        return sorted((i for i in items if not i["pk"]["S"].startswith("audit")), key=repr)

    def audited(self, action: str) -> list[dict[str, Any]]:
        """The entries of the audit trail for an action."""
        items = self.dynamodb.scan(TableName=self.table)["Items"]
        return [
            item for item in items if item["pk"]["S"].startswith("audit") and action in repr(item)
        ]

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()
