"""QuantumLeap's API as its clients have it: events of the gateway in, its answers out, and a history
of files behind that DuckDB reads."""

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import uuid4

from mangum import Mangum

from city import aws
from history.application import create_app
from history.reading.engine import Engine, Place
from history.reading.planner import Planner
from history.settings import ApiSettings
from tests.conftest import create_history_bucket, create_history_table, create_security_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from history.services import Services

Body = Any


@dataclass(frozen=True)
class Answer:
    """What the gateway passes on."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Body:
        return json.loads(self.text)


@dataclass(frozen=True)
class Store:
    """Tables and a bucket, and where DuckDB finds the bucket."""

    dynamodb: "DynamoDBClient"
    history_table: str
    security_table: str
    bucket: str
    queue_url: str
    s3_endpoint: str


@contextmanager
def new_store(s3_endpoint: str) -> Iterator[Store]:
    """An empty store; its tables are gone afterwards."""
    dynamodb, s3 = aws.client("dynamodb"), aws.client("s3")
    tables = create_history_table(dynamodb), create_security_table(dynamodb)
    queue = aws.client("sqs").create_queue(QueueName=uuid4().hex)["QueueUrl"]
    bucket = create_history_bucket(s3)
    yield Store(dynamodb, *tables, bucket, queue, s3_endpoint)
    for table in tables:
        dynamodb.delete_table(TableName=table)


class Leap:
    """The deployed function over a store; without `public_access` everybody needs a credential."""

    def __init__(self, store: Store, **settings: Any) -> None:
        usual = {
            "stage": "sandbox",
            "history_table": store.history_table,
            "history_bucket": store.bucket,
            "security_table": store.security_table,
            "context_table": "none",
            "history_task_queue_url": store.queue_url,
            "athena_workgroup": "none",
            "athena_database": "none",
            "token_issuer": "https://issuer.example/pool",
            "token_jwks_url": "http://127.0.0.1:9/jwks.json",
            "grant_seconds": 0,
            "public_access": True,
        }
        app = create_app(ApiSettings.model_validate(usual | settings))
        services: Services = app.app.state.services  # type: ignore[attr-defined] # a FastAPI
        place = Place(services.objects.s3_uri(""), store.s3_endpoint, "eu-west-1")
        services.planner = Planner(
            services.ledger, services.directory, services.objects, Engine(place)
        )
        self._handler = Mangum(app, lifespan="off")

    def send(
        self,
        method: str,
        path: str,
        query: str = "",
        body: Body = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Answer one event of the gateway, payload format 2.0."""
        is_text = body is None or isinstance(body, str)
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"host": "history.example", **(headers or {})},
            "requestContext": {
                "http": {"method": method, "path": path, "sourceIp": "203.0.113.7"},
                "stage": "$default",
            },
            "body": body if is_text else json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = self._handler(event, SimpleNamespace(aws_request_id="1"))
        text = answer["body"]
        if answer["isBase64Encoded"]:
            content = base64.b64decode(text)
            is_packed = answer["headers"].get("content-encoding") == "gzip"
            text = (gzip.decompress(content) if is_packed else content).decode()
        return Answer(answer["statusCode"], answer["headers"], text)


class Tenant:
    """One tenant of the API, fresh for a test; at the root of its own API or below `/history`."""

    def __init__(self, leap: Leap, prefix: str = "", **headers: str) -> None:
        self.leap, self.prefix = leap, prefix
        self.headers = {"fiware-service": f"t{uuid4().hex}"} | _named(headers)

    def send(
        self, method: str, path: str, body: Body = None, *, query: str = "", **headers: str
    ) -> Answer:
        return self.leap.send(
            method, f"{self.prefix}{path}", query, body, self.headers | _named(headers)
        )

    def get(self, path: str, headers: Mapping[str, str] | None = None, **query: Any) -> Answer:
        return self.send("GET", path, query=urlencode(query), **(headers or {}))

    def delete(self, path: str, headers: Mapping[str, str] | None = None, **query: Any) -> Answer:
        return self.send("DELETE", path, query=urlencode(query), **(headers or {}))

    def notify(self, *entities: Body, **headers: str) -> Answer:
        return self.send("POST", "/v2/notify", {"data": list(entities)}, **headers)

    def record(self, *entities: Body, **headers: str) -> None:
        answer = self.notify(*entities, **headers)
        assert answer.status == 200, answer.text


def entity(id: str, at: str, type: str = "Room", **values: Any) -> dict[str, Any]:
    """An entity in normalized form, observed at this time."""
    attributes = {name: {"type": kind_of(value), "value": value} for name, value in values.items()}
    return {
        "id": id,
        "type": type,
        **attributes,
        "TimeInstant": {"type": "DateTime", "value": at},
    }


def kind_of(value: Any) -> str:
    """The NGSI-v2 type of a value."""
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int | float):
        return "Number"
    return "Text" if isinstance(value, str) else "StructuredValue"


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
