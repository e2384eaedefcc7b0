"""Policies in the Cedar language, for those who want to check or run them elsewhere.

The request that the text expects: principal and resource are entities of the types `Subject` and
`Resource` with the attributes `type`, `id` and `properties`; the action is `Action::"<name>"`; the
context has `action` (its properties), `context` (that of the request) and `now` (microseconds).
Every attribute is guarded by `has`, so that what is missing makes a comparison false, not an error.
"""

import re
from collections.abc import Callable, Iterable

from city.errors import Unsupported
from city.json import Json
from models.authzen.policy import Condition, Operator
from security.decisions.policy_language import Policy, path_of

MAX_LONG = 2**63
_PLAIN = re.compile(r"[ !#-&(-\[\]-~]*\Z")


def to_cedar(policies: Iterable[Policy]) -> str:
    """The policies as Cedar text. Raises Unsupported for one that Cedar cannot express."""
    return "\n".join(map(_policy, policies))


def _policy(policy: Policy) -> str:
    try:
        conditions = " &&\n  ".join(_clauses(policy))
    except Unsupported as error:
        raise Unsupported(f"policy {policy.id} cannot be said in Cedar: {error}") from None
    effect = "forbid" if policy.denies else "permit"
    when = f"\nwhen {{\n  {conditions}\n}}" if conditions else ""
    return f"@id({_text(policy.id)})\n{effect} (principal, {_action(policy)}, resource){when};\n"


def _action(policy: Policy) -> str:
    if policy.document.actions is None:
        return "action"
    names = ", ".join(f"Action::{_text(name)}" for name in policy.document.actions)
    return f"action in [{names}]"


def _clauses(policy: Policy) -> Iterable[str]:
    document = policy.document
    for path, names in (
        ("resource.type", document.resources.types),
        ("subject.type", document.subjects.types),
        ("resource.id", document.resources.ids),
        ("subject.id", document.subjects.ids),
    ):
        if names is not None:
            yield f"{_value([*names])}.contains({_attribute(path)})"
    if document.resources.id_pattern is not None:
        raise Unsupported("it has a pattern")
    if document.subjects.roles is not None:
        roles = _value([*document.subjects.roles])
        path = "subject.properties.roles"
        yield _guarded(path, f"{_attribute(path)}.containsAny({roles})")
    if policy.starts is not None:
        yield f"context.now >= {policy.starts}"
    if policy.ends is not None:
        yield f"context.now < {policy.ends}"
    yield from map(_condition, document.when)


def _condition(condition: Condition) -> str:
    if condition.not_ is not None:
        return f"!{_condition(condition.not_)}"
    if condition.all is not None:
        return _joined("&&", condition.all, empty="true")
    if condition.any is not None:
        return _joined("||", condition.any, empty="false")
    path, operator = condition.attribute or "", condition.operator
    if operator is Operator.EXISTS:
        return _guarded(path, "true")
    if operator not in _FORMS:
        raise Unsupported(f"it has the operator {operator}")
    form = _FORMS[operator]
    if condition.reference is None:
        return _guarded(path, form(_attribute(path), _value(condition.value)))
    both = form(_attribute(path), _attribute(condition.reference))
    return _guarded(path, _guarded(condition.reference, both))


def _joined(operator: str, conditions: list[Condition], *, empty: str) -> str:
    return f"({f' {operator} '.join(map(_condition, conditions)) or empty})"


def _guarded(path: str, comparison: str) -> str:
    """The comparison, false when the attribute or anything on the way to it is missing."""
    fixed, members = _split(path)
    guards = []
    for member in members:
        guards.append(f"{fixed} has {_text(member)}")
        fixed += f"[{_text(member)}]"
    return "(" + " && ".join([*guards, comparison]) + ")"


def _attribute(path: str) -> str:
    fixed, members = _split(path)
    return fixed + "".join(f"[{_text(member)}]" for member in members)


def _split(path: str) -> tuple[str, tuple[str, ...]]:
    """The part of a path that is always there, and the members after it."""
    root, *members = path_of(path)
    if root == "context":
        return "context.context", tuple(members)
    if root == "action":
        if members[0] == "name":
            raise Unsupported("it compares the name of the action")
        return "context.action", tuple(members[1:])
    entity = "principal" if root == "subject" else "resource"
    return f"{entity}.{members[0]}", tuple(members[1:])


_FORMS: dict[Operator | None, Callable[[str, str], str]] = {
    Operator.EQUALS: lambda one, other: f"{one} == {other}",
    Operator.LESS: lambda one, other: f"{one} < {other}",
    Operator.LESS_OR_EQUAL: lambda one, other: f"{one} <= {other}",
    Operator.GREATER: lambda one, other: f"{one} > {other}",
    Operator.GREATER_OR_EQUAL: lambda one, other: f"{one} >= {other}",
    Operator.CONTAINS: lambda one, other: f"{one}.contains({other})",
    Operator.CONTAINS_ANY: lambda one, other: f"{one}.containsAny({other})",
    Operator.IN: lambda one, other: f"{other}.contains({one})",
}


def _value(value: Json) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() if -MAX_LONG <= value < MAX_LONG:
            return str(value)
        case str():
            return _text(value)
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            raise Unsupported(f"it has the value {value}")


def _text(text: str) -> str:
    if _PLAIN.match(text):
        return f'"{text}"'
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    return character if _PLAIN.match(character) else f"\\u{{{ord(character):x}}}"
