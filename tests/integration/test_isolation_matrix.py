"""Nobody sees or changes what is not granted: every kind of caller, tenant, path and operation.

Four tenants hold entities of the same ids, types and paths, whose values name where they are. Each
request of the product of callers, tenants, service paths and operations is sent, and its whole answer
is compared with what the oracle (`tests.oracle`) makes of the plain data and the plain grants: a
leak in a list, a count, an order, a distance, an error or a written row is a difference.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from city import aws
from tests import oracle
from tests.integration.frozen import Answer, FrozenApi, found_among, token
from tests.integration.world import TENANTS, WORLD, Stored, populated
from tests.oracle import Grant

FEW_PATHS = (None,)
READ_PATHS = (None, "/", "/a", "/a/#", "/ab", "/A", "/a/b,/ab", "/nowhere/#")
TARGETS = (("x1", "Room"), ("x2", "Car"), ("x1", None), ("x9", "Room"))
WRITE_PATHS = (None, "/a", "/a/b")

EVERY = ["read", "create", "update", "delete", "subscribe", "register"]
PAST, FUTURE = "2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"


def allow(*actions: str, tenant: str = "a", **limits: Any) -> Grant:
    return {"actions": list(actions), "tenant": tenant, **limits}


def deny(*actions: str, tenant: str = "a", **limits: Any) -> Grant:
    return {"effect": "deny", **allow(*actions, tenant=tenant, **limits)}


CALLERS: dict[str, list[Grant]] = {
    "nothing": [],
    "everything": [allow(*EVERY, tenant="*")],
    "tenant": [allow(*EVERY)],
    "default-tenant": [allow(*EVERY, tenant="")],
    "path": [allow(*EVERY, servicePath="/a")],
    "subtree": [allow(*EVERY, servicePath="/a/#")],
    "two-paths": [allow(*EVERY, servicePath="/ab"), allow(*EVERY, servicePath="/b/#")],
    "type": [allow(*EVERY, types=["Room"])],
    "type-at-path": [allow(*EVERY, types=["Car"], servicePath="/a/#")],
    "types-apart": [
        allow(*EVERY, types=["Room"], servicePath="/a"),
        allow(*EVERY, types=["Car"], servicePath="/b"),
    ],
    "id": [allow(*EVERY, ids=["x1"])],
    "id-pattern": [allow(*EVERY, idPattern="x[2-9]")],
    "attributes": [allow(*EVERY, attributes=["temperature", "extra"])],
    "attributes-of-type": [
        allow(*EVERY, types=["Room"], attributes=["temperature", "location"]),
        allow("read", types=["Car"]),
    ],
    "hidden-attribute": [allow(*EVERY), deny(*EVERY, attributes=["secret"])],
    "hidden-location": [allow(*EVERY), deny("read", types=["Room"], attributes=["location"])],
    "hidden-type": [allow(*EVERY), deny(*EVERY, types=["Car"])],
    "hidden-path": [allow(*EVERY, tenant="*"), deny(*EVERY, servicePath="/a/#")],
    "hidden-id": [allow(*EVERY), deny(*EVERY, ids=["x2"], servicePath="/a/#")],
    "all-denied": [allow(*EVERY), deny(*EVERY, tenant="*")],
    "not-yet": [allow(*EVERY, validFrom=FUTURE), allow("read", tenant="b")],
    "no-more": [allow(*EVERY, validUntil=PAST), allow(*EVERY, types=["Car"], validUntil=FUTURE)],
    "reader": [allow("read"), allow("subscribe", types=["Room"])],
    "writer": [allow("create", "update", "delete")],
    "updater": [allow("read"), allow("update", attributes=["temperature"], types=["Room"])],
    "creator": [allow("create", types=["Room"])],
    "creator-reader": [allow("read", "create", types=["Room"]), allow("read", ids=["x2"])],
    "remover": [allow("read", "delete", servicePath="/a"), deny("delete", attributes=["secret"])],
    "attribute-remover": [allow("delete", attributes=["extra", "temperature"])],
    "registrar": [allow("register", "admin")],
}
PUBLIC: list[Grant] = [
    allow("read", "update", tenant="b", types=["Car"], attributes=["temperature"], servicePath="/a")
]
"""What everybody has, as far as it is reading."""


def held(caller: str) -> list[Grant]:
    """What a caller holds, with the public's share."""
    shared = [grant | {"actions": ["read"]} for grant in PUBLIC]
    return shared if caller == "public" else CALLERS[caller] + shared


