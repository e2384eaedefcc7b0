"""CKAN's Action API: what harvesters and ckanapi ask, and what they are told."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.accounts import grant
from tests.integration.open_data import PARK, PLAIN, OpenCity, open_city

NOISE = {
    "title": {"en": "Street noise", "es": "Ruido"},
    "description": {"en": "Decibels in the old town."},
    "keywords": {"en": ["noise", "decibel"], "es": ["ruido"]},
    "themes": ["ENVI", "TRAN"],
    "licence": "CC_BY_4_0",
    "publisher": {"name": "Noise office"},
    "contactPoint": {"name": "Desk", "email": "noise@city.example"},
    "hvdCategory": "EARTH_OBSERVATION_AND_ENVIRONMENT",
}


@pytest.fixture(scope="module")
def city() -> Iterator[OpenCity]:
    """Two datasets of the default tenant and one of `park`, all public, with one closed month."""
    with open_city() as city:
        city.publish(grant("read"))
        city.record("NoiseLevel", "2026-09-30T23:59:59")
        city.record("NoiseLevel", "2026-11-22T10:00:00")
        city.record("Weather", "2026-11-22T10:00:00")
        city.record("Bench", "2026-11-22T10:00:00", tenant=PARK)
        city("PUT", "/history/v1/datasets/NoiseLevel", by=city.key(), json=NOISE)
        for tenant in (PLAIN, PARK):
            city.refresh(tenant)
        yield city


def names(result: Any) -> list[str]:
    return [one["name"] for one in result["results"]]


def test_the_portal_is_there(city: OpenCity) -> None:
    assert city.ask("site_read") is True
    status = city.ask("status_show")
    assert status["site_url"] == "https://city.example"
    assert status["ckan_version"].startswith("2.")


def test_all_datasets_are_listed_by_name(city: OpenCity) -> None:
    assert city.ask("package_list") == ["noise-level", "park--bench", "weather"]
    assert city.ask("package_list", limit=1, offset=1) == ["park--bench"]


def test_a_dataset_is_shown_by_name_and_by_id(city: OpenCity) -> None:
    shown = city.ask("package_show", id="noise-level")
    assert shown == city.ask("package_show", id=shown["id"])
    assert shown["title"] == "Street noise"
    assert shown["notes"] == "Decibels in the old town."
    assert shown["license_id"] == "cc-by"
    assert shown["isopen"] is True
    assert shown["author"] == "Noise office"
    assert shown["maintainer_email"] == "noise@city.example"
    assert [tag["name"] for tag in shown["tags"]] == ["noise", "decibel", "ruido"]
    assert [group["name"] for group in shown["groups"]] == ["envi", "tran"]
    assert shown["organization"]["name"] == "default-tenant"
    assert shown["num_resources"] == len(shown["resources"]) == 3
    extras = {one["key"]: one["value"] for one in shown["extras"]}
    assert extras["uri"] == "https://city.example/dataset/noise-level"
    assert extras["temporal_start"] == "2026-09-01"
    assert extras["applicable_legislation"] == '["http://data.europa.eu/eli/reg_impl/2023/138/oj"]'


def test_resources_are_the_files_of_months_and_the_api(city: OpenCity) -> None:
    csv, parquet, api = city.ask("package_show", id="noise-level")["resources"]
    assert csv["url"] == "https://city.example/dataset/noise-level/2026-09.csv"
    assert (csv["format"], csv["mimetype"]) == ("CSV", "text/csv")
    assert csv["size"] > 0
    assert len(csv["hash"]) == 64
    assert parquet["url"].endswith("2026-09.parquet")
    assert api["url"] == "https://city.example/history/v2/types/NoiseLevel"


def test_a_dataset_without_a_record_says_what_is_known(city: OpenCity) -> None:
    shown = city.ask("package_show", id="park--bench")
    assert shown["title"] == "Bench (park)"
    assert shown["license_id"] == "notspecified"
    assert shown["isopen"] is False
    assert shown["organization"]["title"] == "park"
    assert "Fiware-Service: park" in shown["resources"][0]["description"]


def test_what_a_harvester_asks(city: OpenCity) -> None:
    first = city.ask("package_search", rows=2, start=0, sort="id asc")
    second = city.ask("package_search", rows=2, start=2, sort="id asc")
    ids = [one["id"] for one in first["results"] + second["results"]]
    assert first["count"] == second["count"] == 3
    assert ids == sorted(ids)
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("fq", "found"),
    [
        ("organization:park", ["park--bench"]),
        ("-organization:park", ["noise-level", "weather"]),
        (
            "organization:park OR organization:default-tenant",
            ["noise-level", "park--bench", "weather"],
        ),
        ("groups:envi OR groups:heal", ["noise-level"]),
        ("organization:park groups:envi", []),
        ("+dataset_type:dataset +res_format:CSV", ["noise-level"]),
        ('tags:"decibel"', ["noise-level"]),
        ("license_id:cc-by", ["noise-level"]),
        ("metadata_modified:[2027-01-01T00:00:00Z TO *]", []),
        (
            "metadata_modified:[2026-11-22T12:00:00Z TO *]",
            ["noise-level", "park--bench", "weather"],
        ),
    ],
)
def test_filters(city: OpenCity, fq: str, found: list[str]) -> None:
    assert names(city.ask("package_search", fq=fq, sort="name asc")) == found
    assert city.get("/api/3/action/package_search", params={"fq": fq}).json()["result"][
        "count"
    ] == len(found)


def test_words_are_looked_for(city: OpenCity) -> None:
    assert names(city.ask("package_search", q="decibels town")) == ["noise-level"]
    assert names(city.ask("package_search", q="title:ruido")) == ["noise-level"]
    assert names(city.ask("package_search", q="(((weather")) == ["weather"]
    assert city.ask("package_search", q="nowhere")["count"] == 0
    assert city.ask("package_search", q="*:*", rows=0)["results"] == []


def test_facets_are_counted(city: OpenCity) -> None:
    found = city.ask("package_search", **{"facet.field": ["organization", "groups"]}, rows=0)
    assert found["facets"]["organization"] == {"default-tenant": 2, "park": 1}
    assert found["search_facets"]["groups"]["items"] == [
        {"name": "envi", "display_name": "Environment", "count": 1},
        {"name": "tran", "display_name": "Transport", "count": 1},
    ]
    query = 'facet.field=["tags"]&facet.limit=1&facet.mincount=1'
    asked = city.get(f"/api/3/action/package_search?{query}").json()["result"]
    assert len(asked["facets"]["tags"]) == 1


def test_current_packages_come_with_their_resources(city: OpenCity) -> None:
    found = city.ask("current_package_list_with_resources", limit=10)
    assert len(found) == 3
    assert all(one["resources"] for one in found)


def test_organisations_are_tenants(city: OpenCity) -> None:
    assert city.ask("organization_list") == ["default-tenant", "park"]
    assert city.ask("organization_list", sort="package_count desc")[0] == "default-tenant"
    listed = city.ask("organization_list", all_fields=True, organizations=["park"])
    assert [(one["name"], one["package_count"]) for one in listed] == [("park", 1)]
    shown = city.ask("organization_show", id="park", include_datasets="true")
    assert [one["name"] for one in shown["packages"]] == ["park--bench"]
    assert city.ask("organization_show", id=shown["id"])["name"] == "park"


def test_groups_are_themes_and_tags_keywords(city: OpenCity) -> None:
    assert city.ask("group_list") == ["envi", "tran"]
    assert city.ask("group_show", id="envi")["package_count"] == 1
    assert city.ask("tag_list", query="ruid") == ["ruido"]
    assert city.ask("license_list")[0]["id"] == "cc-zero"
    assert "one dataset" in city.ask("help_show", name="package_show").lower()


@pytest.mark.parametrize("path", ["/api/3/action", "/api/action"])
def test_each_way_of_asking_is_answered(city: OpenCity, path: str) -> None:
    url = f"{path}/package_show"
    by_query = city.get(f"{url}?id=weather").json()
    assert by_query["success"] is True
    assert city("POST", url, json={"id": "weather"}).json() == by_query
    assert city("POST", url, data={"id": "weather"}).json() == by_query
    body = b'{"id": "weather"}'
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert city("POST", url, content=body, headers=form).json() == by_query


@pytest.mark.parametrize(
    ("action", "parameters", "status", "kind"),
    [
        ("package_show", {"id": "none"}, 404, "Not Found Error"),
        ("package_show", {}, 409, "Validation Error"),
        ("organization_show", {"id": "none"}, 404, "Not Found Error"),
        ("group_show", {"id": "none"}, 404, "Not Found Error"),
        ("package_search", {"rows": "x"}, 409, "Validation Error"),
        ("package_search", {"start": -1}, 409, "Validation Error"),
        ("package_search", {"q": ["x"]}, 409, "Validation Error"),
        ("package_search", {"fq": "secret:x"}, 400, "Search Query Error"),
        ("package_search", {"sort": "secret asc"}, 400, "Search Query Error"),
        ("package_search", {"facet.field": "[1"}, 409, "Validation Error"),
    ],
)
def test_refusals(
    city: OpenCity, action: str, parameters: dict[str, Any], status: int, kind: str
) -> None:
    answer, error = city.refused(action, **parameters)
    assert (answer, error["__type"]) == (status, kind)


def test_an_unknown_action_is_refused_as_ckan_does(city: OpenCity) -> None:
    answer = city.get("/api/3/action/package_create")
    assert answer.status_code == 400
    assert answer.json() == "Bad request - Action name not known: package_create"


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(city: OpenCity, body: bytes) -> None:
    answer = city("POST", "/api/3/action/package_list", content=body)
    assert answer.status_code == 400
    assert answer.json().startswith("Bad request - ")
