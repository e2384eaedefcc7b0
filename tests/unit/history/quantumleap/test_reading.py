"""What is asked of the planner, and how names are found; on a planner that answers from a list."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from city.clock import SECOND, from_iso
from city.policy.grants import UNLIMITED, Access, Action, Grant
from city.tenancy import DEFAULT_TENANT, EVERYWHERE, ROOT, PathPattern, ServicePath
from history.quantumleap import parameters as known
from history.quantumleap.parameters import parse
from history.quantumleap.reading import Asked, Entity, Found, Reading, the_one
from history.quantumleap.refusals import Refused
from history.reading.queries import (
    Aggregate,
    Answer,
    Bucket,
    Instance,
    Latest,
    Method,
    Query,
    Report,
    Row,
    Rows,
    Seen,
    Sightings,
)
from history.records import Series

if TYPE_CHECKING:
    from history.reading.planner import Planner
    from history.store.directory import Directory

START = from_iso("2026-10-25T00:00:00Z")
DAY = 86_400 * SECOND
ROOM1, ROOM2 = Series("Room", "Room1", ROOT), Series("Room", "Room2", ROOT)
HALL = Series("Hall", "Hall1", ServicePath("/up/"))
REPORT = Report(engine="list")


def row(series: Series, day: int, **values: float) -> Row:
    return Row(series, START + day * DAY, dict(values))


@dataclass
class ListPlanner:
    """Chooses rows by type, id and attribute; remembers what it was asked."""

    rows: Sequence[Row]
    queries: list[Query] = field(default_factory=list)

    def run(self, query: Query, access: Access) -> Answer[Any]:  # noqa: ARG002
        self.queries.append(query)
        rows = self._chosen(query)
        match query:
            case Rows():
                found: list[Any] = rows[:: -1 if query.newest_first else 1]
                found = found[query.offset :][: query.limit]
            case Aggregate():
                found = [self._bucket(one, name) for one in rows for name in one.values]
            case Latest():
                found = [self._instance(one, name) for one in rows for name in one.values]
            case Sightings():
                found = [Seen(one.series, one.ts) for one in rows]
            case _:
                raise AssertionError(query)
        return Answer(found, REPORT)

    def _chosen(self, query: Query) -> list[Row]:
        choice = query.choice
        chosen = []
        for one in sorted(self.rows, key=lambda one: one.ts):
            names = one.values if choice.attributes is None else choice.attributes
            values = {name: one.values[name] for name in one.values if name in names}
            if (
                values
                and (choice.types is None or one.series.type in choice.types)
                and (choice.ids is None or one.series.id in choice.ids)
            ):
                chosen.append(one._replace(values=values))
        return chosen

    @staticmethod
    def _bucket(one: Row, name: str) -> Bucket:
        value = one.values[name]
        values = dict.fromkeys((Method.MAX, Method.SUM, Method.AVG), value)
        counts = {Method.COUNT: 1, Method.NUMBERS: 1}
        return Bucket(one.series, name, one.ts, one.ts + DAY, {**values, **counts})

    @staticmethod
    def _instance(one: Row, name: str) -> Instance:
        return Instance(one.series, name, "Number", one.ts, one.values[name], {})


class ListDirectory:
    """The series of some rows."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._series = sorted({one.series for one in rows})

    def of_id(self, tenant: str, id: str) -> list[Series]:  # noqa: ARG002
        return [one for one in self._series if one.id == id]

    def types(self, tenant: str) -> list[str]:  # noqa: ARG002
        return sorted({one.type for one in self._series})


class World:
    """A reading over some rows."""

    def __init__(self, *rows: Row) -> None:
        self.planner = ListPlanner(rows)
        directory = ListDirectory(rows)
        self.reading = Reading(cast("Planner", self.planner), cast("Directory", directory))

    def asked(
        self, query: str = "", attribute: str | None = None, access: Access = UNLIMITED
    ) -> Asked:
        parameters = parse(query.encode(), known.ATTRIBUTES, attribute)
        return Asked(access, DEFAULT_TENANT, EVERYWHERE, parameters)

    def entity(self, id: str, query: str = "", attribute: str | None = None) -> Found:
        return self.reading.of_entity(self.asked(query, attribute), id)

    def types(self, query: str = "", attribute: str | None = None) -> Found:
        return self.reading.of_types(self.asked(query, attribute))


def seen_only(*types: str) -> Access:
    grant = Grant("g", frozenset({Action.READ}), DEFAULT_TENANT, types=frozenset(types))
    return Access("somebody", (grant,), 0)


def test_last_n_is_asked_for_newest_first_and_answered_oldest_first() -> None:
    world = World(row(ROOM1, 0, t=1), row(ROOM1, 1, t=2), row(ROOM1, 2, t=3))
    [room] = world.entity("Room1", "lastN=2&offset=1&limit=9").histories
    assert room.attributes == {"t": [1, 2]}
    [query] = world.planner.queries
    assert isinstance(query, Rows)
    assert (query.newest_first, query.limit, query.offset) == (True, 2, 1)


def test_a_page_is_asked_for_oldest_first() -> None:
    world = World(row(ROOM1, 0, t=1), row(ROOM1, 1, t=2), row(ROOM1, 2, t=3))
    [room] = world.entity("Room1", "limit=1&offset=1").histories
    assert room.attributes == {"t": [2]}


