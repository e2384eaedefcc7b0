"""The AuthZEN Authorization API 1.0 over HTTP, with policies of the certification's kind of fixture."""

from typing import Any

import pytest

from tests.integration.desk import Desk, party, question

RECORD = party("record", "record-1")


@pytest.fixture(scope="module")
def office(shared_desk: Desk) -> Desk:
    """Clara writes drafts and deletes softly, Dirk reads; editors in chief write anything."""
    shared_desk.policy("readers", subjects={"ids": ["clara", "dirk"]}, actions=["read"])
    shared_desk.policy(
        "writers",
        subjects={"types": ["user"], "ids": ["clara"]},
        actions=["write"],
        resources={"types": ["record"]},
        when=[{"not": {"attribute": "resource.properties.state", "operator": "equals",
                       "value": "closed"}}],
    )  # fmt: skip
    shared_desk.policy(
        "chiefs",
        subjects={"roles": ["chief"]},
        actions=["write"],
        resources={"types": ["record"]},
    )
    shared_desk.policy(
        "soft",
        subjects={"ids": ["clara"]},
        actions=["delete"],
        when=[{"attribute": "action.properties.soft", "operator": "equals", "value": True}],
    )
    shared_desk.knows("subjects", "user", "emma", roles=["chief"])
    shared_desk.knows("resources", "record", "record-1", state="open")
    shared_desk.knows("resources", "record", "record-2", state="closed")
    return shared_desk


@pytest.mark.parametrize(
    ("subject", "action", "record", "allowed"),
    [
        ("clara", "read", "record-1", True),
        ("clara", "write", "record-1", True),
        ("clara", "write", "record-2", False),
        ("dirk", "read", "record-1", True),
        ("dirk", "write", "record-1", False),
        ("emma", "write", "record-2", True),
        ("emma", "read", "record-2", False),
        ("nobody", "read", "record-1", False),
        ("clara", "paint", "record-1", False),
    ],
)
def test_evaluation_follows_policies_and_what_the_directory_knows(
    office: Desk, subject: str, action: str, record: str, allowed: bool
) -> None:
    assert office.decides(question(subject, action, party("record", record))) is allowed


@pytest.mark.parametrize(("soft", "allowed"), [(True, True), (False, False), (1, False)])
def test_evaluation_sees_properties_of_the_action(office: Desk, soft: Any, allowed: bool) -> None:
    asked = question("clara", "delete", RECORD)
    asked["action"]["properties"] = {"soft": soft}
    assert office.decides(asked) is allowed


def test_properties_of_the_request_count_where_the_directory_says_nothing(office: Desk) -> None:
    closed = party("record", "new", state="closed")
    assert office.decides(question("clara", "write", party("record", "new")))
    assert not office.decides(question("clara", "write", closed))
    chief = question("fred", "write", closed) | {"subject": party("user", "fred", roles=["chief"])}
    assert office.decides(chief)


def test_nobody_overrules_the_directory_with_properties_of_the_request(office: Desk) -> None:
    asked = question("clara", "write", party("record", "record-2", state="open"))
    assert not office.decides(asked)


def test_unknown_members_are_ignored(office: Desk) -> None:
    asked = question("clara", "read", RECORD, foo="bar", context={"time": "2026-06-27T18:03-07:00"})
    asked["subject"]["identity"] = asked["resource"]["more"] = [1]
    assert office.decides(asked)


def test_request_id_comes_back_whatever_the_answer(office: Desk) -> None:
    asked = question("clara", "read", RECORD)
    for body, by, status in ((asked, "root", 200), ({}, "root", 400), (asked, None, 401)):
        answer = office.post("evaluation", body, by=by, headers={"X-Request-ID": "id-7"})
        assert (answer.status_code, answer.headers["X-Request-ID"]) == (status, "id-7")
    assert "X-Request-ID" not in office.post("evaluation", asked).headers


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"action": {"name": "read"}, "resource": RECORD}, "subject is missing"),
        ({"subject": party("user", "a"), "resource": RECORD}, "action is missing"),
        ({"subject": party("user", "a"), "action": {"name": "read"}}, "resource is missing"),
        (question("a", "read", {"id": "1"}), "resource.type is missing"),
        (question("a", "read", {"type": "record"}), "resource.id is missing"),
        (question("a", "read", RECORD) | {"subject": "alice"}, "subject must be an object"),
        (question("a", "read", RECORD) | {"action": {}}, "action.name is missing"),
        (question("a", "read", RECORD) | {"action": {"name": 1}}, "action.name must be a string"),
        (question("a", "read", RECORD, context=[]), "context must be an object"),
        (question("", "read", RECORD), "subject.id should have at least 1 character"),
        (question("a\x1fb", "read", RECORD), "subject.id must not contain control characters"),
        (question("a", "read", RECORD) | {"subject": None}, "subject must be an object"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(office: Desk, body: Any, message: str) -> None:
    assert office.refused("POST", "evaluation", json=body) == (400, message)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"subject":1,"subject":2}', b'"x"'])
