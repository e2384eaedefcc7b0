"""From what is asked for and what the caller may see to what is read: series and attributes.

A selection is exact: reading it gives what reading everything and leaving out the hidden afterwards
would give. Series come from the directory wherever more than types and paths decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from city.parallel import in_parallel
from city.policy.grants import View
from city.regex import compile_pattern
from city.tenancy import PathPattern, PathScope, ServicePath, Tenant, in_scope
from history.reading.queries import Choice
from history.records import Series
from history.store.directory import Directory

ENTITY = ""
"""Stands for the entity itself where an attribute is named: its end is recorded under it."""


class Names(NamedTuple):
    """Which attributes: `only` these (None: all) and not those in `hidden`."""

    only: frozenset[str] | None = None
    hidden: frozenset[str] = frozenset()

    @property
    def is_nothing(self) -> bool:
        """Whether it is no attribute at all."""
        return self.only is not None and not self.only


LOCATION = "location"
"""Whoever may read the attribute of this name may know where an entity was."""


@dataclass(frozen=True, slots=True)
class Part:
    """Entities of one type in a scope, and the attributes to be read of them; `ids` None: all.

    `located`: whether it may be told where they were, which every row of theirs says.
    """

    type: str
    ids: tuple[str, ...] | None
    scope: PathScope
    names: Names
    located: bool = True


@dataclass(frozen=True, slots=True)
class Selection:
    """What a query reads: parts that have no series in common.

    `series` are all that are meant if they are known, and None when whole types are.
    """

    tenant: Tenant
    parts: tuple[Part, ...]
    datasets: tuple[str, ...] | None
    series: tuple[Series, ...] | None

    @property
    def types(self) -> list[str]:
        """The types to read."""
        return sorted({part.type for part in self.parts})

    @property
    def attribute(self) -> str | None:
        """The only attribute that is read, if there is just one."""
        names = {part.names.only for part in self.parts}
        only = names.pop() if len(names) == 1 else None
        return next(iter(only)) if only is not None and len(only) == 1 else None

    def of_located(self) -> "Selection":
        """What is left of it for a question about places."""
        parts = tuple(part for part in self.parts if part.located)
        return replace(self, parts=parts, series=_series_of(parts, self.series))


def select(directory: Directory, choice: Choice, view: View) -> Selection:
    """What is to be read for a choice as the view shows it. Raises InvalidPattern."""
    datasets = None if choice.datasets is None else tuple(choice.datasets)
    asked = None if choice.attributes is None else frozenset(choice.attributes)
    if view.is_nothing or asked == frozenset():
        return Selection(choice.tenant, (), datasets, ())
    types = _types(directory, choice, view)
    if choice.ids is None and choice.id_pattern is None and view.is_everything:
        parts = tuple(Part(type, None, choice.scope, Names(asked)) for type in types or ())
        return Selection(choice.tenant, parts, datasets, None)
    found = _series(directory, choice, types)
    seen = [series for series in found if _is_meant(choice, view, series)]
    parts = tuple(_parts(seen, asked, view))
    return Selection(choice.tenant, parts, datasets, _series_of(parts, seen) or ())


def names_of(view: View, series: Series, asked: frozenset[str] | None) -> Names:
    """Those of the asked attributes (None: all) that the view shows of a series it sees."""
    only, hidden = view.attribute_limits(series.id, series.type, series.path)
    if asked is not None:
        only = asked if only is None else only & asked
    if only is not None:
        return Names(only - hidden)
    return Names(None, hidden)


def _types(directory: Directory, choice: Choice, view: View) -> list[str] | None:
    """The types to look through; None when ids say it."""
    if choice.types is not None:
        asked = list(dict.fromkeys(choice.types))
    elif choice.ids is not None:
        return None
    else:
        asked = directory.types(choice.tenant)
    return [type for type in asked if view.types is None or type in view.types]


def _series(directory: Directory, choice: Choice, types: list[str] | None) -> list[Series]:
    """All series of the types, or with the ids and of the types."""
    if choice.ids is None:
        found = in_parallel(lambda type: directory.of_type(choice.tenant, type), types or [])
    else:
        ids = list(dict.fromkeys(choice.ids))
        found = in_parallel(lambda id: directory.of_id(choice.tenant, id), ids)
    every = [series for some in found for series in some]
    return every if types is None else [series for series in every if series.type in set(types)]


def _is_meant(choice: Choice, view: View, series: Series) -> bool:
    """Whether a series is asked for and visible."""
    if choice.id_pattern is not None and not compile_pattern(choice.id_pattern).search(series.id):
        return False
    return in_scope(choice.scope, series.path) and (
        view.is_everything or view.sees(series.id, series.type, series.path)
    )


def _parts(series: Sequence[Series], asked: frozenset[str] | None, view: View) -> Iterable[Part]:
    """The series grouped by what is read of them alike."""
    groups: dict[tuple[str, ServicePath, Names, bool], list[str]] = {}
    for one in series:
        names = Names(asked) if view.is_everything else names_of(view, one, asked)
        located = view.is_everything or is_located(view, one)
        if not names.is_nothing:
            groups.setdefault((one.type, one.path, names, located), []).append(one.id)
    for (type, path, names, located), ids in groups.items():
        yield Part(type, tuple(dict.fromkeys(ids)), _at(path), names, located)


def is_located(view: View, series: Series) -> bool:
    """Whether the view tells where a series it sees was."""
    return not names_of(view, series, frozenset({LOCATION})).is_nothing


def _series_of(parts: Iterable[Part], series: Iterable[Series] | None) -> tuple[Series, ...] | None:
    """Those of the series that parts by id are about."""
    if series is None:
        return None
    kept = {(part.type, id, part.scope) for part in parts for id in part.ids or ()}
    return tuple(one for one in series if (one.type, one.id, _at(one.path)) in kept)


def _at(path: ServicePath) -> PathScope:
    return (PathPattern(path, subtree=False),)
