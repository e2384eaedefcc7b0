"""The page that explains the code names the code there is."""

import re
from pathlib import Path

import pytest

from tests.local_city import ROOT

FUNCTIONS = ROOT / "functions"
POLICY = ROOT / "layers" / "core" / "city" / "policy"
PAGE = (ROOT / "docs" / "architecture.md").read_text()


@pytest.mark.parametrize(
    "module",
    [path for path in sorted((FUNCTIONS / "context").rglob("*.py")) if path.stem != "__init__"],
    ids=lambda path: str(path.relative_to(FUNCTIONS)),
)
def test_every_module_of_the_context_is_on_the_page(module: Path) -> None:
    name = "…_routes" if module.stem.endswith("_routes") else module.stem
    assert f"`{name}`" in PAGE or f"/{name}`" in PAGE


SECURITY = FUNCTIONS / "security"
REPEATED = {"errors": "…/errors", "services": "services"}
"""Modules that several packages have, for the same purpose."""


@pytest.mark.parametrize(
    "module",
    [path for path in sorted(SECURITY.rglob("*.py")) if path.stem != "__init__"],
    ids=lambda path: str(path.relative_to(FUNCTIONS)),
)
def test_every_module_of_security_is_on_the_page_with_its_package(module: Path) -> None:
    name = str(module.relative_to(SECURITY).with_suffix(""))
    if module.stem.endswith("_routes"):
        name = "…_routes"
    assert f"`{REPEATED.get(module.stem, name)}`" in PAGE


HISTORY = FUNCTIONS / "history"


@pytest.mark.parametrize(
    "module",
    [path for path in sorted(HISTORY.rglob("*.py")) if path.stem != "__init__"],
    ids=lambda path: str(path.relative_to(FUNCTIONS)),
)
def test_every_module_of_the_history_is_on_the_page_with_its_package(module: Path) -> None:
    name = str(module.relative_to(HISTORY).with_suffix(""))
    if module.stem.endswith("_routes") or module.stem == "routes":
        name = "…_routes"
    assert f"`{REPEATED.get(module.stem, name)}`" in PAGE


@pytest.mark.parametrize("module", sorted(path.stem for path in POLICY.glob("[a-z]*.py")))
def test_every_module_of_the_policy_is_on_the_page(module: str) -> None:
    assert f"`policy/{module}`" in PAGE


def test_page_names_no_module_that_is_gone() -> None:
    folders = [path for home in (SECURITY, HISTORY) for path in home.iterdir() if path.is_dir()]
    packages = "|".join(path.name for path in folders)
    named = re.findall(rf"`((?:{packages})/\w+)`", PAGE)
    homes = (SECURITY, HISTORY, FUNCTIONS / "context", FUNCTIONS / "context" / "ngsi_v2")
    gone = [name for name in named if not any((home / f"{name}.py").exists() for home in homes)]
    assert not gone
