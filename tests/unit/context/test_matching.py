"""Which changes trigger which subscriptions (NGSI-v2 "Notification Triggering")."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.clock import SECOND
from city.document import Attribute, Entity, Write
from city.json import Json
from context.changes import Alteration, Change, change_between
from context.matching import CompiledSubscription, SubscriptionIndex, compile_subscription
from context.owners import Owner
from context.store.subscriptions import StoredSubscription
from models.ngsi_v2.subscription import Subscription
from tests.builders import CITY, START, attribute, entity, following
from tests.pipeline import wanted

ROOM = entity(temperature=20, pressure=720, at=START)


def compiled(
    id: str = "a" * 24, *, path: str = "/#", since: int = START, **members: Any
) -> CompiledSubscription:
    document = Subscription.model_validate(wanted(**members))
    return compile_subscription(
        StoredSubscription(CITY, id, Owner("maker"), path, since, None, document)
    )


def write(old: Entity, *, forced: bool = False, **values: Any) -> Change:
    """A change by a request that names these attributes (None deletes)."""
    new = following(old, **values)
    new.write = Write(tuple(values), forced)
    return change_between(old, new, new.modified)


def triggers(change: Change, **members: Any) -> bool:
    return bool(SubscriptionIndex([compiled(**members)]).triggered(change))


CREATION = change_between(None, ROOM, START)
DELETION = change_between(ROOM, None, START)
CHANGED = write(ROOM, temperature=25)
UNCHANGED = write(ROOM, temperature=20)


def test_change_of_any_attribute_triggers_by_default() -> None:
    assert triggers(CHANGED)
    assert triggers(CREATION)


def test_unchanged_update_does_not_trigger_by_default() -> None:
    assert not triggers(UNCHANGED)


def test_integer_and_equal_float_are_no_change() -> None:
    assert not triggers(write(ROOM, temperature=20.0))


def test_number_and_its_text_are_a_change() -> None:
    assert triggers(write(ROOM, temperature="20"))


def test_forced_update_triggers_though_nothing_changed() -> None:
    assert triggers(write(ROOM, forced=True, temperature=20))


def test_deletion_of_an_entity_does_not_trigger_by_default() -> None:
    assert not triggers(DELETION)


@pytest.mark.parametrize(
    ("listed", "change", "expected"),
    [
        (["entityCreate"], CREATION, True),
        (["entityCreate"], CHANGED, False),
        (["entityChange"], CREATION, False),
        (["entityChange"], CHANGED, True),
        (["entityChange"], UNCHANGED, False),
        (["entityUpdate"], UNCHANGED, True),
        (["entityUpdate"], CHANGED, True),
        (["entityUpdate", "entityChange"], UNCHANGED, True),
        (["entityUpdate"], CREATION, False),
        (["entityDelete"], DELETION, True),
        (["entityDelete"], CHANGED, False),
        (["entityCreate", "entityDelete"], DELETION, True),
    ],
)
def test_alteration_types_choose_the_kinds_of_change(
    listed: list[Json], change: Change, expected: bool
) -> None:
    assert triggers(change, condition={"alterationTypes": listed}) is expected


def test_only_listed_attributes_trigger() -> None:
    assert triggers(CHANGED, condition={"attrs": ["temperature", "other"]})
    assert not triggers(CHANGED, condition={"attrs": ["pressure"]})


def test_listed_attribute_that_was_touched_but_not_changed_does_not_trigger() -> None:
    change = write(ROOM, temperature=20, pressure=800)
    assert not triggers(change, condition={"attrs": ["temperature"]})


def test_entity_update_counts_touched_attributes_also_of_a_real_change() -> None:
    change = write(ROOM, temperature=20, pressure=800)
    condition: dict[str, Json] = {"attrs": ["temperature"], "alterationTypes": ["entityUpdate"]}
    assert triggers(change, condition=condition)


def test_deletion_ignores_the_listed_attributes() -> None:
    condition: dict[str, Json] = {"attrs": ["other"], "alterationTypes": ["entityDelete"]}
    assert triggers(DELETION, condition=condition)


def test_creation_needs_a_listed_attribute() -> None:
    assert not triggers(CREATION, condition={"attrs": ["other"]})
    assert triggers(CREATION, condition={"attrs": ["pressure"]})


def test_creation_without_attributes_triggers() -> None:
    assert triggers(change_between(None, entity(), START))


def test_deleted_attribute_triggers_and_dropped_attribute_does_not() -> None:
    deleted = write(ROOM, temperature=None)
    assert triggers(deleted, condition={"attrs": ["temperature"]})
    replaced = following(ROOM, temperature=None, pressure=900)
    replaced.write = Write(("pressure",))
    change = change_between(ROOM, replaced, START)
    assert not triggers(change, condition={"attrs": ["temperature"]})


def test_type_only_change_triggers() -> None:
    new = following(ROOM)
    new.attributes["temperature"] = Attribute("Celsius", 20)
    new.write = Write(("temperature",))
    assert triggers(change_between(ROOM, new, START))


def metadata_change() -> Change:
    new = following(ROOM)
    new.attributes["temperature"] = Attribute("Number", 20, {"unit": attribute("C")})
    new.write = Write(("temperature",))
    return change_between(ROOM, new, START)


def test_metadata_only_change_triggers_unless_refused() -> None:
    change = metadata_change()
    assert (change.alteration, change.only_metadata) == (Alteration.CHANGE, True)
    assert triggers(change)
    assert not triggers(change, condition={"notifyOnMetadataChange": False})


def test_metadata_only_change_counts_as_update_when_metadata_is_refused() -> None:
    condition: dict[str, Json] = {
        "notifyOnMetadataChange": False,
        "alterationTypes": ["entityUpdate"],
    }
    assert triggers(metadata_change(), condition=condition)


def test_change_of_the_expiry_triggers() -> None:
    new = replace(following(ROOM), expires=START + SECOND)
    new.write = Write(("dateExpires",))
    assert triggers(change_between(ROOM, new, START), condition={"attrs": ["dateExpires"]})


def test_version_over_an_expired_entity_is_a_creation() -> None:
    expired = replace(ROOM, expires=START)
    change = change_between(expired, following(ROOM, temperature=20), START)
    assert change.alteration is Alteration.CREATE


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"id": "room1"}, True),
        ({"id": "room2"}, False),
        ({"id": "room1", "type": "Room"}, True),
        ({"id": "room1", "type": "Hall"}, False),
        ({"idPattern": "^room[0-9]$"}, True),
        ({"idPattern": "oom"}, True),
        ({"idPattern": "^x"}, False),
        ({"idPattern": ".*", "typePattern": "^R"}, True),
        ({"idPattern": ".*", "typePattern": "^H"}, False),
    ],
)
def test_entities_are_selected_by_id_type_and_pattern(
    selector: dict[str, Json], expected: bool
) -> None:
    assert triggers(CHANGED, entities=[selector]) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/#", True), ("/parks", True), ("/parks/#", True), ("/", False), ("/parks/north", False)],
)
def test_service_path_of_the_subscription_covers_the_entity(path: str, expected: bool) -> None:
    change = change_between(None, entity(path="/parks/", temperature=1), START)
    assert triggers(change, path=path) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"q": "temperature>24"}, True),
        ({"q": "temperature>26"}, False),
        ({"q": "temperature>24;pressure==720"}, True),
        ({"mq": "temperature.unit"}, False),
    ],
)
def test_expression_is_held_against_the_entity_after_the_change(
    expression: dict[str, Json], expected: bool
) -> None:
    assert triggers(CHANGED, condition={"expression": expression}) is expected


def test_geographic_expression_is_held_against_the_new_location() -> None:
    point: Json = {"type": "Point", "coordinates": [-3.7, 40.4]}
    new = following(ROOM)
    new.attributes["location"] = attribute(point, "geo:json")
    new.write = Write(("location",))
    change = change_between(ROOM, new, START)
    near: dict[str, Json] = {
        "georel": "near;maxDistance:1000",
        "geometry": "point",
        "coords": "40.4,-3.7",
    }
    far = near | {"coords": "41.4,-3.7"}
    assert triggers(change, condition={"expression": near})
    assert not triggers(change, condition={"expression": far})


def test_changes_before_the_subscription_are_not_seen() -> None:
    assert not triggers(CHANGED, since=CHANGED.at + 1)
    assert triggers(CHANGED, since=CHANGED.at)


def test_deletion_in_the_second_of_the_subscription_is_seen() -> None:
    deletion = change_between(ROOM, None, START)
    condition: dict[str, Json] = {"alterationTypes": ["entityDelete"]}
    assert triggers(deletion, since=START + SECOND - 1, condition=condition)
    assert not triggers(deletion, since=START + SECOND, condition=condition)


def test_candidates_name_what_was_touched() -> None:
    """Cost follows the subscriptions that may match, not all that exist."""
    others = [
        compiled(f"{number:024x}", entities=[{"id": f"room{number}"}]) for number in range(2, 1000)
    ]
    of_other_attributes = [
        compiled(f"b{number:023x}", condition={"attrs": [f"a{number}"]}) for number in range(1000)
    ]
    index = SubscriptionIndex([*others, *of_other_attributes, compiled()])
    assert [one.stored.id for one in index.candidates(CHANGED)] == ["a" * 24]


NAMES = st.lists(st.sampled_from("abc"), unique=True)


@given(
    watched=NAMES,
    alterations=st.lists(st.sampled_from([*Alteration]), unique=True),
    values=st.dictionaries(st.sampled_from("abc"), st.sampled_from([1, 2, None])),
    ids=st.sampled_from([{"id": "room1"}, {"id": "x"}, {"idPattern": ".*"}]),
)
def test_index_finds_whatever_is_triggered(
    watched: list[str], alterations: list[Alteration], values: dict[str, Any], ids: dict[str, Json]
) -> None:
    """The index only narrows down: looking at every subscription gives the same answer."""
    condition: dict[str, Json] = {
        "attrs": [*watched],
        "alterationTypes": [one.value for one in alterations],
    }
    subscription = compiled(entities=[ids], condition=condition)
    old = entity(a=1, b=1)
    for change in (write(old, **values), change_between(None, old, START), DELETION):
        found = bool(SubscriptionIndex([subscription]).triggered(change))
        assert found == subscription.triggered_by(change)
