"""What is selected, in SQL over the files of one day."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from city.tenancy import EVERYWHERE
from history.exports.orders import Contents
from history.keeping.merging import IDENTITY, NEWEST, Query, Region
from history.reading.selection import Names, Part
from history.store.ledger import Deletion

COLUMNS = (
    "entity_id",
    "entity_type",
    "service_path",
    "attr",
    "dataset_id",
    "attr_type",
    "ts",
    "modified_at",
    "kind",
    "v_num",
    "v_bool",
    "v_str",
    "v_ts",
    "v_json",
    "lat",
    "lon",
    "geo",
    "unit_code",
    "meta_json",
)
"""Columns of a Parquet export, in this order: those of the archive that say what was observed."""

_PLACE = ("lat", "lon", "geo")

_SHOWN = ", ".join(
    f"CASE WHEN located THEN {name} END AS {name}" if name in _PLACE else name for name in COLUMNS
)

_SELECTED = f"""
SELECT {_SHOWN} FROM (
    FROM (SELECT * FROM read_parquet(?) WHERE {{kept}} {{newest}}) SELECT *, {{located}} AS located
), (SELECT ? AS entity_type)
WHERE op = 'set' AND ({{meant}}) AND {{between}}
ORDER BY {IDENTITY}"""  # noqa: S608 - constants, and terms with bound values


def selected(contents: Contents, deletions: Iterable[Deletion], *, once: bool) -> Query:
    """The observations of the contents; `once` says that no observation is twice in the files."""
    gone = [Region.of(one).condition() for one in deletions]
    window = Region(start=contents.window.start, end=contents.window.end).condition()
    parts = [part for part in contents.selection.parts if part.type == contents.type]
    meant = [_term(part) for part in parts]
    located = _located(parts)
    datasets = contents.selection.datasets
    if datasets is not None:
        window = _all(window, Query("list_contains(?, dataset_id)", ([*datasets],)))
    text = _SELECTED.format(
        kept=" AND ".join(f"NOT ({one.text})" for one in gone) or "true",
        newest="" if once else NEWEST,
        located=located.text,
        meant=" OR ".join(f"({one.text})" for one in meant) or "false",
        between=window.text,
    )
    values = [
        *_values(gone),
        *located.parameters,
        contents.type,
        *_values(meant),
        *window.parameters,
    ]
    return Query(text, tuple(values))


def _located(parts: Sequence[Part]) -> Query:
    """Whether it may be told where the entity of a row was."""
    if all(part.located for part in parts):
        return Query("true")
    terms = [_term(replace(part, names=Names())) for part in parts if part.located]
    return Query(" OR ".join(f"({one.text})" for one in terms) or "false", tuple(_values(terms)))


def _term(part: Part) -> Query:
    """Whether a row is one of a part."""
    terms = [Region(scope=part.scope).condition()] if part.scope != EVERYWHERE else []
    if part.ids is not None:
        # a join: a list of thousands of ids would be searched for every row
        terms.append(Query("entity_id IN (SELECT unnest(?::VARCHAR[]))", ([*part.ids],)))
    terms += _named(part.names)
    return _all(*terms)


def _named(names: Names) -> Iterable[Query]:
    if names.only is not None:
        yield Query("list_contains(?, attr)", (sorted(names.only),))
    if names.hidden:
        yield Query("NOT list_contains(?, attr)", (sorted(names.hidden),))


def _all(*terms: Query) -> Query:
    return Query(" AND ".join(one.text for one in terms) or "true", tuple(_values(terms)))


def _values(terms: Iterable[Query]) -> list[Any]:
    return [value for one in terms for value in one.parameters]
