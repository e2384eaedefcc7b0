"""Editorial records over HTTP: who may write them, what they may say, and that none is overwritten unseen."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.accounts import grant
from tests.integration.open_data import PARK, OpenCity, open_city

NOISE = "/history/v1/datasets/NoiseLevel"
CATALOG = "/history/v1/catalog"


@pytest.fixture
def city() -> Iterator[OpenCity]:
    """History of two types, one of them public."""
    with open_city() as city:
        city.publish(grant("read", tenant="", types=["NoiseLevel", "urn:x:/Later"]))
        city.record("NoiseLevel", "2026-10-10T10:00:00")
        city.record("Room", "2026-10-10T10:00:00")
        yield city


@pytest.fixture
def key(city: OpenCity) -> str:
    """The key of an administrator of the platform."""
    return city.key()


def put(city: OpenCity, key: str, url: str = NOISE, **record: Any) -> Any:
    return city("PUT", url, by=key, json=record)


def test_a_record_is_written_read_changed_and_deleted(city: OpenCity, key: str) -> None:
    made = put(city, key, title={"en": "Noise"}, themes=["ENVI"])
    assert made.status_code == 201
    shown = city.get(NOISE, by=key)
    assert shown.headers["etag"] == made.headers["etag"]
    assert shown.json() | {"changedBy": ""} == {
        "type": "NoiseLevel",
        "id": "noise-level",
        "public": True,
        "url": "https://city.example/dataset/noise-level",
        "record": {"title": {"en": "Noise"}, "themes": ["ENVI"]},
        "changedAt": "2026-11-22T12:00:00.000Z",
        "changedBy": "",
    }
    changes = {"title": {"es": "Ruido"}, "themes": None, "licence": "CC0"}
    changed = city("PATCH", NOISE, by=key, json=changes)
    assert changed.json()["record"] == {"title": {"en": "Noise", "es": "Ruido"}, "licence": "CC0"}
    tag = changed.headers["etag"]
    assert city("DELETE", NOISE, by=key, headers={"If-Match": tag}).status_code == 204
    assert city.get(NOISE, by=key).json()["record"] == {}
    assert city("DELETE", NOISE, by=key).status_code == 404
    assert city.ask("package_show", id="noise-level")["title"] == "NoiseLevel"


def test_a_record_is_not_overwritten_unseen(city: OpenCity, key: str) -> None:
    first = put(city, key, title={"en": "One"}).headers["etag"]
    assert put(city, key, title={"en": "Two"}).status_code == 428
    conditions = {"If-Match": first}
    second = city("PUT", NOISE, by=key, json={}, headers=conditions)
    assert second.status_code == 200
    assert second.headers["etag"] != first
    for method in ("PUT", "PATCH"):
        stale = city(method, NOISE, by=key, json={"licence": "CC0"}, headers=conditions)
        assert stale.status_code == 412
    assert city("DELETE", NOISE, by=key, headers=conditions).status_code == 412
    assert city("DELETE", NOISE, by=key).status_code == 428
    again = city("PUT", NOISE, by=key, json={}, headers={"If-None-Match": "*"})
    assert again.status_code == 412
    assert city.get(NOISE, by=key).json()["record"] == {}


def test_all_types_are_listed_with_what_the_public_has(city: OpenCity, key: str) -> None:
    put(city, key, "/history/v1/datasets/urn%3Ax%3A%2FLater", title={"en": "Later"})
    listed = city.get("/history/v1/datasets", by=key).json()["datasets"]
    assert [(one["type"], one["public"]) for one in listed] == [
        ("NoiseLevel", True),
        ("Room", False),
        ("urn:x:/Later", False),
    ]
    later = city.get("/history/v1/datasets/urn:x:/Later", by=key).json()
    assert later["record"] == {"title": {"en": "Later"}}
    assert later["public"] is False
    assert city.get("/history/v1/datasets/None", by=key).status_code == 404


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"titel": {"en": "x"}}, "titel is not a member of this record"),
        ({"title": "x"}, "title must be an object"),
        ({"title": {}}, "title"),
        ({"title": {"english": "x"}}, "must be a language such as en"),
        ({"title": {"en": " "}}, "title.en must have visible characters"),
        ({"title": {"en": "a\nb"}}, "title.en must be one line"),
        ({"description": {"en": "a\u0000b"}}, "description.en must have visible characters"),
        ({"themes": ["FUN"]}, "themes.0 must be 'AGRI'"),
        ({"licence": "MINE"}, "licence must be 'CC0'"),
        ({"landingPage": "javascript:alert(1)"}, "landingPage must be an absolute http"),
        ({"landingPage": "https://a b/"}, "landingPage must be an absolute http"),
        ({"landingPage": "https:///x"}, "landingPage must be an absolute http"),
        ({"contactPoint": {"name": "x", "email": "me"}}, "contactPoint.email must be a mail"),
        ({"contactPoint": {"email": "a@b.example"}}, "contactPoint.name is missing"),
        ({"contactPoint": {"name": "x", "telephone": "<b>"}}, "telephone must be a telephone"),
        ({"temporal": {"start": "2026-02-30"}}, "temporal.start must be a date"),
        ({"temporal": {"start": "2026-02-02", "end": "2026-02-01"}}, "must start before it ends"),
        ({"spatial": {"west": 1}}, "spatial must have all of west"),
        ({"spatial": {"west": 1, "south": 2, "east": 3, "north": 1}}, "south below its north"),
        ({"spatial": {"west": -181, "south": 2, "east": 3, "north": 3}}, "spatial.west"),
        ({"spatial": {"name": "x"}}, "spatial must have a place"),
        ({"keywords": {"en": ["a", 1]}}, "keywords.en.1 must be a text"),
        ({"hvdCategory": "FUN"}, "hvdCategory must be 'GEOSPATIAL'"),
    ],
)
def test_a_fault_is_named(city: OpenCity, key: str, record: dict[str, Any], said: str) -> None:
    answer = put(city, key, **record)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]
    assert city("PATCH", NOISE, by=key, json=record).status_code == 400
    assert city.get(NOISE, by=key).json()["record"] == {}


def test_only_administrators_of_the_tenant_may(city: OpenCity) -> None:
    of_park = city.key(grant("admin", tenant="park"))
    assert put(city, of_park).status_code == 403
    assert city.get("/history/v1/datasets", by=of_park).status_code == 403
    in_park = city("PUT", NOISE, by=of_park, tenant="park", json={})
    assert in_park.status_code == 201
    assert city.get(NOISE, by=of_park, tenant="park").json()["id"] == "park--noise-level"
    assert put(city, of_park, CATALOG).status_code == 403
    reader = city.key(grant("read"))
    assert put(city, reader).status_code == 403
    assert put(city, city.key(scope="history/read")).status_code == 403
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert city(method, NOISE, json={}).status_code == 401
        assert city(method, CATALOG, json={}).status_code == 401


def test_tenants_have_records_of_their_own(city: OpenCity, key: str) -> None:
    put(city, key, title={"en": "Plain"})
    city("PUT", NOISE, by=key, tenant=PARK, json={"title": {"en": "Park"}})
    assert city.get(NOISE, by=key).json()["record"]["title"] == {"en": "Plain"}
    assert city.get(NOISE, by=key, tenant=PARK).json()["record"]["title"] == {"en": "Park"}


def test_the_catalogue_has_a_record(city: OpenCity, key: str) -> None:
    assert city.get(CATALOG, by=key).json() == {"record": {}}
    made = put(city, key, CATALOG, title={"en": "Our data"}, publisher={"name": "We"})
    assert made.status_code == 201
    assert city.ask("status_show")["site_title"] == "Our data"
    changed = city("PATCH", CATALOG, by=key, json={"publisher": {"name": "They"}})
    assert city.ask("package_show", id="noise-level")["author"] == "They"
    assert put(city, key, CATALOG).status_code == 428
    assert put(city, key, CATALOG, themes=["ENVI"]).status_code == 400
    conditions = {"If-Match": changed.headers["etag"]}
    assert city("DELETE", CATALOG, by=key, headers=conditions).status_code == 204
    assert city("DELETE", CATALOG, by=key).status_code == 404


def test_pages_for_people_escape_everything(city: OpenCity, key: str) -> None:
    nasty = '<script>alert("x")</script>\' & "'
    record: dict[str, Any] = {
        "title": {"en": nasty},
        "description": {"en": nasty},
        "keywords": {"en": [nasty]},
        "publisher": {"name": nasty, "homepage": "https://a.example/?a=1&b='2'"},
        "contactPoint": {"name": nasty},
        "rights": nasty,
    }
    assert put(city, key, **record).status_code == 201
    assert put(city, key, CATALOG, title={"en": nasty}).status_code == 201
    city.refresh()
    for url in ("/dataset/noise-level", "/catalog"):
        answer = city.get(url, headers={"Accept": "text/html"})
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert "&lt;script&gt;" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = city.get("/dataset/noise-level", headers={"Accept": "text/html"}).text
    assert 'href="https://a.example/?a=1&amp;b=&#x27;2&#x27;"' in page
    assert "https://city.example/dataset/noise-level/2026-10.csv" in page
    assert '<html lang="en">' in page


def test_a_page_without_anything_said_is_a_page(city: OpenCity) -> None:
    page = city.get("/dataset/noise-level", headers={"Accept": "text/html"}).text
    assert "<h1>NoiseLevel</h1>" in page
    assert "made of each month" in page
    assert city("HEAD", "/catalog").status_code == 200
