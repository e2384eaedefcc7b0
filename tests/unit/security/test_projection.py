"""The projection: an account holds what its sources grant, in whatever order they change.

Interleavings are forced: a change is made at every point of a refresh where it can come between.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city.clock import SECOND, now
from city.errors import NotFound, TooLarge
from city.keys import key
from city.policy.accounts import Account
from city.policy.grant_forms import pack
from city.policy.grants import Action, Grant
from city.table import Table
from security.rights import projection
from security.rights.projection import Projection
from security.store.accounts import AccountStore
from security.store.keys import KeyStore, ListedKey
from security.store.sources import DIRECT, SourceStore
from tests.conftest import create_security_table

APP, ROLES, ORGANISATION = "app", ("cook", "waiter"), "guild"
Step = Callable[[], None]


def grant(id: str, *actions: Action, **members: Any) -> Grant:
    return Grant(id, frozenset(actions or {Action.READ}), "park", origin=DIRECT, **members)


class Interrupted(SourceStore):
    """Sources with something that happens once before they are read, or after."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self.before: list[Step] = []
        self.after: list[Step] = []

    def grants(self, subject: str) -> tuple[Grant, ...]:
        while self.before:
            self.before.pop()()
        found = super().grants(subject)
        while self.after:
            self.after.pop()()
        return found


