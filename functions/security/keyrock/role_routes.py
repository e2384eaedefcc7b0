"""`/v1/applications/{a}/roles`: the roles of an application and what they permit."""

from fastapi import APIRouter, Response

from city.errors import NotFound
from city.json import Json
from city.policy import Operation
from security.access import ADMIN
from security.applications.permissions import BUILT_IN_ROLES
from security.keyrock.answers import answer, no_content
from security.keyrock.application_routes import APPLICATION, unchanged
from security.keyrock.body import changed_text, member_object, required_text
from security.keyrock.facts import Facts, KeyrockFacts
from security.keyrock.permission_form import listed_permission
from security.services import SecurityServices, Services
from security.store.roles import Rulebook

router = APIRouter(tags=["Roles"])

ROLES = f"{APPLICATION}/roles"
ROLE = f"{APPLICATION}/roles/{{role_id}}"
PERMISSIONS = f"{ROLE}/permissions"
PERMISSION = f"{ROLE}/permissions/{{permission_id}}"

RULES = {
    ("GET", ROLES): Operation("role:list", ADMIN),
    ("POST", ROLES): Operation("role:create", ADMIN),
    ("GET", ROLE): Operation("role:read", ADMIN),
    ("PATCH", ROLE): Operation("role:update", ADMIN),
    ("DELETE", ROLE): Operation("role:delete", ADMIN),
    ("GET", PERMISSIONS): Operation("role-permission:list", ADMIN),
    ("PUT", PERMISSION): Operation("role-permission:create", ADMIN),
    ("POST", PERMISSION): Operation("role-permission:create", ADMIN),
    ("DELETE", PERMISSION): Operation("role-permission:delete", ADMIN),
}


@router.get(ROLES)
async def list_roles(facts: KeyrockFacts, services: SecurityServices) -> Response:
    roles = book(facts, services).roles
    return answer({"roles": [{"id": id, "name": name} for id, name in roles.items()]})


@router.post(ROLES)
async def create_role(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application = application_of(facts, services)
    name = required_text(member_object(facts.body, "role"), "name")
    id = services.registry.roles.create(facts.caller, application, name)
    return answer({"role": _shown(id, name, application)}, 201)


@router.get(ROLE)
async def read_role(facts: KeyrockFacts, services: SecurityServices) -> Response:
    found = book(facts, services)
    role = role_of(facts, found)
    return answer({"role": _shown(role, found.roles[role], found.application)})


@router.patch(ROLE)
async def update_role(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application, role = application_of(facts, services), facts.parts["role_id"]
    name = changed_text(member_object(facts.body, "role"), "name")
    if name is None or not services.registry.roles.rename(facts.caller, application, role, name):
        return unchanged("role")
    return answer({"values_updated": {"name": name}})


@router.delete(ROLE)
async def delete_role(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application = application_of(facts, services)
    services.registry.roles.delete(facts.caller, application, facts.parts["role_id"])
    return no_content()


@router.get(PERMISSIONS)
async def list_role_permissions(facts: KeyrockFacts, services: SecurityServices) -> Response:
    found = book(facts, services)
    permissions = found.permissions_of(role_of(facts, found))
    if not permissions:
        raise NotFound("Assignments not found")
    return answer({"role_permission_assignments": [listed_permission(one) for one in permissions]})


@router.put(PERMISSION)
@router.post(PERMISSION)
async def add_permission(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application = application_of(facts, services)
    role, permission = facts.parts["role_id"], facts.parts["permission_id"]
    services.registry.roles.add_permission(facts.caller, application, role, permission)
    made = {"role_id": role, "permission_id": permission}
    return answer({"role_permission_assignments": made}, 201)


@router.delete(PERMISSION)
async def remove_permission(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application = application_of(facts, services)
    role, permission = facts.parts["role_id"], facts.parts["permission_id"]
    services.registry.roles.remove_permission(facts.caller, application, role, permission)
    return no_content()


def application_of(facts: Facts, services: Services) -> str:
    """The application of the path. Raises NotFound."""
    return services.registry.applications.find(facts.parts["application_id"]).id


def book(facts: Facts, services: Services) -> Rulebook:
    """The roles and permissions of the application of the path."""
    return services.registry.roles.book(facts.caller, application_of(facts, services))


def role_of(facts: Facts, found: Rulebook) -> str:
    """The role of the path. Raises NotFound."""
    role = facts.parts["role_id"]
    if role not in found.roles:
        raise NotFound("Role not found")
    return role


def _shown(id: str, name: str, application: str) -> dict[str, Json]:
    return {
        "id": id,
        "is_internal": id in BUILT_IN_ROLES,
        "name": name,
        "oauth_client_id": application,
    }