@pytest.fixture(scope="module")
def city() -> Iterator[FrozenApi]:
    with populated() as table:
        api = FrozenApi(aws.client("dynamodb"), table, found_among(CALLERS | {"public": PUBLIC}))
        yield api
        api.close()


# What a reader must be answered


@dataclass(frozen=True)
class Seen:
    """An entity as a caller sees it."""

    place: oracle.Place
    attributes: dict[str, Any]

    def key_values(self, names: list[str] | None = None) -> dict[str, Any]:
        wanted = self.attributes if names is None else names
        attributes = {name: self.attributes[name] for name in wanted if name in self.attributes}
        return {"id": self.place.id, "type": self.place.type, **attributes}

    def normalized(self, names: list[str]) -> dict[str, Any]:
        rendered: dict[str, Any] = {"id": self.place.id, "type": self.place.type}
        for name in names:
            if name in self.attributes:
                value = self.attributes[name]
                type = "Text" if isinstance(value, str) else "Number"
                rendered[name] = {
                    "type": "geo:point" if name == "location" else type,
                    "value": value,
                    "metadata": {"of": {"type": "Text", "value": name}},
                }
        return rendered

    def get(self, name: str) -> Any:
        return self.attributes.get(name)

    @property
    def metres(self) -> float | None:
        """Metres from 0, 0 along the equator, about."""
        location = self.get("location")
        return None if location is None else float(location.partition(",")[2]) * 111_195


def seen(caller: str, tenant: str, scope: str | None) -> list[Seen]:
    """What a caller sees at some paths of a tenant, in the order of creation."""
    grants, wanted = held(caller), (scope or "/#").split(",")
    found = []
    for stored in WORLD:
        place = stored.place
        if place.tenant == tenant and any(oracle.inside(one, place.path) for one in wanted):
            attributes = oracle.shown(grants, place, stored.attributes, "read")
            if attributes is not None:
                found.append(Seen(place, attributes))
    return found


@dataclass(frozen=True)
class Query:
    """A query over all entities: how it is asked, and what a plain filter makes of it."""

    target: str
    body: Any = None
    keep: Callable[[Seen], bool] = lambda _: True
    order: Callable[[Seen], Any] | None = None
    descending: bool = False
    offset: int = 0
    limit: int = 20
    count: bool = False
    show: Callable[[Seen], Any] = Seen.key_values

    def answer(self, visible: list[Seen]) -> tuple[list[Any], int | None]:
        kept = [one for one in visible if self.keep(one)]
        if self.order:
            kept.sort(key=self.order, reverse=self.descending)
        page = kept[self.offset : self.offset + self.limit]
        return [self.show(one) for one in page], len(kept) if self.count else None


def ask(parameters: str, **members: Any) -> Query:
    return Query(f"/v2/entities?options=keyValues&limit=20&{parameters}", **members)


def batch(body: Any, parameters: str = "options=keyValues", **members: Any) -> Query:
    return Query(f"/v2/op/query?{parameters}", body, **members)


def by(name: str) -> Callable[[Seen], Any]:
    """NGSI's order: what has no such attribute first."""
    return lambda one: (one.get(name) is not None, one.get(name) or 0)


def only(*names: str) -> Callable[[Seen], Any]:
    return lambda one: one.key_values([*names])


def near(metres: float) -> Callable[[Seen], bool]:
    return lambda one: one.metres is not None and one.metres <= metres


