"""Tokens over HTTP: who is let in, with what answer, and that nobody else changes anything."""

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger
from joserfc import jwt
from joserfc.jwk import RSAKey

from city import aws
from city.http import Correlated
from tests.accounts import put_account
from tests.conftest import create_context_table, create_security_table
from tests.integration.api import Api, api_settings

if TYPE_CHECKING:
    import httpx

KEY = RSAKey.generate_key(2048, {"kid": "key-1"})
ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_City"

ROOM = {"json": {"id": "Room1", "type": "Room"}}
SUBSCRIPTION = {
    "json": {
        "subject": {"entities": [{"idPattern": ".*"}]},
        "notification": {"http": {"url": "http://receiver.example/"}},
    }
}


@pytest.fixture(scope="module")
def jwks_url() -> Iterator[str]:
    """Where the issuer publishes its key."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/jwks.json"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(json.dumps({"keys": [KEY.as_dict(private=False)]}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/jwks.json"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def city(jwks_url: str) -> Iterator[Api]:
    """The API as on AWS: no access without a token."""
    dynamodb = aws.client("dynamodb")
    table, security = create_context_table(dynamodb), create_security_table(dynamodb)
    put_account(dynamodb, security, "machine-1")
    access = {"public_access": False, "token_issuer": ISSUER, "token_jwks_url": jwks_url}
    api = Api(api_settings(table, security_table=security, **access), dynamodb)
    yield api
    api.close()
    dynamodb.delete_table(TableName=table)
    dynamodb.delete_table(TableName=security)


def token(*scopes: str, **changes: Any) -> str:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "sub": "machine-1",
        "client_id": "machine-1",
        "token_use": "access",
        "scope": " ".join(scopes),
        "iat": now,
        "exp": now + 600,
    }
    return jwt.encode({"alg": "RS256", "kid": "key-1"}, claims | changes, KEY)


def bearer(*scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(*scopes)}"}


def refused(city: Api, method: str, url: str, **request: Any) -> "httpx.Response":
    with city.unchanged():
        answer = city(method, url, **request)
    assert answer.json().keys() == {"error", "description"}
    return answer


OPERATIONS = [
    ("GET", "/v2/entities", {}, "context/read"),
    ("GET", "/v2/entities/Room1", {}, "context/read"),
    ("GET", "/v2/types", {}, "context/read"),
    ("GET", "/v2/subscriptions", {}, "context/read"),
    ("GET", "/statistics", {}, "context/read"),
    ("POST", "/v2/op/query", {"json": {"entities": [{"idPattern": ".*"}]}}, "context/read"),
    ("POST", "/v2/entities", ROOM, "context/write"),
    ("DELETE", "/v2/entities/Room1", {}, "context/write"),
    ("PATCH", "/v2/entities/Room1/attrs", {"json": {"a": {"value": 1}}}, "context/write"),
    ("POST", "/v2/op/update", {"json": {"actionType": "append", "entities": [ROOM["json"]]}},
     "context/write"),
    ("POST", "/v2/subscriptions", SUBSCRIPTION, "context/subscribe"),
    ("DELETE", "/v2/subscriptions/5fa9c0ffee5fa9c0ffee5fa9", {}, "context/subscribe"),
]  # fmt: skip
ALL = {"context/read", "context/write", "context/subscribe"}


@pytest.mark.parametrize(("method", "url", "request_", "scope"), OPERATIONS)
def test_operation_without_a_token_is_401(
    city: Api, method: str, url: str, request_: dict[str, Any], scope: str
) -> None:
    answer = refused(city, method, url, **request_)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="city"'
    assert answer.json() == {
        "error": "Unauthorized",
        "description": "this operation needs an access token",
    }


@pytest.mark.parametrize(("method", "url", "request_", "scope"), OPERATIONS)
def test_operation_with_every_other_scope_is_403(
    city: Api, method: str, url: str, request_: dict[str, Any], scope: str
) -> None:
    answer = refused(city, method, url, headers=bearer(*(ALL - {scope})), **request_)
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == (
        f'Bearer realm="city", error="insufficient_scope", scope="{scope}"'
    )
    assert answer.json() == {
        "error": "Forbidden",
        "description": f"the access token does not carry the scope {scope}",
    }


@pytest.mark.parametrize(("method", "url", "request_", "scope"), OPERATIONS)
def test_operation_with_its_scope_is_let_through(
    city: Api, method: str, url: str, request_: dict[str, Any], scope: str
) -> None:
    answer = city(method, url, headers=bearer(scope), **request_)
    assert answer.status_code not in {401, 403}


@pytest.mark.parametrize("url", ["/version", "/v2", "/docs", "/openapi.json"])
def test_open_operation_needs_no_token(city: Api, url: str) -> None:
    assert city.get(url).status_code == 200


@pytest.mark.parametrize("header", ["Authorization", "X-Auth-Token"])
def test_token_comes_in_either_header(city: Api, header: str) -> None:
    value = token("context/read")
    headers = {header: f"bearer {value}" if header == "Authorization" else value}
    assert city.get("/v2/entities", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer forged"},
        {"Authorization": f"Bearer {token('context/read', exp=1)}"},
        {"Authorization": f"Bearer {token('context/read', token_use='id')}"},
        {"Authorization": f"Bearer {token('context/read', iss='https://evil.example')}"},
        {"Authorization": "Basic Y2l0eTpjaXR5"},
        {**bearer("context/read"), "X-Auth-Token": token("context/write")},
        {"X-Auth-Token": ""},
    ],
)
@pytest.mark.parametrize("url", ["/v2/entities", "/version"])
def test_bad_token_is_401_and_told_nothing_more(
    city: Api, url: str, headers: dict[str, str]
) -> None:
    answer = refused(city, "GET", url, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="city", error="invalid_token"'
    assert answer.json() == {
        "error": "Unauthorized",
        "description": "the access token is not valid",
    }


def test_token_in_the_query_string_is_no_token(city: Api) -> None:
    url = f"/v2/entities?access_token={token('context/read')}"
    assert refused(city, "GET", url).status_code == 401


def test_caller_is_told_of_the_token_before_anything_else(city: Api) -> None:
    answer = refused(city, "POST", "/v2/entities?limit=x", headers={"Fiware-Service": "a-b"})
    assert answer.status_code == 401


def test_bad_token_is_401_also_where_everybody_may_do_everything(api: Api) -> None:
    assert api.refused("GET", "/v2/entities", headers={"Authorization": "Bearer x"})[0] == 401


def test_unreachable_issuer_is_503_to_be_tried_again(city: Api, jwks_url: str) -> None:
    dynamodb = aws.client("dynamodb")
    settings = api_settings(
        "unused", public_access=False, token_jwks_url=jwks_url.replace("jwks", "nothing")
    )
    api = Api(settings, dynamodb)
    answer = api.get("/v2/entities", headers=bearer("context/read"))
    assert answer.status_code == 503
    assert answer.json()["error"] == "ServiceUnavailable"
    assert answer.headers["retry-after"] == "1"
    api.close()


def test_log_line_tells_who_did_what_but_no_token(
    city: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = StringIO()
    log = Logger(service="access-test", stream=written)
    monkeypatch.setattr(city, "app", Correlated(city.app.app, log))
    value = token("context/read")
    city.get("/v2/entities/Secret1?attrs=private", headers={"X-Auth-Token": value})
    entry = json.loads(written.getvalue())
    assert entry["route"] == "/v2/entities/{entity_id}"
    assert (entry["status"], entry["subject"], entry["client"]) == (404, "machine-1", "machine-1")
    for private in (value, "Secret1", "private"):
        assert private not in written.getvalue()
