"""Requests of the AuthZEN Authorization API 1.0 ("Information Model", sections on each endpoint).

Unknown members are ignored, as its JSON binding demands; a member that is null counts as absent.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from models.authzen.faults import fault

MAX_ID_LENGTH = 1024

Semantic = Literal["execute_all", "deny_on_first_deny", "permit_on_first_permit"]


def _check_characters(name: str) -> str:
    if any(character < " " for character in name):
        raise fault("must not contain control characters")
    return name


Name = Annotated[
    str, Field(min_length=1, max_length=MAX_ID_LENGTH), AfterValidator(_check_characters)
]


def _nothing_to_empty(members: JsonValue) -> JsonValue:
    return {} if members is None else members


Properties = Annotated[dict[str, JsonValue], BeforeValidator(_nothing_to_empty)]
"""Free members that policies can look at."""


class Member(BaseModel):
    """A part of a request: strict types, unknown members ignored."""

    model_config = ConfigDict(strict=True, frozen=True)


class Party(Member):
    """A Subject or a Resource: `id` is unique within the `type`."""

    type: Name
    id: Name
    properties: Properties = Field(default_factory=dict)


class Sought(Member):
    """The Subject or Resource that a search looks for; an id is ignored, as the standard says."""

    type: Name
    properties: Properties = Field(default_factory=dict)


class Action(Member):
    """What the subject wants to do."""

    name: Name
    properties: Properties = Field(default_factory=dict)


class AccessRequest(Member):
    """May `subject` do `action` to `resource`, in this `context`?"""

    subject: Party
    action: Action
    resource: Party
    context: Properties = Field(default_factory=dict)


class Options(Member):
    """How several questions are worked through."""

    evaluations_semantic: Semantic = "execute_all"


class AccessRequests(Member):
    """Several questions; the outer members are the defaults of those that lack them.

    `evaluations` are read one by one, since one that is wrong spoils only its own answer.
    """

    subject: Party | None = None
    action: Action | None = None
    resource: Party | None = None
    context: dict[str, JsonValue] | None = None
    evaluations: list[JsonValue] | None = None
    options: Options | None = None


class Page(Member):
    """Which part of the results is wanted: at most `limit`, after those before `token`."""

    token: str | None = None
    limit: Annotated[int, Field(ge=0)] | None = None


class SubjectSearch(Member):
    """Who may do `action` to `resource`?"""

    subject: Sought
    action: Action
    resource: Party
    context: Properties = Field(default_factory=dict)
    page: Page | None = None


class ResourceSearch(Member):
    """To which resources may `subject` do `action`?"""

    subject: Party
    action: Action
    resource: Sought
    context: Properties = Field(default_factory=dict)
    page: Page | None = None


class ActionSearch(Member):
    """What may `subject` do to `resource`?"""

    subject: Party
    resource: Party
    context: Properties = Field(default_factory=dict)
    page: Page | None = None
