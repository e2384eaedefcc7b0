"""`/v1/applications/{a}/permissions`: what roles of an application can permit."""

from fastapi import APIRouter, Response

from city.errors import NotFound
from city.policy import Operation
from security.access import ADMIN
from security.applications.permissions import Permission
from security.keyrock.answers import answer, no_content, values_updated
from security.keyrock.application_routes import APPLICATION, unchanged
from security.keyrock.body import member_object
from security.keyrock.facts import Facts, KeyrockFacts
from security.keyrock.permission_form import (
    changed_permission,
    listed_permission,
    new_permission,
    shown_permission,
)
from security.keyrock.role_routes import application_of, book
from security.services import SecurityServices, Services

router = APIRouter(tags=["Permissions"])

PERMISSIONS = f"{APPLICATION}/permissions"
PERMISSION = f"{APPLICATION}/permissions/{{permission_id}}"

RULES = {
    ("GET", PERMISSIONS): Operation("permission:list", ADMIN),
    ("POST", PERMISSIONS): Operation("permission:create", ADMIN),
    ("GET", PERMISSION): Operation("permission:read", ADMIN),
    ("PATCH", PERMISSION): Operation("permission:update", ADMIN),
    ("DELETE", PERMISSION): Operation("permission:delete", ADMIN),
}


@router.get(PERMISSIONS)
async def list_permissions(facts: KeyrockFacts, services: SecurityServices) -> Response:
    found = book(facts, services).permissions.values()
    return answer({"permissions": [listed_permission(permission) for permission in found]})


@router.post(PERMISSIONS)
async def create_permission(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application = application_of(facts, services)
    wanted = new_permission(member_object(facts.body, "permission"))
    made = services.registry.roles.create_permission(facts.caller, application, wanted)
    return answer({"permission": shown_permission(made, application)}, 201)


@router.get(PERMISSION)
async def read_permission(facts: KeyrockFacts, services: SecurityServices) -> Response:
    permission = _permission(facts, services)
    shown = shown_permission(permission, facts.parts["application_id"])
    return answer({"permission": shown})


@router.patch(PERMISSION)
async def update_permission(facts: KeyrockFacts, services: SecurityServices) -> Response:
    present = _permission(facts, services)
    changes = changed_permission(member_object(facts.body, "permission"), present)
    application = facts.parts["application_id"]
    before, after = services.registry.roles.change_permission(
        facts.caller, application, present.id, **changes
    )
    if before == after:
        return unchanged("permission")
    return values_updated(listed_permission(before), listed_permission(after))


@router.delete(PERMISSION)
async def delete_permission(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application = application_of(facts, services)
    services.registry.roles.delete_permission(
        facts.caller, application, facts.parts["permission_id"]
    )
    return no_content()


def _permission(facts: Facts, services: Services) -> Permission:
    permission = book(facts, services).permissions.get(facts.parts["permission_id"])
    if permission is None:
        raise NotFound("Permission not found")
    return permission
