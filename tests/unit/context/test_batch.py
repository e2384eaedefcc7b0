"""Batches: what they do, in which order, and how the refusals of their entities join."""

import threading
import time
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.document import Entity, Identity
from city.errors import (
    Ambiguous,
    CityError,
    InvalidRequest,
    Malformed,
    NotFound,
    PartialUpdate,
    TooLarge,
    Unprocessable,
    Unsupported,
)
from city.json import Json
from city.policy.grants import UNLIMITED
from city.tenancy import DEFAULT_TENANT, ServicePath, Tenant
from context.entities import Creation, Entities, Mutation, permitted
from context.ngsi_v2 import batch
from context.ngsi_v2.batch import read_batch, read_notification
from context.ngsi_v2.updates import Request
from context.rights import Permit

PATH = ServicePath("/a/")
NOW = 1_000_000


class MemoryEntities(Entities):
    """The entity service over a dictionary; `before` is called ahead of every write."""

    def __init__(self, before: Callable[[str], object] = lambda _id: None) -> None:
        self.stored: dict[Identity, Entity] = {}
        self.order: list[str] = []
        self._before = before
        self._ticks = count(NOW + 1_000_000)
        self._lock = threading.Lock()

    def update(
        self,
        tenant: Tenant,
        id: str,
        type: str | None,
        path: ServicePath,
        mutation: Mutation,
        *,
        permit: Permit,
    ) -> Entity:
        self._before(id)
        with self._lock:
            present = self._only(tenant, id, type, path)
            if present is None:
                raise NotFound("not found")
            outcome = permitted(mutation, permit)(present, next(self._ticks))
            self._keep(outcome.entity)
        if outcome.refusal:
            raise outcome.refusal
        return outcome.entity

    def upsert(
        self,
        identity: Identity,
        creation: Creation,
        mutation: Mutation,
        *,
        permit: Permit,
        any_type: bool = False,
        at: int | None = None,
    ) -> bool:
        tenant, id, type, path = identity
        with self._lock:
            present = self._only(tenant, id, None if any_type else type, path)
            if present is None:
                assert at is not None
                permit.to_create().check(identity)
                self._keep(creation(identity, at))
        if present is not None:
            self.update(tenant, id, present.identity.type, path, mutation, permit=permit)
            return False
        self._before(id)
        return True

    def delete(
        self, tenant: Tenant, id: str, type: str | None, path: ServicePath, *, permit: Permit
    ) -> None:
        with self._lock:
            present = self._only(tenant, id, type, path)
            if present is None:
                raise NotFound("not found")
            permit.check(present.identity)
            del self.stored[present.identity]

    def add(self, id: str, type: str, *names: str) -> None:
        self.apply("append", [{"id": id, "type": type, **{name: {"value": 0} for name in names}}])

    def apply(self, action: str, entities: Json, request: Request = Request()) -> None:  # noqa: B008
        incoming = read_batch({"actionType": action, "entities": entities})
        batch.apply(
            incoming, self, DEFAULT_TENANT, PATH, UNLIMITED, asked=request, clock=lambda: NOW
        )

    def shown(self) -> dict[tuple[str, str], dict[str, Json]]:
        return {
            (kept.identity.id, kept.identity.type): {
                name: attribute.value for name, attribute in kept.attributes.items()
            }
            for kept in self.stored.values()
        }

    def _keep(self, entity: Entity) -> None:
        self.stored[entity.identity] = entity
        self.order.append(entity.identity.id)

    def _only(self, tenant: Tenant, id: str, type: str | None, path: ServicePath) -> Entity | None:
        found = [
            kept
            for (of, name, kind, at), kept in self.stored.items()
            if (of, name, at) == (tenant, id, path) and type in {None, kind}
        ]
        if len(found) > 1:
            raise Ambiguous("More than one matching entity. Please refine your query")
        return found[0] if found else None


@pytest.fixture
def entities() -> MemoryEntities:
    """Holds E of type T with A and B, and U of type T with A."""
    service = MemoryEntities()
    service.add("E", "T", "A", "B")
    service.add("U", "T", "A")
    return service


def entity(id: str, *names: str, type: str | None = "T") -> dict[str, Json]:
    typed: dict[str, Json] = {} if type is None else {"type": type}
    return {"id": id, **typed, **{name: {"value": 1} for name in names}}


