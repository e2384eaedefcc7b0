"""Which files hold which days."""

from datetime import date
from typing import TYPE_CHECKING

from city.keys import key
from city.tenancy import EVERYWHERE, PathPattern, ServicePath, Tenant
from history.names import day_key
from history.store.ledger import Deletion, File, Holdings, partition_of
from tests.builders import CITY, START
from tests.history_oracle import EVER
from tests.history_store import History

if TYPE_CHECKING:
    from city.dynamodb import Row

FIRST, SECOND, THIRD = (date(2026, 9, day) for day in (21, 22, 23))


def file(name: str, day: date = FIRST, tenant: Tenant = CITY) -> File:
    return File(day_key(tenant, "Room", day, name), 10, 1000, START, START + 1000)


def held(history: History, first: date = EVER[0], last: date = EVER[1]) -> Holdings:
    return history.ledger.days(CITY, "Room", first, last)


def merge(history: History, day: date, *, into: list[str], merged: set[str]) -> None:
    """Write a day's row as compaction does."""
    history.table.put(
        {
            "pk": partition_of(CITY, "Room"),
            "sk": day.isoformat(),
            "k": "D",
            "files": {name: [10, 1000, START, START + 1000] for name in into},
            "gone": dict.fromkeys(merged, START),
            "n": 3,
            "complete": len(into) == 1,
            "rollup": {"name": "h-1", "bytes": 50},
        }
    )


def test_registered_file_counts_for_its_day(history: History) -> None:
    history.ledger.register(CITY, "Room", FIRST, file("r-1"))
    (day,) = held(history).days
    assert (day.date, day.files, day.raw) == (FIRST, (file("r-1"),), (file("r-1"),))
    assert (day.clean, day.rollup, day.generation) == (False, None, 0)
    assert day.size == 1000
    assert day.files[0].name == "r-1"


def test_registering_again_changes_nothing_but_the_mark(history: History) -> None:
    history.ledger.register(CITY, "Room", FIRST, file("r-1"))
    before = held(history)
    marks = [row["token"] for row in history.table.every("dirty")]
    history.ledger.register(CITY, "Room", FIRST, file("r-1"))
    assert held(history) == before
    assert [row["token"] for row in history.table.every("dirty")] != marks


def test_only_the_days_asked_for_are_held(history: History) -> None:
    for day in (FIRST, SECOND, THIRD):
        history.ledger.register(CITY, "Room", day, file("r-1", day))
    assert [day.date for day in held(history, SECOND, THIRD).days] == [SECOND, THIRD]
    assert [day.date for day in held(history, FIRST, FIRST).days] == [FIRST]


def test_tenants_and_types_never_meet(history: History) -> None:
    history.ledger.register(CITY, "Room", FIRST, file("r-1"))
    for tenant, type in ((Tenant("other"), "Room"), (CITY, "Hall"), (CITY, "room")):
        assert history.ledger.days(tenant, type, *EVER).days == []
        assert history.ledger.span(tenant, type) is None


def test_merged_files_take_the_place_of_raw_ones(history: History) -> None:
    for name in ("r-1", "r-2"):
        history.ledger.register(CITY, "Room", FIRST, file(name))
    merge(history, FIRST, into=["d-1"], merged={"r-1"})
    (day,) = held(history).days
    assert [one.name for one in day.files] == ["d-1", "r-2"]
    assert [one.name for one in day.raw] == ["r-2"]
    assert not day.clean
    merge(history, FIRST, into=["d-1"], merged={"r-1", "r-2"})
    (day,) = held(history).days
    assert [one.name for one in day.files] == ["d-1"]
    assert (day.clean, day.generation) == (True, 3)
    assert day.rollup is not None
    assert day.rollup.key == day_key(CITY, "Room", FIRST, "h-1")


def test_day_of_several_files_is_not_clean(history: History) -> None:
    merge(history, FIRST, into=["c-1", "c-2"], merged=set())
    assert not held(history).days[0].clean


def test_day_without_files_is_not_held(history: History) -> None:
    merge(history, FIRST, into=[], merged=set())
    assert held(history).days == []


def test_span_reaches_from_the_first_to_the_last_day(history: History) -> None:
    for day in (THIRD, FIRST):
        history.ledger.register(CITY, "Room", day, file("r-1", day))
    history.table.put({"pk": partition_of(CITY, "Room"), "sk": "m 2026-09", "k": "M"})
    assert history.ledger.span(CITY, "Room") == (FIRST, THIRD)


def test_months_are_held_when_asked_for(history: History) -> None:
    history.table.put(
        {
            "pk": partition_of(CITY, "Room"),
            "sk": "m 2026-09",
            "k": "M",
            "name": "m-1",
            "bytes": 70,
            "days": {"2026-09-21": 3},
        }
    )
    assert held(history).months == []
    (month,) = history.ledger.days(CITY, "Room", FIRST, THIRD, months=True).months
    assert (month.month, month.days, month.file.size) == ("2026-09", {FIRST: 3}, 70)
    assert history.ledger.days(CITY, "Room", *(date(2026, 8, 1),) * 2, months=True).months == []


def test_deletions_in_force_come_with_every_range(history: History) -> None:
    row: Row = {"pk": partition_of(CITY, "Room"), "k": "X", "at": 7, "by": "user:bob"}
    history.table.put({**row, "sk": "x 1", "ids": ["room1"], "scope": [["/a/", True]]})
    history.table.put({**row, "sk": "x 2", "attrs": ["temperature"], "start": 1, "end": 2})
    scope = (PathPattern(ServicePath("/a/"), subtree=True),)
    by = "user:bob"
    assert held(history).deletions == [
        Deletion(CITY, "Room", "1", ("room1",), scope, None, None, None, 7, by),
        Deletion(CITY, "Room", "2", None, EVERYWHERE, ("temperature",), 1, 2, 7, by),
    ]


def test_dirty_day_is_marked_by_tenant_type_and_day(history: History) -> None:
    history.ledger.register(CITY, "Room", FIRST, file("r-1"))
    assert [row["sk"] for row in history.table.every("dirty")] == [
        key(CITY, "Room", FIRST.isoformat())
    ]
