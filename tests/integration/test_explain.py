"""`/access/v1/explain`: which grant or policy decided, where it comes from, and what is missing."""

from typing import TYPE_CHECKING, Any

import pytest

from city.policy.grant_forms import parse_grant
from tests.accounts import grant
from tests.integration.desk import Desk, entity, party, question

if TYPE_CHECKING:
    from city.json import Json


@pytest.fixture(scope="module")
def city(shared_desk: Desk) -> Desk:
    members: dict[str, Json] = {"actions": ["read"], "tenant": "park", "types": ["Bench"]}
    for_a_while: dict[str, Json] = {
        "validFrom": "2020-01-01T00:00:00Z",
        "validUntil": "2099-01-01T00:00:00Z",
    }
    shared_desk.account(
        "kim",
        parse_grant("role:warden:1", members | for_a_while, "role:warden"),
        grant("read", id="no", tenant="park", effect="deny", ids=["bench-13"]),
        grant("read", id="old", tenant="zoo", types=["Cage"], validUntil="2020-01-01T00:00:00Z"),
        grant("update", id="far", tenant="zoo", servicePath="/south/#", idPattern="cage-.*"),
    )
    shared_desk.account("public", grant("read", tenant="park", types=["Tree"]), kind="public")
    return shared_desk


def explain(city: Desk, asked: Any, **request: Any) -> Any:
    answer = city.post("explain", asked, **request)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_grant_that_allowed_is_told_with_origin_and_validity(city: Desk) -> None:
    told = explain(city, question("kim", "read", entity()))
    assert (told["decision"], told["reason"]) == (True, "allowed by grant role:warden:1")
    assert told["decidedBy"]["kind"] == "grant"
    assert told["decidedBy"]["origin"] == "role:warden"
    assert told["decidedBy"]["validFrom"].startswith("2020-01-01T00:00:00")
    assert told["decidedBy"]["validUntil"].startswith("2099-01-01T00:00:00")
    assert told["decidedBy"]["types"] == ["Bench"]
    assert "missing" not in told


def test_grant_that_denied_is_told(city: Desk) -> None:
    told = explain(city, question("kim", "read", entity("bench-13")))
    assert (told["decision"], told["reason"]) == (False, "denied by grant no")
    assert (told["decidedBy"]["id"], told["decidedBy"]["effect"]) == ("no", "deny")


def test_what_everybody_may_is_told_as_the_publics(city: Desk) -> None:
    told = explain(city, question("kim", "read", entity(type="Tree")))
    assert told["decidedBy"]["id"].startswith("public:")


def test_missing_grant_is_spelled_out(city: Desk) -> None:
    cage = entity("cage-1", "Cage", tenant="zoo", servicePath="/north", attribute="size")
    told = explain(city, question("kim", "update", cage))
    assert told["decision"] is False
    assert told["reason"] == "no grant covers update of this for kim"
    nearest = {one["id"]: one["unmet"] for one in told["missing"]["nearest"]}
    assert next(iter(nearest)) == "far"
    assert nearest["far"] == ["servicePath"]
    assert nearest["old"] == ["actions", "validUntil"]
    needed = told["missing"]["needed"]
    assert needed == {
        "actions": ["update"],
        "tenant": "zoo",
        "servicePath": "/north",
        "types": ["Cage"],
        "ids": ["cage-1"],
        "attributes": ["size"],
    }
    city.account("lou", parse_grant("g", needed))
    assert city.decides(question("lou", "update", cage))


def test_unknown_action_on_an_entity_is_explained(city: Desk) -> None:
    told = explain(city, question("kim", "paint", entity()))
    assert told["reason"].startswith("the actions on entities are read, create, update")
    assert told["missing"]["needed"] is None


def test_policy_that_decided_is_told(city: Desk) -> None:
    city.policy("office", subjects={"ids": ["kim"]}, actions=["enter"], description="open to Kim",
                validUntil="2099-01-01T00:00:00Z")  # fmt: skip
    city.policy("closed", effect="deny", when=[
        {"attribute": "context.fire", "operator": "equals", "value": True}
    ])  # fmt: skip
    asked = question("kim", "enter", party("room", "1"))
    assert explain(city, asked) == {
        "decision": True,
        "reason": "allowed by policy office",
        "decidedBy": {
            "kind": "policy",
            "id": "office",
            "effect": "allow",
            "description": "open to Kim",
            "origin": "direct",
            "validUntil": "2099-01-01T00:00:00Z",
        },
    }
    told = explain(city, asked | {"context": {"fire": True}})
    assert (told["decision"], told["reason"]) == (False, "denied by policy closed")


def test_policies_that_nearly_allowed_are_told_with_what_is_unmet(city: Desk) -> None:
    city.policy(
        "lab",
        tenant="lab",
        subjects={"types": ["user"], "roles": ["scientist"]},
        actions=["enter"],
        resources={"idPattern": "lab-\\d+"},
        when=[
            {"attribute": "context.hour", "operator": "less", "value": 20},
            {"attribute": "context.badge", "operator": "exists"},
        ],
        validFrom="2098-01-01T00:00:00Z",
    )
    asked = question("kim", "enter", party("room", "lab-x"), context={"hour": 8})
    told = explain(city, asked, tenant="lab")
    assert told["reason"] == "no policy allows this"
    unmet = ["validity", "resources.idPattern", "subjects.roles", "when.1"]
    assert told["missing"]["nearest"] == [{"kind": "policy", "id": "lab", "unmet": unmet}]


def test_everybody_may_have_decisions_about_himself_explained(city: Desk) -> None:
    assert explain(city, question("kim", "read", entity()), by="kim")["decision"]
    answer = city.post("explain", question("kim", "read", entity()), by="lou")
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "you may not administer this tenant"


def test_wrong_question_is_refused_as_a_problem(city: Desk) -> None:
    answer = city.post("explain", {})
    assert (answer.status_code, answer.json()["detail"]) == (400, "subject is missing")
