"""`/v2/op`: batch update, batch query, and receiving notifications of another broker."""

from fastapi import APIRouter, Request, Response

from city.clock import now
from context.ngsi_v2 import batch
from context.ngsi_v2.answers import list_answer, no_content, shown_entity
from context.ngsi_v2.body import read_json
from context.ngsi_v2.entity_query import batch_query
from context.ngsi_v2.entity_routes import update_request
from context.ngsi_v2.facts import Facts, RequestFacts
from context.services import ContextServices, Services

router = APIRouter(tags=["Batch operations"])


@router.post("/v2/op/update")
async def batch_update(facts: RequestFacts, services: ContextServices) -> Response:
    _apply(batch.read_batch(read_json(facts.body), key_values=facts.key_values), facts, services)
    return no_content()


@router.post("/v2/op/query")
async def query(facts: RequestFacts, services: ContextServices) -> Response:
    wanted, shown = batch_query(facts, read_json(facts.body))
    page = services.queries.run(wanted)
    items = [shown_entity(entity, facts, shown) for entity in page.entities]
    return list_answer(items, page.total if wanted.count else None)


@router.post("/v2/op/notify")
async def notify(request: Request, facts: RequestFacts, services: ContextServices) -> Response:
    attrs_format = request.headers.get("ngsiv2-attrsformat")
    _apply(batch.read_notification(read_json(facts.body), attrs_format), facts, services)
    return Response(None, 200)


def _apply(asked: batch.Batch, facts: Facts, services: Services) -> None:
    batch.apply(
        asked,
        services.entities,
        facts.tenant,
        facts.write_path,
        facts.caller.access,
        asked=update_request(facts),
        clock=now,
    )
