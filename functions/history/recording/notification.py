"""Entities as notifications carry them, NGSI-v2 or NGSI-LD in normalized form, into records.

All attributes of an entity get one time, by QuantumLeap's order: the first of these that is a date.

1. the attribute that the notification's sender names as time index, then the newest metadata of
   that name
2. the attribute `TimeInstant`, then the newest metadata of that name; the same with `timestamp`
3. the newest member `observedAt` of an NGSI-LD attribute; the same with `modifiedAt`
4. the entity's members `observedAt`, `modifiedAt`
5. the attribute `dateModified`, then the newest metadata of that name
6. the time when the notification came in
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from city.document import Attribute
from city.errors import InvalidRequest
from city.json import Json
from city.tenancy import ServicePath
from history.recording.changes import Whereabouts, plain_metadata, whereabouts
from history.recording.observation import Observation, moment_of
from history.records import Record, Series, TsSource, whole_millisecond

MAX_IDENTITY_BYTES = 1000
"""Of id, type and service path together, so that they fit into keys of the store."""

MAX_TYPE_BYTES = 256
"""Of a type, which is a part of object keys."""

LD_VALUES = ("value", "object", "languageMap", "json", "vocab", "valueList", "objectList")
"""The members that say what an attribute is; NGSI-v2 has only the first."""

_CONTROL = re.compile("[\x00-\x1f\x7f]")
"""No standard has these in names, and neither CSV files nor keys of the store do."""

_LD_TYPES = frozenset(
    {
        "Property",
        "GeoProperty",
        "Relationship",
        "LanguageProperty",
        "JsonProperty",
        "VocabProperty",
        "ListProperty",
        "ListRelationship",
    }
)
_V2_TIMES: tuple[TsSource, ...] = ("TimeInstant", "timestamp")
_LD_TIMES: tuple[TsSource, ...] = ("observedAt", "modifiedAt")
_LD_MOMENTS = frozenset({*_LD_TIMES, "createdAt", "deletedAt"})
_NEVER_ATTRIBUTES = frozenset({"id", "type", "@context"})
_SYSTEM_MEMBERS = _LD_MOMENTS | {"scope"}

Members = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of an attribute, and its dataset: "" without a datasetId."""

    name: str
    dataset: str
    attribute: Attribute


def records_of(
    entities: Sequence[Json],
    paths: Sequence[ServicePath],
    *,
    received: int,
    time_index: str | None = None,
) -> list[Record]:
    """The records of the entities of one notification, at one path or at a path each.

    `received` (µs) is when it came in; of two entities that are the same the later one counts.
    `time_index` is the attribute that the sender names. Raises InvalidRequest, which names the
    member, for what is not in normalized form, and when there are neither one nor as many paths.
    """
    if len(paths) not in {1, len(entities)}:
        raise InvalidRequest("there must be one service path, or as many as entities")
    each = list(paths) if len(paths) == len(entities) else [paths[0]] * len(entities)
    return [
        record
        for number, (entity, path) in enumerate(zip(entities, each, strict=True))
        for record in _records(entity, path, received, number, time_index)
    ]


def _records(
    entity: Json, path: ServicePath, received: int, number: int, time_index: str | None
) -> Iterator[Record]:
    if not isinstance(entity, dict):
        raise InvalidRequest("an entity must be a JSON object")
    series = _series(entity, path)
    instances = list(_instances(entity))
    moment = time_of(entity, instances, time_index)
    ts, source = moment or Observation(whole_millisecond(received), "received")
    place = _whereabouts(instances)
    for index, one in enumerate(instances):
        yield Record(
            series=series,
            attribute=one.name,
            attribute_type=one.attribute.type,
            ts=ts,
            ts_source=source,
            modified=_modified(one.attribute) or received,
            ingested=received,
            seq=received + number,
            op="set",
            value=one.attribute.value,
            metadata=plain_metadata(one.attribute.metadata),
            dataset=one.dataset,
            position=place.position,
            shape=place.shape,
            index=index,
        )


def time_of(
    entity: Members, instances: Sequence[Instance], time_index: str | None
) -> Observation | None:
    """When the entity's values were observed; None if nothing in the notification tells."""
    for moment, source in _times(entity, instances, time_index):
        if moment is not None:
            return Observation(moment, source)
    return None


