"""What a caller may see, frozen: a selection as text, and whether somebody still sees all of it."""

from collections.abc import Callable, Iterable
from typing import Any, cast

from city.json import dump, parse
from city.policy.grants import View
from city.tenancy import PathPattern, PathScope, ServicePath, Tenant, in_scope
from history.reading.selection import Names, Part, Selection, is_located, names_of
from history.records import Series

SeriesOf = Callable[[str], Iterable[Series]]
"""All series of a type."""


def dump_selection(selection: Selection) -> str:
    """A selection as JSON; the series, which its parts name as well, are left out."""
    parts = [
        {
            "type": part.type,
            "ids": part.ids,
            "scope": [[pattern.path, pattern.subtree] for pattern in part.scope],
            "only": None if part.names.only is None else sorted(part.names.only),
            "hidden": sorted(part.names.hidden),
            "located": part.located,
        }
        for part in selection.parts
    ]
    return dump({"tenant": selection.tenant, "parts": parts, "datasets": selection.datasets})


def parse_selection(text: str | bytes) -> Selection:
    """What `dump_selection` wrote."""
    content = cast("dict[str, Any]", parse(text))
    parts = tuple(
        Part(
            part["type"],
            None if part["ids"] is None else tuple(part["ids"]),
            _scope_of(part["scope"]),
            Names(_set(part["only"]), frozenset(part["hidden"])),
            part["located"],
        )
        for part in content["parts"]
    )
    datasets = content["datasets"]
    kept = None if datasets is None else tuple(datasets)
    return Selection(Tenant(content["tenant"]), parts, kept, None)


def still_seen(selection: Selection, view: View, series_of: SeriesOf) -> bool:
    """Whether the view shows everything that is in a selection.

    Series that came after the selection are in no file of it, but in a part that is a whole type
    they count as if they were.
    """
    return view.is_everything or all(
        _shows(view, series, part)
        for part in selection.parts
        for series in _series_in(part, series_of)
    )


def _series_in(part: Part, series_of: SeriesOf) -> Iterable[Series]:
    if part.ids is None:
        yield from (one for one in series_of(part.type) if in_scope(part.scope, one.path))
        return
    # not from the directory: what was deleted since may be in the file
    for pattern in part.scope:
        yield from (Series(part.type, id, pattern.path) for id in part.ids)


def _shows(view: View, series: Series, part: Part) -> bool:
    if not view.sees(series.id, series.type, series.path):
        return False
    if part.located and not is_located(view, series):
        return False
    wanted = part.names
    seen = names_of(view, series, wanted.only)
    return seen.only == wanted.only and seen.hidden <= wanted.hidden


def _scope_of(stored: list[list[Any]]) -> PathScope:
    return tuple(PathPattern(ServicePath(path), bool(subtree)) for path, subtree in stored)


def _set(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)
