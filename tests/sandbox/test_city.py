"""The local city as a developer meets it: started, asked, restarted, reset, stopped."""

import json
import subprocess
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.local_city import ROOT, LocalCity, free_port

pytestmark = pytest.mark.sandbox

ROOM: dict[str, Any] = {
    "id": "Room1",
    "type": "Room",
    "temperature": {"type": "Number", "value": 21.5, "metadata": {}},
}

WARMER = {"temperature": {"type": "Number", "value": 30}}


def subscription(url: str) -> dict[str, Any]:
    """To every change of a temperature."""
    return {
        "subject": {"entities": [{"idPattern": ".*"}], "condition": {"attrs": ["temperature"]}},
        "notification": {"http": {"url": url}, "attrsFormat": "keyValues"},
    }


def restart(city: LocalCity) -> float:
    """Stop, see that nothing is left running, start; the seconds that the start took."""
    city.stop()
    assert not city.processes()
    return city.start()


@pytest.fixture
def receiver() -> Iterator[tuple[str, "Queue[dict[str, Any]]"]]:
    """The address of a subscriber, and the notifications it gets."""
    notifications: Queue[dict[str, Any]] = Queue()

    class Subscriber(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            notifications.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Subscriber) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", notifications
        server.shutdown()


def test_asks_for_a_token(local_city: LocalCity) -> None:
    assert httpx.get(f"{local_city.url}/v2/entities").status_code == 401


@pytest.mark.parametrize("header", ["Authorization", "X-Auth-Token"])
def test_token_command_opens_the_city(local_city: LocalCity, header: str) -> None:
    credential = {"Authorization": f"Bearer {local_city.token}", "X-Auth-Token": local_city.token}
    headers = {header: credential[header], "Fiware-Service": "untouched"}
    response = httpx.get(f"{local_city.url}/v2/entities", headers=headers)
    assert (response.status_code, response.json()) == (200, [])


def test_created_entity_is_read_back(local_city: LocalCity) -> None:
    with local_city.client("reading") as client:
        assert client.post("/v2/entities", json=ROOM).status_code == 201
        assert client.get("/v2/entities/Room1").json() == ROOM
        assert client.get("/v2/entities", params={"type": "Room"}).json() == [ROOM]


def test_encoded_slash_stays_within_its_segment(local_city: LocalCity) -> None:
    with local_city.client("slashes") as client:
        assert client.get("/v2/entities/a%2Fb").status_code in {400, 404}


def test_update_reaches_the_subscriber(
    local_city: LocalCity, receiver: tuple[str, "Queue[dict[str, Any]]"]
) -> None:
    url, notifications = receiver
    with local_city.client("subscribing") as client:
        client.post("/v2/entities", json=ROOM).raise_for_status()
        client.post("/v2/subscriptions", json=subscription(url)).raise_for_status()
        client.patch("/v2/entities/Room1/attrs", json=WARMER).raise_for_status()
    assert notifications.get(timeout=20)["data"] == [
        {"id": "Room1", "type": "Room", "temperature": 30}
    ]


def test_open_city_asks_for_no_token(open_city: LocalCity) -> None:
    assert httpx.get(f"{open_city.url}/v2/entities").status_code == 200


def test_open_city_still_refuses_an_invalid_token(open_city: LocalCity) -> None:
    response = httpx.get(f"{open_city.url}/v2/entities", headers={"X-Auth-Token": "forged"})
    assert response.status_code == 401


def test_restart_keeps_entities_and_subscriptions_and_is_quick(
    local_city: LocalCity, receiver: tuple[str, "Queue[dict[str, Any]]"]
) -> None:
    url, notifications = receiver
    with local_city.client("lasting") as client:
        client.post("/v2/entities", json=ROOM).raise_for_status()
        client.post("/v2/subscriptions", json=subscription(url)).raise_for_status()
    assert any(restart(local_city) < 5 for _ in range(3)), "the best of three on a busy machine"
    with local_city.client("lasting") as client:
        assert client.get("/v2/entities/Room1").json() == ROOM
        client.patch("/v2/entities/Room1/attrs", json=WARMER).raise_for_status()
    assert notifications.get(timeout=20)["data"] == [
        {"id": "Room1", "type": "Room", "temperature": 30}
    ]


def test_functions_log_to_a_file(local_city: LocalCity) -> None:
    httpx.get(f"{local_city.url}/version", headers={"Fiware-Correlator": "logged"})
    log = local_city.state / "logs" / "functions.log"
    deadline = time.monotonic() + 5
    while "logged" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_reset_wipes_what_is_stored_and_keeps_the_city(local_city: LocalCity) -> None:
    with local_city.client("forgetting") as client:
        client.post("/v2/entities", json=ROOM).raise_for_status()
        assert httpx.post(f"{local_city.url}/_sandbox/reset", timeout=30).status_code == 204
        assert client.get("/v2/entities").json() == []
        assert client.get("/v2/types").json() == []
        assert client.post("/v2/entities", json=ROOM).status_code == 201


def test_dead_change_is_replayed(local_city: LocalCity) -> None:
    formation = local_city.aws("cloudformation")
    found = formation.describe_stack_resource(
        StackName="city", LogicalResourceId="StreamDeadLetterQueue"
    )
    queue = found["StackResourceDetail"]["PhysicalResourceId"]
    change = json.loads((ROOT / "events/context_matcher/create_entity.json").read_text())[
        "Records"
    ][0]
    local_city.aws("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(change))
    assert "StreamDeadLetterQueue: 1\n" in local_city.command("dead-letters", "list")
    assert "StreamDeadLetterQueue: 1 replayed" in local_city.command("dead-letters", "replay")
    assert "StreamDeadLetterQueue: 0\n" in local_city.command("dead-letters", "list")


def test_reset_takes_post_only(local_city: LocalCity) -> None:
    assert httpx.get(f"{local_city.url}/_sandbox/reset").status_code == 405


def test_taken_port_is_named(local_city: LocalCity, tmp_path: Path) -> None:
    second = LocalCity(tmp_path, port=local_city.port).spawn(stdout=subprocess.PIPE)
    printed, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert f"Port {local_city.port} is taken" in printed


def test_state_serves_one_city_only(local_city: LocalCity) -> None:
    second = LocalCity(local_city.state, port=free_port()).spawn(stdout=subprocess.PIPE)
    printed, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert "already runs" in printed


def test_the_whole_template_is_deployed(local_city: LocalCity) -> None:
    formation = local_city.aws("cloudformation")
    resources = formation.describe_stack_resources(StackName="city")["StackResources"]
    states = {resource["ResourceStatus"] for resource in resources}
    assert states <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    deployed = {resource["ResourceType"] for resource in resources}
    assert {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::SQS::Queue"} <= deployed


@pytest.mark.parametrize(
    "event", sorted((ROOT / "events").glob("*/*.json")), ids=lambda event: f"{event.parent.name}/{event.stem}"
)  # fmt: skip
def test_deployed_function_takes_its_events(local_city: LocalCity, event: Path) -> None:
    name = "".join(part.title() for part in event.parent.name.split("_")) + "Function"
    formation = local_city.aws("cloudformation")
    functions = local_city.aws("lambda")
    found = formation.describe_stack_resource(StackName="city", LogicalResourceId=name)
    answer = functions.invoke(
        FunctionName=found["StackResourceDetail"]["PhysicalResourceId"], Payload=event.read_bytes()
    )
    assert "FunctionError" not in answer, answer["Payload"].read()
