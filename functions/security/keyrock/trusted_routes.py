"""`/v1/applications/{a}/trusted_applications`: the applications whose tokens it accepts."""

from fastapi import APIRouter, Response

from city.errors import NotFound
from city.policy import Operation
from security.access import ADMIN
from security.keyrock.answers import answer, no_content
from security.keyrock.application_routes import APPLICATION
from security.keyrock.facts import KeyrockFacts
from security.services import SecurityServices

router = APIRouter(tags=["Trusted applications"])

TRUSTED = f"{APPLICATION}/trusted_applications"
ONE = f"{TRUSTED}/{{trusted_application_id}}"

RULES = {
    ("GET", TRUSTED): Operation("trust:list", ADMIN),
    ("PUT", ONE): Operation("trust:create", ADMIN),
    ("POST", ONE): Operation("trust:create", ADMIN),
    ("DELETE", ONE): Operation("trust:delete", ADMIN),
}


@router.get(TRUSTED)
async def list_trusted(facts: KeyrockFacts, services: SecurityServices) -> Response:
    trusted = services.registry.applications.trusted(facts.caller, facts.parts["application_id"])
    if not trusted:
        raise NotFound("Trusted applications nof found")  # so spelled in Keyrock
    return answer({"trusted_applications": trusted})


@router.put(ONE)
@router.post(ONE)
async def trust(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application, other = facts.parts["application_id"], facts.parts["trusted_application_id"]
    services.registry.applications.trust(facts.caller, application, other)
    made = {"oauth_client_id": application, "trusted_oauth_client_id": other}
    return answer(made, 201)


@router.delete(ONE)
async def distrust(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application, other = facts.parts["application_id"], facts.parts["trusted_application_id"]
    services.registry.applications.distrust(facts.caller, application, other)
    return no_content()