class TestActions:
    def test_append_creates_and_updates(self, entities: MemoryEntities) -> None:
        entities.apply("append", [entity("E", "A", "C"), entity("N", "A")])

        assert entities.shown() == {
            ("E", "T"): {"A": 1, "B": 0, "C": 1},
            ("U", "T"): {"A": 0},
            ("N", "T"): {"A": 1},
        }

    def test_append_strict_adds_only(self, entities: MemoryEntities) -> None:
        entities.apply("appendStrict", [entity("E", "C"), entity("N", "A")])
        assert entities.shown()["E", "T"] == {"A": 0, "B": 0, "C": 1}
        assert entities.shown()["N", "T"] == {"A": 1}

    def test_update_updates(self, entities: MemoryEntities) -> None:
        entities.apply("update", [entity("E", "A"), entity("U", "A")])
        assert entities.shown() == {("E", "T"): {"A": 1, "B": 0}, ("U", "T"): {"A": 1}}

    def test_replace_drops_the_rest(self, entities: MemoryEntities) -> None:
        entities.apply("replace", [entity("E", "C")])
        assert entities.shown()["E", "T"] == {"C": 1}

    def test_delete_removes_attributes_or_the_entity(self, entities: MemoryEntities) -> None:
        entities.apply("delete", [entity("E", "A"), entity("U")])
        assert entities.shown() == {("E", "T"): {"B": 0}}

    def test_type_left_out_means_the_only_entity_of_that_id(self, entities: MemoryEntities) -> None:
        entities.apply("append", [entity("E", "A", type=None), entity("N", "A", type=None)])

        assert entities.shown()["E", "T"]["A"] == 1
        assert entities.shown()["N", "Thing"] == {"A": 1}

    def test_entities_get_the_options_of_the_request(self, entities: MemoryEntities) -> None:
        entities.apply("update", [entity("E", "A")], Request(forced=True, correlator="c"))

        write = entities.stored[Identity(DEFAULT_TENANT, "E", "T", PATH)].write
        assert (write.touched, write.forced, write.correlator) == (("A",), True, "c")


class TestOrder:
    def test_entities_are_created_in_the_order_of_the_batch(self) -> None:
        service = MemoryEntities()
        ids = [f"E{number}" for number in range(40)]
        service.apply("append", [entity(id, "A") for id in ids])

        created = sorted(service.stored.values(), key=lambda kept: kept.created)
        assert [kept.identity.id for kept in created] == ids
        assert len({kept.created for kept in created}) == len(ids)

    def test_an_entity_is_modified_when_it_is_written(self) -> None:
        service, ticks = MemoryEntities(), count(NOW, 1_000)
        incoming = read_batch({"actionType": "append", "entities": [entity("E"), entity("F")]})
        batch.apply(
            incoming,
            service,
            DEFAULT_TENANT,
            PATH,
            UNLIMITED,
            asked=Request(),
            clock=lambda: next(ticks),
        )

        times = {
            kept.identity.id: (kept.created, kept.modified) for kept in service.stored.values()
        }
        assert {id: created for id, (created, _) in times.items()} == {"E": NOW, "F": NOW + 1}
        assert {modified for _, modified in times.values()} == {NOW + 1_000, NOW + 2_000}

    def test_one_entity_named_twice_is_written_twice_in_order(self) -> None:
        writing, overlaps = threading.Lock(), []

        def write_slowly(id: str) -> None:
            if id == "E":
                alone = writing.acquire(blocking=False)
                overlaps.append(not alone)
                time.sleep(0.001)
                if alone:
                    writing.release()

        service = MemoryEntities(before=write_slowly)
        for_one: list[Json] = [{"id": "E", "A": {"value": number}} for number in range(9)]
        others: list[Json] = [entity(f"O{number}", "A") for number in range(9)]
        service.apply(
            "append", [item for pair in zip(for_one, others, strict=True) for item in pair]
        )

        assert service.shown()["E", "Thing"] == {"A": 8}
        assert service.order.count("E") == 9
        assert not any(overlaps)

    def test_different_entities_are_written_in_parallel(self) -> None:
        both = threading.Barrier(2, timeout=5)
        service = MemoryEntities(before=lambda _id: both.wait())
        service.apply("append", [entity("E", "A"), entity("F", "A")])
        assert set(service.shown()) == {("E", "T"), ("F", "T")}


