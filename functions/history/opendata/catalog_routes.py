"""`/catalog` and `/dataset/{id}`: the open data in DCAT-AP, as pages for people, and as files.

The form is named by the end of the path (`.ttl`, `.jsonld`, `.rdf`, `.xml`, `.n3`) or by `Accept`.
"""

from collections.abc import Callable
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from city.clock import from_iso
from city.errors import InvalidRequest, NotFound
from city.policy import Operation, Rules
from history.access import OPEN
from history.opendata import json_ld, pages, rdf_xml, turtle
from history.opendata.dataset import Dataset
from history.opendata.dcat import Describer
from history.opendata.facts import CityFact
from history.opendata.graph import Graph
from history.opendata.negotiation import MEDIA_TYPES, preferred
from history.opendata.publications import Publications
from history.opendata.search import search
from history.services import HistoryServices

router = APIRouter(tags=["Catalogue"])

CATALOG = "/catalog"
CATALOG_FORM = "/catalog.{form}"
DATASET = "/dataset/{name}"
DOWNLOAD = "/dataset/{name}/{file}"

RULES: Rules = {
    (method, path): Operation(action, OPEN)
    for method in ("GET", "HEAD")
    for path, action in (
        (CATALOG, "catalog:show"),
        (CATALOG_FORM, "catalog:show"),
        (DATASET, "dataset:show"),
        (DOWNLOAD, "dataset:download"),
    )
}

PAGE = 100
"""Datasets on a page of the catalogue."""
MAX_PAGE = 1_000_000

HTML = MEDIA_TYPES["html"]
_WRITERS: dict[str, Callable[[Graph], str]] = {
    MEDIA_TYPES["ttl"]: turtle.write,
    MEDIA_TYPES["jsonld"]: json_ld.write,
    MEDIA_TYPES["rdf"]: rdf_xml.write,
    MEDIA_TYPES["n3"]: turtle.write,
}


@router.get(CATALOG)
@router.head(CATALOG)
@router.get(CATALOG_FORM)
@router.head(CATALOG_FORM)
async def show_catalog(
    request: Request, city: CityFact, services: HistoryServices, form: str | None = None
) -> Response:
    """A page of the catalogue: `page`, and of the datasets that fit `q`, `fq` and `modified_since`."""
    media_type = _form(request, form)
    publications = services.open_data.publications
    catalog = publications.catalog()
    found = _sought(publications, request)
    number = _page_number(request)
    last = max(1, -(-len(found) // PAGE))
    if number > last:
        raise NotFound(f"the catalogue has {last} pages")
    shown = found[(number - 1) * PAGE : number * PAGE]
    if media_type == HTML:
        return _page(pages.catalog_page(city, catalog, shown))
    describer = Describer(city, catalog)
    describer.describe_catalog(shown)
    addresses = _addresses(request, city, number, last)
    describer.describe_page(addresses.pop("self"), len(found), addresses)
    return _graph(describer.graph, media_type)


@router.get(DATASET)
@router.head(DATASET)
async def show_dataset(
    name: str, request: Request, city: CityFact, services: HistoryServices
) -> Response:
    """A dataset in DCAT-AP, or as a page."""
    id, dot, form = name.partition(".")
    media_type = _form(request, form if dot else None)
    dataset = _found(services.open_data.publications, id)
    if media_type == HTML:
        return _page(pages.dataset_page(city, dataset))
    describer = Describer(city, dataset.catalog)
    describer.describe(dataset)
    return _graph(describer.graph, media_type)


@router.get(DOWNLOAD)
@router.head(DOWNLOAD)
async def download(name: str, file: str, services: HistoryServices) -> Response:
    """A month's file, `2026-09.csv` or `2026-09.parquet`, by a link that lasts some minutes."""
    month, _, form = file.partition(".")
    link = services.open_data.releases.link(name, month, form)
    return Response(None, 302, {"Location": link, "Cache-Control": "no-store"})


def _sought(publications: Publications, request: Request) -> list[Dataset]:
    query = request.query_params
    filters = [one for one in query.getlist("fq") if one]
    found = [one.dataset for one in search(publications.every(), query.get("q", ""), filters)]
    since = _moment(query.get("modified_since"))
    return [dataset for dataset in found if since is None or dataset.modified >= since]


def _found(publications: Publications, id: str) -> Dataset:
    dataset = publications.find(id)
    if dataset is None:
        raise NotFound(f"there is no dataset {id}")
    return dataset


def _form(request: Request, end: str | None) -> str:
    """The media type of the answer."""
    if end is None:
        offered = [*dict.fromkeys(MEDIA_TYPES.values())]
        return preferred(request.headers.get("accept", ""), offered)
    if end not in MEDIA_TYPES:
        raise NotFound(f"there is no form .{end}; there are {', '.join(MEDIA_TYPES)}")
    return MEDIA_TYPES[end]


def _page_number(request: Request) -> int:
    text = request.query_params.get("page", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and int(text) > 0):
        raise InvalidRequest("page must be a number from 1")
    return int(text)


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        # a query turns the + of an offset into a space
        return from_iso(text.replace(" ", "+"))
    except ValueError as error:
        raise InvalidRequest("modified_since must be an ISO 8601 date and time") from error


def _addresses(request: Request, city: str, number: int, last: int) -> dict[str, str]:
    """The addresses of this page and of those that it leads to, each with the same query."""
    query = [(k, v) for k, v in request.query_params.multi_items() if k != "page"]

    def address(page: int) -> str:
        return f"{city}{request.url.path}?{urlencode([*query, ('page', str(page))])}"

    addresses = {"self": address(number), "first": address(1), "last": address(last)}
    if number < last:
        addresses["next"] = address(number + 1)
    if number > 1:
        addresses["previous"] = address(number - 1)
    return addresses


def _graph(graph: Graph, media_type: str) -> Response:
    text = _WRITERS[media_type](graph)
    return Response(text.encode(), headers=_HEADERS, media_type=f"{media_type}; charset=utf-8")


def _page(text: str) -> Response:
    headers = _HEADERS | {"Content-Security-Policy": pages.CONTENT_POLICY}
    headers["X-Content-Type-Options"] = "nosniff"
    return Response(text.encode(), headers=headers, media_type=f"{HTML}; charset=utf-8")


_HEADERS = {"Vary": "Accept", "Cache-Control": "no-cache"}
"""What is public can change at any moment, so nobody keeps an answer without asking."""
