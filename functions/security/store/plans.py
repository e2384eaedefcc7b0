"""Plans, who is under them, and how much was used.

| row        | pk                | sk                 | content                                     |
|------------|-------------------|--------------------|---------------------------------------------|
| plan       | `plans`           | `{name}`           | `limit`, `seconds`, `lease`, `v` (k = P)    |
| assignment | `plan·{name}`     | `subject·{id}`     |                                             |
| usage      | `usage·{subject}` | `{plan}·{window}`  | `used`; see `city.policy.quotas`            |

The account of a subject has a copy of its plan. An assignment is written together with that copy,
and only while the plan is in the version (`v`) that was copied: so a change of the plan, which
raises the version first, finds everybody who has the plan before it.

Write units: a plan 1; an assignment 4 to 8, more under another plan before. Read units: 1 for each
page of a list.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from city.dynamodb import Row
from city.keys import key, prefix, split
from city.policy.accounts import Plan
from city.table import IS_NEW, Condition, Page, Statement, Table

ROW_KIND = "P"
_PLANS = key("plans")


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan in one version."""

    plan: Plan
    version: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Requests counted under a plan in the window that starts at `window` (seconds)."""

    plan: str
    window: int
    seconds: int
    limit: int
    used: int


class PlanStore:
    """Reads and writes plans; safe for threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, name: str) -> StoredPlan | None:
        """A plan, strongly consistent."""
        row = self._table.get(_PLANS, key(name))
        return _stored(row) if row else None

    def page(self, limit: int, after: str | None) -> tuple[list[StoredPlan], str | None]:
        """Some plans in the order of their names, and where the next page begins."""
        page = self._table.query(_PLANS, limit=limit, after=after)
        return [_stored(row) for row in page.rows], page.after

    def put(self, plan: Plan, seen: StoredPlan | None) -> None:
        """Write a plan. Raises ConditionFailed when it is not in the version `seen` any more."""
        row: Row = {"pk": _PLANS, "sk": key(plan.name), "k": ROW_KIND}
        row |= {"limit": plan.limit, "seconds": plan.seconds, "lease": plan.lease}
        row["v"] = seen.version + 1 if seen else 1
        self._table.put(row, _in_version(seen) if seen else IS_NEW)

    def delete(self, seen: StoredPlan) -> None:
        """Delete a plan. Raises ConditionFailed when it is not in this version any more."""
        self._table.delete(_PLANS, key(seen.plan.name), _in_version(seen))

    def subjects(self, name: str) -> Iterator[str]:
        """Everybody under a plan."""
        rows = self._table.every(key("plan", name), prefix("subject"))
        return (split(str(row["sk"]))[1] for row in rows)

    def subjects_page(
        self, name: str, limit: int, after: str | None
    ) -> tuple[list[str], str | None]:
        """Some of the subjects under a plan, and where the next page begins."""
        page = self._table.query(key("plan", name), prefix("subject"), limit=limit, after=after)
        return [split(str(row["sk"]))[1] for row in page.rows], page.after

    def assign(
        self, subject: str, stored: StoredPlan, before: str | None, account: Statement
    ) -> None:
        """Put a subject under a plan; `account` is the statement that changes its account.

        Raises ConditionFailed when the plan or the account has changed.
        """
        assignment: Row = {"pk": key("plan", stored.plan.name), "sk": key("subject", subject)}
        statements = [
            self._table.checking(_PLANS, key(stored.plan.name), _in_version(stored)),
            self._table.putting(assignment),
            account,
        ]
        if before not in (None, stored.plan.name):
            statements.append(self._leaving(subject, str(before)))
        self._table.transact(statements)

    def withdraw(self, subject: str, name: str, account: Statement) -> None:
        """Take a subject out of a plan. Raises ConditionFailed when the account has changed."""
        self._table.transact([self._leaving(subject, name), account])

    def usage(self, subject: str, plan: str | None, limit: int, after: str | None) -> Page:
        """A page of counters, the newest window of each plan last."""
        start = "" if plan is None else prefix(plan)
        return self._table.query(key("usage", subject), start, limit=limit, after=after)

    def _leaving(self, subject: str, name: str) -> Statement:
        return self._table.deleting(key("plan", name), key("subject", subject))


def usage_of(rows: Sequence[Row]) -> list[Usage]:
    """What the rows of a page of counters say."""
    return [_usage(row) for row in rows]


def _usage(row: Row) -> Usage:
    plan, window = split(str(row["sk"]))
    seconds, limit, used = (cast("int", row[name]) for name in ("seconds", "limit", "used"))
    return Usage(plan, int(window), seconds, limit, used)


def _in_version(stored: StoredPlan) -> Condition:
    return Condition("v = :v", {":v": stored.version})


def _stored(row: Row) -> StoredPlan:
    limit, seconds, lease, version = (
        cast("int", row[name]) for name in ("limit", "seconds", "lease", "v")
    )
    return StoredPlan(Plan(split(str(row["sk"]))[0], limit, seconds, lease), version)
