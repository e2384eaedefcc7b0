"""Owners of subscriptions: what they may be told, how fresh that is, and what it costs."""

from typing import TYPE_CHECKING, Any

import pytest

from city.clock import SECOND
from city.document import Write
from city.policy.accounts import Accounts
from city.policy.grants import Access, Action
from city.tenancy import ROOT, ServicePath
from context.changes import Change, change_between
from context.owners import Disclosure, Owner, Owners, Sight
from tests.accounts import grant, put_account
from tests.budgets.meter import Meter, metered
from tests.builders import CITY, START, FixedClock, entity, following

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAKER = Owner("maker", "app")
BOTH = ("read", "subscribe")
KEPT = 30


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def owners(dynamodb: "DynamoDBClient", security_table: str, clock: FixedClock) -> Owners:
    """Owners kept for thirty seconds; the client that the maker uses has an account."""
    put_account(dynamodb, security_table, "app", grants=())
    return Owners(Accounts(dynamodb, security_table, 0, clock), clock, max_age=KEPT)


@pytest.fixture
def hold(dynamodb: "DynamoDBClient", security_table: str) -> Any:
    """Give the maker these grants and no others."""

    def put(*grants: Any, subject: str = "maker", **members: Any) -> None:
        put_account(dynamodb, security_table, subject, grants=grants, kind="user", **members)

    return put


def sight(*grants: Any) -> Sight:
    access = Access("maker", grants, START)
    return Sight(access.view(CITY), access.view(CITY, Action.SUBSCRIBE))


def told(*names: str, id: str = "room1", path: str = ROOT, owner: Owner = MAKER) -> Disclosure:
    return Disclosure(owner, id, "Room", ServicePath(path), names)


def change(**values: Any) -> Change:
    """A room whose temperature was 1 and whose secret was 2 gets these values."""
    old = entity(temperature=1, secret=2)
    new = following(old, **values)
    new.write = Write(tuple(values))
    return change_between(old, new, new.modified)


# What an owner sees of a change


def test_an_owner_who_sees_everything_gets_the_change_itself() -> None:
    made = change(temperature=2)
    assert sight(grant(*BOTH)).change(made) is made


def test_a_hidden_entity_makes_no_change() -> None:
    assert sight(grant(*BOTH, types=["Car"])).change(change(temperature=2)) is None


@pytest.mark.parametrize("missing", ["read", "subscribe"])
def test_an_owner_needs_both_rights(missing: str) -> None:
    (held,) = set(BOTH) - {missing}
    only_one = sight(grant(held), grant(missing, types=["Car"]))
    assert only_one.change(change(temperature=2)) is None
    assert sight(grant(held)).is_nothing


def test_hidden_attributes_are_in_neither_image_nor_among_what_changed() -> None:
    seen = sight(grant(*BOTH, attributes=["temperature"])).change(change(temperature=2, secret=3))
    assert seen is not None
    assert seen.old is not None
    assert seen.new is not None
    assert seen.old.attributes.keys() == seen.new.attributes.keys() == {"temperature"}
    assert (seen.touched, seen.values) == (("temperature",), frozenset({"temperature"}))


def test_a_change_of_hidden_attributes_only_touches_nothing() -> None:
    seen = sight(grant("subscribe"), grant("read", attributes=["temperature"])).change(
        change(secret=3)
    )
    assert seen is not None
    assert (seen.touched, seen.values, seen.metadata) == ((), frozenset(), frozenset())


def test_the_end_of_an_entity_is_not_hidden_with_its_attributes() -> None:
    seen = sight(grant(*BOTH, attributes=["temperature"])).change(
        Change(entity(), entity(), START, ("dateExpires",), frozenset({"dateExpires"}), frozenset())
    )
    assert seen is not None
    assert seen.touched == ("dateExpires",)


def test_a_disclosure_is_covered_when_all_of_it_is() -> None:
    some = sight(grant(*BOTH, attributes=["temperature"]))
    assert some.covers(told("temperature"), CITY)
    assert some.covers(told(), CITY)
    assert not some.covers(told("temperature", "secret"), CITY)
    everything_of_it = Disclosure(MAKER, "room1", "Room", ROOT, None)
    assert not some.covers(everything_of_it, CITY)
    assert sight(grant(*BOTH)).covers(everything_of_it, CITY)


# Where it comes from


def test_an_owner_has_the_grants_of_the_account(owners: Owners, hold: Any) -> None:
    hold(grant(*BOTH, types=["Room"]))
    assert owners.may_be_told(told("temperature"), CITY)
    assert owners.sight(MAKER, CITY).change(change(temperature=3)) is not None


def test_an_owner_without_account_is_told_nothing(owners: Owners) -> None:
    assert owners.sight(MAKER, CITY).is_nothing
    assert not owners.may_be_told(told(), CITY)


