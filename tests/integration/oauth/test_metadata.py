"""Metadata: RFC 8414, OpenID Connect Discovery, RFC 9728, and the keys."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from city.clock import SECOND
from city.errors import Unavailable
from security.application import RULES
from security.oauth.metadata import API_SCOPES, IDENTITY_SCOPES
from security.oauth.published_keys import MAX_AGE, RETRY_AFTER, PublishedKeys
from tests.integration.oauth.conftest import City
from tests.integration.oauth.user_pool import ISSUER
from tests.template.stack import resources, translated

DISCOVERY = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/idm/applications/web/.well-known/openid-configuration",
]


@pytest.mark.parametrize("url", DISCOVERY)
def test_documents_name_the_pools_issuer_and_the_citys_endpoints(city: City, url: str) -> None:
    answer = city.get(url)
    document = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert document["issuer"] == ISSUER
    endpoints = [value for name, value in document.items() if name.endswith(("endpoint", "_uri"))]
    assert len(endpoints) == 6
    for endpoint in endpoints:
        assert endpoint.startswith("https://city.example/")
        assert urlsplit(endpoint).path in {path for _, path in RULES}


def test_only_what_rfc_9700_allows_is_offered(city: City) -> None:
    document = city.get(DISCOVERY[1]).json()
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert "implicit" not in document["grant_types_supported"]
    assert "none" not in document["introspection_endpoint_auth_methods_supported"]


@pytest.mark.parametrize("offered", [True, False])
def test_password_grant_is_named_only_where_it_exists(city: City, offered: bool) -> None:
    one = City(city.pool, city.table, city.dynamodb, password_grant=offered)
    assert ("password" in one.get(DISCOVERY[0]).json()["grant_types_supported"]) is offered
    one.close()


def test_scopes_are_those_of_the_resource_servers(city: City) -> None:
    servers = resources(translated(), "AWS::Cognito::UserPoolResourceServer").values()
    defined = {f"{s['Identifier']}/{scope['ScopeName']}" for s in servers for scope in s["Scopes"]}
    assert set(API_SCOPES) == defined
    assert city.get(DISCOVERY[0]).json()["scopes_supported"] == [*IDENTITY_SCOPES, *API_SCOPES]


def test_protected_resource_names_where_to_get_tokens(city: City) -> None:
    document = city.get("/.well-known/oauth-protected-resource").json()
    assert document["resource"] == "https://city.example"
    assert document["authorization_servers"] == [ISSUER]
    assert document["bearer_methods_supported"] == ["header"]


def test_configured_address_wins_over_that_of_the_request(city: City) -> None:
    one = City(city.pool, city.table, city.dynamodb, public_url="https://api.city.example")
    document = one.get("/.well-known/oauth-protected-resource").json()
    assert document["resource"] == "https://api.city.example"
    one.close()


@pytest.mark.parametrize("url", ["/.well-known/jwks.json", "/idm/applications/web/certs"])
def test_keys_verify_and_are_asked_for_once(city: City, url: str) -> None:
    answer = city.get(url)
    [key] = answer.json()["keys"]
    assert key.keys() == {"kty", "use", "alg", "kid", "n", "e"}
    known = city.get(url, headers={"If-None-Match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


def test_unknown_application_has_no_documents(city: City) -> None:
    for rest in (".well-known/openid-configuration", "certs"):
        assert city.get(f"/idm/applications/nobody/{rest}").status_code == 404


class Pool:
    """A pool whose keys can be lost; `calls` counts."""

    def __init__(self) -> None:
        self.answer: bytes | Exception = b'{"keys":[{"kty":"RSA","kid":"1","d":"private"}]}'
        self.calls = 0

    def fetch(self) -> bytes:
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_copy_of_the_keys_outlives_the_pool_and_is_renewed() -> None:
    pool, time = Pool(), [0]
    keys = PublishedKeys(pool.fetch, lambda: time[0])
    first = keys.get()
    assert keys.get() is first
    time[0] = MAX_AGE
    pool.answer = Unavailable("gone")
    assert keys.get() is first
    assert keys.get() is first
    assert pool.calls == 2
    time[0] += RETRY_AFTER + SECOND
    pool.answer = b'{"keys":[{"kty":"RSA","kid":"2"}]}'
    assert keys.get().etag != first.etag


def test_private_members_of_a_key_are_never_published() -> None:
    assert b"private" not in PublishedKeys(Pool().fetch, lambda: 0).get().document


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"keys":[]}', Unavailable("gone")])
def test_without_any_copy_the_keys_are_unavailable(answer: Any) -> None:
    pool = Pool()
    pool.answer = answer
    keys = PublishedKeys(pool.fetch, lambda: 0)
    for _ in range(3):
        with pytest.raises(Unavailable):
            keys.get()
    assert pool.calls == 1