@pytest.mark.parametrize(
    ("action", "items", "refusal", "message"),
    [
        (
            "update",
            [entity("F", "A"), entity("G", "A")],
            NotFound,
            "do not exist: F/T - [entity itself], G/T [entity itself]",
        ),
        (
            "replace",
            [entity("F", "A", type=None)],
            NotFound,
            "do not exist: F - [entity itself]",
        ),
        ("delete", [entity("F")], NotFound, "do not exist: F/T - [entity itself]"),
        (
            "update",
            [entity("E", "C", "D"), entity("G", "A")],
            Unprocessable,
            "do not exist: E/T - [ C, D ], G/T [entity itself]",
        ),
        (
            "delete",
            [entity("G", "A"), entity("E", "C")],
            Unprocessable,
            "do not exist: G/T - [entity itself], E/T - [ C ]",
        ),
        (
            "update",
            [entity("E", "A", "D"), entity("G", "A")],
            PartialUpdate,
            "do not exist: E/T - [ D ], G/T [entity itself]",
        ),
        (
            "replace",
            [entity("E", "D"), entity("G", "A")],
            PartialUpdate,
            "do not exist: G/T - [entity itself]",
        ),
        (
            "delete",
            [entity("U"), entity("G")],
            PartialUpdate,
            "do not exist: G/T - [entity itself]",
        ),
        (
            "appendStrict",
            [entity("E", "A", "B"), entity("U", "A", type=None)],
            Unprocessable,
            "one or more of the attributes in the request already exist: E/T - [ A, B ], U - [ A ]",
        ),
        (
            "appendStrict",
            [entity("N", "A"), entity("E", "A", "C"), entity("U", "A")],
            PartialUpdate,
            "one or more of the attributes in the request already exist: E/T - [ A ], U/T - [ A ]",
        ),
    ],
)
def test_refusals_of_entities_are_joined(
    entities: MemoryEntities,
    action: str,
    items: list[Json],
    refusal: type[CityError],
    message: str,
) -> None:
    with pytest.raises(CityError) as raised:
        entities.apply(action, items)

    assert type(raised.value) is refusal
    assert str(raised.value) == message


def test_what_succeeds_stays(entities: MemoryEntities) -> None:
    with pytest.raises(PartialUpdate):
        entities.apply("update", [entity("E", "A", "D"), entity("G", "A"), entity("U", "A")])
    assert entities.shown() == {("E", "T"): {"A": 1, "B": 0}, ("U", "T"): {"A": 1}}


def test_other_refusals_are_raised_as_they_are(entities: MemoryEntities) -> None:
    entities.add("E", "Other", "A")
    with pytest.raises(Ambiguous):
        entities.apply("update", [entity("G", "A"), entity("E", "A", type=None), entity("U", "A")])
    assert entities.shown()["U", "T"] == {"A": 1}

    point: Json = {"type": "geo:point", "value": "1,2"}
    with pytest.raises(TooLarge):
        entities.apply("append", [{"id": "N", "a": point, "b": point}])
    with pytest.raises(Unprocessable, match="\\$push needs"):
        entities.apply("append", [entity("G", "A"), {"id": "U", "A": {"value": {"$push": 1}}}])


@given(
    st.sampled_from(["append", "appendStrict", "update", "replace"]),
    st.lists(
        st.tuples(st.sampled_from("EUFG"), st.sets(st.sampled_from("ABC"), min_size=1)), min_size=1
    ),
)
def test_a_batch_is_its_entities_one_after_another(
    action: str, items: list[tuple[str, set[str]]]
) -> None:
    together, apart = MemoryEntities(), MemoryEntities()
    for service in (together, apart):
        service.add("E", "T", "A", "B")
        service.add("U", "T", "A")
    sent: list[Json] = [entity(id, *sorted(names)) for id, names in items]

    refused = []
    for item in sent:
        try:
            apart.apply(action, [item])
        except CityError as refusal:
            refused.append(refusal)
    try:
        together.apply(action, sent)
    except CityError:
        assert refused
    else:
        assert not refused
    assert together.shown() == apart.shown()


