"""Events of API Gateway (HTTP API, payload format 2.0) as the security function answers them.

The gateway hands over form bodies in base64, joins repeated parameters with commas in one place
and keeps them apart in another, and says which of the API's routes a request came by.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.deployed import Deployed, deploy
from tests.template.stack import resources, translated

EVENTS = Path(__file__).parents[2] / "events" / "security_api"

PROBLEM, JSON = "application/problem+json", "application/json"

EXPECTED: dict[str, tuple[int, str]] = {
    "authorize_without_client": (400, JSON),
    "discovery": (200, JSON),
    "evaluate_without_token": (401, JSON),
    "keyrock_alias_without_token": (400, JSON),
    "keyrock_application_unknown_token": (401, JSON),
    "keyrock_decision_forged_token": (401, JSON),
    "keyrock_decision_repeated_parameter": (400, JSON),
    "keyrock_log_in_without_password": (401, JSON),
    "keyrock_root_without_token": (400, JSON),
    "keyrock_users_without_token": (400, JSON),
    "list_grants_forged_key": (401, PROBLEM),
    "list_grants_two_credentials": (401, PROBLEM),
    "preflight": (405, PROBLEM),
    "token_from_json": (400, JSON),
    "token_unknown_client": (401, JSON),
    "unknown_url": (404, PROBLEM),
}


@pytest.fixture
def function(
    event_loop: None, context_table: str, security_table: str, monkeypatch: pytest.MonkeyPatch
) -> Deployed:
    """The deployed functions, over tables with nothing to find."""
    return deploy(context_table, security_table, monkeypatch)


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_event_is_answered(name: str, function: Deployed) -> None:
    answer = function.invoke("security_api", event(name))
    status, media_type = EXPECTED[name]
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (status, media_type)
    assert answer["headers"]["fiware-correlator"]
    assert answer["isBase64Encoded"] is False
    assert json.loads(answer["body"])


def test_every_expectation_has_its_event() -> None:
    assert {*EXPECTED} == {file.stem for file in EVENTS.glob("*.json")}


def test_events_come_by_the_routes_of_the_template() -> None:
    api = resources(translated(), "AWS::ApiGatewayV2::Api")["CityApi"]
    routes = {f"ANY {path}" for path in api["Body"]["paths"]}
    assert {event(name)["routeKey"] for name in EXPECTED} < routes
