"""The read operations of QuantumLeap, each with all of an answer and with its values alone."""

from dataclasses import replace

from fastapi import APIRouter, Response

from city.policy import Operation
from city.policy.grants import Action
from history.access import READ
from history.quantumleap import parameters as known
from history.quantumleap import representations as form
from history.quantumleap.answers import histories_answer, sightings_answer
from history.quantumleap.facts import Facts, QuantumLeapFacts
from history.quantumleap.mounting import at_both, mounted
from history.quantumleap.parameters import parse
from history.quantumleap.reading import Asked, Reading
from history.quantumleap.representations import Form
from history.services import HistoryServices, Services

_routes = APIRouter()

_PATHS = (
    "/v2/entities",
    "/v2/entities/{entity_id}",
    "/v2/entities/{entity_id}/value",
    "/v2/entities/{entity_id}/attrs/{attribute}",
    "/v2/entities/{entity_id}/attrs/{attribute}/value",
    "/v2/types/{entity_type}",
    "/v2/types/{entity_type}/value",
    "/v2/types/{entity_type}/attrs/{attribute}",
    "/v2/types/{entity_type}/attrs/{attribute}/value",
    "/v2/attrs",
    "/v2/attrs/value",
    "/v2/attrs/{attribute}",
    "/v2/attrs/{attribute}/value",
)
RULES = at_both({("GET", path): Operation("history:read", READ, is_public=True) for path in _PATHS})


@_routes.get("/v2/entities")
async def list_entities(facts: QuantumLeapFacts, services: HistoryServices) -> Response:
    facts.require_any(Action.READ)
    parameters = parse(facts.query_string, known.ENTITIES)
    asked = Asked(facts.access, facts.tenant, facts.scope, parameters)
    return sightings_answer(facts, *_reading(services).sightings(asked))


@_routes.get("/v2/entities/{entity_id}")
async def read_entity(
    entity_id: str, facts: QuantumLeapFacts, services: HistoryServices
) -> Response:
    return _entity(services, facts, entity_id, form.entity)


@_routes.get("/v2/entities/{entity_id}/value")
async def read_entity_values(
    entity_id: str, facts: QuantumLeapFacts, services: HistoryServices
) -> Response:
    return _entity(services, facts, entity_id, form.entity_values)


@_routes.get("/v2/entities/{entity_id}/attrs/{attribute}")
async def read_entity_attribute(
    entity_id: str, attribute: str, facts: QuantumLeapFacts, services: HistoryServices
) -> Response:
    return _entity(services, facts, entity_id, form.entity_attribute, attribute)


@_routes.get("/v2/entities/{entity_id}/attrs/{attribute}/value")
async def read_entity_attribute_values(
    entity_id: str, attribute: str, facts: QuantumLeapFacts, services: HistoryServices
) -> Response:
    return _entity(services, facts, entity_id, form.entity_attribute_values, attribute)


@_routes.get("/v2/types/{entity_type}")
async def read_type(
    entity_type: str, facts: QuantumLeapFacts, services: HistoryServices
) -> Response:
    return _type(services, facts, entity_type, form.type)


@_routes.get("/v2/types/{entity_type}/value")
async def read_type_values(
    entity_type: str, facts: QuantumLeapFacts, services: HistoryServices
) -> Response:
    return _type(services, facts, entity_type, form.type_values)


@_routes.get("/v2/types/{entity_type}/attrs/{attribute}")
async def read_type_attribute(
    entity_type: str, attribute: str, facts: QuantumLeapFacts, services: HistoryServices
) -> Response:
    return _type(services, facts, entity_type, form.type_attribute, attribute)


@_routes.get("/v2/types/{entity_type}/attrs/{attribute}/value")
async def read_type_attribute_values(
    entity_type: str, attribute: str, facts: QuantumLeapFacts, services: HistoryServices
) -> Response:
    return _type(services, facts, entity_type, form.type_attribute_values, attribute)


@_routes.get("/v2/attrs")
async def read_attributes(facts: QuantumLeapFacts, services: HistoryServices) -> Response:
    return _all(services, facts, form.attributes)


@_routes.get("/v2/attrs/value")
async def read_attributes_values(facts: QuantumLeapFacts, services: HistoryServices) -> Response:
    return _all(services, facts, form.attributes_values)


@_routes.get("/v2/attrs/{attribute}")
async def read_attribute(
    attribute: str, facts: QuantumLeapFacts, services: HistoryServices
) -> Response:
    return _all(services, facts, form.attribute, attribute)


@_routes.get("/v2/attrs/{attribute}/value")
async def read_attribute_values(
    attribute: str, facts: QuantumLeapFacts, services: HistoryServices
) -> Response:
    return _all(services, facts, form.attribute_values, attribute)


router = mounted(_routes)


def _entity(
    services: Services, facts: Facts, entity_id: str, form: Form, attribute: str | None = None
) -> Response:
    facts.require_any(Action.READ)
    names = known.ENTITY if attribute is None else known.ENTITY_ATTRIBUTE
    parameters = parse(facts.query_string, names, attribute)
    asked = Asked(facts.access, facts.tenant, facts.scope, parameters)
    found = _reading(services).of_entity(asked, entity_id)
    return histories_answer(facts, found, parameters, form)


def _type(
    services: Services, facts: Facts, entity_type: str, form: Form, attribute: str | None = None
) -> Response:
    facts.require_any(Action.READ)
    names = known.TYPE if attribute is None else known.TYPE_ATTRIBUTE
    parameters = replace(parse(facts.query_string, names, attribute), types=(entity_type,))
    asked = Asked(facts.access, facts.tenant, facts.scope, parameters)
    return histories_answer(facts, _reading(services).of_types(asked), parameters, form)


def _all(services: Services, facts: Facts, form: Form, attribute: str | None = None) -> Response:
    facts.require_any(Action.READ)
    names = known.ATTRIBUTES if attribute is None else known.ATTRIBUTE
    parameters = parse(facts.query_string, names, attribute)
    asked = Asked(facts.access, facts.tenant, facts.scope, parameters)
    return histories_answer(facts, _reading(services).of_types(asked), parameters, form)


def _reading(services: Services) -> Reading:
    return Reading(services.planner, services.directory)
