"""The ids of datasets: readable for plain types, and never shared."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.tenancy import DEFAULT_TENANT, Tenant
from history.opendata.names import MAX_LENGTH, dataset_id, organisation_id, uuid

TENANTS = st.from_regex(r"[a-z0-9_]{0,50}", fullmatch=True).map(Tenant)
TYPES = st.one_of(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=300),
    st.from_regex(r"([A-Z][a-z0-9]{0,3}){1,4}(--0[0-9a-f]{12})?", fullmatch=True),
    st.sampled_from(["air-quality", "AirQuality", "Airquality", "airQuality", "A", "a"]),
)


@pytest.mark.parametrize(
    ("tenant", "type", "expected"),
    [
        ("", "AirQualityObserved", "air-quality-observed"),
        ("santander", "AirQualityObserved", "santander--air-quality-observed"),
        ("", "Room2", "room2"),
        ("a_b", "HVAC", "a_b--h-v-a-c"),
    ],
)
def test_plain_types_are_readable(tenant: str, type: str, expected: str) -> None:
    assert dataset_id(Tenant(tenant), type) == expected


@pytest.mark.parametrize(
    "type", ["room", "urn:x:Noise", "Éclairage", "?", "A" * 300, "Air-Quality"]
)
def test_others_end_with_a_hash(type: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]+--0[0-9a-f]{12}", dataset_id(DEFAULT_TENANT, type))


@given(TENANTS, TYPES)
def test_an_id_is_a_name_that_ckan_takes(tenant: Tenant, type: str) -> None:
    id = dataset_id(tenant, type)
    assert re.fullmatch(r"[a-z0-9_-]{1,100}", id)
    assert len(id) <= MAX_LENGTH


@given(TENANTS, TYPES, TENANTS, TYPES)
def test_no_two_types_share_an_id(one: Tenant, its: str, other: Tenant, others: str) -> None:
    same = (one, its) == (other, others)
    assert (dataset_id(one, its) == dataset_id(other, others)) == same


@given(TENANTS)
def test_the_default_tenant_is_no_other_tenants_organisation(tenant: Tenant) -> None:
    assert (organisation_id(tenant) == organisation_id(DEFAULT_TENANT)) == (tenant == "")


def test_a_uuid_is_the_same_for_ever() -> None:
    assert uuid("dataset", "room2") == uuid("dataset", "room2") != uuid("tag", "room2")
