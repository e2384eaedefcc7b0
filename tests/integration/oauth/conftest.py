"""The security API in front of a user pool, with one application of each kind."""

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from city import aws
from city.policy.accounts import Account
from city.table import Table
from security.application import create_app
from security.oauth import services as oauth_services
from security.services import Services
from security.settings import ApiSettings
from security.store.accounts import AccountStore
from tests.accounts import put_account
from tests.conftest import create_security_table
from tests.integration.oauth.user_pool import ISSUER, UserPool, serving

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CALLBACK = "https://app.example/callback"
VERIFIER = "v" * 43
SECRET = "web-secret"


class City:
    """The security API; `pool` is what stands behind it and `accounts` what all functions read."""

    def __init__(self, pool: UserPool, table: str, dynamodb: "DynamoDBClient", **changes: Any):
        self.pool = pool
        self.table = table
        self.dynamodb = dynamodb
        self.accounts = AccountStore(Table(dynamodb, table))
        settings = {
            "stage": "sandbox",
            "security_table": table,
            "token_issuer": ISSUER,
            "token_jwks_url": f"{pool.url}/pool/.well-known/jwks.json",
            "user_pool_id": "pool",
            "login_url": pool.url,
            "login_client_id": "login",
            "grant_seconds": 0,
            "password_grant": True,
        }
        self.settings = ApiSettings.model_validate(settings | changes)
        app = create_app(self.settings)
        self._state: Any = app.app.state  # type: ignore[attr-defined]  # FastAPI's
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="https://city.example",
        )

    def __call__(self, method: str, url: str, **request: Any) -> httpx.Response:
        return self._loop.run_until_complete(self._client.request(method, url, **request))

    def get(self, url: str, **request: Any) -> httpx.Response:
        return self("GET", url, **request)

    def post(self, url: str, form: dict[str, str], **request: Any) -> httpx.Response:
        """Send a form, as the application `web` unless `auth` or the form names another client."""
        if "auth" not in request and "client_id" not in form:
            request["auth"] = ("web", SECRET)
        return self("POST", url, data=form, **{"auth": None, **request})

    def token(self, grant_type: str, **form: Any) -> httpx.Response:
        """Ask the token endpoint."""
        request = {"auth": form.pop("auth")} if "auth" in form else {}
        return self.post("/oauth2/token", {"grant_type": grant_type, **form}, **request)

    def signed_in(self, **request: Any) -> dict[str, Any]:
        """The tokens of a user who has come through the login page of `web`."""
        code = self.pool.code("web", VERIFIER, CALLBACK, "openid context/read")
        answer = self.token("authorization_code", **redemption(code), **request)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def is_active(self, token: str) -> bool:
        """What introspection says."""
        answer = self.post("/oauth2/introspect", {"token": token})
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["active"])

    def forget(self) -> None:
        """Empty the table, and what the function keeps of it and of the pool."""
        for item in self.dynamodb.scan(TableName=self.table)["Items"]:
            key = {name: item[name] for name in ("pk", "sk")}
            self.dynamodb.delete_item(TableName=self.table, Key=key)
        self._state.services = Services(self.settings, self.dynamodb)

    @property
    def services(self) -> Services:
        """The services behind the routes."""
        services: Services = self._state.services
        return services

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()


def redemption(code: str, **changes: str) -> dict[str, str]:
    """The parameters that redeem a code."""
    return {"code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER} | changes


def basic(client: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{client}:{secret}".encode()).decode()}


@pytest.fixture(scope="module")
def shared_city() -> Iterator[City]:
    """One table, pool and application for a module; the tests start from fresh contents."""
    dynamodb = aws.client("dynamodb")
    table = create_security_table(dynamodb)
    with serving(UserPool()) as pool:
        city = City(pool, table, dynamodb)
        yield city
        city.close()
    dynamodb.delete_table(TableName=table)


@pytest.fixture
def city(shared_city: City, monkeypatch: pytest.MonkeyPatch) -> City:
    """The API; `user-1` has an account, and so do `web` with its machine client, `other`, `login`."""
    pool = shared_city.pool
    pool.__dict__.update(UserPool(url=pool.url).__dict__)
    redirect = {"CallbackURLs": [CALLBACK]}
    pool.add_client("web", SECRET, **redirect, ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"])
    pool.add_client("web-machine", "s2", AllowedOAuthScopes=["context/read"])
    pool.add_client("other", "s3", **redirect)
    pool.add_client("login", None, **redirect)
    pool.users |= {"ann@example.org": "right", "new@example.org": "temporary"}
    monkeypatch.setattr(oauth_services, "client", lambda _: pool)
    shared_city.forget()
    for client in ("web", "other", "login"):
        put_account(shared_city.dynamodb, shared_city.table, client, grants=())
    put_account(shared_city.dynamodb, shared_city.table, "user-1", kind="user")
    machine = Account("web-machine", "application")
    assert shared_city.accounts.create(machine, application="web")
    return shared_city
