"""What operations make of an entity: attributes, types, metadata, times, refusals."""

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from city.dates import parse_date
from city.document import Attribute, Entity, Identity, Write
from city.errors import InvalidRequest, NotFound, PartialUpdate, TooLarge, Unprocessable
from city.json import Json
from city.tenancy import DEFAULT_TENANT, ROOT, ServicePath
from context.entities import Mutation
from context.ngsi_v2 import updates
from context.ngsi_v2.payload import Attributes
from context.ngsi_v2.updates import Request

IDENTITY = Identity(DEFAULT_TENANT, "E", "T", ROOT)
CREATED, CHANGED, NOW = 1_000_000, 2_000_000, 3_000_000
REQUEST = Request("E", "T", correlator="c1")
FORCED = replace(REQUEST, forced=True)
OVERRIDE = replace(REQUEST, override_metadata=True)
POINT: Json = {"type": "Point", "coordinates": [1, 2]}
END = "2030-01-01T00:00:00.000Z"


def number(value: Json, **metadata: Json) -> Attribute:
    return Attribute(
        "Number", value, {name: Attribute("Text", metadata[name]) for name in metadata}
    )


def stored(**attributes: Attribute) -> Entity:
    kept = {
        name: replace(attribute, created=CREATED, modified=CHANGED)
        for name, attribute in attributes.items()
    }
    return Entity(IDENTITY, kept, created=CREATED, modified=CHANGED, version=7)


def done(mutation: Mutation, present: Entity) -> Entity:
    outcome = mutation(present, NOW)
    assert outcome.refusal is None
    return outcome.entity


def contents(entity: Entity) -> dict[str, tuple[str, Json]]:
    return {name: (kept.type, kept.value) for name, kept in entity.attributes.items()}


class TestCreate:
    def test_everything_is_as_of_now(self) -> None:
        entity = updates.create({"A": number(1, unit="C")}, REQUEST)(IDENTITY, NOW)

        made = Attribute("Number", 1, {"unit": Attribute("Text", "C")}, created=NOW, modified=NOW)
        write = Write(("A",), forced=False, correlator="c1")
        assert entity == Entity(IDENTITY, {"A": made}, NOW, NOW, version=1, write=write)

    def test_transient_entity_has_its_end_beside_the_attributes(self) -> None:
        incoming = {"A": number(1), "dateExpires": Attribute("DateTime", END)}
        entity = updates.create(incoming, REQUEST)(IDENTITY, NOW)

        assert entity.expires == parse_date(END)
        assert contents(entity) == {"A": ("Number", 1)}
        assert entity.write.touched == ("A", "dateExpires")

    def test_end_of_null_means_no_end(self) -> None:
        entity = updates.create({"dateExpires": Attribute("DateTime", None)}, REQUEST)(
            IDENTITY, NOW
        )
        assert entity.expires is None

    def test_operators_start_from_nothing(self) -> None:
        incoming = {
            "count": number({"$inc": 4}),
            "low": number({"$min": 5}),
            "at": Attribute("DateTime", {"$max": END}),
            "gone": number({"$pull": 1}),
        }
        entity = updates.create(incoming, REQUEST)(IDENTITY, NOW)

        assert contents(entity) == {
            "count": ("Number", 4),
            "low": ("Number", 0),
            "at": ("DateTime", END),
        }

    def test_second_location_is_too_large(self) -> None:
        incoming = {name: Attribute("geo:json", POINT) for name in "ab"}
        with pytest.raises(TooLarge, match="more than one geo location attribute"):
            updates.create(incoming, REQUEST)(IDENTITY, NOW)

    def test_location_that_is_no_geometry_is_refused(self) -> None:
        incoming = {"a": Attribute("geo:json", {"type": "Point"})}
        with pytest.raises(InvalidRequest, match="error parsing location attribute"):
            updates.create(incoming, REQUEST)(IDENTITY, NOW)

    def test_identity_may_not_be_longer_than_a_key(self) -> None:
        path = ServicePath("/" + ("x" * 50 + "/") * 10)
        longest = Identity(DEFAULT_TENANT, "i" * 256, "t" * 247, path)
        assert updates.create({}, REQUEST)(longest, NOW).identity == longest

        with pytest.raises(InvalidRequest, match="Too long entity id/type/servicePath combination"):
            updates.create({}, REQUEST)(longest._replace(type="t" * 248), NOW)


