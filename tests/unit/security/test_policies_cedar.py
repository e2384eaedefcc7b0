"""What policies decide is what Cedar decides on their Cedar form."""

from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.errors import Unsupported
from city.json import Json
from models.authzen.policy import Operator
from security.decisions.cedar import to_cedar
from security.decisions.policy_language import Attributes, Policy, decide
from tests.unit.security.requests import attributes, policy

NOW = 1_000_000

NAMES = {"type": ["user", "app", "tool"], "id": ["alice", "bob", 'é "x"\\n\'']}
NUMBERS = st.integers(-3, 3)
WORDS = st.sampled_from(["a", "b", "", "é'\"\\", "user", "alice"])
FLAGS = st.booleans()
LISTS = st.lists(WORDS, max_size=3, unique=True)

MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "level": NUMBERS,
    "grade": NUMBERS,
    "owner": WORDS,
    "weird \"name'\\": WORDS,
    "on": FLAGS,
    "roles": LISTS,
    "tags": LISTS,
}
"""The properties there are; each has one kind, since Cedar stops at a comparison across kinds."""

PROPERTIES = st.fixed_dictionaries(
    {}, optional={**MEMBERS, "inner": st.fixed_dictionaries({}, optional=MEMBERS)}
)
PREFIXES = [
    f"{start}{inner}"
    for start in ("subject.properties.", "resource.properties.", "action.properties.", "context.")
    for inner in ("", "inner.")
]
FIXED = ["subject.id", "subject.type", "resource.id", "resource.type"]


def paths(*names: str, fixed: bool = False) -> st.SearchStrategy[str]:
    listed = [prefix + name for prefix in PREFIXES for name in names]
    return st.sampled_from(listed + (FIXED if fixed else []))


TEXT_PATHS = paths("owner", "weird \"name'\\", fixed=True)
NUMBER_PATHS = paths("level", "grade")
FLAG_PATHS = paths("on")
LIST_PATHS = paths("roles", "tags")


def comparison(
    operators: list[str], left: st.SearchStrategy[str], values: Any, references: Any
) -> st.SearchStrategy[dict[str, Json]]:
    start = st.fixed_dictionaries({"attribute": left, "operator": st.sampled_from(operators)})
    end = st.fixed_dictionaries({"value": values}) | st.fixed_dictionaries(
        {"reference": references}
    )
    return st.builds(lambda one, other: one | other, start, end)


COMPARISONS = st.one_of(
    comparison(["equals"], TEXT_PATHS, WORDS, TEXT_PATHS),
    comparison(["equals"], FLAG_PATHS, FLAGS, FLAG_PATHS),
    comparison(
        ["equals", "less", "lessOrEqual", "greater", "greaterOrEqual"],
        NUMBER_PATHS,
        NUMBERS,
        NUMBER_PATHS,
    ),
    comparison(["contains"], LIST_PATHS, WORDS, TEXT_PATHS),
    comparison(["containsAny"], LIST_PATHS, LISTS, LIST_PATHS),
    comparison(["in"], TEXT_PATHS, LISTS, LIST_PATHS),
    st.fixed_dictionaries(
        {
            "attribute": TEXT_PATHS | NUMBER_PATHS | FLAG_PATHS | LIST_PATHS,
            "operator": st.just("exists"),
        }
    ),
)
CONDITIONS: st.SearchStrategy[Any] = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"all": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, max_size=3)}),
    ),
    max_leaves=5,
)


def some(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)


MOMENTS = st.sampled_from(
    ["1970-01-01T00:00:00.999999Z", "1970-01-01T00:00:01Z", "1970-01-01T00:00:01.000001Z"]
)
POLICIES = st.builds(
    lambda id, members: policy(f"p{id}", **members),
    st.integers(0, 99),
    st.fixed_dictionaries(
        {"effect": st.sampled_from(["allow", "allow", "deny"])},
        optional={
            "subjects": st.fixed_dictionaries(
                {},
                optional={
                    "types": some(NAMES["type"]),
                    "ids": some(NAMES["id"]),
                    "roles": some(["a", "b"]),
                },
            ),
            "resources": st.fixed_dictionaries(
                {}, optional={"types": some(NAMES["type"]), "ids": some(NAMES["id"])}
            ),
            "actions": some(["read", "write", "can/do it"]),
            "when": st.lists(CONDITIONS, max_size=2),
            "validFrom": MOMENTS,
            "validUntil": MOMENTS,
        },
    ),
)
REQUESTS = st.builds(
    lambda names, action, **more: attributes(names[0], action, names[1], **more),
    st.lists(
        st.builds("/".join, st.tuples(*map(st.sampled_from, NAMES.values()))),
        min_size=2,
        max_size=2,
    ),
    st.sampled_from(["read", "write", "can/do it"]),
    subject_properties=PROPERTIES,
    resource_properties=PROPERTIES,
    action_properties=PROPERTIES,
    context=PROPERTIES,
)


