"""The audit trail: who did what, who was refused what; kept by tenant and day in the security table.

| row   | pk                     | sk               |
|-------|------------------------|------------------|
| entry | `audit·{tenant}·{day}` | `{time}·{token}` |

`{tenant}` is "-" for what concerns the whole platform, `{day}` a date in UTC, `{time}` 16 digits of
microseconds. An entry names subjects and grants by id; it holds no secret, no token, no body and no
name or address of a person. DynamoDB deletes it `days` after it was written (`exp`).

An entry costs 1 write request unit. The security API adds the changes that administrators make.
Every HTTP function adds decisions: those that refuse a known caller, those of operations that it
always keeps, and all others if the setting `audit_decisions` says so. A caller who is refused all the
time must not become expensive: a
process keeps at most `PER_MINUTE` refusals a minute, and its log has all of them in any case.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Literal, Self

from city import clock
from city.clock import SECOND, Clock
from city.dynamodb import Row, to_item, translated
from city.errors import Unavailable
from city.keys import key
from city.policy.grants import ANY_TENANT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from city.settings import AccessSettings

PLATFORM = "-"
"""Stands for the tenant where an entry concerns no single one."""

ROW_KIND = "U"
PER_MINUTE = 60
DAY = 86_400 * SECOND

Kept = Literal["refused", "all"]


def audit_partition(tenant: str, at: int) -> str:
    """The partition with the entries of a tenant on the day of a moment (microseconds)."""
    day = datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%d")
    return key("audit", PLATFORM if tenant == ANY_TENANT else tenant, day)


def audit_row(
    *,
    at: int,
    days: int,
    actor: str,
    action: str,
    tenant: str,
    target: str,
    outcome: str,
    detail: Mapping[str, str],
) -> Row:
    """An entry as it is stored; `at` in microseconds, `days` is how long it is kept."""
    row: Row = {
        "pk": audit_partition(tenant, at),
        "sk": key(f"{at:016d}", token_hex(4)),
        "k": ROW_KIND,
        "exp": (at + days * DAY) // SECOND,
        "actor": actor,
        "action": action,
        "target": target,
        "outcome": outcome,
    }
    if detail:
        row["detail"] = dict(detail)
    return row


class DecisionAudit:
    """Keeps decisions about callers who have shown who they are.

    `action` is the method and the route's template ("POST /v2/entities"), never the path itself;
    `always` are those that are kept also when they are let through.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        kept: Kept,
        days: int,
        always: Collection[str] = (),
        clock: Clock = clock.now,
    ) -> None:
        self._always = always
        self._client = client
        self._table = table
        self._kept = kept
        self._days = days
        self._clock = clock
        self._minute = self._count = 0

    @classmethod
    def of(
        cls,
        settings: "AccessSettings",
        client: "DynamoDBClient",
        always: Collection[str] = (),
    ) -> Self:
        """The audit of a function: its settings, the client of DynamoDB, and what is always kept."""
        kept, days = settings.audit_decisions, settings.audit_days
        return cls(client, settings.security_table, kept=kept, days=days, always=always)

    def refused(self, *, actor: str, action: str, tenant: str, reason: str) -> bool:
        """Keep a refusal, if this minute has room for it; whether it was kept.

        `reason` names the kind of refusal ("MissingScope").
        """
        if not self._has_room():
            return False
        return self._keep(actor, action, tenant, "refused", {"reason": reason})

    def allowed(self, *, actor: str, action: str, tenant: str) -> bool:
        """Keep what was let through, if it is always kept or all is; whether it was kept."""
        is_kept = self._kept == "all" or action in self._always
        return is_kept and self._keep(actor, action, tenant, "allowed", {})

    def _has_room(self) -> bool:
        minute = self._clock() // (60 * SECOND)
        if minute != self._minute:
            self._minute, self._count = minute, 0
        self._count += 1
        return self._count <= PER_MINUTE

    def _keep(
        self, actor: str, action: str, tenant: str, outcome: str, detail: Mapping[str, str]
    ) -> bool:
        row = audit_row(
            at=self._clock(),
            days=self._days,
            actor=actor,
            action=action,
            tenant=tenant,
            target="",
            outcome=outcome,
            detail=detail,
        )
        try:
            with translated():
                self._client.put_item(TableName=self._table, Item=to_item(row))
        except Unavailable:
            # the answer does not depend on it, and the request's log line says the same
            return False
        return True