def _times(
    entity: Members, instances: Sequence[Instance], time_index: str | None
) -> Iterator[tuple[int | None, TsSource]]:
    """The times that the entity may have, in their order; None where there is no date."""
    if time_index:
        yield _of_attribute(instances, time_index), "header"
        yield _newest_metadata(instances, time_index), "header"
    for name in _V2_TIMES:
        yield _of_attribute(instances, name), name
        yield _newest_metadata(instances, name), name
    for name in _LD_TIMES:
        yield _newest_metadata(instances, name), name
    for name in _LD_TIMES:
        yield moment_of(entity.get(name)), name
    yield _of_attribute(instances, "dateModified"), "dateModified"
    yield _newest_metadata(instances, "dateModified"), "dateModified"


def _of_attribute(instances: Sequence[Instance], name: str) -> int | None:
    moments = (moment_of(one.attribute.value) for one in instances if one.name == name)
    return next(moments, None)


def _newest_metadata(instances: Sequence[Instance], name: str) -> int | None:
    found = (one.attribute.metadata[name] for one in instances if name in one.attribute.metadata)
    return max(filter(None, (moment_of(member.value) for member in found)), default=None)


def _modified(attribute: Attribute) -> int | None:
    for name in ("modifiedAt", "dateModified"):
        member = attribute.metadata.get(name)
        if member is not None and (moment := moment_of(member.value)) is not None:
            return moment
    return None


def _whereabouts(instances: Sequence[Instance]) -> Whereabouts:
    """Where the entity is by its geo attributes; NGSI-LD says so by the property `location`."""
    attributes = {one.name: one.attribute for one in instances if not one.dataset}
    location = attributes.get("location")
    if location is not None and location.type == "GeoProperty":
        return whereabouts({"location": Attribute("geo:json", location.value)})
    return whereabouts(attributes)


def _series(entity: Members, path: ServicePath) -> Series:
    id, type = (_identifier(entity.get(name), f"entity {name}") for name in ("id", "type"))
    if len(type.encode()) > MAX_TYPE_BYTES:
        raise InvalidRequest(f"the entity type has more than {MAX_TYPE_BYTES} bytes")
    if len(f"{id}{type}{path}".encode()) > MAX_IDENTITY_BYTES:
        raise InvalidRequest("Too long entity id/type/servicePath combination")
    return Series(type, id, path)


def _identifier(text: Json, what: str) -> str:
    if not isinstance(text, str) or not text:
        raise InvalidRequest(f"{what} is missing, or no text")
    if _CONTROL.search(text):
        raise InvalidRequest(f"Invalid characters in {what}")
    return text


def _instances(entity: Members) -> Iterator[Instance]:
    for name, content in entity.items():
        if name in _NEVER_ATTRIBUTES:
            continue
        if name in _SYSTEM_MEMBERS and not isinstance(content, dict):
            continue
        _identifier(name, "attribute name")
        for members in content if isinstance(content, list) and content else [content]:
            attribute = _attribute(name, members)
            dataset = members.get("datasetId") if isinstance(members, dict) else None
            yield Instance(name, dataset if isinstance(dataset, str) else "", attribute)


def _attribute(name: str, members: Json) -> Attribute:
    """An attribute, or a sub-attribute of NGSI-LD."""
    if not isinstance(members, dict) or not _is_normalized(members):
        raise InvalidRequest(
            f"attribute {name} is not in normalized form: it needs type and value; "
            "subscribe with attrsFormat normalized"
        )
    type = members.get("type")
    value = next((members[member] for member in LD_VALUES if member in members), None)
    if not isinstance(type, str | None):
        raise InvalidRequest(f"the type of attribute {name} is no text")
    metadata = _v2_metadata(name, members) | _ld_metadata(members)
    return Attribute(type or "", value, metadata)


def _is_normalized(members: Members) -> bool:
    if members.get("type") in _LD_TYPES:
        return True
    return "value" in members or (bool(members) and members.keys() <= {"type", "metadata"})


def _v2_metadata(name: str, members: Members) -> dict[str, Attribute]:
    metadata = members.get("metadata", {})
    if not isinstance(metadata, dict):
        raise InvalidRequest(f"the metadata of attribute {name} is no JSON object")
    return {key: _attribute(f"{name}, metadata {key}", member) for key, member in metadata.items()}


def _ld_metadata(members: Members) -> dict[str, Attribute]:
    """What NGSI-LD has beside the value: times, the unit, and attributes of the attribute."""
    said = {"type", "metadata", "datasetId", *LD_VALUES}
    return {
        name: _ld_member(name, content) for name, content in members.items() if name not in said
    }


def _ld_member(name: str, content: Json) -> Attribute:
    if isinstance(content, dict) and _is_normalized(content):
        return _attribute(name, content)
    return Attribute("DateTime" if name in _LD_MOMENTS else "Text", content)
