"""`/v1/organizations`: groups of users. Who makes one owns it; owners say who else belongs.

Administrators of the city may do what owners may: an owner who was erased must be replaceable.
"""

from fastapi import APIRouter, Response

from city.errors import InvalidRequest, NotFound
from city.policy import Operation
from security.access import ADMIN
from security.keyrock.answers import answer, no_content, values_updated
from security.keyrock.body import changed_text, member_object, optional_text, required_text
from security.keyrock.errors import not_allowed
from security.keyrock.facts import Facts, KeyrockFacts
from security.keyrock.representations import (
    listed_organisation,
    shown_member,
    shown_organisation,
)
from security.services import SecurityServices, Services
from security.store.organisations import Membership

router = APIRouter(tags=["Organizations"])

_MEMBERS = "/v1/organizations/{organization_id}/users"
_MEMBER = f"{_MEMBERS}/{{user_id}}/organization_roles"
_ROLE = f"{_MEMBER}/{{organization_role}}"

RULES = {
    ("GET", "/v1/organizations"): Operation("organisation:list", ADMIN),
    ("POST", "/v1/organizations"): Operation("organisation:create", ADMIN),
    ("GET", "/v1/organizations/{organization_id}"): Operation("organisation:read", ADMIN),
    ("PATCH", "/v1/organizations/{organization_id}"): Operation("organisation:update", ADMIN),
    ("DELETE", "/v1/organizations/{organization_id}"): Operation("organisation:delete", ADMIN),
    ("GET", _MEMBERS): Operation("membership:list", ADMIN),
    ("GET", _MEMBER): Operation("membership:read", ADMIN),
    ("PUT", _ROLE): Operation("membership:set", ADMIN),
    ("POST", _ROLE): Operation("membership:set", ADMIN),
    ("DELETE", _ROLE): Operation("membership:delete", ADMIN),
}


@router.get("/v1/organizations")
async def list_organizations(facts: KeyrockFacts, services: SecurityServices) -> Response:
    found = services.organisations.of_user(facts.subject)
    if not found:
        raise NotFound("Organizations not found")
    return answer({"organizations": [listed_organisation(*one) for one in found]})


@router.post("/v1/organizations")
async def create_organization(facts: KeyrockFacts, services: SecurityServices) -> Response:
    members = member_object(facts.body, "organization")
    name = required_text(members, "name")
    description, website = (optional_text(members, one) for one in ("description", "website"))
    try:
        owner = services.users.get(facts.subject)
    except NotFound:
        raise not_allowed() from None  # applications and machines own nothing
    organisation = services.organisations.create(owner.id, name, description, website)
    _record(services, facts, "organisation:create", organisation.id)
    return answer({"organization": shown_organisation(organisation)}, 201)


@router.get("/v1/organizations/{organization_id}")
async def read_organization(facts: KeyrockFacts, services: SecurityServices) -> Response:
    organisation = services.organisations.get(_owned(facts, services))
    return answer({"organization": shown_organisation(organisation)})


@router.patch("/v1/organizations/{organization_id}")
async def update_organization(facts: KeyrockFacts, services: SecurityServices) -> Response:
    id = _owned(facts, services)
    members = member_object(facts.body, "organization")
    if "id" in members:
        raise InvalidRequest("Cannot set id")
    before, after = services.organisations.update(
        id,
        changed_text(members, "name"),
        optional_text(members, "description"),
        optional_text(members, "website"),
    )
    _record(services, facts, "organisation:update", id)
    return values_updated(shown_organisation(before), shown_organisation(after))


@router.delete("/v1/organizations/{organization_id}")
async def delete_organization(facts: KeyrockFacts, services: SecurityServices) -> Response:
    id = _owned(facts, services)
    services.organisations.delete(id)
    _record(services, facts, "organisation:delete", id)
    return no_content()


@router.get(_MEMBERS)
async def list_members(facts: KeyrockFacts, services: SecurityServices) -> Response:
    members = services.organisations.members(_owned(facts, services))
    if not members:
        raise NotFound("Assignments not found")
    return answer({"organization_users": [shown_member(member) for member in members]})


@router.get(_MEMBER)
async def read_member(facts: KeyrockFacts, services: SecurityServices) -> Response:
    member = services.organisations.member(_owned(facts, services), _user(facts, services))
    return answer({"organization_user": shown_member(member)})


@router.put(_ROLE)
@router.post(_ROLE)
async def set_member(facts: KeyrockFacts, services: SecurityServices) -> Response:
    id, user, role = _owned(facts, services), _user(facts, services), _role(facts)
    member = services.organisations.set_member(id, user, role)
    _record(services, facts, "membership:set", id, user=user, role=role.value)
    return answer({"user_organization_assignments": shown_member(member)}, 201)


@router.delete(_ROLE)
async def delete_member(facts: KeyrockFacts, services: SecurityServices) -> Response:
    id, user, role = _owned(facts, services), _user(facts, services), _role(facts)
    services.organisations.remove_member(id, user, role)
    _record(services, facts, "membership:delete", id, user=user, role=role.value)
    return no_content()


def _owned(facts: Facts, services: Services) -> str:
    """The organisation of the path, if the caller owns it or administers the city."""
    id = services.organisations.get(facts.parts["organization_id"]).id
    if not (facts.is_admin or services.organisations.is_owner(id, facts.subject)):
        raise not_allowed()
    return id


def _user(facts: Facts, services: Services) -> str:
    return services.users.get(facts.parts["user_id"]).id


def _role(facts: Facts) -> Membership:
    try:
        return Membership(facts.parts["organization_role"])
    except ValueError:
        raise NotFound("Organization role not found") from None


def _record(services: Services, facts: Facts, action: str, target: str, **detail: str) -> None:
    services.audit.record(
        actor=facts.subject, action=action, tenant="*", target=target, detail=detail
    )
