"""The linter sets a region of its own for the process; the tests after these keep theirs."""

import os

import pytest


@pytest.fixture(autouse=True)
def _same_region_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", os.environ["AWS_DEFAULT_REGION"])
