"""`make benchmark`: how fast a running city is, and whether it stays so as entities grow.

For each size the tenant is filled up to it in batches; then two clients send each operation for
some seconds. The last column is the rate against the smallest size: 1 means that the number of
entities does not matter. Absolute figures depend on the machine and what else runs on it.
"""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

TYPE = "OffStreetParking"
BATCH = 100
CLIENTS = 2


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to the city."""

    method: str
    path: str
    body: object = None


class Connection:
    """A kept-alive connection of one client; for one thread."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.netloc, timeout=60)
        self._headers = headers

    def send(self, request: Request) -> None:
        """Raises RuntimeError when the city answers with an error."""
        body = None if request.body is None else json.dumps(request.body)
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        self._connection.request(request.method, request.path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status >= 400:
            raise RuntimeError(f"{request.method} {request.path}: {response.status} {answer!r}")


@dataclass(frozen=True, slots=True)
class Figures:
    """Requests a second, and the sorted times of each request in seconds."""

    rate: float
    times: list[float]

    def percentile(self, percent: int) -> str:
        return f"{self.times[round((len(self.times) - 1) * percent / 100)] * 1000:.1f} ms"


def name_of(number: int) -> str:
    return f"parking:{number}"


def site(number: int) -> dict[str, object]:
    """A parking site of about 0.6 KB, all within a few kilometres of Santander."""
    place = random.Random(number)
    point = [-3.83 + place.random() / 20, 43.44 + place.random() / 30]
    return {
        "id": name_of(number),
        "type": TYPE,
        "name": {"value": f"Parking {number}"},
        "totalSpotNumber": {"value": 100 + number % 400},
        "availableSpotNumber": {"value": number % 100},
        "location": {"type": "geo:json", "value": {"type": "Point", "coordinates": point}},
    }


OPERATIONS: dict[str, Callable[[int], Request]] = {
    "update an attribute": lambda size: Request(
        "PATCH",
        f"/v2/entities/{name_of(random.randrange(size))}/attrs?type={TYPE}",
        {"availableSpotNumber": {"value": random.randrange(10**6)}},
    ),
    "get by id": lambda size: Request(
        "GET", f"/v2/entities/{name_of(random.randrange(size))}?type={TYPE}"
    ),
    "first page of 20": lambda _size: Request("GET", f"/v2/entities?type={TYPE}"),
}


def measure(
    connect: Callable[[], Connection], make: Callable[[], Request], seconds: float
) -> Figures:
    """Let the clients send for so many seconds."""
    times: list[float] = []
    until = time.perf_counter() + seconds

    def run() -> None:
        connection = connect()
        while (started := time.perf_counter()) < until:
            connection.send(make())
            times.append(time.perf_counter() - started)

    threads = [threading.Thread(target=run) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not times:
        raise RuntimeError("no request was answered")
    return Figures(len(times) / seconds, sorted(times))


def fill(connection: Connection, present: int, size: int) -> Iterator[int]:
    """Create the entities from number `present` up to `size`; gives the number after each batch."""
    for start in range(present, size, BATCH):
        end = min(start + BATCH, size)
        entities = [site(number) for number in range(start, end)]
        connection.send(
            Request("POST", "/v2/op/update", {"actionType": "append", "entities": entities})
        )
        yield end


@contextmanager
def progress(console: Console, size: int) -> Iterator[Callable[[int], None]]:
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"filling up to {size:,} entities", total=size)
        yield lambda done: bar.update(task, completed=done)


def benchmark(
    sizes: Annotated[list[int] | None, typer.Option("--size", help="numbers of entities")] = None,
    seconds: Annotated[float, typer.Option(help="how long each operation is sent")] = 5,
) -> None:
    """Measure a running city; CITY is its address, TOKEN what it asks for."""
    console = Console()
    url = os.environ.get("CITY", "http://127.0.0.1:8080")
    headers = {"Fiware-Service": f"benchmark_{int(time.time())}"}
    if token := os.environ.get("TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    table = Table("entities", "operation", "a second", "median", "95 %", "against the first")
    first: dict[str, float] = {}
    present = 0
    for size in sorted(sizes or (100, 1_000, 10_000)):
        with progress(console, size) as show:
            for done in fill(Connection(url, headers), present, size):
                show(done)
        present = size
        for name, make in OPERATIONS.items():
            connect = partial(Connection, url, headers)
            found = measure(connect, partial(make, size), seconds)
            ratio = found.rate / first.setdefault(name, found.rate)
            table.add_row(
                f"{size:,}", name, f"{found.rate:.0f}",
                found.percentile(50), found.percentile(95), f"{ratio:.2f}",
            )  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    typer.run(benchmark)
