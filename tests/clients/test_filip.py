"""FiLiP (Python) drives a city; `filip_session.py` says how."""

import os
import subprocess

import pytest

from tests.local_city import ROOT, LocalCity

pytestmark = [pytest.mark.sandbox, pytest.mark.clients]

PYTHON = ROOT / ".venv-clients/bin/python"
SESSION = ROOT / "tests/clients/filip_session.py"


def test_filip_drives_the_city(local_city: LocalCity) -> None:
    if not PYTHON.exists():
        pytest.skip("FiLiP is not installed: make test installs it into .venv-clients")
    options = ["--noconftest", "-q", "-p", "no:cacheprovider", "-c", os.devnull]
    session = subprocess.run(
        [PYTHON, "-W", "ignore", "-m", "pytest", *options, "--rootdir", SESSION.parent, SESSION],
        env=os.environ | {"CITY": local_city.url, "TOKEN": local_city.token},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert session.returncode == 0, session.stdout + session.stderr
