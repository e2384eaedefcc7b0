"""The authorization endpoint: RFC 6749 §4.1, RFC 7636 and RFC 9700 §2.1."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.integration.oauth.conftest import CALLBACK, VERIFIER, City

CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")

REQUEST = {
    "response_type": "code",
    "client_id": "web",
    "redirect_uri": CALLBACK,
    "scope": "openid context/read",
    "state": "a b&c=d",
    "nonce": "n-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def authorize(city: City, **changes: str | None) -> httpx.Response:
    request = {name: value for name, value in (REQUEST | changes).items() if value is not None}
    return city.get("/oauth2/authorize", params=request)


def test_browser_is_sent_to_the_pools_login_page_with_the_same_request(city: City) -> None:
    answer = authorize(city)
    assert answer.status_code == 302
    assert answer.headers["cache-control"] == "no-store"
    location = urlsplit(answer.headers["location"])
    assert f"{location.scheme}://{location.netloc}" == city.pool.url
    assert location.path == "/oauth2/authorize"
    assert {name: values[0] for name, values in parse_qs(location.query).items()} == REQUEST


def test_parameters_that_are_not_known_are_not_passed_on(city: City) -> None:
    answer = authorize(city, identity_provider="evil", response_mode="fragment", request="x.y.z")
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query.keys() == REQUEST.keys()


WRONG: dict[str, tuple[dict[str, str | None], str]] = {
    "no challenge": ({"code_challenge": None}, "invalid_request"),
    "no challenge method": ({"code_challenge_method": None}, "invalid_request"),
    "plain challenge": ({"code_challenge_method": "plain"}, "invalid_request"),
    "short challenge": ({"code_challenge": "short"}, "invalid_request"),
    "padded challenge": ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
    "implicit flow": ({"response_type": "token"}, "unsupported_response_type"),
    "hybrid flow": ({"response_type": "code token"}, "unsupported_response_type"),
    "id token flow": ({"response_type": "id_token"}, "unsupported_response_type"),
    "no response type": ({"response_type": None}, "invalid_request"),
    "no redirect": ({"redirect_uri": None}, "invalid_request"),
    "redirect with a slash more": ({"redirect_uri": CALLBACK + "/"}, "invalid_request"),
    "redirect with a query more": ({"redirect_uri": CALLBACK + "?a=b"}, "invalid_request"),
    "redirect in upper case": ({"redirect_uri": CALLBACK.upper()}, "invalid_request"),
    "redirect with a port": (
        {"redirect_uri": "https://app.example:443/callback"},
        "invalid_request",
    ),
    "redirect with a user": (
        {"redirect_uri": "https://app.example@evil.example/callback"},
        "invalid_request",
    ),
    "redirect without a scheme": ({"redirect_uri": "//evil.example"}, "invalid_request"),
    "redirect that is a script": ({"redirect_uri": "javascript:alert(1)"}, "invalid_request"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_request_is_refused_and_redirects_nowhere(city: City, name: str) -> None:
    change, error = WRONG[name]
    answer = authorize(city, **change)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert "location" not in answer.headers


@pytest.mark.parametrize("client", ["nobody", "user-1", None])
def test_unknown_client_is_refused_and_redirects_nowhere(city: City, client: str | None) -> None:
    answer = authorize(city, client_id=client)
    assert answer.status_code in {400, 401}
    assert "location" not in answer.headers


def test_disabled_client_gets_no_login_page(city: City) -> None:
    city.accounts.set_active("web", active=False)
    assert authorize(city).json()["error"] == "invalid_client"


def test_repeated_parameter_is_refused(city: City) -> None:
    query = "&".join(f"{name}={value}" for name, value in REQUEST.items() if name != "state")
    answer = city.get(f"/oauth2/authorize?{query}&redirect_uri=https://evil.example")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
