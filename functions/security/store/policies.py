"""Policies of the tenants, and one row for each tenant that tells when any of them changed.

| row      | pk                  | sk           | content                                        |
|----------|---------------------|--------------|------------------------------------------------|
| revision | `policies·{tenant}` | `·revision`  | `rev`: number of changes; `n`: of policies     |
| policy   | `policies·{tenant}` | `{id}`       | `d`: the document as JSON, `at`, `by` (k = P)  |

Who knows the revision needs to read no policy. The revision sorts before the policies, so that a
reading of all never pairs a revision with older policies. Request units, for policies of 1 KB:

- create, replace, delete: one transaction of two rows, 4 write
- revision or one policy: 1 read; all of a tenant: 1 read per 4 KB
"""

from dataclasses import dataclass
from typing import NamedTuple, cast

from city.dynamodb import Row
from city.json import dump, parse
from city.keys import key
from city.table import IS_NEW, Change, Condition, Statement, Table
from city.tenancy import Tenant
from models.authzen.policy import PolicyDocument

KIND = "P"
MAX_POLICIES = 500
"""Policies of one tenant; a decision may have to look at all of them."""

FIRST_ID = "0"
"""Sorts before the id of every policy and after the revision."""


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy: what was written, when (microseconds; also its version) and by whom."""

    tenant: Tenant
    id: str
    document: PolicyDocument
    changed: int
    author: str


class PolicySet(NamedTuple):
    """All policies of a tenant at a revision; revision 0 has none."""

    revision: int
    policies: list[StoredPolicy]


class PolicyStore:
    """The policies in the security table. Writes raise ConditionFailed; see `Table`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, tenant: Tenant, id: str) -> StoredPolicy | None:
        """One policy."""
        row = self._table.get(_partition(tenant), id)
        return _policy_of(tenant, row) if row else None

    def some(
        self, tenant: Tenant, limit: int, after: str | None
    ) -> tuple[list[StoredPolicy], str | None]:
        """A page of the policies in the order of their ids, and the id to continue after."""
        page = self._table.query(
            _partition(tenant), between=(FIRST_ID, "~"), limit=limit, after=after
        )
        return [_policy_of(tenant, row) for row in page.rows], page.after

    def all(self, tenant: Tenant) -> PolicySet:
        """All policies and their revision."""
        rows = list(self._table.every(_partition(tenant)))
        revision = next((revision_of(row) for row in rows if row["sk"] == _REVISION), 0)
        policies = [_policy_of(tenant, row) for row in rows if row.get("k") == KIND]
        return PolicySet(revision, policies)

    def create(self, policy: StoredPolicy) -> None:
        """Add a policy. ConditionFailed tells at 0 that the id is taken, at 1 that all are."""
        room = Condition("attribute_not_exists(n) OR n < :max", {":max": MAX_POLICIES})
        self._table.transact(
            [
                self._table.putting(_policy_row(policy), IS_NEW),
                self._counting(policy.tenant, 1, room),
            ]
        )

    def replace(self, present: StoredPolicy, policy: StoredPolicy) -> None:
        """Write a policy over the one that is there, if it is the one given."""
        self._table.transact(
            [
                self._table.putting(_policy_row(policy), _is(present)),
                self._counting(policy.tenant, 0),
            ]
        )

    def delete(self, present: StoredPolicy) -> None:
        """Delete a policy, if it is the one given."""
        pk = _partition(present.tenant)
        self._table.transact(
            [
                self._table.deleting(pk, present.id, _is(present)),
                self._counting(present.tenant, -1),
            ]
        )

    def _counting(self, tenant: Tenant, more: int, condition: Condition | None = None) -> Statement:
        pk, sk = revision_key(tenant)
        change = Change("ADD rev :one, n :more", {":one": 1, ":more": more})
        return self._table.updating(pk, sk, change, condition or Condition(""))


_REVISION = key("", "revision")


def revision_key(tenant: Tenant) -> tuple[str, str]:
    """The row that tells when a policy of the tenant changed."""
    return _partition(tenant), _REVISION


def revision_of(row: Row | None) -> int:
    """The revision a row tells; 0 without one."""
    return cast("int", row["rev"]) if row else 0


def _partition(tenant: Tenant) -> str:
    return key("policies", tenant)


def _is(policy: StoredPolicy) -> Condition:
    return Condition("#at = :at", {":at": policy.changed}, {"#at": "at"})


def _policy_row(policy: StoredPolicy) -> Row:
    document = policy.document.model_dump(by_alias=True, exclude_unset=True, mode="json")
    return {
        "pk": _partition(policy.tenant),
        "sk": policy.id,
        "k": KIND,
        "d": dump(document),
        "at": policy.changed,
        "by": policy.author,
    }


def _policy_of(tenant: Tenant, row: Row) -> StoredPolicy:
    return StoredPolicy(
        tenant=tenant,
        id=cast("str", row["sk"]),
        document=PolicyDocument.model_validate(parse(cast("str", row["d"]))),
        changed=cast("int", row["at"]),
        author=cast("str", row["by"]),
    )
