"""`make demo` against a running city, and the queries it recommends."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from sandbox.demo.observations import SAN_FRANCISCO, hours
from tests.local_city import ROOT, LocalCity, free_port

pytestmark = pytest.mark.sandbox


def demo(environment: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "sandbox.demo", *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_says_how_to_start_a_city_when_none_answers(local_city: LocalCity) -> None:
    outcome = demo(local_city.environment | {"PORT": str(free_port())})
    assert outcome.returncode == 1
    assert "Start one with `make run`" in outcome.stderr


def test_every_warm_hour_is_notified_and_every_query_answered(
    local_city: LocalCity, tmp_path: Path
) -> None:
    environment = local_city.environment | {"COLUMNS": "100"}
    outcome = demo(environment, "--hours", "40", "--past", "240", "--charts", str(tmp_path))
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    figures, _, queries = outcome.stdout.partition("Queries to try:")
    assert "notifications due" in figures
    commands = [block for block in queries.split("\n\n") if "curl" in block]
    answers = [_ask(command, environment | {"TOKEN": local_city.token}) for command in commands]
    types, latest, snow, august, near, months = answers
    assert types[0]["count"] == 1463
    assert latest["dateObserved"] == "2010-01-02T23:00:00.000Z"
    assert [day["precipitation"] for day in snow] == [23.9, 22.6, 19.8]
    assert all(day["dayMaximum"]["temperature"] > 30 for day in august)
    assert [station["id"] for station in near] == ["urn:ngsi-ld:WeatherObserved:SanFrancisco"]
    assert [start[:7] for start in months["index"]] == ["2010-01"]
    assert months["values"] == [pytest.approx(fmean(san_francisco(240)))]
    charts = sorted(tmp_path.glob("*.png"))
    assert [chart.name for chart in charts] == [
        "history-rain.png",
        "history-week.png",
        "history-year.png",
    ]
    assert all(chart.stat().st_size < 100_000 for chart in charts)


def san_francisco(limit: int) -> list[float]:
    return [observation.temperature for observation in hours(SAN_FRANCISCO, limit)]


def _ask(command: str, environment: dict[str, str]) -> Any:
    return json.loads(
        subprocess.run(
            ["bash", "-c", command], env=environment, capture_output=True, check=True
        ).stdout
    )
