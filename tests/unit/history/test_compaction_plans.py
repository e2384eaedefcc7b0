"""Which files of a day become one, and when."""

from datetime import date

from city.clock import SECOND
from city.tenancy import Tenant
from history.keeping.compaction import LARGE, MAX_RAW, PATIENCE, plan, whole
from history.store.ledger import Day, File

TODAY = date(2026, 3, 30)
YESTERDAY = date(2026, 3, 29)
NOW = 1_774_828_800 * SECOND


def file(name: str, rows: int = 10) -> File:
    return File(f"history/v1/service=~/type=Room/dt=2026-03-29/{name}.parquet", rows, 100, 0, 1)


def day(of: date, raw: int, *merged: File, clean: bool = False, written: int = NOW) -> Day:
    raws = tuple(file(f"r-{number}") for number in range(raw))
    return Day(Tenant(""), "Room", of, merged + raws, raws, clean=clean, generation=written)


def names(files: tuple[File, ...]) -> list[str]:
    return [one.name for one in files]


def test_raw_files_of_today_become_a_chunk() -> None:
    step = plan(day(TODAY, 3), TODAY, NOW)
    assert step
    assert (len(step.inputs), step.finishes) == (3, False)


def test_one_raw_file_of_today_is_left_alone() -> None:
    assert plan(day(TODAY, 1, file("c-1")), TODAY, NOW) is None


def test_chunks_no_larger_than_what_is_merged_go_along() -> None:
    chunks = file("c-small", 20), file("c-equal", 50), file("c-large", 500)
    step = plan(day(TODAY, 3, *chunks), TODAY, NOW)
    assert step
    assert names(step.inputs) == ["r-0", "r-1", "r-2", "c-small", "c-equal"]


def test_a_day_of_hourly_chunks_has_few_files() -> None:
    files: list[File] = []
    for hour in range(24):
        step = plan(day(TODAY, 60, *files), TODAY, NOW)
        assert step
        rows = sum(one.rows for one in step.inputs)
        files = [one for one in files if one not in step.inputs] + [file(f"c-{hour}", rows)]
    assert len(files) <= 5


def test_a_day_of_the_future_is_not_finished() -> None:
    step = plan(day(date(2026, 4, 2), 3), TODAY, NOW)
    assert step
    assert not step.finishes


def test_a_past_day_becomes_one_file() -> None:
    step = plan(day(YESTERDAY, 1, file("c-1"), file("c-2")), TODAY, NOW)
    assert step
    assert (len(step.inputs), step.finishes) == (3, True)


def test_a_past_day_with_one_raw_file_is_finished_too() -> None:
    step = plan(day(YESTERDAY, 1), TODAY, NOW)
    assert step
    assert step.finishes


def test_a_clean_day_is_as_it_should_be() -> None:
    assert plan(day(YESTERDAY, 0, file("d-1"), clean=True), TODAY, NOW) is None


def test_too_many_raw_files_are_merged_in_steps() -> None:
    step = plan(day(YESTERDAY, MAX_RAW + 1), TODAY, NOW)
    assert step
    assert (len(step.inputs), step.finishes) == (MAX_RAW, False)


def test_a_large_day_is_not_written_anew_for_a_little_that_comes_late() -> None:
    late = day(YESTERDAY, 1, file("d-1", LARGE))
    assert plan(late, TODAY, NOW + PATIENCE - 1) is None


def test_what_came_late_to_a_large_day_is_merged_once_a_day() -> None:
    step = plan(day(YESTERDAY, 1, file("d-1", LARGE)), TODAY, NOW + PATIENCE)
    assert step
    assert step.finishes


def test_much_that_comes_late_is_merged_at_once() -> None:
    step = plan(day(YESTERDAY, 1, file("d-1", LARGE), file("c-1", LARGE // 50)), TODAY, NOW)
    assert step
    assert step.finishes


def test_all_of_a_day_is_written_anew_even_if_it_is_clean() -> None:
    step = whole(day(YESTERDAY, 0, file("d-1"), clean=True), TODAY)
    assert (len(step.inputs), step.finishes) == (1, True)
