"""`/v2/subscriptions`: who wants to be told of which changes."""

from fastapi import APIRouter, Response

from context.ngsi_v2.answers import json_answer, list_answer, no_content
from context.ngsi_v2.body import read_json
from context.ngsi_v2.facts import RequestFacts
from context.services import ContextServices

router = APIRouter(tags=["Subscriptions"])


@router.get("/v2/subscriptions")
async def list_subscriptions(facts: RequestFacts, services: ContextServices) -> Response:
    page = facts.parameters
    items, total = services.subscriptions.list(
        facts.tenant, facts.service_path, page.limit, page.offset, facts.caller
    )
    return list_answer(items, total if "count" in page.options else None)


@router.post("/v2/subscriptions")
async def create_subscription(facts: RequestFacts, services: ContextServices) -> Response:
    subscription_id = services.subscriptions.create(
        facts.tenant, facts.service_path, read_json(facts.body), facts.caller
    )
    return Response(None, 201, {"Location": f"/v2/subscriptions/{subscription_id}"})


@router.get("/v2/subscriptions/{subscription_id}")
async def read_subscription(facts: RequestFacts, services: ContextServices) -> Response:
    id = facts.parts["subscription_id"]
    return json_answer(services.subscriptions.get(facts.tenant, id, facts.caller))


@router.patch("/v2/subscriptions/{subscription_id}")
async def update_subscription(facts: RequestFacts, services: ContextServices) -> Response:
    id, changes = facts.parts["subscription_id"], read_json(facts.body)
    services.subscriptions.update(facts.tenant, id, facts.service_path, changes, facts.caller)
    return no_content()


@router.delete("/v2/subscriptions/{subscription_id}")
async def delete_subscription(facts: RequestFacts, services: ContextServices) -> Response:
    services.subscriptions.delete(facts.tenant, facts.parts["subscription_id"], facts.caller)
    return no_content()
