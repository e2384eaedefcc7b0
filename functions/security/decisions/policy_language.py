"""What a policy says, compiled: does it apply to a request, and if not, which clause is not met.

Attributes of a request are one tree with the members `subject`, `action`, `resource` and `context`.
A comparison with an attribute that is missing, null or of another kind is false, never an error;
`not` turns that into true. Patterns run on RE2, so no policy can make a decision slow.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

from pydantic import ValidationError

from city.errors import InvalidRequest
from city.json import Json
from city.regex import Pattern, compile_pattern
from models.authzen.faults import explain
from models.authzen.policy import Condition, Operator, PolicyDocument, is_number, moment

Attributes = Mapping[str, Json]
"""The attributes of a request as one tree."""

Test = Callable[[Attributes], bool]

MISSING: Any = object()
"""What an attribute is that is not there."""


class Clause(NamedTuple):
    """One thing that must hold for a policy to apply; `name` is its path in the document."""

    name: str
    holds: Test


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy ready to decide. `starts` and `ends` are microseconds, the end exclusive."""

    id: str
    document: PolicyDocument
    clauses: tuple[Clause, ...]
    starts: int | None
    ends: int | None

    @property
    def denies(self) -> bool:
        """Whether it forbids what it applies to."""
        return self.document.effect == "deny"

    def in_force(self, now: int) -> bool:
        """Whether the moment is within the policy's validity."""
        return (self.starts is None or self.starts <= now) and (
            self.ends is None or now < self.ends
        )

    def applies(self, attributes: Attributes, now: int) -> bool:
        """Whether the policy is in force and every clause holds."""
        if not self.in_force(now):
            return False
        for clause in self.clauses:  # noqa: SIM110 - runs for every policy of a tenant
            if not clause.holds(attributes):
                return False
        return True

    def unmet(self, attributes: Attributes, now: int) -> list[str]:
        """The clauses that do not hold, by their paths in the document."""
        unmet = [clause.name for clause in self.clauses if not clause.holds(attributes)]
        return unmet if self.in_force(now) else ["validity", *unmet]


class Verdict(NamedTuple):
    """What policies decide, and the policy that decided; None when none applied."""

    allowed: bool
    policy: Policy | None


def decide(policies: Iterable[Policy], attributes: Attributes, now: int) -> Verdict:
    """Deny if any policy denies, else allow if any allows, else deny."""
    allowing = None
    for policy in policies:
        if (policy.denies or allowing is None) and policy.applies(attributes, now):
            if policy.denies:
                return Verdict(allowed=False, policy=policy)
            allowing = policy
    return Verdict(allowing is not None, allowing)


def read_policy(members: Json) -> PolicyDocument:
    """The policy a client wrote. Raises InvalidRequest naming the member that is wrong."""
    try:
        document = PolicyDocument.model_validate(members)
    except ValidationError as error:
        raise InvalidRequest(explain(error)) from None
    compile_policy("", document)
    return document


def compile_policy(id: str, document: PolicyDocument) -> Policy:
    """Make a document ready to decide. Raises InvalidPattern."""
    return Policy(
        id,
        document,
        tuple(_clauses(document)),
        _microseconds(document.valid_from),
        _microseconds(document.valid_until),
    )


def _microseconds(text: str | None) -> int | None:
    parsed = moment(text)
    return None if parsed is None else round(parsed.timestamp() * 1_000_000)


def _clauses(document: PolicyDocument) -> Iterable[Clause]:
    """The clauses, those that rule out most requests for the least work first."""
    subjects, resources = document.subjects, document.resources
    names = (
        ("actions", "action.name", document.actions),
        ("resources.types", "resource.type", resources.types),
        ("subjects.types", "subject.type", subjects.types),
        ("resources.ids", "resource.id", resources.ids),
        ("subjects.ids", "subject.id", subjects.ids),
    )
    for name, path, allowed in names:
        if allowed is not None:
            yield Clause(name, _one_of(path, frozenset(allowed)))
    if resources.id_pattern is not None:
        matches = _matching(resources.id_pattern)
        yield Clause("resources.idPattern", _comparing("resource.id", matches))
    if subjects.roles is not None:
        yield Clause("subjects.roles", _has_role(frozenset(subjects.roles)))
    for position, condition in enumerate(document.when):
        yield Clause(f"when.{position}", compile_condition(condition))