def test_body_that_is_no_json_object_is_refused(office: Desk, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    status, message = office.refused("POST", "evaluation", content=content, headers=headers)
    assert status == 400
    assert "body" in message


def test_another_media_type_is_refused(office: Desk) -> None:
    answer = office.refused(
        "POST", "evaluation", content=b"{}", headers={"Content-Type": "text/plain"}
    )
    assert answer == (400, "Content-Type must be application/json")


# Access Evaluations


def several(office: Desk, **body: Any) -> Any:
    answer = office.post("evaluations", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_evaluations_take_what_they_lack_from_outside_whole(office: Desk) -> None:
    answer = several(
        office,
        subject=party("user", "clara"),
        action={"name": "write"},
        resource=party("record", "new", state="closed"),
        evaluations=[
            {},
            {"resource": party("record", "new")},
            {"action": {"name": "read"}},
            {"subject": party("user", "emma")},
        ],
    )
    decisions = [one["decision"] for one in answer["evaluations"]]
    assert (decisions, answer.keys()) == ([False, True, True, True], {"evaluations"})


@pytest.mark.parametrize("evaluations", [{}, {"evaluations": []}, {"evaluations": None}])
def test_without_evaluations_it_is_one_evaluation(office: Desk, evaluations: Any) -> None:
    answer = several(office, **question("clara", "read", RECORD), **evaluations)
    assert answer == {"decision": True}


@pytest.mark.parametrize(
    ("semantic", "expected"),
    [
        (None, [True, False, True, False]),
        ("execute_all", [True, False, True, False]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_semantic_says_where_evaluations_end(
    office: Desk, semantic: str | None, expected: list[bool]
) -> None:
    answer = several(
        office,
        subject=party("user", "dirk"),
        resource=RECORD,
        options={"evaluations_semantic": semantic} if semantic else {},
        evaluations=[{"action": {"name": name}} for name in ("read", "write", "read", "write")],
    )
    assert [one["decision"] for one in answer["evaluations"]] == expected


def test_a_wrong_evaluation_spoils_only_its_own_answer(office: Desk) -> None:
    answer = several(
        office,
        subject=party("user", "clara"),
        action={"name": "read"},
        evaluations=[
            {"resource": RECORD},
            {},
            {"resource": party("entity", "urn:x")},
            7,
            {"resource": RECORD},
        ],
    )
    errors = [
        one.get("context", {}).get("error", {}).get("message") for one in answer["evaluations"]
    ]
    assert [one["decision"] for one in answer["evaluations"]] == [True, False, False, False, True]
    assert errors == [
        None,
        "resource is missing",
        "resource.properties.type is missing: the type of the entity",
        "an evaluation must be an object",
        None,
    ]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"evaluations": {}}, "evaluations must be an array"),
        ({"evaluations": [{}] * 101}, "evaluations may have at most 100 members"),
        (
            {"evaluations": [{}], "options": {"evaluations_semantic": "any"}},
            (
                "options.evaluations_semantic must be 'execute_all', 'deny_on_first_deny' or"
                " 'permit_on_first_permit'"
            ),
        ),
        ({"evaluations": [{}], "subject": "alice"}, "subject must be an object"),
    ],
)
def test_evaluations_that_are_wrong_as_a_whole_are_refused(
    office: Desk, members: Any, message: str
) -> None:
    body = question("clara", "read", RECORD) | members
    assert office.refused("POST", "evaluations", json=body) == (400, message)


# Who may ask


def test_everybody_may_ask_about_himself(office: Desk) -> None:
    assert office.decides(question("clara", "read", RECORD), by="clara")


def test_only_administrators_of_the_tenant_ask_about_others(office: Desk) -> None:
    asked = question("clara", "read", RECORD)
    refusal = (403, "you may not administer this tenant")
    assert office.refused("POST", "evaluation", json=asked, by="dirk") == refusal
    assert office.refused("POST", "evaluation", json=asked, by="warden") == refusal
    assert office.decides(asked, by="warden", tenant="park") is False


def test_asking_needs_a_token_with_the_scope(office: Desk) -> None:
    asked = question("clara", "read", RECORD)
    answer = office.post("evaluation", asked, by=None)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="city"')
    answer = office.post("evaluation", asked, by="clara", scopes="context/read")
    assert answer.status_code == 403
    assert 'scope="security/decide"' in answer.headers["WWW-Authenticate"]


def test_evaluation_about_another_in_a_batch_is_denied_with_the_reason(office: Desk) -> None:
    body = {
        "action": {"name": "read"},
        "resource": RECORD,
        "evaluations": [{"subject": party("user", name)} for name in ("clara", "dirk")],
    }
    answer = office.post("evaluations", body, by="clara").json()["evaluations"]
    error = {"status": 403, "message": "you may not administer this tenant"}
    assert answer == [{"decision": True}, {"decision": False, "context": {"error": error}}]


def test_policies_and_directory_of_one_tenant_do_not_count_in_another(office: Desk) -> None:
    assert office.decides(question("clara", "read", RECORD), tenant="park") is False
    assert office.finds("subject", question("", "read", RECORD), tenant="park") == []


def test_two_tenants_in_one_request_are_refused(office: Desk) -> None:
    answer = office.refused(
        "POST",
        "evaluation",
        json=question("clara", "read", RECORD),
        tenant="park",
        headers={"NGSILD-Tenant": "zoo"},
    )
    assert answer == (400, "the headers name more than one tenant")


# Metadata


def test_metadata_tells_every_endpoint(office: Desk) -> None:
    answer = office("GET", "/.well-known/authzen-configuration", by=None)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "policy_decision_point": "https://city.example",
        "access_evaluation_endpoint": "https://city.example/access/v1/evaluation",
        "access_evaluations_endpoint": "https://city.example/access/v1/evaluations",
        "search_subject_endpoint": "https://city.example/access/v1/search/subject",
        "search_resource_endpoint": "https://city.example/access/v1/search/resource",
        "search_action_endpoint": "https://city.example/access/v1/search/action",
    }


