"""The requests of the demo to a running city, all in one tenant."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from sandbox.demo.observations import STATIONS, TYPE

TENANT = "demo"


class Refused(Exception):
    """The city answered a request with an error."""


class Postponed(Exception):
    """The history would take longer for its answer than a request may wait."""


class City:
    """Sends NGSI-v2 requests; safe to use from several threads."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        headers = {"Fiware-Service": TENANT}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Raises Refused when the city answers with an error."""
        response = self._client.request(method, path, json=body)
        if response.is_error:
            raise Refused(f"{method} {path} was answered {response.status_code}: {response.text}")
        return response

    def notify(self, entities: list[dict[str, Any]], time_index: str) -> None:
        """Record what another broker tells, at the times that this attribute says. Raises Refused."""
        response = self._client.post(
            "/history/v2/notify",
            json={"subscriptionId": "demo", "data": entities},
            headers={"Fiware-TimeIndex-Attribute": time_index},
        )
        if response.is_error:
            raise Refused(f"The notification was answered {response.status_code}: {response.text}")

    def ask(self, path: str, **parameters: str) -> Any:
        """The answer to a question; raises httpx.HTTPStatusError, or Postponed."""
        response = self._client.get(path, params=parameters).raise_for_status()
        if response.status_code == httpx.codes.ACCEPTED:
            raise Postponed(path)
        return response.json()

    def remove(self, path: str) -> None:
        """Delete what is at the path, if anything is."""
        response = self._client.delete(path)
        if response.is_error and response.status_code != httpx.codes.NOT_FOUND:
            raise Refused(f"DELETE {path} was answered {response.status_code}: {response.text}")

    def clear(self) -> None:
        """Take away what an earlier demo left: its stations and, was it interrupted, its subscription."""
        for station in STATIONS:
            self.remove(f"/v2/entities/{station.id}")
        for subscription in self.send("GET", "/v2/subscriptions?limit=1000").json():
            self.remove(f"/v2/subscriptions/{subscription['id']}")

    @contextmanager
    def subscription(self, receiver: str, threshold: float) -> Iterator[str]:
        """Subscribes the receiver to warm hours while the `with` block runs; yields the subscription's path."""
        path = self.send("POST", "/v2/subscriptions", _warm_hours(receiver, threshold)).headers[
            "Location"
        ]
        try:
            yield path
        finally:
            self.remove(path)

    def times_sent(self, subscription: str, at_least: int) -> int:
        """What the subscription counts. It counts after a delivery, so it gets a moment to catch up."""
        for _ in range(50):
            count = int(self.send("GET", subscription).json()["notification"].get("timesSent", 0))
            if count >= at_least:
                break
            time.sleep(0.1)
        return count


def _warm_hours(receiver: str, threshold: float) -> dict[str, Any]:
    return {
        "description": f"Temperatures above {threshold:g} degrees Fahrenheit",
        "subject": {
            "entities": [{"id": station.id, "type": TYPE} for station in STATIONS],
            "condition": {
                "attrs": ["temperature"],
                "expression": {"q": f"temperature>{threshold:g}"},
            },
        },
        "notification": {
            "http": {"url": receiver},
            "attrs": ["dateObserved", "temperature"],
            "attrsFormat": "keyValues",
        },
    }
