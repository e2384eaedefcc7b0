"""What the public may not see cannot be told from any answer of the open data, whoever asks."""

from collections.abc import Callable, Iterator

import pytest

from city.policy.grants import Grant
from city.tenancy import ServicePath
from tests.accounts import grant
from tests.integration.open_data import PARK, PLAIN, OpenCity, open_city

ANSWERS = (
    *("/catalog.ttl", "/catalog.jsonld", "/catalog.rdf", "/catalog"),
    "/api/3/action/package_list",
    '/api/3/action/package_search?facet.field=["organization","groups","tags","res_format"]',
    "/api/3/action/package_search?fq=metadata_modified:%5B*%20TO%20*%5D",
    "/api/3/action/current_package_list_with_resources",
    "/api/3/action/organization_list?all_fields=true",
    "/api/3/action/group_list?all_fields=true",
    "/api/3/action/tag_list",
    *("/dataset/room", "/dataset/room.ttl", "/dataset/room/2026-09.csv"),
    *("/dataset/park--room", "/dataset/park--room/2026-09.csv"),
    "/api/3/action/package_show?id=room",
    "/api/3/action/organization_show?id=park",
    "/api/3/action/group_show?id=heal",
)

RECORD = {
    "title": {"en": "Secret rooms"},
    "keywords": {"en": ["secret"]},
    "themes": ["HEAL"],
    "publisher": {"name": "Secret office"},
}


@pytest.fixture
def city() -> Iterator[OpenCity]:
    """Public noise of the default tenant; everything else is as a test says."""
    with open_city() as city:
        city.record("NoiseLevel", "2026-10-10T10:00:00")
        yield city


def told(city: OpenCity, by: str = "") -> list[tuple[int, str, bytes]]:
    """All answers, each as its status, where it leads and its body."""
    city.history.restart()
    answers = [
        city.get(url, by=by, headers={"Accept": "text/html" if url == "/dataset/room" else "*/*"})
        for url in ANSWERS
    ]
    return [(a.status_code, a.headers.get("location", ""), a.content) for a in answers]


def hide_a_type(city: OpenCity) -> None:
    city.record("Room", "2026-09-10T10:00:00")
    city.record("Room", "2026-11-22T10:00:00")


def hide_a_record(city: OpenCity) -> None:
    city("PUT", "/history/v1/datasets/Room", by=city.key(), json=RECORD)


def hide_both(city: OpenCity) -> None:
    hide_a_type(city)
    hide_a_record(city)
    city.refresh()


def hide_a_tenant(city: OpenCity) -> None:
    city.record("Room", "2026-09-10T10:00:00", tenant=PARK)
    city("PUT", "/history/v1/datasets/Room", by=city.key(), tenant="park", json=RECORD)
    city.refresh(PARK)


def hide_what_was_public(city: OpenCity) -> None:
    """It was public once, with files."""
    hide_both(city)
    hide_a_tenant(city)
    city.publish(grant("read"))
    for tenant in (PLAIN, PARK):
        city.refresh(tenant)
    assert city.get("/dataset/room").status_code == 200
    assert city.get("/dataset/park--room/2026-09.csv").status_code == 302


def hide_other_noise(city: OpenCity) -> None:
    """Noise at another place, before and after the one that is seen."""
    for at in ("2026-08-10T10:00:00", "2026-10-11T10:00:00", "2026-11-22T10:00:00"):
        city.record("NoiseLevel", at, id="Hidden", path=ServicePath("/police/"))


@pytest.mark.parametrize(
    "hide", [hide_a_type, hide_a_record, hide_both, hide_a_tenant, hide_what_was_public]
)
def test_a_type_that_is_not_public_leaves_no_trace(
    city: OpenCity, hide: Callable[[OpenCity], None]
) -> None:
    noise = grant("read", tenant="", types=["NoiseLevel"])
    city.publish(noise)
    city.refresh()
    before = told(city)
    if hide is not hide_what_was_public:  # that the public saw more once is no secret
        city.clock.now += 3_600_000_000
    hide(city)
    city.publish(noise)
    city.refresh()
    assert told(city) == before
    assert told(city, by=city.key(scope="history/read")) == before


@pytest.mark.parametrize(
    "noise",
    [
        grant("read", tenant="", types=["NoiseLevel"], servicePath="/"),
        grant("read", tenant="", types=["NoiseLevel"], ids=["NoiseLevel1"]),
        grant("read", tenant="", types=["NoiseLevel"], idPattern="Noise.*"),
    ],
)
def test_hidden_entities_of_a_public_type_leave_no_trace(city: OpenCity, noise: Grant) -> None:
    city.publish(noise)
    city.refresh()
    before = told(city)
    files = [city.download(f"/dataset/noise-level/2026-10.{form}") for form in ("csv", "parquet")]
    city.clock.now += 3_600_000_000
    hide_other_noise(city)
    city.refresh()
    assert told(city) == before
    assert files == [
        city.download(f"/dataset/noise-level/2026-10.{form}") for form in ("csv", "parquet")
    ]
    assert b"Hidden" not in files[0][1]
    assert len([*city.history.objects.keys("open-data/")]) == 2
    assert city.get("/dataset/noise-level/2026-08.csv").status_code == 404


def test_a_dataset_of_which_no_entity_is_seen_is_none(city: OpenCity) -> None:
    city.publish(grant("read", tenant="", servicePath="/empty/#"))
    assert city.ask("package_list") == []
    assert city.get("/dataset/noise-level").status_code == 404


def test_nothing_is_public_without_an_account_of_the_public(city: OpenCity) -> None:
    assert city.ask("package_list") == []
    assert city.ask("organization_list") == []
    assert city.get("/catalog.ttl").status_code == 200


def test_an_administrator_sees_no_more_than_the_public(city: OpenCity) -> None:
    answer = city.get("/api/3/action/package_list", by=city.key())
    assert answer.json()["result"] == []


def test_a_deny_takes_a_dataset_away(city: OpenCity) -> None:
    deny = grant("read", id="g-2", tenant="", types=["NoiseLevel"], effect="deny")
    city.publish(grant("read"), deny)
    assert city.ask("package_list") == []


def test_asking_for_months_that_never_were_writes_nothing(city: OpenCity) -> None:
    """Anybody may ask, and there are 96,000 of them."""
    city.publish(grant("read"))
    city.refresh()
    store = city.services.open_data.releases._store
    before = store.publication(PLAIN, "NoiseLevel")
    assert before is not None
    for month in ("1000-01", "1999-12", "2026-09"):
        for form in ("csv", "parquet"):
            assert city.get(f"/dataset/noise-level/{month}.{form}").status_code == 404
    assert store.publication(PLAIN, "NoiseLevel") == before


def test_a_grant_that_has_ended_shows_nothing(city: OpenCity) -> None:
    city.publish(grant("read", tenant="", validUntil="2026-11-22T13:00:00Z"))
    assert city.ask("package_list") == ["noise-level"]
    city.clock.now += 3600 * 1_000_000
    assert city.ask("package_list") == []
