"""Tenants and service paths over HTTP: what a request sees, and where it writes."""

import pytest

from tests.integration.api import Api


def ids(api: Api, **headers: str) -> list[str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [entity["id"] for entity in api.get("/v2/entities", headers=named).json()]


@pytest.fixture
def tree(api: Api) -> Api:
    for path in ("/", "/a", "/a/b", "/a2", "/c"):
        api.create("At" + path.replace("/", "_"), path=path)
    return api


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        (None, ["At_", "At_a", "At_a_b", "At_a2", "At_c"]),
        ("", ["At_", "At_a", "At_a_b", "At_a2", "At_c"]),
        ("/#", ["At_", "At_a", "At_a_b", "At_a2", "At_c"]),
        ("/", ["At_"]),
        ("/a", ["At_a"]),
        ("/a/", ["At_a"]),
        ("/a/#", ["At_a", "At_a_b"]),
        ("/a,/c", ["At_a", "At_c"]),
        ("/a/#, /c", ["At_a", "At_a_b", "At_c"]),
        ("/nowhere", []),
    ],
)
def test_read_covers_the_paths_it_names(tree: Api, path: str | None, seen: list[str]) -> None:
    headers = {} if path is None else {"Fiware_ServicePath": path}
    assert ids(tree, **headers) == seen


def test_without_a_path_reads_cover_everything_and_writes_the_root(api: Api) -> None:
    api.create("Bench", path="/parks", seats=3)
    assert api.value("Bench", "seats") == 3
    change = {"json": {"seats": {"value": 4}}}
    assert api.refused("PATCH", "/v2/entities/Bench/attrs", **change)[0] == 404
    assert api.refused("DELETE", "/v2/entities/Bench")[0] == 404
    batch = {"actionType": "append", "entities": [{"id": "Bench", "type": "Room"}]}
    assert api.post("/v2/op/update", batch).status_code == 204
    assert api.refused("GET", "/v2/entities/Bench")[0] == 409
    at_root = api.get("/v2/entities/Bench", headers={"Fiware-ServicePath": "/"})
    assert at_root.json() == {"id": "Bench", "type": "Room"}


def test_path_of_an_entity_is_a_builtin_attribute(tree: Api) -> None:
    shown = tree.get("/v2/entities/At_a_b?attrs=servicePath&options=keyValues").json()
    assert shown["servicePath"] == "/a/b"


def test_tenants_never_meet(api: Api) -> None:
    for tenant in ("", "one", "two"):
        headers = {"Fiware-Service": tenant} if tenant else {}
        answer = api.post("/v2/entities", {"id": "Same", "of": {"value": tenant}}, headers=headers)
        assert answer.status_code == 201
    for tenant in ("", "one", "two"):
        headers = {"Fiware-Service": tenant} if tenant else {}
        shown = api.get("/v2/entities?options=keyValues", headers=headers).json()
        assert shown == [{"id": "Same", "type": "Thing", "of": tenant}]
    assert api("DELETE", "/v2/entities/Same", headers={"Fiware-Service": "one"}).is_success
    assert ids(api) == ["Same"]
    assert ids(api, Fiware_Service="two") == ["Same"]


def test_tenant_is_folded_to_lower_case(api: Api) -> None:
    api.post("/v2/entities", {"id": "x"}, headers={"Fiware-Service": "SmartCity"})
    assert ids(api, Fiware_Service="smartcity") == ["x"]


def test_tenant_never_used_is_empty(api: Api) -> None:
    answer = api.get("/v2/entities?options=count", headers={"Fiware-Service": "never"})
    assert (answer.status_code, answer.json()) == (200, [])
    assert answer.headers["fiware-total-count"] == "0"


def test_types_are_those_of_tenant_and_path(tree: Api) -> None:
    headers = {"Fiware-ServicePath": "/a/#"}
    assert tree.get("/v2/types/Room", headers=headers).json()["count"] == 2
    assert tree.get("/v2/types", headers={"Fiware-Service": "other"}).json() == []
