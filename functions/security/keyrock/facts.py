"""The facts of one request to Keyrock's interface, checked before anything is done.

Keyrock wants `Content-Type: application/json` on every POST, PUT and PATCH, also on assignments
that have no body. Who calls has been decided before by the policy.
"""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from city.bodies import parse_json, read_bytes
from city.errors import InvalidRequest, Malformed
from city.json import Json
from city.policy import Caller
from security.keyrock.body import is_plain_text
from security.keyrock.errors import EXPECTING_JSON, Refused, not_authorized

MAX_PART = 255
"""Characters of an identifier in the path."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the operations need to know of their request.

    `parts` are the variable parts of the path; `body` has the members of the JSON object that was
    sent (none when the request has no body); `headers` are by lower-case name.
    """

    caller: Caller
    parts: dict[str, str]
    body: dict[str, Json] = field(repr=False)
    headers: dict[str, str] = field(repr=False)

    @property
    def subject(self) -> str:
        """Who calls."""
        return self.caller.subject.id

    @property
    def is_admin(self) -> bool:
        """Whether the caller may administer the whole city."""
        return self.caller.access.is_admin(None)

    def require_admin(self) -> None:
        """Refuse everybody but administrators of the city."""
        if not self.is_admin:
            raise not_authorized()

    def require_self_or_admin(self, subject: str) -> None:
        """Refuse everybody but the subject itself and administrators of the city."""
        if self.subject != subject:
            self.require_admin()


async def read_facts(request: Request) -> Facts:
    """Check the request as far as all operations agree. Raises InvalidRequest or Refused."""
    headers = dict(request.headers)
    for name, value in request.path_params.items():
        if len(value) > MAX_PART or not is_plain_text(value):
            raise InvalidRequest(f"{name} is not an identifier")
    body: dict[str, Json] = {}
    if request.method in {"POST", "PUT", "PATCH"}:
        body = await _read_members(request, headers.get("content-type", ""))
    return Facts(request.scope["caller"], request.path_params, body, headers)


KeyrockFacts = Annotated[Facts, Depends(read_facts)]


async def _read_members(request: Request, media_type: str) -> dict[str, Json]:
    if media_type.partition(";")[0].strip().lower() != "application/json":
        raise Refused(400, EXPECTING_JSON)
    content = await read_bytes(request)
    members = parse_json(content) if content else {}
    if not isinstance(members, dict):
        raise Malformed("the body must be a JSON object")
    return members
