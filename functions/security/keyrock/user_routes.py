"""`/v1/users`: administrators make users and see them all; a user sees, changes and deletes itself.

What a body says of `admin`, `enabled` or `id` makes nobody administrator, enabled or another.
"""

from fastapi import APIRouter, Response

from city.errors import InvalidRequest
from city.json import Json
from city.policy import Operation
from security.access import ADMIN
from security.keyrock.answers import answer, no_content, values_updated
from security.keyrock.body import (
    changed_text,
    member_object,
    optional_flag,
    optional_text,
    required_text,
)
from security.keyrock.facts import Facts, KeyrockFacts
from security.keyrock.representations import listed_user, shown_user
from security.people.users import Details, User
from security.services import SecurityServices, Services

router = APIRouter(tags=["Users"])

RULES = {
    ("GET", "/v1/users"): Operation("user:list", ADMIN),
    ("POST", "/v1/users"): Operation("user:create", ADMIN),
    ("GET", "/v1/users/{user_id}"): Operation("user:read", ADMIN),
    ("PATCH", "/v1/users/{user_id}"): Operation("user:update", ADMIN),
    ("DELETE", "/v1/users/{user_id}"): Operation("user:delete", ADMIN),
}

CHANGEABLE = ("username", "email", "description", "website", "gravatar", "extra")


@router.get("/v1/users")
async def list_users(facts: KeyrockFacts, services: SecurityServices) -> Response:
    facts.require_admin()
    return answer({"users": [listed_user(user) for user in services.users.list()]})


@router.post("/v1/users")
async def create_user(facts: KeyrockFacts, services: SecurityServices) -> Response:
    facts.require_admin()
    members = member_object(facts.body, "user")
    details = Details(
        username=required_text(members, "username"),
        password=_password(members) or required_text(members, "password"),
        email=required_text(members, "email"),
        description=optional_text(members, "description"),
        website=optional_text(members, "website"),
        gravatar=optional_flag(members, "gravatar"),
        extra=_extra(members),
    )
    user = services.users.create(details)
    _record(services, facts, "user:create", user.id)
    return answer({"user": shown_user(user)}, 201)


@router.get("/v1/users/{user_id}")
async def read_user(facts: KeyrockFacts, services: SecurityServices) -> Response:
    return answer({"user": shown_user(_user(facts, services))})


@router.patch("/v1/users/{user_id}")
async def update_user(facts: KeyrockFacts, services: SecurityServices) -> Response:
    user = _user(facts, services)
    members = member_object(facts.body, "user")
    if "id" in members:
        raise InvalidRequest("Cannot set id")
    details = Details(
        username=changed_text(members, "username"),
        email=changed_text(members, "email"),
        password=_password(members),
        description=optional_text(members, "description"),
        website=optional_text(members, "website"),
        gravatar=optional_flag(members, "gravatar"),
        extra=_extra(members),
    )
    before, after = services.users.update(user.id, details, vouched=facts.is_admin)
    _record(services, facts, "user:update", user.id)
    shown = [{name: shown_user(one)[name] for name in CHANGEABLE} for one in (before, after)]
    return values_updated(*shown)


@router.delete("/v1/users/{user_id}")
async def delete_user(facts: KeyrockFacts, services: SecurityServices) -> Response:
    user = _user(facts, services)
    services.people.erasures.erase(user.id)
    _record(services, facts, "user:delete", user.id)
    return no_content()


def _user(facts: Facts, services: Services) -> User:
    """The user of the path, if the caller is it or an administrator.

    Who is neither learns nothing about which users there are.
    """
    facts.require_self_or_admin(facts.parts["user_id"])
    return services.users.get(facts.parts["user_id"])


def _password(members: dict[str, Json]) -> str | None:
    """A password as it is: its characters are nobody's business but the pool's."""
    password = members.get("password")
    if password is not None and not isinstance(password, str):
        raise InvalidRequest("password must be a text")
    if password == "":
        raise InvalidRequest("Missing parameter password in body request or empty password")
    return password


def _extra(members: dict[str, Json]) -> dict[str, Json] | None:
    extra = members.get("extra")
    if extra is not None and not isinstance(extra, dict):
        raise InvalidRequest("extra must be an object")
    return extra


def _record(services: Services, facts: Facts, action: str, target: str) -> None:
    services.audit.record(actor=facts.subject, action=action, tenant="*", target=target)
