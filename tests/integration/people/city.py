"""The security API in front of a user pool (moto), as people and administrators see it."""

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from city import aws
from city.policy import Policy
from city.policy.accounts import Accounts
from city.policy.grants import ANY_TENANT, Action, Grant
from city.policy.keys import SigningKeys
from city.policy.quotas import Quotas
from city.policy.tokens import TokenVerifier
from security.application import RULES, create_app
from security.people.users import Details
from security.settings import ApiSettings
from tests.accounts import put_account
from tests.tokens import ISSUER, KEY, key_set, signed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from security.services import Services

PASSWORD = "correct horse battery"
DIRECT = "aws.cognito.signin.user.admin"


class People:
    """A city with an administrator; `sender` is who requests come from unless they say otherwise."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, **settings: Any) -> None:
        self.dynamodb = dynamodb
        self.table = table
        self.cognito = aws.client("cognito-idp")
        self.pool, login = _create_pool(self.cognito)
        given = {
            "stage": "sandbox",
            "security_table": table,
            "token_issuer": ISSUER,
            "token_jwks_url": "http://127.0.0.1:9/jwks.json",
            "user_pool_id": self.pool,
            "login_url": "http://127.0.0.1:9",
            "login_client_id": login,
            "grant_seconds": 0,
            "password_grant": True,
        }
        self.app = create_app(ApiSettings.model_validate(given | settings))
        self.services: Services = self.app.app.state.services  # type: ignore[attr-defined]
        self._trust_test_tokens()
        put_account(dynamodb, table, login, grants=())
        self.login = login
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url="https://city.example",
        )
        self.admin = self.add("admin")
        everything = Grant("everything", frozenset(Action), ANY_TENANT)
        self.services.accounts.grant(self.admin, everything, by="bootstrap")

    def _trust_test_tokens(self) -> None:
        """The pool's own tokens are moto's, which anybody can sign: ours stand in for them."""
        verify = TokenVerifier(ISSUER, SigningKeys(lambda: key_set(KEY))).verify
        find = Accounts(self.dynamodb, self.table, 0).find
        spend = Quotas(self.dynamodb, self.table).spend
        self.app.app.state.policy = Policy(RULES, verify, find, spend)  # type: ignore[attr-defined]
        oauth = self.services.oauth
        oauth.__dict__["verify"] = verify
        sign_in = oauth.cognito.password

        def password(*parts: Any) -> dict[str, Any]:
            answer: dict[str, Any] = sign_in(*parts)
            payload = str(answer["access_token"]).split(".")[1]
            claims = json.loads(urlsafe_b64decode(payload + "=="))
            # a token of the second of a revocation counts as older: nobody signs in that fast
            later = int(time.time()) + 1
            return answer | {"access_token": self.token(claims["sub"], iat=later)}

        oauth.cognito.__dict__["password"] = password

    def add(self, name: str, **details: Any) -> str:
        """A new user with this name at city.example and PASSWORD; its id."""
        given = {"username": name, "email": f"{name}@city.example", "password": PASSWORD}
        return self.services.users.create(Details(**given | details)).id

    def token(self, subject: str, scope: str = DIRECT, **claims: Any) -> str:
        """An access token of a user who signed in."""
        now = int(time.time())
        good = {
            "iss": ISSUER,
            "sub": subject,
            "client_id": self.login,
            "token_use": "access",
            "scope": scope,
            "iat": now,
            "exp": now + 3600,
            "jti": uuid4().hex,
            "origin_jti": uuid4().hex,
        }
        return signed(good | claims)

    def __call__(
        self, method: str, url: str, body: Any = None, *, by: str | None = None, **request: Any
    ) -> httpx.Response:
        """Send a request as the user `by` (the administrator unless told; "" is nobody)."""
        headers = dict(request.pop("headers", {}))
        sender = self.admin if by is None else by
        if sender and "X-Auth-Token" not in headers:
            headers["X-Auth-Token"] = self.token(sender)
        if method in {"POST", "PUT", "PATCH"}:
            headers.setdefault("Content-Type", "application/json")
            if body is not None:
                request["content"] = json.dumps(body)
        sent = self._client.request(method, url, headers=headers, **request)
        return self._loop.run_until_complete(sent)

    def problem(self, method: str, url: str, body: Any = None, **request: Any) -> tuple[int, str]:
        """Status and detail of a refusal of `/access/v1` that changes nothing."""
        before = self.rows()
        answer = self(method, url, body, **request)
        assert self.rows() == before
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == answer.status_code
        return answer.status_code, problem["detail"]

    def refused(self, method: str, url: str, body: Any = None, **request: Any) -> tuple[int, str]:
        """Status and message of a refusal of `/v1` that changes nothing but the audit trail."""
        before = self.rows()
        answer = self(method, url, body, **request)
        assert self.rows() == before
        error = answer.json()["error"]
        assert answer.json().keys() == {"error"}
        assert error.keys() == {"message", "code", "title"}
        assert error["code"] == answer.status_code
        return answer.status_code, error["message"]

    def rows(self) -> list[dict[str, Any]]:
        """Everything in the table but the audit trail and the counters, in a fixed order."""
        items = self.dynamodb.scan(TableName=self.table)["Items"]
        kept = [item for item in items if not item["pk"]["S"].startswith("audit")]
        return sorted(kept, key=repr)

    def audited(self) -> list[tuple[str, str, str]]:
        """Actor, action and target of what was done, from the audit trail."""
        items = self.dynamodb.scan(TableName=self.table)["Items"]
        entries = [item for item in items if item["pk"]["S"].startswith("audit")]
        return [
            (entry["actor"]["S"], entry["action"]["S"], entry["target"]["S"])
            for entry in sorted(entries, key=lambda entry: entry["sk"]["S"])
            if entry["outcome"]["S"] == "done"
        ]

    def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        """Ask for a token with a password."""
        body = {"name": f"{name}@city.example", "password": password}
        return self("POST", "/v1/auth/tokens", body, by="")

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()
        self.cognito.delete_user_pool(UserPoolId=self.pool)


def _create_pool(cognito: Any) -> tuple[str, str]:
    """A pool as the template makes it, and the client that people sign in with."""
    policy = {"MinimumLength": 12}
    lax = dict.fromkeys(
        ("RequireUppercase", "RequireLowercase", "RequireNumbers", "RequireSymbols"), False
    )
    pool = cognito.create_user_pool(
        PoolName="people",
        UsernameAttributes=["email"],
        Policies={"PasswordPolicy": policy | lax},
    )["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="login", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )
    return pool, client["UserPoolClient"]["ClientId"]
