"""`make run`: a city on localhost, from the template and the code that a deployment would take."""

import asyncio
import contextlib
import fcntl
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO

import uvloop
from rich.console import Console

from sandbox import administrator, deployment, embedded_aws, gateway, reset
from sandbox.deployment import DeployError, Deployment
from sandbox.front import Front
from sandbox.options import HOST, Options

console = Console(highlight=False, soft_wrap=True)


def main() -> None:
    options = Options.from_environment()
    options.state.mkdir(parents=True, exist_ok=True)
    with locked(options.state), bound(options) as (aws, *city):
        embedded_aws.prepare_environment(options.state, aws.getsockname()[1])
        try:
            uvloop.run(run(options, aws, city))
        except DeployError as failure:
            sys.exit(str(failure))
        except asyncio.CancelledError:
            console.print("Stopped. Everything is kept; `make run` continues here.")


async def run(options: Options, aws: socket.socket, city: list[socket.socket]) -> None:
    """Start the embedded AWS, deploy what changed, answer until a signal comes."""
    this = asyncio.current_task()
    assert this is not None
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, this.cancel)
    started = time.monotonic()
    aws_url = f"http://{HOST}:{aws.getsockname()[1]}"
    console.print(f"[bold]A city on {options.url}[/bold]")

    async def reset_city() -> None:
        await asyncio.to_thread(reset.wipe)
        await administrator.bootstrap(options.state)

    ports = {options.port: "CityApi", options.history_port: "HistoryApi"}
    front = Front(embedded_aws.load_application(options.state), ports, reset_city)
    (options.state / "city.json").write_text(
        json.dumps(
            {
                "url": options.url,
                "history": options.history_url,
                "aws": aws_url,
                "region": embedded_aws.REGION,
                "stack": deployment.STACK,
            }
        )
    )
    async with embedded_aws.serving(front, [*city, aws]):
        await deploy(
            Deployment(
                options.state,
                {
                    "Stage": "sandbox",
                    "PublicAccess": str(options.public).lower(),
                    "AllowLoopback": "true",
                    "CognitoEndpoint": aws_url,
                    "GrantSeconds": str(options.grant_seconds),
                    "PasswordGrant": "true",
                    "HistoryFlushSeconds": "1",
                    "HistoryGraceSeconds": "5",
                    "CompactMinutes": "5",
                },
            )
        )
        front.open(await asyncio.to_thread(gateway.api_ids))
        async with step("first answer"):
            await first_answer(options.port)
        welcome(options, time.monotonic() - started)
        warming = asyncio.create_task(asyncio.to_thread(deployment.warm_triggered_functions))
        try:
            await asyncio.Event().wait()
        finally:
            await warming  # it talks to the embedded AWS, which ends with this block


async def deploy(city: Deployment) -> None:
    """Bring the stack up to date with the sources; nothing when it is."""
    if not await asyncio.to_thread(city.is_built):
        async with step("build"):
            await city.build()
    if not await asyncio.to_thread(city.is_deployed):
        async with step("deploy"):
            await city.deploy()
        async with step("routes"):
            await asyncio.to_thread(gateway.import_routes)
        async with step("administrator"):
            await administrator.bootstrap(city.state)
        city.remember()


async def first_answer(port: int) -> None:
    """Ask for the version until the API's function has started."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(f"GET /version HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
    status = await reader.readline()
    writer.close()
    if status.split()[1] != b"200":
        raise DeployError(
            f"The city answers {status.decode().strip()!r}; logs/functions.log in its state directory says why."
        )


@contextlib.asynccontextmanager
async def step(name: str) -> AsyncIterator[None]:
    """Show a step while it runs and how long it took."""
    started = time.monotonic()
    with console.status(name):
        yield
    console.print(f"  [green]✓[/green] {name:<14} {time.monotonic() - started:5.1f} s")


def welcome(options: Options, seconds: float) -> None:
    """Say where everything is and how to get a token."""
    console.print(f"Ready in {seconds:.1f} s.\n")
    console.print(f"  API      {options.url}/v2/entities")
    console.print(f"  History  {options.url}/history/v2; QuantumLeap at {options.history_url}/v2")
    console.print(f"  Docs     {options.url}/docs")
    if options.public:
        console.print("  Access   open: requests without a token may do everything")
    else:
        console.print("  Token    export TOKEN=$(make -s token)")
        console.print(f'           curl -H "X-Auth-Token: $TOKEN" {options.url}/v2/entities')
    console.print(
        f"  Admin    {administrator.NAME}, password {administrator.password(options.state)}"
    )
    console.print(f"  Reset    curl -X POST {options.url}/_sandbox/reset")
    console.print(f"  Logs     {options.state / 'logs'}")
    console.print("  Stop     Ctrl-C\n")


@contextlib.contextmanager
def bound(options: Options) -> Iterator[list[socket.socket]]:
    """The socket of the embedded AWS, on the port it had before if free, and those of the city."""
    remembered = options.state / "aws-port"
    with contextlib.ExitStack() as sockets:
        city = [
            sockets.enter_context(taken(port, name))
            for port, name in ((options.port, "PORT"), (options.history_port, "HISTORY_PORT"))
        ]
        try:
            aws = embedded_aws.bind(int(remembered.read_text()) if remembered.exists() else 0)
        except OSError:
            aws = embedded_aws.bind(0)
        remembered.write_text(str(aws.getsockname()[1]))
        yield [sockets.enter_context(aws), *city]


def taken(port: int, name: str) -> socket.socket:
    """A socket on a port that the variable `name` chooses; ends the program when it is not free."""
    try:
        return embedded_aws.bind(port)
    except OSError as refusal:
        sys.exit(
            f"Port {port} is taken ({refusal.strerror}). Choose another: {name}={port + 1} make run"
        )


@contextlib.contextmanager
def locked(state: Path) -> Iterator[IO[str]]:
    """Hold the state directory, so that two cities never write one state."""
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(
                f"A city already runs on {state}. Stop it, or choose another place: SANDBOX_STATE=… make run"
            )
        yield lock


if __name__ == "__main__":
    main()
