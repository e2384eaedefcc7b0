"""Compaction, rollups, deletions and retention, one by one."""

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from city.clock import SECOND
from history.keeping.agenda import Agenda
from history.keeping.backlog import Backlog
from history.keeping.merging import Benches
from history.keeping.tasks import ApplyRetention, BuildMonth, CarryOutDeletion, CompactDays
from history.reading.queries import Window
from history.records import Series
from history.store.merges import HOLD, Replaced
from tests.history_keeping import DAY, HOUR, START, TENANT, TYPE, Died, Keeping, observation

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from history.store.ledger import Holdings

FIRST = date(2026, 3, 30)
SECOND_DAY = date(2026, 3, 31)
GRACE = 900 * SECOND


@pytest.fixture
def keeping(
    dynamodb: "DynamoDBClient", history_table: str, s3: "S3Client", history_bucket: str
) -> Keeping:
    return Keeping(dynamodb, history_table, s3, history_bucket)


def fill(keeping: Keeping, days: int = 1, *, id: str = "a") -> None:
    """Four batches a day, from the first day on, each with two attributes."""
    for number in range(days * 4):
        at = START + number * 6 * HOUR
        records = [
            observation(at, number, id=id, ingested=keeping.now),
            observation(at, f"text {number}", id=id, attribute="note", ingested=keeping.now),
        ]
        keeping.record(records, f"{id} {number}")


def compact(keeping: Keeping, day: date = FIRST) -> None:
    keeping.compaction.compact(TENANT, TYPE, day)


def marks(keeping: Keeping) -> list[str]:
    return [work.what for work in keeping.merges.work()]


def test_today_becomes_a_chunk_and_stays_marked(keeping: Keeping) -> None:
    fill(keeping)
    compact(keeping)
    [day] = keeping.holdings().days
    assert [file.name[0] for file in day.files] == ["c"]
    assert (day.clean, day.rollup) == (False, None)
    assert marks(keeping) == ["2026-03-30"]


def test_a_past_day_becomes_one_sorted_file_with_its_rollup(keeping: Keeping) -> None:
    fill(keeping)
    keeping.now += DAY
    compact(keeping)
    [day] = keeping.holdings().days
    assert day.clean
    assert [file.name[0] for file in day.files] == ["d"]
    assert keeping.hours() == keeping.expected_hours([FIRST])
    assert keeping.visible() == keeping.expected()


def test_replaced_files_stay_until_no_query_can_be_reading_them(keeping: Keeping) -> None:
    fill(keeping)
    keeping.now += DAY
    before = keeping.keys()
    compact(keeping)
    keeping.now += GRACE - 1
    compact(keeping)
    assert before <= keeping.keys()
    keeping.now += 1
    compact(keeping)
    assert keeping.keys() == keeping.named()


def test_a_day_is_done_when_nothing_is_left_to_remove(keeping: Keeping) -> None:
    fill(keeping)
    keeping.now += DAY
    compact(keeping)
    keeping.now += GRACE
    compact(keeping)
    assert "2026-03-30" in marks(keeping)
    compact(keeping)
    assert marks(keeping) == ["m 2026-03"]
    assert not keeping.merges.day(TENANT, TYPE, FIRST).gone


def test_what_comes_while_a_day_is_compacted_leaves_it_marked(keeping: Keeping) -> None:
    fill(keeping)
    keeping.now += DAY
    keeping.work_off()
    token = keeping.merges.token
    late = [observation(START + HOUR, 99, id="late", ingested=keeping.now)]

    def token_then_record(tenant: object, type: object, what: object) -> str | None:
        found = token(TENANT, TYPE, "2026-03-30")
        keeping.record(late, "late")
        return found

    keeping.record([observation(START, 7, id="b", ingested=keeping.now)], "b")
    keeping.merges.token = token_then_record  # type: ignore[method-assign]  # in between
    compact(keeping)
    assert "2026-03-30" in marks(keeping)


