"""Roles grant exactly what functions do: each AWS call is recorded and held against the template."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from city import aws
from city.clock import now
from city.policy.accounts import Plan
from city.tenancy import ROOT
from context.messages import Message, Request, Tick, dump_message, dump_tick
from context.owners import Disclosure, Owner
from context.store.parked import ParkedStore
from tests.accounts import put_key
from tests.deployed import EVENTS, OWNER, TENANT, Deployed, deploy
from tests.integration.api import Api, api_settings
from tests.receiver import Receiver
from tests.template.aws_calls import granted, recorded

CONTEXT_SCOPES = {"context/read", "context/write", "context/subscribe"}


@pytest.fixture
def deployed(
    event_loop: None, context_table: str, security_table: str, monkeypatch: pytest.MonkeyPatch
) -> Deployed:
    return deploy(context_table, security_table, monkeypatch)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def api(context_table: str, security_table: str) -> Iterator[Api]:
    """The API, asked with an API key whose requests are counted."""
    dynamodb = aws.client("dynamodb")
    settings = api_settings(
        context_table, security_table=security_table, public_access=False, audit_decisions="all"
    )
    plan = Plan("generous", limit=1000, seconds=3600)
    api = Api(settings, dynamodb)
    api.headers["X-API-Key"] = put_key(dynamodb, security_table, scopes=CONTEXT_SCOPES, plan=plan)
    yield api
    api.close()


def entity(id: str, **attributes: Any) -> dict[str, Any]:
    return {"id": id, "type": "Room", **attributes}


def use_the_api(api: Api) -> None:
    """Every kind of access the API makes to the table."""

    def call(method: str, path: str, body: Any = None) -> Any:
        response = api(method, path, json=body)
        assert response.status_code < 300, (method, path, response.text)
        return response

    place = {"type": "geo:json", "value": {"type": "Point", "coordinates": [3, 43]}}
    near = "georel=near;maxDistance:1000&geometry=point&coords=43,3"
    call("POST", "/v2/entities", entity("r1", t={"value": 1}, where=place))
    call("POST", "/v2/entities", entity("r2", t={"value": 2}))
    call("PUT", "/v2/entities/r1/attrs/t", {"value": 3})
    call("POST", "/v2/entities/r1/attrs", {"more": {"value": 3}})
    for path in ("", "/r1", "/r1/attrs", "?type=Room&q=t>1", f"?type=Room&{near}"):
        call("GET", f"/v2/entities{path}")
    call("GET", "/v2/types")
    call(
        "POST", "/v2/op/update", {"actionType": "append", "entities": [entity("r3"), entity("r1")]}
    )
    call("DELETE", "/v2/entities/r1")
    subscription = {
        "subject": {"entities": [{"idPattern": ".*"}]},
        "notification": {"http": {"url": "http://example.org/"}},
    }
    location = call("POST", "/v2/subscriptions", subscription).headers["location"]
    call("GET", "/v2/subscriptions")
    call("GET", location)
    call("PATCH", location, {"status": "inactive"})
    call("PATCH", location, {"status": "active"})
    call("DELETE", location)


def test_api_is_granted_what_it_calls(api: Api, context_table: str, security_table: str) -> None:
    with recorded({"ContextTable": context_table, "SecurityTable": security_table}) as calls:
        use_the_api(api)
    assert calls == granted("ContextApiRole")


def stream_event(name: str) -> Any:
    return json.loads((EVENTS / "context_matcher" / f"{name}.json").read_text())


def use_the_matcher(deployed: Deployed) -> None:
    """Changes of every kind, met by subscriptions that need every kind of access."""
    deployed.subscribe()
    deployed.subscribe(throttling=1)
    for file in sorted((EVENTS / "context_matcher").glob("*.json")):
        deployed.invoke("context_matcher", json.loads(file.read_text()))
    large = stream_event("update_attribute")
    document = {"text": {"t": "Text", "v": random.randbytes(150_000).hex()}}
    large["Records"][0]["dynamodb"]["NewImage"] |= {
        "d": {"S": json.dumps(document)},
        "w": {"S": json.dumps([["text"], False, ""])},
    }
    deployed.invoke("context_matcher", large)


def test_matcher_is_granted_what_it_calls(deployed: Deployed) -> None:
    with recorded(deployed.resources) as calls:
        use_the_matcher(deployed)
    assert calls == granted("ContextMatcherRole")


def queue_event(*messages: Message | Tick) -> Any:
    """Messages as the queues hand them over."""
    bodies = [dump_tick(m) if isinstance(m, Tick) else dump_message(m) for m in messages]
    return {"Records": [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]}


def use_the_sender(deployed: Deployed, receiver: Receiver) -> None:
    """A receiver that takes, refuses, fails and recovers; a body too large for a queue."""
    subscription = deployed.subscribe()
    request = Request("POST", receiver.url, {}, "{}")
    told = Disclosure(Owner(OWNER, OWNER), "room1", "Room", ROOT, ("temperature",))
    message = Message(TENANT, subscription, "a" * 32, "1", now(), request, told, timeout=1)
    store = ParkedStore(aws.client("dynamodb"), deployed.resources["ContextTable"], now)
    large = replace(
        message, request=replace(request, body=json.dumps(random.randbytes(300_000).hex()))
    )
    for status, event in (
        (204, queue_event(store.outsource(large))),
        (400, queue_event(replace(message, sequence="2"))),
        (500, queue_event(replace(message, sequence="3"))),
        (204, queue_event(Tick(TENANT, subscription))),
    ):
        receiver.status = status
        deployed.invoke("context_sender", event)


def test_sender_is_granted_what_it_calls(deployed: Deployed, receiver: Receiver) -> None:
    with recorded(deployed.resources) as calls:
        use_the_sender(deployed, receiver)
    assert calls == granted("ContextSenderRole")
