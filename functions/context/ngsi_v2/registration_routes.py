"""`/v2/registrations`: forwarding to context providers does not exist yet, so neither do they."""

from fastapi import APIRouter, Response

from city.errors import NotFound, Unsupported
from city.policy.grants import Action
from context.ngsi_v2.answers import list_answer
from context.ngsi_v2.facts import RequestFacts
from context.rights import require_any

router = APIRouter(tags=["Registrations"])


@router.get("/v2/registrations")
async def list_registrations(facts: RequestFacts) -> Response:
    require_any(facts.caller.access, Action.REGISTER, facts.tenant)
    return list_answer([], 0 if "count" in facts.parameters.options else None)


@router.post("/v2/registrations")
async def create_registration(facts: RequestFacts) -> Response:
    require_any(facts.caller.access, Action.REGISTER, facts.tenant)
    raise Unsupported("registrations and forwarding to context providers are not supported yet")


@router.get("/v2/registrations/{registration_id}")
@router.delete("/v2/registrations/{registration_id}")
async def no_registration(facts: RequestFacts) -> Response:
    require_any(facts.caller.access, Action.REGISTER, facts.tenant)
    raise NotFound("The requested registration has not been found. Check id")
