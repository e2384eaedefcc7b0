"""A context API over a table that stands still: reads are remembered, writes are only noted.

That makes thousands of requests of many callers cheap, and no request changes what the next sees.
Callers are told apart by their token, which is simply their subject; nothing is signed here.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any, NamedTuple

from city.clock import SECOND, Clock, now
from city.policy import Find, Policy
from city.policy.accounts import Account
from city.policy.grant_forms import parse_grant
from city.policy.tokens import Claims
from context.application import create_app
from context.ngsi_v2.access import READ, RULES, SUBSCRIBE, WRITE
from context.services import Services
from context.store.table import IS_NEW
from tests.integration.api import api_settings

Place = tuple[str, str, str, str]
"""Tenant, service path as clients write it, type and id of an entity."""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class FrozenClient:
    """A DynamoDB client whose table never changes; `written` collects what it should have written."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._answers: dict[str, Any] = {}
        self._lock = Lock()
        self.exceptions = client.exceptions
        self.written: list[dict[str, Any]] = []

    def _read(self, operation: str, request: dict[str, Any]) -> Any:
        # the moment of a request is a part of counts and statistics; nothing here ever expires
        key = operation + json.dumps(_timeless(request), sort_keys=True)
        with self._lock:
            if key not in self._answers:
                self._answers[key] = getattr(self._client, operation)(**request)
            return self._answers[key]

    def get_item(self, **request: Any) -> Any:
        return self._read("get_item", request)

    def batch_get_item(self, **request: Any) -> Any:
        return self._read("batch_get_item", request)

    def query(self, **request: Any) -> Any:
        return self._read("query", request)

    def put_item(self, **request: Any) -> Any:
        self.written.append({"Put": request})
        return {}

    def transact_write_items(self, **request: Any) -> Any:
        reasons: Any = [self._reason(statement) for statement in request["TransactItems"]]
        if any(reason["Code"] != "None" for reason in reasons):
            raise self._client.exceptions.TransactionCanceledException(
                {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons},
                "TransactWriteItems",
            )
        self.written += request["TransactItems"]
        return {}

    def _reason(self, statement: dict[str, Any]) -> dict[str, Any]:
        """Why a statement cannot be done: what is new is there, or what is to be deleted is not."""
        ((kind, request),) = statement.items()
        if "ConditionExpression" not in request or kind == "Update":
            return {"Code": "None"}
        row = request.get("Item") or request["Key"]
        key = {name: row[name] for name in ("pk", "sk")}
        present = self.get_item(TableName=request["TableName"], Key=key).get("Item")
        is_new = request["ConditionExpression"] == IS_NEW["ConditionExpression"]
        if bool(present) != is_new:
            return {"Code": "None"}
        failed = {"Code": "ConditionalCheckFailed"}
        return failed | {"Item": present} if present else failed

    def entities(self) -> set[Place]:
        """The entities that were written or deleted since the last time."""
        places = set()
        for statement in self.written:
            ((_, request),) = statement.items()
            item = request.get("Item") or request["Key"]
            pk = item["pk"]["S"].split("\u001f")
            if pk[2] == "e":
                type, path = item["sk"]["S"].split("\u001f")
                places.add((pk[1], path if path == "/" else path[:-1], type, pk[3]))
        self.written.clear()
        return places


class FrozenApi:
    """The API; `find` finds the accounts of its callers, as of the `clock`."""

    def __init__(self, client: Any, table: str, find: Find, clock: Clock = now) -> None:
        self.client = FrozenClient(client)
        self.requests = 0
        settings = api_settings(table, public_access=False)
        frozen: Any = self.client
        correlated = create_app(settings)
        app: Any = correlated.app
        app.state.services = Services(settings, frozen)
        app.state.policy = Policy(RULES, _verify, find, _spend, clock=clock)
        self._app = app
        self._loop = asyncio.new_event_loop()

    def __call__(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: Any = None,
    ) -> Answer:
        """Send a request; a body goes out as JSON, a text as text/plain."""
        self.requests += 1
        sent = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        content = b""
        if body is not None:
            is_text = isinstance(body, str)
            content = body.encode() if is_text else json.dumps(body).encode()
            media_type = b"text/plain" if is_text else b"application/json"
            sent += [(b"content-type", media_type), (b"content-length", b"%d" % len(content))]
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": sent,
            "correlator": "c",
            "audit": {},
        }
        return self._loop.run_until_complete(self._send(scope, content))

    async def _send(self, scope: dict[str, Any], content: bytes) -> Answer:
        messages: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content}

        async def send(message: Any) -> None:
            messages.append(message)

        with suppress(Exception):
            # an error that is no refusal is raised again once it has been answered with 500
            await self._app(scope, receive, send)
        start, *parts = messages
        headers = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], headers, b"".join(part["body"] for part in parts))

    def close(self) -> None:
        self._loop.close()


def found_among(accounts: Mapping[str, list[dict[str, Any]]]) -> Find:
    """What finds the accounts of subjects that have these grants, in their wire form."""
    known = {subject: _account(subject, grants) for subject, grants in accounts.items()}
    return lambda ids: {id: known[id] for id in ids if id in known}


def token(subject: str) -> list[tuple[str, str]]:
    """The credential of a subject; the public has none."""
    return [] if subject == "public" else [("authorization", f"Bearer {subject}")]


def _account(subject: str, grants: list[dict[str, Any]]) -> Account:
    kind = "public" if subject == "public" else "application"
    numbered = enumerate(grants)
    return Account(
        subject, kind, grants=tuple(parse_grant(f"g{number}", one) for number, one in numbered)
    )


def _verify(text: str) -> Claims:
    return Claims(text, text, frozenset({READ, WRITE, SUBSCRIBE}), issued=now() // SECOND)


def _spend(_account: Account) -> None:
    pass


def _timeless(request: dict[str, Any]) -> dict[str, Any]:
    values = request.get("ExpressionAttributeValues", {})
    last = values.get(":last", {}).get("S", "")
    kept = {name: value for name, value in values.items() if name != ":now"}
    if last.startswith("c\u001f"):
        kept[":last"] = "now"
    return request | {"ExpressionAttributeValues": kept}
