"""AuthZEN about entities: the native grants of the subject's account decide."""

import time
from typing import Any

import pytest

from city.policy.accounts import KeyTerms
from city.policy.grant_forms import parse_grant
from tests.accounts import grant
from tests.integration.desk import Desk, entity, party, question

NOW = time.time_ns() // 1000
HOUR = 3_600_000_000


@pytest.fixture(scope="module")
def city(shared_desk: Desk) -> Desk:
    """Gina keeps the benches of the northern park, but not bench 13; everybody sees trees."""
    shared_desk.account(
        "gina",
        grant("read", "update", tenant="park", types=["Bench"], servicePath="/north/#"),
        grant("read", id="g-2", tenant="park", ids=["lamp-1", "lamp-2"], types=["Lamp"]),
        grant("update", id="g-3", tenant="park", effect="deny", ids=["bench-13"]),
        grant("read", id="g-4", tenant="zoo", types=["Cage"], attributes=["size"]),
        grant("read", id="g-5", tenant="old", validUntil="2020-01-01T00:00:00Z"),
    )
    shared_desk.account("public", grant("read", tenant="park", types=["Tree"]), kind="public")
    shared_desk.account("gone", grant("read", tenant="park"), active=False)
    ended = KeyTerms("0" * 64, ends=NOW - HOUR)
    shared_desk.account("key:old", grant("read", tenant="park"), kind="key", key=ended)
    return shared_desk


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("read", entity(servicePath="/north"), True),
        ("update", entity(servicePath="/north/lake"), True),
        ("read", entity(servicePath="/northern"), False),
        ("read", entity(), False),
        ("delete", entity(servicePath="/north"), False),
        ("paint", entity(servicePath="/north"), False),
        ("update", entity("bench-13", servicePath="/north"), False),
        ("read", entity("bench-13", servicePath="/north"), True),
        ("read", entity("lamp-2", "Lamp"), True),
        ("read", entity("lamp-3", "Lamp"), False),
        ("read", entity(type="Tree"), True),
        ("read", entity(type="Tree", tenant="zoo"), False),
        ("read", entity(type="Cage", tenant="zoo", attribute="size"), True),
        ("read", entity(type="Cage", tenant="zoo", attribute="keeper"), False),
        ("read", entity(type="Cage", tenant="old"), False),
    ],
)
def test_grants_decide(city: Desk, action: str, resource: Any, allowed: bool) -> None:
    assert city.decides(question("gina", action, resource)) is allowed


@pytest.mark.parametrize(
    ("subject", "allowed"),
    [
        (party("user", "gina"), True),
        (party("subject", "gina"), True),
        (party("application", "gina"), False),
        (party("user", "nobody"), False),
        (party("user", "gone"), False),
        (party("key", "key:old"), False),
        (party("user", "x" * 1024), False),
    ],
)
def test_subject_is_an_account_of_its_kind(city: Desk, subject: Any, allowed: bool) -> None:
    asked = question("", "read", entity("lamp-1", "Lamp")) | {"subject": subject}
    assert city.decides(asked) is allowed


def test_who_is_disabled_has_not_even_what_everybody_has(city: Desk) -> None:
    tree = entity(type="Tree")
    assert city.decides(question("nobody", "read", tree))
    assert not city.decides(question("gone", "read", tree))
    assert not city.decides(
        question("key:old", "read", tree) | {"subject": party("key", "key:old")}
    )


def test_tenant_of_the_headers_counts_where_the_entity_names_none(city: Desk) -> None:
    lamp = party("entity", "lamp-1", type="Lamp")
    assert city.decides(question("gina", "read", lamp), tenant="Park")
    assert not city.decides(question("gina", "read", lamp))


def test_administrator_asks_about_entities_of_his_tenant_only(city: Desk) -> None:
    assert city.decides(question("gina", "read", entity("lamp-1", "Lamp")), by="warden")
    asked = question("gina", "read", entity(type="Cage", tenant="zoo"))
    assert city.refused("POST", "evaluation", json=asked, by="warden", tenant="park")[0] == 403


def test_stored_policies_do_not_decide_about_entities(city: Desk) -> None:
    city.policy("all", tenant="park")
    assert city.decides(question("gina", "delete", party("bench", "1")), tenant="park")
    assert not city.decides(question("gina", "delete", entity()), tenant="park")


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"type": None}, "resource.properties.type is missing: the type of the entity"),
        ({"type": 1}, "resource.properties.type must be a string"),
        ({"tenant": "a b"}, "bad character in tenant name"),
        ({"servicePath": "north"}, "Only /absolute/ Service Paths allowed"),
        ({"servicePath": "/north/#"}, "Bad Character in Service-Path"),
        ({"attribute": []}, "resource.properties.attribute must be a string"),
    ],
)
def test_wrong_entity_resources_are_refused(city: Desk, properties: Any, message: str) -> None:
    resource = entity()
    resource["properties"] |= properties
    status, text = city.refused("POST", "evaluation", json=question("gina", "read", resource))
    assert (status, text[: len(message)]) == (400, message)


