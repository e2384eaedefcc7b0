"""Notifications in the form of NGSI v1, which brokers call legacy, into records.

An attribute was observed at the time in its metadata `TimeInstant`, else when the notification came
in. Every value is kept: zero, false, the empty text and null as well. Said again for the same time a
value changes nothing, and another value takes its place.
"""

from collections.abc import Iterator
from dataclasses import replace

from city.json import Json
from city.tenancy import ServicePath
from history.comet.parameters import Invalid
from history.recording import notification
from history.recording.observation import moment_of
from history.records import Record, whole_millisecond

DEFAULT_TYPE = "Thing"
"""The type of an entity that a notification gives none; the one of NGSI-v2."""

TIME = "TimeInstant"

_NO_ATTRIBUTES = (
    "At least one attribute with an aggregatable value should be included in the notification"
)


def is_legacy(body: Json) -> bool:
    """Whether the body of a notification has the form of NGSI v1."""
    return isinstance(body, dict) and "contextResponses" in body


def records_of(body: Json, path: ServicePath, received: int) -> list[Record]:
    """The records of a notification that came in at `received` (µs).

    Raises Invalid and InvalidRequest, which name the member, for what is not NGSI v1, and Invalid
    for a notification without any attribute.
    """
    entities = [_entity(element) for element in _elements(body)]
    records = notification.records_of(entities, [path], received=received)
    if not records:
        raise Invalid(_NO_ATTRIBUTES, "payload", ("attributes",))
    return [_observed(record, received) for record in records]


def _observed(record: Record, received: int) -> Record:
    """The record with the time that STH-Comet gives it."""
    metadata = record.metadata.get(TIME)
    moment = moment_of(metadata.get("value")) if isinstance(metadata, dict) else None
    if moment is not None:
        return replace(record, ts=moment, ts_source="TimeInstant")
    return replace(record, ts=whole_millisecond(received), ts_source="received")


def _elements(body: Json) -> Iterator[dict[str, Json]]:
    responses = body.get("contextResponses") if isinstance(body, dict) else None
    if not isinstance(responses, list):
        raise _malformed("contextResponses", "must be an array")
    for response in responses:
        element = response.get("contextElement") if isinstance(response, dict) else None
        if not isinstance(element, dict):
            raise _malformed("contextElement", "must be an object")
        yield element


def _entity(element: dict[str, Json]) -> Json:
    """The element as an entity of NGSI-v2."""
    attributes = element.get("attributes", [])
    if not isinstance(attributes, list):
        raise _malformed("attributes", "must be an array")
    entity: dict[str, Json] = {}
    for attribute in attributes:
        name, members = _named(attribute, "attributes")
        if name in entity or name in ("id", "type"):
            raise _malformed("attributes", f'must not have "{name}" twice, or as a name')
        named = (_named(one, "metadatas") for one in _metadatas(members))
        metadata: Json = {key: _typed(one) for key, one in named}
        entity[name] = _typed(members) | {"metadata": metadata}
    return {"id": element.get("id"), "type": element.get("type") or DEFAULT_TYPE, **entity}


def _metadatas(attribute: dict[str, Json]) -> list[Json]:
    metadatas = attribute.get("metadatas", [])
    if not isinstance(metadatas, list):
        raise _malformed("metadatas", "must be an array")
    return metadatas


def _named(member: Json, where: str) -> tuple[str, dict[str, Json]]:
    name = member.get("name") if isinstance(member, dict) else None
    if not isinstance(member, dict) or not isinstance(name, str):
        raise _malformed(where, "must be objects with a name")
    return name, member


def _typed(member: dict[str, Json]) -> dict[str, Json]:
    return {"type": member.get("type"), "value": member.get("value")}


def _malformed(key: str, why: str) -> Invalid:
    return Invalid(f'child "{key}" fails because ["{key}" {why}]', "payload", (key,))