def test_the_type_of_an_id_is_found() -> None:
    world = World(row(ROOM1, 0, t=1), row(HALL, 0, t=2))
    assert world.entity("Hall1").histories[0].type == "Hall"
    assert world.planner.queries[0].choice.types == ("Hall",)


def test_an_id_of_several_types_is_refused_unless_the_type_is_said() -> None:
    world = World(row(ROOM1, 0, t=1), row(Series("Car", "Room1", ROOT), 0, t=2))
    with pytest.raises(Refused) as refusal:
        world.entity("Room1")
    assert (refusal.value.status, refusal.value.error) == (400, "AmbiguousNGSIIdError")
    assert world.entity("Room1", "type=car").histories[0].type == "Car"


def test_a_hidden_type_makes_no_id_ambiguous() -> None:
    world = World(row(ROOM1, 0, t=1), row(Series("Car", "Room1", ROOT), 0, t=2))
    asked = world.asked(access=seen_only("Room"))
    assert world.reading.of_entity(asked, "Room1").histories[0].type == "Room"


def test_only_the_scope_makes_an_id_ambiguous() -> None:
    world = World(row(ROOM1, 0, t=1), row(Series("Car", "Room1", HALL.path), 0, t=2))
    asked = world.asked()._replace(scope=(PathPattern(HALL.path, subtree=True),))
    assert world.reading.types_of(asked, "Room1") == ("Car",)


def test_types_are_found_in_another_case() -> None:
    world = World(row(ROOM1, 0, t=1), row(HALL, 0, t=2))
    assert [one.id for one in world.types("type=room").histories] == ["Room1"]
    assert [one.id for one in world.types("type=ROOM,Hall").histories] == ["Hall1", "Room1"]
    assert world.types("type=Roof").histories == []


def test_attributes_are_found_in_another_case_and_called_as_asked() -> None:
    world = World(row(ROOM1, 0, Temp=1, p=2))
    [room] = world.entity("Room1", attribute="temp").histories
    assert room.attributes == {"temp": [1]}
    [room] = world.entity("Room1", "attrs=TEMP,p,none").histories
    assert room.attributes == {"TEMP": [1], "none": [None], "p": [2]}


def test_an_attribute_that_is_there_is_not_looked_for() -> None:
    world = World(row(ROOM1, 0, t=1))
    world.entity("Room1", attribute="t")
    assert len(world.planner.queries) == 1


def test_an_unknown_attribute_is_nothing() -> None:
    world = World(row(ROOM1, 0, t=1))
    assert world.entity("Room1", attribute="q").histories == []
    assert world.entity("Room9").histories == []


def test_aggregates_ask_for_the_newest_buckets() -> None:
    world = World(*(row(ROOM1, day, t=day) for day in range(5)))
    world.entity("Room1", "aggrMethod=max&aggrPeriod=day&lastN=2", "t")
    [query] = world.planner.queries
    assert isinstance(query, Aggregate)
    assert (query.last, query.limit, query.offset) == (2, None, 0)


def test_aggregates_skip_the_newest_with_an_offset() -> None:
    world = World(*(row(series, day, t=day) for series in (ROOM1, ROOM2) for day in range(3)))
    found = world.types("aggrMethod=max&aggrPeriod=day&lastN=3&offset=3&type=Room", "t")
    assert [(one.id, one.attributes["t"]) for one in found.histories] == [
        ("Room1", [0, 1]),
        ("Room2", [0]),
    ]


def test_a_page_of_aggregates_is_cut_by_the_planner() -> None:
    world = World(row(ROOM1, 0, t=1))
    world.types("aggrMethod=avg&aggrPeriod=year&limit=5&offset=2", "t")
    query = world.planner.queries[0]
    assert isinstance(query, Aggregate)
    assert (query.last, query.limit, query.offset) == (None, 5, 2)
    assert query.period is not None


def test_sightings_are_of_all_attributes() -> None:
    world = World(row(ROOM1, 0, t=1), row(ROOM1, 1, p=1), row(HALL, 0, t=2))
    sightings, report = world.reading.sightings(world.asked("type=room"))
    assert sightings == [("Room", "Room1", START + DAY)]
    assert report is REPORT


def test_last_values_of_attributes_in_another_case() -> None:
    world = World(row(ROOM1, 0, Temp=1, p=2))
    found = world.reading.last_values(world.asked("attrs=temp"), [Entity("room", "Room1")])
    assert [one.attribute for one in found[Entity("room", "Room1")]] == ["Temp"]


def test_last_values_take_a_query_for_each_type() -> None:
    world = World(row(ROOM1, 0, t=1), row(ROOM2, 0, t=2), row(HALL, 0, t=3))
    wanted = [Entity("Room", "Room1"), Entity("Hall", "Hall1"), Entity("Room", "Room2")]
    found = world.reading.last_values(world.asked(), [*wanted, Entity("Room", "Room9")])
    assert [[one.value for one in found[entity]] for entity in wanted] == [[1], [3], [2]]
    assert found[Entity("Room", "Room9")] == []
    assert len(world.planner.queries) == 2


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("temp", ["temp", "Temp"], "temp"),
        ("TEMP", ["Temp", "p"], "Temp"),
        ("TEMP", ["temp", "Temp"], "TEMP"),
        ("temp", [], "temp"),
    ],
)
def test_exactly_that_name_or_the_only_one_in_another_case(
    name: str, known: list[str], found: str
) -> None:
    assert the_one(name, known) == found
