"""What QuantumLeap's read operations ask the planner, and how names are found.

QuantumLeap lower-cases types and attributes, so its clients may write them in any case. Here a
name means exactly that one, or else the only one that differs from it in case alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from city.policy.grants import Access, View
from city.tenancy import PathScope, Tenant, in_scope
from history.quantumleap import histories
from history.quantumleap.histories import History
from history.quantumleap.parameters import Parameters
from history.quantumleap.refusals import ambiguous, cannot_aggregate
from history.reading.queries import (
    Aggregate,
    Bucket,
    Choice,
    Instance,
    Latest,
    Report,
    Row,
    Rows,
    Sightings,
)
from history.records import Series

if TYPE_CHECKING:
    from history.reading.planner import Planner
    from history.store.directory import Directory

NAMES_ROWS = 100
"""Newest rows in which a name is looked for in another case."""


class Asked(NamedTuple):
    """Who asks for the history of what."""

    access: Access
    tenant: Tenant
    scope: PathScope
    parameters: Parameters

    def choice(self, **members: Sequence[str] | str | None) -> Choice:
        """What is asked for, with other types, ids or attributes."""
        wanted = self.parameters
        choice = Choice(
            self.tenant, wanted.types, wanted.ids, wanted.id_pattern, self.scope, wanted.attributes
        )
        return replace(choice, **members)  # type: ignore[arg-type] # the members of Choice


class Entity(NamedTuple):
    """An entity as a request names it."""

    type: str
    id: str


class Found(NamedTuple):
    """The histories that are the answer, and what reading them cost."""

    histories: list[History]
    report: Report


class Reading:
    """Reads histories through the planner; the directory says which types there are."""

    def __init__(self, planner: "Planner", directory: "Directory") -> None:
        self._planner = planner
        self._directory = directory

    def of_entity(self, asked: Asked, id: str) -> Found:
        """The history of one entity. Raises Refused (400) when the id stands for several types."""
        types = self.types_of(asked, id)
        if len(types) > 1:
            types = tuple(type for type in types if self._is_there(asked, type, id))
        if len(types) > 1:
            raise ambiguous(id, 400)
        return self._read(
            asked._replace(parameters=replace(asked.parameters, types=types, ids=(id,)))
        )

    def of_types(self, asked: Asked) -> Found:
        """The history of entities of types; None are all types."""
        types = self._spelled(asked)
        return self._read(asked._replace(parameters=replace(asked.parameters, types=types)))

    def sightings(self, asked: Asked) -> tuple[list[tuple[str, str, int]], Report]:
        """Type, id and newest time of the entities last observed, a page of them, by id."""
        wanted = asked.parameters
        choice = asked.choice(types=self._spelled(asked), attributes=None)
        query = Sightings(choice, wanted.window, wanted.limit, wanted.offset)
        answer = self._planner.run(query, asked.access)
        return histories.latest(answer.rows), answer.report

    def last_values(self, asked: Asked, entities: Iterable[Entity]) -> dict[Entity, list[Instance]]:
        """The newest instance of each attribute of some entities; a query for each type."""
        found: dict[Entity, list[Instance]] = {entity: [] for entity in entities}
        for type in {entity.type for entity in found}:
            ids = tuple(entity.id for entity in found if entity.type == type)
            parameters = replace(asked.parameters, types=(type,), ids=ids)
            for instance in self._last_values(asked._replace(parameters=parameters)):
                found[Entity(type, instance.series.id)].append(instance)
        return found

    def _last_values(self, asked: Asked) -> Sequence[Instance]:
        types, names = self._spelled(asked), asked.parameters.attributes
        answer = self._planner.run(Latest(asked.choice(types=types)), asked.access)
        if names is None or answer.rows:
            return answer.rows
        choice = asked.choice(types=types, attributes=None)
        every = self._planner.run(Latest(choice), asked.access).rows
        known = {one.attribute for one in every}
        spelled = {the_one(name, known) for name in names}
        return [one for one in every if one.attribute in spelled]

    def types_of(self, asked: Asked, id: str) -> tuple[str, ...]:
        """The types of the entities with this id that the caller sees, or the one it names."""
        named = asked.parameters.types
        found = sorted({series.type for series in self.series_of(asked, id)})
        if named is None:
            return tuple(found)
        return tuple(the_one(name, found) for name in named)

    def series_of(self, asked: Asked, id: str) -> list[Series]:
        """The series with this id that the caller sees, whatever their type."""
        view = asked.access.view(asked.tenant)
        return [
            series
            for series in self._directory.of_id(asked.tenant, id)
            if in_scope(asked.scope, series.path) and view.sees(series.id, series.type, series.path)
        ]

    def _is_there(self, asked: Asked, type: str, id: str) -> bool:
        """Whether an entity has any values; a deleted one is in the directory for a while."""
        choice = asked.choice(types=(type,), ids=(id,), id_pattern=None, attributes=None)
        newest = Rows(choice, limit=1, newest_first=True)
        return bool(self._planner.run(newest, asked.access).rows)

    def _spelled(self, asked: Asked) -> tuple[str, ...] | None:
        """The types that are asked for, as they are spelled here."""
        named = asked.parameters.types
        if named is None:
            return None
        views = [asked.access.view(asked.tenant)]
        known = self._directory.types(asked.tenant)
        return tuple(
            spelled_type(self._directory, asked.tenant, name, known, views) for name in named
        )

    def _read(self, asked: Asked) -> Found:
        """The histories asked for, with attributes as they were called by who asks."""
        found = self._histories(asked)
        named = asked.parameters.attributes
        missing = {name for name in named or () if not _has(found.histories, name)}
        if named is None or not missing:
            return found
        spelled = self._spelled_attributes(asked, missing)
        if not spelled:
            return found
        attributes = tuple(dict.fromkeys(spelled.get(name, name) for name in named))
        again = self._histories(
            asked._replace(parameters=replace(asked.parameters, attributes=attributes))
        )
        return Found(
            [_called(history, named, spelled) for history in again.histories], again.report
        )

    def _spelled_attributes(self, asked: Asked, missing: Iterable[str]) -> dict[str, str]:
        """How attributes are spelled here, of those that are not there as they were called."""
        window = asked.parameters.window  # a short question must not read all there is
        query = Rows(asked.choice(attributes=None), window, limit=NAMES_ROWS, newest_first=True)
        known = {name for row in self._planner.run(query, asked.access).rows for name in row.values}
        spelled = {name: the_one(name, known) for name in missing}
        return {name: other for name, other in spelled.items() if other != name}

    def _histories(self, asked: Asked) -> Found:
        if asked.parameters.method is not None:
            return self._aggregates(asked)
        wanted = asked.parameters
        newest_first = wanted.last is not None
        query = Rows(
            asked.choice(),
            wanted.window,
            wanted.place,
            limit=wanted.rows,
            offset=wanted.offset,
            newest_first=newest_first,
        )
        answer = self._planner.run(query, asked.access)
        rows: Iterable[Row] = reversed(answer.rows) if newest_first else answer.rows
        return Found(histories.of_rows(rows, wanted.attributes), answer.report)

    def _aggregates(self, asked: Asked) -> Found:
        """Aggregates by entity; the newest of them with lastN, of which `offset` are skipped."""
        wanted = asked.parameters
        assert wanted.method is not None
        last = None if wanted.last is None else wanted.rows + wanted.offset
        query = Aggregate(
            asked.choice(),
            histories.needed(wanted.method),
            wanted.period,
            wanted.window,
            wanted.place,
            last=last,
            limit=wanted.limit if last is None else None,
            offset=wanted.offset if last is None else 0,
        )
        answer = self._planner.run(query, asked.access)
        buckets = answer.rows if last is None else _without_newest(answer.rows, wanted.offset)
        if histories.cannot_be_applied(buckets, wanted.method):
            raise cannot_aggregate()
        found = histories.of_buckets(
            buckets, wanted.method, wanted.attributes or (), indexed=wanted.period is not None
        )
        return Found(found, answer.report)


def spelled_type(
    directory: "Directory", tenant: Tenant, name: str, known: Iterable[str], views: Sequence[View]
) -> str:
    """`the_one` of the known types; of several those do not count that no view shows anything of."""
    alike = [one for one in known if one.lower() == name.lower()]
    if len(alike) > 1:
        alike = [one for one in alike if _is_seen(directory.of_type(tenant, one), views)]
    return the_one(name, alike)


def _is_seen(series: Iterable[Series], views: Sequence[View]) -> bool:
    return any(view.sees(one.id, one.type, one.path) for one in series for view in views)


def the_one(name: str, known: Iterable[str]) -> str:
    """The name itself if it is known, else the only known one that differs in case alone."""
    alike = {other for other in known if other.lower() == name.lower()}
    return alike.pop() if len(alike) == 1 and name not in alike else name


def _has(found: Sequence[History], name: str) -> bool:
    """Whether any of the histories has a value of the attribute."""
    return any(value is not None for one in found for value in one.attributes.get(name, ()))


def _called(history: History, named: Iterable[str], spelled: dict[str, str]) -> History:
    """The history with its attributes called as the caller does."""
    values = {name: history.attributes[spelled.get(name, name)] for name in sorted(named)}
    return replace(history, attributes=values)


def _without_newest(buckets: Sequence[Bucket], skipped: int) -> Sequence[Bucket]:
    """The buckets without so many of the newest pairs of entity and bucket."""
    pairs = dict.fromkeys((bucket.start or 0, bucket.series) for bucket in buckets)
    newest = set(sorted(pairs, reverse=True)[:skipped])
    return [bucket for bucket in buckets if (bucket.start or 0, bucket.series) not in newest]
