"""When values were observed, by the stream, and what then is late."""

import pytest

from city.clock import SECOND
from city.dates import parse_date
from city.document import Attribute, Entity, Write
from history.recording.observation import last_observed, late_until, observed, time_of_write
from history.records import MILLISECOND
from tests.builders import START
from tests.history_records import created, dated, text, updated

NINE, TEN, ELEVEN = (f"2026-11-22T{hour}:00:00.000Z" for hour in ("09", "10", "11"))


def time_of(entity: Entity, name: str = "temperature") -> tuple[int, str]:
    dated = name not in entity.write.undated
    return observed(entity.attributes[name], time_of_write(entity), dated=dated)


def test_metadata_of_the_attribute_comes_first() -> None:
    room = created(temperature=dated(20, observedAt=NINE, TimeInstant=TEN), dateObserved=text(TEN))
    assert time_of(room) == (parse_date(NINE), "observedAt")
    assert time_of(room, "dateObserved") == (parse_date(TEN), "dateObserved")


@pytest.mark.parametrize(
    ("metadata", "source"),
    [
        ({"TimeInstant": NINE, "timestamp": TEN}, "TimeInstant"),
        ({"timestamp": NINE}, "timestamp"),
        ({"observedAt": "soon", "timestamp": NINE}, "timestamp"),
    ],
)
def test_metadata_that_is_no_date_does_not_count(metadata: dict[str, str], source: str) -> None:
    assert time_of(created(temperature=dated(20, **metadata))) == (parse_date(NINE), source)


@pytest.mark.parametrize(
    ("attributes", "source"),
    [
        ({"TimeInstant": text(NINE), "timestamp": text(TEN)}, "TimeInstant"),
        ({"timestamp": text(NINE), "dateObserved": text(TEN)}, "timestamp"),
        ({"dateObserved": text(NINE)}, "dateObserved"),
        ({"dateObserved": text(f"{NINE}/{TEN}")}, "dateObserved"),
        ({"TimeInstant": Attribute("Number", 5), "dateObserved": text(NINE)}, "dateObserved"),
    ],
)
def test_time_of_the_entity_comes_next(attributes: dict[str, Attribute], source: str) -> None:
    room = created(temperature=20)
    room.attributes |= attributes
    room.write = Write(tuple(room.attributes))
    assert time_of(room) == (parse_date(NINE), source)


def test_time_of_the_entity_counts_only_if_the_write_touched_it() -> None:
    room = updated(created(temperature=20, dateObserved=text(NINE)), temperature=21)
    assert time_of(room) == (room.modified, "modified")


def test_without_any_date_it_is_the_time_of_the_write_in_whole_milliseconds() -> None:
    room = created(temperature=20, at=START + 1999)
    assert time_of(room) == (START + 1000, "modified")


def test_unchanged_value_that_is_written_again_is_observed_again() -> None:
    room = created(temperature=20)
    again = updated(room, temperature=20)
    again.attributes["temperature"].modified = START
    assert time_of(again) == (START + SECOND, "modified")


def test_last_observation_is_known_of_what_was_touched_or_says_so_itself() -> None:
    room = created(temperature=20, pressure=dated(1, observedAt=NINE), dateObserved=text(TEN))
    room = updated(room, dateObserved=text(ELEVEN))
    assert last_observed(room, "dateObserved") == (parse_date(ELEVEN), "dateObserved")
    assert last_observed(room, "pressure") == (parse_date(NINE), "observedAt")
    assert last_observed(room, "temperature") is None


def test_values_in_the_order_of_time_are_not_late() -> None:
    room = created(temperature=dated(20, observedAt=NINE), dateObserved=text(NINE), name="a")
    after = updated(room, temperature=dated(21, observedAt=TEN), dateObserved=text(TEN))
    assert late_until(room, after) == 0
    assert late_until(after, updated(after, temperature=dated(22, observedAt=TEN))) == 0


def test_older_value_is_late_until_the_one_before_it() -> None:
    room = created(temperature=dated(20, observedAt=TEN))
    assert late_until(room, updated(room, temperature=dated(19, observedAt=NINE))) == parse_date(
        TEN
    )


def test_time_of_the_entity_that_goes_back_is_late() -> None:
    room = created(temperature=20, dateObserved=text(TEN))
    assert late_until(room, updated(room, dateObserved=text(NINE))) == parse_date(TEN)


def test_what_is_removed_may_come_back_older() -> None:
    room = created(temperature=dated(20, observedAt=NINE))
    gone = updated(room, temperature=...)
    assert late_until(room, gone) == max(parse_date(NINE), gone.modified)
    assert late_until(room, None) == max(parse_date(NINE), room.modified)


def test_unknown_time_of_the_value_before_is_taken_to_be_its_latest() -> None:
    """The value was last touched by another write: it was observed then or before."""
    room = updated(created(temperature=20, humidity=1), humidity=2)
    dated_back = updated(room, temperature=dated(20, observedAt="2020-01-01T00:00:00.000Z"))
    assert late_until(room, dated_back) == room.modified
    assert late_until(room, updated(room, temperature=21)) == 0


def test_time_that_a_write_kept_from_an_older_value_does_not_count() -> None:
    long_ago = "2020-01-01T00:00:00.000Z"
    room = created(temperature=dated(20, observedAt=long_ago))
    again = updated(room, temperature=dated(21, observedAt=long_ago))
    again.write = Write(("temperature",), undated=("temperature",))
    assert time_of(again) == (again.modified, "modified")
    assert late_until(room, again) == again.modified + MILLISECOND
    assert late_until(again, updated(again, name="hall")) == 0


def test_write_that_names_nothing_is_not_late() -> None:
    room = created(temperature=20)
    same = updated(room)
    same.write = Write(("dateExpires",))
    assert late_until(room, same) == 0