COUNTED = {"count": True}
HERE = "geometry=point&coords=0,0"
ANY = [{"idPattern": ".*"}]
QUERIES = (
    ask(""),
    ask("type=Room", keep=lambda e: e.place.type == "Room"),
    ask("type=Car,Room,Bus"),
    ask("typePattern=%5EC", keep=lambda e: e.place.type == "Car"),
    ask("id=x1", keep=lambda e: e.place.id == "x1"),
    ask("id=x2,x9&type=Car", keep=lambda e: (e.place.id, e.place.type) == ("x2", "Car")),
    ask("idPattern=2$", keep=lambda e: e.place.id == "x2"),
    ask("idPattern=.*&typePattern=oo", keep=lambda e: e.place.type == "Room"),
    ask("q=secret>4;secret<106", keep=lambda e: 4 < e.attributes.get("secret", -1) < 106),
    ask("q=!secret", keep=lambda e: "secret" not in e.attributes),
    ask("q=secret&options=keyValues,count&limit=3", keep=lambda e: "secret" in e.attributes, limit=3, **COUNTED),
    ask("mq=secret.of==secret", keep=lambda e: "secret" in e.attributes),
    ask(f"georel=near;maxDistance:5000&{HERE}", keep=near(5000)),
    ask(f"georel=near;minDistance:3000&{HERE}", keep=lambda e: e.metres is not None and e.metres >= 3000),
    ask(f"georel=near;maxDistance:9000&{HERE}&orderBy=!geo:distance&options=keyValues,count",
        keep=near(9000), order=lambda e: e.metres, descending=True, **COUNTED),
    ask("orderBy=secret", order=by("secret")),
    ask("orderBy=!secret&offset=2&limit=5", order=by("secret"), descending=True, offset=2, limit=5),
    ask("orderBy=!id&options=keyValues,count", order=lambda e: e.place.id, descending=True, **COUNTED),
    ask("attrs=secret", show=only("secret")),
    ask("attrs=location,temperature", show=only("location", "temperature")),
    ask("options=values&attrs=secret,temperature",
        show=lambda e: [e.attributes[n] for n in ("secret", "temperature") if n in e.attributes]),
    ask("options=unique", show=lambda e: list(dict.fromkeys(e.attributes.values()))),
    Query("/v2/entities?attrs=secret,location&metadata=of",
          show=lambda e: e.normalized(["secret", "location"])),
    ask("options=keyValues,count&limit=1&offset=1", limit=1, offset=1, **COUNTED),
    ask("options=count&limit=0", limit=0, **COUNTED),
    ask("options=keyValues,count&type=Car&limit=2", keep=lambda e: e.place.type == "Car", limit=2, **COUNTED),
    ask("options=keyValues,count&typePattern=.*", **COUNTED),
    ask("options=keyValues,count&id=x1,x2", **COUNTED),
    batch({"entities": ANY}),
    batch({"entities": [{"id": "x1"}, {"idPattern": "2", "type": "Car"}]}, "options=keyValues,count",
          keep=lambda e: e.place.id == "x1" or e.place.type == "Car", **COUNTED),
    batch({"attributes": ["secret"]}, keep=lambda e: "secret" in e.attributes, show=only("secret")),
    batch({"attrs": ["location"], "entities": ANY}, show=only("location")),
    batch({"entities": ANY, "expression": {"q": "secret==3,103,203"}, "attrs": ["name"]},
          keep=lambda e: e.get("secret") in (3, 103, 203), show=only("name")),
    batch({"expression": {"georel": "near;maxDistance:2000", "geometry": "point", "coords": "0,0"}},
          keep=near(2000)),
)  # fmt: skip


@dataclass
class Comparison:
    """What was asked and how often the answer was another than it should have been."""

    leaks: list[str] = field(default_factory=list)

    def expect(self, what: object, answer: object, expected: object) -> None:
        if answer != expected:
            self.leaks.append(f"{what}:\n    got      {answer}\n    expected {expected}")

    def assert_none(self) -> None:
        assert not self.leaks, f"{len(self.leaks)} leaks, e.g.\n" + "\n".join(self.leaks[:8])


def headers(caller: str, tenant: str, path: str | None) -> list[tuple[str, str]]:
    sent = token(caller)
    if tenant:
        sent.append(("fiware-service", tenant))
    if path is not None:
        sent.append(("fiware-servicepath", path))
    return sent


def refused(caller: str) -> int:
    """The status for one who may do nothing of the kind in the tenant."""
    return 401 if caller == "public" else 403


EVERY_CALLER = (*CALLERS, "public")


@pytest.mark.parametrize("caller", EVERY_CALLER)
def test_queries_show_what_a_filter_of_everything_shows(city: FrozenApi, caller: str) -> None:
    comparison = Comparison()
    for tenant in TENANTS:
        reads = oracle.has_any(held(caller), "read", tenant)
        for path in _read_paths(tenant) if reads else FEW_PATHS:
            sent, visible = headers(caller, tenant, path), seen(caller, tenant, path)
            for query in QUERIES:
                method = "GET" if query.body is None else "POST"
                answer = city(method, query.target, sent, query.body)
                what = (caller, tenant, path, query.target, query.body)
                if reads:
                    comparison.expect(what, _page(answer), query.answer(visible))
                else:
                    comparison.expect(what, answer.status, refused(caller))
    comparison.assert_none()


def _read_paths(tenant: str) -> tuple[str | None, ...]:
    return READ_PATHS if tenant == "a" else FEW_PATHS


def _page(answer: Answer) -> object:
    if answer.status != 200:
        return answer
    total = answer.headers.get("fiware-total-count")
    return answer.json, None if total is None else int(total)


