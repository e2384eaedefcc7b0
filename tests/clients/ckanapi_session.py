"""ckanapi and its command, as their users have them from the package index, against a running city.

Runs in a virtual environment of its own: `test_ckanapi.py` starts it with what it needs to know in
the environment.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from ckanapi import NotFound, RemoteCKAN, ValidationError
from ckanapi.errors import SearchQueryError

TYPE = f"Noise{uuid4().hex[:8]}".capitalize()
TENANT = f"open{uuid4().hex[:8]}"
NAME = f"{TENANT}--{TYPE.lower()}"
TIMEOUT = 60
"""Seconds until what was told to the context must be in the history."""


def send(method: str, path: str, body: Any) -> None:
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Fiware-Service": TENANT}
    answer = requests.request(
        method, os.environ["CITY"] + path, json=body, headers=headers, timeout=30
    )
    assert answer.ok, answer.text


@pytest.fixture(scope="module")
def portal() -> Iterator[RemoteCKAN]:
    """A city with a public dataset of a tenant of its own, which has a month that has ended."""
    grant = {"subject": "public", "actions": ["read"], "tenant": TENANT, "types": [TYPE]}
    send("POST", "/access/v1/grants", grant)
    observed = {"type": "DateTime", "value": "2026-01-15T12:00:00Z"}
    level = {"type": "Number", "value": 61.5, "metadata": {"observedAt": observed}}
    send("POST", "/v2/entities", {"id": "Noise1", "type": TYPE, "level": level})
    record = {"title": {"en": "Street noise"}, "keywords": {"en": ["noise"]}, "themes": ["ENVI"]}
    send("PUT", f"/history/v1/datasets/{TYPE}", record)
    with RemoteCKAN(os.environ["CITY"]) as portal:
        deadline = time.monotonic() + TIMEOUT
        while NAME not in portal.action.package_list():
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield portal


def test_datasets_are_listed_shown_and_found(portal: RemoteCKAN) -> None:
    shown = portal.action.package_show(id=NAME)
    assert shown["title"] == "Street noise"
    assert shown["organization"]["name"] == TENANT
    found = portal.action.package_search(q="street", fq=f"organization:{TENANT}", rows=5)
    assert found["count"] == 1
    assert found["results"] == [shown]
    assert portal.call_action("site_read")
    assert TENANT in portal.action.organization_list()
    assert "envi" in portal.action.group_list()


def test_refusals_are_the_errors_of_the_client(portal: RemoteCKAN) -> None:
    with pytest.raises(NotFound):
        portal.action.package_show(id="none")
    with pytest.raises(ValidationError):
        portal.action.package_show()
    with pytest.raises(SearchQueryError):
        portal.action.package_search(fq="secret:x")


@pytest.mark.parametrize("options", [[], ["--get-request"]])
def test_all_datasets_are_dumped(portal: RemoteCKAN, options: list[str]) -> None:
    command = [str(Path(sys.executable).parent / "ckanapi"), "dump", "datasets", "--all"]
    remote = ["-r", os.environ["CITY"], "--quiet", "--processes=2", *options]
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    }
    done = subprocess.run(
        [*command, *remote], capture_output=True, env=environment, timeout=300, check=True
    )
    dumped = {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert dumped[NAME] == portal.action.package_show(id=NAME)
    assert sorted(dumped) == portal.action.package_list()


def test_a_month_is_downloaded(portal: RemoteCKAN) -> None:
    for form, start in (("csv", b"entity_id,"), ("parquet", b"PAR1")):
        answer = requests.get(f"{os.environ['CITY']}/dataset/{NAME}/2026-01.{form}", timeout=60)
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(start)
