"""Batches into files, whatever happens in between."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city.dates import format_date
from city.document import Entity
from city.tenancy import ROOT, Tenant
from history.recording.changes import Change, change_between
from history.recording.recorder import MANY, Batch
from history.records import Series
from tests.builders import CITY, START
from tests.history_oracle import Oracle
from tests.history_records import DAY, ROOM, created, dated, record, updated
from tests.history_store import Crash, History

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Numbered = tuple[int, Change]

TENANTS = count()
"""Every example has a tenant of its own."""

FEW_WRITES = 12
"""About as many writes as the largest batch here makes."""


def test_batch_makes_one_file_per_tenant_type_and_day(history: History) -> None:
    hall = Series("Hall", "hall1", ROOT)
    batch = Batch(
        {
            CITY: [
                record(),
                record(ts=START + 1000),
                record(ts=START + DAY),
                record(series=hall),
            ],
            Tenant("other"): [record()],
        }
    )
    history.recorder.record_all(batch, "batch 1")
    assert len(history.keys()) == 4
    assert len(history.recorded()) == 3
    assert len(history.recorded("Hall")) == 1
    assert len(history.recorded(tenant=Tenant("other"))) == 1


def test_repeated_batch_overwrites_its_files(history: History) -> None:
    batch = Batch({CITY: [record(), record(ts=START + DAY)]})
    history.recorder.record_all(batch, "batch 1")
    keys = history.keys()
    history.restart()
    history.recorder.record_all(batch, "batch 1")
    assert history.keys() == keys
    history.recorder.record_all(batch, "batch 2")
    assert len(history.keys()) == 2 * len(keys)
    assert len(history.recorded()) == 2


def test_batch_over_many_days_goes_on_where_it_ended(history: History) -> None:
    batch = Batch({CITY: [record(ts=START + number * DAY) for number in range(MANY)]})
    with history.crashing(at=3 * MANY // 2), pytest.raises(Crash):
        history.recorder.record_all(batch, "batch 1")
    counted = len(history.recorded())
    assert 0 < counted < MANY
    history.restart()
    with counting(history.s3) as puts:
        history.recorder.record_all(batch, "batch 1")
    assert len(history.recorded()) == MANY
    assert len(puts) <= MANY - counted


@contextmanager
def counting(s3: "S3Client") -> Iterator[list[str]]:
    """The PUTs inside the block."""
    puts: list[str] = []

    def note(model: Any, **_: object) -> None:
        if model.name == "PutObject":
            puts.append(model.name)

    s3.meta.events.register("before-call.s3", note)
    try:
        yield puts
    finally:
        s3.meta.events.unregister("before-call.s3", note)


def test_greatest_sequence_wins_at_one_time(history: History) -> None:
    for source, (value, seq) in enumerate([(20, 2), (21, 3), (19, 1)]):
        history.recorder.record(CITY, [record(value, seq=seq)], f"batch {source}")
    assert [one.value for one in history.recorded().values()] == [21]


@pytest.mark.parametrize("write", range(8))
def test_file_counts_only_when_everything_about_it_is_written(history: History, write: int) -> None:
    """Type, tenant, id, series, what is said of the series, object, dirty day, and the file last."""
    with pytest.raises(Crash), history.crashing(write):
        history.recorder.record(CITY, [record()], "batch 1")
    assert not history.recorded()
    with history.crashing(8):
        history.restart()
        history.recorder.record(CITY, [record()], "batch 1")
    assert len(history.recorded()) == 1


def test_series_that_were_forgotten_while_they_were_recorded_are_known_again(
    history: History,
) -> None:
    history.recorder.record(CITY, [record()], "batch 1")
    register = history.ledger.register

    def forget_meanwhile(*arguments: object) -> None:
        history.directory.forget(CITY, [ROOM])
        register(*arguments)  # type: ignore[arg-type]  # passed on as they came

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history.ledger, "register", forget_meanwhile)
        history.recorder.record(CITY, [record(ts=START + DAY)], "batch 2")
    assert history.directory.of_type(CITY, "Room") == [ROOM]


def history_of(id: str, steps: list[tuple[int, int]]) -> list[Entity]:
    """Versions of one room, each observed so many milliseconds after the start; None ends it."""
    versions: list[Entity] = []
    for moment, value in steps:
        observation = dated(value, observedAt=format_date(START + moment * 1000))
        if versions:
            versions.append(updated(versions[-1], temperature=observation))
        else:
            versions.append(created(id, temperature=observation, humidity=1))
    return versions


STEPS = st.lists(
    st.tuples(st.sampled_from([0, 1, 1000, 86_400_000, -86_400_000, 3_600_000]), st.integers(0, 3)),
    min_size=1,
    max_size=4,
)
FAULTS = st.tuples(st.integers(0, FEW_WRITES), st.booleans(), st.booleans())
"""A write to crash at, whether after it, and whether the batch then comes again in halves."""


@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_interleaving_of_retries_duplicates_and_crashes_gives_the_same_history(
    history: History, data: st.DataObject
) -> None:
    tenant = Tenant(f"t{next(TENANTS)}")
    oracle = Oracle()
    changes = [
        change_between(old, new, START)._replace(tenant=tenant)
        for id in ("room1", "room2")
        for versions in [history_of(id, data.draw(STEPS))]
        for old, new in zip([None, *versions], versions, strict=False)
    ]
    for change in changes:
        oracle.accept(tenant, change.records)
    numbered = list(enumerate(changes))
    order = data.draw(st.permutations(numbered))
    again = data.draw(st.lists(st.sampled_from(numbered), max_size=3))
    waiting = [*_batches(order, data), again]
    while waiting:
        some = waiting.pop(0)
        batch = Batch()
        for _, change in some:
            batch.add(change)
        fault = data.draw(st.none() | FAULTS)
        source = str([number for number, _ in some])
        if fault is None:
            history.recorder.record_all(batch, source)
            continue
        at, afterwards, halved = fault
        try:
            with history.crashing(at, afterwards=afterwards):
                history.recorder.record_all(batch, source)
        except Crash:
            history.restart()
            half = len(some) // 2
            waiting += [some[:half], some[half:]] if halved else [some]
    assert history.recorded(tenant=tenant) == oracle.winners(tenant)
    series = {one.series for one in oracle.winners(tenant)}
    assert set(history.directory.of_type(tenant, "Room")) == series


def _batches(some: list[Numbered], data: st.DataObject) -> list[list[Numbered]]:
    size = data.draw(st.integers(1, max(1, len(some))))
    return [some[start : start + size] for start in range(0, len(some), size)]