class TestAppend:
    def test_attributes_are_added_and_updated(self) -> None:
        present = stored(A=number(1), B=number(2))
        entity = done(updates.append({"B": number(3), "C": number(4)}, REQUEST), present)

        assert entity.attributes["A"] is present.attributes["A"]
        assert entity.attributes["B"] == replace(present.attributes["B"], value=3, modified=NOW)
        assert entity.attributes["C"] == replace(number(4), created=NOW, modified=NOW)
        assert (entity.created, entity.modified, entity.version) == (CREATED, NOW, 8)
        assert entity.write == Write(("B", "C"), forced=False, correlator="c1")

    def test_time_that_is_kept_from_an_older_value_is_told_to_readers_of_the_stream(self) -> None:
        present = stored(A=number(1, TimeInstant="2026-01-01"), B=number(2, unit="C"))
        kept = done(updates.append({"A": number(3), "B": number(4)}, REQUEST), present)
        assert kept.write.undated == ("A",)
        valued = done(updates.put_value("A", 3, REQUEST), present)
        assert valued.write.undated == ("A",)
        said = number(3, TimeInstant="2026-01-02")
        for mutation in (
            updates.append({"A": said}, REQUEST),
            updates.put_attribute("A", number(3), replace(REQUEST, override_metadata=True)),
            updates.replace_all({"A": number(3)}, REQUEST),
            updates.delete_attribute("B", REQUEST),
        ):
            assert done(mutation, present).write.undated == ()

    @pytest.mark.parametrize("same", [1, 1.0])
    def test_what_stays_the_same_keeps_its_time(self, same: Json) -> None:
        present = stored(A=number(1, unit="C"))
        entity = done(updates.append({"A": number(same)}, REQUEST), present)

        assert entity.attributes == present.attributes
        assert entity.write.touched == ("A",)
        assert entity.modified == NOW

    def test_forced_update_counts_as_change(self) -> None:
        entity = done(updates.append({"A": number(1)}, FORCED), stored(A=number(1)))

        assert entity.attributes["A"].modified == NOW
        assert entity.write.forced

    @pytest.mark.parametrize(
        "wanted", [Attribute("Celsius", 1), number(2), number(True), number(1, unit="F")]
    )
    def test_type_value_and_metadata_each_count_as_change(self, wanted: Attribute) -> None:
        entity = done(updates.append({"A": wanted}, REQUEST), stored(A=number(1, unit="C")))

        assert entity.attributes["A"].modified == NOW
        assert entity.attributes["A"].created == CREATED

    def test_type_is_taken_from_the_request_every_time(self) -> None:
        present = stored(A=Attribute("Celsius", 20))
        entity = done(updates.append({"A": number(21)}, REQUEST), present)
        assert contents(entity) == {"A": ("Number", 21)}

    def test_metadata_sticks(self) -> None:
        present = stored(A=number(1, unit="C", by="me"))
        entity = done(updates.append({"A": number(2, by="you", at="top")}, REQUEST), present)

        metadata = entity.attributes["A"].metadata
        assert {name: kept.value for name, kept in metadata.items()} == {
            "unit": "C",
            "by": "you",
            "at": "top",
        }

    def test_metadata_can_be_overridden(self) -> None:
        present = stored(A=number(1, unit="C"))
        entity = done(updates.append({"A": number(1, by="you")}, OVERRIDE), present)
        assert list(entity.attributes["A"].metadata) == ["by"]

        entity = done(updates.append({"A": number(1)}, OVERRIDE), present)
        assert entity.attributes["A"].metadata == {}
        assert entity.attributes["A"].modified == NOW

    def test_operator_that_removes_adds_nothing(self) -> None:
        incoming = {"A": number({"$unset": {"x": 1}}), "B": number({"$inc": 1})}
        entity = done(updates.append(incoming, REQUEST), stored())
        assert contents(entity) == {"B": ("Number", 1)}

    def test_operator_result_that_changes_nothing_is_no_change(self) -> None:
        present = stored(A=number(10))
        entity = done(updates.append({"A": number({"$max": 4})}, REQUEST), present)
        assert entity.attributes == present.attributes

    def test_operator_that_fails_refuses_the_whole_request(self) -> None:
        incoming = {"A": number(5), "B": number({"$inc": 1})}
        with pytest.raises(Unprocessable, match="\\$inc needs"):
            updates.append(incoming, REQUEST)(stored(B=number("text")), NOW)

    def test_second_location_is_too_large_unless_its_type_is_ignored(self) -> None:
        present = stored(a=Attribute("geo:json", POINT))
        second = Attribute("geo:point", "2,1")
        with pytest.raises(TooLarge):
            updates.append({"b": second}, REQUEST)(present, NOW)

        ignored = replace(second, metadata={"ignoreType": Attribute("Boolean", True)})
        entity = done(updates.append({"b": ignored}, REQUEST), present)
        entity = done(updates.append({"b": second}, REQUEST), entity)
        with pytest.raises(TooLarge):
            updates.append({"b": second}, OVERRIDE)(entity, NOW)

    @pytest.mark.parametrize(
        ("present", "tried"),
        [
            ({}, " for new attribute"),
            ({"a": Attribute("Text", "here")}, " for existing attribute"),
            ({"a": Attribute("geo:point", "1,2")}, ""),
        ],
    )
    def test_bad_location_is_refused_with_what_was_tried(
        self, present: Attributes, tried: str
    ) -> None:
        incoming = {"a": Attribute("geo:point", "nowhere")}
        with pytest.raises(InvalidRequest, match=f"error parsing location attribute{tried}: geo"):
            updates.append(incoming, REQUEST)(stored(**present), NOW)

    def test_location_of_null_does_not_count(self) -> None:
        present = stored(a=Attribute("geo:json", POINT))
        none = Attribute("geo:json", None)
        entity = done(updates.append({"a": none}, REQUEST), present)
        done(updates.append({"b": Attribute("geo:json", POINT)}, REQUEST), entity)

    def test_without_attributes_nothing_is_written(self) -> None:
        present = stored(A=number(1))
        for operation in (updates.append, updates.append_strictly, updates.update):
            assert operation({}, REQUEST)(present, NOW).entity is present


