"""The page that explains the code names the code there is."""

from pathlib import Path

import pytest

from tests.local_city import ROOT

CONTEXT = ROOT / "functions" / "context"
PAGE = (ROOT / "docs" / "architecture.md").read_text()


@pytest.mark.parametrize(
    "module",
    [path for path in sorted(CONTEXT.rglob("*.py")) if path.stem != "__init__"],
    ids=lambda path: str(path.relative_to(CONTEXT)),
)
def test_every_module_of_the_context_is_on_the_page(module: Path) -> None:
    name = "…_routes" if module.stem.endswith("_routes") else module.stem
    assert f"`{name}`" in PAGE or f"/{name}`" in PAGE