# Searches


def test_subject_search_names_who_may(office: Desk) -> None:
    assert office.finds("subject", question("", "read", RECORD)) == ["clara", "dirk"]
    assert office.finds("subject", question("", "write", RECORD)) == ["clara", "emma"]
    closed = party("record", "record-2")
    assert office.finds("subject", question("", "write", closed)) == ["emma"]


def test_resource_search_names_what_the_subject_may_reach(office: Desk) -> None:
    search = question("clara", "write", {"type": "record"})
    assert office.finds("resource", search) == ["record-1"]
    assert office.finds("resource", question("emma", "write", RECORD)) == ["record-1", "record-2"]


def test_action_search_names_what_the_subject_may_do(office: Desk) -> None:
    search = {"subject": party("user", "clara"), "resource": RECORD}
    assert office.finds("action", search) == ["read", "write"]
    search["subject"] = party("user", "stranger")
    assert office.finds("action", search) == []


def test_searched_id_is_ignored(office: Desk) -> None:
    for id in ("dirk", 7, None):
        search = question("", "read", RECORD) | {"subject": {"type": "user", "id": id}}
        assert office.finds("subject", search) == ["clara", "dirk"]


def test_unknown_types_give_no_results(office: Desk) -> None:
    search = question("", "write", RECORD) | {"subject": {"type": "spaceship"}}
    assert office.finds("subject", search) == []
    assert office.finds("resource", question("clara", "write", {"type": "spaceship"})) == []


