"""Searching datasets: which fit, in which order, and how many there are of each kind.

What is searched are the datasets of the public, so no number says more than they do.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from city.clock import iso
from history.opendata.dataset import Dataset
from history.opendata.filters import TEXT, Fields, Test, Unreadable, parse, words
from history.opendata.names import uuid
from history.opendata.vocabularies import FILE_TYPES, LICENCES, THEMES

FACETS = ("organization", "groups", "tags", "license_id", "res_format", "type", "frequency")
"""Fields whose values can be counted."""

FILTERS = frozenset(
    {
        *FACETS,
        *("id", "name", "title", "notes", "state", "dataset_type", "owner_org", "language"),
        *("metadata_modified", "metadata_created", "hvd_category", "theme", "private", "capacity"),
    }
)
"""Fields that a query may name."""

DATASET_TYPE = "dataset"
_BACKWARD = "desc"


@dataclass(frozen=True, slots=True)
class Found:
    """A dataset with what it has in each field."""

    dataset: Dataset
    fields: Fields


class Count(NamedTuple):
    """How many datasets have a value, and how people call the value."""

    name: str
    display_name: str
    datasets: int


def search(datasets: Iterable[Dataset], q: str = "", fq: Sequence[str] = ()) -> list[Found]:
    """The datasets that fit the words of `q` and every filter of `fq`. Raises Unreadable."""
    tests = [_asked(q), *(parse(one, FILTERS) for one in fq)]
    found = [Found(dataset, fields(dataset)) for dataset in datasets]
    return [one for one in found if all(test(one.fields) for test in tests)]


def ordered(found: Sequence[Found], sort: str) -> list[Found]:
    """The datasets in an order such as `metadata_modified desc, id asc`. Raises Unreadable."""
    result = list(found)
    for clause in reversed([part.split() for part in sort.split(",") if part.strip()]):
        key, direction = _order(clause)
        if key is not None:
            result.sort(key=key, reverse=direction == _BACKWARD)
    return result


def counts(found: Iterable[Found], facet: str, limit: int, at_least: int = 1) -> list[Count]:
    """How often each value of a field occurs, most frequent first; a limit below 0 is none."""
    counter = Counter(value for one in found for value in one.fields.get(facet, ()))
    frequent = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    kept = [Count(name, display_name(facet, name), n) for name, n in frequent if n >= at_least]
    return kept if limit < 0 else kept[:limit]


def display_name(facet: str, value: str) -> str:
    """How people call a value of a field."""
    if facet == "groups":
        return THEMES[value.upper()].name
    if facet == "license_id":
        return next((one.name for one in LICENCES.values() if one.ckan == value), value)
    return value


def fields(dataset: Dataset) -> Fields:
    """What a dataset has in each field; times in the form of `metadata_time`."""
    record = dataset.record
    themes = tuple(code.lower() for code in record.themes)
    tags = tags_of(dataset)
    titles, notes = tuple(dataset.title.values()), tuple(dataset.description.values())
    forms = ("json", *dict.fromkeys(form for r in dataset.releases for form in r.files))
    return {
        TEXT: (*titles, *notes, *tags, dataset.id, dataset.type, dataset.publisher.name),
        "id": (uuid("dataset", dataset.id),),
        "name": (dataset.id,),
        "title": titles,
        "notes": notes,
        "tags": tags,
        "groups": themes,
        "theme": themes,
        "organization": (dataset.organisation,),
        "owner_org": (uuid("organization", dataset.organisation),),
        "license_id": (licence_id(dataset),),
        "res_format": tuple(FILE_TYPES[form.upper()].name for form in forms),
        "frequency": (dataset.frequency,),
        "language": tuple(dataset.languages),
        "hvd_category": (record.hvd_category,) if record.hvd_category else (),
        "metadata_modified": (metadata_time(dataset.modified),),
        "metadata_created": (metadata_time(dataset.issued or 0),),
        "type": (DATASET_TYPE,),
        "dataset_type": (DATASET_TYPE,),
        "state": ("active",),
        "private": ("false",),
        "capacity": ("public",),
    }


def tags_of(dataset: Dataset) -> tuple[str, ...]:
    """The keywords of all languages, each once."""
    return tuple(dict.fromkeys(word for some in dataset.keywords.values() for word in some))


def licence_id(dataset: Dataset) -> str:
    """How CKAN calls the licence."""
    return LICENCES[dataset.licence].ckan if dataset.licence else "notspecified"


def metadata_time(moment: int) -> str:
    """A moment in UTC with microseconds, so that texts compare as moments do."""
    return iso(moment, "microseconds")


def _asked(q: str) -> Test:
    """The test that a question is. People write it, so what cannot be read is taken as words."""
    try:
        return parse(q, FILTERS)
    except Unreadable:
        return words(q)


def _order(clause: list[str]) -> tuple[Callable[[Found], str] | None, str]:
    name, direction = clause[0], clause[1].lower() if len(clause) > 1 else "asc"
    if len(clause) > 2 or direction not in {"asc", _BACKWARD}:
        raise Unreadable("sort is written field asc, other desc")
    if name in {"score", "rank"}:
        return None, direction
    field = _SORTED.get(name)
    if field is None:
        raise Unreadable(f"datasets are not sorted by {name}, but by {', '.join(sorted(_SORTED))}")
    return lambda found: (found.fields[field] or ("",))[0].casefold(), direction


_SORTED = {
    "id": "id",
    "name": "name",
    "title": "title",
    "title_string": "title",
    "metadata_modified": "metadata_modified",
    "metadata_created": "metadata_created",
    "last_modified": "metadata_modified",
}
