"""Every tour in the documentation, run as its reader would run it; `tour.py` has the convention."""

from pathlib import Path

import httpx
import pytest

from tests.docs.tour import run, shows, steps
from tests.local_city import ROOT, LocalCity, free_port

pytestmark = pytest.mark.sandbox

CITY = "http://127.0.0.1:8080"
LISTENER = "9099"
"""Where the pages' city and `make listen` are; those of the tests take their place."""


def pages_with_a_tour() -> list[Path]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [page for page in pages if steps(page.read_text())]


@pytest.mark.parametrize("page", pages_with_a_tour(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_the_page_print_what_it_shows(page: Path, local_city: LocalCity) -> None:
    httpx.post(f"{local_city.url}/_sandbox/reset", timeout=30).raise_for_status()
    text = page.read_text().replace(CITY, local_city.url).replace(LISTENER, str(free_port()))
    tour = steps(text)
    outputs, errors = run(tour, local_city.environment, ROOT, timeout=120)
    for step, printed in zip(tour, outputs, strict=False):
        assert shows(step, printed), f"{page}:{step.line} printed\n{printed}"
    assert len(outputs) == len(tour), f"{page}:{tour[len(outputs)].line} failed\n{errors}"