@pytest.mark.parametrize(
    ("what", "body", "message"),
    [
        ("subject", {"subject": {"type": "user"}, "resource": RECORD}, "action is missing"),
        (
            "subject",
            question("a", "read", {"type": "record"}),
            "resource.id is missing",
        ),
        ("resource", {"action": {"name": "r"}, "resource": RECORD}, "subject is missing"),
        (
            "resource",
            question("a", "read", RECORD) | {"subject": {"type": "user"}},
            "subject.id is missing",
        ),
        ("action", {"subject": party("user", "a")}, "resource is missing"),
        (
            "action",
            {"subject": {"type": "user"}, "resource": RECORD},
            "subject.id is missing",
        ),
        (
            "action",
            {"subject": party("user", "a"), "resource": RECORD, "page": {"limit": -1}},
            "page.limit must be greater than or equal to 0",
        ),
    ],
)
def test_wrong_searches_are_refused(office: Desk, what: str, body: Any, message: str) -> None:
    assert office.refused("POST", f"search/{what}", json=body) == (400, message)


def test_subject_search_is_for_administrators_the_others_also_for_oneself(office: Desk) -> None:
    search = question("clara", "read", {"type": "record", "id": "record-1"})
    assert office.refused("POST", "search/subject", json=search, by="clara")[0] == 403
    assert office.finds("resource", search, by="clara") == ["record-1", "record-2"]
    assert office.finds("action", search, by="clara") == ["read", "write"]
    assert office.refused("POST", "search/resource", json=search, by="dirk")[0] == 403
    assert office.refused("POST", "search/action", json=search, by="dirk")[0] == 403


def test_pages_give_every_result_once(office: Desk) -> None:
    for number in range(7):
        office.knows("resources", "leaf", f"leaf-{number}")
    search: dict[str, Any] = question("clara", "read", {"type": "leaf"}, page={"limit": 3})
    seen: list[str] = []
    sizes = []
    while True:
        answer = office.post("search/resource", search).json()
        seen += [one["id"] for one in answer["results"]]
        sizes.append(answer["page"]["count"])
        if not answer["page"]["next_token"]:
            break
        search["page"] = {"token": answer["page"]["next_token"]}
    assert (seen, sizes) == ([f"leaf-{number}" for number in range(7)], [3, 3, 1])


def test_page_of_no_results_can_be_asked_for(office: Desk) -> None:
    search = question("clara", "read", {"type": "record"}, page={"limit": 0})
    answer = office.post("search/resource", search).json()
    assert (answer["results"], answer["page"]["count"]) == ([], 0)
    assert answer["page"]["next_token"]


def test_page_that_is_the_last_says_so(office: Desk) -> None:
    search = question("clara", "read", {"type": "record"}, page={"limit": 2})
    answer = office.post("search/resource", search).json()
    assert answer["page"] == {"next_token": "", "count": 2}


def test_without_a_page_asked_for_none_is_told(office: Desk) -> None:
    assert office.post("search/resource", question("clara", "read", RECORD)).json().keys() == {
        "results"
    }


def test_page_token_is_good_only_for_its_caller_tenant_and_query(office: Desk) -> None:
    search: dict[str, Any] = question("clara", "read", {"type": "record"}, page={"limit": 1})
    token = office.post("search/resource", search).json()["page"]["next_token"]
    other = "page.token is of another query, tenant or caller"
    altered = "page.token is not one that this service gave"

    def refused(changes: Any, given: str = token, what: str = "resource", **more: Any) -> Any:
        page = {"token": given}
        return office.refused(
            "POST", f"search/{what}", json={**search, "page": page, **changes}, **more
        )

    assert refused({}, by="clara") == (400, other)
    assert refused({}, tenant="park") == (400, other)
    assert refused({"action": {"name": "write"}}) == (400, other)
    assert refused({"context": {"a": 1}}) == (400, other)
    assert refused({"resource": party("record", "1")}, what="action") == (400, other)
    assert refused({"page": {"token": token, "limit": 2}}) == (
        400,
        "page.limit must stay the same from page to page",
    )
    middle = len(token) // 2
    swapped = "A" if token[middle] != "A" else "B"
    assert refused({}, token[:middle] + swapped + token[middle + 1 :]) == (400, altered)
    for forged in ("x", "a.b.c.d.e", "é", token + "x", "=" * 9000):
        assert refused({}, forged) == (400, altered)
    page = {"token": token, "limit": 1}
    assert office.finds("resource", search | {"page": page}) == ["record-2"]
