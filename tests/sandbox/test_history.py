"""The local city remembers: what the context accepts is in the history within seconds."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.local_city import ROOT, LocalCity

pytestmark = pytest.mark.sandbox

ROOM: dict[str, Any] = {
    "id": "Room1",
    "type": "Room",
    "temperature": {"type": "Number", "value": 21.5, "metadata": {}},
}
SERIES = "/v2/entities/Room1/attrs/temperature"
SOON = 15.0
"""Seconds; on a machine that starts functions meanwhile."""


def eventually(answer: Callable[[], httpx.Response], status: int) -> httpx.Response:
    """The answer with this status, which must come soon."""
    deadline = time.monotonic() + SOON
    while (got := answer()).status_code != status:
        assert time.monotonic() < deadline, f"still {got.status_code}: {got.text}"
        time.sleep(0.1)
    return got


def at_root(city: LocalCity, client: httpx.Client) -> Callable[[], httpx.Response]:
    """Asks QuantumLeap's API at its own address."""
    return lambda: client.get(f"{city.history_url}{SERIES}")


def test_change_is_recorded_and_answered_at_both_addresses(local_city: LocalCity) -> None:
    with local_city.client("remembering") as client:
        client.post("/v2/entities", json=ROOM).raise_for_status()
        there = eventually(at_root(local_city, client), 200)
        assert there.json()["values"] == [21.5]
        assert client.get(f"/history{SERIES}").json() == there.json()


def test_what_was_accepted_before_a_restart_is_in_the_history_after_it(
    local_city: LocalCity,
) -> None:
    with local_city.client("lasting") as client:
        client.post("/v2/entities", json=ROOM).raise_for_status()
    local_city.stop()
    local_city.start()
    with local_city.client("lasting") as client:
        assert eventually(at_root(local_city, client), 200).json()["values"] == [21.5]


def test_reset_forgets_and_the_city_remembers_anew(local_city: LocalCity) -> None:
    with local_city.client("forgotten") as client:
        client.post("/v2/entities", json=ROOM).raise_for_status()
        eventually(at_root(local_city, client), 200)
        assert httpx.post(f"{local_city.url}/_sandbox/reset", timeout=60).status_code == 204
        bucket = local_city.outputs["HistoryBucketName"]
        assert local_city.aws("s3").list_object_versions(Bucket=bucket).get("Versions", []) == []
        assert at_root(local_city, client)().status_code == 404
        client.post("/v2/entities", json=ROOM).raise_for_status()
        assert eventually(at_root(local_city, client), 200).json()["values"] == [21.5]


def test_change_that_could_not_be_recorded_is_replayed(local_city: LocalCity) -> None:
    event = json.loads((ROOT / "events/history_archive/create_entity.json").read_text())
    url = local_city.outputs["ArchiveDeadLetterQueueUrl"]
    local_city.aws("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(event["Records"][0]))
    assert "ArchiveDeadLetterQueue: 1 replayed" in local_city.command("dead-letters", "replay")
    with local_city.client("smartcity") as client:
        found = client.get("/history/v2/entities/urn:ngsi-ld:WeatherObserved:seattle")
    assert found.status_code == 200


def test_history_is_not_for_everybody(local_city: LocalCity) -> None:
    assert httpx.get(f"{local_city.history_url}/v2/entities").status_code == 401
