"""Short ways for tests of history to say which records, entities and stream records they mean."""

from dataclasses import replace
from types import EllipsisType
from typing import Any

from hypothesis import strategies as st

from city.clock import SECOND
from city.document import Attribute, Entity, Write
from city.dynamodb import to_item
from city.entity_rows import rows_of
from city.json import Json
from city.tenancy import ROOT
from history.records import Record, Series
from tests.builders import START, identity

ROOM = Series("Room", "room1", ROOT)
DAY = 86_400 * SECOND
STREAM_ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/context/stream/2026-11-22T07:30:00.000"


def record(
    value: Json = 20,
    *,
    series: Series = ROOM,
    attribute: str = "temperature",
    ts: int = START,
    seq: int = 1,
    **members: Any,
) -> Record:
    """A value of a room's temperature, or as said."""
    usual = Record(
        series=series,
        attribute=attribute,
        attribute_type="Number",
        ts=ts,
        ts_source="observedAt",
        modified=ts,
        ingested=ts,
        seq=seq,
        op="set",
        value=value,
    )
    return replace(usual, **members)


def dated(value: Json, **times: str) -> Attribute:
    """An attribute with dates as metadata."""
    metadata = {name: Attribute("DateTime", time) for name, time in times.items()}
    return Attribute("Number", value, metadata)


def text(value: str) -> Attribute:
    """A DateTime attribute."""
    return Attribute("DateTime", value)


def created(
    id: str = "room1",
    type: str = "Room",
    *,
    at: int = START,
    expires: int | None = None,
    **attributes: Json | Attribute,
) -> Entity:
    """The first version of an entity, as a request makes it."""
    made = {name: _attribute(value, at) for name, value in attributes.items()}
    write = Write(tuple(made))
    return Entity(identity(id, type), made, at, at, at, expires, write)


def updated(
    previous: Entity, *, after: int = SECOND, **changes: Json | Attribute | EllipsisType
) -> Entity:
    """The next version, with attributes written; `...` removes one."""
    at = previous.modified + after
    attributes = dict(previous.attributes)
    for name, value in changes.items():
        if isinstance(value, EllipsisType):
            attributes.pop(name, None)
        else:
            attributes[name] = _attribute(value, at)
    return Entity(
        previous.identity,
        attributes,
        previous.created,
        at,
        previous.version + 1,
        previous.expires,
        Write(tuple(changes)),
    )


def stream_record(
    old: Entity | None, new: Entity | None, *, number: int = 1, at: int | None = None
) -> dict[str, Any]:
    """The stream record of a step from one version to the next."""
    present = new or old
    assert present is not None
    images = {"OldImage": old, "NewImage": new}
    shown = {name: to_item(rows_of(one).entity) for name, one in images.items() if one}
    return {
        "eventName": "REMOVE" if new is None else "INSERT" if old is None else "MODIFY",
        "eventSourceARN": STREAM_ARN,
        "dynamodb": {
            "ApproximateCreationDateTime": (at or present.modified) // SECOND,
            "SequenceNumber": f"{number:021d}",
            **shown,
        },
    }


def steps(*versions: Entity | None, first: int = 1) -> list[dict[str, Any]]:
    """The stream records of one entity's versions, from its creation; None ends it."""
    return [
        stream_record(old, new, number=number)
        for number, (old, new) in enumerate(
            zip([None, *versions], versions, strict=False), start=first
        )
    ]


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda members: (
        st.lists(members, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), members, max_size=4)
    ),
    max_leaves=8,
)
"""Any JSON value."""


def _attribute(value: Json | Attribute, at: int) -> Attribute:
    if isinstance(value, Attribute):
        return Attribute(value.type, value.value, value.metadata, at, at, value.instances)
    kind = "Number" if isinstance(value, int | float) else "Text"
    return Attribute(kind, value, created=at, modified=at)
