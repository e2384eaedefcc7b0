"""`/access/v1/policies`: the policies of a tenant, for its administrators."""

from fastapi import APIRouter, Request, Response

from city.bodies import read_object
from city.clock import iso
from city.errors import InvalidRequest
from city.json import Json
from city.policy import Operation
from city.preconditions import entity_tag
from security.access import ADMIN
from security.administration.facts import Parameters, json_answer, no_content, page_answer
from security.decisions.evaluations import Asker
from security.decisions.facts import AdministratorFact, PreconditionsFact
from security.services import SecurityServices, Services
from security.store.policies import StoredPolicy

router = APIRouter(tags=["Policies"])

POLICIES = "/access/v1/policies"
POLICY = "/access/v1/policies/{policy_id}"

RULES = {
    ("GET", POLICIES): Operation("policy:list", ADMIN),
    ("POST", POLICIES): Operation("policy:create", ADMIN),
    ("GET", POLICY): Operation("policy:read", ADMIN),
    ("PUT", POLICY): Operation("policy:write", ADMIN),
    ("DELETE", POLICY): Operation("policy:delete", ADMIN),
}


@router.get(POLICIES)
async def list_policies(
    request: Request, asker: AdministratorFact, services: SecurityServices
) -> Response:
    """All policies in the order of their ids; with `format=cedar` as one Cedar text."""
    query = Parameters(request, "limit", "token", "format")
    if (form := query.text("format")) == "cedar":
        return Response(services.decisions.policies.cedar(asker.tenant), media_type="text/plain")
    if form not in (None, "json"):
        raise InvalidRequest("format must be json or cedar")
    found, after = services.decisions.policies.some(asker.tenant, query.limit, query.after)
    return page_answer("policies", list(map(_shown, found)), after)


@router.post(POLICIES)
async def create_policy(
    request: Request, asker: AdministratorFact, services: SecurityServices
) -> Response:
    """Add a policy, under the `id` of the body or a new one."""
    body = await read_object(request)
    policy = services.decisions.policies.create(asker.tenant, body, asker.id)
    _record(services, asker, "policy:create", policy.id)
    return _answer(policy, 201)


@router.get(POLICY)
async def read_policy(
    policy_id: str, asker: AdministratorFact, services: SecurityServices
) -> Response:
    return _answer(services.decisions.policies.get(asker.tenant, policy_id))


@router.put(POLICY)
async def write_policy(
    policy_id: str,
    request: Request,
    asker: AdministratorFact,
    preconditions: PreconditionsFact,
    services: SecurityServices,
) -> Response:
    """Add a policy, or replace the one that `If-Match` names."""
    body = await read_object(request)
    policy, is_new = services.decisions.policies.put(
        asker.tenant, policy_id, body, asker.id, preconditions
    )
    _record(services, asker, "policy:create" if is_new else "policy:replace", policy_id)
    return _answer(policy, 201 if is_new else 200)


@router.delete(POLICY)
async def delete_policy(
    policy_id: str,
    asker: AdministratorFact,
    preconditions: PreconditionsFact,
    services: SecurityServices,
) -> Response:
    services.decisions.policies.delete(asker.tenant, policy_id, preconditions)
    _record(services, asker, "policy:delete", policy_id)
    return no_content()


def _answer(policy: StoredPolicy, status: int = 200) -> Response:
    location = f"{POLICIES}/{policy.id}" if status == 201 else None
    answer = json_answer(_shown(policy), status, location)
    answer.headers["ETag"] = entity_tag(policy.changed)
    return answer


def _shown(policy: StoredPolicy) -> dict[str, Json]:
    """A policy as written, with its id and who changed it last and when."""
    written = policy.document.model_dump(by_alias=True, exclude_unset=True, mode="json")
    changed = {"changedAt": iso(policy.changed), "changedBy": policy.author}
    return {"id": policy.id, **written, **changed}


def _record(services: Services, asker: Asker, action: str, policy_id: str) -> None:
    services.audit.record(actor=asker.id, action=action, tenant=asker.tenant, target=policy_id)
