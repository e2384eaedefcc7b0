"""Which series there are, and what is said of them."""

from city.tenancy import ROOT, ServicePath, Tenant
from history.records import Series
from history.store.directory import Knowledge
from tests.builders import CITY
from tests.history_records import ROOM
from tests.history_store import History

PARK = Series("Room", "room1", ServicePath("/park/"))
HALL = Series("Hall", "room1", ROOT)
OTHER = Tenant("other")


def test_series_are_found_by_type_and_by_id(history: History) -> None:
    history.directory.know(CITY, [ROOM, PARK, HALL])
    assert history.directory.of_type(CITY, "Room") == [ROOM, PARK]
    assert history.directory.of_id(CITY, "room1") == [HALL, ROOM, PARK]
    assert history.directory.types(CITY) == ["Hall", "Room"]


def test_tenants_never_meet(history: History) -> None:
    history.directory.know(CITY, [ROOM])
    assert history.directory.of_type(OTHER, "Room") == []
    assert history.directory.of_id(OTHER, "room1") == []
    assert history.directory.types(OTHER) == []


def test_known_series_are_not_written_again(history: History) -> None:
    history.directory.know(CITY, [ROOM])
    with history.crashing(0):
        history.directory.know(CITY, [ROOM])
        history.restart()
        history.directory.know(CITY, [ROOM])


def test_forgotten_series_is_gone_until_it_comes_again(history: History) -> None:
    history.directory.know(CITY, [ROOM, PARK])
    elsewhere = history.directory
    history.restart()
    history.directory.forget(CITY, [ROOM])
    assert history.directory.of_type(CITY, "Room") == [PARK]
    assert history.directory.of_id(CITY, "room1") == [PARK]
    elsewhere.know(CITY, [ROOM])
    assert history.directory.of_type(CITY, "Room") == [ROOM, PARK]


def test_forgotten_type_is_gone_until_it_comes_again(history: History) -> None:
    history.directory.know(CITY, [ROOM])
    history.directory.forget(CITY, [ROOM])
    history.directory.forget_type(CITY, "Room")
    assert history.directory.types(CITY) == []
    history.directory.know(CITY, [ROOM])
    assert history.directory.types(CITY) == ["Room"]


def test_lateness_grows_and_is_kept_over_restarts(history: History) -> None:
    history.directory.know(CITY, [ROOM, PARK], late={ROOM: 2000})
    history.restart()
    history.directory.know(CITY, [ROOM], late={ROOM: 1000})
    assert history.directory.knowledge(CITY, [ROOM, PARK, HALL]) == {
        ROOM: Knowledge(ROOM, late_until=2000),
        PARK: Knowledge(PARK),
    }
    history.directory.know(CITY, [ROOM], late={ROOM: 3000})
    assert history.directory.knowledge(CITY, [ROOM])[ROOM].late_until == 3000


def test_two_processes_that_know_different_lateness_keep_the_greater(history: History) -> None:
    history.directory.know(CITY, [ROOM])
    elsewhere = history.directory
    history.restart()
    history.directory.know(CITY, [ROOM], late={ROOM: 3000})
    elsewhere.know(CITY, [ROOM], late={ROOM: 2000})
    assert history.directory.knowledge(CITY, [ROOM])[ROOM].late_until == 3000


def test_lateness_is_written_only_when_it_says_more(history: History) -> None:
    history.directory.know(CITY, [ROOM], late={ROOM: 2000}, foreign=True)
    with history.crashing(0):
        history.directory.know(CITY, [ROOM], late={ROOM: 2000}, foreign=True)
        history.restart()
        history.directory.know(CITY, [ROOM], late={ROOM: 1000}, foreign=True)


def test_foreign_series_stay_foreign(history: History) -> None:
    history.directory.know(CITY, [ROOM], foreign=True)
    history.directory.know(CITY, [ROOM])
    assert history.directory.knowledge(CITY, [ROOM])[ROOM].foreign
