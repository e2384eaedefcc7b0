"""The background: the schedule looks at every type, and the worker makes the public's files."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from city.tenancy import EVERYWHERE
from history.keeping.chores import chores
from history.keeping.tasks import (
    CarryOutDeletion,
    PublishDataset,
    PublishMonth,
    Task,
    dump_task,
    parse_task,
)
from history.opendata.agenda import queue_publications
from history.settings import CompactSettings
from history.store.ledger import Deletion
from history.store.merges import Merges
from tests.accounts import grant
from tests.integration.open_data import PARK, PLAIN, OpenCity, open_city


class Outbox(list[Task]):
    """Keeps tasks until a test does them."""

    def send(self, tasks: Sequence[Task], delay: int = 0) -> None:  # noqa: ARG002 - as the queue's
        self.extend(tasks)


class Worker:
    """Does tasks as the function does, with what they cause."""

    def __init__(self, city: OpenCity) -> None:
        settings = CompactSettings(
            stage="sandbox",
            history_table=city.services.settings.history_table,
            history_bucket=city.history.bucket,
            security_table=city.security,
            history_task_queue_url="",
            history_task_dead_letter_queue_url="",
            history_settle_seconds=0,
            history_grace_seconds=0,
        )
        self.outbox = Outbox()
        self.doings = chores(settings, self.outbox, city.clock)

    def do(self, *tasks: Task) -> list[Task]:
        """Do tasks and all that follow; the ones that followed."""
        followed: list[Task] = []
        for task in tasks:
            assert parse_task(dump_task(task)) == task
            self.doings[type(task)](task)
            followed += self.outbox
            more, self.outbox[:] = [*self.outbox], []
            followed += self.do(*more)
        return followed


@pytest.fixture
def city() -> Iterator[OpenCity]:
    with open_city() as city:
        city.publish(grant("read", tenant="", types=["NoiseLevel"]))
        city.record("NoiseLevel", "2026-09-10T10:00:00", id="N1")
        city.record("NoiseLevel", "2026-10-10T10:00:00", id="N2")
        city.record("NoiseLevel", "2026-11-10T10:00:00", id="N2")
        city.record("Room", "2026-10-10T10:00:00")
        city.record("Room", "2026-10-10T10:00:00", tenant=PARK)
        yield city


def files(city: OpenCity) -> list[str]:
    """The files for the public."""
    return [key.rpartition("/")[2][:7] for key in city.history.objects.keys("open-data/")]


def test_every_type_of_every_tenant_is_looked_at(city: OpenCity) -> None:
    outbox = Outbox()
    assert queue_publications(city.history.directory, outbox) == 3
    assert outbox == [
        PublishDataset(PLAIN, "NoiseLevel"),
        PublishDataset(PLAIN, "Room"),
        PublishDataset(PARK, "Room"),
    ]


def test_months_that_have_ended_are_made_once(city: OpenCity) -> None:
    worker = Worker(city)
    look = PublishDataset(PLAIN, "NoiseLevel")
    made = worker.do(look)
    assert made == [PublishMonth(PLAIN, "NoiseLevel", m) for m in ("2026-09", "2026-10")]
    assert files(city) == ["2026-09", "2026-09", "2026-10", "2026-10"]
    assert worker.do(look, *made) == []


def test_nothing_is_made_of_what_is_not_public(city: OpenCity) -> None:
    worker = Worker(city)
    assert worker.do(PublishDataset(PLAIN, "Room"), PublishDataset(PARK, "Room")) == []
    worker.do(PublishMonth(PLAIN, "Room", "2026-10"), PublishMonth(PLAIN, "NoiseLevel", "2026-11"))
    assert files(city) == []


def test_a_grant_that_was_taken_back_deletes_the_files(city: OpenCity) -> None:
    worker = Worker(city)
    worker.do(PublishDataset(PLAIN, "NoiseLevel"))
    city.publish()
    assert worker.do(PublishDataset(PLAIN, "NoiseLevel")) == []
    assert files(city) == []


def test_a_type_that_is_forgotten_leaves_no_file(city: OpenCity) -> None:
    worker = Worker(city)
    worker.do(PublishDataset(PLAIN, "NoiseLevel"))
    city.publish(grant("read"))
    city.history.directory.forget_type(PLAIN, "NoiseLevel")
    worker.do(PublishDataset(PLAIN, "NoiseLevel"))
    assert files(city) == []
    assert city.get("/dataset/noise-level").status_code == 404


def test_an_erased_entity_is_in_no_file(city: OpenCity) -> None:
    worker = Worker(city)
    worker.do(PublishDataset(PLAIN, "NoiseLevel"))
    city.clock.now += 1_000_000
    members: Any = (("N1",), EVERYWHERE, None, None, None, city.clock.now, "me")
    Merges(city.history.table, city.clock).put_deletion(
        Deletion(PLAIN, "NoiseLevel", "x1", *members)
    )
    worker.do(CarryOutDeletion(PLAIN, "NoiseLevel", "x1"))
    assert files(city) == ["2026-10", "2026-10"]
    assert city.get("/dataset/noise-level/2026-09.csv").status_code == 404
