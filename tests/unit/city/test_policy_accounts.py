"""Accounts: their items, and how long what was read of them is used."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from city import dynamodb as city_dynamodb
from city.clock import SECOND
from city.dynamodb import from_item, to_item
from city.errors import InvalidRequest, Unavailable
from city.policy import accounts as module
from city.policy.accounts import (
    MAX_CACHED,
    Account,
    Accounts,
    KeyTerms,
    Plan,
    account_from_row,
    account_key,
    account_row,
)
from tests.accounts import FULL_GRANTS, grant, put_account
from tests.budgets.meter import Meter, metered
from tests.builders import FixedClock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TEXTS = st.frozensets(st.text(min_size=1, max_size=5), max_size=3)
ACCOUNTS = st.builds(
    Account,
    subject=st.text(st.characters(exclude_categories=["C"]), min_size=1),
    kind=st.sampled_from(["user", "application", "key", "pep", "iot", "public"]),
    active=st.booleans(),
    epoch=st.integers(1, 10**9),
    grants=st.sampled_from([(), FULL_GRANTS, (grant("read", id="a.b#c", ids=["x"]),)]),
    plan=st.none() | st.builds(Plan, st.just("free"), st.just(10), st.just(60), st.just(5)),
    revoked_before=st.integers(0, 10**16),
    revoked=TEXTS,
    key=st.none()
    | st.builds(
        KeyTerms,
        st.just("ab12"),
        TEXTS,
        st.just(()) | st.just(("10.0.0.0/8",)),
        st.none() | st.integers(0, 10**16),
    ),
    scopes=TEXTS,
)


@given(ACCOUNTS)
def test_account_survives_its_item(account: Account) -> None:
    assert account_from_row(from_item(to_item(account_row(account)))) == account


@given(ACCOUNTS, ACCOUNTS)
def test_keys_of_different_subjects_differ(one: Account, other: Account) -> None:
    same = account_key(one.subject) == account_key(other.subject)
    assert same is (one.subject == other.subject)


@pytest.mark.parametrize("subject", ["a\x1fb", "\x1faccount", "user\x1f"])
def test_subject_cannot_reach_into_another_key(subject: str) -> None:
    with pytest.raises(InvalidRequest):
        account_key(subject)


@pytest.mark.parametrize(
    "change",
    [{"grants": {"g": {"a": ["fly"], "t": ""}}}, {"grants": {"g": {"deny": True}}}],
)
def test_item_that_is_no_account_is_an_error_not_an_empty_account(change: dict[str, Any]) -> None:
    row = account_row(Account("u", "user"))
    with pytest.raises(ValueError, match="not"):
        account_from_row(row | change)


def test_account_is_inactive_unless_it_says_that_it_is_active() -> None:
    row = account_row(Account("u", "user"))
    assert account_from_row(row).active
    assert not account_from_row(row | {"active": 1}).active


# Reading


class Directory:
    """Accounts over a table, with a clock and a count of what is read."""

    def __init__(self, client: "DynamoDBClient", table: str, max_age: int) -> None:
        self.client = client
        self.table = table
        self.clock = FixedClock()
        self.accounts = Accounts(client, table, max_age, self.clock)

    def put(self, subject: str, **members: Any) -> None:
        put_account(self.client, self.table, subject, **members)

    def find(self, *subjects: str) -> tuple[dict[str, Account], Meter]:
        with metered(self.client) as meter:
            found = self.accounts.find(subjects)
        return found, meter


@pytest.fixture
def directory(dynamodb: "DynamoDBClient", security_table: str) -> Directory:
    return Directory(dynamodb, security_table, 30)


@pytest.fixture
def always(dynamodb: "DynamoDBClient", security_table: str) -> Directory:
    return Directory(dynamodb, security_table, 0)


def test_accounts_are_read_at_once_then_not_again(directory: Directory) -> None:
    directory.put("u")
    directory.put("public", kind="public")
    found, meter = directory.find("u", "client", "public")
    assert found.keys() == {"u", "public"}
    assert meter.calls == {"BatchGetItem": 1}
    again, meter = directory.find("u", "client", "public")
    assert again == found
    assert not meter.calls


def test_machine_that_is_its_own_client_is_asked_for_once(directory: Directory) -> None:
    directory.put("m")
    found, meter = directory.find("m", "m", "public")
    assert found.keys() == {"m"}
    assert meter.calls == {"BatchGetItem": 1}


def test_only_what_is_not_known_is_read(directory: Directory) -> None:
    directory.put("u")
    directory.find("u", "public")
    directory.put("v")
    found, meter = directory.find("v", "public")
    assert found.keys() == {"v"}
    assert meter.calls == {"BatchGetItem": 1}


def test_change_counts_when_the_time_is_over_and_not_before(directory: Directory) -> None:
    directory.put("u")
    directory.find("u")
    directory.put("u", active=False, epoch=2)
    directory.clock.now += 30 * SECOND - 1
    assert directory.find("u")[0]["u"].active
    directory.clock.now += 1
    assert not directory.find("u")[0]["u"].active


def test_new_account_counts_when_the_time_is_over(directory: Directory) -> None:
    assert directory.find("u")[0] == {}
    directory.put("u")
    assert directory.find("u")[0] == {}
    directory.clock.now += 30 * SECOND
    assert directory.find("u")[0].keys() == {"u"}


def test_clock_set_back_does_not_prolong_anything(directory: Directory) -> None:
    directory.put("u")
    directory.find("u")
    directory.put("u", active=False)
    directory.clock.now -= 1
    assert not directory.find("u")[0]["u"].active


def test_without_a_cache_every_request_reads_consistently(always: Directory) -> None:
    always.put("u")
    for active in (True, False, True):
        always.put("u", active=active)
        found, meter = always.find("u", "public")
        assert found["u"].active is active
        assert meter.calls == {"BatchGetItem": 1}


def test_what_did_not_change_is_not_compiled_again(
    always: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    always.put("u")
    first = always.find("u")[0]["u"]
    monkeypatch.delattr(module, "account_from_row")
    assert always.find("u")[0]["u"] is first


def test_memory_for_accounts_is_bounded_and_keeps_what_is_used(directory: Directory) -> None:
    directory.put("used")
    directory.find("used")
    directory.put("used", active=False)
    for start in range(0, MAX_CACHED + 90, 90):
        directory.accounts.find(["used", *(f"u{number}" for number in range(start, start + 90))])
    assert directory.find("used")[0]["used"].active, "it was read again"
    assert directory.find("u0")[1].calls == {"BatchGetItem": 1}
    assert len(directory.accounts._cache) == MAX_CACHED


class Refusing:
    """A client that is throttled, wholly or by leaving keys unread."""

    def __init__(self, *, wholly: bool) -> None:
        self.wholly = wholly

    def batch_get_item(self, RequestItems: Any) -> dict[str, Any]:  # noqa: N803 - the client's name
        if self.wholly:
            error: Any = {"Error": {"Code": "ThrottlingException", "Message": ""}}
            raise ClientError(error, "BatchGetItem")
        return {"Responses": {}, "UnprocessedKeys": RequestItems}


@pytest.mark.parametrize("wholly", [True, False])
def test_throttled_table_is_503_not_nobody(
    monkeypatch: pytest.MonkeyPatch, *, wholly: bool
) -> None:
    monkeypatch.setattr(city_dynamodb, "_FIRST_PAUSE", 0.0)
    client: Any = Refusing(wholly=wholly)
    accounts = Accounts(client, "security", 30, FixedClock())
    for _ in range(2):
        with pytest.raises(Unavailable):
            accounts.find(["u", "public"])


def test_table_that_is_throttled_later_refuses_what_is_old(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(city_dynamodb, "_FIRST_PAUSE", 0.0)
    directory.put("u")
    directory.find("u")
    directory.accounts._client = Refusing(wholly=True)  # type: ignore[assignment] # a double
    assert directory.find("u")[0].keys() == {"u"}
    directory.clock.now += 30 * SECOND
    with pytest.raises(Unavailable):
        directory.accounts.find(["u"])
