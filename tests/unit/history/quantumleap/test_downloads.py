"""Histories as CSV."""

from typing import TYPE_CHECKING

import pytest

from history.quantumleap.dialects import DIALECTS
from history.quantumleap.downloads import table, wants_csv
from history.quantumleap.histories import History

if TYPE_CHECKING:
    from city.json import Json

TIME = "2026-01-01T00:00:00.000+00:00"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/csv", True),
        ("text/csv, */*;q=0.5", True),
        ("application/json;q=0.9, TEXT/CSV", True),
        ("text/csv;q=0.5, application/json", False),
        ("text/csv;q=0", False),
        ("text/csv;q=high", False),
        ("*/*", False),
        ("text/*", False),
        ("", False),
    ],
)
def test_who_gets_csv(accept: str, wanted: bool) -> None:
    assert wants_csv(accept) == wanted


def test_a_line_for_each_entity_and_time() -> None:
    values: dict[str, list[Json]] = {"t": [21.0, None], "name": ["=1+1", "a,b"]}
    room = History("Room", "Room1", [TIME, TIME], values)
    car = History("Car", "Car1", [TIME], {"km": [9007199254740993]})
    assert table(DIALECTS["1.0.0"], [car, room]).splitlines() == [
        "entityType,entityId,index,km,name,t",
        f"Car,Car1,{TIME},9007199254740993,,",
        f"Room,Room1,{TIME},,'=1+1,21.0",
        f'Room,Room1,{TIME},,"a,b",',
    ]


def test_an_aggregate_over_everything_has_no_time() -> None:
    room = History("Room", "Room1", [], {"t": [1.5]})
    assert table(DIALECTS["1.0.1"], [room]) == "type,id,index,t\r\nRoom,Room1,,1.5\r\n"