def test_the_public_shares_what_it_may_read_but_not_the_right_to_subscribe(
    owners: Owners, hold: Any, clock: FixedClock
) -> None:
    hold(grant(*BOTH), subject="public")
    assert owners.sight(MAKER, CITY).is_nothing
    hold(grant("subscribe"))
    clock.now += SECOND
    assert owners.certain_sight(MAKER, CITY).is_everything


@pytest.mark.parametrize("subject", ["maker", "app"])
def test_an_inactive_subject_or_client_is_told_nothing(
    owners: Owners, hold: Any, subject: str
) -> None:
    hold(grant(*BOTH))
    hold(grant(*BOTH), subject=subject, active=False)
    assert owners.sight(MAKER, CITY).is_nothing


def test_an_owner_whose_client_was_deleted_is_told_nothing(owners: Owners, hold: Any) -> None:
    hold(grant(*BOTH), subject="other")
    assert owners.sight(Owner("other", "deleted"), CITY).is_nothing
    assert not owners.sight(Owner("other"), CITY).is_nothing


def test_grants_end_when_they_say(owners: Owners, hold: Any, clock: FixedClock) -> None:
    hold(grant(*BOTH, validUntil="2026-09-21T14:13:21Z"))
    clock.now = 1_790_000_000_000_000
    assert owners.sight(MAKER, CITY).is_everything
    clock.now += 2 * SECOND
    assert owners.sight(MAKER, CITY).is_nothing


def test_in_an_open_city_everybody_is_told_everything_and_nothing_is_read(
    dynamodb: "DynamoDBClient", clock: FixedClock
) -> None:
    owners = Owners(Accounts(dynamodb, "no-table", 0), clock, max_age=KEPT, open_to_all=True)
    assert owners.sight(MAKER, CITY).is_everything


# How fresh it is


def test_what_was_revoked_is_told_for_as_long_as_accounts_are_kept_and_no_longer(
    owners: Owners, hold: Any, clock: FixedClock
) -> None:
    hold(grant(*BOTH))
    assert owners.may_be_told(told(), CITY)
    hold()
    allowed = []
    while clock.now < START + 40 * SECOND:
        if owners.may_be_told(told(), CITY):
            allowed.append(clock.now)
        clock.now += SECOND
    assert allowed == [START + n * SECOND for n in range(KEPT)]


def test_what_was_revoked_is_told_no_more_at_once_when_nothing_is_kept(
    dynamodb: "DynamoDBClient", security_table: str, clock: FixedClock, hold: Any
) -> None:
    owners = Owners(Accounts(dynamodb, security_table, 0, clock), clock, max_age=0)
    hold(grant(*BOTH))
    assert owners.may_be_told(told(owner=Owner("maker")), CITY)
    hold()
    assert not owners.may_be_told(told(owner=Owner("maker")), CITY)


def test_a_refusal_never_rests_on_what_was_kept(
    owners: Owners, hold: Any, clock: FixedClock
) -> None:
    assert owners.sight(MAKER, CITY).is_nothing
    hold(grant(*BOTH))
    clock.now += SECOND
    assert owners.sight(MAKER, CITY).is_nothing
    assert owners.may_be_told(told(), CITY)


def test_what_was_kept_from_before_a_subscription_does_not_count_for_it(
    owners: Owners, hold: Any, clock: FixedClock
) -> None:
    assert owners.sight(MAKER, CITY).is_nothing
    hold(grant(*BOTH))
    clock.now += SECOND
    assert owners.sights({MAKER: clock.now}, CITY)[MAKER].is_everything


# What it costs


def test_an_owner_is_one_read_cold_and_none_warm(
    owners: Owners, hold: Any, dynamodb: "DynamoDBClient"
) -> None:
    hold(grant(*BOTH))
    with metered(dynamodb) as meter:
        assert owners.may_be_told(told(), CITY)
    assert meter.calls == {"BatchGetItem": 1}
    with metered(dynamodb) as meter:
        for _ in range(100):
            owners.may_be_told(told("temperature"), CITY)
            owners.sight(MAKER, CITY)
    assert meter.calls == Meter().calls


def test_owners_of_a_batch_are_read_together(
    owners: Owners, hold: Any, dynamodb: "DynamoDBClient", clock: FixedClock
) -> None:
    some = {Owner(f"user{n}", "app"): clock.now for n in range(40)}
    for owner in some:
        hold(grant(*BOTH, types=[owner.subject]), subject=owner.subject)
    with metered(dynamodb) as meter:
        sights = owners.sights(some, CITY)
    assert meter.calls == {"BatchGetItem": 2}
    assert all(sights[owner].read.types == frozenset({owner.subject}) for owner in some)


def test_no_more_owners_are_kept_than_fit(
    owners: Owners, monkeypatch: pytest.MonkeyPatch, clock: FixedClock
) -> None:
    monkeypatch.setattr("context.owners.MAX_OWNERS", 3)
    for n in range(10):
        owners.sight(Owner(f"user{n}"), CITY)
    assert len(owners._known) <= 4
