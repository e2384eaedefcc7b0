"""What a request costs in CPU besides the calls to AWS: DESIGN allows a millisecond.

The whole path is measured, from the gateway's event to the answer, token and log line included,
with a table that answers at once. The best of several rounds counts, so that other work on the
machine does not.
"""

import time
from io import StringIO
from json import dumps
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import RSAKey
from mangum import Mangum

from city.http import Correlated
from city.policy import Policy
from city.policy.accounts import Account
from city.policy.keys import SigningKeys
from city.policy.tokens import TokenVerifier
from context.application import create_app
from context.ngsi_v2.access import RULES
from context.services import Services
from tests.accounts import FULL_GRANTS
from tests.integration.api import api_settings

CEILING = 1000
"""Microseconds."""

ROUNDS, REQUESTS = 100, 50

ISSUER = "https://issuer.example/pool"
KEY = RSAKey.generate_key(2048, {"kid": "key-1"})


class Memory:
    """A DynamoDB client whose table has one item and answers at once."""

    def __init__(self) -> None:
        self.item: dict[str, Any] = {}

    def transact_write_items(self, TransactItems: Any) -> None:  # noqa: N803 - the client's name
        self.item = TransactItems[0]["Put"]["Item"]

    def query(self, **_: Any) -> dict[str, Any]:
        return {"Items": [self.item]}

    def put_item(self, Item: Any, **_: Any) -> None:  # noqa: N803
        self.item = Item


@pytest.fixture(scope="module")
def handler(event_loop: None) -> Any:
    settings = api_settings("unused")
    app = create_app(settings).app
    assert isinstance(app, FastAPI)
    keys = SigningKeys(lambda: dumps({"keys": [KEY.as_dict(private=False)]}).encode())
    machine = {"machine-1": Account("machine-1", "application", grants=FULL_GRANTS)}
    app.state.policy = Policy(
        RULES, TokenVerifier(ISSUER, keys).verify, lambda _: machine, lambda _: None
    )
    client: Any = Memory()
    app.state.services = Services(settings, client)
    return Mangum(Correlated(app, Logger(service="cpu", stream=StringIO())), lifespan="off")


def event(method: str, path: str, body: str | None = None) -> dict[str, Any]:
    moment = int(time.time())
    claims = {
        "iss": ISSUER,
        "client_id": "machine-1",
        "token_use": "access",
        "scope": "context/read context/write",
        "iat": moment,
        "exp": moment + 600,
    }
    headers = {
        "authorization": f"Bearer {jwt.encode({'alg': 'RS256', 'kid': 'key-1'}, claims, KEY)}",
        "fiware-service": "smartcity",
        "fiware-servicepath": "/building",
        "host": "city.example",
    }
    if body:
        headers["content-type"] = "application/json"
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "options=keyValues",
        "headers": headers,
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "203.0.113.7"}},
        "body": body,
        "isBase64Encoded": False,
    }


ROOM = dumps(
    {"id": "Room1", "type": "Room", "level": 1} | {f"a{number}": 21.5 for number in range(8)}
)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (event("GET", "/v2/entities/Room1"), 200),
        (event("PATCH", "/v2/entities/Room1/attrs", '{"a1": 23, "a2": 24}'), 204),
        (event("PUT", "/v2/entities/Room1/attrs/level/value", "[1, 2]"), 204),
    ],
    ids=["read", "update", "put value"],
)
def test_single_entity_request_takes_at_most_a_millisecond(
    handler: Any, request_: dict[str, Any], status: int
) -> None:
    assert handler(event("POST", "/v2/entities", ROOM), None)["statusCode"] == 201
    assert handler(request_, None)["statusCode"] == status
    assert any(round_time(handler, request_) <= CEILING for _ in range(ROUNDS))


def round_time(handler: Any, request: dict[str, Any]) -> float:
    """Microseconds of CPU a request takes in one round."""
    started = time.thread_time()
    for _ in range(REQUESTS):
        handler(request, None)
    return (time.thread_time() - started) / REQUESTS * 1e6
