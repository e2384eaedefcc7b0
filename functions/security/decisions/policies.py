"""Policies as administrators manage them, and as decisions use them."""

import re
import secrets
from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

from city.clock import Clock
from city.dynamodb import ConditionFailed
from city.errors import AlreadyExists, InvalidRequest, NotFound, Stale, TooLarge
from city.json import Json, dump
from city.preconditions import Preconditions
from city.tenancy import Tenant
from models.authzen.policy import PolicyDocument
from security.decisions.policy_language import Policy, compile_policy, read_policy
from security.store.policies import MAX_POLICIES, PolicyStore, StoredPolicy

MAX_BYTES = 16_384
"""Size of one policy as JSON."""
MAX_TENANTS = 64
"""Tenants whose policies a process keeps compiled."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_READ_ONLY = frozenset({"id", "changedAt", "changedBy"})


class _Compiled(NamedTuple):
    revision: int
    policies: tuple[Policy, ...]


class Policies:
    """The policies of all tenants, over their store; safe for threads."""

    def __init__(self, store: PolicyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._compiled: OrderedDict[Tenant, _Compiled] = OrderedDict()
        self._lock = Lock()

    def create(self, tenant: Tenant, body: Json, author: str) -> StoredPolicy:
        """Add a policy, under the id it names or a new one.

        Raises InvalidRequest naming the member that is wrong, AlreadyExists, or TooLarge when the
        tenant has as many policies as it may have.
        """
        members = _members(body)
        given = members.get("id")
        id = _checked_id(given) if given is not None else secrets.token_hex(12)
        policy = StoredPolicy(tenant, id, _document(members), self._clock(), author)
        self._add(policy)
        return policy

    def put(
        self, tenant: Tenant, id: str, body: Json, author: str, preconditions: Preconditions
    ) -> tuple[StoredPolicy, bool]:
        """Replace a policy whole, or add it; the policy, and whether it is new.

        Raises what `create` raises, and Stale or Unconditional (see `Preconditions`).
        """
        members = _members(body)
        if members.get("id", id) != _checked_id(id):
            raise InvalidRequest("id must be the one in the path, or absent")
        document = _document(members)
        present = self._store.get(tenant, id)
        preconditions.check(present.changed if present else None)
        now = self._clock()
        if present is None:
            added = StoredPolicy(tenant, id, document, now, author)
            self._add(added)
            return added, True
        policy = StoredPolicy(tenant, id, document, max(now, present.changed + 1), author)
        try:
            self._store.replace(present, policy)
        except ConditionFailed as error:
            raise Stale("another change was faster: read it again") from error
        return policy, False

    def get(self, tenant: Tenant, id: str) -> StoredPolicy:
        """One policy. Raises NotFound."""
        found = self._store.get(tenant, id) if _ID.match(id) else None
        if found is None:
            raise NotFound(f"there is no policy {id} in this tenant")
        return found

    def some(
        self, tenant: Tenant, limit: int, after: str | None
    ) -> tuple[list[StoredPolicy], str | None]:
        """A page of the policies in the order of their ids, and the id to continue after."""
        return self._store.some(tenant, limit, after)

    def delete(self, tenant: Tenant, id: str, preconditions: Preconditions) -> None:
        """Delete a policy. Raises NotFound or Stale."""
        present = self.get(tenant, id)
        preconditions.check(present.changed, required=False)
        try:
            self._store.delete(present)
        except ConditionFailed as error:
            raise Stale("another change was faster: read it again") from error

    def cedar(self, tenant: Tenant) -> str:
        """All policies as Cedar text. Raises Unsupported when one cannot be said in Cedar."""
        from security.decisions.cedar import to_cedar  # noqa: PLC0415 - only exports need it

        stored = self._store.all(tenant)
        return to_cedar(compile_policy(one.id, one.document) for one in stored.policies)

    def compiled(self, tenant: Tenant, revision: int) -> tuple[Policy, ...]:
        """The policies of a tenant ready to decide, read anew unless they have this revision."""
        with self._lock:
            known = self._compiled.get(tenant)
        if revision == 0:
            return ()
        if known is None or known.revision != revision:
            stored = self._store.all(tenant)
            compiled = tuple(compile_policy(one.id, one.document) for one in stored.policies)
            known = _Compiled(stored.revision, compiled)
        with self._lock:
            self._compiled[tenant] = known
            self._compiled.move_to_end(tenant)
            while len(self._compiled) > MAX_TENANTS:
                self._compiled.popitem(last=False)
        return known.policies

    def _add(self, policy: StoredPolicy) -> None:
        try:
            self._store.create(policy)
        except ConditionFailed as error:
            if 0 in error.found:
                raise AlreadyExists(f"there is a policy {policy.id} in this tenant") from error
            raise TooLarge(f"a tenant may have at most {MAX_POLICIES} policies") from error


def _members(body: Json) -> dict[str, Json]:
    if not isinstance(body, dict):
        raise InvalidRequest("a policy must be a JSON object")
    return body


def _document(members: dict[str, Json]) -> PolicyDocument:
    """What is stored of a body: without the members that only answers have."""
    written = {name: value for name, value in members.items() if name not in _READ_ONLY}
    if len(dump(written).encode()) > MAX_BYTES:
        raise TooLarge(f"a policy may have at most {MAX_BYTES} bytes")
    return read_policy(written)


def _checked_id(id: Json) -> str:
    if not isinstance(id, str) or not _ID.match(id):
        raise InvalidRequest(
            "id must be 1 to 64 letters, digits, dots, dashes and underscores,"
            " the first a letter or digit"
        )
    return id
