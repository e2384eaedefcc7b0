"""How long history is kept: rules by type, and their application day by day.

A rule of N days keeps the N whole UTC days before the present one, by the time of observation. The
tenant's default ("") is for the types without a rule; without a default they are kept for ever.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from city.clock import Clock
from city.errors import InvalidRequest, NotFound
from city.policy import Caller
from city.tenancy import Tenant
from history.days import day_of
from history.keeping.compaction import Compaction
from history.keeping.months import Months
from history.store.merges import Merges
from history.store.retention import DEFAULT, RetentionStore, Rule

MAX_DAYS = 36_525
"""A century."""


class Retention:
    """The rules, as administrators of a tenant see and set them. Raises Forbidden for others."""

    def __init__(self, store: RetentionStore) -> None:
        self._store = store

    def rules(self, caller: Caller, tenant: Tenant) -> list[Rule]:
        """All rules of a tenant, by type."""
        caller.access.require_admin(tenant)
        return self._store.of_tenant(tenant)

    def get(self, caller: Caller, tenant: Tenant, type: str) -> Rule:
        """The rule of exactly this type. Raises NotFound."""
        caller.access.require_admin(tenant)
        rule = self._store.get(tenant, type)
        if rule is None:
            raise NotFound(_missing(type))
        return rule

    def put(self, caller: Caller, tenant: Tenant, type: str, days: object) -> tuple[Rule, bool]:
        """Keep a type for so many days; the rule, and whether it is new.

        What is older goes with the next schedule, and does not come back when the rule does.
        """
        caller.access.require_admin(tenant)
        if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MAX_DAYS:
            raise InvalidRequest(f"days must be a whole number from 1 to {MAX_DAYS}")
        is_new = self._store.put(tenant, type, days, caller.subject.id)
        return self.get(caller, tenant, type), is_new

    def delete(self, caller: Caller, tenant: Tenant, type: str) -> None:
        """Remove a rule. Raises NotFound."""
        caller.access.require_admin(tenant)
        if not self._store.delete(tenant, type):
            raise NotFound(_missing(type))


@dataclass(frozen=True)
class Expiry:
    """Drops what is older than the rules say; one per process."""

    store: RetentionStore
    merges: Merges
    compaction: Compaction
    months: Months
    clock: Clock

    def apply(self, tenant: Tenant, type: str) -> None:
        """Drop the days and months of a type from before it is kept.

        Raises Replaced when somebody is at work on one of them.
        """
        rule = self.store.get(tenant, type) or self.store.get(tenant, DEFAULT)
        if rule is None:
            return
        first = first_kept(rule, day_of(self.clock()))
        for name in self.merges.months(tenant, type):
            if date.fromisoformat(f"{name}-01") < first:
                self.months.drop(tenant, type, name)
        for day in self.merges.days(tenant, type, first):
            self.compaction.drop(tenant, type, day)


def first_kept(rule: Rule, today: date) -> date:
    """The first day that a rule keeps."""
    return today - timedelta(days=rule.days)


def _missing(type: str) -> str:
    return f"there is no rule for the type {type}" if type else "there is no default rule"
