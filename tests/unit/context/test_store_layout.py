"""Keys of the context table: no two identities meet, and no range reaches into another scope."""

from hypothesis import given
from hypothesis import strategies as st

from city.document import Entity, Identity
from city.entity_keys import Key, entity_key, identity_of, part_key
from city.tenancy import ROOT, ServicePath, Tenant
from context.store import layout
from context.store.layout import Listed
from context.store.table import starting_with

TENANTS = st.sampled_from(["", "a", "ab", "e", "l", "t", "types", "a_e"]).map(Tenant)
NAMES = st.sampled_from(["R", "Room", "Room1", "e", "types", "a", "~", "!", "-"]) | st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="&?/#<>\"'=;()"),
    min_size=1,
    max_size=12,
)
PATHS = st.lists(st.sampled_from(["a", "a2", "b", "A", "_"]), max_size=4).map(
    lambda levels: ServicePath("/" + "".join(f"{level}/" for level in levels))
)
IDENTITIES = st.builds(Identity, TENANTS, NAMES, NAMES, PATHS)
TIMES = st.integers(0, 9_999_999_999_999_998)
"""Up to the year 2286, when microseconds need a digit more than keys have; the last has no successor."""
ENTITIES = st.builds(
    lambda identity, created: Entity(identity, {}, created, created), IDENTITIES, TIMES
)


def all_keys(entity: Entity) -> set[Key]:
    tenant, _, type, path = entity.identity
    return {
        entity_key(entity.identity),
        layout.type_key(entity),
        layout.path_key(entity),
        layout.cell_key(entity, "89c2590000000000"),
        part_key(entity.identity, entity.created, 0),
        layout.counter_key(tenant, type, path),
        layout.delta_key(tenant, "00ff"),
        layout.end_key(entity.identity, entity.created, entity.created + 1),
    }


@given(IDENTITIES, IDENTITIES)
def test_different_identities_have_different_keys(one: Identity, other: Identity) -> None:
    assert (entity_key(one) == entity_key(other)) == (one == other)


@given(IDENTITIES)
def test_an_entity_key_says_its_identity(identity: Identity) -> None:
    assert identity_of(entity_key(identity)) == identity


@given(ENTITIES)
def test_rows_of_one_entity_never_share_a_key(entity: Entity) -> None:
    assert len(all_keys(entity)) == 8


@given(ENTITIES, ENTITIES)
def test_rows_of_different_tenants_never_share_a_partition(one: Entity, other: Entity) -> None:
    if one.identity.tenant != other.identity.tenant:
        partitions = [{key.pk for key in all_keys(entity)} for entity in (one, other)]
        assert partitions[0].isdisjoint(partitions[1])


@given(ENTITIES, NAMES)
def test_the_range_of_a_type_at_a_path_holds_that_type_only(entity: Entity, type: str) -> None:
    span = starting_with(layout.path_partition(entity.identity.tenant, ROOT), f"{type}\u001f")
    inside = span.first <= layout.path_key(entity).sk <= span.last
    assert inside == (entity.identity.type == type)


@given(ENTITIES, ENTITIES)
def test_the_statistics_of_now_hold_no_end_that_is_still_to_come(
    one: Entity, other: Entity
) -> None:
    now = one.created
    first, last = layout.statistics_range(now)
    end = layout.end_key(other.identity, other.created, other.created).sk
    assert (first <= end <= last) == (other.created <= now)
    tenant, _, type, path = other.identity
    assert first <= layout.delta_key(tenant, "00ff").sk <= last
    assert first <= layout.counter_key(tenant, type, path).sk <= last


@given(ENTITIES)
def test_every_listing_row_says_the_same(entity: Entity) -> None:
    _, id, type, path = entity.identity
    expected = Listed(entity.created, path, type, id)
    assert layout.read_type_row(type, layout.type_key(entity).sk) == expected
    assert layout.read_path_row(path, layout.path_key(entity).sk) == expected
    assert layout.read_cell_row(type, layout.cell_key(entity, "0" * 16).sk) == expected


@given(ENTITIES, ENTITIES)
def test_listing_keys_sort_by_creation_path_and_id(one: Entity, other: Entity) -> None:
    first, second = (
        (entity.created, entity.identity.path, entity.identity.id) for entity in (one, other)
    )
    assert (layout.type_key(one).sk < layout.type_key(other).sk) == (first < second)


def test_the_longest_identity_fits_dynamodbs_keys() -> None:
    path = ServicePath("/" + ("x" * 50 + "/") * 10)
    longest = Entity(
        Identity(Tenant("t" * 50), "i" * 256, "T" * 256, path), {}, 10**15, 10**15, expires=1
    )
    for key in all_keys(longest):
        assert len(key.pk) <= 2048
        assert len(key.sk) <= 1024
