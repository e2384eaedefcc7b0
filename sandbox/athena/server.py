"""The endpoint on a port of its own, over clients of any AWS: for tests and benchmarks in one process."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from sandbox.athena.catalog import Catalog
from sandbox.athena.endpoint import Athena, Receive, Scope, Send
from sandbox.athena.engine import Engine, Run, Storage
from sandbox.athena.executions import Executions

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

Workgroup = Mapping[str, Any]


@contextmanager
def running(
    s3: "S3Client", glue: "GlueClient", storage: Storage, workgroup: Callable[[str], Workgroup]
) -> Iterator[str]:
    """The address of an endpoint that serves as long as the `with` block runs.

    The clients are for listing, results and tables; `storage` is the same S3 as DuckDB reaches it.
    """
    engine = Engine(Catalog(glue), s3, storage)
    athena = Athena(_only(workgroup), lambda: Executions(s3, workgroup, lambda: Run(engine)))
    config = uvicorn.Config(athena, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        thread = threading.Thread(target=_serve, args=(server, bound), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            athena.close()


def _serve(server: uvicorn.Server, bound: socket.socket) -> None:
    asyncio.run(server.serve(sockets=[bound]))


def _only(workgroup: Callable[[str], Workgroup]) -> Any:
    """An application that knows GetWorkGroup and nothing else."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        target = dict(scope["headers"]).get(b"x-amz-target", b"")
        known = target == b"AmazonAthena.GetWorkGroup"
        answer: Mapping[str, Any] = {"__type": "InvalidAction"}
        if known:
            answer = {"WorkGroup": workgroup(json.loads(message["body"])["WorkGroup"])}
        status = 200 if known else 400
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    return application