class Sources:
    """A security table with users `ann` and `bob`, two roles of an application and a guild."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self.table = Table(dynamodb, table)
        self.accounts = AccountStore(self.table)
        self.sources = Interrupted(self.table)
        self.projection = Projection(self.accounts, self.sources, KeyStore(self.table), now)
        for subject in ("ann", "bob"):
            self.accounts.create(Account(subject, "user"))

    def give(self, id: str, subject: str = "ann", **members: Any) -> None:
        self.accounts.grant(subject, grant(id, **members), "root")

    def take(self, id: str, subject: str = "ann") -> None:
        self.accounts.revoke(subject, id)

    def write(self, pk: tuple[str, ...], sk: tuple[str, ...], **members: Any) -> None:
        self.table.put({"pk": key(*pk), "sk": key(*sk), **members})

    def erase(self, pk: tuple[str, ...], sk: tuple[str, ...]) -> None:
        self.table.delete(key(*pk), key(*sk))

    def permit(self, role: str, permission: str, *actions: Action) -> None:
        packed = [pack(Grant("", frozenset(actions), "park", types=frozenset({permission})))]
        self.write(("application", APP), ("permission", permission), grants=packed)
        self.write(("application", APP), ("role-permission", role, permission))

    def assign(self, role: str, subject: str = "ann") -> None:
        self.write(("subject", subject), ("role", APP, role))

    def dismiss(self, role: str, subject: str = "ann") -> None:
        self.erase(("subject", subject), ("role", APP, role))

    def held(self, subject: str = "ann") -> dict[str, Grant]:
        return {one.id: one for one in self.accounts.get(subject).account.grants}

    def granted(self, subject: str = "ann") -> dict[str, Grant]:
        """What the sources grant, read afresh."""
        return {one.id: one for one in SourceStore(self.table).grants(subject)}


@pytest.fixture
def city(dynamodb: Any, security_table: str) -> Sources:
    return Sources(dynamodb, security_table)


def test_account_is_the_union_of_direct_grants_roles_and_organisations(city: Sources) -> None:
    city.permit("cook", "Kitchen", Action.UPDATE)
    city.permit("waiter", "Table", Action.READ)
    city.give("own")
    city.assign("cook")
    city.write(("subject", "ann"), ("organisation", ORGANISATION), role="member")
    city.write(("organisation", ORGANISATION), ("role", APP, "waiter", "member"))
    city.projection.refresh("ann")
    origins = {one.origin: one.types for one in city.held().values()}
    assert origins == {
        "direct": None,
        "role:cook": {"Kitchen"},
        f"organisation:{ORGANISATION}": {"Table"},
    }


def test_role_for_owners_is_not_for_members(city: Sources) -> None:
    city.permit("cook", "Kitchen", Action.UPDATE)
    city.write(("subject", "ann"), ("organisation", ORGANISATION), role="member")
    city.write(("subject", "bob"), ("organisation", ORGANISATION), role="owner")
    city.write(("organisation", ORGANISATION), ("role", APP, "cook", "owner"))
    city.projection.refresh_all(["ann", "bob"])
    assert (city.held("ann"), len(city.held("bob"))) == ({}, 1)


def test_same_role_by_two_ways_stays_when_one_ends(city: Sources) -> None:
    city.permit("cook", "Kitchen", Action.UPDATE)
    city.assign("cook")
    city.write(("subject", "ann"), ("organisation", ORGANISATION), role="member")
    city.write(("organisation", ORGANISATION), ("role", APP, "cook", "member"))
    city.projection.refresh("ann")
    assert len(city.held()) == 2
    city.dismiss("cook")
    city.projection.refresh("ann")
    assert [one.origin for one in city.held().values()] == [f"organisation:{ORGANISATION}"]


def test_changed_permission_reaches_everybody_who_has_the_role(city: Sources) -> None:
    city.permit("cook", "Kitchen", Action.UPDATE)
    for subject in ("ann", "bob"):
        city.assign("cook", subject)
    city.projection.refresh_all(["ann", "bob"])
    city.permit("cook", "Kitchen", Action.READ)
    city.projection.refresh_all(["ann", "bob"])
    for subject in ("ann", "bob"):
        [held] = city.held(subject).values()
        assert held.actions == {Action.READ}


def test_ended_grant_leaves_the_account(city: Sources) -> None:
    city.give("old", ends=now() - SECOND)
    city.give("young", ends=now() + 3600 * SECOND)
    city.projection.refresh("ann")
    assert city.held().keys() == {"young"}


def test_refresh_without_a_change_leaves_the_epoch(city: Sources) -> None:
    city.give("own")
    before = city.accounts.get("ann")
    city.projection.refresh("ann")
    assert city.accounts.get("ann") == before


def test_refresh_of_a_subject_without_account_does_nothing(city: Sources) -> None:
    city.assign("cook", "nobody")
    city.projection.refresh("nobody")
    assert city.accounts.find("nobody") is None


def test_too_many_grants_keep_every_deny_and_say_so(
    city: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "MAX_GRANTS", 3)
    for number in range(3):
        city.give(f"a{number}")
    city.give("z-deny", deny=True)
    with pytest.raises(TooLarge):
        city.projection.refresh("ann")
    assert city.held().keys() == {"a0", "a1", "z-deny"}


def test_grants_that_an_item_has_no_room_for_keep_every_deny_and_say_so(
    city: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "MAX_BYTES", 1000)
    for number in range(3):
        city.give(f"a{number}", types=frozenset({"x" * 256}))
    city.give("z-deny", deny=True, types=frozenset({"x" * 256}))
    with pytest.raises(TooLarge, match="4 grants, of which 3 take effect"):
        city.projection.refresh("ann")
    assert city.held().keys() == {"a0", "a1", "z-deny"}


def test_direct_grant_that_the_account_has_no_room_for_changes_nothing(city: Sources) -> None:
    names = frozenset(f"{number:0256}" for number in range(100))
    for number in range(5):
        city.give(f"a{number}", types=names, ids=names, attributes=names)
    with pytest.raises(TooLarge):
        city.give("a5", types=names, ids=names, attributes=names)
    assert city.held().keys() == {f"a{number}" for number in range(5)}


CHANGES: dict[str, Callable[[Sources], None]] = {
    "give": lambda city: city.give("new"),
    "take": lambda city: city.take("own"),
    "assign": lambda city: _then_refresh(city, lambda: city.assign("waiter")),
    "dismiss": lambda city: _then_refresh(city, lambda: city.dismiss("cook")),
    "disable": lambda city: city.accounts.set_active("ann", active=False),
    "revoke tokens": lambda city: city.accounts.revoke_tokens("ann"),
    "revoke session": lambda city: city.accounts.revoke_session("ann", "s", now() + SECOND * 99),
}


def _then_refresh(city: Sources, change: Step) -> None:
    change()
    city.projection.refresh("ann")


@pytest.mark.parametrize("point", ["before", "after"])
@pytest.mark.parametrize("name", CHANGES)
def test_change_during_a_refresh_is_not_lost(city: Sources, name: str, point: str) -> None:
    city.permit("cook", "Kitchen", Action.UPDATE)
    city.permit("waiter", "Table", Action.READ)
    city.give("own")
    city.assign("cook")
    city.projection.refresh("ann")
    # this refresh has something to do, so that it writes
    city.permit("cook", "Cellar", Action.READ)
    getattr(city.sources, point).append(lambda: CHANGES[name](city))
    city.projection.refresh("ann")
    assert city.held() == city.granted()
    account = city.accounts.get("ann").account
    assert account.active is (name != "disable")
    assert bool(account.revoked_before) is (name == "revoke tokens")
    assert bool(account.revoked) is (name == "revoke session")


@pytest.mark.parametrize("point", ["before", "after"])
def test_refresh_does_not_bring_back_a_deleted_subject(city: Sources, point: str) -> None:
    city.give("own")
    city.assign("cook")
    city.permit("cook", "Kitchen", Action.UPDATE)
    getattr(city.sources, point).append(lambda: city.accounts.delete("ann") and None)
    city.projection.refresh("ann")
    assert city.accounts.find("ann") is None
    row = city.table.get(key("subject", "ann"), "account")
    assert row is not None
    assert (row["active"], row["grants"]) == (False, {})
    with pytest.raises(NotFound):
        city.give("again")


@pytest.mark.parametrize("point", ["before", "after"])
def test_key_never_keeps_what_its_owner_lost_meanwhile(city: Sources, point: str) -> None:
    city.give("own")
    owner = city.accounts.get("ann").account
    own = grant("k-0")
    city.accounts.create_key(
        Account("key:1", "key", grants=(own,)), owner, ListedKey("key:1", "k", 1)
    )
    city.projection.refresh_keys("ann")
    assert city.held("key:1").keys() == {"k-0"}

    def lose() -> None:
        city.take("own")
        city.projection.refresh_keys("ann")

    getattr(city.sources, point).append(lose)
    city.projection.refresh_keys("ann")
    assert city.held("key:1") == {}


def test_administrators_granting_at_once_lose_nothing(city: Sources) -> None:
    ids = [f"g-{number}" for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(city.give, ids))
    assert city.held().keys() == city.granted().keys() == {*ids}
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(city.take, ids[:8]))
    assert city.held().keys() == city.granted().keys() == {*ids[8:]}


def test_granting_revoking_and_refreshing_at_once_ends_at_the_sources(city: Sources) -> None:
    city.permit("cook", "Kitchen", Action.UPDATE)
    for number in range(6):
        city.give(f"old-{number}")
    steps: list[Step] = []
    for number in range(6):
        steps += [
            lambda number=number: city.give(f"new-{number}"),  # type: ignore[misc] # binds now
            lambda number=number: city.take(f"old-{number}"),  # type: ignore[misc]
            lambda: _then_refresh(city, lambda: city.assign("cook")),
            lambda: _then_refresh(city, lambda: city.dismiss("cook")),
        ]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(step) for step in steps]:
            done.result()
    assert city.held() == city.granted()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("give"), st.sampled_from("abc")),
        st.tuples(st.just("take"), st.sampled_from("abc")),
        st.tuples(st.sampled_from(("assign", "dismiss")), st.sampled_from(ROLES)),
        st.tuples(st.sampled_from(("permit", "forbid")), st.sampled_from(ROLES)),
        st.tuples(st.sampled_from(("join", "leave")), st.sampled_from(("member", "owner"))),
        st.tuples(st.sampled_from(("employ", "fire")), st.sampled_from(ROLES)),
    ),
    max_size=12,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps)
def test_any_order_of_changes_ends_at_the_union_of_the_sources(
    dynamodb: Any, changes: list[tuple[str, str]]
) -> None:
    city = Sources(dynamodb, create_security_table(dynamodb))
    for change in changes:
        _make(city, *change)
        city.projection.refresh("ann")
        assert city.held() == city.granted()


def _make(city: Sources, verb: str, name: str) -> None:
    guild = ("organisation", ORGANISATION)
    is_held = name in city.held()
    change: dict[str, Step] = {
        "give": lambda: None if is_held else city.give(name),
        "take": lambda: city.take(name) if is_held else None,
        "assign": lambda: city.assign(name),
        "dismiss": lambda: city.dismiss(name),
        "permit": lambda: city.permit(name, "Kitchen", Action.READ),
        "forbid": lambda: city.erase(("application", APP), ("role-permission", name, "Kitchen")),
        "join": lambda: city.write(("subject", "ann"), guild, role=name),
        "leave": lambda: city.erase(("subject", "ann"), guild),
        "employ": lambda: city.write(guild, ("role", APP, name, "member")),
        "fire": lambda: city.erase(guild, ("role", APP, name, "member")),
    }
    change[verb]()
