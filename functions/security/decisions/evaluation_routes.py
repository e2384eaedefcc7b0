"""`/access/v1/evaluation` and `/evaluations`: may this subject do this to that resource?

AuthZEN Authorization API 1.0. An answer is the bare decision; `/access/v1/explain` tells why.
"""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from city.bodies import read_object
from city.errors import CityError, InvalidRequest
from city.http import message_of, status_of
from city.json import Json
from city.policy import Operation
from models.authzen.requests import AccessRequest, AccessRequests, Options
from security.access import DECIDE, OPEN
from security.administration.facts import json_answer
from security.decisions.evaluations import Answer, Asker
from security.decisions.facts import AskerFact, read
from security.oauth.metadata_routes import city_url
from security.services import SecurityServices, Services

router = APIRouter(tags=["Decisions"])

METADATA = "/.well-known/authzen-configuration"

RULES = {
    ("POST", "/access/v1/evaluation"): Operation("decision:evaluate", DECIDE),
    ("POST", "/access/v1/evaluations"): Operation("decision:evaluate", DECIDE),
    ("POST", "/access/v1/explain"): Operation("decision:explain", DECIDE),
    ("GET", METADATA): Operation("metadata:read", OPEN),
}

MAX_EVALUATIONS = 100
"""Questions in one request."""

_DEFAULTS = ("subject", "action", "resource", "context")


@router.post("/access/v1/evaluation")
async def evaluate(request: Request, asker: AskerFact, services: SecurityServices) -> Response:
    return _decided(request, asker, services, await read_object(request))


@router.post("/access/v1/evaluations")
async def evaluate_all(request: Request, asker: AskerFact, services: SecurityServices) -> Response:
    body = await read_object(request)
    several = read(AccessRequests, body)
    if not several.evaluations:
        return _decided(request, asker, services, body)
    if len(several.evaluations) > MAX_EVALUATIONS:
        raise InvalidRequest(f"evaluations may have at most {MAX_EVALUATIONS} members")
    questions = [_question(body, evaluation) for evaluation in several.evaluations]
    semantic = (several.options or Options()).evaluations_semantic
    answers = services.decisions.evaluations.evaluate_all(asker, questions, semantic)
    return json_answer({"evaluations": list(map(_shown, answers))})


@router.post("/access/v1/explain")
async def explain(request: Request, asker: AskerFact, services: SecurityServices) -> Response:
    question = read(AccessRequest, await read_object(request))
    return json_answer(services.decisions.explanations.explain(asker, question).shown())


@router.get(METADATA)
async def metadata(request: Request, services: SecurityServices) -> Response:
    """Where everything is ("Policy Decision Point Metadata")."""
    city = city_url(request, services)
    endpoints = {
        "access_evaluation_endpoint": "evaluation",
        "access_evaluations_endpoint": "evaluations",
        "search_subject_endpoint": "search/subject",
        "search_resource_endpoint": "search/resource",
        "search_action_endpoint": "search/action",
    }
    document = {name: f"{city}/access/v1/{path}" for name, path in endpoints.items()}
    answer = json_answer({"policy_decision_point": city} | document)
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


def _decided(
    request: Request, asker: Asker, services: Services, body: Mapping[str, Json]
) -> Response:
    """The answer to one question, whose decision the log line tells as well."""
    decision = services.decisions.evaluations.evaluate(asker, read(AccessRequest, {**body}))
    request.scope["audit"]["decision"] = "allow" if decision else "deny"
    return json_answer({"decision": decision})


def _question(defaults: Mapping[str, Json], evaluation: Json) -> AccessRequest | CityError:
    """One question, with the outer members it lacks; the error if it is none."""
    if not isinstance(evaluation, dict):
        return InvalidRequest("an evaluation must be an object")
    outer = {name: defaults[name] for name in _DEFAULTS if name in defaults}
    try:
        return read(AccessRequest, outer | evaluation)
    except InvalidRequest as error:
        return error


def _shown(answer: Answer) -> dict[str, Json]:
    if answer.error is None:
        return {"decision": answer.allowed}
    error: dict[str, Json] = {
        "status": status_of(answer.error),
        "message": message_of(answer.error),
    }
    return {"decision": False, "context": {"error": error}}
