"""`/v2/entities`: entities, their attributes, and bare attribute values."""

from urllib.parse import quote

from fastapi import APIRouter, Response

from city.document import Entity, Identity
from city.json import Json
from city.policy.grants import Action
from context.entities import Mutation
from context.ngsi_v2 import payload, render, updates
from context.ngsi_v2.answers import (
    json_answer,
    list_answer,
    no_content,
    projection,
    shown_entity,
    value_answer,
)
from context.ngsi_v2.body import read_json, read_text_value
from context.ngsi_v2.entity_query import list_query
from context.ngsi_v2.facts import Facts, RequestFacts
from context.ngsi_v2.negotiation import value_media_type
from context.rights import Permit
from context.services import ContextServices, Services

router = APIRouter(tags=["Entities"])

_UNESCAPED = "!$*,-.:@[\\]^_`{|}~"


@router.get("/v2/entities")
async def list_entities(facts: RequestFacts, services: ContextServices) -> Response:
    query, shown = list_query(facts), projection(facts)
    page = services.queries.run(query)
    items = [shown_entity(entity, facts, shown) for entity in page.entities]
    return list_answer(items, page.total if query.count else None)


@router.post("/v2/entities")
async def create_entity(facts: RequestFacts, services: ContextServices) -> Response:
    incoming = payload.read_entity(read_json(facts.body), key_values=facts.key_values)
    type = incoming.type or payload.DEFAULT_ENTITY_TYPE
    identity = Identity(facts.tenant, incoming.id, type, facts.write_path)
    request = update_request(facts, incoming.id, type)
    creation = updates.create(incoming.attributes, request)
    headers = {"Location": f"/v2/entities/{_quoted(incoming.id)}?type={_quoted(type)}"}
    if "upsert" in facts.parameters.options:
        mutation = updates.append(incoming.attributes, request)
        permit = facts.permit(Action.UPDATE, *incoming.attributes)
        services.entities.upsert(identity, creation, mutation, permit=permit)
        return no_content(headers)
    permit = facts.permit(Action.CREATE, *incoming.attributes)
    services.entities.create(identity, creation, permit=permit)
    return Response(None, 201, headers)


@router.get("/v2/entities/{entity_id}")
async def read_entity(facts: RequestFacts, services: ContextServices) -> Response:
    entity = _one(facts, services)
    return json_answer(shown_entity(entity, facts, projection(facts)))


@router.delete("/v2/entities/{entity_id}")
async def delete_entity(facts: RequestFacts, services: ContextServices) -> Response:
    permit = facts.permit(Action.DELETE, whole=True)
    id, type, path = facts.entity_id, facts.type, facts.write_path
    services.entities.delete(facts.tenant, id, type, path, permit=permit)
    return no_content()


@router.get("/v2/entities/{entity_id}/attrs")
async def read_attributes(facts: RequestFacts, services: ContextServices) -> Response:
    shown = shown_entity(_one(facts, services), facts, projection(facts))
    if isinstance(shown, dict):
        del shown["id"], shown["type"]
    return json_answer(shown)


@router.post("/v2/entities/{entity_id}/attrs")
async def append_attributes(facts: RequestFacts, services: ContextServices) -> Response:
    strictly = "append" in facts.parameters.options
    attributes = _attributes(facts)
    operation = updates.append_strictly if strictly else updates.append
    permit = facts.permit(Action.UPDATE, *attributes)
    return _update(operation(attributes, _asked(facts)), permit, facts, services)


@router.patch("/v2/entities/{entity_id}/attrs")
async def update_attributes(facts: RequestFacts, services: ContextServices) -> Response:
    attributes = _attributes(facts)
    permit = facts.permit(Action.UPDATE, *attributes)
    return _update(updates.update(attributes, _asked(facts)), permit, facts, services)


@router.put("/v2/entities/{entity_id}/attrs")
async def replace_attributes(facts: RequestFacts, services: ContextServices) -> Response:
    attributes = _attributes(facts)
    permit = facts.permit(Action.UPDATE, *attributes, whole=True)
    return _update(updates.replace_all(attributes, _asked(facts)), permit, facts, services)


@router.get("/v2/entities/{entity_id}/attrs/{attribute}")
async def read_attribute(facts: RequestFacts, services: ContextServices) -> Response:
    entity, name = _one(facts, services), facts.attribute
    if facts.key_values:
        return json_answer({name: render.shown_value(render.stored(entity, name))})
    return json_answer(render.attribute(entity, name, facts.parameters.names("metadata")))


@router.put("/v2/entities/{entity_id}/attrs/{attribute}")
async def put_attribute(facts: RequestFacts, services: ContextServices) -> Response:
    attribute = payload.read_attribute(facts.attribute, read_json(facts.body))
    mutation = updates.put_attribute(facts.attribute, attribute, _asked(facts))
    return _update(mutation, facts.permit(Action.UPDATE, facts.attribute), facts, services)


@router.delete("/v2/entities/{entity_id}/attrs/{attribute}")
async def delete_attribute(facts: RequestFacts, services: ContextServices) -> Response:
    mutation = updates.delete_attribute(facts.attribute, _asked(facts))
    return _update(mutation, facts.permit(Action.DELETE, facts.attribute), facts, services)


@router.get("/v2/entities/{entity_id}/attrs/{attribute}/value")
async def read_value(facts: RequestFacts, services: ContextServices) -> Response:
    attribute = render.stored(_one(facts, services), facts.attribute)
    media_type = value_media_type(render.shown_value(attribute), facts.accept)
    return value_answer(render.text_value(attribute), media_type)


@router.put("/v2/entities/{entity_id}/attrs/{attribute}/value")
async def put_value(facts: RequestFacts, services: ContextServices) -> Response:
    mutation = updates.put_value(facts.attribute, _incoming_value(facts), _asked(facts))
    return _update(mutation, facts.permit(Action.UPDATE, facts.attribute), facts, services)


def update_request(facts: Facts, id: str = "", type: str | None = None) -> updates.Request:
    """How the request asks for an update of the entity with this id (and type)."""
    return updates.Request(
        id,
        type,
        override_metadata="overrideMetadata" in facts.parameters.options,
        forced="forcedUpdate" in facts.parameters.options,
        correlator=facts.correlator,
    )


def _asked(facts: Facts) -> updates.Request:
    return update_request(facts, facts.entity_id, facts.type)


def _one(facts: Facts, services: Services) -> Entity:
    id, type = facts.entity_id, facts.type
    return services.entities.get(facts.tenant, id, type, facts.scope, facts.view)


def _update(mutation: Mutation, permit: Permit, facts: Facts, services: Services) -> Response:
    id, type, path = facts.entity_id, facts.type, facts.write_path
    services.entities.update(facts.tenant, id, type, path, mutation, permit=permit)
    return no_content()


def _attributes(facts: Facts) -> payload.Attributes:
    return payload.read_attributes(read_json(facts.body), key_values=facts.key_values)


def _incoming_value(facts: Facts) -> Json:
    if facts.is_text:
        return payload.check_value(read_text_value(facts.body))
    return payload.read_value(read_json(facts.body))


def _quoted(identifier: str) -> str:
    return quote(identifier, safe=_UNESCAPED)
