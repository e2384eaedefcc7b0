"""Runs a session of a third-party client in its own environment against a running city."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.local_city import ROOT, LocalCity

FOLDER = ROOT / "tests/clients"
PYTHON = ROOT / ".venv-clients/bin/python"
ADMINISTRATOR = "admin@city.example"


def facts(city: LocalCity) -> dict[str, str]:
    """What a client has to know of a city, as environment variables.

    CITY, HISTORY (QuantumLeap at the root) and AWS are addresses; MACHINE_ID and MACHINE_SECRET are the client of `city token`, which
    may do everything; LOGIN_ID is the public client, CALLBACK where it returns to, USERNAME and
    PASSWORD the administrator's.
    """
    outputs = city.outputs
    cognito = city.aws("cognito-idp")
    machine, login = (
        cognito.describe_user_pool_client(UserPoolId=outputs["UserPoolId"], ClientId=outputs[name])
        for name in ("ClientId", "LoginClientId")
    )
    return {
        "CITY": city.url,
        "HISTORY": city.history_url,
        "AWS": cognito.meta.endpoint_url,
        "TOKEN": city.token,
        "POOL": outputs["UserPoolId"],
        "MACHINE_ID": machine["UserPoolClient"]["ClientId"],
        "MACHINE_SECRET": machine["UserPoolClient"]["ClientSecret"],
        "LOGIN_ID": login["UserPoolClient"]["ClientId"],
        "CALLBACK": login["UserPoolClient"]["CallbackURLs"][0],
        "USERNAME": ADMINISTRATOR,
        "PASSWORD": (city.state / "admin-password").read_text(),
    }


def run_python(city: LocalCity, session: str) -> None:
    """Run a file of tests with the clients' own Python; fail with what it prints."""
    if not PYTHON.exists():
        pytest.skip("the clients are not installed: make test installs them into .venv-clients")
    file = FOLDER / session
    options = ["--noconftest", "-q", "-p", "no:cacheprovider", "-c", os.devnull]
    _run([PYTHON, "-W", "ignore", "-m", "pytest", *options, "--rootdir", FOLDER, file], city)


def run_node(city: LocalCity, session: str) -> None:
    """Run a file of tests with Node and the packages beside it; fail with what it prints."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not on this machine")
    file = FOLDER / session
    if not (file.parent / "node_modules").exists():
        pytest.skip(f"{file.parent.name}: its packages are not installed: make test does with npm")
    _run([node, "--no-deprecation", file], city)


def _run(command: list[str | Path], city: LocalCity) -> None:
    session = subprocess.run(
        command,
        env=os.environ | facts(city),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert session.returncode == 0, session.stdout + session.stderr
