"""Events of API Gateway (HTTP API, payload format 2.0) as the API function answers them.

The gateway lower-cases header names, folds repeated headers with commas, hands cookies apart, and
decodes every escape in a path but `%25`.
"""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from city.aws import client
from tests.deployed import Deployed, deploy
from tests.integration.api import Api, api_settings

EVENTS = Path(__file__).parents[2] / "events" / "context_api"

BAD = "BadRequest"
COMPRESSED = "read_compressed"
LONG = "A library with a garden. " * 400

EXPECTED: dict[str, tuple[int, Any]] = {
    "create_entity": (201, None),
    "create_entity_base64": (201, None),
    "update_attributes": (204, None),
    "put_text_value": (204, None),
    "delete_entity": (204, None),
    "read_entity_with_colons": (200, {"id": "urn:ngsi-ld:Room:1", "type": "Room"}),
    "read_entity_with_percent_sign": (200, {"id": "50%off", "type": "Room"}),
    "read_entity_with_slash": (400, BAD),
    "read_entity_with_space": (400, BAD),
    "read_entity_beyond_ascii": (400, BAD),
    "read_value_beyond_ascii": (200, '"Süd"'),
    "list_entities_repeated_parameters": (
        200,
        [{"id": "Room1", "type": "Room", "temperature": 21, "name": "Süd"}],
    ),
    "list_entities_folded_headers": (200, [["bench"]]),
    "list_entities_two_tokens": (401, "Unauthorized"),
    "preflight": (405, "MethodNotAllowed"),
    "unknown_url": (400, BAD),
    "post_without_body": (411, "ContentLengthRequired"),
}


@pytest.fixture
def function(
    event_loop: None, context_table: str, security_table: str, monkeypatch: pytest.MonkeyPatch
) -> Deployed:
    """The deployed functions; the table has what the events ask for."""
    api = Api(api_settings(context_table), client("dynamodb"))
    api.create("Room1", temperature=21, name="Süd")
    api.create("urn:ngsi-ld:Room:1")
    api.create("50%off")
    api.create("Library1", description=LONG)
    api.create("Bench1", path="/parks/north", kind="bench")
    api.close()
    return deploy(context_table, security_table, monkeypatch, is_open=True)


@pytest.mark.parametrize("name", EXPECTED)
def test_event_is_answered(name: str, function: Deployed) -> None:
    answer = function.invoke("context_api", json.loads((EVENTS / f"{name}.json").read_text()))
    status, body = EXPECTED[name]
    assert answer["statusCode"] == status
    assert answer["isBase64Encoded"] is False
    assert answer["headers"]["fiware-correlator"]
    if body is None:
        assert answer["body"] == ""
    elif answer["headers"]["content-type"] != "application/json":
        assert answer["body"] == body
    elif status == 200:
        assert json.loads(answer["body"]) == body
    else:
        assert json.loads(answer["body"])["error"] == body


def test_large_answer_is_compressed_for_those_who_accept_it(function: Deployed) -> None:
    event = json.loads((EVENTS / f"{COMPRESSED}.json").read_text())
    answer = function.invoke("context_api", event)
    assert answer["isBase64Encoded"] is True
    assert answer["headers"]["content-encoding"] == "gzip"
    assert len(answer["body"]) < len(LONG) // 10
    body = json.loads(gzip.decompress(base64.b64decode(answer["body"])))
    assert body["description"]["value"] == LONG

    del event["headers"]["accept-encoding"]
    plain = function.invoke("context_api", event)
    assert plain["isBase64Encoded"] is False
    assert json.loads(plain["body"]) == body


def test_every_expectation_has_its_event() -> None:
    assert {*EXPECTED, COMPRESSED} == {file.stem for file in EVENTS.glob("*.json")}