class TestReading:
    @pytest.mark.parametrize(
        ("spelled", "action"),
        [
            ("append", "append"),
            ("appendStrict", "appendstrict"),
            ("APPEND_STRICT", "appendstrict"),
            ("UPDATE", "update"),
            ("Delete", "delete"),
            ("replace", "replace"),
        ],
    )
    def test_actions_also_have_the_spelling_of_ngsi_v1(self, spelled: str, action: str) -> None:
        assert read_batch({"actionType": spelled, "entities": [{"id": "E"}]}).action == action

    def test_key_values(self) -> None:
        body: Json = {"actionType": "append", "entities": [{"id": "E", "A": "x"}]}
        (incoming,) = read_batch(body, key_values=True).entities
        assert incoming.attributes["A"].type == "Text"

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "empty payload"),
            ({"actionType": "append"}, "mandatory field /entities/ not found"),
            ({"entities": []}, "mandatory field /actionType/ not found"),
            ({"actionType": "append", "entities": {}}, "not a JSON array"),
            ({"actionType": "append", "entities": []}, "empty entities vector"),
            (
                {"actionType": "foo", "entities": [{"id": "E"}]},
                "right ones are: append, appendStric, delete, replace, update",
            ),
            ({"actionType": 1, "entities": [{"id": "E"}]}, "invalid update action type"),
            (
                {"actionType": "append", "entities": [{"id": "E"}], "foo": 1},
                "Unrecognized field in JSON payload: /foo/",
            ),
            ({"actionType": "append", "entities": [{}]}, "nor /id/ nor /idPattern/ present"),
            (
                {"actionType": "append", "entities": [{"id": "E", "idPattern": "E"}]},
                "both /id/ and /idPattern/ present",
            ),
            (
                {"actionType": "append", "entities": [{"id": "E", "A": 1}]},
                "attribute must be a JSON object, unless keyValues option is used",
            ),
        ],
    )
    def test_bad_batch_is_refused_whole(self, body: Json, message: str) -> None:
        with pytest.raises(InvalidRequest, match=message):
            read_batch(body)

    def test_patterns_are_not_supported_in_updates(self) -> None:
        with pytest.raises(Unsupported):
            read_batch({"actionType": "append", "entities": [{"idPattern": ".*"}]})

    @pytest.mark.parametrize("body", [[], "x", 1, None])
    def test_body_that_is_no_object_is_malformed(self, body: Json) -> None:
        with pytest.raises(Malformed):
            read_batch(body)
        with pytest.raises(Malformed):
            read_notification(body, None)

    @pytest.mark.parametrize("attrs_format", [None, "", "normalized"])
    def test_notification_is_an_append(self, attrs_format: str | None) -> None:
        entities: Json = [{"id": "E", "A": {"value": 1}}]
        read = read_notification({"subscriptionId": "1", "data": entities}, attrs_format)
        assert read == read_batch({"actionType": "append", "entities": entities})

    def test_notification_of_nothing_does_nothing(self, entities: MemoryEntities) -> None:
        before = entities.shown()
        read = read_notification({"subscriptionId": "1", "data": []}, None)
        batch.apply(
            read, entities, DEFAULT_TENANT, PATH, UNLIMITED, asked=Request(), clock=lambda: NOW
        )
        assert entities.shown() == before

    @pytest.mark.parametrize(
        ("attrs_format", "message"),
        [
            ("keyValues", "attribute render format /keyValues/ not supported for notifications"),
            ("custom", "attribute render format /custom/ not supported for notifications"),
            ("foo", "invalid render format for notifications"),
        ],
    )
    def test_notification_must_be_normalized(self, attrs_format: str, message: str) -> None:
        with pytest.raises(InvalidRequest, match=message):
            read_notification({"subscriptionId": "1", "data": []}, attrs_format)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "empty payload"),
            ({"data": []}, "mandatory field /subscriptionId/ not found"),
            ({"subscriptionId": "1"}, "mandatory field /data/ not found"),
            ({"subscriptionId": 1, "data": []}, "/subscriptionId/ must be a JSON string"),
            ({"subscriptionId": "1", "data": {}}, "notification field /data/ must be a JSON array"),
            ({"subscriptionId": "1", "data": [1]}, "data vector item must be a JSON object"),
            (
                {"subscriptionId": "1", "data": [], "x": 1},
                "Unrecognized field in JSON payload: /x/",
            ),
        ],
    )
    def test_bad_notification_is_refused_whole(self, body: Json, message: str) -> None:
        with pytest.raises(InvalidRequest, match=message):
            read_notification(body, None)