class TestAppendStrictly:
    def test_only_new_attributes_are_added(self) -> None:
        mutation = updates.append_strictly({"A": number(9), "B": number(2)}, REQUEST)
        outcome = mutation(stored(A=number(1)), NOW)

        assert contents(outcome.entity) == {"A": ("Number", 1), "B": ("Number", 2)}
        assert outcome.entity.write.touched == ("B",)
        assert isinstance(outcome.refusal, PartialUpdate)
        assert str(outcome.refusal) == (
            "one or more of the attributes in the request already exist: E/T - [ A ]"
        )

    def test_without_any_new_attribute_nothing_is_written(self) -> None:
        mutation = updates.append_strictly({"A": number(9), "B": number(9)}, Request("E"))
        with pytest.raises(Unprocessable) as refusal:
            mutation(stored(A=number(1), B=number(2)), NOW)

        assert not isinstance(refusal.value, PartialUpdate)
        assert str(refusal.value) == (
            "one or more of the attributes in the request already exist: E - [ A, B ]"
        )

    def test_the_end_of_an_entity_is_new_only_when_it_has_none(self) -> None:
        mutation = updates.append_strictly({"dateExpires": Attribute("DateTime", END)}, REQUEST)
        assert done(mutation, stored()).expires == parse_date(END)
        with pytest.raises(Unprocessable, match="already exist: E/T - \\[ dateExpires \\]"):
            mutation(replace(stored(), expires=1_000), NOW)


