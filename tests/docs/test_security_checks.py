"""The checklists name tests; here it is that they exist, with the cases that are named."""

import re
from collections.abc import Collection
from pathlib import Path

import pytest

from tests.integration.test_token_attacks import REQUESTS
from tests.tokens import FORGED
from tests.unit.city.test_policy import REVOKED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security-checks.md").read_text()

CASES: dict[str, Collection[str]] = {
    "test_token_that_is_not_exactly_right_is_refused_without_reason": FORGED,
    "test_forged_credential_is_401_with_the_one_answer": REQUESTS,
    "test_good_token_of_a_revoked_subject_is_refused_everywhere": REVOKED,
}
"""Tables of cases by the test that runs them; the cases of other tests are looked for as text."""

DEFINED = {
    name: file
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
}

ROWS = [line for line in PAGE.splitlines() if line.startswith("|") and "`" in line]


def named(row: str) -> list[tuple[str, str | None]]:
    """Tests and cases of a row; a case alone belongs to the test before it."""
    found: list[tuple[str, str | None]] = []
    for text in re.findall(r"`((?:test_\w+)?(?:\[[^`]+\])?)`", row):
        test, _, case = text.removesuffix("]").partition("[")
        found.append((test or found[-1][0], case or None))
    return found


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[2].strip()[:60] for row in ROWS])
def test_named_tests_exist(row: str) -> None:
    tests = named(row)
    assert tests, "a row names a test or says why there is none"
    for test, case in tests:
        assert test in DEFINED
        if case is not None:
            assert case in CASES.get(test, ()) or case in DEFINED[test].read_text(), (test, case)


def test_every_row_says_something() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("|")]
    assert all(cell.strip() for row in rows for cell in row.strip("|").split("|"))
    assert len(ROWS) >= 35


@pytest.mark.parametrize("page", ["security.md", "decisions.md"])
def test_tests_that_a_page_names_exist(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    assert set(re.findall(r"`(test_\w+)`", text)) <= DEFINED.keys()


def test_every_requirement_of_the_framework_names_a_test() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    requirements = re.findall(r"^\| (S\d+) \|.*\| .*`test_\w+`.* \|$", text, re.MULTILINE)
    assert requirements == [f"S{number}" for number in range(1, 17)]
