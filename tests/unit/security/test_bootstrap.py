"""Bootstrap: a new city gets its first rights, and a second time changes nothing."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from city.errors import InvalidRequest
from city.policy.grants import Action
from city.table import Table
from security.bootstrap import Administrator, City, bootstrap
from security.store.accounts import AccountStore

EMAIL = "first@city.example"


@pytest.fixture
def cognito() -> Any:
    return boto3.client("cognito-idp")


@pytest.fixture
def city(security_table: str, cognito: Any) -> Iterator[City]:
    pool = cognito.create_user_pool(
        PoolName="people",
        UsernameAttributes=["email"],
        Policies={"PasswordPolicy": {"MinimumLength": 12}},
    )["UserPool"]["Id"]
    yield City(security_table, pool, "machine", "login")
    cognito.delete_user_pool(UserPoolId=pool)


def made(dynamodb: Any, cognito: Any, city: City, **how: Any) -> Administrator:
    return bootstrap(dynamodb, cognito, city, EMAIL, **how)


def status(cognito: Any, city: City) -> str:
    user = cognito.admin_get_user(UserPoolId=city.user_pool, Username=EMAIL)
    return str(user["UserStatus"])


def test_bootstrap_lets_administrator_and_machine_do_everything(
    dynamodb: Any, cognito: Any, city: City
) -> None:
    administrator = made(dynamodb, cognito, city)
    accounts = AccountStore(Table(dynamodb, city.table))
    for subject in (administrator.id, "machine"):
        [grant] = accounts.get(subject).account.grants
        assert (grant.actions, grant.tenant) == (frozenset(Action), "*")


def test_bootstrap_gives_public_and_login_client_accounts_without_grants(
    dynamodb: Any, cognito: Any, city: City
) -> None:
    made(dynamodb, cognito, city)
    accounts = AccountStore(Table(dynamodb, city.table))
    for subject in ("public", "login"):
        account = accounts.get(subject).account
        assert (account.active, account.grants) == (True, ())


def test_one_time_password_must_be_changed(dynamodb: Any, cognito: Any, city: City) -> None:
    assert made(dynamodb, cognito, city).password
    assert status(cognito, city) == "FORCE_CHANGE_PASSWORD"


def test_given_password_is_the_administrators_own(dynamodb: Any, cognito: Any, city: City) -> None:
    assert made(dynamodb, cognito, city, password="Correct-Horse-7").password is None
    assert status(cognito, city) == "CONFIRMED"


def test_invitation_leaves_the_password_to_the_mail(
    dynamodb: Any, cognito: Any, city: City
) -> None:
    assert made(dynamodb, cognito, city, invite=True).password is None


def test_again_changes_nothing(dynamodb: Any, cognito: Any, city: City) -> None:
    first = made(dynamodb, cognito, city)
    accounts = AccountStore(Table(dynamodb, city.table))
    before = accounts.get(first.id), accounts.get("machine")
    assert made(dynamodb, cognito, city) == Administrator(first.id, is_new=False)
    assert (accounts.get(first.id), accounts.get("machine")) == before


def test_again_after_the_table_was_emptied_gives_the_rights_back(
    dynamodb: Any, cognito: Any, city: City
) -> None:
    first = made(dynamodb, cognito, city)
    for item in dynamodb.scan(TableName=city.table)["Items"]:
        key = {name: item[name] for name in ("pk", "sk")}
        dynamodb.delete_item(TableName=city.table, Key=key)
    assert made(dynamodb, cognito, city).id == first.id
    accounts = AccountStore(Table(dynamodb, city.table))
    assert accounts.get(first.id).account.grants


def test_address_that_is_none_is_refused(dynamodb: Any, cognito: Any, city: City) -> None:
    with pytest.raises(InvalidRequest):
        bootstrap(dynamodb, cognito, city, "nobody")
