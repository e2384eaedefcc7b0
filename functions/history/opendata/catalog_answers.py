"""What `/catalog` and `/dataset/{id}` answer; loaded when somebody asks."""

from collections.abc import Callable
from urllib.parse import urlencode

from fastapi import Request, Response

from city import problems
from city.clock import from_iso
from city.errors import InvalidRequest, NotFound
from history.opendata import json_ld, pages, rdf_xml, turtle
from history.opendata.dataset import Dataset
from history.opendata.dcat import Describer
from history.opendata.graph import Graph
from history.opendata.negotiation import MEDIA_TYPES, preferred
from history.opendata.publications import Publications
from history.opendata.search import search
from history.opendata.services import OpenData

PAGE = 100
"""Datasets on a page of the catalogue."""
PREPARING_SECONDS = 120
"""After which a file that has to be made first may be there."""

HTML = MEDIA_TYPES["html"]
_WRITERS: dict[str, Callable[[Graph], str]] = {
    MEDIA_TYPES["ttl"]: turtle.write,
    MEDIA_TYPES["jsonld"]: json_ld.write,
    MEDIA_TYPES["rdf"]: rdf_xml.write,
    MEDIA_TYPES["n3"]: turtle.write,
}


def catalog(request: Request, city: str, open_data: OpenData, form: str | None) -> Response:
    """A page of the catalogue."""
    media_type = _form(request, form)
    about = open_data.publications.catalog()
    found = _sought(open_data.publications, request)
    number = _page_number(request)
    last = max(1, -(-len(found) // PAGE))
    if number > last:
        raise NotFound(f"the catalogue has {last} pages")
    shown = found[(number - 1) * PAGE : number * PAGE]
    if media_type == HTML:
        return _page(pages.catalog_page(city, about, shown))
    describer = Describer(city, about)
    describer.describe_catalog(shown)
    addresses = _addresses(request, city, number, last)
    describer.describe_page(addresses.pop("self"), len(found), addresses)
    return _graph(describer.graph, media_type)


def dataset(request: Request, city: str, open_data: OpenData, name: str) -> Response:
    """A dataset; `name` is its id, maybe with the ending of a form."""
    id, dot, form = name.partition(".")
    media_type = _form(request, form if dot else None)
    found = _found(open_data.publications, id)
    if media_type == HTML:
        return _page(pages.dataset_page(city, found))
    describer = Describer(city, found.catalog)
    describer.describe(found)
    return _graph(describer.graph, media_type)


def download(open_data: OpenData, id: str, file: str) -> Response:
    """A redirect to a month's file."""
    from history.opendata.releases import Preparing  # noqa: PLC0415 - only who downloads pays for it

    month, _, form = file.partition(".")
    try:
        link = open_data.releases.link(id, month, form)
    except Preparing as refusal:
        answer = problems.render(refusal)
        answer.headers["Retry-After"] = str(PREPARING_SECONDS)
        return answer
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
