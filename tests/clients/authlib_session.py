"""Authlib, as its users have it from the package index, against a running city.

Runs in a virtual environment of its own; `test_authlib.py` starts it with what it needs to know in
the environment.
"""

import os
import re
import time
from html import unescape
from typing import Any

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the city is on this machine, without TLS

import pytest
import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url

CITY = os.environ["CITY"]
CALLBACK = os.environ["CALLBACK"]
ENTITIES = f"{CITY}/v2/entities"
SCOPE = "openid email context/read"


@pytest.fixture(scope="module")
def server() -> AuthorizationServerMetadata:
    document = requests.get(get_well_known_url(CITY, external=True), timeout=30).json()
    metadata = AuthorizationServerMetadata(document)
    metadata.validate()
    return metadata


@pytest.fixture
def machine(server: AuthorizationServerMetadata) -> OAuth2Session:
    """A confidential client with a token by client credentials."""
    session = OAuth2Session(os.environ["MACHINE_ID"], os.environ["MACHINE_SECRET"])
    session.fetch_token(
        server["token_endpoint"],
        grant_type="client_credentials",
        scope="context/read security/decide",
    )
    return session


@pytest.fixture
def browser() -> requests.Session:
    return requests.Session()


def app(**changes: Any) -> OAuth2Session:
    """The public client: it has no secret and proves itself with PKCE."""
    terms = {
        "scope": SCOPE,
        "redirect_uri": CALLBACK,
        "code_challenge_method": "S256",
        "token_endpoint_auth_method": "none",
    }
    return OAuth2Session(os.environ["LOGIN_ID"], **terms | changes)


def sign_in(browser: requests.Session, url: str) -> str:
    """Open the login page, send its form, and give the address that the browser is sent back to."""
    page = browser.get(url, timeout=30)
    assert page.status_code == 200, page.text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    form = {name: unescape(value) for name, value in fields.items()}
    form |= {"username": os.environ["USERNAME"], "password": os.environ["PASSWORD"]}
    action = f"{os.environ['AWS']}/login"
    back = browser.post(action, data=form, allow_redirects=False, timeout=30)
    assert back.status_code == 302, back.text
    location: str = back.headers["location"]
    return location


