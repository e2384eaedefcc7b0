"""Athena's API for queries, before an application that answers everything else."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sandbox.athena.failures import InvalidRequest

if TYPE_CHECKING:
    from sandbox.athena.executions import Executions

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Json = dict[str, Any]

TARGET = b"AmazonAthena."


class Athena:
    """An ASGI application: takes the requests that start and follow queries, and passes on the others.

    Everything that a query needs happens in threads; nothing here holds up the event loop. `executions`
    makes what keeps the queries, when the first one comes.
    """

    def __init__(self, others: Application, executions: "Callable[[], Executions]") -> None:
        self._others = others
        self._new_executions = executions
        self._kept: Executions | None = None
        self._making = Lock()
        self._operations: dict[str, Callable[[Executions, Json], Json]] = {
            "StartQueryExecution": lambda queries, request: {
                "QueryExecutionId": queries.start(request)
            },
            "GetQueryExecution": lambda queries, request: {
                "QueryExecution": queries.get(request["QueryExecutionId"]).described()
            },
            "BatchGetQueryExecution": _batch,
            "ListQueryExecutions": lambda queries, request: {
                "QueryExecutionIds": queries.ids(request.get("WorkGroup", "primary"))
            },
            "GetQueryResults": lambda queries, request: queries.page(request),
            "StopQueryExecution": _stop,
        }

    def close(self) -> None:
        """End all queries."""
        if self._kept is not None:
            self._kept.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            try:
                await self._others(scope, receive, send)
            finally:
                await asyncio.to_thread(self.close)
            return
        operation = self._operations.get(_operation(scope))
        if operation is None:
            await self._others(scope, receive, send)
            return
        body = await _body(receive)
        try:
            answer = await asyncio.to_thread(self._perform, operation, body)
        except (InvalidRequest, KeyError, ValueError) as error:
            await _send(send, 400, _refusal(error))
        else:
            await _send(send, 200, answer)

    def _perform(self, operation: "Callable[[Executions, Json], Json]", body: bytes) -> Json:
        with self._making:
            if self._kept is None:  # the first query loads the engine
                self._kept = self._new_executions()
        return operation(self._kept, json.loads(body))


def _operation(scope: Scope) -> str:
    if scope["type"] != "http" or scope["method"] != "POST":
        return ""
    target: bytes = dict(scope["headers"]).get(b"x-amz-target", b"")
    return target.removeprefix(TARGET).decode() if target.startswith(TARGET) else ""


def _batch(executions: "Executions", request: Json) -> Json:
    found, missing = [], []
    for id in request["QueryExecutionIds"]:
        try:
            found.append(executions.get(id).described())
        except InvalidRequest as error:
            missing.append({"QueryExecutionId": id, "ErrorCode": error.code, "ErrorMessage": error.message})  # fmt: skip
    return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": missing}


def _stop(executions: "Executions", request: Json) -> Json:
    executions.stop(request["QueryExecutionId"])
    return {}


def _refusal(error: Exception) -> Json:
    message, code = str(error), "INVALID_INPUT"
    if isinstance(error, InvalidRequest):
        message, code = error.message, error.code
    return {"__type": "InvalidRequestException", "AthenaErrorCode": code, "Message": message}


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _send(send: Send, status: int, answer: Json) -> None:
    content = json.dumps(answer).encode()
    headers = [
        (b"content-type", b"application/x-amz-json-1.1"),
        (b"content-length", str(len(content)).encode()),
        (b"x-amzn-requestid", str(uuid4()).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