@pytest.mark.parametrize("caller", EVERY_CALLER)
def test_one_entity_is_found_as_far_as_it_is_visible(city: FrozenApi, caller: str) -> None:
    comparison = Comparison()
    for tenant in TENANTS:
        reads = oracle.has_any(held(caller), "read", tenant)
        for path in _read_paths(tenant) if reads else (None,):
            sent, visible = headers(caller, tenant, path), seen(caller, tenant, path)
            for id, type in (("x1", "Room"), ("x1", None), ("x9", "Room")):
                found = [e for e in visible if e.place.id == id and type in (None, e.place.type)]
                for part, show in _PARTS.items():
                    target = f"/v2/entities/{id}{part}?options=keyValues"
                    answer = city("GET", target + (f"&type={type}" if type else ""), sent)
                    expected = _one(found, show) if reads else refused(caller)
                    got = answer.json if answer.status == 200 else answer.status
                    comparison.expect((caller, tenant, path, target, type), got, expected)
    comparison.assert_none()


_PARTS: dict[str, Callable[[Seen], Any]] = {
    "": Seen.key_values,
    "/attrs": lambda e: e.attributes,
    "/attrs/secret": lambda e: {"secret": e.attributes["secret"]},
    "/attrs/temperature/value": lambda e: e.attributes["temperature"],
    "/attrs/nothing": lambda e: e.attributes["nothing"],
}


def _one(found: list[Seen], show: Callable[[Seen], Any]) -> Any:
    if len(found) != 1:
        return 409 if found else 404
    try:
        return show(found[0])
    except KeyError:
        return 404


@pytest.mark.parametrize("caller", EVERY_CALLER)
def test_types_are_those_of_visible_entities(city: FrozenApi, caller: str) -> None:
    comparison = Comparison()
    for tenant in TENANTS:
        reads = oracle.has_any(held(caller), "read", tenant)
        for path in _read_paths(tenant):
            sent, types = headers(caller, tenant, path), _types(seen(caller, tenant, path))
            for target, expected in (
                ("/v2/types", [{"type": type} | types[type] for type in sorted(types)]),
                ("/v2/types?options=values", sorted(types)),
                ("/v2/types?options=noAttrDetail,count&limit=1", None),
                ("/v2/types/Room", types.get("Room", 404)),
                ("/v2/types/Bus", 404),
            ):
                answer = city("GET", target, sent)
                got = answer.json if answer.status == 200 else answer.status
                what = (caller, tenant, path, target)
                if not reads:
                    comparison.expect(what, got, refused(caller))
                elif expected is None:
                    comparison.expect(what, answer.headers["fiware-total-count"], str(len(types)))
                else:
                    comparison.expect(what, got, expected)
    comparison.assert_none()


def _types(visible: list[Seen]) -> dict[str, Any]:
    types: dict[str, Any] = {}
    for one in visible:
        described = types.setdefault(one.place.type, {"attrs": {}, "count": 0})
        described["count"] += 1
        for name, value in one.attributes.items():
            kind = "Text" if isinstance(value, str) else "Number"
            described["attrs"][name] = {"types": ["geo:point" if name == "location" else kind]}
    return types


# What a writer must be answered, and what must have been written


@dataclass(frozen=True)
class Target:
    """What one item of a request is about."""

    caller: str
    tenant: str
    path: str
    id: str
    type: str | None = None

    @property
    def grants(self) -> list[Grant]:
        return [*CALLERS.get(self.caller, [])]

    def present(self) -> list[Stored]:
        """What is there."""
        return [
            stored
            for stored in WORLD
            if (stored.place.tenant, stored.place.path, stored.place.id)
            == (self.tenant, self.path, self.id)
            and self.type in (None, stored.place.type)
        ]

    def known(self, action: str, names: list[str]) -> list[Stored]:
        """What of it exists for the caller, who wants to do something with it."""
        return [
            stored
            for stored in self.present()
            if oracle.allowed(held(self.caller), "read", stored.place)
            or any(oracle.allowed(self.grants, action, stored.place, n) for n in names or [None])  # type: ignore[list-item]
        ]

    def may(self, action: str, place: oracle.Place, names: list[str], *, whole: bool) -> bool:
        """Whether the action is allowed with all the attributes it is about."""
        if whole and not oracle.allowed_whole(self.grants, action, place):
            return False
        return all(oracle.allowed(self.grants, action, place, n) for n in names or [None])  # type: ignore[list-item]

    def changed(
        self, action: str, names: list[str], *, whole: bool = False, done: int = 204
    ) -> tuple[int, set[oracle.Place]]:
        """Status and what is written when something that is there is changed."""
        if not oracle.has_any(self.grants, action, self.tenant):
            return 403, set()
        known = self.known(action, names)
        if len(known) != 1:
            return 409 if known else 404, set()
        place = known[0].place
        return (done, {place}) if self.may(action, place, names, whole=whole) else (403, set())

    def created(self, names: list[str]) -> tuple[int, set[oracle.Place]]:
        """Status and what is written when something is created."""
        place = oracle.Place(self.tenant, self.path, self.type or "Thing", self.id)
        if not self.may("create", place, names, whole=False):
            return 403, set()
        there = any(stored.place == place for stored in self.present())
        return (422, set()) if there else (201, {place})

    def upserted(self, names: list[str]) -> tuple[int, set[oracle.Place]]:
        """Status and what is written when it is updated or else created."""
        known = self.known("update", names)
        if len(known) > 1:
            return 409, set()
        if not known:
            status, written = self.created(names)
            return (204, written) if status == 201 else (403, set())
        place = known[0].place
        allowed = self.may("update", place, names, whole=False)
        return (204, {place}) if allowed else (403, set())


