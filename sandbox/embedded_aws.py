"""AWS in this process: ministack behind uvicorn, on an address of its own and on the city's.

ministack is an ASGI application. Serving it here instead of in a child process saves one hop for
every request to the city, and uvicorn reads HTTP for a fraction of what ministack's server needs.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from sandbox import adaptations
from sandbox.athena.endpoint import Athena
from sandbox.options import HOST

if TYPE_CHECKING:
    from boto3.session import Session

    from sandbox.athena.executions import Executions

REGION: Final = "eu-west-1"
ACCOUNT = "000000000000"
ACCESS_KEY = "test"
SECRET_KEY = "test"  # noqa: S105 - the emulator's root account, which only this machine can reach

INHERITED = ("AWS_", "LAMBDA_", "POWERTOOLS_", "SAM_", "PYTHON", "VIRTUAL_ENV")
"""Prefixes of variables that would reach the deploy tool or the functions from a person's shell."""


def prepare_environment(state: Path, port: int) -> None:
    """Set what ministack, the deploy tool and the functions read from the environment.

    To be called before ministack is imported, which reads its settings at import. Variables that
    name a real account are dropped: nothing started here can reach one.
    """
    for name in [name for name in os.environ if name.startswith(INHERITED)]:
        del os.environ[name]
    # A shell may forbid bytecode; compiling ministack anew costs every start three seconds.
    sys.dont_write_bytecode = False
    scratch = state / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    os.environ.update(
        AUTH="true",
        AWS_ACCESS_KEY_ID=ACCESS_KEY,
        AWS_CONFIG_FILE=os.devnull,
        AWS_DEFAULT_REGION=REGION,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_ENDPOINT_URL=f"http://{HOST}:{port}",
        AWS_REGION=REGION,
        AWS_SECRET_ACCESS_KEY=SECRET_KEY,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        BIND_HOST=HOST,
        DOCKER_HOST=f"unix://{scratch / 'none'}",
        GATEWAY_PORT=str(port),
        IOT_MTLS_ENABLED="0",
        LAMBDA_EXECUTOR="local",
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        MINISTACK_HOST=HOST,
        MINISTACK_REGION=REGION,
        PERSIST_STATE="1",
        S3_DATA_DIR=str(state / "aws" / "s3"),
        S3_PERSIST="1",
        SAM_CLI_POLL_DELAY="0.5",
        SAM_CLI_TELEMETRY="0",
        SFTP_ENABLED="0",
        STATE_DIR=str(state / "aws"),
        TMPDIR=str(scratch),
    )


def session() -> "Session":
    """The root account of the embedded AWS."""
    from boto3.session import Session  # noqa: PLC0415 - the server starts while this is not yet needed

    return Session()


def load_application(state: Path) -> Any:
    """ministack's ASGI application behind our Athena, with its log and the functions' in files. Needs the prepared environment."""
    logs = state / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(logs / "aws.log", mode="w")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)

    from ministack.app import app  # noqa: PLC0415 - reads the prepared environment

    adaptations.adapt(state)
    return Athena(app, _queries)


def _queries() -> "Executions":
    """What runs queries of Athena: the tables, files and work groups are those of the embedded AWS."""
    # the engine takes a second to load, and most cities never ask it
    from sandbox.athena.catalog import Catalog  # noqa: PLC0415
    from sandbox.athena.engine import Engine, Run, Storage  # noqa: PLC0415
    from sandbox.athena.executions import Executions  # noqa: PLC0415

    s3, athena = session().client("s3"), session().client("athena")
    storage = Storage(os.environ["AWS_ENDPOINT_URL"], REGION, ACCESS_KEY, SECRET_KEY)
    engine = Engine(Catalog(session().client("glue")), s3, storage)
    return Executions(
        s3,
        lambda name: athena.get_work_group(WorkGroup=name)["WorkGroup"],
        lambda: Run(engine),
    )


def stop_functions(named: str = "") -> None:
    """End the processes of the functions whose name has this in it; of all without."""
    from ministack.core import lambda_runtime  # noqa: PLC0415 - after the environment is prepared

    with lambda_runtime._lock:
        doomed = [
            lambda_runtime._workers.pop(key)
            for key in list(lambda_runtime._workers)
            if named in str(key)
        ]
    lambda_runtime.kill_workers([worker for workers in doomed for worker in workers])


class _Server(uvicorn.Server):
    """Leaves the signals to the city, which has more to end than the server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(application: Any, sockets: list[socket.socket]) -> AsyncIterator[None]:
    """Serve the application on the sockets; on leaving, finish requests and write the state down."""
    config = uvicorn.Config(
        application,
        access_log=False,
        date_header=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=75,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=sockets))
    try:
        while not server.started:
            if task.done():
                sys.exit(
                    "The embedded AWS did not start; logs/aws.log in the state directory says why."
                )
            await asyncio.sleep(0.01)
        adaptations.forget_stream_positions()
        yield
    finally:
        # changes are not saved, so what is not in the history by now would never come to it
        await asyncio.to_thread(adaptations.hand_over_changes)
        stop_functions()  # so that no request waits for one
        server.should_exit = True
        await task
        stop_functions()  # those that the last requests and changes have started meanwhile


def bind(port: int) -> socket.socket:
    """A socket on this port (0: any free one); raises OSError when it is taken."""
    # The protocol is named because asyncio sets TCP_NODELAY only on sockets that name it; without
    # it every call of a function to AWS waits 40 ms for an acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((HOST, port))
    return bound
