"""Members of the JSON bodies Keyrock takes: read with their type, or refused by name.

Members that are not asked for are ignored, as Keyrock does: a request cannot make itself
administrator, owner or enabled by naming a member that no route reads.
"""

import re
from collections.abc import Mapping
from typing import TypeGuard

from city.errors import InvalidRequest
from city.json import Json

MAX_TEXT = 1000
"""Characters of a name, description or address."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def member_object(body: Mapping[str, Json], name: str) -> dict[str, Json]:
    """The object that every body of Keyrock wraps its members in, e.g. `user`."""
    members = body.get(name)
    if not isinstance(members, dict) or not members:
        raise InvalidRequest(f"Missing parameter {name} in body request")
    return members


def required_text(members: Mapping[str, Json], name: str) -> str:
    """A text that must be there and not be empty."""
    text = optional_text(members, name)
    if not text:
        raise InvalidRequest(f"Missing parameter {name} in body request or empty {name}")
    return text


def changed_text(members: Mapping[str, Json], name: str) -> str | None:
    """A text that a change may set but not empty; None when the change leaves it alone."""
    text = optional_text(members, name)
    if text == "":
        raise InvalidRequest(f"Cannot set empty {name}")
    return text


def optional_text(members: Mapping[str, Json], name: str) -> str | None:
    """A text, or None when it is absent or null."""
    value = members.get(name)
    if value is None:
        return None
    if not is_plain_text(value):
        raise InvalidRequest(
            f"{name} must be a text of at most {MAX_TEXT} characters without control characters"
        )
    return value


def optional_flag(members: Mapping[str, Json], name: str) -> bool | None:
    """A boolean, or None when it is absent or null; Keyrock's clients also send 0 and 1."""
    value = members.get(name)
    if value not in (None, True, False, 0, 1):
        raise InvalidRequest(f"{name} must be true or false")
    return None if value is None else bool(value)


def is_plain_text(value: Json) -> TypeGuard[str]:
    """Whether this is a text that may be stored and shown."""
    return isinstance(value, str) and len(value) <= MAX_TEXT and not _CONTROL.search(value)
