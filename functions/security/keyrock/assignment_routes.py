"""Who has which role: `/v1/applications/{a}/users` and `/v1/applications/{a}/organizations`."""

from collections.abc import Sequence

from fastapi import APIRouter, Response

from city.errors import NotFound
from city.json import Json
from city.policy import Operation
from security.access import ADMIN
from security.keyrock.answers import answer, no_content
from security.keyrock.application_routes import APPLICATION
from security.keyrock.facts import Facts, KeyrockFacts
from security.keyrock.role_routes import application_of
from security.services import SecurityServices, Services
from security.store.assignments import OrganisationRole, UserRole
from security.store.organisations import Membership

router = APIRouter(tags=["Assignments"])

USERS = f"{APPLICATION}/users"
USER = f"{USERS}/{{user_id}}/roles"
USER_ROLE = f"{USER}/{{role_id}}"
ORGANIZATIONS = f"{APPLICATION}/organizations"
ORGANIZATION = f"{ORGANIZATIONS}/{{organization_id}}/roles"
ORGANIZATION_ROLE = f"{ORGANIZATION}/{{role_id}}/organization_roles/{{organization_role}}"

RULES = {
    ("GET", USERS): Operation("user-role:list", ADMIN),
    ("GET", USER): Operation("user-role:list", ADMIN),
    ("PUT", USER_ROLE): Operation("user-role:create", ADMIN),
    ("POST", USER_ROLE): Operation("user-role:create", ADMIN),
    ("DELETE", USER_ROLE): Operation("user-role:delete", ADMIN),
    ("GET", ORGANIZATIONS): Operation("organisation-role:list", ADMIN),
    ("GET", ORGANIZATION): Operation("organisation-role:list", ADMIN),
    ("PUT", ORGANIZATION_ROLE): Operation("organisation-role:create", ADMIN),
    ("POST", ORGANIZATION_ROLE): Operation("organisation-role:create", ADMIN),
    ("DELETE", ORGANIZATION_ROLE): Operation("organisation-role:delete", ADMIN),
}

_USER_ROLES = "role_user_assignments"
_ORGANISATION_ROLES = "role_organization_assignments"


@router.get(USERS)
async def list_users(facts: KeyrockFacts, services: SecurityServices) -> Response:
    found = services.registry.assignments.of_users(facts.caller, application_of(facts, services))
    return _listed(_USER_ROLES, [_shown_user(one) for one in found])


@router.get(USER)
async def list_user_roles(facts: KeyrockFacts, services: SecurityServices) -> Response:
    found = services.registry.assignments.of_users(facts.caller, application_of(facts, services))
    user = services.users.get(facts.parts["user_id"]).id
    return _listed(_USER_ROLES, [_shown_user(one) for one in found if one.user == user])


@router.put(USER_ROLE)
@router.post(USER_ROLE)
async def assign_to_user(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application, assignment = application_of(facts, services), _user_role(facts)
    services.registry.assignments.assign(facts.caller, application, assignment)
    made = {**_shown_user(assignment), "oauth_client_id": application}
    return answer({_USER_ROLES: made}, 201)


@router.delete(USER_ROLE)
async def unassign_from_user(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application = application_of(facts, services)
    services.registry.assignments.unassign(facts.caller, application, _user_role(facts))
    return no_content()


@router.get(ORGANIZATIONS)
async def list_organizations(facts: KeyrockFacts, services: SecurityServices) -> Response:
    found = services.registry.assignments.of_organisations(
        facts.caller, application_of(facts, services)
    )
    return _listed(_ORGANISATION_ROLES, [_shown_organisation(one) for one in found])


@router.get(ORGANIZATION)
async def list_organization_roles(facts: KeyrockFacts, services: SecurityServices) -> Response:
    found = services.registry.assignments.of_organisations(
        facts.caller, application_of(facts, services)
    )
    id = services.organisations.get(facts.parts["organization_id"]).id
    shown = [_shown_organisation(one) for one in found if one.organisation == id]
    return _listed(_ORGANISATION_ROLES, shown)


@router.put(ORGANIZATION_ROLE)
@router.post(ORGANIZATION_ROLE)
async def assign_to_organization(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application, assignment = _organisation_role(facts, services)
    services.registry.assignments.assign(facts.caller, application, assignment)
    made = {**_shown_organisation(assignment), "oauth_client_id": application}
    return answer({_ORGANISATION_ROLES: made}, 201)


@router.delete(ORGANIZATION_ROLE)
async def unassign_from_organization(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application, assignment = _organisation_role(facts, services)
    services.registry.assignments.unassign(facts.caller, application, assignment)
    return no_content()


def _user_role(facts: Facts) -> UserRole:
    return UserRole(facts.parts["user_id"], facts.parts["role_id"])


def _organisation_role(facts: Facts, services: Services) -> tuple[str, OrganisationRole]:
    application, parts = application_of(facts, services), facts.parts
    try:
        who = Membership(parts["organization_role"])
    except ValueError:
        raise NotFound("Organization role not found") from None
    return application, OrganisationRole(parts["organization_id"], parts["role_id"], who)


def _listed(name: str, assignments: Sequence[Json]) -> Response:
    if not assignments:
        raise NotFound("Assignments not found")
    return answer({name: assignments})


def _shown_user(assignment: UserRole) -> dict[str, Json]:
    return {"user_id": assignment.user, "role_id": assignment.role}


def _shown_organisation(assignment: OrganisationRole) -> dict[str, Json]:
    return {
        "organization_id": assignment.organisation,
        "role_id": assignment.role,
        "role_organization": assignment.who.value,
    }
