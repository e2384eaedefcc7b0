"""Deletion of the history of an entity, or of a type."""

from fastapi import APIRouter, Response

from city.policy import Operation
from city.policy.grants import Action
from city.tenancy import in_scope
from history.access import DELETE
from history.quantumleap import parameters as known
from history.quantumleap.answers import no_content, nothing
from history.quantumleap.deleting import Deleting
from history.quantumleap.facts import Facts, QuantumLeapFacts
from history.quantumleap.mounting import at_both, mounted
from history.quantumleap.parameters import parse
from history.quantumleap.reading import spelled_type, the_one
from history.quantumleap.refusals import Refused, ambiguous
from history.records import Series
from history.services import HistoryServices, Services

_routes = APIRouter()

RULES = at_both(
    {
        ("DELETE", "/v2/entities/{entity_id}"): Operation("history:delete", DELETE),
        ("DELETE", "/v2/types/{entity_type}"): Operation("history:delete", DELETE),
    }
)


@_routes.delete("/v2/entities/{entity_id}")
async def delete_entity(
    entity_id: str, facts: QuantumLeapFacts, services: HistoryServices
) -> Response:
    """Delete what an entity has, or has in a time."""
    facts.require_any(Action.DELETE)
    parameters = parse(facts.query_string, known.DELETE_ENTITY)
    deleting = Deleting(services.planner, services.directory, services.deletions)
    series = _series_of(services, facts, deleting, entity_id, parameters.types)
    done = deleting.entity(facts.access, facts.tenant, facts.scope, series, parameters.window)
    return no_content() if done else nothing(facts)


@_routes.delete("/v2/types/{entity_type}")
async def delete_type(
    entity_type: str, facts: QuantumLeapFacts, services: HistoryServices
) -> Response:
    """Delete what all entities of a type have, or have in a time; with dropTable all there is."""
    facts.require_any(Action.DELETE)
    parameters = parse(facts.query_string, known.DELETE_TYPE)
    views = [facts.access.view(facts.tenant, of) for of in (Action.READ, Action.DELETE)]
    types = services.directory.types(facts.tenant)
    type = spelled_type(services.directory, facts.tenant, entity_type, types, views)
    deleting = Deleting(services.planner, services.directory, services.deletions)
    if parameters.drops_table:
        if not facts.is_root:
            text = "dropTable requires the root fiware-servicepath: '/'"
            raise Refused(422, "Unprocessable Entity", text)
        deleting.type(facts.access, facts.tenant, facts.scope, type)
        return no_content()
    done = deleting.type(facts.access, facts.tenant, facts.scope, type, parameters.window)
    return no_content() if done else nothing(facts)


router = mounted(_routes)


def _series_of(
    services: Services,
    facts: Facts,
    deleting: Deleting,
    entity_id: str,
    types: tuple[str, ...] | None,
) -> list[Series]:
    """The series in scope of the one entity that is meant. Raises Refused (409) if there are several."""
    # an entity that the caller neither sees nor may delete makes no id and no name ambiguous
    views = [facts.access.view(facts.tenant, of) for of in (Action.READ, Action.DELETE)]
    every = [
        one
        for one in services.directory.of_id(facts.tenant, entity_id)
        if in_scope(facts.scope, one.path)
        and any(view.sees(one.id, one.type, one.path) for view in views)
    ]
    if types is not None:
        wanted = {the_one(type, (one.type for one in every)) for type in types}
        every = [one for one in every if one.type in wanted]
    known_types = {one.type for one in every}
    if len(known_types) > 1:
        tenant, scope = facts.tenant, facts.scope
        known_types = {
            type for type in known_types if deleting.is_there(tenant, scope, type, entity_id)
        }
    if len(known_types) > 1:
        raise ambiguous(entity_id, 409)
    return [one for one in every if one.type in known_types]