def test_late_data_is_merged_into_a_finished_day_and_its_rollup(keeping: Keeping) -> None:
    fill(keeping)
    keeping.now += DAY
    compact(keeping)
    keeping.record([observation(START, -1, seq=2, ingested=keeping.now)], "late")
    assert keeping.visible() == keeping.expected()
    assert not keeping.holdings().days[0].clean
    compact(keeping)
    assert keeping.holdings().days[0].clean
    assert keeping.visible() == keeping.expected()
    assert keeping.hours() == keeping.expected_hours([FIRST])


def test_a_batch_recorded_again_after_its_day_was_compacted_changes_nothing(
    keeping: Keeping,
) -> None:
    fill(keeping)
    keeping.now += DAY
    keeping.work_off()
    fill(keeping)
    assert keeping.visible() == keeping.expected()
    keeping.work_off()
    assert keeping.holdings().days[0].clean
    assert keeping.visible() == keeping.expected()


def test_readers_see_the_same_at_every_step_of_a_compaction(keeping: Keeping) -> None:
    fill(keeping)
    keeping.now += DAY
    seen: list[Holdings] = []

    def look() -> None:
        fate.watch = None
        holdings = keeping.holdings()
        assert keeping.read(holdings) == keeping.expected()
        seen.append(holdings)
        fate.watch = look

    fate = keeping.fate
    fate.watch = look
    compact(keeping)
    fate.watch = None
    assert len(seen) > 10
    for holdings in seen:  # and whoever has looked into the ledger then can still read
        assert keeping.read(holdings) == keeping.expected()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("writes", range(8))
def test_a_process_may_die_anywhere_in_a_compaction(
    keeping: Keeping, writes: int, *, after: bool
) -> None:
    fill(keeping)
    keeping.now += DAY
    keeping.fate.writes, keeping.fate.after = writes, after
    try:
        compact(keeping)
    except Died:
        assert True
    keeping.fate.writes = None
    assert keeping.visible() == keeping.expected()
    keeping.work_off()
    assert keeping.holdings().days[0].clean
    assert keeping.keys() == keeping.named()
    assert keeping.visible() == keeping.expected()


def test_who_finds_somebody_at_work_gives_way(keeping: Keeping) -> None:
    fill(keeping)
    keeping.now += DAY
    keeping.merges.hold_day(keeping.merges.day(TENANT, TYPE, FIRST))
    with pytest.raises(Replaced):
        compact(keeping)
    keeping.now += HOLD
    compact(keeping)
    assert keeping.holdings().days[0].clean


def test_who_was_away_too_long_may_not_switch(keeping: Keeping) -> None:
    fill(keeping)
    keeping.now += DAY
    held = keeping.merges.hold_day(keeping.merges.day(TENANT, TYPE, FIRST), ["d-slow"])
    keeping.now += HOLD
    compact(keeping)
    with pytest.raises(Replaced):
        keeping.merges.switch_day(held, (), None, (), complete=True)
    assert keeping.visible() == keeping.expected()


def test_a_month_that_is_over_gets_one_rollup_of_its_days(keeping: Keeping) -> None:
    fill(keeping, days=2)
    keeping.now += 10 * DAY
    keeping.work_off()
    [month] = keeping.holdings().months
    assert {*month.days} == {FIRST, SECOND_DAY}
    assert keeping.month_hours() == keeping.expected_hours([FIRST, SECOND_DAY])


def test_a_month_waits_for_its_last_day(keeping: Keeping) -> None:
    fill(keeping, days=2)
    keeping.now += 10 * DAY
    compact(keeping, FIRST)
    keeping.months.build(TENANT, TYPE, "2026-03")
    assert keeping.holdings().months == []
    assert "m 2026-03" in marks(keeping)


