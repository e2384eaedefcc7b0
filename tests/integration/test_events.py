"""Each file under `events/` is fed to the function its folder is named after.

The files are events as AWS delivers them; `sam local invoke -e` takes the same. What a file must
lead to is written here, so a file without an expectation fails.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.deployed import EVENTS, Deployed, deploy
from tests.receiver import Receiver

SENT_AT = "1795338000000"
"""When the notifications in the files were sent, in milliseconds; replaced by the present."""

RECEIVER = "http://receiver.example"
SUBSCRIPTIONS = ("6740e1a2c3d4e5f601234567", "6740e1a2c3d4e5f601234568")


@dataclass(frozen=True)
class Effect:
    """What an event leads to: messages in queues, requests at the receiver, records to repeat."""

    notified: int = 0
    given_up_changes: int = 0
    given_up_notifications: int = 0
    received: int = 0
    again: int = 0


EXPECTED = {
    "context_matcher/create_entity": Effect(notified=2),
    "context_matcher/update_attribute": Effect(notified=2),
    "context_matcher/add_large_attribute": Effect(notified=2),
    "context_matcher/delete_entity": Effect(notified=2),
    "context_matcher/expire_entity": Effect(),
    "context_matcher/unreadable_record": Effect(notified=2, given_up_changes=1),
    "context_sender/notifications": Effect(received=3),
    "context_sender/tick": Effect(),
    "context_sender/unreadable_message": Effect(received=1, given_up_notifications=1),
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def deployed(
    event_loop: None, context_table: str, security_table: str, monkeypatch: pytest.MonkeyPatch
) -> Deployed:
    """The functions, over the fake AWS."""
    return deploy(context_table, security_table, monkeypatch)


def events(*functions: str) -> list[str]:
    files = [file for function in functions for file in sorted((EVENTS / function).glob("*.json"))]
    return [str(file.relative_to(EVENTS).with_suffix("")) for file in files]


@pytest.mark.parametrize("case", events("context_matcher", "context_sender"))
def test_event_has_its_effect(case: str, deployed: Deployed, receiver: Receiver) -> None:
    text = (EVENTS / f"{case}.json").read_text()
    for written in SUBSCRIPTIONS:
        text = text.replace(written, deployed.subscribe())
    text = text.replace(SENT_AT, str(time.time_ns() // 1_000_000)).replace(RECEIVER, receiver.url)

    answer = deployed.invoke(case.partition("/")[0], json.loads(text))

    assert EXPECTED[case] == Effect(
        notified=deployed.waiting("NotificationQueue"),
        given_up_changes=deployed.waiting("StreamDeadLetterQueue"),
        given_up_notifications=deployed.waiting("NotificationDeadLetterQueue"),
        received=len(receiver.received),
        again=len(answer["batchItemFailures"]),
    )


def test_every_expectation_has_its_file() -> None:
    assert set(EXPECTED) == set(events("context_matcher", "context_sender"))


def test_every_function_has_events() -> None:
    assert {folder.name for folder in EVENTS.iterdir()} == {
        "context_api",
        "context_matcher",
        "context_sender",
        "security_api",
    }
