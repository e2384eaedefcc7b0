"""What policies say, clause by clause and operator by operator."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.errors import InvalidPattern
from security.decisions.policy_language import anchored, decide
from tests.unit.security.requests import attributes, policy

NOW = 1_800_000_000_000_000


def holds(attribute: Any, operator: str, value: Any) -> bool:
    """Whether `context.a` with this content compares so with a value, and with a reference."""
    asked = attributes(context={"a": attribute, "b": value})
    comparison = {"attribute": "context.a", "operator": operator}
    literal = policy(when=[{**comparison, "value": value}]).applies(asked, NOW)
    if operator != "matches":
        referred = policy(when=[{**comparison, "reference": "context.b"}])
        assert referred.applies(asked, NOW) is literal
    return literal


@pytest.mark.parametrize(
    ("attribute", "operator", "value", "expected"),
    [
        ("a", "equals", "a", True),
        ("a", "equals", "A", False),
        (1, "equals", 1.0, True),
        (1, "equals", True, False),
        (0, "equals", False, False),
        (True, "equals", True, True),
        ("1", "equals", 1, False),
        (["a"], "equals", "a", False),
        (1, "less", 2, True),
        (2, "less", 2, False),
        (2, "lessOrEqual", 2, True),
        (2.5, "greater", 2, True),
        (2, "greater", 2, False),
        (2, "greaterOrEqual", 2, True),
        ("1", "less", 2, False),
        (True, "less", 2, False),
        (["a", "b"], "contains", "b", True),
        (["a", 1], "contains", True, False),
        ("abc", "contains", "b", False),
        (["a", "b"], "containsAny", ["c", "b"], True),
        (["a", "b"], "containsAny", [], False),
        ("a", "containsAny", ["a"], False),
        ("a", "in", ["b", "a"], True),
        ("a", "in", [], False),
        (1, "in", [True], False),
        ("2026-01-01T00:00:00Z", "before", "2026-01-01T00:30:00+00:00", True),
        ("2026-01-01T01:00:00+02:00", "before", "2026-01-01T00:00:00Z", True),
        ("2026-01-01T01:00:00+02:00", "after", "2026-01-01T00:00:00Z", False),
        ("1985-10-26T01:22-07:00", "before", "1985-10-26T08:23Z", True),
        ("2026-01-01", "before", "2027-01-01T00:00:00Z", False),
        ("soon", "before", "2027-01-01T00:00:00Z", False),
        (7, "after", "2020-01-01T00:00:00Z", False),
        ("abc", "matches", "a.c", True),
        ("abcd", "matches", "a.c", False),
        ("xabc", "matches", "a.c|abc", False),
        ("a\nc", "matches", "a.c", True),
        ("abc\n", "matches", "abc", False),
        (1, "matches", "1", False),
    ],
)
def test_operator(attribute: Any, operator: str, value: Any, expected: bool) -> None:
    assert holds(attribute, operator, value) is expected


@pytest.mark.parametrize("operator", ["equals", "less", "before", "contains", "in", "exists"])
@pytest.mark.parametrize("context", [{}, {"b": 1}, {"a": None}])
def test_comparison_with_what_is_missing_or_null_is_false_and_its_opposite_true(
    operator: str, context: Any
) -> None:
    value: dict[str, Any] = {"in": {"value": []}, "exists": {}, "less": {"value": 1}}
    value |= {"before": {"value": "2026-01-01T00:00:00Z"}}
    comparison = {"attribute": "context.a.c", "operator": operator}
    comparison |= value.get(operator, {"value": "x"})
    asked = attributes(context=context)
    assert not policy(when=[comparison]).applies(asked, NOW)
    assert policy(when=[{"not": comparison}]).applies(asked, NOW)


def test_comparison_with_a_missing_reference_is_false() -> None:
    one = policy(when=[{"attribute": "subject.id", "operator": "equals", "reference": "context.a"}])
    assert not one.applies(attributes(), NOW)
    assert one.applies(attributes(context={"a": "alice"}), NOW)


TRUE: dict[str, Any] = {"attribute": "subject.id", "operator": "exists"}
FALSE: dict[str, Any] = {"attribute": "context.nothing", "operator": "exists"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"all": []}, True),
        ({"all": [TRUE, TRUE]}, True),
        ({"all": [TRUE, FALSE]}, False),
        ({"any": []}, False),
        ({"any": [FALSE, TRUE]}, True),
        ({"any": [FALSE, FALSE]}, False),
        ({"not": {"any": [FALSE, {"not": TRUE}]}}, True),
    ],
)
def test_conditions_combine(condition: Any, expected: bool) -> None:
    assert policy(when=[condition]).applies(attributes(), NOW) is expected


@pytest.mark.parametrize(
    ("clause", "applies"),
    [
        ({}, True),
        ({"actions": ["read", "write"]}, True),
        ({"actions": ["Read"]}, False),
        ({"subjects": {"types": ["user"]}}, True),
        ({"subjects": {"types": ["app"]}}, False),
        ({"subjects": {"ids": ["bob", "alice"]}}, True),
        ({"subjects": {"ids": ["bob"]}}, False),
        ({"subjects": {"roles": ["boss", "clerk"]}}, True),
        ({"subjects": {"roles": ["boss"]}}, False),
        ({"subjects": {"types": ["user"], "ids": ["alice"], "roles": ["boss"]}}, False),
        ({"resources": {"types": ["record"], "ids": ["r-1"]}}, True),
        ({"resources": {"types": ["file"]}}, False),
        ({"resources": {"ids": ["r-2"]}}, False),
        ({"resources": {"idPattern": "r-[0-9]"}}, True),
        ({"resources": {"idPattern": "r-"}}, False),
        ({"when": [TRUE, FALSE]}, False),
    ],
)
def test_every_clause_must_hold(clause: Any, applies: bool) -> None:
    asked = attributes(
        "user/alice", "read", "record/r-1", subject_properties={"roles": ["clerk", 7, None]}
    )
    assert policy(**clause).applies(asked, NOW) is applies


@pytest.mark.parametrize("roles", [None, "clerk", {"clerk": 1}, []])
def test_roles_are_a_list_of_texts(roles: Any) -> None:
    asked = attributes(subject_properties={"roles": roles})
    assert not policy(subjects={"roles": ["clerk"]}).applies(asked, NOW)


def test_validity_includes_its_start_and_excludes_its_end() -> None:
    one = policy(validFrom="2027-01-15T08:00:00Z", validUntil="2027-01-15T09:00:00+00:00")
    start = NOW
    end = NOW + 3_600_000_000
    moments = [start - 1, start, end - 1, end]
    assert [one.applies(attributes(), moment) for moment in moments] == [False, True, True, False]
    assert one.unmet(attributes(), end) == ["validity"]


def test_deny_overrides_allow_and_nothing_is_deny() -> None:
    allow, other = policy("allow"), policy("other")
    deny = policy("deny", "deny")
    elsewhere = policy("elsewhere", "deny", actions=["write"])
    asked = attributes()
    for policies, allowed, id in (
        ([], False, None),
        ([elsewhere], False, None),
        ([allow, other], True, "allow"),
        ([elsewhere, allow], True, "allow"),
        ([allow, deny, other], False, "deny"),
        ([deny, allow], False, "deny"),
    ):
        verdict = decide(policies, asked, NOW)
        assert (verdict.allowed, verdict.policy and verdict.policy.id) == (allowed, id)


@pytest.mark.parametrize("pattern", ["a)|(b", "a\\", "(", "(?=a)", "(a)\\1", "a{1001}"])
def test_pattern_that_could_break_out_or_run_long_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        anchored(pattern)


def test_policy_of_the_documentation_decides_as_it_says() -> None:
    page = (Path(__file__).parents[3] / "docs" / "decisions.md").read_text()
    (written,) = [
        block for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if "effect" in block
    ]
    members = json.loads(written)
    one = policy(members.pop("id"), **members)

    def applies(**more: Any) -> bool:
        editor = {"roles": ["editor"], "email": "anna@city.example"}
        todo = {"owner": "anna@city.example"}
        asked = attributes("user/anna", "update", "todo/todo-1", subject_properties=editor,
                           resource_properties=todo, **more)  # fmt: skip
        return one.applies(asked, NOW)

    assert applies()
    assert not applies(context={"locked": True})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=5,
)


@given(VALUES, VALUES)
def test_no_content_of_a_request_is_an_error(one: Any, other: Any) -> None:
    asked = attributes(
        subject_properties={"roles": one, "a": other}, context={"a": one, "b": other}
    )
    for operator in ("equals", "less", "greaterOrEqual", "before", "after", "contains", "in"):
        comparison = {"attribute": "context.a", "operator": operator, "reference": "context.b"}
        policy(subjects={"roles": ["a"]}).applies(asked, NOW)
        policy(when=[comparison]).applies(asked, NOW)
    policy(when=[{"attribute": "context.a", "operator": "matches", "value": "a"}]).applies(
        asked, NOW
    )
