"""Whether what the context has of an attribute is its newest value, by what history noted."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from city.clock import SECOND
from city.dates import format_date
from city.document import Attribute, Entity, Write
from city.json import Json
from history.recording.changes import change_between
from history.recording.observation import last_observed
from tests.builders import START
from tests.history_oracle import winners_of
from tests.history_records import created

MOMENTS = st.integers(-5, 5).map(lambda seconds: START + seconds * SECOND)
NAMES = ("a", "b")


@dataclass
class Said:
    """What a request says of one attribute: a value with a time, without one, or that it goes."""

    value: Json
    time: int | None
    goes: bool


SAID = st.builds(
    Said,
    value=st.integers(0, 3),
    time=st.none() | MOMENTS,
    goes=st.sampled_from([False] * 6 + [True]),
)
REQUESTS = st.tuples(
    st.dictionaries(st.sampled_from(NAMES), SAID, min_size=1),
    st.none() | MOMENTS,
    st.integers(0, 3),
)
"""Attributes, the entity's own time if it says one, and seconds since the request before."""


def following(old: Entity, said: dict[str, Said], time: int | None, after: int) -> Entity:
    """The next version, as NGSI-v2 makes it: metadata that a request does not name stays."""
    at = old.modified + after * SECOND + 1000
    attributes, undated = dict(old.attributes), []
    for name, one in said.items():
        present = attributes.pop(name, None)
        if one.goes:
            continue
        kept = present.metadata if present else {}
        own = {} if one.time is None else {"observedAt": date(one.time)}
        if kept and not own:
            undated.append(name)
        attributes[name] = Attribute("Number", one.value, kept | own, at, at)
    touched = [*said]
    if time is not None:
        attributes["dateObserved"] = date(time)
        touched.append("dateObserved")
    write = Write(tuple(touched), undated=tuple(undated))
    return Entity(old.identity, attributes, old.created, at, old.version + 1, None, write)


def date(moment: int) -> Attribute:
    return Attribute("DateTime", format_date(moment))


@settings(max_examples=100, deadline=None)
@given(st.lists(REQUESTS, min_size=1, max_size=6))
def test_what_is_observed_when_nothing_is_late_is_the_newest_of_history(
    requests: list[tuple[dict[str, Said], int | None, int]],
) -> None:
    entity = created(a=1, b=1)
    changes = [change_between(None, entity, 0)]
    for said, time, after in requests:
        entity, old = following(entity, said, time, after), entity
        changes.append(change_between(old, entity, 0))
    late = max(change.late_until for change in changes)
    history = winners_of(record for change in changes for record in change.records).values()
    for name in NAMES:
        told = last_observed(entity, name) if name in entity.attributes else None
        if told is not None and told.ts >= late:
            newest = max((one for one in history if one.attribute == name), key=lambda one: one.ts)
            assert (newest.ts, newest.value) == (told.ts, entity.attributes[name].value)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "ab"]), st.booleans()), max_size=6))
def test_values_without_times_or_with_present_ones_are_never_late(
    requests: list[tuple[str, bool]],
) -> None:
    """Else each would cost a write unit."""
    entity = created(a=1, b=1)
    for names, dated in requests:
        now = entity.modified + 60 * SECOND + 1000
        said = {name: Said(1, now - SECOND if dated else None, goes=False) for name in names}
        has_own = any("observedAt" in one.metadata for one in entity.attributes.values())
        entity, old = following(entity, said, None, 60), entity
        if dated or not has_own:
            assert change_between(old, entity, 0).late_until == 0
