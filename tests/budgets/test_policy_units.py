"""What deciding costs in DynamoDB: one read call cold, none warm, no write without a plan."""

from typing import TYPE_CHECKING

import pytest

from city.policy import Operation, Policy
from city.policy.accounts import Accounts, Plan
from city.policy.keys import SigningKeys
from city.policy.quotas import Quotas
from city.policy.tokens import TokenVerifier
from tests.accounts import grant, headers, put_account
from tests.budgets.meter import metered
from tests.conftest import create_security_table
from tests.tokens import ISSUER, KEY, Clock, Issuer, claims, signed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tests.budgets.meter import Meter

pytestmark = pytest.mark.dynamodb_local

RULES = {("GET", "/things"): Operation("thing:read", "context/read", is_public=True)}
TOKEN = headers(authorization=f"Bearer {signed(claims(sub='user-7'))}")


class City:
    """A policy over a table of DynamoDB Local."""

    def __init__(self, client: "DynamoDBClient", max_age: int = 30) -> None:
        self.client = client
        self.table = create_security_table(client)
        self.policy = Policy(
            RULES,
            TokenVerifier(ISSUER, SigningKeys(Issuer(KEY)), Clock()).verify,
            Accounts(client, self.table, max_age).find,
            Quotas(client, self.table).spend,
        )
        put_account(client, self.table, "machine-1")
        put_account(client, self.table, "public", grant("read"), kind="public")

    def ask(self, *, token: bool = True) -> "Meter":
        with metered(self.client) as meter:
            self.policy.authorise("GET", "/things", TOKEN if token else headers())
        return meter


def test_one_call_cold_none_warm(dynamodb_local: "DynamoDBClient") -> None:
    city = City(dynamodb_local)
    put_account(city.client, city.table, "user-7", grant("read"), kind="user")
    cold = city.ask()
    assert cold.calls == {"BatchGetItem": 1}
    assert cold.units == (3.0, 0.0)
    for _ in range(5):
        assert not city.ask().calls
    assert not city.ask(token=False).calls


def test_hundred_grants_are_one_call(dynamodb_local: "DynamoDBClient") -> None:
    city = City(dynamodb_local)
    many = [grant("read", id=f"g-{number}", ids=[f"urn:x:{number}"]) for number in range(100)]
    put_account(city.client, city.table, "user-7", *many, kind="user")
    cold = city.ask()
    assert cold.calls == {"BatchGetItem": 1}
    assert cold.read <= 5
    assert not city.ask().calls


def test_public_is_one_call_cold(dynamodb_local: "DynamoDBClient") -> None:
    city = City(dynamodb_local)
    cold = city.ask(token=False)
    assert cold.calls == {"BatchGetItem": 1}
    assert cold.units == (1.0, 0.0)
    assert not city.ask(token=False).calls


def test_without_a_cache_each_request_is_one_call(dynamodb_local: "DynamoDBClient") -> None:
    city = City(dynamodb_local, max_age=0)
    put_account(city.client, city.table, "user-7", grant("read"), kind="user")
    for _ in range(3):
        meter = city.ask()
        assert meter.calls == {"BatchGetItem": 1}
        assert meter.units == (3.0, 0.0)


def test_plan_costs_one_write_for_each_lease(dynamodb_local: "DynamoDBClient") -> None:
    for lease, writes in ((1, 20), (10, 2)):
        city = City(dynamodb_local)
        plan = Plan("free", 1000, 10**9, lease)
        put_account(city.client, city.table, "user-7", grant("read"), kind="user", plan=plan)
        city.ask()
        with metered(city.client) as meter:
            for _ in range(20):
                city.policy.authorise("GET", "/things", TOKEN)
        assert meter.calls == {"UpdateItem": writes}
        assert meter.units == (0.0, writes)
