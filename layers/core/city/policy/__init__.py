"""Who may do what: every request is refused unless a rule of its API lets it through.

An API gives one table from (method, route template) to the `Operation` that route is. A route
without a rule is forbidden to everybody, so a forgotten rule cannot open a door. The caller is
the subject of a verified access token; without a token it is the public, who may use open
operations only, or everything where the stage grants that (`public_access`, sandbox only).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from city.errors import Forbidden, Unauthenticated
from city.policy.credentials import presented_token
from city.policy.tokens import Claims


class Operation(NamedTuple):
    """What a route does: `action` names it, `scope` is what a token needs; None is open to all."""

    action: str
    scope: str | None


class MissingScope(Forbidden):
    """The token is good but does not carry the scope of the operation."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"the access token does not carry the scope {scope}")
        self.scope = scope


@dataclass(frozen=True, slots=True)
class Subject:
    """Who asks. `id` is the token's subject or client; the public has the id "public"."""

    id: str
    client: str = ""
    scopes: frozenset[str] = frozenset()


PUBLIC = Subject("public")

Rules = Mapping[tuple[str, str], Operation]


class Policy:
    """Decides one request at a time from the rules of an API and the caller's token."""

    def __init__(
        self, rules: Rules, verify: Callable[[str], Claims], *, public_access: bool = False
    ) -> None:
        self._rules = rules
        self._verify = verify
        self._public_access = public_access

    def authorise(
        self, method: str, route: str, authorization: Sequence[str], auth_token: Sequence[str]
    ) -> Subject:
        """The caller, when it may do this. Raises Unauthenticated (401) or Forbidden (403).

        `authorization` and `auth_token` are all values of the headers Authorization and
        X-Auth-Token.
        """
        operation = self._rules.get((method, route))
        if operation is None:
            raise Forbidden("no rule allows this operation")
        token = presented_token(authorization, auth_token)
        subject = PUBLIC if token is None else _subject(self._verify(token))
        if operation.scope is None or self._public_access:
            return subject
        if subject is PUBLIC:
            raise Unauthenticated("this operation needs an access token")
        if operation.scope not in subject.scopes:
            raise MissingScope(operation.scope)
        return subject


def _subject(claims: Claims) -> Subject:
    return Subject(claims.subject, claims.client, claims.scopes)