def cedar_decides(policies: list[Policy], asked: Attributes) -> bool:
    parties: Any = {"Subject": asked["subject"], "Resource": asked["resource"]}
    action: Any = asked["action"]
    answer = cedarpy.is_authorized(
        {
            "principal": uid("Subject", "s"),
            "action": uid("Action", action["name"]),
            "resource": uid("Resource", "r"),
            "context": {
                "action": action["properties"],
                "context": asked["context"],
                "now": NOW,
            },
        },
        to_cedar(policies),
        [
            {"uid": {"type": type, "id": type[0].lower()}, "attrs": party, "parents": []}
            for type, party in parties.items()
        ],
    )
    assert not answer.diagnostics.errors, answer.diagnostics.errors
    return answer.allowed


def uid(type: str, id: str) -> str:
    return f'{type}::"{id}"'


@settings(max_examples=400, deadline=None)
@given(st.lists(POLICIES, max_size=5, unique_by=lambda one: one.id), REQUESTS)
def test_decision_is_the_one_of_cedar(policies: list[Policy], asked: Attributes) -> None:
    assert decide(policies, asked, NOW).allowed == cedar_decides(policies, asked)


@settings(max_examples=200, deadline=None)
@given(POLICIES, REQUESTS)
def test_a_policy_applies_exactly_when_no_clause_is_unmet(one: Policy, asked: Attributes) -> None:
    assert one.applies(asked, NOW) == (not one.unmet(asked, NOW))


def test_alternatives_do_not_replace_the_other_clauses_in_cedar() -> None:
    some_owner = {"attribute": "resource.properties.owner", "operator": "exists"}
    policies = [policy(subjects={"ids": ["bob"]}, when=[{"any": [some_owner, some_owner]}])]
    for subject, allowed in (("user/bob", True), ("user/alice", False)):
        asked = attributes(subject, resource_properties={"owner": "a"})
        assert decide(policies, asked, NOW).allowed is cedar_decides(policies, asked) is allowed


def test_cedar_form_is_readable() -> None:
    text = to_cedar(
        [
            policy(
                "owners",
                subjects={"types": ["user"]},
                actions=["read", "write"],
                when=[
                    {
                        "attribute": "resource.properties.owner",
                        "operator": "equals",
                        "reference": "subject.id",
                    }
                ],
            )
        ]
    )
    assert text == (
        '@id("owners")\n'
        'permit (principal, action in [Action::"read", Action::"write"], resource)\n'
        "when {\n"
        '  ["user"].contains(principal.type) &&\n'
        '  (resource.properties has "owner" && (resource.properties["owner"] == principal.id))\n'
        "};\n"
    )


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"resources": {"idPattern": "a.*"}}, "it has a pattern"),
        (
            {"when": [{"attribute": "subject.id", "operator": "matches", "value": "a"}]},
            "it has the operator matches",
        ),
        (
            {"when": [{"attribute": "context.x", "operator": "less", "value": 1.5}]},
            "it has the value 1.5",
        ),
        (
            {"when": [{"attribute": "context.x", "operator": "equals", "value": 2**63}]},
            f"it has the value {2**63}",
        ),
        (
            {"when": [{"attribute": "action.name", "operator": "equals", "value": "a"}]},
            "it compares the name of the action",
        ),
    ],
)
def test_what_cedar_cannot_say_is_refused_whole(members: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unsupported, match=f"policy p cannot be said in Cedar: {reason}"):
        to_cedar([policy("sayable"), policy("p", **members)])


def test_every_operator_is_either_compared_with_cedar_or_refused() -> None:
    compared = {"equals", "less", "lessOrEqual", "greater", "greaterOrEqual", "contains"}
    compared |= {"containsAny", "in", "exists"}
    assert {operator.value for operator in Operator} == compared | {"matches", "before", "after"}
