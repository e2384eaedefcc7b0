"""`/access/v1/policies` and `/access/v1/directory`: what the administrators of a tenant write."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from city.errors import Stale
from city.preconditions import Preconditions
from city.tenancy import DEFAULT_TENANT
from security.store import policies as store
from tests.integration.desk import Desk, party, question

if TYPE_CHECKING:
    import httpx

    from city.json import Json

ALLOW = {"effect": "allow"}


def put(desk: Desk, id: str, body: Any = ALLOW, **headers: str) -> "httpx.Response":
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return desk("PUT", f"/access/v1/policies/{id}", json=body, headers=named)


def get(desk: Desk, path: str, **request: Any) -> Any:
    answer = desk("GET", f"/access/v1/{path}", **request)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_created_policy_is_shown_as_written(desk: Desk) -> None:
    written = {
        "effect": "deny",
        "description": "no writing at night",
        "subjects": {"types": ["user"], "roles": ["editor"]},
        "actions": ["write"],
        "resources": {"types": ["record"], "idPattern": "r-\\d+"},
        "when": [
            {
                "any": [
                    {"attribute": "context.hour", "operator": "less", "value": 6},
                    {"not": {"attribute": "context.hour", "operator": "exists"}},
                ]
            }
        ],
        "validFrom": "2026-01-01T00:00:00Z",
    }
    answer = desk.post("policies", written)
    assert answer.status_code == 201
    policy = answer.json()
    assert answer.headers["Location"] == f"/access/v1/policies/{policy['id']}"
    assert {name: policy[name] for name in written} == written
    assert policy["changedBy"] == "root"
    assert get(desk, f"policies/{policy['id']}") == policy
    # what a client has read it may write back
    assert put(desk, policy["id"], policy, If_Match=answer.headers["ETag"]).status_code == 200


def test_id_may_be_chosen_once(desk: Desk) -> None:
    desk.policy("mine")
    status, problem = desk.refused("POST", "policies", json={"id": "mine", **ALLOW})
    assert (status, problem["detail"]) == (409, "there is a policy mine in this tenant")
    desk.policy("mine", tenant="park")


def test_put_needs_to_know_what_it_replaces(desk: Desk) -> None:
    assert put(desk, "p").status_code == 201
    first = desk("GET", "/access/v1/policies/p").headers["ETag"]
    answer = put(desk, "p")
    assert (answer.status_code, answer.json()["detail"]) == (
        428,
        "say what is changed: If-Match with its ETag, or *",
    )
    second = put(desk, "p", {"effect": "deny"}, If_Match=first).headers["ETag"]
    assert second != first
    assert put(desk, "p", If_Match=first).status_code == 412
    assert put(desk, "p", If_Match=f'"1", {second}').status_code == 200
    assert put(desk, "p", If_Match="*").status_code == 200
    assert put(desk, "p", If_None_Match="*").status_code == 412
    assert put(desk, "p", If_None_Match='"1"').status_code == 400
    assert put(desk, "new", If_Match="*").status_code == 412
    assert put(desk, "new", If_None_Match="*").status_code == 201


def test_concurrent_changes_never_overwrite_each_other(desk: Desk) -> None:
    etag = desk.policy("p")
    policies = desk.services.decisions.policies

    def replace(number: int) -> bool:
        body: dict[str, Json] = {"effect": "allow", "description": str(number)}
        try:
            policies.put(DEFAULT_TENANT, "p", body, "root", Preconditions(if_match=etag))
        except Stale:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(replace, range(8))) == 1


def test_delete_honours_if_match_and_takes_effect(desk: Desk) -> None:
    etag = desk.policy("p")
    asked = question("anna", "read", party("record", "1"))
    assert desk.decides(asked)
    stale = desk("DELETE", "/access/v1/policies/p", headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert desk("DELETE", "/access/v1/policies/p", headers={"If-Match": etag}).status_code == 204
    assert not desk.decides(asked)
    assert desk("DELETE", "/access/v1/policies/p").status_code == 404


def test_every_change_counts_at_once(desk: Desk) -> None:
    asked = question("anna", "read", party("record", "1"))
    desk.policy("a")
    assert desk.decides(asked)
    desk.policy("b", effect="deny")
    assert not desk.decides(asked)
    put(desk, "b", {"effect": "deny", "actions": ["write"]}, If_Match="*")
    assert desk.decides(asked)


def test_list_is_paged_in_the_order_of_ids(desk: Desk) -> None:
    for id in ("c", "a", "B", "10", "tilde"):
        desk.policy(id)
    desk.policy("other", tenant="park")
    seen: list[str] = []
    token = ""
    while True:
        page = get(desk, f"policies?limit=2{token}")
        seen += [policy["id"] for policy in page["policies"]]
        if "next" not in page:
            break
        token = f"&token={page['next']}"
    assert seen == ["10", "B", "a", "c", "tilde"]


def test_policies_can_be_had_as_cedar(desk: Desk) -> None:
    desk.policy("a", actions=["read"])
    answer = desk("GET", "/access/v1/policies?format=cedar")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == '@id("a")\npermit (principal, action in [Action::"read"], resource);\n'
    desk.policy("b", resources={"idPattern": "x.*"})
    answer = desk("GET", "/access/v1/policies?format=cedar")
    detail = "policy b cannot be said in Cedar: it has a pattern"
    assert (answer.status_code, answer.json()["detail"]) == (501, detail)


def test_number_of_policies_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_POLICIES", 2)
    desk.policy("a")
    desk.policy("b")
    assert desk.post("policies", ALLOW).status_code == 413
    assert put(desk, "c").status_code == 413
    assert put(desk, "a", If_Match="*").status_code == 200
    desk("DELETE", "/access/v1/policies/a")
    desk.policy("c")


def nested(depth: int) -> Any:
    condition: Any = {"attribute": "context.a", "operator": "exists"}
    for _ in range(depth - 1):
        condition = {"not": condition}
    return condition


def compare(**members: Any) -> Any:
    return {**ALLOW, "when": [{"attribute": "context.a", **members}]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "effect is missing"),
        ({"effect": "maybe"}, "effect must be 'allow' or 'deny'"),
        ({**ALLOW, "efect": 1}, "efect is not a member of a policy"),
        ({**ALLOW, "subjects": {"role": ["a"]}}, "subjects.role is not a member of a policy"),
        ({**ALLOW, "actions": []}, "actions should have at least 1 item"),
        ({**ALLOW, "actions": "read"}, "actions must be an array"),
        ({**ALLOW, "actions": [1]}, "actions.0 must be a string"),
        ({**ALLOW, "actions": ["a"] * 501}, "actions should have at most 500 items"),
        ({**ALLOW, "validFrom": "2026-01-01"}, "validFrom must be a moment in ISO 8601"),
        ({**ALLOW, "resources": {"idPattern": "("}}, "invalid regular expression '('"),
        ({**ALLOW, "resources": {"idPattern": "a)|(b"}}, "invalid regular expression 'a)|(b'"),
        ({**ALLOW, "resources": {"idPattern": "(?=a)"}}, "invalid regular expression"),
        ({**ALLOW, "when": [nested(9)]}, "the document nests conditions 9 deep"),
        ({**ALLOW, "when": [nested(1)] * 65}, "the document has 65 conditions"),
        ({**ALLOW, "when": [{}]}, "when.0 must be one comparison with an attribute"),
        ({**ALLOW, "when": [{"all": [{"any": []}, {}]}]}, "when.0.all.1 must be one comparison"),
        ({**ALLOW, "when": [{"all": [], "any": []}]}, "when.0 must be one comparison"),
        (compare(), "when.0 must have attribute, operator and value or reference"),
        (compare(operator="is"), "when.0.operator must be 'equals', 'less'"),
        (compare(operator="equals"), "when.0 must have either value or reference"),
        (compare(operator="equals", value=1, reference="context.b"), "when.0 must have either"),
        (compare(operator="equals", value=None), "when.0 value must be a text, a number"),
        (compare(operator="equals", value=[1]), "when.0 value must be a text, a number"),
        (compare(operator="less", value=True), "when.0 value must be a number"),
        (compare(operator="before", value="yesterday"), "when.0 value must be a moment"),
        (compare(operator="in", value="a"), "when.0 value must be an array"),
        (compare(operator="containsAny", value=[[1]]), "when.0 value must be an array"),
        (compare(operator="exists", value=1), "when.0 takes no value"),
        (compare(operator="matches", value=""), "when.0 value must be a pattern"),
        (compare(operator="matches", value="["), "invalid regular expression '['"),
        (compare(operator="matches", reference="context.b"), "when.0 must have a value"),
        (compare(operator="equals", reference="b"), "when.0.reference must be a path"),
        ({**ALLOW, "when": [{"attribute": "subject.name"}]}, "when.0.attribute must go on with"),
        ({**ALLOW, "when": [{"attribute": "subject.properties"}]}, "when.0.attribute must be a"),
        ({**ALLOW, "when": [{"attribute": "subject.id.x"}]}, "when.0.attribute must be a path"),
        ({**ALLOW, "when": [{"attribute": "context..x"}]}, "when.0.attribute must be a path"),
        ({**ALLOW, "id": "a/b"}, "id must be 1 to 64 letters"),
        ({**ALLOW, "id": 7}, "id must be 1 to 64 letters"),
    ],
)
def test_wrong_policies_are_refused_by_the_member(
    shared_desk: Desk, body: Any, message: str
) -> None:
    answer = shared_desk.post("policies", body)
    assert (answer.status_code, answer.json()["detail"][: len(message)]) == (400, message)
    assert get(shared_desk, "policies") == {"policies": []}


def test_large_policies_are_refused(desk: Desk) -> None:
    answer = desk.post("policies", {**ALLOW, "actions": ["a" * 1000 + str(n) for n in range(20)]})
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "a policy may have at most 16384 bytes",
    )


def test_pattern_of_a_policy_takes_linear_time(desk: Desk) -> None:
    desk.policy("slow", resources={"idPattern": "(a+)+b"}, actions=["read"])
    assert not desk.decides(question("anna", "read", party("record", "a" * 1000)))
    assert desk.decides(question("anna", "read", party("record", "a" * 1000 + "b")))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "policies"),
        ("POST", "policies"),
        ("GET", "policies/p"),
        ("PUT", "policies/p"),
        ("DELETE", "policies/p"),
        ("GET", "directory/subjects?type=user"),
        ("PUT", "directory/subjects"),
        ("DELETE", "directory/subjects?type=user&id=1"),
    ],
)
def test_only_administrators_of_the_tenant_see_and_write(
    shared_desk: Desk, method: str, path: str
) -> None:
    body: dict[str, Any] = {"json": ALLOW} if method in ("POST", "PUT") else {}
    url = f"/access/v1/{path}"
    for by, tenant in (("anna", None), ("warden", "zoo"), ("warden", None)):
        assert shared_desk(method, url, by=by, tenant=tenant, **body).status_code == 403
    assert shared_desk(method, url, scopes="security/decide", **body).status_code == 403
    assert shared_desk(method, url, by=None, **body).status_code == 401
    assert shared_desk(method, url, by="warden", tenant="park", **body).status_code != 403


def test_policy_of_another_tenant_is_not_found(desk: Desk) -> None:
    desk.policy("p", tenant="park")
    assert desk("GET", "/access/v1/policies/p").status_code == 404
    assert desk("GET", "/access/v1/policies/p", tenant="park").status_code == 200
    assert desk("GET", "/access/v1/policies/%1Frevision", tenant="park").status_code == 404


def test_changes_are_on_record(desk: Desk) -> None:
    desk.policy("p", tenant="park")
    desk("PUT", "/access/v1/policies/p", json=ALLOW, tenant="park", headers={"If-Match": "*"})
    desk.knows("resources", "door", "front", "park", owner="anna")
    desk("DELETE", "/access/v1/policies/p", tenant="park")
    trail = str([row for row in desk.rows() if row["pk"]["S"].startswith("audit")])
    for action in ("policy:create", "policy:replace", "directory:create", "policy:delete"):
        assert action in trail
    assert "front" not in trail


# The directory


def test_entry_is_kept_shown_listed_and_deleted(desk: Desk) -> None:
    desk.knows("resources", "route", "/todos/{id}", owner="anna")
    answer = desk("GET", "/access/v1/directory/resources?type=route&id=/todos/{id}")
    assert answer.json()["properties"] == {"owner": "anna"}
    etag = answer.headers["ETag"]
    listed = get(desk, "directory/resources?type=route")
    assert listed == {"entries": [answer.json()]}
    assert get(desk, "directory/subjects?type=route") == {"entries": []}
    url = "/access/v1/directory/resources?type=route&id=/todos/{id}"
    assert desk("DELETE", url, headers={"If-Match": '"1"'}).status_code == 412
    assert desk("DELETE", url, headers={"If-Match": etag}).status_code == 204
    assert desk("GET", url).status_code == 404
    assert desk("DELETE", url).status_code == 404


def test_entry_is_replaced_only_as_it_was_read(desk: Desk) -> None:
    desk.knows("subjects", "user", "anna", role="reader")
    entry = {"type": "user", "id": "anna", "properties": {"role": "writer"}}
    url = "/access/v1/directory/subjects"
    assert desk("PUT", url, json=entry).status_code == 428
    assert desk("PUT", url, json=entry, headers={"If-Match": '"1"'}).status_code == 412
    etag = desk("GET", f"{url}?type=user&id=anna").headers["ETag"]
    assert desk("PUT", url, json=entry, headers={"If-Match": etag}).status_code == 200


@pytest.mark.parametrize(
    ("kind", "entry", "status", "message"),
    [
        ("subjects", {"type": "user"}, 400, "id must be a text"),
        ("subjects", {"type": "user", "id": ""}, 400, "id must have 1 to 256 characters"),
        ("subjects", {"type": "user", "id": "a"}, 400, "properties must be an object"),
        ("subjects", {"type": "user", "id": "a", "x": 1}, 400, "there is no member x"),
        (
            "subjects",
            {"type": "user", "id": "a", "properties": {"a": "a" * 17_000}},
            413,
            "properties may have at most 16384 bytes",
        ),
        (
            "things",
            {"type": "user", "id": "a", "properties": {}},
            404,
            "a directory has subjects and resources",
        ),
    ],
)
def test_wrong_entries_are_refused(
    shared_desk: Desk, kind: str, entry: Any, status: int, message: str
) -> None:
    answer = shared_desk("PUT", f"/access/v1/directory/{kind}", json=entry)
    assert (answer.status_code, answer.json()["detail"][: len(message)]) == (status, message)
