"""How long history is kept, by type.

| `k` | row | pk | sk | members |
|---|---|---|---|---|
| K | rule | `retention` | `{tenant}·{type}` | `days`, `by`, `at`, and `applied`, the day (YYYY-MM-DD) for which it was applied last |

The type "" is the default of the tenant. All rules are in one partition, for the schedule: a city
has hundreds at most. Request units: `get` 1 read, `rules` 1 for each started 4 KB (about 40 rules).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from city.clock import Clock
from city.dynamodb import ConditionFailed, Row
from city.keys import key, prefix, split
from city.table import IS_THERE, Change, Table
from city.tenancy import Tenant

PARTITION = "retention"

DEFAULT = ""
"""The type of the rule for types without one."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A type's history is kept for so many whole days before the present one; "": the default.

    `by` has set it at `at` (µs); `applied` is the day for which it was applied last, or "".
    """

    tenant: Tenant
    type: str
    days: int
    by: str
    at: int
    applied: str = ""


class RetentionStore:
    """The rules in one table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def get(self, tenant: Tenant, type: str) -> Rule | None:
        """The rule of exactly this type."""
        row = self._table.get(PARTITION, key(tenant, type))
        return _rule(row) if row else None

    def put(self, tenant: Tenant, type: str, days: int, by: str) -> bool:
        """Set a rule, to be applied anew; whether there was none."""
        change = Change(
            "SET k = :kind, days = :days, #by = :by, #at = :at REMOVE applied",
            {":kind": "K", ":days": days, ":by": by, ":at": self._clock()},
            {"#by": "by", "#at": "at"},
        )
        is_new = self.get(tenant, type) is None
        self._table.update(PARTITION, key(tenant, type), change)
        return is_new

    def delete(self, tenant: Tenant, type: str) -> bool:
        """Remove a rule; whether there was one."""
        return self._table.delete(PARTITION, key(tenant, type)) is not None

    def of_tenant(self, tenant: Tenant) -> list[Rule]:
        """The rules of a tenant, by type."""
        return [_rule(row) for row in self._table.every(PARTITION, prefix(tenant))]

    def rules(self) -> Iterator[Rule]:
        """All rules of all tenants."""
        return map(_rule, self._table.every(PARTITION))

    def note_applied(self, rule: Rule, day: str) -> None:
        """Remember the day for which a rule was applied."""
        change = Change("SET applied = :day", {":day": day})
        try:
            self._table.update(PARTITION, key(rule.tenant, rule.type), change, IS_THERE)
        except ConditionFailed:
            return


def _rule(row: Row) -> Rule:
    tenant, type = split(str(row["sk"]))
    days, at = (cast("int", row[name]) for name in ("days", "at"))
    return Rule(Tenant(tenant), type, days, str(row["by"]), at, str(row.get("applied", "")))