def test_late_data_makes_a_month_stale_until_it_is_built_anew(keeping: Keeping) -> None:
    fill(keeping, days=2)
    keeping.now += 10 * DAY
    keeping.work_off()
    keeping.record([observation(START, 99, id="b", ingested=keeping.now)], "late")
    compact(keeping)
    assert keeping.month_hours() == {}
    keeping.work_off()
    assert keeping.month_hours() == keeping.expected_hours([FIRST, SECOND_DAY])
    assert keeping.keys() == keeping.named()


def delete(keeping: Keeping, **what: object) -> str:
    """Ask for a deletion, and let a moment pass."""
    window = what.pop("window", None)
    limits = {"window": window} if window else {}
    deletion = keeping.deletions.request(TENANT, [TYPE], by="me", **what, **limits)  # type: ignore[arg-type]  # its own
    keeping.oracle.delete(
        TENANT,
        TYPE,
        ids=deletion.ids,
        scope=deletion.scope,
        attributes=deletion.attributes,
        start=deletion.start,
        end=deletion.end,
        until=deletion.at,
    )
    keeping.now += SECOND
    return deletion.id


def test_a_deletion_is_in_force_before_anything_is_done(keeping: Keeping) -> None:
    fill(keeping)
    fill(keeping, id="b")
    delete(keeping, ids=["a"])
    assert keeping.visible() == keeping.expected()
    [(task, delay)] = keeping.queue.tasks
    assert isinstance(task, CarryOutDeletion)
    assert (marks(keeping), delay) == (["2026-03-30", f"x {task.deletion}"], 0)


@pytest.mark.parametrize("compacted", [False, True])
def test_what_is_deleted_is_in_no_object_any_more(keeping: Keeping, *, compacted: bool) -> None:
    fill(keeping, days=2)
    fill(keeping, days=2, id="b")
    keeping.now += 10 * DAY
    if compacted:
        keeping.work_off()
    id = delete(keeping, ids=["a"])
    assert keeping.erasure.carry_out(TENANT, TYPE, id) is None
    holdings = keeping.holdings()
    assert holdings.deletions == []
    assert keeping.read(holdings) == keeping.expected()
    assert keeping.keys() == keeping.named()
    assert keeping.hours() == keeping.expected_hours([FIRST, SECOND_DAY])
    keeping.work_off()
    assert keeping.month_hours() == keeping.expected_hours([FIRST, SECOND_DAY])


def test_a_deletion_waits_for_what_is_still_being_recorded(keeping: Keeping) -> None:
    fill(keeping)
    id = delete(keeping, ids=["a"])
    slow = replace(keeping.erasure, settle=900)
    assert slow.carry_out(TENANT, TYPE, id) == 900
    keeping.now += 899 * SECOND
    assert slow.carry_out(TENANT, TYPE, id) is None


def test_what_is_recorded_after_a_deletion_stays(keeping: Keeping) -> None:
    fill(keeping)
    keeping.now += DAY
    id = delete(keeping, ids=["a"])
    keeping.record([observation(START, 5, ingested=keeping.now)], "later")
    keeping.erasure.carry_out(TENANT, TYPE, id)
    assert len(keeping.visible()) == 1
    assert keeping.visible() == keeping.expected()
    assert keeping.directory.of_id(TENANT, "a") == [Series(TYPE, "a", "/")]  # type: ignore[arg-type]  # a path


def test_what_was_deleted_does_not_come_back_with_a_late_retry(keeping: Keeping) -> None:
    fill(keeping)
    accepted = keeping.now
    records = [observation(START, 7, id=id, ingested=accepted) for id in ("a", "b")]
    keeping.now += 2 * HOUR
    id = delete(keeping, ids=["a"])
    keeping.erasure.carry_out(TENANT, TYPE, id)
    keeping.now += DAY
    keeping.recorder.record(TENANT, records, "an hour in a dead-letter queue")
    keeping.oracle.accept(TENANT, records[1:])
    assert keeping.visible() == keeping.expected()
    assert keeping.directory.of_id(TENANT, "a") == []
    later = observation(START, 8, ingested=keeping.now)
    keeping.record([later], "new")
    assert keeping.visible() == keeping.expected()