NEW = {"extra": {"value": 1}}
VALUES = {"temperature": {"value": 1}, "secret": {"value": 2}}
Outcome = tuple[int, set[oracle.Place]]


def writes(target: Target) -> Iterator[tuple[str, str, Any, Outcome]]:
    """Every operation on one entity: method, URL, body, and what must come of it."""
    of = f"?type={target.type}" if target.type else ""
    and_of = of.replace("?", "&")
    url = f"/v2/entities/{target.id}"
    temperature, both = {"temperature": {"value": 1}}, [*VALUES]
    yield "PATCH", f"{url}/attrs{of}", temperature, target.changed("update", ["temperature"])
    yield "PATCH", f"{url}/attrs{of}", VALUES, target.changed("update", both)
    yield "POST", f"{url}/attrs{of}", NEW, target.changed("update", ["extra"])
    yield "POST", f"{url}/attrs{of}", VALUES, target.changed("update", both)
    yield "POST", f"{url}/attrs?options=append{and_of}", NEW, target.changed("update", ["extra"])
    yield (
        "PUT",
        f"{url}/attrs{of}",
        temperature,
        target.changed("update", ["temperature"], whole=True),
    )
    yield "PUT", f"{url}/attrs/secret{of}", {"value": 1}, target.changed("update", ["secret"])
    yield (
        "PUT",
        f"{url}/attrs/temperature{of}",
        {"value": 1},
        target.changed("update", ["temperature"]),
    )
    yield (
        "PUT",
        f"{url}/attrs/temperature/value{of}",
        "1",
        target.changed("update", ["temperature"]),
    )
    yield "DELETE", f"{url}/attrs/secret{of}", None, target.changed("delete", ["secret"])
    yield "DELETE", f"{url}/attrs/temperature{of}", None, target.changed("delete", ["temperature"])
    yield "DELETE", f"{url}{of}", None, target.changed("delete", [], whole=True)
    if target.type:
        body = {"id": target.id, "type": target.type, **VALUES}
        bare = {"id": target.id, "type": target.type}
        yield "POST", "/v2/entities", body, target.created(both)
        yield "POST", "/v2/entities", bare, target.created([])
        yield "POST", "/v2/entities?options=upsert", body | NEW, target.upserted([*both, "extra"])


@pytest.mark.parametrize("caller", EVERY_CALLER)
def test_writes_do_what_is_granted_to_what_is_granted(city: FrozenApi, caller: str) -> None:
    comparison = Comparison()
    for tenant in TENANTS:
        for header in WRITE_PATHS if tenant == "a" else ("/a",):
            sent = headers(caller, tenant, header)
            for id, type in TARGETS if tenant == "a" else TARGETS[:1]:
                target = Target(caller, tenant, header or "/", id, type)
                for method, url, body, (status, written) in writes(target):
                    answer = city(method, url, sent, body)
                    got = answer.status, city.client.entities()
                    expected = (401 if caller == "public" else status, _places(written))
                    what = (caller, tenant, header, method, url, body)
                    comparison.expect(what, got, expected)
    comparison.assert_none()


def _places(places: set[oracle.Place]) -> set[tuple[str, str, str, str]]:
    return {(one.tenant, one.path, one.type, one.id) for one in places}


