"""Passwords of PEP proxies and IoT agents."""

import time

import pytest

from security.applications import agents
from security.applications.agents import Agents as Service
from security.applications.agents import hash_password, verify_password
from security.store.agents import Agent, AgentKind


class Agents:
    """A store with one agent."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def find(self, id: str) -> Agent | None:
        return self._agent if id == self._agent.id else None


def test_password_verifies_and_others_do_not() -> None:
    kept = hash_password("iot_sensor_secret")
    assert verify_password("iot_sensor_secret", kept)
    for wrong in ("iot_sensor_secreT", "", "iot_sensor_secret ", "x" * 10_000, "\ud800"):
        assert not verify_password(wrong, kept)


def test_hash_is_salted_and_memory_hard() -> None:
    one, other = hash_password("same"), hash_password("same")
    assert one != other
    name, cost, block, *_ = one.split("$")
    assert name == "scrypt"
    assert 128 * int(cost) * int(block) == 16 * 2**20


def test_unknown_id_takes_as_long_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody learns which ids there are."""
    agent = Agent("iot_sensor_1", "app", AgentKind.IOT, hash_password("right"))
    service = Service(Agents(agent), None, None, None)  # type: ignore[arg-type]
    asked: list[str] = []
    derive = agents._derive

    def counted(password: str, *parameters: object) -> bytes:
        asked.append(password)
        return derive(password, *parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(agents, "_derive", counted)
    for id in ("iot_sensor_1", "iot_sensor_2", "alice@city.example"):
        assert service.verify(id, "wrong") is None
    assert asked == ["wrong"] * 3


def test_longest_password_takes_no_longer() -> None:
    kept = hash_password("right")
    started = time.perf_counter()
    assert not verify_password("x" * 5_000_000, kept)
    assert time.perf_counter() - started < 2
