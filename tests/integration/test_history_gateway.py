"""Events of API Gateway (HTTP API, payload format 2.0) as the history's function answers them.

They come from two HTTP APIs: the city's, by routes, and the history's own, which has one for all.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.deployed import Deployed, deploy
from tests.template.stack import resources, translated

EVENTS = Path(__file__).parents[2] / "events" / "history_api"

PROBLEM, JSON, TURTLE = "application/problem+json", "application/json", "text/turtle"

EXPECTED: dict[str, tuple[int, str]] = {
    "catalogue_turtle": (200, TURTLE),
    "ckan_package_list": (200, JSON),
    "ckan_site_read": (200, JSON),
    "comet_attribute_without_token": (401, JSON),
    "notify_without_token": (401, PROBLEM),
    "preflight": (405, PROBLEM),
    "quantumleap_entity_without_token": (401, PROBLEM),
    "quantumleap_entry_points": (200, JSON),
    "quantumleap_time_with_offset": (401, PROBLEM),
    "quantumleap_under_the_city": (200, JSON),
    "quantumleap_version": (200, JSON),
    "retention_forged_key": (401, PROBLEM),
    "unknown_url": (404, PROBLEM),
}


@pytest.fixture
def function(
    event_loop: None,
    context_table: str,
    security_table: str,
    history: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Deployed:
    """The deployed functions, over tables with nothing to find."""
    return deploy(context_table, security_table, monkeypatch, history=history)


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_event_is_answered(name: str, function: Deployed) -> None:
    answer = function.invoke("history_api", event(name))
    media_type = answer["headers"].get("content-type", "").partition(";")[0]
    assert (answer["statusCode"], media_type) == EXPECTED[name]
    assert answer["headers"]["fiware-correlator"]


def test_every_event_has_its_expectation() -> None:
    assert {file.stem for file in EVENTS.glob("*.json")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_event_came_by_a_route_of_the_template(name: str) -> None:
    apis = resources(translated(), "AWS::ApiGatewayV2::Api")
    paths = {path for api in apis.values() for path in api["Body"]["paths"]}
    assert event(name)["routeKey"].removeprefix("ANY ") in paths
