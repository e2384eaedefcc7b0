"""Nobody is told what is not granted, by any reading route of the history.

Three tenants have the same series; every value says where it is. Whatever an answer looks like, the
values in it are those that the oracle (`tests.oracle`) makes of the plain grants, and so is every
count, list and aggregate that is made of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from city import aws
from city.clock import SECOND, now
from city.policy import Policy
from city.policy.tokens import Claims
from city.tenancy import Tenant
from history.access import ADMIN, DELETE, OPEN, READ, WRITE
from history.application import RULES
from tests import oracle
from tests.accounts import put_account
from tests.conftest import create_history_bucket, create_history_table, create_security_table
from tests.integration.frozen import found_among
from tests.integration.recorded import HistoryApi, observed, path

TENANTS = ("", "a", "b")
DAY = "2026-10-01"
PAST = "2020-01-01T00:00:00Z"
SCOPES = frozenset({READ, WRITE, DELETE, ADMIN})


def allow(*actions: str, tenant: str = "a", **limits: Any) -> oracle.Grant:
    return {"actions": list(actions), "tenant": tenant, **limits}


def deny(*actions: str, tenant: str = "a", **limits: Any) -> oracle.Grant:
    return {"effect": "deny", **allow(*actions, tenant=tenant, **limits)}


CALLERS: dict[str, list[oracle.Grant]] = {
    "nothing": [],
    "everything": [allow("read", tenant="*")],
    "tenant": [allow("read")],
    "path": [allow("read", servicePath="/a/#")],
    "type": [allow("read", types=["Room"])],
    "id": [allow("read", ids=["x1"])],
    "id-pattern": [allow("read", idPattern="x[2-9]")],
    "attributes": [allow("read", attributes=["name"])],
    "apart": [allow("read", types=["Room"], servicePath="/a"), allow("read", ids=["x2"], tenant="")],
    "hidden-attribute": [allow("read"), deny("read", attributes=["secret"])],
    "hidden-type": [allow("read", tenant="*"), deny("read", types=["room"])],
    "hidden-id": [allow("read"), deny("read", ids=["x2"], servicePath="/a/#")],
    "no-more": [allow("read", validUntil=PAST)],
    "writer": [allow("create", "update", "delete", "admin")],
}  # fmt: skip
PUBLIC = [allow("read", tenant="b", types=["Room"], attributes=["name"], servicePath="/b")]
EVERYBODY = CALLERS | {"public": PUBLIC}


@dataclass(frozen=True)
class Told:
    """A value of the world: what it is of, and what it says."""

    place: oracle.Place
    attribute: str
    text: str


def _world() -> Iterator[Told]:
    for tenant in TENANTS:
        for type, id, at in (
            ("Room", "x1", "/a"),
            ("Room", "x2", "/b"),
            ("room", "x1", "/a"),
            ("Car", "x2", "/a"),
        ):
            for name in ("name", "secret"):
                place = oracle.Place(tenant, at, type, id)
                yield Told(place, name, f"<{tenant}|{at}|{type}|{id}|{name}>")


WORLD = tuple(_world())


def held(caller: str) -> list[oracle.Grant]:
    return PUBLIC if caller == "public" else CALLERS[caller] + PUBLIC


def seen(caller: str, tenant: str, **wanted: str) -> set[str]:
    """The values that a caller sees of what is wanted."""
    grants = held(caller)
    return {
        one.text
        for one in WORLD
        if one.place.tenant == tenant
        and all(getattr(one.place, name, one.attribute) == text for name, text in wanted.items())
        and oracle.allowed(grants, "read", one.place, one.attribute)
    }


@pytest.fixture(scope="module")
def city(s3_endpoint: str) -> Iterator[HistoryApi]:
    dynamodb, s3 = aws.client("dynamodb"), aws.client("s3")
    tables = create_history_table(dynamodb), create_security_table(dynamodb)
    put_account(dynamodb, tables[1], "unused")
    api = HistoryApi(tables[0], create_history_bucket(s3), s3_endpoint, security_table=tables[1])
    for tenant in TENANTS:
        records = [
            observed(
                f"{DAY}T12:00:00Z",
                one.text,
                one.attribute,
                one.place.id,
                type=one.place.type,
                path=path(one.place.path),
            )
            for one in WORLD
            if one.place.tenant == tenant
        ]
        api.record(*records, tenant=Tenant(tenant))
    inner: Any = api.app.app
    find = found_among(EVERYBODY)
    inner.state.policy = Policy(
        RULES,
        lambda text: Claims(text, text, SCOPES, issued=now() // SECOND),
        find,
        lambda _account: None,
    )
    yield api
    api.close()
    for table in tables:
        dynamodb.delete_table(TableName=table)


def headers(caller: str, tenant: str, scope: str | None = None) -> dict[str, str]:
    given = {} if caller == "public" else {"Authorization": f"Bearer {caller}"}
    given |= {"Fiware-Service": tenant} if tenant else {}
    return given | ({"Fiware-ServicePath": scope} if scope else {})


_TEXT = re.compile(r"<[^<>]*>")

READS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/v2/attrs", {}),
    ("/v2/attrs/secret/value", {"attribute": "secret"}),
    ("/v2/types/Room", {"type": "Room"}),
    ("/v2/types/room/attrs/name", {"type": "room", "attribute": "name"}),
    ("/v2/types/Car/value?lastN=1&limit=5", {"type": "Car"}),
    ("/v2/entities/x1?type=Room", {"type": "Room", "id": "x1"}),
    ("/v2/entities/x2/attrs/secret?type=Car", {"type": "Car", "id": "x2", "attribute": "secret"}),
    ("/v2/attrs/name?idPattern=X1", {"id": "x1", "attribute": "name"}),
    ("/v2/attrs?id=x2", {"id": "x2"}),
    ("/v2/attrs?attrs=name,secret&aggrMethod=max", {}),
)


@pytest.mark.parametrize("caller", EVERYBODY)
def test_readers_are_told_what_they_may_see_and_nothing_else(city: HistoryApi, caller: str) -> None:
    differences = []
    for tenant in TENANTS:
        may = oracle.has_any(held(caller), "read", tenant)
        for url, limits in READS:
            # "room" is the type itself to whoever sees it, and to others the only one like it
            is_other = limits.get("type") == "room" and not seen(caller, tenant, type="room")
            wanted = limits | ({"type": "Room"} if is_other else {})
            answer = city.get(url, headers=headers(caller, tenant))
            told = set(_TEXT.findall(answer.text))
            expected = seen(caller, tenant, **wanted)
            status = (401 if caller == "public" else 403) if not may else 200 if expected else 404
            if (answer.status_code, told) != (status, expected):
                differences.append((tenant, url, answer.status_code, status, told ^ expected))
    assert differences == []


@pytest.mark.parametrize("caller", EVERYBODY)
def test_lists_counts_and_sth_are_of_what_is_seen(city: HistoryApi, caller: str) -> None:
    for tenant in TENANTS:
        may = oracle.has_any(held(caller), "read", tenant)
        refused = 401 if caller == "public" else 403
        answer = city.get("/v2/entities", headers=headers(caller, tenant))
        entities = {
            (one.place.type, one.place.id) for one in WORLD if one.text in seen(caller, tenant)
        }
        if entities:
            found = {(one["entityType"], one["entityId"]) for one in answer.json()}
            assert found == entities
            assert answer.headers["city-read"].endswith(f"rows={len(found)}")
        else:
            assert answer.status_code == (404 if may else refused)
        for place, at in (("Room/id/x1", "/a"), ("Car/id/x2", "/a")):
            url = f"/STH/v1/contextEntities/type/{place}/attributes/secret?lastN=5&count=true"
            sent = headers(caller, tenant, at)
            if not tenant:  # STH-Comet needs its header
                continue
            answer = city.get(url, headers=sent)
            type, _, id = place.split("/")
            expected = seen(caller, tenant, type=type, id=id, path=at, attribute="secret")
            assert answer.status_code == (200 if may else refused)
            assert set(_TEXT.findall(answer.text)) == expected
            if may:
                assert answer.headers["fiware-total-count"] == str(len(expected))


@pytest.mark.parametrize("caller", EVERYBODY)
def test_last_values_are_of_what_is_seen(city: HistoryApi, caller: str) -> None:
    for tenant in TENANTS:
        body = {"entities": [{"type": "Room", "id": "x1"}], "attrs": []}
        answer = city("POST", "/v2/op/query", body, headers(caller, tenant))
        expected = seen(caller, tenant, type="Room", id="x1")
        assert set(_TEXT.findall(answer.text)) == expected
        if not expected:
            absent = {"entities": [{"type": "Room", "id": "x9"}], "attrs": []}
            other = city("POST", "/v2/op/query", absent, headers(caller, tenant))
            assert (other.status_code, other.text) == (answer.status_code, answer.text)


@pytest.mark.parametrize("caller", EVERYBODY)
def test_exports_are_of_what_is_seen(city: HistoryApi, caller: str) -> None:
    for tenant in TENANTS:
        order = {"type": "Room", "format": "csv", "layout": "long"}
        answer = city("POST", "/history/v1/exports", order, headers(caller, tenant))
        expected = seen(caller, tenant, type="Room")
        if not expected or caller == "public":
            assert answer.status_code in (401, 403, 404)
            continue
        assert answer.status_code in (200, 202)
        city.work()
        place = answer.headers["location"]
        assert city.get(place, headers=headers(caller, tenant)).json()["rows"] == len(expected)
        files = [
            key for key in city.services.objects.keys("exports/") if answer.json()["id"] in key
        ]
        (file,) = [key for key in files if key.endswith(".csv")]
        assert set(_TEXT.findall(city.services.objects.get(file).decode())) == expected
        for other in EVERYBODY:
            if other != caller:
                refused = city.get(place, headers=headers(other, tenant))
                assert refused.status_code in (401, 403, 404)


@pytest.mark.parametrize("caller", [*CALLERS, "public"])
def test_who_may_only_read_changes_nothing(city: HistoryApi, caller: str) -> None:
    if caller == "writer":
        return
    body = {"data": [{"id": "x1", "type": "Room", "name": {"type": "Text", "value": "new"}}]}
    for tenant in TENANTS:
        for method, url, sent in (
            ("POST", "/v2/notify", body),
            ("DELETE", "/v2/entities/x1?type=Room", None),
            ("DELETE", "/v2/types/Room", None),
            ("DELETE", "/STH/v1/contextEntities", None),
            ("PUT", "/history/v1/retention", {"days": 1}),
            ("GET", "/history/v1/retention", None),
            ("GET", "/history/v1/datasets", None),
            ("PUT", "/history/v1/datasets/Room", {}),
            ("PUT", "/history/v1/catalog", {}),
            ("PUT", "/admin/log?level=DEBUG", None),
        ):
            answer = city(
                method, url, sent, headers(caller, tenant or "", "/a") | {"If-Match": "*"}
            )
            assert answer.status_code in (400, 401, 403), (tenant, method, url)
            assert not _TEXT.findall(answer.text)
    assert city.tasks() == []


def test_every_route_needs_the_scope_of_what_it_does() -> None:
    """What changes anything is never open, and no scope for reading lets it pass."""
    for (method, url), operation in RULES.items():
        searches = url.endswith("/op/query") or "/action/" in url
        if method in {"GET", "HEAD"} or searches:
            assert operation.scope in {OPEN, READ, ADMIN}, url
        elif url.startswith("/history/v1/exports") or url.endswith("/management/config"):
            assert operation.scope == READ, url
        else:
            assert operation.scope in {WRITE, DELETE, ADMIN}, url
            assert not operation.is_public
