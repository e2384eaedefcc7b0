"""The context API in process, as clients see it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from context.application import create_app
from context.settings import ApiSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def api_settings(table: str, **changes: Any) -> ApiSettings:
    """Settings as the sandbox has them with OPEN=1: no token needed."""
    open_to_all = {
        "stage": "sandbox",
        "context_table": table,
        "security_table": "none",
        "token_issuer": "https://issuer.example/pool",
        "token_jwks_url": "http://127.0.0.1:9/jwks.json",
        "public_access": True,
    }
    return ApiSettings.model_validate(open_to_all | changes)


class Api:
    """Sends requests to an application; `unchanged` and `refused` watch the whole table."""

    def __init__(self, settings: ApiSettings, dynamodb: "DynamoDBClient") -> None:
        self.app = create_app(settings)
        self.table = settings.context_table
        self._dynamodb = dynamodb
        self._known: list[dict[str, Any]] | None = None
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self._respond), base_url="http://city"
        )
        self.headers = self._client.headers

    async def _respond(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    def __call__(self, method: str, url: str, **request: Any) -> httpx.Response:
        self._known = None
        return self._loop.run_until_complete(self._client.request(method, url, **request))

    def get(self, url: str, **request: Any) -> httpx.Response:
        return self("GET", url, **request)

    def post(self, url: str, json: Any, **request: Any) -> httpx.Response:
        return self("POST", url, json=json, **request)

    def create(self, id: str, type: str = "Room", path: str | None = None, **attrs: Any) -> None:
        """Create an entity from key values."""
        headers = {} if path is None else {"Fiware-ServicePath": path}
        body = {"id": id, "type": type, **attrs}
        answer = self.post("/v2/entities?options=keyValues", body, headers=headers)
        assert answer.status_code == 201, answer.text

    def value(self, id: str, name: str) -> Any:
        """The present value of an attribute."""
        return self.get(f"/v2/entities/{id}?options=keyValues").json().get(name)

    def rows(self) -> list[dict[str, Any]]:
        """Everything in the table, in a fixed order."""
        items = self._dynamodb.scan(TableName=self.table)["Items"]
        return sorted(items, key=repr)

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Prove that what happens inside leaves the table as it was."""
        before = self._known or self.rows()
        yield
        self._known = self.rows()
        assert self._known == before

    def refused(self, method: str, url: str, **request: Any) -> tuple[int, str, str]:
        """Status, error and description of a refusal that changes nothing."""
        with self.unchanged():
            answer = self(method, url, **request)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["fiware-correlator"]
        body = answer.json()
        assert body.keys() == {"error", "description"}
        return answer.status_code, body["error"], body["description"]

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()
