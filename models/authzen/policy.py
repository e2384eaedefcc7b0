"""Policies of a tenant: who may, or must not, do what to which resources, and under what conditions.

    {
      "effect": "allow",
      "subjects": {"types": ["user"], "roles": ["editor"]},
      "actions": ["update"],
      "resources": {"types": ["todo"]},
      "when": [
        {"attribute": "resource.properties.owner", "operator": "equals",
         "reference": "subject.properties.email"}
      ]
    }

A clause that is absent holds for everything; all clauses that are there must hold. Attributes are
paths that begin with `subject`, `action`, `resource` or `context`. A comparison with an attribute
that is missing or null, or of another kind than the operator compares, does not hold.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)
from pydantic.alias_generators import to_camel

from models.authzen.faults import fault
from models.authzen.requests import MAX_ID_LENGTH, Name

MAX_LISTED = 500
"""Names in one list of a policy."""
MAX_CONDITIONS = 64
MAX_CONDITION_DEPTH = 8
MAX_PATTERN_LENGTH = 1024


class Operator(StrEnum):
    """How an attribute is compared with a value.

    - equals: both the same text, number or truth value
    - less, lessOrEqual, greater, greaterOrEqual: numbers
    - before, after: moments in ISO 8601 with a time zone
    - contains: the attribute is an array that has the value
    - containsAny: the attribute is an array that has one of the value's members
    - in: the value is an array that has the attribute
    - matches: the whole attribute matches a regular expression (RE2)
    - exists: the attribute is there; takes no value
    """

    EQUALS = "equals"
    LESS = "less"
    LESS_OR_EQUAL = "lessOrEqual"
    GREATER = "greater"
    GREATER_OR_EQUAL = "greaterOrEqual"
    BEFORE = "before"
    AFTER = "after"
    CONTAINS = "contains"
    CONTAINS_ANY = "containsAny"
    IN = "in"
    MATCHES = "matches"
    EXISTS = "exists"


_NUMBERS = {
    Operator.LESS,
    Operator.LESS_OR_EQUAL,
    Operator.GREATER,
    Operator.GREATER_OR_EQUAL,
}
_MOMENTS = {Operator.BEFORE, Operator.AFTER}
_LISTS = {Operator.CONTAINS_ANY, Operator.IN}
_SCALARS = {Operator.EQUALS, Operator.CONTAINS}

_ROOTS = ("subject", "action", "resource", "context")


def _check_path(path: str) -> str:
    parts = path.split(".")
    if parts[0] not in _ROOTS or len(parts) < 2 or "" in parts:
        raise fault("must be a path such as subject.id or resource.properties.owner")
    fixed = {"type", "id", "properties"} if parts[0] != "action" else {"name", "properties"}
    if parts[0] != "context" and parts[1] not in fixed:
        raise fault(f"must go on with one of {', '.join(sorted(fixed))} after {parts[0]}")
    if (parts[1] == "properties") == (len(parts) == 2) and parts[0] != "context":
        raise fault("must be a path such as subject.id or resource.properties.owner")
    return path


def _check_moment(text: str) -> str:
    if moment(text) is None:
        raise fault("must be a moment in ISO 8601 with a time zone")
    return text


Names = Annotated[tuple[Name, ...], Field(strict=False, min_length=1, max_length=MAX_LISTED)]
PathText = Annotated[str, Field(max_length=MAX_ID_LENGTH), AfterValidator(_check_path)]
Moment = Annotated[str, AfterValidator(_check_moment)]


class Closed(BaseModel):
    """A part of a policy: strict types, camelCase names, unknown members refused."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


class Condition(Closed):
    """One comparison (`attribute`, `operator` and `value` or `reference`), or `all`, `any`, `not`."""

    attribute: PathText | None = None
    operator: Annotated[Operator, Field(strict=False)] | None = None
    value: JsonValue = None
    reference: PathText | None = None
    all: list["Condition"] | None = None
    any: list["Condition"] | None = None
    not_: "Condition | None" = Field(None, alias="not")

    @model_validator(mode="after")
    def _check_form(self) -> Self:
        if self.attribute is not None:
            _check_comparison(self)
            return self
        given = self.model_fields_set
        if len(given) != 1 or not given & {"all", "any", "not_"}:
            raise fault("must be one comparison with an attribute, or one of all, any and not")
        return self


