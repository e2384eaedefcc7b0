"""`/history/v1/datasets` and `/history/v1/catalog`: what editors say about the open data.

The tenant is that of the header `Fiware-Service`. A record has an `ETag`; a change says which one it
is about in `If-Match`. The catalogue is the platform's, of all tenants.
"""

from typing import TYPE_CHECKING, Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request, Response

from city.bodies import read_object
from city.clock import iso
from city.json import Json, dump
from city.policy import Caller, Operation, Rules
from city.preconditions import Preconditions, entity_tag
from city.tenancy import Tenant
from history.access import ADMIN
from history.facts import CallerFact, TenantFact
from history.opendata.facts import CityFact
from history.services import HistoryServices

if TYPE_CHECKING:
    from history.opendata.editorial import Entry
    from history.store.datasets import Written

router = APIRouter(tags=["Open data records"])

DATASETS = "/history/v1/datasets"
DATASET = "/history/v1/datasets/{type:path}"
CATALOG = "/history/v1/catalog"

RULES: Rules = {
    ("GET", DATASETS): Operation("dataset:list", ADMIN),
    ("GET", DATASET): Operation("dataset:read", ADMIN),
    ("PUT", DATASET): Operation("dataset:write", ADMIN),
    ("PATCH", DATASET): Operation("dataset:write", ADMIN),
    ("DELETE", DATASET): Operation("dataset:delete", ADMIN),
    ("GET", CATALOG): Operation("catalog:read", ADMIN),
    ("PUT", CATALOG): Operation("catalog:write", ADMIN),
    ("PATCH", CATALOG): Operation("catalog:write", ADMIN),
    ("DELETE", CATALOG): Operation("catalog:delete", ADMIN),
}


class Editor(NamedTuple):
    """Who asks, about which tenant, and on which conditions."""

    caller: Caller
    tenant: Tenant
    conditions: Preconditions


async def _editor(request: Request, caller: CallerFact, tenant: TenantFact) -> Editor:
    headers = request.headers
    conditions = Preconditions(headers.get("if-match"), headers.get("if-none-match"))
    return Editor(caller, tenant, conditions)


EditorFact = Annotated[Editor, Depends(_editor)]


@router.get(DATASETS)
async def list_datasets(editor: EditorFact, city: CityFact, services: HistoryServices) -> Response:
    """The types that have history or a record, and which of them the public has."""
    entries = services.open_data.editorial.every(editor.caller, editor.tenant)
    return _answer({"datasets": [_shown(entry, city) for entry in entries]})


@router.get(DATASET)
async def read_dataset(
    type: str, editor: EditorFact, city: CityFact, services: HistoryServices
) -> Response:
    """A type, whether the public has it, and what was written about it."""
    entry = services.open_data.editorial.get(editor.caller, editor.tenant, type)
    return _answer(_shown(entry, city), entry.written)


@router.put(DATASET)
async def write_dataset(
    type: str,
    request: Request,
    editor: EditorFact,
    services: HistoryServices,
) -> Response:
    """Write the record about a type, or replace the one that `If-Match` names."""
    body = await read_object(request)
    written, is_new = services.open_data.editorial.put(
        editor.caller, editor.tenant, type, body, editor.conditions
    )
    return _answer(_record(written), written, 201 if is_new else 200)


@router.patch(DATASET)
async def change_dataset(
    type: str,
    request: Request,
    editor: EditorFact,
    services: HistoryServices,
) -> Response:
    """Change members of the record about a type; null takes a member away (RFC 7396)."""
    body = await read_object(request)
    written = services.open_data.editorial.patch(
        editor.caller, editor.tenant, type, body, editor.conditions
    )
    return _answer(_record(written), written)


@router.delete(DATASET)
async def delete_dataset(
    type: str,
    editor: EditorFact,
    services: HistoryServices,
) -> Response:
    """Delete the record about a type; what is public stays public."""
    services.open_data.editorial.delete(editor.caller, editor.tenant, type, editor.conditions)
    return Response(None, 204)


@router.get(CATALOG)
async def read_catalog(editor: EditorFact, services: HistoryServices) -> Response:
    """What was written about the catalogue."""
    written = services.open_data.editorial.catalog(editor.caller)
    return _answer(_record(written) if written else {"record": {}}, written)


@router.put(CATALOG)
async def write_catalog(
    request: Request, editor: EditorFact, services: HistoryServices
) -> Response:
    """Write the record of the catalogue, or replace the one that `If-Match` names."""
    body = await read_object(request)
    written, is_new = services.open_data.editorial.put_catalog(
        editor.caller, body, editor.conditions
    )
    return _answer(_record(written), written, 201 if is_new else 200)


@router.patch(CATALOG)
async def change_catalog(
    request: Request, editor: EditorFact, services: HistoryServices
) -> Response:
    """Change members of the record of the catalogue; null takes a member away (RFC 7396)."""
    body = await read_object(request)
    written = services.open_data.editorial.patch_catalog(editor.caller, body, editor.conditions)
    return _answer(_record(written), written)


@router.delete(CATALOG)
async def delete_catalog(editor: EditorFact, services: HistoryServices) -> Response:
    services.open_data.editorial.delete_catalog(editor.caller, editor.conditions)
    return Response(None, 204)


def _shown(entry: "Entry", city: str) -> dict[str, Json]:
    shown: dict[str, Json] = {"type": entry.type, "id": entry.id, "public": entry.is_public}
    if entry.is_public:
        shown["url"] = f"{city}/dataset/{entry.id}"
    return shown | (_record(entry.written) if entry.written else {"record": {}})


def _record(written: "Written") -> dict[str, Json]:
    return {"record": written.record, "changedAt": iso(written.at), "changedBy": written.by}


def _answer(
    content: dict[str, Json], written: "Written | None" = None, status: int = 200
) -> Response:
    headers = {"Cache-Control": "no-store"}
    if written is not None:
        headers["ETag"] = entity_tag(written.at)
    return Response(dump(content).encode(), status, headers, "application/json")