def _one_of(path: str, names: frozenset[str]) -> Test:
    root, member = path_of(path)

    def holds(attributes: Attributes) -> bool:
        party: Any = attributes[root]
        return party[member] in names

    return holds


def _has_role(roles: frozenset[str]) -> Test:
    def holds(held: Json) -> bool:
        return isinstance(held, list) and any(
            isinstance(role, str) and role in roles for role in held
        )

    return _comparing("subject.properties.roles", holds)


def compile_condition(condition: Condition) -> Test:
    """The test that a condition is. Raises InvalidPattern."""
    if condition.attribute is not None:
        return _comparison(condition)
    if condition.not_ is not None:
        inner = compile_condition(condition.not_)
        return lambda attributes: not inner(attributes)
    if condition.all is not None:
        every = [compile_condition(member) for member in condition.all]
        return lambda attributes: all(test(attributes) for test in every)
    some = [compile_condition(member) for member in condition.any or ()]
    return lambda attributes: any(test(attributes) for test in some)


def _comparison(condition: Condition) -> Test:
    path, operator = condition.attribute or "", condition.operator or Operator.EXISTS
    if operator is Operator.EXISTS:
        return _comparing(path, lambda _: True)
    if operator is Operator.MATCHES:
        return _comparing(path, _matching(str(condition.value)))
    compare = _COMPARISONS[operator]
    if condition.reference is not None:
        return _comparing_both(path, compare, condition.reference)
    value = condition.value
    return _comparing(path, lambda attribute: compare(attribute, value))


def _comparing_both(path: str, compare: Callable[[Json, Json], bool], reference: str) -> Test:
    one, other = path_of(path), path_of(reference)

    def holds(attributes: Attributes) -> bool:
        first, second = look_up(attributes, one), look_up(attributes, other)
        return first is not MISSING and second is not MISSING and compare(first, second)

    return holds


def _comparing(path: str, compare: Callable[[Json], bool]) -> Test:
    parts = path_of(path)

    def holds(attributes: Attributes) -> bool:
        attribute = look_up(attributes, parts)
        return attribute is not MISSING and compare(attribute)

    return holds


def path_of(text: str) -> tuple[str, ...]:
    """The members a path names, one in the other."""
    return tuple(text.split("."))


def look_up(attributes: Attributes, path: tuple[str, ...]) -> Any:
    """The attribute at a path; MISSING if it is not there or null."""
    found: Any = attributes
    for part in path:
        if not isinstance(found, dict):
            return MISSING
        found = found.get(part, MISSING)
    return MISSING if found is None else found


def _matching(pattern: str) -> Callable[[Json], bool]:
    whole = anchored(pattern)
    return lambda attribute: isinstance(attribute, str) and whole.search(attribute)


def anchored(pattern: str) -> Pattern:
    """A pattern that matches whole texts only. Raises InvalidPattern."""
    compile_pattern(pattern)  # alone first: "a)|(b" would be valid inside the parentheses below
    return compile_pattern(rf"\A(?:{pattern})\z")


def _same(one: Json, other: Json) -> bool:
    """Equal texts, truth values or numbers; arrays and objects never are."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if is_number(one):
        return is_number(other) and one == other
    return isinstance(one, str) and one == other


def _contains(array: Json, value: Json) -> bool:
    return isinstance(array, list) and any(_same(member, value) for member in array)


def _contains_any(array: Json, values: Json) -> bool:
    return isinstance(values, list) and any(_contains(array, value) for value in values)


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    return lambda one, other: is_number(one) and is_number(other) and holds(one, other)


def _in_time(holds: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    def compare(one: Json, other: Json) -> bool:
        first, second = moment(one), moment(other)
        return first is not None and second is not None and holds(first, second)

    return compare


_COMPARISONS: dict[Operator, Callable[[Json, Json], bool]] = {
    Operator.EQUALS: _same,
    Operator.LESS: _ordered(lt),
    Operator.LESS_OR_EQUAL: _ordered(le),
    Operator.GREATER: _ordered(gt),
    Operator.GREATER_OR_EQUAL: _ordered(ge),
    Operator.BEFORE: _in_time(lt),
    Operator.AFTER: _in_time(gt),
    Operator.CONTAINS: _contains,
    Operator.CONTAINS_ANY: _contains_any,
    Operator.IN: lambda value, array: _contains(array, value),
}