def signed_in(
    server: AuthorizationServerMetadata, browser: requests.Session
) -> tuple[OAuth2Session, dict[str, Any], str]:
    """An app whose user has signed in, its tokens, and the nonce it sent."""
    session, verifier, nonce = app(), generate_token(48), generate_token(20)
    url, state = session.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    back = sign_in(browser, url)
    assert back.startswith(f"{CALLBACK}?")
    token = session.fetch_token(
        server["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier
    )
    return session, token, nonce


def status(token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    found: int = requests.get(ENTITIES, headers=headers, timeout=30).status_code
    return found


def assert_ends(token: str) -> None:
    """The token is refused within the time that the city allows itself."""
    deadline = time.monotonic() + 30
    while status(token) == 200:
        assert time.monotonic() < deadline, "the revoked token is still accepted"
        time.sleep(0.05)
    assert status(token) == 401


def test_metadata_of_rfc_8414_and_openid_connect_agree(server: AuthorizationServerMetadata) -> None:
    openid = requests.get(f"{CITY}/.well-known/openid-configuration", timeout=30).json()
    assert openid == dict(server)
    assert server["token_endpoint"] == f"{CITY}/oauth2/token"


def test_client_credentials_give_access_until_the_token_is_revoked(
    server: AuthorizationServerMetadata, machine: OAuth2Session
) -> None:
    token = machine.token["access_token"]
    assert machine.token["scope"] == "context/read security/decide"
    assert machine.get(ENTITIES, timeout=30).status_code == 200
    assert machine.introspect_token(server["introspection_endpoint"], token).json()["active"]
    answer = machine.revoke_token(server["revocation_endpoint"], token)
    assert answer.status_code == 200
    assert_ends(token)
    assert machine.introspect_token(server["introspection_endpoint"], token).json() == {
        "active": False
    }


def test_wrong_secret_gives_no_token(server: AuthorizationServerMetadata) -> None:
    session = OAuth2Session(os.environ["MACHINE_ID"], "wrong")
    with pytest.raises(OAuthError, match="invalid_client"):
        session.fetch_token(server["token_endpoint"], grant_type="client_credentials")


def test_code_with_pkce_gives_an_id_token_and_access(
    server: AuthorizationServerMetadata, browser: requests.Session
) -> None:
    session, token, nonce = signed_in(server, browser)
    assert set(token["scope"].split()) == set(SCOPE.split())
    assert session.get(ENTITIES, timeout=30).status_code == 200
    keys = JsonWebKey.import_key_set(requests.get(server["jwks_uri"], timeout=30).json())
    claims = jwt.decode(
        token["id_token"],
        keys,
        claims_options={
            "iss": {"essential": True, "value": server["issuer"]},
            "aud": {"essential": True, "value": os.environ["LOGIN_ID"]},
            "nonce": {"essential": True, "value": nonce},
        },
    )
    claims.validate()
    user = session.get(server["userinfo_endpoint"], timeout=30).json()
    assert user["sub"] == claims["sub"]


def test_code_works_once_and_only_with_its_verifier(
    server: AuthorizationServerMetadata, browser: requests.Session
) -> None:
    session, verifier = app(), generate_token(48)
    url, state = session.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier
    )
    back = sign_in(browser, url)
    redeem = {"authorization_response": back, "state": state}
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.fetch_token(server["token_endpoint"], code_verifier=generate_token(48), **redeem)
    session.fetch_token(server["token_endpoint"], code_verifier=verifier, **redeem)
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.fetch_token(server["token_endpoint"], code_verifier=verifier, **redeem)


@pytest.mark.parametrize(
    "change",
    [
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
        {"response_type": "token"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": CALLBACK + "/"},
    ],
)
def test_request_without_pkce_or_with_another_redirect_never_reaches_the_login_page(
    server: AuthorizationServerMetadata, browser: requests.Session, change: dict[str, str]
) -> None:
    request = {
        "response_type": "code",
        "client_id": os.environ["LOGIN_ID"],
        "redirect_uri": CALLBACK,
        "code_challenge": create_s256_code_challenge(generate_token(48)),
        "code_challenge_method": "S256",
    }
    url = server["authorization_endpoint"]
    answer = browser.get(url, params=request | change, allow_redirects=False, timeout=30)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_session_is_refreshed_and_ends_whole_when_it_is_revoked(
    server: AuthorizationServerMetadata, browser: requests.Session, machine: OAuth2Session
) -> None:
    session, first, _ = signed_in(server, browser)
    second = session.refresh_token(server["token_endpoint"])
    assert second["access_token"] != first["access_token"]
    assert set(second["scope"].split()) == set(SCOPE.split())
    introspection = {"url": server["introspection_endpoint"], "timeout": 30}
    facts = machine.post(data={"token": second["access_token"]}, **introspection).json()
    assert facts["active"]
    assert facts["client_id"] == os.environ["LOGIN_ID"]
    refresh = second.get("refresh_token", first["refresh_token"])
    revocation = server["revocation_endpoint"]
    answer = session.revoke_token(revocation, refresh, token_type_hint="refresh_token")
    assert answer.status_code == 200
    for token in (first["access_token"], second["access_token"]):
        assert_ends(token)
        assert machine.post(data={"token": token}, **introspection).json() == {"active": False}
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.refresh_token(server["token_endpoint"], refresh_token=refresh)


def test_refresh_tokens_rotate(
    server: AuthorizationServerMetadata, browser: requests.Session
) -> None:
    session, first, _ = signed_in(server, browser)
    second = session.refresh_token(server["token_endpoint"])
    assert second["refresh_token"] != first["refresh_token"]
    third = session.refresh_token(server["token_endpoint"], second["refresh_token"])
    assert third["refresh_token"] not in {first["refresh_token"], second["refresh_token"]}
