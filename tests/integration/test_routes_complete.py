"""Every route has a rule, every rule a route, and what has no rule is refused."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from context.application import ROUTERS
from context.ngsi_v2.access import RULES
from tests.integration.api import Api, api_settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ROUTES = {
    (method, route.path)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()
}


def framework(api: Api) -> FastAPI:
    application = api.app.app
    assert isinstance(application, FastAPI)
    return application


def test_rules_are_exactly_the_routes() -> None:
    assert set(RULES) == ROUTES


def test_application_has_no_route_besides(shared_api: Api) -> None:
    application = framework(shared_api)
    paths = {context.path for context in iter_route_contexts(application.routes)}
    assert paths == {path for _, path in RULES}


@pytest.mark.parametrize("way", ["decorator", "router"])
def test_route_without_a_rule_is_refused_whoever_adds_it(
    context_table: str, dynamodb: "DynamoDBClient", way: str
) -> None:
    api = Api(api_settings(context_table), dynamodb)
    application = framework(api)
    ran = []

    async def forgotten() -> str:
        ran.append("forgotten")
        return "secret"

    if way == "decorator":
        application.get("/v2/forgotten")(forgotten)
    else:
        router = APIRouter(prefix="/v2")
        router.get("/forgotten")(forgotten)
        application.include_router(router)
    assert api.refused("GET", "/v2/forgotten") == (
        403,
        "Forbidden",
        "no rule allows this operation",
    )
    assert ran == []
    api.close()


def description(api: Api) -> dict[str, Any]:
    answer = api.get("/openapi.json")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def test_description_covers_every_operation_of_the_api(shared_api: Api) -> None:
    described = {
        (method.upper(), path)
        for path, operations in description(shared_api)["paths"].items()
        for method in operations
    }
    assert described == set(RULES) - {("GET", "/docs"), ("GET", "/openapi.json")}


def test_description_names_every_part_of_a_path_and_what_a_token_needs(shared_api: Api) -> None:
    for path, operations in description(shared_api)["paths"].items():
        for method, operation in operations.items():
            parts = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert parts == {part[1:-1] for part in path.split("/") if part.startswith("{")}
            scope = RULES[method.upper(), path].scope
            assert operation["security"] == ([{"token": [scope]}] if scope else [])
            has_body = method in {"post", "put", "patch"}
            assert ("requestBody" in operation) == has_body, (method, path)


def test_example_bodies_are_accepted(api: Api) -> None:
    paths = description(api)["paths"]

    def send(method: str, path: str) -> httpx.Response:
        body = paths[path][method.lower()]["requestBody"]["content"]["application/json"]["example"]
        url = path.replace("{entity_id}", "Room1").replace("{attribute}", "temperature")
        return api(method, url, json=body)

    for method, path in (
        ("POST", "/v2/entities"),
        ("POST", "/v2/entities/{entity_id}/attrs"),
        ("PATCH", "/v2/entities/{entity_id}/attrs"),
        ("PUT", "/v2/entities/{entity_id}/attrs"),
        ("PUT", "/v2/entities/{entity_id}/attrs/{attribute}"),
        ("PUT", "/v2/entities/{entity_id}/attrs/{attribute}/value"),
        ("POST", "/v2/op/update"),
        ("POST", "/v2/op/query"),
        ("POST", "/v2/op/notify"),
        ("POST", "/v2/subscriptions"),
    ):
        answer = send(method, path)
        status = next(iter(paths[path][method.lower()]["responses"]))
        assert str(answer.status_code) == status, (method, path, answer.text)


def test_documentation_is_a_page(shared_api: Api) -> None:
    answer = shared_api.get("/docs", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "openapi.json" in answer.text


def test_service_tells_version_and_entry_points(shared_api: Api) -> None:
    assert shared_api.get("/version").json()["orion"]["version"] == "4.2.0"
    assert shared_api.get("/v2").json() == {
        "entities_url": "/v2/entities",
        "types_url": "/v2/types",
        "subscriptions_url": "/v2/subscriptions",
        "registrations_url": "/v2/registrations",
    }
    assert shared_api.get("/statistics").json()["uptime_in_secs"] >= 0