@pytest.mark.parametrize(
    ("start", "end"),
    [(START + HOUR, None), (None, START + 12 * HOUR), (START + DAY, START + DAY + 7 * HOUR)],
)
def test_a_window_is_deleted_and_nothing_else(
    keeping: Keeping, start: int | None, end: int | None
) -> None:
    fill(keeping, days=3)
    keeping.now += 10 * DAY
    keeping.work_off()
    id = delete(keeping, window=Window(start, end))
    assert keeping.visible() == keeping.expected() != set()
    keeping.erasure.carry_out(TENANT, TYPE, id)
    assert keeping.visible() == keeping.expected()
    assert keeping.directory.of_type(TENANT, TYPE) != []


def test_days_that_a_deletion_does_not_touch_are_not_written_anew(keeping: Keeping) -> None:
    fill(keeping, days=2)
    keeping.record([observation(START, 1, id="b", ingested=keeping.now)], "b")
    keeping.now += 10 * DAY
    keeping.work_off()
    generations = {day.date: day.generation for day in keeping.holdings().days}
    keeping.erasure.carry_out(TENANT, TYPE, delete(keeping, ids=["b"]))
    after = {day.date: day.generation for day in keeping.holdings().days}
    assert after[SECOND_DAY] == generations[SECOND_DAY]
    assert after[FIRST] != generations[FIRST]


def test_an_attribute_is_deleted_and_the_others_stay(keeping: Keeping) -> None:
    fill(keeping)
    keeping.now += DAY
    keeping.erasure.carry_out(TENANT, TYPE, delete(keeping, attributes=["note"]))
    assert {one[1] for one in keeping.visible()} == {"NO2"}


def test_a_type_of_which_all_is_deleted_is_forgotten(keeping: Keeping) -> None:
    fill(keeping, days=2)
    keeping.now += 10 * DAY
    keeping.work_off()
    keeping.erasure.carry_out(TENANT, TYPE, delete(keeping))
    assert keeping.keys() == set()
    assert keeping.directory.types(TENANT) == []
    keeping.work_off()
    assert marks(keeping) == []
    assert keeping.keys() == set()
    assert keeping.merges.days(TENANT, TYPE) == []


@pytest.mark.parametrize("writes", range(0, 16, 2))
def test_a_process_may_die_anywhere_in_a_deletion(keeping: Keeping, writes: int) -> None:
    fill(keeping)
    fill(keeping, id="b")
    keeping.now += DAY
    keeping.work_off()
    id = delete(keeping, ids=["a"])
    keeping.fate.writes = writes
    try:
        keeping.erasure.carry_out(TENANT, TYPE, id)
    except Died:
        assert keeping.holdings().deletions
    keeping.fate.writes = None
    assert keeping.visible() == keeping.expected()
    keeping.work_off()
    assert keeping.holdings().deletions == []
    assert keeping.visible() == keeping.expected()
    assert keeping.keys() == keeping.named()
    assert keeping.directory.of_id(TENANT, "a") == []


def test_days_older_than_their_type_is_kept_are_dropped(keeping: Keeping) -> None:
    fill(keeping, days=3)
    keeping.now = START + 5 * DAY + HOUR
    keeping.work_off()
    keeping.retention.put(TENANT, TYPE, 4, "me")
    keeping.expiry.apply(TENANT, TYPE)
    assert [day.date for day in keeping.holdings().days] == [SECOND_DAY, date(2026, 4, 1)]
    assert keeping.holdings().months == []
    assert keeping.keys() == keeping.named()
    keeping.work_off()
    assert keeping.merges.days(TENANT, TYPE) == [SECOND_DAY, date(2026, 4, 1)]


