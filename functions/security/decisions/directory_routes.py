"""`/access/v1/directory/{subjects|resources}`: what policies may know beforehand.

One entry is named by the parameters `type` and `id`, since ids of resources may be paths.
"""

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from city.bodies import read_object
from city.clock import iso
from city.errors import InvalidRequest, NotFound
from city.json import Json
from city.policy import Operation
from city.preconditions import entity_tag
from security.access import ADMIN
from security.administration.facts import (
    Parameters,
    check_members,
    json_answer,
    no_content,
    page_answer,
    required_text,
)
from security.decisions.evaluations import Asker
from security.decisions.facts import AdministratorFact, PreconditionsFact
from security.services import SecurityServices, Services
from security.store.directory import Entry, Kind, Place

router = APIRouter(tags=["Policies"])

DIRECTORY = "/access/v1/directory/{kind}"

RULES = {
    ("GET", DIRECTORY): Operation("directory:read", ADMIN),
    ("PUT", DIRECTORY): Operation("directory:write", ADMIN),
    ("DELETE", DIRECTORY): Operation("directory:delete", ADMIN),
}


@router.get(DIRECTORY)
async def read_directory(
    kind: str, request: Request, asker: AdministratorFact, services: SecurityServices
) -> Response:
    """One entry (`type` and `id`), or those of a type in the order of their ids."""
    query = Parameters(request, "type", "id", "limit", "token")
    type, id = query.text("type"), query.text("id")
    if type is None:
        raise InvalidRequest("name the type of the entries you want to see")
    if id is not None:
        entry = services.decisions.directory.get(asker.tenant, Place(_kind(kind), type, id))
        return _answer(entry, 200)
    found, after = services.decisions.directory.some(
        asker.tenant, _kind(kind), type, query.limit, query.after
    )
    return page_answer("entries", list(map(_shown, found)), after)


@router.put(DIRECTORY)
async def write_entry(
    kind: str,
    request: Request,
    asker: AdministratorFact,
    preconditions: PreconditionsFact,
    services: SecurityServices,
) -> Response:
    """Add an entry (`type`, `id` and `properties`), or replace the one that `If-Match` names."""
    body = await read_object(request)
    check_members(body, "type", "id", "properties")
    place = Place(_kind(kind), required_text(body, "type"), required_text(body, "id"))
    entry, is_new = services.decisions.directory.put(
        asker.tenant, place, body.get("properties"), preconditions
    )
    _record(services, asker, "directory:create" if is_new else "directory:replace", place)
    return _answer(entry, 201 if is_new else 200)


@router.delete(DIRECTORY)
async def delete_entry(
    kind: str,
    request: Request,
    asker: AdministratorFact,
    preconditions: PreconditionsFact,
    services: SecurityServices,
) -> Response:
    query = Parameters(request, "type", "id")
    type, id = query.text("type"), query.text("id")
    if type is None or id is None:
        raise InvalidRequest("name the entry by its type and id")
    place = Place(_kind(kind), type, id)
    services.decisions.directory.delete(asker.tenant, place, preconditions)
    _record(services, asker, "directory:delete", place)
    return no_content()


def _kind(name: str) -> Kind:
    for kind in Kind:
        if kind == name:
            return kind
    raise NotFound(f"a directory has {' and '.join(Kind)}")


def _answer(entry: Entry, status: int) -> Response:
    kind, type, id = entry.place
    query = urlencode({"type": type, "id": id})
    location = f"/access/v1/directory/{kind}?{query}" if status == 201 else None
    answer = json_answer(_shown(entry), status, location)
    answer.headers["ETag"] = entity_tag(entry.changed)
    return answer


def _shown(entry: Entry) -> dict[str, Json]:
    return {
        "type": entry.place.type,
        "id": entry.place.id,
        "properties": entry.properties,
        "changedAt": iso(entry.changed),
    }


def _record(services: Services, asker: Asker, action: str, place: Place) -> None:
    target = f"{place.kind}/{place.type}"
    services.audit.record(actor=asker.id, action=action, tenant=asker.tenant, target=target)
