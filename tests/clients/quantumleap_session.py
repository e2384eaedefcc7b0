"""FiLiP's QuantumLeapClient, as its users have it, against a running city: on the history's own
address and below `/history` of the city's.

Runs in a virtual environment of its own: `test_quantumleap.py` starts it with what it needs to know
in the environment.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from filip.clients.exceptions import BaseHttpClientException
from filip.clients.ngsi_v2 import ContextBrokerClient, QuantumLeapClient
from filip.models.base import FiwareHeaderSecure
from filip.models.ngsi_v2.context import ContextEntity
from filip.models.ngsi_v2.subscriptions import Message

OWN, BELOW = os.environ["HISTORY"] + "/", os.environ["CITY"] + "/history/"
START = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
"""In the night in which clocks change in Europe."""


def header(tenant: str = "") -> FiwareHeaderSecure:
    return FiwareHeaderSecure(
        service=tenant or f"leap{uuid4().hex}",
        service_path="/building",
        authorization=f"Bearer {os.environ['TOKEN']}",
    )


def room(id: str, hour: int, temperature: float, **more: Any) -> ContextEntity:
    at = (START + timedelta(hours=hour)).isoformat()
    return ContextEntity(
        id=id,
        type="Room",
        temperature={"type": "Number", "value": temperature},
        TimeInstant={"type": "DateTime", "value": at},
        **more,
    )


@pytest.fixture(params=[OWN, BELOW], ids=["own", "below"])
def leap(request: pytest.FixtureRequest) -> Iterator[QuantumLeapClient]:
    """A client with six hours of two rooms."""
    with QuantumLeapClient(url=request.param, fiware_header=header()) as client:
        for hour in range(6):
            rooms = [room("Room1", hour, hour), room("Room2", hour, 20.5 + hour)]
            client.post_notification(Message(subscriptionId="s", data=rooms))
        yield client


def test_version_and_health(leap: QuantumLeapClient) -> None:
    assert leap.get_version() == {"version": "1.0.0"}
    assert leap.get_health() == {"status": "pass"}


def test_entities(leap: QuantumLeapClient) -> None:
    listed = leap.get_entities(entity_type="Room", id_pattern="room")
    assert [one.entityId for one in listed] == ["Room1", "Room2"]
    assert {one.index for one in listed} == {START + timedelta(hours=5)}


def test_history_of_an_entity(leap: QuantumLeapClient) -> None:
    series = leap.get_entity_by_id("Room1", attrs="temperature", entity_type="Room")
    assert series.index == [START + timedelta(hours=hour) for hour in range(6)]
    assert series.attributes[0].values == [0, 1, 2, 3, 4, 5]
    assert series.to_pandas().shape == (6, 1)
    values = leap.get_entity_values_by_id("Room1", attrs="temperature", last_n=2)
    assert values.attributes[0].values == [4, 5]


def test_history_of_an_attribute(leap: QuantumLeapClient) -> None:
    until = (START + timedelta(hours=2)).isoformat()
    series = leap.get_entity_attr_by_id("Room2", "temperature", to_date=until)
    assert series.attributes[0].values == [20.5, 21.5, 22.5]
    values = leap.get_entity_attr_values_by_id("Room2", "temperature", limit=2, offset=1)
    assert values.attributes[0].values == [21.5, 22.5]


def test_pages_until_there_is_nothing_more(leap: QuantumLeapClient) -> None:
    series = leap.get_entity_attr_by_id("Room1", "temperature", limit=None)
    assert series.attributes[0].values == [0, 1, 2, 3, 4, 5]


def test_aggregates_by_day_of_utc(leap: QuantumLeapClient) -> None:
    series = leap.get_entity_attr_by_id(
        "Room1", "temperature", aggr_method="avg", aggr_period="day"
    )
    assert [time.isoformat() for time in series.index] == [
        "2026-03-28T00:00:00+00:00",
        "2026-03-29T00:00:00+00:00",
    ]
    assert series.attributes[0].values == [0.5, 3.5]


def test_histories_of_a_type(leap: QuantumLeapClient) -> None:
    for read in (leap.get_entity_by_type, leap.get_entity_values_by_type):
        rooms = read("Room", attrs="temperature", last_n=2)
        assert [one.entityId for one in rooms] == ["Room1", "Room2"]
    for read in (leap.get_entity_attr_by_type, leap.get_entity_attr_values_by_type):
        rooms = read("Room", "temperature", entity_id="Room2,Room1", aggr_scope="entity")
        assert [one.entityId for one in rooms] == ["Room2", "Room1"]
        assert rooms[1].attributes[0].values == [0, 1, 2, 3, 4, 5]


def test_histories_by_attribute(leap: QuantumLeapClient) -> None:
    found = leap.get_entity_by_attrs(entity_type="Room")
    names = [(one.attributes[0].attrName, one.entityId) for one in found]
    assert ("temperature", "Room1") in names
    if leap.base_url != BELOW:  # there FiLiP leaves out /history, in this operation only
        found = leap.get_entity_by_attr_name(attr_name="temperature")
        assert [one.entityId for one in found] == ["Room1", "Room2"]


def test_deletion(leap: QuantumLeapClient) -> None:
    assert leap.delete_entity("Room1", "Room") == "Room1"
    assert [one.entityId for one in leap.get_entities()] == ["Room2"]
    assert leap.delete_entity_type("Room") == "Room"
    with pytest.raises(BaseHttpClientException) as refusal:
        leap.get_entities()
    assert refusal.value.response.status_code == 404


def test_what_the_context_accepts_is_recorded() -> None:
    told = header()
    with ContextBrokerClient(url=os.environ["CITY"], fiware_header=told) as broker:
        broker.post_entity(
            ContextEntity(id="Lamp1", type="Lamp", on={"type": "Boolean", "value": False})
        )
        broker.update_attribute_value(entity_id="Lamp1", attr_name="on", value=True)
    with QuantumLeapClient(url=OWN, fiware_header=told) as client:
        assert recorded(client, 2) == [False, True]


def recorded(client: QuantumLeapClient, count: int) -> list[Any]:
    """The values of the lamp, when there are so many of them; at the latest after a minute."""
    deadline = time.monotonic() + 60
    values: list[Any] = []
    while len(values) < count and time.monotonic() < deadline:
        time.sleep(0.5)
        try:
            series = client.get_entity_attr_by_id("Lamp1", "on")
            values = series.attributes[0].values
        except BaseHttpClientException:
            continue
    return values