class TestUpdate:
    def test_only_existing_attributes_are_updated(self) -> None:
        mutation = updates.update({"A": number(9), "C": number(1), "D": number(1)}, REQUEST)
        outcome = mutation(stored(A=number(1), B=number(2)), NOW)

        assert contents(outcome.entity) == {"A": ("Number", 9), "B": ("Number", 2)}
        assert outcome.entity.write.touched == ("A",)
        assert isinstance(outcome.refusal, PartialUpdate)
        assert str(outcome.refusal) == "do not exist: E/T - [ C, D ]"

    def test_without_any_existing_attribute_nothing_is_written(self) -> None:
        with pytest.raises(Unprocessable, match="do not exist: E/T - \\[ C \\]") as refusal:
            updates.update({"C": number(1)}, REQUEST)(stored(A=number(1)), NOW)
        assert not isinstance(refusal.value, PartialUpdate)

    def test_the_end_of_an_entity_exists_only_when_it_has_one(self) -> None:
        incoming = {"dateExpires": Attribute("DateTime", END)}
        with pytest.raises(Unprocessable, match="do not exist: E/T - \\[ dateExpires \\]"):
            updates.update(incoming, REQUEST)(stored(), NOW)

        present = replace(stored(), expires=1_000)
        assert done(updates.update(incoming, REQUEST), present).expires == parse_date(END)


class TestReplaceAll:
    def test_all_attributes_are_made_anew(self) -> None:
        present = replace(stored(A=number(1, unit="C"), B=number(2)), expires=parse_date(END))
        entity = done(updates.replace_all({"A": number(1)}, REQUEST), present)

        assert entity.attributes == {"A": replace(number(1), created=NOW, modified=NOW)}
        assert entity.expires is None
        assert (entity.created, entity.modified) == (CREATED, NOW)

    def test_it_is_a_change_of_what_it_names_and_nothing_else(self) -> None:
        entity = done(
            updates.replace_all({"A": number(1)}, REQUEST), stored(A=number(1), B=number(2))
        )
        assert entity.write == Write(("A",), forced=True, correlator="c1")

    def test_operators_start_from_nothing(self) -> None:
        incoming = {"A": number({"$inc": 1}), "B": number({"$unset": {"x": 1}})}
        entity = done(updates.replace_all(incoming, REQUEST), stored(A=number(5), B=number(1)))
        assert contents(entity) == {"A": ("Number", 1)}


class TestPutAttribute:
    def test_it_is_updated_and_its_metadata_stays(self) -> None:
        present = stored(A=number(1, unit="C"), B=number(2))
        entity = done(updates.put_attribute("A", Attribute("Celsius", 5), REQUEST), present)

        assert contents(entity) == {"A": ("Celsius", 5), "B": ("Number", 2)}
        assert list(entity.attributes["A"].metadata) == ["unit"]
        assert entity.write.touched == ("A",)

    def test_missing_attribute_is_not_found(self) -> None:
        with pytest.raises(NotFound, match="The entity does not have such an attribute"):
            updates.put_attribute("B", number(1), REQUEST)(stored(A=number(1)), NOW)

    def test_the_end_of_an_entity_can_be_put(self) -> None:
        mutation = updates.put_attribute("dateExpires", Attribute("DateTime", END), REQUEST)
        assert done(mutation, replace(stored(), expires=1_000)).expires == parse_date(END)
        with pytest.raises(NotFound):
            mutation(stored(), NOW)


