"""Users as a service: whole or not at all, one for an address, and no change lost."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from city import aws
from city.clock import now
from city.errors import AlreadyExists, Contended, InvalidRequest, NotFound, TooComplex, Unavailable
from city.table import Table
from security.cognito.users import UserDirectory
from security.people import users as module
from security.people.users import Details, Users
from security.store.accounts import AccountStore
from security.store.users import Profile, UserStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def directory() -> Iterator[UserDirectory]:
    client = aws.client("cognito-idp")
    rules: Any = {
        "PasswordPolicy": {"MinimumLength": 12}
        | dict.fromkeys(
            ("RequireUppercase", "RequireLowercase", "RequireNumbers", "RequireSymbols"), False
        )
    }
    pool = client.create_user_pool(PoolName="p", UsernameAttributes=["email"], Policies=rules)
    id = pool["UserPool"]["Id"]
    yield UserDirectory(client, id)
    client.delete_user_pool(UserPoolId=id)


@pytest.fixture
def table(dynamodb: "DynamoDBClient", security_table: str) -> Table:
    return Table(dynamodb, security_table)


@pytest.fixture
def users(directory: UserDirectory, table: Table) -> Users:
    return Users(directory, UserStore(table), AccountStore(table), now)


def details(**changes: Any) -> Details:
    good = {"username": "Ann", "email": f"{uuid4().hex}@city.example", "password": PASSWORD}
    return Details(**good | changes)


def outcomes(*calls: Callable[[], object]) -> list[type[BaseException] | None]:
    """Make the calls at the same time; the kind of refusal of each, None for success."""
    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(call) for call in calls]
    return [type(error) if (error := one.exception()) else None for one in futures]


def test_user_with_a_weak_password_is_not_made(users: Users, directory: UserDirectory) -> None:
    wanted = details(password="short")
    with pytest.raises(InvalidRequest):
        users.create(wanted)
    assert directory.find(str(wanted.email)) is None
    assert users.create(details(email=wanted.email)).email == wanted.email


def test_user_whose_profile_cannot_be_written_is_not_made(
    users: Users, directory: UserDirectory, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: UserStore, profile: Profile) -> None:
        raise Unavailable("the store is at its capacity limit")

    wanted = details()
    with monkeypatch.context() as patch:
        patch.setattr(UserStore, "create", refuse)
        with pytest.raises(Unavailable):
            users.create(wanted)
    assert directory.find(str(wanted.email)) is None
    assert users.create(wanted).email == wanted.email


def test_address_goes_to_one_of_those_who_take_it_at_once(users: Users) -> None:
    for _ in range(5):
        wanted = details()
        found = outcomes(*[partial(users.create, wanted)] * 4)
        assert sorted(found, key=str) == sorted([None, *[AlreadyExists] * 3], key=str)


def test_changes_at_once_are_all_kept(users: Users) -> None:
    id = users.create(details()).id
    changes = [Details(username="New"), Details(description="new"), Details(website="https://new")]
    calls = [partial(users.update, id, change, vouched=True) for change in changes]
    assert outcomes(*calls) == [None] * 3
    profile = users.get(id).profile
    assert (profile.username, profile.description, profile.website) == ("New", "new", "https://new")
    assert profile.version == 4


def test_change_gives_up_when_others_are_always_faster(
    users: Users, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = users.create(details()).id
    write = UserStore.replace
    count = iter(range(100))

    def late(store: UserStore, profile: Profile) -> Profile:
        other = UserStore(table).get(id)
        assert other is not None
        write(store, replace(other, website=f"https://{next(count)}"))
        return write(store, profile)

    monkeypatch.setattr(UserStore, "replace", late)
    with pytest.raises(Contended):
        users.update(id, Details(username="New"), vouched=True)
    assert users.get(id).profile.username == "Ann"


def test_user_that_is_being_erased_is_not_taken_in_again(users: Users, table: Table) -> None:
    id = users.create(details()).id
    AccountStore(table).delete(id)
    UserStore(table).delete(id)
    with pytest.raises(NotFound):
        users.get(id)
    assert UserStore(table).get(id) is None


def test_user_of_the_pool_is_taken_in_once_by_many_at_once(
    users: Users, directory: UserDirectory, table: Table
) -> None:
    id = directory.create(f"{uuid4().hex}@city.example")
    assert outcomes(*[partial(users.get, id)] * 4) == [None] * 4
    assert len([profile for profile in UserStore(table).every() if profile.id == id]) == 1


def test_list_of_too_many_users_is_refused(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        users.create(details())
    monkeypatch.setattr("security.cognito.users.PAGE", 1)
    monkeypatch.setattr(module, "MAX_LISTED", 2)
    with pytest.raises(TooComplex):
        users.list()


def test_profile_is_listed_as_it_is_stored(users: Users, table: Table) -> None:
    id = users.create(details(extra={"a": [1, "x", None]}, gravatar=True)).id
    store = UserStore(table)
    assert store.get(id) in list(store.every())
    users.update(id, Details(extra={}), vouched=True)
    assert store.get(id) in list(store.every())


def test_profiles_are_paged(users: Users, table: Table) -> None:
    made = {users.create(details()).id for _ in range(5)}
    store, found, after = UserStore(table), [], None
    while True:
        page = store.page(2, after)
        found += [profile.id for profile in page.profiles]
        after = page.after
        if after is None:
            break
    assert sorted(found) == sorted(made)


def test_password_is_in_no_representation() -> None:
    assert PASSWORD not in repr(details())
