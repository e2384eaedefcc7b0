"""NGSI-v2: tenants and service paths.

Specification: "Multi tenancy", "Service path".
"""

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.api import Api
from tests.integration.broker import Broker

BAD = (400, "BadRequest")
PATHS = {
    "root": "/",
    "m": "/Madrid",
    "g": "/Madrid/Gardens",
    "norte": "/Madrid/Gardens/ParqueNorte",
    "p1": "/Madrid/Gardens/ParqueNorte/Parterre1",
    "oeste": "/Madrid/Gardens/ParqueOeste",
    "m2": "/Madrid2",
}


@pytest.fixture(scope="module")
def city(shared_api: Api) -> Broker:
    """A tree in each of several paths."""
    broker = Broker(shared_api, f"t{uuid4().hex}")
    for id, path in PATHS.items():
        broker.simple(id, "Tree", path, height=1)
    return broker


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        (None, list(PATHS)),
        ("/#", list(PATHS)),
        ("/", ["root"]),
        ("/Madrid", ["m"]),
        ("/Madrid/", ["m"]),
        ("/Madrid/#", ["m", "g", "norte", "p1", "oeste"]),
        ("/Madrid/Gardens/ParqueNorte/#", ["norte", "p1"]),
        ("/Madrid/Gardens/ParqueNorte, /Madrid/Gardens/ParqueOeste", ["norte", "oeste"]),
        ("/Madrid/Gardens/ParqueNorte/#,/Madrid2", ["norte", "p1", "m2"]),
        ("/madrid", []),
        ("/nowhere/#", []),
    ],
)
def test_read_covers_the_paths_of_the_header(
    city: Broker, path: str | None, ids: list[str]
) -> None:
    assert [one["id"] for one in city.get("/v2/entities", path=path)] == ids
    found = city.done("POST", "/v2/op/query", {"entities": [{"idPattern": ".*"}]}, path=path)
    assert [one["id"] for one in found.json()] == ids
    answer = city.done("GET", "/v2/entities?options=count&limit=1", path=path)
    assert answer.headers["fiware-total-count"] == str(len(ids))
    for id in PATHS:
        status = city("GET", f"/v2/entities/{id}", path=path).status_code
        assert status == (200 if id in ids else 404)


def test_write_goes_to_exactly_one_path(broker: Broker) -> None:
    broker.simple("E", path="/a", v=1)
    for path in (None, "/", "/a/b", "/A"):
        for method, url, body in [
            ("PATCH", "/v2/entities/E/attrs", {"v": {"value": 2}}),
            ("PUT", "/v2/entities/E/attrs/v/value", "2"),
            ("DELETE", "/v2/entities/E/attrs/v", None),
            ("DELETE", "/v2/entities/E", None),
        ]:
            assert broker.refused(method, url, body, path=path) == (404, "NotFound")
    broker.done("PATCH", "/v2/entities/E/attrs", {"v": {"value": 2}}, path="/a")
    assert broker.values() == {"v": 2}


def test_same_entity_in_two_paths(broker: Broker) -> None:
    broker.simple("Tree1", "Tree", "/ParqueNorte", v=1)
    broker.simple("Tree1", "Tree", "/ParqueOeste", v=2)
    broker.simple("Tree1", "Tree", v=0)
    assert broker.ids() == ["Tree1"] * 3
    assert broker.refused("GET", "/v2/entities/Tree1") == (409, "TooManyResults")
    body = {"id": "Tree1", "type": "Tree"}
    assert broker.refused("POST", "/v2/entities", body, path="/ParqueNorte")[0] == 422
    for path, value in (("/ParqueNorte", 1), ("/ParqueOeste", 2), ("/", 0)):
        shown = broker.get("/v2/entities/Tree1?options=keyValues", path=path)
        assert shown["v"] == value
    broker.done("DELETE", "/v2/entities/Tree1", path="/ParqueOeste")
    assert broker.ids() == ["Tree1"] * 2


