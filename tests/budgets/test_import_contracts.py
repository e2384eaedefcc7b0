"""The contracts on imports in pyproject.toml name every module they are about."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HTTP = {
    "context": {"api", "application", "matcher", "ngsi_v2", "sender", "services", "settings"},
    "security": {
        *("access", "administration", "api", "application", "bodies", "decisions", "keyrock"),
        *("oauth", "services", "settings"),
    },
}
"""Entry points, and what knows HTTP by its purpose."""


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
    services = {f"{mechanism}.{module}" for module in modules - HTTP[mechanism] - {"__init__"}}
    named = {m for m in held("Services and stores know no HTTP") if m.startswith(f"{mechanism}.")}
    assert {m for m in named if m.count(".") == 1} == services


def test_every_service_of_oauth_is_held_too() -> None:
    modules = {path.stem for path in (ROOT / "functions/security/oauth").glob("*.py")}
    services = modules - {"__init__", "errors", "metadata_routes", "routes"}
    named = held("Services and stores know no HTTP")
    assert {m for m in named if m.startswith("security.oauth.")} == {
        f"security.oauth.{service}" for service in services
    }