def test_the_default_of_a_tenant_is_for_types_without_a_rule(keeping: Keeping) -> None:
    fill(keeping)
    keeping.now = START + 5 * DAY
    keeping.retention.put(TENANT, "", 1, "me")
    keeping.retention.put(TENANT, TYPE, 100, "me")
    keeping.expiry.apply(TENANT, TYPE)
    assert keeping.holdings().days != []
    keeping.retention.delete(TENANT, TYPE)
    keeping.expiry.apply(TENANT, TYPE)
    assert keeping.holdings().days == []


def agenda(keeping: Keeping) -> Agenda:
    return Agenda(
        keeping.merges, keeping.directory, keeping.retention, keeping.queue, keeping.clock
    )


def test_the_agenda_queues_what_is_marked(keeping: Keeping) -> None:
    fill(keeping, days=3)
    keeping.now = START + 5 * DAY
    compact(keeping)
    compact(keeping, date(2026, 4, 1))
    id = delete(keeping, ids=["a"])
    keeping.queue.tasks.clear()
    agenda(keeping).queue()
    assert {task for task, _ in keeping.queue.tasks} == {
        CompactDays(TENANT, TYPE, "2026-03-30", "2026-04-01"),
        BuildMonth(TENANT, TYPE, "2026-03"),
        CarryOutDeletion(TENANT, TYPE, id),
    }


def test_rules_are_applied_once_a_day_and_when_they_change(keeping: Keeping) -> None:
    fill(keeping)
    keeping.work_off()
    keeping.retention.put(TENANT, "", 400, "me")
    keeping.retention.put(TENANT, "Other", 30, "me")

    def queued() -> set[str]:
        keeping.queue.tasks.clear()
        agenda(keeping).queue()
        return {task.type for task, _ in keeping.queue.tasks if isinstance(task, ApplyRetention)}

    assert queued() == {TYPE, "Other"}
    assert queued() == set()
    keeping.retention.put(TENANT, "Other", 31, "me")
    assert queued() == {"Other"}
    keeping.now += DAY
    assert queued() == {TYPE, "Other"}


def backlog(keeping: Keeping) -> Backlog:
    return Backlog(keeping.compaction, keeping.merges, Benches(), keeping.queue, keeping.clock)


def test_a_task_compacts_the_marked_days_of_its_range(keeping: Keeping) -> None:
    fill(keeping, days=4)
    keeping.now = START + 9 * DAY
    backlog(keeping).work_off(CompactDays(TENANT, TYPE, "2026-03-30", "2026-04-01"))
    assert [day.clean for day in keeping.holdings().days] == [True, True, True, False]


def test_a_day_that_somebody_holds_is_queued_alone_and_holds_up_no_other(keeping: Keeping) -> None:
    fill(keeping, days=3)
    keeping.now = START + 9 * DAY
    keeping.merges.hold_day(keeping.merges.day(TENANT, TYPE, SECOND_DAY))
    keeping.queue.tasks.clear()
    backlog(keeping).work_off(CompactDays(TENANT, TYPE, "2026-03-30", "2026-04-01"))
    assert [day.clean for day in keeping.holdings().days] == [True, False, True]
    alone = CompactDays(TENANT, TYPE, "2026-03-31", "2026-03-31")
    assert [task for task, _ in keeping.queue.tasks] == [alone]
    with pytest.raises(Replaced):
        backlog(keeping).work_off(alone)


def test_a_task_without_time_left_queues_the_rest(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(keeping, days=3)
    keeping.now = START + 9 * DAY
    monkeypatch.setattr("history.keeping.backlog.TURN", -1)
    keeping.queue.tasks.clear()
    backlog(keeping).work_off(CompactDays(TENANT, TYPE, "2026-03-30", "2026-04-01"))
    rest = CompactDays(TENANT, TYPE, "2026-03-31", "2026-04-01")
    assert [task for task, _ in keeping.queue.tasks] == [rest]
    assert [day.clean for day in keeping.holdings().days] == [True, False, False]
