"""How long a decision lasts: a grant that comes, goes or differs from the one asked before."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from city import aws
from city.clock import SECOND
from city.policy.accounts import Accounts
from tests.accounts import grant, put_account
from tests.builders import START, FixedClock
from tests.integration.frozen import FrozenApi, token
from tests.integration.world import populated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

GRANT_SECONDS = 30
ENTITIES = "/v2/entities?options=keyValues,count"

Read = Callable[..., int]


@pytest.fixture(scope="module")
def table() -> Iterator[str]:
    with populated() as name:
        yield name


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def hold(dynamodb: "DynamoDBClient", security_table: str) -> Callable[..., None]:
    """Give a subject these grants and no others."""

    def put(subject: str, *grants: Any, **members: Any) -> None:
        put_account(dynamodb, security_table, subject, grants=grants, **members)

    return put


@pytest.fixture(params=[GRANT_SECONDS, 0])
def seconds(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def api(table: str, security_table: str, clock: FixedClock, seconds: int) -> Iterator[FrozenApi]:
    dynamodb = aws.client("dynamodb")
    accounts = Accounts(dynamodb, security_table, seconds, clock)
    api = FrozenApi(dynamodb, table, accounts.find, clock)
    yield api
    api.close()


@pytest.fixture
def read(api: FrozenApi) -> Read:
    """How many entities a subject sees, or the status of the refusal."""

    def entities(subject: str, tenant: str = "a", url: str = ENTITIES) -> int:
        answer = api("GET", url, [*token(subject), ("fiware-service", tenant)])
        total = answer.headers.get("fiware-total-count")
        return answer.status if total is None else int(total)

    return entities


def lasting(clock: FixedClock, still: Callable[[], bool]) -> int:
    """Seconds from now on for which something is still so."""
    start = clock.now
    while still() and clock.now < start + 60 * SECOND:
        clock.now += SECOND
    return (clock.now - start) // SECOND


def test_a_revoked_grant_is_good_for_as_long_as_accounts_are_kept(
    read: Read, hold: Any, clock: FixedClock, seconds: int
) -> None:
    hold("someone", grant("read"))
    assert read("someone") == 20
    hold("someone")
    assert lasting(clock, lambda: read("someone") == 20) == seconds
    assert read("someone") == 403


def test_a_narrowed_grant_narrows_within_the_same_time(
    read: Read, hold: Any, clock: FixedClock, seconds: int
) -> None:
    hold("someone", grant("read"))
    assert read("someone") == 20
    hold("someone", grant("read", types=["Room"]))
    assert lasting(clock, lambda: read("someone") == 20) == seconds
    assert read("someone") == 10


def test_a_deny_counts_within_the_same_time(
    read: Read, hold: Any, clock: FixedClock, seconds: int
) -> None:
    hold("someone", grant("read"))
    assert read("someone") == 20
    hold("someone", grant("read"), grant("read", id="d", effect="deny", servicePath="/a/#"))
    assert lasting(clock, lambda: read("someone") == 20) == seconds
    assert read("someone") == 12


def test_a_new_grant_counts_within_the_same_time(
    read: Read, hold: Any, clock: FixedClock, seconds: int
) -> None:
    hold("someone")
    assert read("someone") == 403
    hold("someone", grant("read"))
    assert lasting(clock, lambda: read("someone") == 403) == seconds
    assert read("someone") == 20


def test_a_disabled_subject_is_refused_within_the_same_time(
    read: Read, hold: Any, clock: FixedClock, seconds: int
) -> None:
    hold("someone", grant("read"))
    assert read("someone") == 20
    hold("someone", grant("read"), active=False)
    assert lasting(clock, lambda: read("someone") == 20) == seconds
    assert read("someone") == 401


def test_the_publics_share_goes_within_the_same_time(
    read: Read, hold: Any, clock: FixedClock, seconds: int
) -> None:
    hold("someone")
    hold("public", grant("read", types=["Room"]), kind="public")
    assert (read("someone"), read("public")) == (10, 10)
    hold("public", kind="public")
    assert lasting(clock, lambda: read("public") == 10) == seconds
    assert (read("someone"), read("public")) == (403, 401)


def test_a_grant_ends_when_it_says_whatever_is_kept(
    read: Read, hold: Any, clock: FixedClock
) -> None:
    clock.now = START
    hold("someone", grant("read", validUntil="2026-09-21T14:13:30Z"))
    assert lasting(clock, lambda: read("someone") == 20) == 10
    assert read("someone") == 403


def test_a_grant_begins_when_it_says_whatever_is_kept(
    read: Read, hold: Any, clock: FixedClock
) -> None:
    hold("someone", grant("read", validFrom="2026-09-21T14:13:30Z"))
    assert lasting(clock, lambda: read("someone") == 403) == 10
    assert read("someone") == 20


def test_one_subjects_grants_are_not_the_next_ones(read: Read, hold: Any) -> None:
    hold("one", grant("read"))
    hold("other", grant("read", types=["Room"]))
    hold("third")
    for _ in range(3):
        assert [read(subject) for subject in ("one", "third", "other", "one")] == [20, 403, 10, 20]


def test_one_tenants_decision_is_not_the_next_ones(read: Read, hold: Any) -> None:
    hold("someone", grant("read", tenant="a"), grant("read", id="g-2", tenant="b", ids=["x1"]))
    for _ in range(3):
        assert [read("someone", tenant) for tenant in ("a", "ab", "b", "", "a")] == [
            20,
            403,
            10,
            403,
            20,
        ]