@pytest.mark.parametrize("caller", EVERY_CALLER)
def test_each_item_of_a_batch_is_decided_by_itself(city: FrozenApi, caller: str) -> None:
    comparison = Comparison()
    for tenant in TENANTS:
        for header in WRITE_PATHS if tenant == "a" else ("/a",):
            sent = headers(caller, tenant, header)
            for action, outcome in _BATCHES.items():
                names = [] if action == "remove" else ["temperature"]
                targets = [
                    Target(caller, tenant, header or "/", id, type)
                    for id, type in (("x1", "Room"), ("x2", "Car"), ("x9", "Room"))
                ]
                outcomes = [outcome(target) for target in targets]
                entities = [
                    {"id": one.id, "type": one.type, **{name: {"value": 1} for name in names}}
                    for one in targets
                ]
                body = {"actionType": action.replace("remove", "delete"), "entities": entities}
                answer = city("POST", "/v2/op/update", sent, body)
                written = set().union(*(places for _, places in outcomes))
                statuses = {status for status, _ in outcomes}
                expected = 401 if caller == "public" else _joined(statuses)
                what = (caller, tenant, header, action)
                comparison.expect(
                    what, (answer.status, city.client.entities()), (expected, _places(written))
                )
    comparison.assert_none()


_BATCHES: dict[str, Callable[[Target], Outcome]] = {
    "append": lambda target: target.upserted(["temperature"]),
    "update": lambda target: target.changed("update", ["temperature"]),
    "replace": lambda target: target.changed("update", ["temperature"], whole=True),
    "delete": lambda target: target.changed("delete", ["temperature"]),
    "remove": lambda target: target.changed("delete", [], whole=True),
}


def _joined(statuses: set[int]) -> int:
    if 403 in statuses:
        return 403
    if statuses <= {201, 204}:
        return 204
    return 404 if statuses == {404} else 422


@pytest.mark.parametrize("caller", EVERY_CALLER)
def test_what_another_broker_notifies_is_decided_like_a_batch(city: FrozenApi, caller: str) -> None:
    comparison = Comparison()
    for tenant in TENANTS:
        targets = [Target(caller, tenant, "/a", id, "Room") for id in ("x1", "x9")]
        outcomes = [target.upserted(["temperature"]) for target in targets]
        told = [
            {"id": one.id, "type": one.type, "temperature": {"value": 1, "type": "Number"}}
            for one in targets
        ]
        body = {"subscriptionId": "s", "data": told}
        answer = city("POST", "/v2/op/notify", headers(caller, tenant, "/a"), body)
        written = set().union(*(places for _, places in outcomes))
        done = 200 if {status for status, _ in outcomes} <= {201, 204} else 403
        expected = (401 if caller == "public" else done), _places(written)
        comparison.expect((caller, tenant), (answer.status, city.client.entities()), expected)
    comparison.assert_none()


# What else a request can be


@pytest.mark.parametrize("caller", EVERY_CALLER)
def test_subscriptions_and_registrations_need_their_grants(city: FrozenApi, caller: str) -> None:
    comparison = Comparison()
    for tenant in TENANTS:
        grants = CALLERS.get(caller, [])
        sent = headers(caller, tenant, None)
        tells = oracle.has_any(held(caller), "read", tenant)
        subscribes = oracle.has_any(grants, "subscribe", tenant)
        for type in ("Room", "Car", None):
            entities = [{"idPattern": ".*", **({"type": type} if type else {})}]
            body = {
                "subject": {"entities": entities},
                "notification": {"http": {"url": "http://receiver.example/"}},
            }
            status = city("POST", "/v2/subscriptions", sent, body).status
            city.client.written.clear()
            named = [
                grant
                for action in ("subscribe",)
                for grant in oracle.about(grants, action, tenant)
                if grant.get("effect") != "deny"
                and (type is None or type in grant.get("types", [type]))
            ]
            if not (tells and subscribes and named):
                comparison.expect((caller, tenant, type), status, refused(caller))
            elif any(
                oracle.shown(held(caller), stored.place, {}, "read", "subscribe") is not None
                for stored in WORLD
                if stored.place.tenant == tenant and type in (None, stored.place.type)
            ):
                comparison.expect((caller, tenant, type), status, 201)
        administers = any(
            "admin" in grant["actions"] for grant in oracle.about(grants, "admin", tenant)
        )
        may_list = subscribes or administers
        for method, url in (
            ("GET", "/v2/subscriptions"),
            ("GET", "/v2/subscriptions/5fa9c0ffee5fa9c0ffee5fa9"),
            ("DELETE", "/v2/subscriptions/5fa9c0ffee5fa9c0ffee5fa9"),
        ):
            found = 200 if url.endswith("subscriptions") else 404
            expected = found if may_list else refused(caller)
            got = city(method, url, sent).status
            if administers and not subscribes:
                comparison.expect((caller, tenant, method, url), got in (200, 403), True)
            else:
                comparison.expect((caller, tenant, method, url), got, expected)
        registers = oracle.has_any(grants, "register", tenant)
        for method, url, done in (
            ("GET", "/v2/registrations", 200),
            ("POST", "/v2/registrations", 501),
            ("GET", "/v2/registrations/5fa9c0ffee5fa9c0ffee5fa9", 404),
        ):
            got = city(method, url, sent, {} if method == "POST" else None).status
            comparison.expect(
                (caller, tenant, method, url), got, done if registers else refused(caller)
            )
    comparison.assert_none()
    assert city.client.entities() == set()


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT"])
@pytest.mark.parametrize("caller", ["public", "nothing", "type"])
def test_other_methods_show_nothing(city: FrozenApi, caller: str, method: str) -> None:
    for tenant in TENANTS:
        for url in ("/v2/entities", "/v2/entities/x1", "/v2/types", "/v2/op/query"):
            answer = city(method, url, headers(caller, tenant, None))
            assert answer.status in (400, 405)
            assert b"x1" not in answer.body.replace(url.encode(), b"")


