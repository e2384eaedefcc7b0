"""Each file under `events/` is fed to the function its folder is named after.

The files are events as AWS delivers them; `sam local invoke -e` takes the same. What a file must
lead to is written here, so a file without an expectation fails.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.deployed import EVENTS, Deployed, deploy
from tests.receiver import Receiver

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SENT_AT = "1795338000000"
"""When the notifications in the files were sent, in milliseconds; replaced by the present."""

RECEIVER = "http://receiver.example"
SUBSCRIPTIONS = ("6740e1a2c3d4e5f601234567", "6740e1a2c3d4e5f601234568")


@dataclass(frozen=True)
class Effect:
    """What an event leads to: messages in queues, requests at the receiver, files in the bucket,
    records to repeat.
    """

    notified: int = 0
    given_up_changes: int = 0
    given_up_notifications: int = 0
    given_up_records: int = 0
    given_up_tasks: int = 0
    received: int = 0
    files: int = 0
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
    "history_archive/create_entity": Effect(files=1),
    "history_archive/update_attribute": Effect(files=1),
    "history_archive/add_large_attribute": Effect(files=1),
    "history_archive/delete_entity": Effect(files=1),
    "history_archive/expire_entity": Effect(files=1),
    "history_archive/unreadable_record": Effect(files=1, given_up_records=1),
    "history_compact/compact_days": Effect(),
    "history_compact/build_month": Effect(),
    "history_compact/unreadable_message": Effect(given_up_tasks=1),
    "history_schedule/clock": Effect(),
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def deployed(
    event_loop: None,
    context_table: str,
    security_table: str,
    history: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Deployed:
    """The functions, over the fake AWS."""
    return deploy(context_table, security_table, monkeypatch, history=history)


def events(*functions: str) -> list[str]:
    files = [file for function in functions for file in sorted((EVENTS / function).glob("*.json"))]
    return [str(file.relative_to(EVENTS).with_suffix("")) for file in files]


BEHIND_THE_SCENES = (
    *("context_matcher", "context_sender"),
    *("history_archive", "history_compact", "history_schedule"),
)
"""The functions that answer no HTTP."""


@pytest.mark.parametrize("case", events(*BEHIND_THE_SCENES))
def test_event_has_its_effect(
    case: str, deployed: Deployed, receiver: Receiver, s3: "S3Client", history_bucket: str
) -> None:
    text = (EVENTS / f"{case}.json").read_text()
    for written in SUBSCRIPTIONS:
        text = text.replace(written, deployed.subscribe())
    text = text.replace(SENT_AT, str(time.time_ns() // 1_000_000)).replace(RECEIVER, receiver.url)

    answer = deployed.invoke(case.partition("/")[0], json.loads(text))

    assert EXPECTED[case] == Effect(
        notified=deployed.waiting("NotificationQueue"),
        given_up_changes=deployed.waiting("StreamDeadLetterQueue"),
        given_up_notifications=deployed.waiting("NotificationDeadLetterQueue"),
        given_up_records=deployed.waiting("ArchiveDeadLetterQueue"),
        given_up_tasks=deployed.waiting("HistoryTaskDeadLetterQueue"),
        received=len(receiver.received),
        files=s3.list_objects_v2(Bucket=history_bucket)["KeyCount"],
        again=len(answer.get("batchItemFailures", [])),
    )


def test_every_expectation_has_its_file() -> None:
    assert set(EXPECTED) == set(events(*BEHIND_THE_SCENES))


def test_every_function_has_events() -> None:
    assert {folder.name for folder in EVENTS.iterdir()} == {
        "context_api",
        "context_matcher",
        "context_sender",
        "history_api",
        "history_archive",
        "history_compact",
        "history_schedule",
        "security_api",
    }
