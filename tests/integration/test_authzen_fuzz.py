"""Whatever is sent to the decision endpoints, the answer is one they know, never our own error."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.desk import Desk

STATUSES = {200, 201, 204, 400, 403, 404, 409, 412, 413, 428, 501}

TEXTS = st.sampled_from(
    ["user", "entity", "read", "clara", "record", "record-1", "type", "park", "/a", "a.b"] * 12
    + ["", "\x00", "\x1f", "é", "x" * 1024, "x" * 5000, "𝛑" * 1024, "/#", "(", "9999-12-31T23:59Z"]
) | st.text(max_size=6)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def mostly(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What is right, or rarely anything else."""
    return st.integers(0, 19).flatmap(lambda dice: strategy if dice < 19 else VALUES)


PROPERTIES = mostly(
    st.dictionaries(TEXTS, VALUES, max_size=3)
    | st.fixed_dictionaries(
        {"type": TEXTS}, optional=dict.fromkeys(("tenant", "servicePath", "attribute"), TEXTS)
    )
)
PARTIES = mostly(
    st.fixed_dictionaries(
        {"type": mostly(TEXTS), "id": mostly(TEXTS)}, optional={"properties": PROPERTIES}
    )
)
ACTIONS = mostly(
    st.fixed_dictionaries({"name": mostly(TEXTS)}, optional={"properties": PROPERTIES})
)
QUESTION: dict[str, Any] = {"subject": PARTIES, "action": ACTIONS, "resource": PARTIES}
PAGES = mostly(st.fixed_dictionaries({}, optional={"limit": st.integers(-1, 9), "token": TEXTS}))
REQUESTS = st.fixed_dictionaries(QUESTION, optional={"context": PROPERTIES, "page": PAGES})
SEVERAL = st.fixed_dictionaries(
    {"evaluations": mostly(st.lists(st.fixed_dictionaries({}, optional=QUESTION), max_size=3))},
    optional={**QUESTION, "context": PROPERTIES, "options": VALUES},
)
CONDITIONS = st.recursive(
    st.fixed_dictionaries(
        {
            "attribute": st.sampled_from(["subject.id", "context.a", "resource.properties.b"]),
            "operator": st.sampled_from(
                ["equals", "less", "before", "contains", "containsAny", "in", "matches", "exists"]
            ),
        },
        optional={"value": VALUES, "reference": TEXTS},
    ),
    lambda inner: st.fixed_dictionaries(
        {}, optional={"all": st.lists(inner, max_size=2), "any": VALUES, "not": inner}
    ),
    max_leaves=4,
)
POLICIES = st.fixed_dictionaries(
    {"effect": st.sampled_from(["allow", "deny", "x"])},
    optional={
        "id": TEXTS,
        "description": TEXTS,
        "subjects": VALUES,
        "actions": st.lists(TEXTS, max_size=3),
        "resources": st.fixed_dictionaries({}, optional={"idPattern": TEXTS, "ids": VALUES}),
        "when": mostly(st.lists(CONDITIONS, max_size=2)),
        "validFrom": TEXTS,
        "validUntil": st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]),
    },
)
ENTRIES = st.fixed_dictionaries({"type": TEXTS, "id": TEXTS, "properties": PROPERTIES})
POSTED: dict[str, st.SearchStrategy[Any]] = {
    "evaluation": REQUESTS,
    "evaluations": SEVERAL,
    "explain": REQUESTS,
    "search/subject": REQUESTS,
    "search/resource": REQUESTS,
    "search/action": REQUESTS,
    "policies": POLICIES,
}
CALLS = st.sampled_from([*POSTED]).flatmap(
    lambda path: st.tuples(st.just("POST"), st.just(path), mostly(POSTED[path]))
) | st.one_of(
    st.tuples(st.just("PUT"), st.just("policies/p"), POLICIES),
    st.tuples(st.just("PUT"), st.just("directory/subjects"), ENTRIES),
    st.tuples(st.just("PUT"), st.just("directory/resources"), ENTRIES),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "If-Match": st.sampled_from(["*", '"1"', "x"]),
        "If-None-Match": st.sampled_from(["*", '"1"']),
        "X-Request-ID": st.sampled_from(["1", "a b"]),
        "NGSILD-Tenant": st.sampled_from(["park"] * 9 + ["a b"]),
    },
)


@settings(
    max_examples=600,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(CALLS, HEADERS)
def test_every_answer_is_one_of_the_interface(
    shared_desk: Desk, call: tuple[str, str, Any], headers: dict[str, str]
) -> None:
    method, path, body = call
    content = json.dumps(body).encode()
    answer = shared_desk(
        method,
        f"/access/v1/{path}",
        content=content,
        headers={"Content-Type": "application/json", **headers},
    )
    assert answer.status_code in STATUSES, (call, answer.text)
    if "X-Request-ID" in headers:
        assert answer.headers["X-Request-ID"] == headers["X-Request-ID"]
    if answer.status_code != 200 and path.startswith(("evaluation", "search")):
        assert isinstance(answer.json(), str)
