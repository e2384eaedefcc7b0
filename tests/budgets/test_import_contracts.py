"""The contracts on imports in pyproject.toml name every module they are about."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HTTP = {
    "context": {"api", "application", "matcher", "ngsi_v2", "sender", "services", "settings"},
    "history": {
        *("access", "api", "application", "archive", "comet", "compact", "exports", "facts"),
        *("fitting", "openapi", "opendata", "quantumleap", "schedule", "services", "settings"),
    },
    "security": {
        *("access", "administration", "api", "application", "decisions", "keyrock"),
        *("oauth", "services", "settings"),
    },
}
"""Entry points, and what knows HTTP by its purpose."""

HTTP_OF_APIS: dict[str, set[str]] = {
    "history.comet": {"errors", "facts"},
    "history.exports": set(),
    "history.opendata": {"catalog_answers", "ckan_errors", "facts", "services"},
    "history.quantumleap": {"answers", "errors", "facts", "mounting", "openapi"},
    "security.decisions": {"errors", "facts"},
    "security.keyrock": {"alias", "answers", "errors", "facts"},
    "security.oauth": {"errors"},
}
"""What knows HTTP in packages that have the services of an API beside its routes."""


def held(contract: str) -> set[str]:
    """The modules that a contract is about."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [found] = [c for c in linter["contracts"] if c["name"] == contract]
    return set(found["source_modules"])


@pytest.mark.parametrize("mechanism", HTTP)
def test_every_service_is_held_to_know_no_http(mechanism: str) -> None:
    paths = (ROOT / "functions" / mechanism).iterdir()
    modules = {
        path.stem for path in paths if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    routes = {module for module in modules if module.endswith("routes")}
    services = {f"{mechanism}.{m}" for m in modules - routes - HTTP[mechanism] - {"__init__"}}
    named = {m for m in held("Services and stores know no HTTP") if m.startswith(f"{mechanism}.")}
    assert {m for m in named if m.count(".") == 1} == services


@pytest.mark.parametrize("api", HTTP_OF_APIS)
def test_every_service_of_an_api_is_held_too(api: str) -> None:
    package = ROOT / "functions" / api.replace(".", "/")
    modules = {path.stem for path in package.glob("*.py")}
    routes = {module for module in modules if module.endswith("routes")}
    services = modules - routes - HTTP_OF_APIS[api] - {"__init__"}
    named = held("Services and stores know no HTTP")
    assert {m for m in named if m.startswith(f"{api}.")} == {f"{api}.{one}" for one in services}
