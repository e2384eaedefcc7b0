"""The read actions of CKAN's Action API, on the datasets of the public.

Every action takes its parameters and gives the `result` of the answer's envelope.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from city.errors import NotFound
from city.json import Json
from history.opendata import packages
from history.opendata.ckan_parameters import Parameters, flag, identifier, number, page, text, texts
from history.opendata.dataset import Catalog, Dataset
from history.opendata.names import uuid
from history.opendata.publications import Publications
from history.opendata.search import FACETS, Count, Found, counts, ordered, search, tags_of
from history.opendata.vocabularies import LICENCES

MAX_ROWS = 1000
DEFAULT_ROWS = 10
DEFAULT_FACETS = 50
VERSION = "2.10.0"
"""The version of CKAN whose answers these are like."""

Action = Callable[["Portal", Parameters], Json]


class Portal:
    """The portal as one request sees it; `city` is the address of the APIs."""

    def __init__(self, publications: Publications, city: str) -> None:
        self._publications = publications
        self.city = city

    @cached_property
    def catalog(self) -> Catalog:
        return self._publications.catalog()

    @cached_property
    def datasets(self) -> list[Dataset]:
        return self._publications.every()

    def find(self, id: str) -> Dataset:
        """The dataset with a name or UUID. Raises NotFound."""
        for dataset in self.datasets:
            if id in {dataset.id, packages.package_id(dataset)}:
                return dataset
        raise NotFound("Dataset was not found.")

    def package(self, dataset: Dataset) -> dict[str, Json]:
        return packages.package(self.city, dataset)

    def packages(self, datasets: Iterable[Dataset]) -> list[Json]:
        return [self.package(dataset) for dataset in datasets]


def site_read(_portal: Portal, _parameters: Parameters) -> Json:
    """Whether the portal can be read: it can."""
    return True


def status_show(portal: Portal, _parameters: Parameters) -> Json:
    """What the portal is."""
    return {
        "site_title": packages.chosen(portal.catalog.title),
        "site_description": packages.chosen(portal.catalog.description),
        "site_url": portal.city,
        "ckan_version": VERSION,
        "error_emails_to": None,
        "locale_default": "en",
        "extensions": ["dcat"],
    }


def package_list(portal: Portal, parameters: Parameters) -> Json:
    """The names of all datasets."""
    names = sorted(dataset.id for dataset in portal.datasets)
    return [*page(names, parameters)]


def package_show(portal: Portal, parameters: Parameters) -> Json:
    """One dataset, by its name or UUID."""
    return portal.package(portal.find(identifier(parameters, "id", "name_or_id")))


def current_package_list_with_resources(portal: Portal, parameters: Parameters) -> Json:
    """All datasets, the last changed first."""
    newest = sorted(portal.datasets, key=lambda dataset: -dataset.modified)
    return portal.packages(page(newest, parameters))


def package_search(portal: Portal, parameters: Parameters) -> Json:
    """The datasets that fit `q` and `fq`, sorted and cut, with counts of `facet.field`."""
    q, sort = text(parameters, "q"), text(parameters, "sort") or DEFAULT_SORT
    filters = [one for one in (text(parameters, "fq"), *texts(parameters, "fq_list")) if one]
    rows = min(number(parameters, "rows", DEFAULT_ROWS), MAX_ROWS)
    start = number(parameters, "start", 0)
    found = ordered(search(portal.datasets, q, filters), sort)
    facets = _facets(found, parameters)
    return {
        "count": len(found),
        "sort": sort,
        "results": portal.packages(one.dataset for one in found[start : start + rows]),
        "facets": {name: {one.name: one.datasets for one in some} for name, some in facets.items()},
        "search_facets": {name: _search_facet(name, some) for name, some in facets.items()},
    }


DEFAULT_SORT = "score desc, metadata_modified desc"


def organization_list(portal: Portal, parameters: Parameters) -> Json:
    """The organisations that have datasets."""
    of = [dataset.organisation for dataset in portal.datasets]
    return _collection(of, parameters, "organizations", lambda n: _organisation(portal, n))


def organization_show(portal: Portal, parameters: Parameters) -> Json:
    """One organisation, by its name or UUID."""
    id = identifier(parameters, "id")
    for name in sorted({dataset.organisation for dataset in portal.datasets}):
        if id in {name, uuid("organization", name)}:
            its = [one for one in portal.datasets if one.organisation == name]
            return _organisation(portal, name) | _members(portal, its, parameters)
    raise NotFound("Organization was not found.")


def group_list(portal: Portal, parameters: Parameters) -> Json:
    """The themes that have datasets."""
    of = [code.lower() for dataset in portal.datasets for code in dataset.record.themes]
    return _collection(of, parameters, "groups", packages.group)


def group_show(portal: Portal, parameters: Parameters) -> Json:
    """One theme, by its name or UUID."""
    id = identifier(parameters, "id")
    for code in sorted({code for dataset in portal.datasets for code in dataset.record.themes}):
        if id in {code.lower(), uuid("group", code.lower())}:
            its = [one for one in portal.datasets if code in one.record.themes]
            return packages.group(code) | _members(portal, its, parameters)
    raise NotFound("Group was not found.")


def tag_list(portal: Portal, parameters: Parameters) -> Json:
    """The keywords, or those that have `query` in them."""
    query = (text(parameters, "query") or text(parameters, "q")).casefold()
    names = sorted({name for dataset in portal.datasets for name in tags_of(dataset)})
    kept = [name for name in names if query in name.casefold()]
    if flag(parameters, "all_fields"):
        return [packages.tag(name) for name in kept]
    return [*kept]


def license_list(_portal: Portal, _parameters: Parameters) -> Json:
    """The licences that a dataset can have."""
    return [
        {"id": one.ckan, "title": one.name, "url": one.text, "status": "active", "family": ""}
        for one in LICENCES.values()
    ]


def help_show(_portal: Portal, parameters: Parameters) -> Json:
    """What an action does, in a sentence."""
    action = ACTIONS.get(identifier(parameters, "name"))
    if action is None:
        raise NotFound("Action name not known.")
    return action.__doc__


ACTIONS: Mapping[str, Action] = {
    action.__name__: action
    for action in (
        *(site_read, status_show, package_list, package_show, package_search),
        *(current_package_list_with_resources, organization_list, organization_show),
        *(group_list, group_show, tag_list, license_list, help_show),
    )
}


def _organisation(portal: Portal, name: str) -> dict[str, Json]:
    return packages.organisation(name, portal.catalog)


def _members(portal: Portal, its: list[Dataset], parameters: Parameters) -> dict[str, Json]:
    """What an organisation or group says of its datasets."""
    shown: dict[str, Json] = {"package_count": len(its), "users": [], "groups": [], "extras": []}
    if flag(parameters, "include_datasets"):
        shown["packages"] = portal.packages(its[:MAX_ROWS])
    return shown


def _collection(
    of: list[str], parameters: Parameters, chosen: str, shown: Callable[[str], dict[str, Json]]
) -> Json:
    """Names, or with `all_fields` more; all or the `chosen` ones; sorted by name or package_count."""
    wanted = texts(parameters, chosen)
    names = [name for name in sorted(set(of)) if not wanted or name in wanted]
    sort = text(parameters, "sort") or text(parameters, "order_by")
    if sort.startswith(("package_count", "packages")):
        names.sort(key=lambda name: -of.count(name))
    if sort.split()[1:] == ["asc" if sort.startswith("package") else "desc"]:
        names.reverse()
    some = page(names, parameters)
    if not flag(parameters, "all_fields"):
        return [*some]
    return [shown(name) | {"package_count": of.count(name)} for name in some]


def _facets(found: list[Found], parameters: Parameters) -> dict[str, list[Count]]:
    asked = texts(parameters, "facet.field")
    limit = number(parameters, "facet.limit", DEFAULT_FACETS, least=-1)
    at_least = number(parameters, "facet.mincount", 1)
    if "facet" in parameters and not flag(parameters, "facet"):
        return {}
    return {name: counts(found, name, limit, at_least) for name in asked if name in FACETS}


def _search_facet(name: str, some: list[Count]) -> dict[str, Json]:
    items: list[Json] = [
        {"name": one.name, "display_name": one.display_name, "count": one.datasets} for one in some
    ]
    return {"title": name, "items": items}
