"""`/catalog` and `/dataset/{id}`: the open data in DCAT-AP, as pages for people, and as files.

The form is named by the end of the path (`.ttl`, `.jsonld`, `.rdf`, `.xml`, `.n3`) or by `Accept`.
"""

from fastapi import APIRouter, Request, Response

from city.policy import Operation, Rules
from history.access import OPEN
from history.opendata.facts import CityFact
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


@router.get(CATALOG)
@router.head(CATALOG)
@router.get(CATALOG_FORM)
@router.head(CATALOG_FORM)
async def show_catalog(
    request: Request, city: CityFact, services: HistoryServices, form: str | None = None
) -> Response:
    """A page of the catalogue: `page`, and of the datasets that fit `q`, `fq` and `modified_since`."""
    from history.opendata import catalog_answers  # noqa: PLC0415

    return catalog_answers.catalog(request, city, services.open_data, form)


@router.get(DATASET)
@router.head(DATASET)
async def show_dataset(
    name: str, request: Request, city: CityFact, services: HistoryServices
) -> Response:
    """A dataset in DCAT-AP, or as a page."""
    from history.opendata import catalog_answers  # noqa: PLC0415

    return catalog_answers.dataset(request, city, services.open_data, name)


@router.get(DOWNLOAD)
@router.head(DOWNLOAD)
async def download(name: str, file: str, services: HistoryServices) -> Response:
    """A month's file, `2026-09.csv` or `2026-09.parquet`, by a link that lasts some minutes."""
    from history.opendata import catalog_answers  # noqa: PLC0415

    return catalog_answers.download(services.open_data, name, file)
