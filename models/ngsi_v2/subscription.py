"""The subscription as NGSI-v2 clients send it ("subscription payload datamodel").

Values are checked in the order and refused with the texts of Orion 4: `explain_subscription` gives
the text of the first fault. Members a client may send back after a GET (`id`, counters) are
ignored, as are unknown ones. Patterns, `q` and geometry are compiled by the service, not here.
"""

from typing import Annotated, Literal

from pydantic import (
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from models.ngsi_v2 import notification
from models.ngsi_v2.faults import (
    MAX_ID_LENGTH,
    clean,
    explain,
    fault,
    is_forbidden_in_id,
    names,
    unsupported,
)
from models.ngsi_v2.notification import Notification, Wire

MAX_DESCRIPTION_LENGTH = 1024

AlterationType = Literal["entityCreate", "entityUpdate", "entityChange", "entityDelete"]

ALTERATION_TYPES = ("entityCreate", "entityUpdate", "entityChange", "entityDelete")

Status = Literal["active", "inactive", "oneshot"]


class EntitySelector(Wire):
    """One of `subject.entities`: an id or idPattern, and a type, a typePattern or any type."""

    id: str = ""
    id_pattern: str = ""
    type: str = ""
    type_pattern: str = ""

    @model_validator(mode="before")
    @classmethod
    def _check_choice(cls, members: JsonValue) -> JsonValue:
        if not isinstance(members, dict):
            raise fault("/entities/ vector item is not an object")
        if "id" not in members and "idPattern" not in members:
            raise fault("/entities/ vector item does not have /id/ nor /idPattern/")
        if "id" in members and "idPattern" in members:
            raise fault("/entities/ vector item has both /id/ and /idPattern/")
        if "type" in members and "typePattern" in members:
            raise fault("/entities/ element has both /type/ and /typePattern/")
        return members

    @field_validator("id")
    @classmethod
    def _check_id(cls, id: str) -> str:
        if not id:
            raise fault("/entities/ element id is empty")
        return _checked_name(id, "id")

    @field_validator("type")
    @classmethod
    def _check_type(cls, type: str) -> str:
        if not type:
            raise fault("entity type length: 0, min length supported: 1")
        return _checked_name(type, "type")

    @field_validator("id_pattern")
    @classmethod
    def _check_id_pattern(cls, pattern: str) -> str:
        if not pattern:
            raise fault("/entities/ vector item /idPattern/ is empty")
        return pattern

    @field_validator("type_pattern")
    @classmethod
    def _check_type_pattern(cls, pattern: str) -> str:
        if not pattern:
            raise fault("/entities/ vector item /typePattern/ is empty")
        return pattern


class Expression(Wire):
    """A filter on the entity after the change: `q`, `mq`, and the three geographic fields."""

    q: str = ""
    mq: str = ""
    geometry: str | None = None
    coords: str | None = None
    georel: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _check_content(cls, members: JsonValue) -> JsonValue:
        if not isinstance(members, dict):
            raise fault("expression is not an object")
        if not cls.knows(members):
            raise fault("expression is empty")
        return members

    @field_validator("q", "mq")
    @classmethod
    def _check_query(cls, query: str, info: ValidationInfo) -> str:
        if not query:
            raise fault(f"{info.field_name} is empty")
        return query


class Condition(Wire):
    """When a change triggers: which attributes, which kinds of change, which state after it."""

    attrs: Annotated[list[str], names("attrs")] = Field(default_factory=list)
    expression: Expression | None = None
    alteration_types: Annotated[list[AlterationType], names("alterationTypes")] = Field(
        default_factory=list
    )
    notify_on_metadata_change: bool = True

    @model_validator(mode="before")
    @classmethod
    def _check_content(cls, members: JsonValue) -> JsonValue:
        if not isinstance(members, dict):
            raise fault("condition is not an object")
        if "jexlExpression" in members:
            raise unsupported("jexlExpression is not supported in subscriptions; use expression")
        if not cls.knows(members):
            raise fault("condition is empty")
        if "expression" in members and members["expression"] is None:
            raise fault("expression is not an object")
        return members

    @field_validator("alteration_types", mode="before")
    @classmethod
    def _check_alterations(cls, listed: JsonValue) -> JsonValue:
        for name in listed if isinstance(listed, list) else []:
            if isinstance(name, str) and name and name not in ALTERATION_TYPES:
                raise fault(f"unknown subscription alterationType: {name}")
        return listed


class Subject(Wire):
    """Which entities a subscription watches and on which condition."""

    entities: list[EntitySelector]
    condition: Condition = Field(default_factory=Condition.model_construct)

    @model_validator(mode="before")
    @classmethod
    def _check_content(cls, members: JsonValue) -> JsonValue:
        if not isinstance(members, dict):
            raise fault("subject is not an object")
        if members.get("entities") == []:
            raise fault("subject entities is empty")
        return members


class Subscription(Wire):
    """A subscription of a client. `expires` is as sent; "" means permanent."""

    description: Annotated[str, clean("description")] = ""
    subject: Subject
    notification: Notification
    expires: str = ""
    status: Status = "active"
    throttling: int = 0

    @field_validator("description", mode="before")
    @classmethod
    def _check_length(cls, description: JsonValue) -> JsonValue:
        if isinstance(description, str) and len(description) > MAX_DESCRIPTION_LENGTH:
            raise fault("max description length exceeded")
        return description


_TEXTS = {
    ("subject", "missing"): "no subject for subscription specified",
    ("notification", "missing"): "no notification for subscription specified",
    ("subject.entities", "missing"): "no subject entities specified",
    ("subject.entities", "name"): "/entities/",
    ("subject.entities.*.id", "name"): "/entities/ vector item /id/",
    ("subject.entities.*.idPattern", "name"): "/entities/ vector item /idPattern/",
    ("subject.entities.*.type", "name"): "/entities/ vector item type",
    ("subject.entities.*.typePattern", "name"): "/entities/ vector item /typePattern/",
    ("status", "literal_error"): (
        "status is not valid: it has to be either active, inactive or oneshot"
    ),
    **notification.TEXTS,
}


def explain_subscription(error: ValidationError) -> str:
    """The text to refuse a subscription with."""
    return explain(error, _TEXTS)


def _checked_name(name: str, field: str) -> str:
    if is_forbidden_in_id(name):
        raise fault(f"forbidden characters in /entities/ vector item /{field}/")
    if len(name) > MAX_ID_LENGTH:
        raise fault(f"max {field} length exceeded in /entities/ vector item /{field}/")
    return name