class TestPutValue:
    def test_type_and_metadata_stay_whatever_is_overridden(self) -> None:
        present = stored(A=Attribute("Text", "a", {"unit": Attribute("Text", "C")}))
        entity = done(updates.put_value("A", 5, OVERRIDE), present)

        assert contents(entity) == {"A": ("Text", 5)}
        assert list(entity.attributes["A"].metadata) == ["unit"]

    def test_operator_is_evaluated(self) -> None:
        entity = done(updates.put_value("A", {"$inc": 2}, REQUEST), stored(A=number(1)))
        assert contents(entity) == {"A": ("Number", 3)}

    def test_date_stays_canonical(self) -> None:
        present = stored(A=Attribute("DateTime", END))
        entity = done(updates.put_value("A", "2020-01-01", REQUEST), present)
        assert contents(entity) == {"A": ("DateTime", "2020-01-01T00:00:00.000Z")}

        entity = done(updates.put_value("A", {"$min": "2020-01-01"}, REQUEST), present)
        assert contents(entity) == {"A": ("DateTime", "2020-01-01T00:00:00.000Z")}

        with pytest.raises(InvalidRequest, match="date has invalid format in attribute value"):
            updates.put_value("A", "soon", REQUEST)(present, NOW)

    def test_extreme_of_dates_is_refused_where_the_present_value_is_none(self) -> None:
        wanted = Attribute("DateTime", {"$max": END})
        with pytest.raises(InvalidRequest, match="date has invalid format in attribute value"):
            updates.append({"A": wanted}, REQUEST)(stored(A=Attribute("Text", "soon")), NOW)

    def test_location_stays_a_geometry(self) -> None:
        present = stored(A=Attribute("geo:json", POINT))
        with pytest.raises(InvalidRequest):
            updates.put_value("A", {"x": 1}, REQUEST)(present, NOW)

    def test_the_end_of_an_entity_can_be_put_and_cleared(self) -> None:
        present = replace(stored(), expires=1_000)
        assert done(updates.put_value("dateExpires", END, REQUEST), present).expires == parse_date(
            END
        )
        assert done(updates.put_value("dateExpires", None, REQUEST), present).expires is None

    def test_missing_attribute_is_not_found(self) -> None:
        with pytest.raises(NotFound, match="The entity does not have such an attribute"):
            updates.put_value("B", 1, REQUEST)(stored(A=number(1)), NOW)


class TestDelete:
    def test_attribute_is_removed(self) -> None:
        entity = done(updates.delete_attribute("A", REQUEST), stored(A=number(1), B=number(2)))

        assert contents(entity) == {"B": ("Number", 2)}
        assert entity.write.touched == ("A",)

    def test_missing_attribute_is_not_found(self) -> None:
        with pytest.raises(NotFound, match="The entity does not have such an attribute"):
            updates.delete_attribute("B", REQUEST)(stored(A=number(1)), NOW)

    def test_transient_entity_becomes_a_regular_one(self) -> None:
        present = replace(stored(A=number(1)), expires=parse_date(END))
        entity = done(updates.delete_attribute("dateExpires", REQUEST), present)

        assert entity.expires is None
        assert entity.attributes == present.attributes

    def test_several_are_removed_as_far_as_they_exist(self) -> None:
        mutation = updates.delete_attributes(["A", "C"], REQUEST)
        outcome = mutation(stored(A=number(1), B=number(2)), NOW)

        assert contents(outcome.entity) == {"B": ("Number", 2)}
        assert str(outcome.refusal) == "do not exist: E/T - [ C ]"
        with pytest.raises(Unprocessable, match="do not exist: E/T - \\[ C \\]"):
            updates.delete_attributes(["C"], REQUEST)(stored(A=number(1)), NOW)


attribute_names = st.sampled_from(["A", "B", "C", "dateExpires"])
values: st.SearchStrategy[Json] = st.none() | st.booleans() | st.integers() | st.text(max_size=3)


@st.composite
def attribute_sets(draw: st.DrawFn) -> Attributes:
    metadata = st.dictionaries(
        st.sampled_from(["m", "n"]), st.builds(Attribute, st.just("Text"), values), max_size=2
    )
    plain = st.builds(Attribute, st.sampled_from(["Number", "Text"]), values, metadata)
    end = st.builds(
        Attribute, st.just("DateTime"), st.sampled_from([END, "1999-01-01T00:00:00.000Z"])
    )
    names = draw(st.sets(attribute_names, min_size=1))
    return {name: draw(end if name == "dateExpires" else plain) for name in sorted(names)}


@st.composite
def entities(draw: st.DrawFn) -> Entity:
    return updates.create(draw(attribute_sets()), REQUEST)(IDENTITY, CREATED)


requests = st.builds(
    Request,
    st.just("E"),
    st.sampled_from([None, "T"]),
    override_metadata=st.booleans(),
    forced=st.booleans(),
)


def names_of(entity: Entity) -> set[str]:
    return {*entity.attributes, *({"dateExpires"} if entity.expires is not None else ())}


