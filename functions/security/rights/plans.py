"""Plans: how many requests a subject may make, which subjects are under which, what they used.

The policy counts requests against the plan in a subject's account (`city.policy.quotas`). A change
of a plan reaches everybody under it, and a subject's API keys have the plan of the subject.
"""

import re
import time

from city.dynamodb import MAX_TRANSACTION_TRIES, ConditionFailed, pauses
from city.errors import Contended, InvalidRequest, NotFound, Unprocessable
from city.json import Json
from city.policy import Caller
from city.policy.accounts import Account, Plan
from city.policy.grants import ANY_TENANT
from security.audit import Audit
from security.rights.delegation import is_own
from security.store.accounts import AccountStore
from security.store.keys import KeyStore
from security.store.plans import PlanStore, StoredPlan, Usage, usage_of

MAX_REQUESTS = 1_000_000_000
MAX_SECONDS = 31 * 86_400
"""The longest window: a month."""
MAX_LEASE = 1000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Plans:
    """What administrators of the platform do with plans, and what everybody sees of his own."""

    def __init__(
        self, store: PlanStore, accounts: AccountStore, keys: KeyStore, audit: Audit
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._keys = keys
        self._audit = audit

    def page(
        self, caller: Caller, limit: int, after: str | None
    ) -> tuple[list[StoredPlan], str | None]:
        """Some plans. Raises Forbidden."""
        caller.access.require_admin(None)
        return self._store.page(limit, after)

    def get(self, caller: Caller, name: str) -> StoredPlan:
        """One plan. Raises Forbidden, NotFound."""
        caller.access.require_admin(None)
        return self._find(name)

    def put(self, caller: Caller, plan: Plan) -> bool:
        """Make a plan, or change it for everybody under it; whether it is new."""
        caller.access.require_admin(None)
        seen = self._store.find(plan.name)
        if seen is None or seen.plan != plan:
            try:
                self._store.put(plan, seen)
            except ConditionFailed as failure:
                raise Contended(f"the plan {plan.name} has just changed; try again") from failure
        for subject in list(self._store.subjects(plan.name)):
            self._renew(subject, plan.name)
        self._record(caller, "plan:write", plan.name, "")
        return seen is None

    def delete(self, caller: Caller, name: str) -> None:
        """Delete a plan that nobody is under. Raises Unprocessable, NotFound."""
        caller.access.require_admin(None)
        stored = self._find(name)
        if next(self._store.subjects(name), None) is not None:
            raise Unprocessable(f"there are subjects under the plan {name}; take them out first")
        try:
            self._store.delete(stored)
        except ConditionFailed as failure:
            raise Contended(f"the plan {name} has just changed; try again") from failure
        for subject in list(self._store.subjects(name)):
            # came between the look and the deletion, after which nobody comes any more
            self._leave(subject, name)
        self._record(caller, "plan:delete", name, "")

    def subjects(
        self, caller: Caller, name: str, limit: int, after: str | None
    ) -> tuple[list[str], str | None]:
        """Some of the subjects under a plan. Raises Forbidden, NotFound."""
        caller.access.require_admin(None)
        self._find(name)
        return self._store.subjects_page(name, limit, after)

    def assign(self, caller: Caller, name: str, subject: str) -> None:
        """Put a subject and its API keys under a plan. Raises Forbidden, NotFound."""
        caller.access.require_admin(None)
        self._find(name)
        for member in self._with_keys(subject):
            self._move(member, name)
        self._record(caller, "plan:assign", name, subject)

    def withdraw(self, caller: Caller, name: str, subject: str) -> None:
        """Take a subject and its API keys out of a plan. Raises Forbidden, NotFound."""
        caller.access.require_admin(None)
        members = self._with_keys(subject)
        if _plan_name(self._accounts.get(subject).account) != name:
            raise NotFound(f"subject {subject} is not under the plan {name}")
        for member in members:
            self._leave(member, name)
        self._record(caller, "plan:withdraw", name, subject)

    def usage(
        self, caller: Caller, subject: str, plan: str | None, limit: int, after: str | None
    ) -> tuple[list[Usage], str | None]:
        """A page of a subject's counters, of one plan or all; one's own, or as administrator.

        Those of an API key are its owner's, with whose requests its own are counted.
        """
        if not is_own(caller, subject):
            caller.access.require_admin(None)
        stored = self._accounts.find(subject)
        payer = stored.account.payer if stored else ""
        page = self._store.usage(payer or subject, plan, limit, after)
        return usage_of(page.rows), page.after

    def _find(self, name: str) -> StoredPlan:
        stored = self._store.find(name)
        if stored is None:
            raise NotFound(f"there is no plan {name}")
        return stored

    def _with_keys(self, subject: str) -> list[str]:
        stored = self._accounts.get(subject)
        names = [subject, stored.twin, *self._keys.owned_by(subject)]
        return [name for name in names if name]

    def _move(self, subject: str, name: str) -> None:
        """Put one subject under a plan as the plan is now."""
        for pause in pauses(MAX_TRANSACTION_TRIES):
            stored, account = self._find(name), self._accounts.get(subject).account
            statement = self._accounts.setting_plan(account, stored.plan)
            try:
                return self._store.assign(subject, stored, _plan_name(account), statement)
            except ConditionFailed:
                time.sleep(pause)
        raise _busy(subject)

    def _renew(self, subject: str, name: str) -> None:
        """Copy a plan anew, unless the subject is not under it any more."""
        for pause in pauses(MAX_TRANSACTION_TRIES):
            stored, found = self._store.find(name), self._accounts.find(subject)
            if stored is None or found is None or _plan_name(found.account) != name:
                return None
            statement = self._accounts.setting_plan(found.account, stored.plan)
            try:
                return self._store.assign(subject, stored, name, statement)
            except ConditionFailed:
                time.sleep(pause)
        raise _busy(subject)

    def _leave(self, subject: str, name: str) -> None:
        for pause in pauses(MAX_TRANSACTION_TRIES):
            found = self._accounts.find(subject)
            if found is None or _plan_name(found.account) != name:
                return None
            statement = self._accounts.setting_plan(found.account, None)
            try:
                return self._store.withdraw(subject, name, statement)
            except ConditionFailed:
                time.sleep(pause)
        raise _busy(subject)

    def _record(self, caller: Caller, action: str, plan: str, subject: str) -> None:
        self._audit.record(
            actor=caller.subject.id,
            action=action,
            tenant=ANY_TENANT,
            target=subject or plan,
            detail={"plan": plan},
        )


def parse_plan(name: str, body: dict[str, Json]) -> Plan:
    """Read a plan: `limit` requests in `seconds`, counted `lease` at a time. Raises InvalidRequest."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest("a plan's name has 1 to 64 letters, digits, points, - and _")
    limit = _number(body, "limit", MAX_REQUESTS)
    seconds = _number(body, "seconds", MAX_SECONDS)
    lease = _number({"lease": 1} | body, "lease", MAX_LEASE)
    if lease > limit:
        raise InvalidRequest("lease must not be larger than limit")
    return Plan(name, limit, seconds, lease)


def _number(body: dict[str, Json], name: str, most: int) -> int:
    value = body.get(name)
    if type(value) is not int or not 1 <= value <= most:
        raise InvalidRequest(f"{name} must be a whole number from 1 to {most}")
    return value


def _plan_name(account: Account) -> str | None:
    return account.plan.name if account.plan else None


def _busy(subject: str) -> Contended:
    return Contended(f"subject {subject} is being changed by too many requests at once; try again")
