"""`/STH/v1` and `/STH/v2`: reads and removals."""

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from city.clock import iso
from city.json import Json, dump
from city.policy import Operation
from history.access import DELETE, READ
from history.comet.downloads import attachment, table
from history.comet.facts import CometFacts, Facts
from history.comet.parameters import Aggregated, Parameters, Raw, parse
from history.comet.reads import only_attribute
from history.comet.removals import Target
from history.reading.queries import Answer, Choice, Instance
from history.services import HistoryServices, Services

Wrap = Callable[[list[Json]], Json]

router = APIRouter(tags=["STH-Comet"])

SERVICE_PATH = "/STH/v1/contextEntities"
ENTITY = "/STH/v1/contextEntities/type/{type}/id/{id}"
ATTRIBUTE = "/STH/v1/contextEntities/type/{type}/id/{id}/attributes/{attribute}"
ATTRIBUTE_V2 = "/STH/v2/entities/{id}/attrs/{attribute}"

RULES = {
    ("GET", ATTRIBUTE): Operation("history:read", READ, is_public=True),
    ("GET", ATTRIBUTE_V2): Operation("history:read", READ, is_public=True),
    ("DELETE", SERVICE_PATH): Operation("history:delete", DELETE),
    ("DELETE", ENTITY): Operation("history:delete", DELETE),
    ("DELETE", ATTRIBUTE): Operation("history:delete", DELETE),
}


@router.get(ATTRIBUTE)
async def read_attribute(
    request: Request, facts: CometFacts, services: HistoryServices
) -> Response:
    """Values or aggregates of an attribute, in the form of NGSI v1."""
    named = request.path_params
    parameters = parse(request.query_params.multi_items(), with_type=False)

    def wrap(values: list[Json]) -> Json:
        shown: Json = {"name": named["attribute"], "values": values}
        element: Json = {
            "attributes": [shown],
            "id": named["id"],
            "isPattern": False,
            "type": named["type"],
        }
        status: Json = {"code": "200", "reasonPhrase": "OK"}
        return {"contextResponses": [{"contextElement": element, "statusCode": status}]}

    return _read(services, facts, _choice(facts, **named), parameters, wrap)


@router.get(ATTRIBUTE_V2)
async def read_attribute_v2(
    request: Request, facts: CometFacts, services: HistoryServices
) -> Response:
    """Values or aggregates of an attribute, in the form of NGSI v2."""
    parameters = parse(request.query_params.multi_items(), with_type=True)

    def wrap(values: list[Json]) -> Json:
        return {"type": "StructuredValue", "value": values}

    choice = _choice(facts, type=parameters.type or "", **request.path_params)
    return _read(services, facts, choice, parameters, wrap)


def _choice(facts: Facts, *, type: str, id: str, attribute: str) -> Choice:
    return Choice(
        facts.tenant, types=(type,), ids=(id,), scope=facts.scope, attributes=(attribute,)
    )


def _read(
    services: Services, facts: Facts, choice: Choice, parameters: Parameters, wrap: Wrap
) -> Response:
    match parameters.asked:
        case Raw() as asked:
            answer = services.comet.raw(facts.access, choice, parameters, asked)
            if asked.csv:
                return _file(answer, attachment(only_attribute(choice), services.clock()))
            return _page(answer, wrap)
        case Aggregated() as asked:
            values, report = services.comet.aggregated(facts.access, choice, parameters, asked)
            return _json(wrap(values), {"City-Read": report.header})


def _file(answer: Answer[Instance], disposition: str) -> Response:
    headers = {"City-Read": answer.report.header, "Content-Disposition": disposition}
    return Response(table(answer.rows).encode(), 200, headers, "text/csv; charset=utf-8")


def _page(answer: Answer[Instance], wrap: Wrap) -> Response:
    headers = {"City-Read": answer.report.header}
    if answer.total is not None:
        headers["Fiware-Total-Count"] = str(answer.total)
    points: list[Json] = [
        {"recvTime": iso(one.ts), "attrType": one.attribute_type, "attrValue": one.value}
        for one in answer.rows
    ]
    return _json(wrap(points), headers)


def _json(content: Json, headers: dict[str, str]) -> Response:
    return Response(dump(content).encode(), 200, headers, "application/json")


@router.delete(SERVICE_PATH)
@router.delete(ENTITY)
@router.delete(ATTRIBUTE)
async def remove(request: Request, facts: CometFacts, services: HistoryServices) -> Response:
    """Remove what there is at the service path, of an entity, or of one of its attributes."""
    target = Target(facts.tenant, facts.path, **request.path_params)
    services.removals.remove(facts.access, target)
    return Response(None, 204)