def test_batch_without_the_header_writes_to_the_root(broker: Broker) -> None:
    broker.simple("E", path="/a", v=1)
    body = {"actionType": "append", "entities": [{"id": "E", "type": "T", "v": {"value": 2}}]}
    broker.done("POST", "/v2/op/update", body)
    paths = [one["servicePath"]["value"] for one in broker.get("/v2/entities?attrs=servicePath")]
    assert paths == ["/a", "/"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a", "Only /absolute/ Service Paths allowed [a service path must begin with /]"),
        ("/a//b", "empty component in ServicePath"),
        ("/a-b", "a component of ServicePath contains an illegal character"),
        ("/a b", "a component of ServicePath contains an illegal character"),
        ("/" + "x" * 51, "component-name too long in ServicePath"),
        ("/a" * 11, "too many components in ServicePath"),
        (
            ",".join(["/a"] * 11),
            "too many service paths - a maximum of ten service paths is allowed",
        ),
    ],
)
def test_bad_path_is_refused(broker: Broker, path: str, text: str) -> None:
    assert broker.why("GET", "/v2/entities", path=path) == (*BAD, text)
    assert broker.why("POST", "/v2/entities", {"id": "E"}, path=path) == (*BAD, text)


@pytest.mark.parametrize("path", ["/" + "x" * 50, "/a" * 10, "/_", "/1", "/a_B_9"])
def test_longest_paths(broker: Broker, path: str) -> None:
    broker.simple("E", path=path)
    assert broker.get("/v2/entities", path=path) == [{"id": "E", "type": "T"}]
    assert broker.get("/v2/entities?attrs=servicePath")[0]["servicePath"]["value"] == path


@pytest.mark.parametrize("path", ["/a,/b", "/#", "/a/#"])
@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("POST", "/v2/entities", {"id": "N"}),
        ("POST", "/v2/entities/E/attrs", {"v": {"value": 2}}),
        ("PATCH", "/v2/entities/E/attrs", {"v": {"value": 2}}),
        ("PUT", "/v2/entities/E/attrs/v", {"value": 2}),
        ("DELETE", "/v2/entities/E", None),
        ("POST", "/v2/op/update", {"actionType": "append", "entities": [{"id": "N"}]}),
    ],
)
def test_write_to_several_paths_is_refused(
    broker: Broker, method: str, url: str, body: Any, path: str
) -> None:
    broker.simple("E", path="/a", v=1)
    assert broker.refused(method, url, body, path=path) == BAD
    assert broker.ids() == ["E"]


def test_tenants_are_worlds_apart(shared_api: Api) -> None:
    one, other = (Broker(shared_api, f"t{uuid4().hex}") for _ in range(2))
    one.simple("E", v=1)
    assert other.ids() == []
    assert other.get("/v2/types") == []
    assert other.refused("GET", "/v2/entities/E") == (404, "NotFound")
    assert other.refused("DELETE", "/v2/entities/E") == (404, "NotFound")
    other.simple("E", v=2)
    assert (one.values(), other.values()) == ({"v": 1}, {"v": 2})


def test_tenant_is_folded_to_lower_case(shared_api: Api) -> None:
    name = f"MyService_{uuid4().hex[:8]}"
    Broker(shared_api, name).simple("E", v=1)
    assert Broker(shared_api, name.lower()).ids() == ["E"]


@pytest.mark.parametrize("tenant", ["a-b", "a.b", "a b", "ñ", "a" * 51, "a,b", "a/b"])
def test_bad_tenant_is_refused(shared_api: Api, tenant: str) -> None:
    headers = {"Fiware-Service": tenant.encode()}
    answer = shared_api("GET", "/v2/entities", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == BAD


def test_correlator_is_echoed_or_made(broker: Broker) -> None:
    given = broker("GET", "/v2/entities", headers={"Fiware-Correlator": "corr"})
    assert given.headers["fiware-correlator"] == "corr"
    made = {broker("GET", "/v2/entities").headers["fiware-correlator"] for _ in range(2)}
    assert len(made) == 2
    assert broker("GET", "/nowhere").headers["fiware-correlator"]
