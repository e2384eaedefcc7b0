"""Tasks as messages, and what becomes of each."""

from collections.abc import Sequence

import pytest

from city.errors import Malformed, NotFound, Unavailable
from city.tenancy import Tenant
from history.keeping.tasks import (
    BUSY_SECONDS,
    ApplyRetention,
    BuildExport,
    BuildMonth,
    CarryOutDeletion,
    CompactDays,
    Task,
    Worker,
    dump_task,
    parse_task,
)
from history.store.merges import Replaced

COMPACT = CompactDays(Tenant("santander"), "urn:ngsi-ld:Raum", "2026-03-01", "2026-03-29")


class Queue:
    def __init__(self) -> None:
        self.sent: list[tuple[Task, int]] = []

    def send(self, tasks: Sequence[Task], delay: int = 0) -> None:
        self.sent += [(task, delay) for task in tasks]


class Letters:
    def __init__(self, error: Exception | None = None) -> None:
        self.kept: list[tuple[str, str]] = []
        self.error = error

    def put(self, body: str, reason: str) -> None:
        if self.error:
            raise self.error
        self.kept.append((body, reason))


def record(body: str, id: str = "1") -> dict[str, str]:
    return {"messageId": id, "body": body}


def worker(
    outcome: Exception | int | None, letters: Letters | None = None
) -> tuple[Worker, Queue, Letters, list[Task]]:
    queue, letters, done = Queue(), letters or Letters(), list[Task]()

    def do(task: Task) -> int | None:
        done.append(task)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return Worker({CompactDays: do}, queue, letters), queue, letters, done


@pytest.mark.parametrize(
    "task",
    [
        COMPACT,
        BuildMonth(Tenant(""), "Room", "2026-03"),
        CarryOutDeletion(Tenant("t"), "Room", "4711"),
        ApplyRetention(Tenant("t"), "Räume 🏙", "2026-03-30"),
        BuildExport("job"),
    ],
)
def test_tasks_are_read_as_they_were_written(task: Task) -> None:
    assert parse_task(dump_task(task)) == task


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"task":"explode"}',
        '{"task":"compact-days"}',
        '{"task":"compact-days","tenant":"t","type":"T","first":"2026-03-29","last":"soon"}',
        '{"task":"compact-days","tenant":"t","type":7,"first":"2026-03-29","last":"2026-03-29"}',
        '{"task":"build-export","job":"1","extra":"2"}',
    ],
)
def test_what_is_no_task_is_refused(text: str) -> None:
    with pytest.raises((Malformed, ValueError)):
        parse_task(text)


def test_a_task_is_done_once() -> None:
    one, queue, letters, done = worker(None)
    assert one.process([record(dump_task(COMPACT))]) == []
    assert (done, queue.sent, letters.kept) == ([COMPACT], [], [])


def test_a_task_that_is_not_finished_comes_again() -> None:
    one, queue, _, _ = worker(300)
    assert one.process([record(dump_task(COMPACT))]) == []
    assert queue.sent == [(COMPACT, 300)]


def test_a_task_in_somebodys_way_comes_again_and_has_not_failed() -> None:
    one, queue, letters, _ = worker(Replaced("busy"))
    assert one.process([record(dump_task(COMPACT))]) == []
    assert queue.sent == [(COMPACT, BUSY_SECONDS)]
    assert letters.kept == []


def test_a_passing_fault_lets_the_message_come_again() -> None:
    one, _, letters, _ = worker(Unavailable("later"))
    assert one.process([record(dump_task(COMPACT), "7")]) == ["7"]
    assert letters.kept == []


def test_a_lasting_fault_sets_the_task_aside() -> None:
    one, _, letters, _ = worker(NotFound("there is no such object"))
    assert one.process([record(dump_task(COMPACT))]) == []
    assert letters.kept == [(dump_task(COMPACT), "NotFound: there is no such object")]


def test_each_message_is_handled_alone() -> None:
    one, _, letters, done = worker(None)
    bodies = ["poison", dump_task(COMPACT), dump_task(BuildExport("nobody does this"))]
    assert one.process([record(body) for body in bodies]) == []
    assert done == [COMPACT]
    assert [body for body, _ in letters.kept] == [bodies[0], bodies[2]]


def test_what_cannot_be_set_aside_comes_again() -> None:
    one, _, _, _ = worker(None, Letters(Unavailable("later")))
    assert one.process([record("poison", "7")]) == ["7"]
