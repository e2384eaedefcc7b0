"""pandas reads a city's exports as it reads any CSV or Parquet file.

Runs in a virtual environment of its own: `test_pandas.py` starts it with what it needs to know in
the environment.
"""

import io
import os
import time
from typing import Any
from uuid import uuid4

import pandas as pd
import pytest
import requests

TENANT = f"export{uuid4().hex[:8]}"
TIMEOUT = 60
"""Seconds until what was told to the context must be in the history, and until an export is done."""

LEVELS = {
    "2026-01-15T12:00:00Z": 61.5,
    "2026-01-15T13:00:00Z": 0,
    "2026-01-16T12:00:00Z": 2**53 + 1,
}


def send(method: str, path: str, body: Any = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Fiware-Service": TENANT}
    return requests.request(
        method, os.environ["CITY"] + path, json=body, headers=headers, timeout=30
    )


def await_answer(method: str, path: str, body: Any = None, *, until: Any) -> Any:
    """The first answer that is as it should be."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        answer = send(method, path, body)
        if answer.ok and until(answer.json()):
            return answer.json()
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.3)


@pytest.fixture(scope="module")
def history() -> None:
    """One entity with three values on two days, all in the history."""
    for moment, level in LEVELS.items():
        observed = {"type": "DateTime", "value": moment}
        attribute = {"type": "Number", "value": level, "metadata": {"observedAt": observed}}
        body = {"id": "Noise1", "type": "Noise", "level": attribute}
        answer = send("POST", "/v2/entities?options=upsert", body)
        assert answer.ok, answer.text
    path = "/history/v2/entities/Noise1/attrs/level"
    await_answer("GET", path, until=lambda answer: len(answer["index"]) == len(LEVELS))


def exported(**order: str) -> bytes:
    """The file that an order of January ends in."""
    ordered = send("POST", "/history/v1/exports", {"type": "Noise", "month": "2026-01", **order})
    assert ordered.status_code in {200, 202}, ordered.text
    path = f"/history/v1/exports/{ordered.json()['id']}"
    job = await_answer("GET", path, until=lambda job: job["state"] in {"done", "failed"})
    assert job["state"] == "done", job
    file = requests.get(job["link"], timeout=60)
    assert file.status_code == 200, file.text
    content: bytes = file.content
    return content


@pytest.mark.usefixtures("history")
def test_parquet_is_a_frame_with_exact_values() -> None:
    frame = pd.read_parquet(io.BytesIO(exported(format="parquet")))
    frame = frame[frame.attr == "level"].sort_values("ts")
    assert list(frame.ts) == [pd.Timestamp(text.removesuffix("Z")) for text in LEVELS]
    assert list(frame.v_num) == [float(level) for level in LEVELS.values()]
    assert frame.v_json.iloc[-1] == str(2**53 + 1)
    assert set(frame.entity_type) == {"Noise"}


@pytest.mark.usefixtures("history")
def test_csv_is_a_frame_with_a_column_for_the_attribute() -> None:
    frame = pd.read_csv(
        io.BytesIO(exported(format="csv")), parse_dates=["ts"], dtype={"level": str}
    )
    assert [moment.isoformat() for moment in frame.ts.dt.tz_localize(None)] == [
        text.removesuffix("Z") for text in LEVELS
    ]
    assert list(frame.level) == [str(level) for level in LEVELS.values()]


@pytest.mark.usefixtures("history")
def test_long_csv_keeps_the_kind_of_each_value() -> None:
    frame = pd.read_csv(io.BytesIO(exported(format="csv", layout="long")), dtype={"value": str})
    frame = frame[frame.attr == "level"]
    assert dict(zip(frame.value, frame.kind, strict=True)) == {
        "61.5": "number",
        "0": "integer",
        str(2**53 + 1): "integer",
    }
