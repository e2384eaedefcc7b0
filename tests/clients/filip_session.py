"""FiLiP's ContextBrokerClient, as its users have it from the package index, against a running city.

Runs in a virtual environment of its own (its pins conflict with ours): `test_filip.py` starts it
with what it needs to know in the environment.
"""

import json
import os
import queue
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import uuid4

import pytest
import requests
from filip.clients.exceptions import BaseHttpClientException
from filip.clients.ngsi_v2 import ContextBrokerClient
from filip.models.base import FiwareHeaderSecure
from filip.models.ngsi_v2.base import Metadata
from filip.models.ngsi_v2.context import (
    ContextEntity,
    ContextEntityKeyValues,
    NamedContextAttribute,
    Query,
)
from filip.models.ngsi_v2.subscriptions import Subscription

ROOM = {"type": "Room", "temperature": {"type": "Number", "value": 21.5}}


def header(token: str) -> FiwareHeaderSecure:
    return FiwareHeaderSecure(
        service=f"filip{uuid4().hex}", service_path="/building", authorization=f"Bearer {token}"
    )


def machine() -> tuple[str, str]:
    """The client that may do everything, as it authenticates itself."""
    return os.environ["MACHINE_ID"], os.environ["MACHINE_SECRET"]


def first_refusal(client: ContextBrokerClient) -> int:
    """The status that ends a client's access; at the latest after 30 seconds."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            client.get_entity_list()
        except BaseHttpClientException as refusal:
            status: int = refusal.response.status_code
            return status
        time.sleep(0.05)
    return 200


@pytest.fixture
def broker() -> Iterator[ContextBrokerClient]:
    with ContextBrokerClient(
        url=os.environ["CITY"], fiware_header=header(os.environ["TOKEN"])
    ) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[tuple[str, "queue.Queue[dict[str, Any]]"]]:
    """The address of a receiver, and the notifications it gets."""
    notifications: queue.Queue[dict[str, Any]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            notifications.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", notifications
    server.shutdown()
    server.server_close()


def test_without_a_valid_token_nothing_is_answered() -> None:
    stranger = ContextBrokerClient(url=os.environ["CITY"], fiware_header=header("no.such.token"))
    with pytest.raises(BaseHttpClientException) as refusal:
        stranger.get_entity_list()
    assert refusal.value.response.status_code == 401


def test_access_ends_when_the_token_is_revoked() -> None:
    oauth, credentials = f"{os.environ['CITY']}/oauth2", machine()
    form = {"grant_type": "client_credentials", "scope": "context/read"}
    answer = requests.post(f"{oauth}/token", data=form, auth=credentials, timeout=30).json()
    client = ContextBrokerClient(
        url=os.environ["CITY"], fiware_header=header(answer["access_token"])
    )
    assert client.get_entity_list() == []
    form = {"token": answer["access_token"]}
    revoked = requests.post(f"{oauth}/revoke", data=form, auth=credentials, timeout=30)
    assert revoked.status_code == 200
    assert first_refusal(client) == 401


def test_entity_comes_back_as_it_was_posted(broker: ContextBrokerClient) -> None:
    room = ContextEntity(id="Room1", **ROOM)
    assert broker.post_entity(room) == "/v2/entities/Room1?type=Room"
    assert broker.get_entity("Room1") == room
    assert broker.does_entity_exist("Room1", "Room")
    broker.delete_entity("Room1", "Room")
    assert not broker.does_entity_exist("Room1", "Room")


def test_posting_an_entity_twice_is_refused(broker: ContextBrokerClient) -> None:
    room = ContextEntity(id="Room1", **ROOM)
    broker.post_entity(room)
    with pytest.raises(BaseHttpClientException) as refusal:
        broker.post_entity(room)
    assert refusal.value.response.json()["description"] == "Already Exists"


def test_attributes_are_added_replaced_and_removed(broker: ContextBrokerClient) -> None:
    broker.post_entity(ContextEntity(id="Room1", **ROOM))
    unit = Metadata(type="Text", value="P1")
    humidity = NamedContextAttribute(
        name="humidity", type="Number", value=40, metadata={"unitCode": unit}
    )
    broker.update_or_append_entity_attributes("Room1", attrs=[humidity])
    broker.update_attribute_value(entity_id="Room1", attr_name="humidity", value=41)
    assert broker.get_attribute("Room1", "humidity").metadata["unitCode"].value == "P1"
    assert broker.get_attribute_value("Room1", "humidity") == 41
    broker.delete_entity_attribute("Room1", "humidity")
    assert broker.get_entity("Room1").get_attribute_names() == {"temperature"}


def test_strings_objects_and_lists_are_read_as_values(broker: ContextBrokerClient) -> None:
    values = {"name": "Salón 1", "box": {"w": 2, "tags": ["a"]}, "list": [1, None, True]}
    broker.post_entity(ContextEntityKeyValues(id="Room1", type="Room", **values), key_values=True)
    for name, value in values.items():
        assert broker.get_attribute_value("Room1", name) == value


def test_a_batch_of_a_thousand_entities_is_listed_page_by_page(broker: ContextBrokerClient) -> None:
    rooms = [ContextEntity(id=f"Room{number}", **ROOM) for number in range(1000)]
    broker.update(entities=rooms, action_type="append")
    listed = broker.get_entity_list(limit=1000)
    assert {room.id for room in listed} == {room.id for room in rooms}
    broker.delete_entities(rooms[1:])
    assert [room.id for room in broker.get_entity_list()] == ["Room0"]


def test_queries_filter_and_order(broker: ContextBrokerClient) -> None:
    rooms = [
        ContextEntityKeyValues(id=f"Room{number}", type="Room", temperature=number, floor="EG")
        for number in range(5)
    ]
    broker.update(entities=rooms, action_type="append", update_format="keyValues")
    warm = broker.get_entity_list(
        q="temperature>2;floor=='EG'", order_by="!temperature", response_format="keyValues"
    )
    assert [room.id for room in warm] == ["Room4", "Room3"]
    query = Query.model_validate(
        {
            "entities": [{"idPattern": "[01]$", "type": "Room"}],
            "attrs": ["temperature"],
            "expression": {"q": "temperature<1"},
        }
    )
    [coldest] = broker.query(query=query, response_format="keyValues")
    assert coldest.model_dump() == {"id": "Room0", "type": "Room", "temperature": 0}


def test_types_count_entities(broker: ContextBrokerClient) -> None:
    broker.post_entity(ContextEntity(id="Room1", **ROOM))
    assert broker.get_entity_type("Room")["count"] == 1
    assert broker.get_entity_type("Room")["attrs"] == {"temperature": {"types": ["Number"]}}


def test_a_subscription_notifies_and_counts(
    broker: ContextBrokerClient, receiver: tuple[str, "queue.Queue[dict[str, Any]]"]
) -> None:
    url, notifications = receiver
    broker.post_entity(ContextEntity(id="Room1", **ROOM))
    wanted = Subscription.model_validate(
        {
            "description": "warm rooms",
            "subject": {
                "entities": [{"idPattern": ".*", "type": "Room"}],
                "condition": {"attrs": ["temperature"], "expression": {"q": "temperature>25"}},
            },
            "notification": {"http": {"url": url}, "attrs": ["temperature"]},
        }
    )
    subscription = broker.post_subscription(wanted)
    for temperature in (24, 26, 26, 27):
        broker.update_attribute_value(entity_id="Room1", attr_name="temperature", value=temperature)
    arrived = [notifications.get(timeout=20) for _ in range(2)]
    assert {message["subscriptionId"] for message in arrived} == {subscription}
    assert [message["data"][0]["temperature"]["value"] for message in arrived] == [26, 27]
    kept = broker.get_subscription(subscription)
    assert kept.subject.entities == wanted.subject.entities
    assert str(kept.subject.condition.expression.q) == "temperature>25"
    broker.delete_subscription(subscription)
    assert broker.get_subscription_list() == []
    assert notifications.empty()
