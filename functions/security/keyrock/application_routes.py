"""`/v1/applications`: what people sign in to and what acts for itself; and how many there are.

The secret of a client is in the answer to its creation and nowhere else.
"""

from fastapi import APIRouter, Response

from city.policy import Operation
from security.access import ADMIN
from security.keyrock.answers import answer, no_content, values_updated
from security.keyrock.application_form import (
    changed_terms,
    linked_application,
    new_terms,
    shown_application,
)
from security.keyrock.body import member_object
from security.keyrock.facts import KeyrockFacts
from security.services import SecurityServices

router = APIRouter(tags=["Applications"])

APPLICATIONS = "/v1/applications"
APPLICATION = "/v1/applications/{application_id}"
CONFIGS = "/v1/service_providers/configs"

RULES = {
    ("GET", APPLICATIONS): Operation("application:list", ADMIN),
    ("POST", APPLICATIONS): Operation("application:create", ADMIN),
    ("GET", APPLICATION): Operation("application:read", ADMIN),
    ("PATCH", APPLICATION): Operation("application:update", ADMIN),
    ("DELETE", APPLICATION): Operation("application:delete", ADMIN),
    ("GET", CONFIGS): Operation("city:count", ADMIN),
}


@router.get(APPLICATIONS)
async def list_applications(facts: KeyrockFacts, services: SecurityServices) -> Response:
    found = services.registry.applications.list(facts.caller)
    return answer({"applications": [linked_application(one) for one in found]})


@router.post(APPLICATIONS)
async def create_application(facts: KeyrockFacts, services: SecurityServices) -> Response:
    terms = new_terms(member_object(facts.body, "application"))
    made = services.registry.applications.create(facts.caller, terms)
    shown = {**shown_application(made.application), "secret": made.secret}
    return answer({"application": shown}, 201)


@router.get(APPLICATION)
async def read_application(facts: KeyrockFacts, services: SecurityServices) -> Response:
    found = services.registry.applications.get(facts.caller, facts.parts["application_id"])
    return answer({"application": linked_application(found)})


@router.patch(APPLICATION)
async def update_application(facts: KeyrockFacts, services: SecurityServices) -> Response:
    id = services.registry.applications.find(facts.parts["application_id"]).id
    terms = changed_terms(member_object(facts.body, "application"))
    before, after = services.registry.applications.update(facts.caller, id, terms)
    if before == after:
        return unchanged("application")
    return values_updated(shown_application(before), shown_application(after))


@router.delete(APPLICATION)
async def delete_application(facts: KeyrockFacts, services: SecurityServices) -> Response:
    services.registry.applications.delete(facts.caller, facts.parts["application_id"])
    return no_content()


@router.get(CONFIGS)
async def count_everything(facts: KeyrockFacts, services: SecurityServices) -> Response:
    facts.require_admin()
    counts = services.registry.totals()
    return answer(
        {
            "information": {
                "totalUsers": counts.users,
                "totalOrganizations": counts.organisations,
                "totalApplications": counts.applications,
            }
        }
    )


def unchanged(what: str) -> Response:
    """The answer to a change that leaves everything as it was."""
    message = f"Request don't change the {what} parameters"
    return answer({"message": message, "code": 200, "title": "OK"})
