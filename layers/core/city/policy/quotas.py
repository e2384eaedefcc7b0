"""Quotas: how many requests a subject may make under its plan, counted in the security table.

Windows are fixed: `[n * seconds, (n + 1) * seconds)` since the epoch. Each has one counter, which a
process raises by a lease of `plan.lease` requests at once and then spends from memory. The counter
never passes the limit, whoever else writes, so no more requests than that are ever let through; a
lease above 1 is cheaper, and what is left of one when a process ends counts as spent. The requests
of API keys count with their owner's, or each new key would be a new quota.

| operation | read | write |
|---|---|---|
| spend, without a plan | | none |
| spend | | 1 per `lease` requests |
| spend, at the limit | | 1, then none until the window ends |
"""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, cast

from city.clock import SECOND, Clock, now
from city.dynamodb import ConditionFailed, to_item, write
from city.errors import CityError
from city.keys import key
from city.policy.accounts import Account, Plan

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KIND = "Q"
RETENTION = 400 * 86_400
"""Seconds a counter is kept after its window, to bill and to settle disputes."""
MAX_TRACKED = 2048
"""Subjects whose leases a process remembers."""


class QuotaExceeded(CityError):
    """The plan allows no more requests in this window; `retry_after` seconds remain of it."""

    def __init__(self, plan: Plan, retry_after: int) -> None:
        super().__init__(
            f"the plan {plan.name} allows {plan.limit} requests in {plan.seconds} s; "
            f"try again in {retry_after} s"
        )
        self.plan = plan
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        """Retry-After, and the RateLimit fields of the IETF's draft for HTTP."""
        name = '"plan"'
        return {
            "Retry-After": str(self.retry_after),
            "RateLimit-Policy": f"{name};q={self.plan.limit};w={self.plan.seconds}",
            "RateLimit": f"{name};r=0;t={self.retry_after}",
        }


@dataclass
class _Lease:
    """What a process may still spend; `left` 0 with `is_last` means that nothing is to be had."""

    plan: Plan
    window: int
    left: int = 0
    is_last: bool = False


class Quotas:
    """Counts requests against plans."""

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock = now) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._leases: OrderedDict[str, _Lease] = OrderedDict()
        self._lock = Lock()

    def spend(self, account: Account) -> None:
        """Count one request. Raises QuotaExceeded, or Unavailable when it cannot be counted."""
        plan = account.plan
        if plan is None:
            return
        subject, seconds = account.payer or account.subject, self._clock() // SECOND
        window = seconds - seconds % plan.seconds
        with self._lock:
            lease = self._lease(subject, plan, window)
            if lease.left == 0 and not lease.is_last:
                self._extend(subject, lease)
            if lease.left == 0:
                raise QuotaExceeded(plan, window + plan.seconds - seconds)
            lease.left -= 1

    def _lease(self, subject: str, plan: Plan, window: int) -> _Lease:
        lease = self._leases.get(subject)
        if lease is None or lease.plan != plan or lease.window != window:
            lease = self._leases[subject] = _Lease(plan, window)
        self._leases.move_to_end(subject)
        while len(self._leases) > MAX_TRACKED:
            self._leases.popitem(last=False)
        return lease

    def _extend(self, subject: str, lease: _Lease) -> None:
        """Take as many requests as the plan leases, or as many as are left."""
        wanted = min(lease.plan.lease, lease.plan.limit)
        while wanted > 0:
            try:
                self._take(subject, lease, wanted)
            except ConditionFailed as failure:
                row = failure.found[0] or {}
                wanted = min(wanted, lease.plan.limit - cast("int", row.get("used", 0)))
            else:
                lease.left = wanted
                return
        lease.is_last = True

    def _take(self, subject: str, lease: _Lease, wanted: int) -> None:
        plan = lease.plan
        pk, sk = usage_key(subject, plan.name, lease.window)
        write(
            self._client.update_item,
            TableName=self._table,
            Key=to_item({"pk": pk, "sk": sk}),
            UpdateExpression=(
                "ADD used :wanted SET k = :kind, #limit = :limit, seconds = :seconds, #exp = :exp"
            ),
            ConditionExpression="attribute_not_exists(used) OR used <= :room",
            ExpressionAttributeNames={"#limit": "limit", "#exp": "exp"},
            ExpressionAttributeValues=to_item(
                {
                    ":wanted": wanted,
                    ":room": plan.limit - wanted,
                    ":kind": KIND,
                    ":limit": plan.limit,
                    ":seconds": plan.seconds,
                    ":exp": lease.window + plan.seconds + RETENTION,
                }
            ),
        )


def usage_key(subject: str, plan: str, window: int) -> tuple[str, str]:
    """Partition and sort key of a counter; windows (seconds since the epoch) sort by time."""
    return key("usage", subject), key(plan, f"{window:011d}")
