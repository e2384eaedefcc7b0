"""The open data of a small city, as its readers and editors see it, over the history API in process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import httpx

from city import aws
from city.clock import from_iso
from city.json import Json
from city.policy.grants import PUBLIC_ID, Grant
from city.tenancy import ROOT, ServicePath, Tenant
from history.application import create_app
from history.records import Record, Series
from history.settings import ApiSettings
from tests.accounts import grant, put_account, put_key
from tests.builders import FixedClock
from tests.conftest import create_history_bucket, create_history_table, create_security_table
from tests.history_store import History

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from history.services import Services

NOW = from_iso("2026-11-22T12:00:00")
PLAIN = Tenant("")
PARK = Tenant("park")
SEEN = grant("read", tenant="")


class OpenCity:
    """Records values, gives rights to the public, and sends requests; times stand still.

    Everybody may ask; `by` is the text of an API key.
    """

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        s3: "S3Client",
        tables: tuple[str, str],
        bucket: str,
        **settings: Any,
    ) -> None:
        self.clock = FixedClock(NOW)
        self.dynamodb, self.security = dynamodb, tables[1]
        self.history = History(dynamodb, tables[0], s3, bucket, self.clock)
        usual = {
            "stage": "sandbox",
            "history_table": tables[0],
            "history_bucket": bucket,
            "security_table": tables[1],
            "context_table": "none",
            "history_task_queue_url": "http://127.0.0.1:9/tasks",
            "athena_workgroup": "none",
            "athena_database": "none",
            "token_issuer": "https://issuer.example/pool",
            "token_jwks_url": "http://127.0.0.1:9/jwks.json",
            "grant_seconds": 0,
        }
        self.app = create_app(ApiSettings.model_validate(usual | settings))
        self.services: Services = self.app.app.state.services  # type: ignore[attr-defined] # a FastAPI
        self.services.clock = self.clock
        self.services.table = self.history.table
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self._respond), base_url="https://city.example"
        )

    async def _respond(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    def record(
        self,
        type: str,
        at: str,
        value: Json = 20.5,
        *,
        tenant: Tenant = PLAIN,
        id: str = "",
        path: str = ROOT,
        attribute: str = "level",
    ) -> None:
        """Put a value into the history."""
        moment = from_iso(at)
        series = Series(type, id or f"{type}1", ServicePath(path))
        usual = Record(
            series=series,
            attribute=attribute,
            attribute_type="Number",
            ts=moment,
            ts_source="observedAt",
            modified=moment,
            ingested=moment,
            seq=1,
            op="set",
            value=value,
        )
        source = f"{tenant} {series} {attribute} {at}"
        self.history.recorder.record(tenant, [usual], source)

    def publish(self, *grants: Grant) -> None:
        """Let the public have these grants and no others."""
        put_account(self.dynamodb, self.security, PUBLIC_ID, kind="public", grants=grants)

    def key(self, *grants: Grant, scope: str = "history/admin") -> str:
        """A new API key with these grants, or all."""
        return put_key(self.dynamodb, self.security, *grants, scopes=[scope])

    def refresh(self, tenant: Tenant = PLAIN, *types: str) -> None:
        """Make the files of datasets, as the worker does."""
        releases = self.services.open_data.releases
        for type in types or self.history.directory.types(tenant):
            for month in releases.stale_months(tenant, type):
                releases.make(tenant, type, month)

    def __call__(
        self, method: str, url: str, *, by: str = "", tenant: str = "", **request: Any
    ) -> httpx.Response:
        headers = dict(request.pop("headers", {}))
        if by:
            headers["X-Api-Key"] = by
        if tenant:
            headers["Fiware-Service"] = tenant
        sent = self._client.request(method, url, headers=headers, **request)
        return self._loop.run_until_complete(sent)

    def get(self, url: str, **request: Any) -> httpx.Response:
        return self("GET", url, **request)

    def download(self, url: str) -> tuple[str, bytes]:
        """The key of the object that an address leads to, and its content."""
        answer = self.get(url)
        assert answer.status_code == 302, answer.text
        path = unquote(urlsplit(answer.headers["location"]).path)
        key = path.lstrip("/").removeprefix(f"{self.history.bucket}/")
        return key, self.history.objects.get(key)

    def ask(self, action: str, **parameters: Any) -> Any:
        """The result of one of CKAN's actions, asked by POST."""
        answer = self("POST", f"/api/3/action/{action}", json=parameters)
        body = answer.json()
        assert answer.status_code == 200, answer.text
        assert body["success"] is True
        assert body["help"].endswith(f"help_show?name={action}")
        return body["result"]

    def refused(self, action: str, **parameters: Any) -> tuple[int, Any]:
        """Status and error of a refused action of CKAN's."""
        answer = self("POST", f"/api/3/action/{action}", json=parameters)
        body = answer.json()
        assert body["success"] is False
        return answer.status_code, body["error"]

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()


@contextmanager
def open_city(**settings: Any) -> Iterator[OpenCity]:
    """A city with tables and a bucket of its own."""
    dynamodb, s3 = aws.client("dynamodb"), aws.client("s3")
    tables = create_history_table(dynamodb), create_security_table(dynamodb)
    city = OpenCity(dynamodb, s3, tables, create_history_bucket(s3), **settings)
    try:
        yield city
    finally:
        city.close()
        for name in tables:
            dynamodb.delete_table(TableName=name)
