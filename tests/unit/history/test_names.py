"""Names of objects in the history bucket."""

import re
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from city.tenancy import Tenant
from history import names

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\u001f"))
MADRID = Tenant("madrid")
DAY = date(2026, 3, 29)


@given(TEXT)
def test_encoded_text_is_read_back(text: str) -> None:
    assert names.decode(names.encode(text)) == text


@given(TEXT)
def test_encoded_text_means_nothing_to_urls_hive_or_globs(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.~-]+", names.encode(text))


def test_case_and_the_empty_tenant_are_kept_apart() -> None:
    assert names.encode("Room") != names.encode("room")
    assert names.encode("") == "~"
    assert names.encode("~") == "~7E"


def test_key_of_a_day_is_partitioned_by_tenant_type_and_day() -> None:
    assert names.day_key(MADRID, "urn:x/Room", DAY, "r-01") == (
        "history/v1/service=madrid/type=urn~3Ax~2FRoom/dt=2026-03-29/r-01.parquet"
    )
    assert names.day_key(MADRID, "Room", DAY, "h-01").startswith("rollup/v1/service=madrid/")
    assert names.month_key(MADRID, "Room", "2026-03", "m-01") == (
        "months/v1/service=madrid/type=Room/month=2026-03/m-01.parquet"
    )


def test_name_is_read_from_its_key() -> None:
    name = names.new_name("d")
    assert names.name_of(names.day_key(MADRID, "Room", DAY, name)) == name


def test_same_batch_has_the_same_name_and_another_has_not() -> None:
    name = names.raw_name("batch 1", MADRID, "Room", DAY)
    assert name == names.raw_name("batch 1", MADRID, "Room", DAY)
    others = {
        names.raw_name("batch 2", MADRID, "Room", DAY),
        names.raw_name("batch 1", Tenant(""), "Room", DAY),
        names.raw_name("batch 1", MADRID, "Hall", DAY),
        names.raw_name("batch 1", MADRID, "Room", date(2026, 3, 30)),
    }
    assert len(others - {name}) == 4


def test_new_names_are_never_used_twice() -> None:
    assert len({names.new_name("c") for _ in range(100)}) == 100
