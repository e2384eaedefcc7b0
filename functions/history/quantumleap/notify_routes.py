"""What other brokers and context providers send: notifications to record, and questions for values."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from fastapi import APIRouter, Response

from city.errors import TooLarge
from city.json import Json
from city.policy import Operation
from city.policy.grants import Action
from history.access import READ, WRITE
from history.quantumleap import parameters as known
from history.quantumleap.answers import json_answer, nothing, text_answer
from history.quantumleap.facts import QuantumLeapFacts
from history.quantumleap.mounting import at_both, mounted
from history.quantumleap.parameters import parse
from history.quantumleap.reading import Asked, Entity, Reading
from history.quantumleap.refusals import Refused, WrongForm
from history.quantumleap.representations import last_values
from history.recording.notification import records_of
from history.recording.notified import require_create, require_few_files
from history.services import HistoryServices

MAX_NAMES = 1000
"""Entities, and attributes, of one query."""
MAX_TYPES = 50
"""Types of one query."""

PROCESSED = "Notification successfully processed"

_routes = APIRouter()

RULES = at_both(
    {
        ("POST", "/v2/notify"): Operation("history:record", WRITE),
        ("POST", "/v2/op/query"): Operation("history:read", READ, is_public=True),
    }
)


@_routes.post("/v2/notify")
async def notify(facts: QuantumLeapFacts, services: HistoryServices) -> Response:
    """Record the entities of a notification; it counts before this is answered."""
    facts.require_any(Action.CREATE)
    entities = _list(facts.document(), "data")
    records = records_of(
        entities,
        facts.write_paths(len(entities)),
        received=services.clock(),
        time_index=facts.time_index,
    )
    require_create(facts.access, facts.tenant, records)
    require_few_files(records)
    if records:
        # no two notifications are one batch: one that says the same again, says it of another time
        services.recorder.record(facts.tenant, records, f"notify {uuid4().hex}")
    return text_answer(PROCESSED)


@_routes.post("/v2/op/query")
async def query(facts: QuantumLeapFacts, services: HistoryServices) -> Response:
    """The last values of entities, as a context provider gives them; all of them or none."""
    facts.require_any(Action.READ)
    document = facts.document()
    attributes = _texts(document, "attrs")
    wanted = [_wanted(entity) for entity in _list(document, "entities")]
    _check_few(attributes, wanted)
    for name in ("expression", "metadata"):
        if name in document:
            raise _unsupported(name)
    everything = replace(parse(b"", known.ENTITY), attributes=attributes or None)
    asked = Asked(facts.access, facts.tenant, facts.scope, everything)
    found = Reading(services.planner, services.directory).last_values(asked, wanted)
    if not all(found.values()):
        return nothing(facts)
    answer: list[Json] = [last_values(found[entity]) for entity in wanted]
    return json_answer(answer)


router = mounted(_routes)


def _list(document: dict[str, Json], name: str) -> list[Json]:
    value = document.get(name)
    if name not in document:
        raise WrongForm(f"'{name}' is a required property")
    if not isinstance(value, list):
        raise WrongForm(f"{name}: this is not of type 'array'")
    return value


def _texts(document: dict[str, Json], name: str) -> tuple[str, ...]:
    texts = _list(document, name)
    if not all(isinstance(text, str) for text in texts):
        raise WrongForm(f"{name}: all of them must be of type 'string'")
    return tuple(dict.fromkeys(str(text) for text in texts))


def _check_few(attributes: Sequence[str], wanted: Sequence[Entity]) -> None:
    """Each type is a query of its own, and each entity a look into the directory."""
    for what, most, number in (
        ("attributes", MAX_NAMES, len(attributes)),
        ("entities", MAX_NAMES, len(wanted)),
        ("types", MAX_TYPES, len({entity.type for entity in wanted})),
    ):
        if number > most:
            raise TooLarge(f"the query names {number} {what}; at most {most} are answered")


def _wanted(entity: Json) -> Entity:
    """An entity to be queried."""
    if not isinstance(entity, dict):
        raise WrongForm("entities: all of them must be of type 'object'")
    if "idPattern" in entity:
        raise _unsupported("idPattern")
    type, id = entity.get("type"), entity.get("id")
    for name, value in (("type", type), ("id", id)):
        if not value:
            raise Refused(400, "Bad Request", f"Entity {name} is required")
    if not (isinstance(type, str) and isinstance(id, str)):
        raise WrongForm("entities: id and type must be of type 'string'")
    return Entity(type, id)


def _unsupported(name: str) -> Refused:
    return Refused(400, "Bad Request", f"{name} is Not Supported")
