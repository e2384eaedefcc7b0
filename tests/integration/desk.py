"""The security API in process, as those see it who ask for decisions and write policies."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import httpx

from city import aws
from city.policy import Policy
from city.policy.accounts import Accounts
from city.policy.grants import Grant
from city.policy.tokens import Claims
from city.table import Table
from security.application import RULES, create_app
from security.settings import ApiSettings
from security.store.accounts import AccountStore
from tests.accounts import grant, put_account

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from security.services import Services

ISSUER = "https://issuer.example/pool"
SCOPES = "security/decide security/admin"


class Desk:
    """Sends requests as any subject: its token is its name.

    There are `root`, who administers everything, and `warden`, who administers the tenant `park`.
    """

    def __init__(self, table: str, dynamodb: "DynamoDBClient") -> None:
        self._dynamodb, self._table = dynamodb, table
        settings = {
            "stage": "sandbox",
            "security_table": table,
            "token_issuer": ISSUER,
            "token_jwks_url": "http://127.0.0.1:9/jwks.json",
            "user_pool_id": _empty_pool(),
            "login_url": "http://127.0.0.1:9",
            "grant_seconds": 0,
        }
        self.app = create_app(ApiSettings.model_validate(settings))
        state = self.app.app.state  # type: ignore[attr-defined] # a FastAPI
        state.policy = Policy(RULES, _claims, Accounts(dynamodb, table, 0).find, lambda _: None)
        self.services: Services = state.services
        self.accounts = AccountStore(Table(dynamodb, table))
        for subject, tenant in (("root", "*"), ("warden", "park")):
            self.account(subject, grant("admin", tenant=tenant), kind="user")
        self.account("machine", kind="application")
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self._respond), base_url="https://city.example"
        )

    async def _respond(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    def __call__(
        self,
        method: str,
        url: str,
        *,
        by: str | None = "root",
        scopes: str = SCOPES,
        tenant: str | None = None,
        headers: dict[str, str] | None = None,
        **request: Any,
    ) -> httpx.Response:
        sent = dict(headers or {})
        if by is not None:
            sent["Authorization"] = f"Bearer {token(by, scopes)}"
        if tenant is not None:
            sent["Fiware-Service"] = tenant
        return self._loop.run_until_complete(
            self._client.request(method, url, headers=sent, **request)
        )

    def post(self, url: str, json: Any, **request: Any) -> httpx.Response:
        return self("POST", f"/access/v1/{url}", json=json, **request)

    def decides(self, question: Any, **request: Any) -> bool:
        """The decision on one request."""
        answer = self.post("evaluation", question, **request)
        assert answer.status_code == 200, answer.text
        assert answer.json().keys() == {"decision"}
        decision: bool = answer.json()["decision"]
        return decision

    def finds(self, what: str, search: Any, **request: Any) -> list[str]:
        """The ids or names that a search gives."""
        answer = self.post(f"search/{what}", search, **request)
        assert answer.status_code == 200, answer.text
        return [one.get("id") or one["name"] for one in answer.json()["results"]]

    def refused(self, method: str, url: str, **request: Any) -> tuple[int, Any]:
        """Status and body of a refusal."""
        answer = self(method, f"/access/v1/{url}", **request)
        return answer.status_code, answer.json()

    def policy(self, id: str, effect: str = "allow", tenant: str | None = None, **rest: Any) -> str:
        """Store a policy; its ETag."""
        answer = self.post("policies", {"id": id, "effect": effect, **rest}, tenant=tenant)
        assert answer.status_code == 201, answer.text
        etag: str = answer.headers["ETag"]
        return etag

    def knows(
        self, kind: str, type: str, id: str, tenant: str | None = None, **properties: Any
    ) -> None:
        """Put an entry into the directory."""
        entry = {"type": type, "id": id, "properties": properties}
        answer = self("PUT", f"/access/v1/directory/{kind}", json=entry, tenant=tenant)
        assert answer.status_code == 201, answer.text

    def account(self, subject: str, *grants: Grant, kind: str = "user", **members: Any) -> None:
        """Write the account of a subject, which has only these grants."""
        put_account(
            self._dynamodb, self._table, subject, kind=kind, **{"grants": grants, **members}
        )

    def registered(self, listing: str, subject: str) -> None:
        """Put a user or application into the listing of all."""
        row: dict[str, Any] = {"pk": {"S": listing}, "sk": {"S": subject}}
        self._dynamodb.put_item(TableName=self._table, Item=row)

    def rows(self) -> list[dict[str, Any]]:
        """Everything in the table."""
        return [{**row} for row in self._dynamodb.scan(TableName=self._table)["Items"]]

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()


def party(type: str, id: str, /, **properties: Any) -> dict[str, Any]:
    """A Subject or Resource."""
    return {"type": type, "id": id} | ({"properties": properties} if properties else {})


def entity(id: str = "bench-1", type: str = "Bench", **properties: Any) -> dict[str, Any]:
    """An entity as a Resource; in the tenant `park` unless the properties say otherwise."""
    return party("entity", id, type=type, **{"tenant": "park", **properties})


def question(subject: str, action: str, resource: Any, **more: Any) -> dict[str, Any]:
    """May the user do this to that?"""
    return {
        "subject": party("user", subject),
        "action": {"name": action},
        "resource": resource,
        **more,
    }


def token(subject: str, scopes: str) -> str:
    """What stands for an access token in these tests."""
    return urlsafe_b64encode(f"{subject}|{scopes}".encode()).decode().rstrip("=")


def _claims(text: str) -> Claims:
    subject, _, scopes = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition("|")
    return Claims(subject, "machine", frozenset(scopes.split()), issued=2**33)


def _empty_pool() -> str:
    pool = aws.client("cognito-idp").create_user_pool(PoolName="empty")
    return pool["UserPool"]["Id"]