def _check_comparison(condition: Condition) -> None:
    given = condition.model_fields_set
    if condition.operator is None or given & {"all", "any", "not_"}:
        raise fault("must have attribute, operator and value or reference, and nothing else")
    operands = given & {"value", "reference"}
    if condition.operator is Operator.EXISTS:
        if operands:
            raise fault("takes no value with the operator exists")
    elif len(operands) != 1:
        raise fault("must have either value or reference")
    elif "value" in operands:
        _check_value(condition.operator, condition.value)
    elif condition.operator is Operator.MATCHES:
        raise fault("must have a value with the operator matches: patterns are not looked up")


def _check_value(operator: Operator, value: JsonValue) -> None:
    if operator in _NUMBERS and not is_number(value):
        raise fault(f"value must be a number for the operator {operator}")
    if operator in _MOMENTS and moment(value) is None:
        raise fault(f"value must be a moment in ISO 8601 with a time zone for {operator}")
    if operator in _SCALARS and (value is None or isinstance(value, list | dict)):
        raise fault(f"value must be a text, a number, true or false for the operator {operator}")
    if operator in _LISTS and not is_list_of_scalars(value):
        raise fault(f"value must be an array of texts, numbers, true or false for {operator}")
    if operator is Operator.MATCHES and not (
        isinstance(value, str) and 0 < len(value) <= MAX_PATTERN_LENGTH
    ):
        raise fault(f"value must be a pattern of at most {MAX_PATTERN_LENGTH} characters")


class SubjectClause(Closed):
    """Which subjects: one of these types, and one of these ids, and having one of these roles.

    Roles are the members of `subject.properties.roles`.
    """

    types: Names | None = None
    ids: Names | None = None
    roles: Names | None = None


class ResourceClause(Closed):
    """Which resources: one of these types, and one of these ids, and an id of this pattern."""

    types: Names | None = None
    ids: Names | None = None
    id_pattern: Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_LENGTH)] | None = None


class PolicyDocument(Closed):
    """A policy as it is written and stored. It is in force from `valid_from` until `valid_until`."""

    effect: Literal["allow", "deny"]
    description: Annotated[str, Field(max_length=MAX_ID_LENGTH)] = ""
    subjects: SubjectClause = SubjectClause()
    actions: Names | None = None
    resources: ResourceClause = ResourceClause()
    when: Annotated[tuple[Condition, ...], Field(strict=False)] = ()
    valid_from: Moment | None = None
    valid_until: Moment | None = None

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        number, depth = measure(self.when)
        if number > MAX_CONDITIONS:
            raise fault(f"has {number} conditions; at most {MAX_CONDITIONS} are allowed")
        if depth > MAX_CONDITION_DEPTH:
            raise fault(f"nests conditions {depth} deep; at most {MAX_CONDITION_DEPTH} are allowed")
        return self


def measure(conditions: tuple[Condition, ...] | list[Condition]) -> tuple[int, int]:
    """How many conditions there are, inner ones included, and how deep they nest."""
    number = depth = 0
    for condition in conditions:
        inner = [*(condition.all or ()), *(condition.any or ())]
        inner += [condition.not_] if condition.not_ else []
        inner_number, inner_depth = measure(inner)
        number, depth = number + 1 + inner_number, max(depth, 1 + inner_depth)
    return number, depth


def is_number(value: JsonValue) -> bool:
    """Whether a value is a JSON number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_list_of_scalars(value: JsonValue) -> bool:
    """Whether a value is an array of texts, numbers, true and false."""
    return isinstance(value, list) and not any(
        member is None or isinstance(member, list | dict) for member in value
    )


def moment(value: JsonValue) -> datetime | None:
    """The moment a text names; None when it names none, or without a time zone."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else None
