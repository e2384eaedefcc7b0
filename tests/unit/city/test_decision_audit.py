"""The audit of decisions: what is kept of what was decided about known callers."""

import asyncio
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import EndpointConnectionError
from starlette.types import Receive, Scope, Send

from city.clock import SECOND
from city.http import Correlated
from city.policy.audit import DAY, PER_MINUTE, DecisionAudit, audit_partition
from city.table import Table
from security.audit import Audit, Wanted
from security.store.audit import AuditStore, Entry

NOON = 1_800_000_000 * SECOND


class Clock:
    now = NOON

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def decisions(dynamodb: Any, table: str, clock: Clock, kept: Any = "refused") -> DecisionAudit:
    return DecisionAudit(dynamodb, table, kept=kept, days=400, clock=clock)


def entries(dynamodb: Any, table: str, clock: Clock, tenant: str = "") -> list[Entry]:
    trail = Audit(AuditStore(Table(dynamodb, table, clock)), 400, clock)
    return trail.find(Wanted(tenant, 0, clock()), 1000, None)[0]


def test_refusal_is_kept(dynamodb: Any, security_table: str, clock: Clock) -> None:
    audit = decisions(dynamodb, security_table, clock)
    assert audit.refused(actor="u", action="GET /v2/entities", tenant="city", reason="Forbidden")
    [entry] = entries(dynamodb, security_table, clock, "city")
    assert (entry.actor, entry.action, entry.outcome) == ("u", "GET /v2/entities", "refused")
    assert (entry.at, entry.detail) == (NOON, {"reason": "Forbidden"})


def test_at_most_sixty_refusals_a_minute_are_kept(
    dynamodb: Any, security_table: str, clock: Clock
) -> None:
    audit = decisions(dynamodb, security_table, clock)

    def kept() -> int:
        refusals = range(PER_MINUTE + 40)
        return sum(
            audit.refused(actor="u", action="a", tenant="", reason=str(one)) for one in refusals
        )

    assert kept() == PER_MINUTE
    clock.now += 60 * SECOND
    assert kept() == PER_MINUTE
    assert len(entries(dynamodb, security_table, clock)) == 2 * PER_MINUTE


@pytest.mark.parametrize(("kept", "count"), [("refused", 0), ("all", 1)])
def test_what_was_allowed_is_kept_only_where_all_decisions_are(
    dynamodb: Any, security_table: str, clock: Clock, kept: str, count: int
) -> None:
    audit = decisions(dynamodb, security_table, clock, kept)
    audit.allowed(actor="u", action="a", tenant="")
    assert [one.outcome for one in entries(dynamodb, security_table, clock)] == ["allowed"] * count


def test_entry_is_deleted_when_its_days_are_over(
    dynamodb: Any, security_table: str, clock: Clock
) -> None:
    decisions(dynamodb, security_table, clock).refused(actor="u", action="a", tenant="", reason="r")
    [row] = dynamodb.scan(TableName=security_table)["Items"]
    assert int(row["exp"]["N"]) * SECOND == NOON + 400 * DAY


def test_store_that_is_away_changes_no_answer(clock: Clock) -> None:
    class Away:
        def put_item(self, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    audit = DecisionAudit(Away(), "t", kept="all", days=1, clock=clock)  # type: ignore[arg-type] # all it calls
    assert not audit.refused(actor="u", action="a", tenant="", reason="r")


@pytest.mark.parametrize("tenant", ["", "city", "-"])
def test_partitions_of_tenants_and_days_never_meet(tenant: str) -> None:
    others = {
        audit_partition(other, NOON) for other in ("", "city", "-", "city2") if other != tenant
    }
    assert audit_partition(tenant, NOON) not in others
    assert audit_partition(tenant, NOON + DAY) != audit_partition(tenant, NOON)


def answered(
    audit: DecisionAudit, status: int, headers: Any = (), *, subject: str | None = "u"
) -> None:
    """A request whose caller is known, or not, and whose answer has a status."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if subject:
            scope["audit"] |= {"subject": subject, "refusal": "Forbidden"}
        scope["route"] = type("Route", (), {"path": "/v2/entities/{entity_id}"})
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def drop(message: Any) -> None:
        return None

    scope = {"type": "http", "method": "GET", "path": "/v2/entities/secret", "headers": headers}
    log = Logger(service=uuid4().hex, stream=StringIO())
    asyncio.run(Correlated(app, log, audit)(scope, drop, drop))  # type: ignore[arg-type] # never called


def test_answer_403_leaves_an_entry_with_route_and_tenant_but_not_the_path(
    dynamodb: Any, security_table: str, clock: Clock
) -> None:
    audit = decisions(dynamodb, security_table, clock)
    answered(audit, 403, [(b"fiware-service", b"City")])
    [entry] = entries(dynamodb, security_table, clock, "city")
    assert (entry.action, entry.detail) == (
        "GET /v2/entities/{entity_id}",
        {"reason": "Forbidden"},
    )
    assert "secret" not in str(dynamodb.scan(TableName=security_table))


@pytest.mark.parametrize("status", [200, 400, 401, 404, 500])
def test_other_answers_leave_no_entry(
    dynamodb: Any, security_table: str, clock: Clock, status: int
) -> None:
    answered(decisions(dynamodb, security_table, clock), status)
    assert entries(dynamodb, security_table, clock) == []


@pytest.mark.parametrize("subject", [None, "public"])
def test_refusal_of_a_caller_nobody_knows_is_not_kept(
    dynamodb: Any, security_table: str, clock: Clock, subject: str | None
) -> None:
    answered(decisions(dynamodb, security_table, clock, "all"), 403, subject=subject)
    assert entries(dynamodb, security_table, clock) == []


def test_refusal_under_a_name_that_is_no_tenant_is_kept_without_it(
    dynamodb: Any, security_table: str, clock: Clock
) -> None:
    answered(decisions(dynamodb, security_table, clock), 403, [(b"fiware-service", b"a\x1fb")])
    assert len(entries(dynamodb, security_table, clock)) == 1