@pytest.mark.parametrize("override", ["DELETE", "PUT", "GET"])
def test_method_override_is_ignored(city: FrozenApi, override: str) -> None:
    sent = [*headers("everything", "a", "/a"), ("x-http-method-override", override)]
    assert city("GET", "/v2/entities/x1?type=Room", sent).status == 200
    assert city.client.entities() == set()


@pytest.mark.parametrize(
    "claimed",
    [
        ("x-roles", "admin"),
        ("x-nick-name", "everything"),
        ("x-organizations", "a"),
        ("x-app-id", "everything"),
        ("x-forwarded-user", "everything"),
        ("x-amzn-oidc-identity", "everything"),
        ("x-subject", "everything"),
        ("fiware-owner", "everything"),
        ("ngsild-path", "/#"),
    ],
)
def test_claims_in_headers_are_ignored(city: FrozenApi, claimed: tuple[str, str]) -> None:
    for caller in ("nothing", "type", "public"):
        for tenant in TENANTS:
            sent = headers(caller, tenant, None)
            answer = city("GET", "/v2/entities?limit=20", sent)
            assert city("GET", "/v2/entities?limit=20", [*sent, claimed]) == answer


@pytest.mark.parametrize(
    "value",
    ["b", "B", "a,b", "a, b", "a&b", "a%26b", "a b", "a\tb", "a\r\nfiware-service: b", "a\u00e9",
     "a\x00b", "a/b", "../b", "a" * 51, "a" * 4096, "a\u001fe", "*", "#", "a#grant"],
)  # fmt: skip
def test_no_tenant_header_reaches_another_tenant(city: FrozenApi, value: str) -> None:
    """A caller of tenant a, with every spelling of a tenant header."""
    own = {entity["name"] for entity in _names_of(city, headers("tenant", "a", None))}
    assert own
    for name in ("fiware-service", "ngsild-tenant"):
        for first in ([], [("fiware-service", "a")], [("ngsild-tenant", "a")]):
            for sent in ([*first, (name, value)], [(name, value), *first]):
                answer = city("GET", "/v2/entities?options=keyValues", [*token("tenant"), *sent])
                assert answer.status in (400, 403) or {
                    entity.get("name") for entity in answer.json
                } <= {*own, None}
                if first and (name, value) not in first and answer.status == 200:
                    pytest.fail(f"two tenants in one request: {sent}")


def _names_of(city: FrozenApi, sent: list[tuple[str, str]]) -> list[Any]:
    found: list[Any] = city("GET", "/v2/entities?options=keyValues&limit=20", sent).json
    return found


@pytest.mark.parametrize(
    ("one", "other", "status"),
    [("a", "a", 200), ("a", "A", 200), ("a", "b", 400), ("b", "a", 400), ("a", "", 400), ("", "a", 400)],
)  # fmt: skip
def test_two_tenant_headers_must_agree(city: FrozenApi, one: str, other: str, status: int) -> None:
    sent = [*token("everything"), ("fiware-service", one), ("ngsild-tenant", other)]
    assert city("GET", "/v2/entities", sent).status == status
    answer = city("DELETE", "/v2/entities/x1?type=Room", sent)
    assert answer.status == (204 if status == 200 else 400)
    assert len(city.client.entities()) == (1 if status == 200 else 0)


