"""API keys, open data, plans and revocation, as a caller of the context API meets them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI

from city.clock import SECOND
from city.dynamodb import from_item, to_item
from city.policy import Policy
from city.policy.accounts import Accounts, KeyTerms, Plan, account_key
from city.policy.credentials import new_key
from city.policy.keys import SigningKeys
from city.policy.quotas import Quotas
from city.policy.tokens import TokenVerifier
from context.ngsi_v2.access import RULES
from tests.accounts import grant, put_account
from tests.builders import FixedClock
from tests.integration.api import Api, api_settings
from tests.tokens import ISSUER, KEY, NOW, Clock, Issuer, claims, signed

if TYPE_CHECKING:
    import httpx
    from mypy_boto3_dynamodb import DynamoDBClient

TENANT = {"Fiware-Service": "city"}


class City:
    """The context API, its security table, and a clock for accounts and quotas."""

    def __init__(
        self, client: "DynamoDBClient", context_table: str, security_table: str, max_age: int
    ) -> None:
        self.client = client
        self.table = security_table
        self.clock = FixedClock(NOW * SECOND)
        settings = api_settings(context_table, security_table=security_table, public_access=False)
        self.api = Api(settings, client)
        assert isinstance(self.api.app.app, FastAPI)
        self.api.app.app.state.policy = Policy(
            RULES,
            TokenVerifier(ISSUER, SigningKeys(Issuer(KEY)), Clock()).verify,
            Accounts(client, security_table, max_age, self.clock).find,
            Quotas(client, security_table, self.clock).spend,
            clock=self.clock,
        )
        self.put("machine-1")
        for id, type in (("Room1", "Room"), ("Park1", "Park")):
            created = self.ask("POST", "/v2/entities", json={"id": id, "type": type})
            assert created.status_code == 201, created.text

    def put(self, subject: str, *grants: Any, **members: Any) -> None:
        put_account(self.client, self.table, subject, *grants, **members)

    def ask(
        self, method: str, url: str, headers: dict[str, str] | None = None, **request: Any
    ) -> "httpx.Response":
        """A request of machine-1, unless other headers are given."""
        if headers is None:
            headers = {"Authorization": f"Bearer {signed(claims())}"}
        return self.api(method, url, headers=TENANT | headers, **request)


@pytest.fixture
def city(dynamodb: "DynamoDBClient", context_table: str, security_table: str) -> Iterator[City]:
    city = City(dynamodb, context_table, security_table, 30)
    yield city
    city.api.close()


@pytest.fixture
def strict_city(
    dynamodb: "DynamoDBClient", context_table: str, security_table: str
) -> Iterator[City]:
    """A city that reads accounts with each request."""
    city = City(dynamodb, context_table, security_table, 0)
    yield city
    city.api.close()


def types_seen(answer: "httpx.Response") -> list[str]:
    assert answer.status_code == 200, answer.text
    return sorted(entity["type"] for entity in answer.json())


def test_api_key_reads_what_it_is_granted(city: City) -> None:
    key = new_key()
    city.put(
        f"key:{key.key_id}",
        grant("read", types=["Room"]),
        kind="key",
        key=KeyTerms(key.secret_hash),
        scopes=frozenset({"context/read"}),
    )
    headers = {"X-API-Key": key.text}
    assert types_seen(city.ask("GET", "/v2/entities", headers)) == ["Room"]
    assert city.ask("DELETE", "/v2/entities/Room1", headers).status_code == 403


def test_open_data_is_read_without_a_credential(city: City) -> None:
    assert city.ask("GET", "/v2/entities", {}).status_code == 401
    city.put("public", grant("read", tenant="city", types=["Park"]), kind="public")
    city.clock.now += 30 * SECOND
    assert types_seen(city.ask("GET", "/v2/entities", {})) == ["Park"]
    assert city.ask("GET", "/v2/entities/Room1", {}).status_code == 404
    assert city.ask("DELETE", "/v2/entities/Park1", {}).status_code == 401
    assert city.ask("GET", "/v2/subscriptions", {}).status_code == 401


def test_exhausted_plan_is_429_until_the_window_ends(city: City) -> None:
    city.put("machine-1", plan=Plan("free", 2, 60))
    city.clock.now += 30 * SECOND
    for _ in range(2):
        assert city.ask("GET", "/v2/entities").status_code == 200
    with city.api.unchanged():
        refused = city.ask("DELETE", "/v2/entities/Room1")
    assert refused.status_code == 429
    assert refused.json().keys() == {"error", "description"}
    assert refused.headers["ratelimit-policy"] == '"plan";q=2;w=60'
    city.clock.now += int(refused.headers["retry-after"]) * SECOND
    assert city.ask("GET", "/v2/entities").status_code == 200


def test_revocation_counts_when_the_cache_is_over(city: City) -> None:
    assert city.ask("GET", "/v2/entities").status_code == 200
    city.put("machine-1", revoked_before=city.clock.now)
    assert city.ask("GET", "/v2/entities").status_code == 200
    city.clock.now += 30 * SECOND
    assert city.ask("GET", "/v2/entities").status_code == 401


def test_revocation_counts_at_once_without_a_cache(strict_city: City) -> None:
    assert strict_city.ask("GET", "/v2/entities").status_code == 200
    pk, sk = account_key("machine-1")
    strict_city.client.update_item(
        TableName=strict_city.table,
        Key=to_item({"pk": pk, "sk": sk}),
        UpdateExpression="SET active = :no ADD epoch :one",
        ExpressionAttributeValues=to_item({":no": False, ":one": 1}),
    )
    assert strict_city.ask("GET", "/v2/entities").status_code == 401


def test_withdrawn_grant_counts_at_once_without_a_cache(strict_city: City) -> None:
    assert types_seen(strict_city.ask("GET", "/v2/entities")) == ["Park", "Room"]
    strict_city.put("machine-1", grant("read", types=["Park"]))
    assert types_seen(strict_city.ask("GET", "/v2/entities")) == ["Park"]


def test_refused_requests_are_not_counted(city: City) -> None:
    city.put("machine-1", plan=Plan("free", 1, 60))
    city.clock.now += 30 * SECOND
    narrow = {"Authorization": f"Bearer {signed(claims(scope='context/read'))}"}
    for headers in (narrow, {"Authorization": "Bearer forged"}, {}):
        assert city.ask("DELETE", "/v2/entities/Room1", headers).status_code in {401, 403}
    usage = city.client.scan(TableName=city.table)["Items"]
    assert [row for row in map(from_item, usage) if row.get("k") == "Q"] == []
    assert city.ask("GET", "/v2/entities").status_code == 200
