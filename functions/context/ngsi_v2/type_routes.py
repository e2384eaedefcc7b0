"""`/v2/types`: which types of entities there are, their attributes, and how many they are."""

from fastapi import APIRouter, Response

from city.errors import NotFound
from city.json import Json
from context.ngsi_v2.answers import json_answer, list_answer
from context.ngsi_v2.facts import Facts, RequestFacts
from context.services import ContextServices
from context.store.types import TypeStatistics

router = APIRouter(tags=["Types"])


@router.get("/v2/types")
async def list_types(facts: RequestFacts, services: ContextServices) -> Response:
    options = facts.parameters.options
    types = services.queries.types(facts.tenant, facts.scope, facts.view)
    start, end = facts.parameters.offset, facts.parameters.offset + facts.parameters.limit
    page = list(types)[start:end]
    total = len(types) if "count" in options else None
    if "values" in options:
        return list_answer(page, total)
    return list_answer([{"type": type} | _described(types[type], facts) for type in page], total)


@router.get("/v2/types/{entity_type}")
async def read_type(facts: RequestFacts, services: ContextServices) -> Response:
    types = services.queries.types(facts.tenant, facts.scope, facts.view)
    statistics = types.get(facts.parts["entity_type"])
    if statistics is None:
        raise NotFound("Entity type not found")
    return json_answer(_described(statistics, facts))


def _described(statistics: TypeStatistics, facts: Facts) -> dict[str, Json]:
    """Attributes with their types, alphabetically, and the number of entities."""
    detailed = "noAttrDetail" not in facts.parameters.options
    attributes: dict[str, Json] = {
        name: {"types": [*sorted(types)] if detailed else []}
        for name, types in sorted(statistics.attributes.items())
    }
    return {"attrs": attributes, "count": statistics.count}
