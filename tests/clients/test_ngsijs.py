"""ngsijs (JavaScript) drives a city; `ngsijs/session.mjs` says how."""

import os
import shutil
import subprocess

import pytest

from tests.local_city import ROOT, LocalCity

pytestmark = [pytest.mark.sandbox, pytest.mark.clients]

FOLDER = ROOT / "tests/clients/ngsijs"


def test_ngsijs_drives_the_city(local_city: LocalCity) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not on this machine")
    if not (FOLDER / "node_modules").exists():
        pytest.skip("ngsijs is not installed: make test installs it with npm")
    session = subprocess.run(
        [node, FOLDER / "session.mjs"],
        env=os.environ | {"CITY": local_city.url, "TOKEN": local_city.token},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert session.returncode == 0, session.stdout + session.stderr