def test_evaluations_mix_entities_and_other_resources(city: Desk) -> None:
    city.policy("doors", tenant="zoo", actions=["read"], resources={"types": ["door"]})
    body = {
        "subject": party("user", "gina"),
        "action": {"name": "read"},
        "evaluations": [
            {"resource": entity("lamp-1", "Lamp")},
            {"resource": party("door", "1")},
            {"resource": entity("lamp-9", "Lamp")},
        ],
    }
    answer = city.post("evaluations", body, tenant="zoo").json()["evaluations"]
    assert [one["decision"] for one in answer] == [True, True, False]


# Searches


def test_subject_search_goes_through_who_holds_grants(city: Desk) -> None:
    for subject, kind, terms in (
        ("hugo", "user", grant("read", id="h", tenant="pond", types=["Duck"])),
        ("ines", "user", grant("read", id="i", tenant="pond", types=["Swan"])),
        ("jana", "user", grant("read", id="j", tenant="*", types=["Duck"])),
        ("app-1", "application", grant("read", id="a", tenant="pond")),
    ):
        city.account(subject, kind=kind)
        city.accounts.grant(subject, terms, "root")
    duck = entity("duck-1", "Duck", tenant="pond")
    assert city.finds("subject", question("", "read", duck)) == ["hugo", "jana"]
    assert city.finds("subject", question("", "delete", duck)) == []
    search = question("", "read", duck) | {"subject": {"type": "application"}}
    assert city.finds("subject", search) == ["app-1"]
    search["subject"] = {"type": "subject"}
    assert city.finds("subject", search) == ["app-1", "hugo", "jana"]
    assert city.refused("POST", "search/subject", json=search, by="warden")[0] == 403


def test_subject_search_finds_users_whose_grants_come_from_roles(city: Desk) -> None:
    city.account("lena", parse_grant("role:1", {"actions": ["read"], "tenant": "lake"}, "role:1"))
    city.account("mona", grant("read", tenant="lake", types=["Boat"]))
    for subject in ("lena", "mona", "nina"):
        city.registered("users", subject)
    search = question("", "read", entity("fish-1", "Fish", tenant="lake"))
    assert city.finds("subject", search) == ["lena"]


def test_subject_search_is_paged(city: Desk) -> None:
    for number in range(5):
        city.account(f"worker-{number}", grant("read", tenant="mine"))
        city.registered("users", f"worker-{number}")
    search: dict[str, Any] = question("", "read", entity(tenant="mine"), page={"limit": 2})
    seen: list[str] = []
    while True:
        answer = city.post("search/subject", search).json()
        seen += [one["id"] for one in answer["results"]]
        if not answer["page"]["next_token"]:
            break
        search["page"]["token"] = answer["page"]["next_token"]
    assert seen == [f"worker-{number}" for number in range(5)]


def test_action_search_names_the_actions_of_grants(city: Desk) -> None:
    search = {"subject": party("user", "gina"), "resource": entity(servicePath="/north")}
    assert city.finds("action", search) == ["read", "update"]
    assert city.finds("action", search, by="gina") == ["read", "update"]
    search["resource"] = entity("bench-13", servicePath="/north")
    assert city.finds("action", search) == ["read"]


def test_resource_search_names_entities_that_grants_name(city: Desk) -> None:
    search = question("gina", "read", {"type": "entity", "properties": {"tenant": "park"}})
    answer = city.post("search/resource", search, by="gina").json()
    place = {"tenant": "park", "servicePath": "/", "type": "Lamp"}
    assert answer["results"] == [
        {"type": "entity", "id": id, "properties": place} for id in ("lamp-1", "lamp-2")
    ]
    assert answer["context"]["not_listed"].startswith("grants of the subject also cover entities")
    for result in answer["results"]:
        assert city.decides(question("gina", "read", result))


@pytest.mark.parametrize(
    ("action", "properties"),
    [("delete", {}), ("paint", {}), ("read", {"type": "Tree"}), ("read", {"tenant": "zoo"})],
)
def test_resource_search_keeps_only_what_is_allowed(
    city: Desk, action: str, properties: Any
) -> None:
    place = {"tenant": "park", **properties}
    search = question("gina", action, {"type": "entity", "properties": place})
    assert city.finds("resource", search) == []
