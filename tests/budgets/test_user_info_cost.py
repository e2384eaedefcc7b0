"""What a decision at `GET /user` costs: calls of the table, made one after another, and read units."""

import time
from typing import TYPE_CHECKING

import pytest

from city.policy.accounts import Account
from city.policy.tokens import Claims
from city.table import Table
from security.applications.permissions import Permission
from security.applications.user_info import Attempt, Bearer, UserInfo
from security.store.accounts import AccountStore
from security.store.applications import Application, ApplicationStore
from security.store.assignments import AssignmentStore, OrganisationRole, UserRole
from security.store.organisations import Membership, Organisation, OrganisationStore
from security.store.parties import PartyStore
from security.store.roles import RoleStore
from security.store.users import Profile, UserStore
from tests.budgets.meter import Meter, metered
from tests.conftest import create_security_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

APP, OTHER, MACHINE, ANN = "app", "other", "app-machine", "ann"
READ = Attempt("GET", "/parks")


class City:
    """Two applications, of which one trusts the other, and a user who may do something in it."""

    def __init__(self, dynamodb: "DynamoDBClient") -> None:
        self.dynamodb = dynamodb
        table = Table(dynamodb, create_security_table(dynamodb))
        self.accounts, applications = AccountStore(table), ApplicationStore(table)
        self.assignments, self.organisations = AssignmentStore(table), OrganisationStore(table)
        for id in (APP, OTHER):
            applications.create(Application(id, id, ("password",), ("openid",), 1))
            self.accounts.create(Account(id, "application"))
        applications.trust(APP, OTHER)
        self.accounts.create(Account(MACHINE, "application"), application=APP)
        self.accounts.create(Account(ANN, "user"))
        UserStore(table).create(Profile(ANN, ANN, 1, 1))
        roles = RoleStore(table)
        for role in ("gardener", "guard"):
            roles.create_role(APP, role, role)
        roles.create_permission(APP, Permission("see", "see", action="GET", resource="/parks"))
        roles.add_permission(APP, "gardener", "see")
        self.assignments.assign(APP, UserRole(ANN, "gardener"))
        self.user_info = UserInfo(
            parties=PartyStore(table),
            roles=roles,
            assignments=self.assignments,
            users=None,  # type: ignore[arg-type] # a decision asks the pool for nothing
        )

    def join(self, organisation: str) -> None:
        """Ann founds an organisation whose owners have a role."""
        self.organisations.create(Organisation(organisation, organisation), ANN)
        self.assignments.assign(APP, OrganisationRole(organisation, "guard", Membership.OWNER))

    def cost(self, subject: str, client: str, *, decision: bool = True) -> Meter:
        """What it costs to decide about a token that was presented as a parameter."""
        claims = Claims(subject, client, frozenset(), issued=int(time.time()))
        bearer = Bearer(subject, client, claims.scopes, unconfirmed=claims)
        with metered(self.dynamodb) as meter:
            info = self.user_info.about(bearer, APP, READ)
        assert info.decision is decision
        return meter


@pytest.mark.dynamodb_local
def test_decision_takes_three_calls_and_one_for_each_organisation(
    dynamodb_local: "DynamoDBClient",
) -> None:
    city = City(dynamodb_local)
    own = city.cost(ANN, APP)
    trusted = city.cost(ANN, OTHER)
    machine = city.cost(ANN, MACHINE)
    for organisation in ("o1", "o2", "o3"):
        city.join(organisation)
    with_organisations = city.cost(ANN, APP)
    assert (own.calls, own.read) == ({"BatchGetItem": 1, "Query": 2}, 6)
    assert (trusted.calls, trusted.read) == ({"BatchGetItem": 1, "Query": 2}, 7)
    assert (machine.calls, machine.read) == ({"BatchGetItem": 1, "Query": 2}, 7)
    assert (with_organisations.calls, with_organisations.read) == (
        {"BatchGetItem": 1, "Query": 5},
        9,
    )


@pytest.mark.dynamodb_local
def test_decision_about_a_machine_takes_two_calls(dynamodb_local: "DynamoDBClient") -> None:
    machine = City(dynamodb_local).cost(MACHINE, MACHINE, decision=False)
    assert (machine.calls, machine.read) == ({"BatchGetItem": 1, "Query": 1}, 4)