def same_state(left: Entity, right: Entity) -> bool:
    return (
        left.expires == right.expires
        and left.attributes.keys() == right.attributes.keys()
        and all(
            left.attributes[name].same_content(right.attributes[name]) for name in left.attributes
        )
    )


@given(entities(), attribute_sets(), requests)
def test_appending_and_deleting_restores(
    present: Entity, incoming: Attributes, request: Request
) -> None:
    new = {name: incoming[name] for name in incoming if name not in names_of(present)}
    assume(new)
    appended = done(updates.append(new, request), present)
    for name in new:
        appended = done(updates.delete_attribute(name, request), appended)

    assert same_state(appended, present)
    assert all(appended.attributes[name] is present.attributes[name] for name in present.attributes)


@given(entities(), attribute_sets(), requests)
def test_update_applies_exactly_what_exists_and_names_exactly_the_rest(
    present: Entity, incoming: Attributes, request: Request
) -> None:
    missing = [name for name in incoming if name not in names_of(present)]
    existing = {name: incoming[name] for name in incoming if name not in missing}
    if not existing:
        with pytest.raises(Unprocessable):
            updates.update(incoming, request)(present, NOW)
        return
    outcome = updates.update(incoming, request)(present, NOW)

    assert outcome.entity == done(updates.append(existing, request), present)
    refused = str(outcome.refusal).partition("[ ")[2].removesuffix(" ]") if missing else ""
    assert refused == ", ".join(missing)


@given(entities(), attribute_sets())
def test_metadata_never_vanishes_without_override(present: Entity, incoming: Attributes) -> None:
    entity = done(updates.append(incoming, REQUEST), present)
    for name, attribute in present.attributes.items():
        assert attribute.metadata.keys() <= entity.attributes[name].metadata.keys()


@given(entities(), attribute_sets())
def test_with_override_metadata_is_what_was_sent(present: Entity, incoming: Attributes) -> None:
    entity = done(updates.append(incoming, OVERRIDE), present)
    for name in incoming.keys() - {"dateExpires"}:
        assert entity.attributes[name].metadata == incoming[name].metadata


@given(entities(), attribute_sets(), requests)
def test_doing_it_again_changes_nothing(
    present: Entity, incoming: Attributes, request: Request
) -> None:
    for operation in (updates.append, updates.replace_all):
        once = done(operation(incoming, request), present)
        twice = done(operation(incoming, request), once)
        assert same_state(once, twice)


OPERATIONS: list[Callable[[Attributes, Request], Mutation]] = [
    updates.append,
    updates.append_strictly,
    updates.update,
    updates.replace_all,
    updates.delete_attributes,
    lambda incoming, request: updates.put_attribute("A", next(iter(incoming.values())), request),
    lambda incoming, request: updates.put_value("A", next(iter(incoming.values())).value, request),
]


@given(entities(), attribute_sets(), requests, st.sampled_from(OPERATIONS))
def test_the_present_version_is_never_changed_in_place(
    present: Entity,
    incoming: Attributes,
    request: Request,
    operation: Callable[[Attributes, Request], Mutation],
) -> None:
    before, sent = copy.deepcopy(present), copy.deepcopy(incoming)
    try:
        outcome = operation(incoming, request)(present, NOW)
    except (NotFound, Unprocessable):
        pass
    else:
        entity = outcome.entity
        assert (entity.identity, entity.created) == (present.identity, present.created)
        assert (entity.version, entity.modified) == (present.version + 1, NOW)
        assert entity.write.correlator == request.correlator
    assert (present, incoming) == (before, sent)


@given(entities(), attribute_sets(), requests)
def test_an_attribute_is_modified_now_exactly_when_it_changed_or_was_forced(
    present: Entity, incoming: Attributes, request: Request
) -> None:
    entity = done(updates.append(incoming, request), present)
    for name, attribute in entity.attributes.items():
        before = present.attributes.get(name)
        changed = before is None or not attribute.same_content(before)
        forced = request.forced and name in incoming
        assert (attribute.modified == NOW) == (changed or forced)
        assert attribute.created == (NOW if before is None else CREATED)
