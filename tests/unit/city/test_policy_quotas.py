"""Quotas: never more requests than the plan allows, however many processes count them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from city.clock import SECOND
from city.dynamodb import from_item, to_item
from city.errors import InvalidRequest, Unavailable
from city.http import headers_of, status_of
from city.policy.accounts import Account, Plan
from city.policy.quotas import MAX_TRACKED, RETENTION, QuotaExceeded, Quotas, usage_key
from tests.budgets.meter import metered
from tests.builders import FixedClock
from tests.conftest import create_security_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

START = 1_790_000_040
"""The start of a minute, in seconds."""


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START * SECOND)


@pytest.fixture
def process(
    dynamodb: "DynamoDBClient", security_table: str, clock: FixedClock
) -> Callable[[], Quotas]:
    """Makes the quotas of one more process."""
    return lambda: Quotas(dynamodb, security_table, clock)


def bound(limit: int, seconds: int = 60, lease: int = 1, *, subject: str = "u") -> Account:
    return Account(subject, "user", plan=Plan("free", limit, seconds, lease))


def spend(quotas: Quotas, account: Account, times: int) -> int:
    """How many of so many requests are let through."""
    allowed = 0
    for _ in range(times):
        try:
            quotas.spend(account)
        except QuotaExceeded:
            continue
        allowed += 1
    return allowed


def counted(dynamodb: "DynamoDBClient", table: str, window: int = START) -> dict[str, Any]:
    pk, sk = usage_key("u", "free", window)
    key = to_item({"pk": pk, "sk": sk})
    return from_item(dynamodb.get_item(TableName=table, Key=key).get("Item", {}))


def test_exactly_the_limit_is_let_through(process: Callable[[], Quotas]) -> None:
    assert spend(process(), bound(5), 8) == 5


def test_next_window_starts_anew(process: Callable[[], Quotas], clock: FixedClock) -> None:
    quotas = process()
    spend(quotas, bound(5), 6)
    clock.now += 60 * SECOND - 1
    assert spend(quotas, bound(5), 1) == 0
    clock.now += 1
    assert spend(quotas, bound(5), 6) == 5


def test_windows_are_aligned(process: Callable[[], Quotas], clock: FixedClock) -> None:
    clock.now += 59 * SECOND
    with pytest.raises(QuotaExceeded) as caught:
        spend_all(process(), bound(1))
    assert caught.value.retry_after == 1


def spend_all(quotas: Quotas, account: Account) -> None:
    while True:
        quotas.spend(account)


def test_account_without_a_plan_costs_nothing(
    process: Callable[[], Quotas], dynamodb: "DynamoDBClient"
) -> None:
    quotas = process()
    with metered(dynamodb) as meter:
        assert spend(quotas, Account("u", "user"), 100) == 100
    assert not meter.calls


def test_subjects_and_plans_are_counted_apart(process: Callable[[], Quotas]) -> None:
    quotas = process()
    assert spend(quotas, bound(2), 3) == 2
    assert spend(quotas, bound(2, subject="v"), 3) == 2
    assert spend(quotas, Account("u", "user", plan=Plan("paid", 4, 60)), 9) == 4


def test_changed_plan_counts_at_once(process: Callable[[], Quotas]) -> None:
    quotas = process()
    assert spend(quotas, bound(2), 3) == 2
    assert spend(quotas, bound(5), 9) == 3
    assert spend(quotas, bound(2), 1) == 0


# Processes


@pytest.mark.parametrize("lease", [1, 3, 10, 100])
def test_processes_together_never_pass_the_limit(
    process: Callable[[], Quotas], dynamodb: "DynamoDBClient", security_table: str, lease: int
) -> None:
    account = bound(40, lease=lease)
    processes = [process() for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        allowed = sum(threads.map(lambda one: spend(one, account, 12), processes))
    left = sum(one._leases["u"].left for one in processes)
    assert counted(dynamodb, security_table)["used"] == allowed + left == 40


def test_threads_of_one_process_share_its_lease(process: Callable[[], Quotas]) -> None:
    quotas = process()
    with ThreadPoolExecutor(6) as threads:
        allowed = sum(threads.map(lambda _: spend(quotas, bound(50, lease=7), 20), range(6)))
    assert allowed == 50


@pytest.mark.dynamodb_local
def test_concurrent_processes_on_a_real_table(
    dynamodb_local: "DynamoDBClient", clock: FixedClock
) -> None:
    table = create_security_table(dynamodb_local)
    for lease in (1, 7):
        account = Account("u", "user", plan=Plan(f"lease-{lease}", 100, 60, lease))
        processes = [Quotas(dynamodb_local, table, clock) for _ in range(8)]
        with ThreadPoolExecutor(8) as threads:
            allowed = sum(threads.map(lambda one, a=account: spend(one, a, 30), processes))
        left = sum(one._leases["u"].left for one in processes)
        assert allowed + left == 100
        assert allowed >= 100 - 8 * (lease - 1)


# Cost


@pytest.mark.parametrize(("lease", "writes"), [(1, 20), (5, 4), (20, 1), (7, 3)])
def test_lease_saves_writes(
    process: Callable[[], Quotas], dynamodb: "DynamoDBClient", lease: int, writes: int
) -> None:
    quotas = process()
    with metered(dynamodb) as meter:
        assert spend(quotas, bound(1000, lease=lease), 20) == 20
    assert meter.calls == {"UpdateItem": writes}


def test_flood_beyond_the_limit_costs_no_writes(
    process: Callable[[], Quotas], dynamodb: "DynamoDBClient"
) -> None:
    quotas = process()
    spend(quotas, bound(3), 4)
    with metered(dynamodb) as meter:
        assert spend(quotas, bound(3), 1000) == 0
    assert not meter.calls


def test_memory_for_leases_is_bounded(process: Callable[[], Quotas]) -> None:
    quotas = process()
    for number in range(MAX_TRACKED + 5):
        quotas._lease(f"u{number}", Plan("free", 5, 60), START)
    assert len(quotas._leases) == MAX_TRACKED


# What is kept, and what is answered


def test_counter_says_enough_to_bill_and_expires(
    process: Callable[[], Quotas], dynamodb: "DynamoDBClient", security_table: str
) -> None:
    spend(process(), bound(5), 3)
    row = counted(dynamodb, security_table)
    assert (row["used"], row["limit"], row["seconds"]) == (3, 5, 60)
    assert row["exp"] == START + 60 + RETENTION
    assert row["pk"] == "usage\x1fu"
    assert row["sk"] == f"free\x1f0{START}"


@pytest.mark.parametrize("name", ["a\x1fb", "\x1f"])
def test_plan_cannot_reach_into_another_key(name: str) -> None:
    with pytest.raises(InvalidRequest):
        usage_key("u", name, START)


def test_refusal_is_429_and_says_when_to_come_back(
    process: Callable[[], Quotas], clock: FixedClock
) -> None:
    clock.now += 15 * SECOND
    with pytest.raises(QuotaExceeded, match="the plan free allows 1 requests in 60 s") as caught:
        spend_all(process(), bound(1))
    assert status_of(caught.value) == 429
    assert headers_of(caught.value) == {
        "Retry-After": "45",
        "RateLimit-Policy": '"plan";q=1;w=60',
        "RateLimit": '"plan";r=0;t=45',
    }


def test_throttled_counter_lets_nobody_pass(
    process: Callable[[], Quotas], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Throttled:
        def update_item(self, **_: Any) -> None:
            error: Any = {"Error": {"Code": "ThrottlingException", "Message": ""}}
            raise ClientError(error, "UpdateItem")

    client: Any = Throttled()
    with pytest.raises(Unavailable):
        Quotas(client, "security", FixedClock()).spend(bound(5))
