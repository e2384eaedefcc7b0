"""The first rights of a city: nobody can give any while nobody has any.

Whoever may write to the security table and the user pool (an operator with AWS credentials) makes
the accounts that everything else needs: of the clients that the template makes, of the public, and
of a first administrator. Doing it again changes nothing that is there.
"""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from city.clock import now
from city.errors import AlreadyExists
from city.policy.accounts import Account
from city.policy.audit import PLATFORM
from city.policy.grants import ANY_TENANT, PUBLIC_ID, Action, Grant
from city.table import Table
from security.audit import Audit
from security.cognito.users import UserDirectory
from security.people.users import Details, Users
from security.store.accounts import AccountStore
from security.store.audit import AuditStore
from security.store.users import UserStore

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient

ACTOR = "bootstrap"
AUDIT_DAYS = 400
EVERYTHING = Grant(ACTOR, frozenset(Action), ANY_TENANT)
"""Every action everywhere, administration included."""


@dataclass(frozen=True, slots=True)
class City:
    """What a deployment made: the table, the pool, and the clients of machines and of people."""

    table: str
    user_pool: str
    machine_client: str
    login_client: str


@dataclass(frozen=True, slots=True)
class Administrator:
    """The first administrator. `password` is told once: of one who was made now and got no mail."""

    id: str
    is_new: bool
    password: str | None = None


def bootstrap(
    dynamodb: "DynamoDBClient",
    cognito: "CognitoIdentityProviderClient",
    city: City,
    email: str,
    *,
    password: str | None = None,
    invite: bool = False,
) -> Administrator:
    """Give a city its first rights and its first administrator, where they are missing.

    A new administrator signs in with `password`, or with the one that an invitation mail brings
    (`invite`), or with one that is made here and must be changed at once. Raises InvalidRequest for
    an address or a password that the pool refuses.
    """
    table = Table(dynamodb, city.table)
    accounts = AccountStore(table)
    accounts.create(Account(PUBLIC_ID, "public"))
    accounts.create(Account(city.login_client, "application"))
    accounts.create(Account(city.machine_client, "application"))
    _empower(accounts, city.machine_client)
    directory = UserDirectory(cognito, city.user_pool)
    users = Users(directory, UserStore(table), accounts, now)
    administrator = _administrator(users, directory, email, password, invite=invite)
    _empower(accounts, administrator.id)
    audit = Audit(AuditStore(table), AUDIT_DAYS, now)
    audit.record(actor=ACTOR, action="bootstrap", tenant=PLATFORM, target=administrator.id)
    return administrator


def _administrator(
    users: Users, directory: UserDirectory, email: str, password: str | None, *, invite: bool
) -> Administrator:
    found = users.find(email)
    if found is not None:
        return Administrator(found.id, is_new=False)
    if password is not None or invite:
        made = users.create(Details(email=email, password=password))
        return Administrator(made.id, is_new=True)
    one_time = f"{secrets.token_urlsafe(15)}-Aa1"
    made = users.create(Details(email=email, password=one_time))
    directory.set_password(made.id, one_time, permanent=False)
    return Administrator(made.id, is_new=True, password=one_time)


def _empower(accounts: AccountStore, subject: str) -> None:
    with suppress(AlreadyExists):
        accounts.grant(subject, EVERYTHING, ACTOR)