def test_the_other_standards_tenant_header_counts_alone_too(city: FrozenApi) -> None:
    sent = [*token("tenant"), ("ngsild-tenant", "b")]
    assert city("DELETE", "/v2/entities/x1?type=Room", sent).status == 403


@pytest.mark.parametrize(
    "value",
    ["/a,/ab", "/a\x00b", "/../ab", "/a/../ab", "//ab", "/a//b", "/%61b", "/a%2f..", "/a/#/b", "#",
     "/#/a", "a", "", "/a\u001fb", "/" + "a" * 51, "/a" * 11, ",".join(["/a"] * 11), "/a b", "/a;/ab"],
)  # fmt: skip
def test_no_path_header_reaches_another_path(city: FrozenApi, value: str) -> None:
    own = {s.attributes["name"] for s in WORLD if oracle.allowed(held("path"), "read", s.place)}
    for more in ([], [("fiware-servicepath", "/ab")], [("fiware-servicepath", "/#")]):
        sent = [*headers("path", "a", value), *more]
        answer = city("GET", "/v2/entities?options=keyValues", sent)
        assert answer.status in (200, 400)
        if answer.status == 200:
            assert {entity["name"] for entity in answer.json} <= own
        for method, url in (
            ("DELETE", "/v2/entities/x1?type=Room"),
            ("PUT", "/v2/entities/x1/attrs"),
        ):
            status = city(method, url, sent, {} if method == "PUT" else None).status
            assert status in (204, 400, 403, 404)
            assert {path for _, path, _, _ in city.client.entities()} <= {"/a"}


@pytest.mark.parametrize("url", ["/v2/entities/..%2Fx2", "/v2/entities/x1%00", "/v2/entities/%2e%2e", "/v2/entities/x1\u001fRoom"])  # fmt: skip
def test_odd_ids_reach_nothing_hidden(city: FrozenApi, url: str) -> None:
    assert city("GET", url, headers("id", "a", "/a")).status in (400, 404)


# The order of requests


@pytest.mark.parametrize("order", [("tenant", "nothing"), ("nothing", "tenant"), ("type", "path")])
def test_what_one_was_shown_is_not_what_the_next_is_shown(
    city: FrozenApi, order: tuple[str, str]
) -> None:
    for _ in range(2):
        for caller in order:
            for tenant in ("a", "b", "a"):
                answer = city(
                    "GET", "/v2/entities?options=keyValues&limit=20", headers(caller, tenant, None)
                )
                if oracle.has_any(held(caller), "read", tenant):
                    assert answer.json == [one.key_values() for one in seen(caller, tenant, None)]
                else:
                    assert answer.status == 403


def test_refusals_do_not_tell_what_there_is(city: FrozenApi) -> None:
    """Hidden and absent entities and attributes are answered alike, byte by byte."""
    for caller, hidden, absent in (
        ("type", "/v2/entities/x1?type=Car", "/v2/entities/x9?type=Car"),
        (
            "attributes",
            "/v2/entities/x1/attrs/secret?type=Room",
            "/v2/entities/x1/attrs/none?type=Room",
        ),
        ("hidden-type", "/v2/types/Car", "/v2/types/Bus"),
    ):
        sent = headers(caller, "a", "/a")
        assert city("GET", hidden, sent).body == city("GET", absent, sent).body
    for method, hidden, absent, body in (
        ("PATCH", "/v2/entities/x1/attrs?type=Car", "/v2/entities/x9/attrs?type=Car", VALUES),
        ("DELETE", "/v2/entities/x1?type=Car", "/v2/entities/x9?type=Car", None),
        ("PUT", "/v2/entities/x1/attrs/secret?type=Car", "/v2/entities/x9/attrs/secret?type=Car", {"value": 1}),
    ):  # fmt: skip
        sent = headers("type", "a", "/a")
        answers = city(method, hidden, sent, body), city(method, absent, sent, body)
        assert answers[0].status == 404
        assert answers[0].body == answers[1].body
    writable = headers("updater", "a", "/a")
    for name in ("secret", "none"):
        answer = city("PATCH", "/v2/entities/x1/attrs?type=Room", writable, {name: {"value": 1}})
        assert (answer.status, re.sub(name, "…", answer.body.decode())) == (
            403,
            json.dumps(
                {
                    "error": "Forbidden",
                    "description": "no grant lets you update attribute … of x1/Room",
                },
                ensure_ascii=False,
                separators=(",", ":"),
            ),
        )


def test_the_matrix_is_thousands_of_requests(city: FrozenApi) -> None:
    """Runs last; alone it says nothing."""
    if city.requests:
        assert city.requests > 20_000
