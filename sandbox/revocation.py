"""`make revocation`: how long a revoked key still reads, and how long its subscription still tells.

In each round a key is made that may read and subscribe in one tenant. It subscribes, and it reads
without pause while another client changes the entity; then it is deleted. Times are seconds from
the answer to that deletion to the last read that was still let through, and to the last
notification. They cannot be longer than `GRANT_SECONDS` of the city, but for requests on their way.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

from sandbox.demo.receiver import Receiver

ID = "pond"
TENANT = "revocation"
KEYS = "/access/v1/keys"
MARGIN = 1.5
"""Seconds to go on past the city's own time, in which nothing must come through any more."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from a revocation to the last read and the last notification; 0 when none came."""

    read: float
    notification: float


class Steady:
    """Does something again and again on a thread of its own until the `with` block ends."""

    def __init__(self, act: Callable[[], None], pause: float) -> None:
        self._act = act
        self._pause = pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._pause):
            self._act()


def measure(admin: httpx.Client, bound: float) -> Latency:
    """One round; `admin` administers the city, whose accounts are kept for `bound` seconds."""
    reads: list[float] = []
    told: list[float] = []
    made = _checked(admin.post(KEYS, json=_key())).json()
    key = httpx.Client(
        base_url=admin.base_url,
        headers={"X-API-Key": made["key"], "Fiware-Service": TENANT},
        timeout=30,
    )

    def change() -> None:
        _checked(admin.post("/v2/op/update", json=_change(), headers={"Fiware-Service": TENANT}))

    def read() -> None:
        if key.get(f"/v2/entities/{ID}").status_code == 200:
            reads.append(time.perf_counter())

    change()
    with key, Receiver(lambda _entity: told.append(time.perf_counter())) as receiver:
        _checked(key.post("/v2/subscriptions", json=_subscription(receiver.url)))
        with Steady(change, 0.05), Steady(read, 0.005):
            _wait_for(lambda: bool(reads and told))
            _checked(admin.delete(f"{KEYS}/{made['id']}"))
            revoked = time.perf_counter()
            time.sleep(bound + MARGIN)
        return Latency(_after(revoked, reads), _after(revoked, told))


def _key() -> dict[str, Any]:
    grant = {"actions": ["read", "subscribe"], "tenant": TENANT}
    return {
        "name": "to be revoked",
        "scopes": ["context/read", "context/subscribe"],
        "grants": [grant],
    }


def _change() -> dict[str, Any]:
    moment = {"type": "Text", "value": str(time.time_ns())}
    entity = {"id": ID, "type": "Pond", "dateObserved": moment}
    return {"actionType": "append", "entities": [entity]}


def _subscription(url: str) -> dict[str, Any]:
    return {
        "subject": {"entities": [{"id": ID}]},
        "notification": {"http": {"url": url}, "attrsFormat": "keyValues"},
    }


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("the key neither reads nor is told anything")
        time.sleep(0.01)


def _after(revoked: float, moments: list[float]) -> float:
    return max(0.0, max(moments) - revoked)


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise RuntimeError(f"{answer.request.url} answered {answer.status_code}: {answer.text}")
    return answer


def revocation(
    rounds: Annotated[int, typer.Option(help="how many keys are revoked")] = 10,
    bound: Annotated[float, typer.Option(help="GRANT_SECONDS of the city")] = 1,
) -> None:
    """Measure a running city; CITY is its address, TOKEN that of an administrator."""
    url = os.environ.get("CITY", "http://127.0.0.1:8080")
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    with httpx.Client(base_url=url, headers=headers, timeout=30) as admin:
        found = [measure(admin, bound) for _ in range(rounds)]
    table = Table("seconds from revocation to", "median", "longest")
    for name in ("read", "notification"):
        times = sorted(getattr(one, name) for one in found)
        table.add_row(f"the last {name}", f"{times[len(times) // 2]:.2f}", f"{times[-1]:.2f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(revocation)
