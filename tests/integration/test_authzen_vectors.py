"""The decisions that the AuthZEN working group publishes for its interoperability scenarios.

They are read from a copy of its repository that AUTHZEN_VECTORS names, and skipped without one. The
policies here are ours, written from the descriptions of the scenarios.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.integration.desk import Desk

VECTORS = Path(os.environ.get("AUTHZEN_VECTORS", "."))

pytestmark = pytest.mark.skipif(
    "AUTHZEN_VECTORS" not in os.environ, reason="AUTHZEN_VECTORS names no copy of the vectors"
)

TODO = VECTORS / "interop/authzen-todo-backend/test"
GATEWAY = VECTORS / "interop/authzen-api-gateways/test-harness/test/decisions.json"
PEOPLE = VECTORS / "interop/authzen-interop-website/docs/scenarios/todo-1.0-id/index.md"
SEARCH = VECTORS / "interop/authzen-search-demo"
IDP = VECTORS / "interop/authzen-idp/test-harness/src/results.json"


def comparison(attribute: str, operator: str, **operand: Any) -> dict[str, Any]:
    return {"attribute": attribute, "operator": operator, **operand}


def own(name: str, reference: str) -> list[dict[str, Any]]:
    return [comparison(f"resource.properties.{name}", "equals", reference=reference)]


@pytest.fixture(scope="module")
def todo(shared_desk: Desk) -> Desk:
    """Roles may, and editors with what is their own; at the gateway editors may go on."""
    for id, person in people().items():
        email, roles = person["email"], person["roles"]
        for type in ("user", "identity"):
            shared_desk.knows("subjects", type, id, "todo", roles=roles, email=email)
        # drafts up to 00 named people by their addresses
        shared_desk.knows("subjects", "user", email, "todo", roles=roles, email=email)

    def allow(id: str, actions: list[str], roles: list[str] | None = None, **rest: Any) -> None:
        subjects = {"types": ["user"], **({"roles": roles} if roles else {})}
        shared_desk.policy(id, tenant="todo", actions=actions, subjects=subjects, **rest)

    owned = own("ownerID", "subject.properties.email")
    allow("everybody", ["can_read_user", "can_read_todos"])
    allow("create", ["can_create_todo"], ["admin", "editor"])
    allow("update-any", ["can_update_todo"], ["evil_genius"])
    allow("delete-any", ["can_delete_todo"], ["admin"])
    allow("own", ["can_update_todo", "can_delete_todo"], ["editor"], when=owned)

    def route(id: str, method: str, route: str, *roles: str) -> None:
        subjects = {"types": ["identity"], **({"roles": [*roles]} if roles else {})}
        resources = {"types": ["route"], "ids": [route]}
        shared_desk.policy(
            id, tenant="todo", actions=[method], subjects=subjects, resources=resources
        )

    route("get-user", "GET", "/users/{userId}")
    route("get-todos", "GET", "/todos")
    route("post-todos", "POST", "/todos", "admin", "editor")
    route("put-todo", "PUT", "/todos/{todoId}", "evil_genius", "editor")
    route("delete-todo", "DELETE", "/todos/{todoId}", "admin", "editor")
    return shared_desk


@pytest.fixture(scope="module")
def records(shared_desk: Desk) -> Desk:
    """Owners and departments may view, owners edit and delete; managers view all, edit theirs."""
    for user in json.loads((SEARCH / "data/users.json").read_text()):
        id = user.pop("id")
        shared_desk.knows("subjects", "user", id, "records", **user)
    for record in json.loads((SEARCH / "data/records.json").read_text()):
        id = str(record.pop("id"))
        shared_desk.knows("resources", "record", id, "records", **record)

    def allow(id: str, actions: list[str], when: list[Any]) -> None:
        resources = {"types": ["record"]}
        shared_desk.policy(id, tenant="records", actions=actions, resources=resources, when=when)

    department = own("department", "subject.properties.department")
    manager = [comparison("subject.properties.role", "equals", value="manager")]
    allow("owner", ["view", "edit", "delete"], own("owner", "subject.id"))
    allow("department", ["view"], department)
    allow("manager-view", ["view"], manager)
    allow("manager-edit", ["edit"], [*manager, *department])
    return shared_desk


def people() -> dict[str, Any]:
    """The people of the Todo scenario by subject id, from the table in its description."""
    _, _, rest = PEOPLE.read_text().partition("## Attributes associated with users")
    table, _, _ = rest.partition("```js")[2].partition("```")
    found: dict[str, Any] = json.loads(table)
    return found


def vectors(file: Path, *members: str) -> list[Any]:
    if "AUTHZEN_VECTORS" not in os.environ:
        return []
    content = json.loads(file.read_text())
    found = [vector for member in members for vector in content.get(member, [])]
    assert found, file
    return found


def shown(results: list[Any]) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True) for one in results)


@pytest.mark.parametrize(
    "draft",
    [
        "decisions.json",
        "decisions-authorization-api-1_0-00.json",
        "decisions-authorization-api-1_0-01.json",
        "decisions-authorization-api-1_0-02.json",
    ],
)
def test_todo_decisions(todo: Desk, draft: str) -> None:
    for vector in vectors(TODO / draft, "evaluation", "decisions"):
        request = vector["request"]
        decided = todo.decides(_in_properties(request), tenant="todo")
        assert decided is vector["expected"], request


def test_todo_decisions_in_batches(todo: Desk) -> None:
    for vector in vectors(TODO / "decisions-authorization-api-1_0-02.json", "evaluations"):
        answer = todo.post("evaluations", vector["request"], tenant="todo")
        assert answer.json()["evaluations"] == vector["expected"], vector["request"]


def test_gateway_decisions(todo: Desk) -> None:
    for vector in vectors(GATEWAY, "evaluation"):
        assert todo.decides(vector["request"], tenant="todo") is vector["expected"], vector


def test_gateway_decisions_in_batches(todo: Desk) -> None:
    content = json.loads(GATEWAY.read_text())
    for vector in content.get("evaluations", []):
        answer = todo.post("evaluations", vector["request"], tenant="todo")
        assert answer.json()["evaluations"] == vector["expected"], vector["request"]


@pytest.mark.parametrize("what", ["subject", "resource", "action"])
def test_searches(records: Desk, what: str) -> None:
    for copy in ("test", "test-harness/src"):
        for vector in vectors(SEARCH / copy / what / "results.json", "evaluation"):
            answer = records.post(f"search/{what}", vector["request"], tenant="records")
            expected = vector["expected"]["results"]
            assert shown(answer.json()["results"]) == shown(expected), vector["request"]


def test_claims_of_an_identity_provider(records: Desk) -> None:
    for vector in vectors(IDP, "search"):
        answer = records.post("search/resource", vector["request"], tenant="records")
        expected = vector["expected"]["results"]
        assert shown(answer.json()["results"]) == shown(expected), vector["request"]


def _in_properties(request: dict[str, Any]) -> dict[str, Any]:
    """The request with members that drafts before 1.0-01 had beside type and id as properties."""
    moved = dict(request)
    for name in ("subject", "resource"):
        party = request[name]
        extra = {member: party[member] for member in party.keys() - {"type", "id", "properties"}}
        moved[name] = {
            "type": party["type"],
            "id": party.get("id", "-"),
            "properties": {**party.get("properties", {}), **extra},
        }
    return moved
