"""`/v1/applications`, their PEP proxies, IoT agents and trusted applications over HTTP."""

from typing import Any

import pytest

from city.errors import Unavailable
from security.applications.applications import MAX_PROVIDED
from tests.integration.applications.keyrock import REDIRECT, Keyrock

NEW = {"application": {"name": "parks", "redirect_uri": REDIRECT}}


def changed(keyrock: Keyrock, application: str, **members: Any) -> Any:
    url = f"/v1/applications/{application}"
    answer = keyrock("PATCH", url, {"application": members})
    assert answer.status_code == 200, answer.text
    return answer.json()


def client(keyrock: Keyrock, id: str) -> Any:
    answer = keyrock.cognito.describe_user_pool_client(UserPoolId=keyrock.user_pool_id, ClientId=id)
    return answer["UserPoolClient"]


def out_of_order(*_: object, **__: object) -> None:
    raise Unavailable("out of order; try again")


def test_application_is_created_read_changed_and_deleted(keyrock: Keyrock) -> None:
    made = keyrock.made("POST", "/v1/applications", NEW)["application"]
    assert made["name"] == "parks"
    assert made["secret"]
    url = f"/v1/applications/{made['id']}"
    shown = keyrock.get(url)["application"]
    assert shown["grant_type"] == "client_credentials,password,authorization_code,refresh_token"
    assert shown["response_type"] == "code"
    assert shown["urls"]["roles_url"] == f"{url}/roles"
    assert changed(keyrock, made["id"], name="gardens") == {"values_updated": {"name": "gardens"}}
    assert keyrock.get(url)["application"]["name"] == "gardens"
    keyrock.done("DELETE", url)
    assert keyrock.refused("GET", url) == (404, "Application not found")


def test_secret_is_told_at_creation_and_never_again(keyrock: Keyrock) -> None:
    made = keyrock.made("POST", "/v1/applications", NEW)["application"]
    secret, url = made["secret"], f"/v1/applications/{made['id']}"
    assert made["jwt_secret"] is None
    patched = keyrock("PATCH", url, {"application": {"name": "other"}})
    answers = (keyrock("GET", url), keyrock("GET", "/v1/applications"), patched)
    assert not any(secret in answer.text for answer in answers)
    assert secret not in repr(keyrock.rows())
    assert secret not in repr(keyrock.audited("application"))


def test_v3_is_another_name_of_v1(keyrock: Keyrock) -> None:
    application = keyrock.application()
    assert keyrock.get(f"/v3/applications/{application}")["application"]["id"] == application


def test_empty_list_of_applications_is_no_error(keyrock: Keyrock) -> None:
    assert keyrock.get("/v1/applications", by=keyrock.user()) == {"applications": []}


def test_users_list_the_applications_they_have_a_role_in(keyrock: Keyrock) -> None:
    mine, _theirs = keyrock.user(), keyrock.application()
    application = keyrock.application(by=mine)
    listed = keyrock.get("/v1/applications", by=mine)["applications"]
    assert [one["id"] for one in listed] == [application]


def test_creator_becomes_provider(keyrock: Keyrock) -> None:
    user = keyrock.user()
    application = keyrock.application(by=user)
    url = f"/v1/applications/{application}/users/{user}/roles"
    expected = {"user_id": user, "role_id": "provider"}
    assert keyrock.get(url, by=user) == {"role_user_assignments": [expected]}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"redirect_uri": REDIRECT}, "Missing parameter name"),
        ({"name": "", "redirect_uri": REDIRECT}, "Missing parameter name"),
        ({"name": "parks"}, "Missing parameter redirect_uri"),
        (
            {"name": "parks", "grant_type": ["magic"], "redirect_uri": REDIRECT},
            "Invalid grant type",
        ),
        ({"name": "parks", "grant_type": ["implicit"]}, "Invalid grant type"),
        ({"name": "parks", "grant_type": 7}, "grant_type must be a list"),
        (
            {"name": "parks", "token_types": ["saml"], "redirect_uri": REDIRECT},
            "Invalid token type",
        ),
        ({"name": "parks", "scope": "context/everything"}, "Invalid scope"),
        ({"name": "parks", "scope": "openid", "redirect_uri": REDIRECT}, "Invalid scope"),
    ],
)
def test_impossible_application_is_refused(
    keyrock: Keyrock, members: dict[str, Any], message: str
) -> None:
    status, told = keyrock.refused("POST", "/v1/applications", {"application": members})
    assert (status, told.startswith(message)) == (400, True), told
    assert not keyrock.cognito.list_user_pool_clients(UserPoolId=keyrock.user_pool_id)[
        "UserPoolClients"
    ]


@pytest.mark.parametrize(
    "address",
    [
        "http://city.example/login",
        "https://city.example/login#token",
        "https://*.city.example/",
        "https://user@city.example/",
        "https:///login",
        "javascript:alert(1)",
        "data:text/html,hello",
        "/login",
        "https://city.example\\@evil.example/",
        "https://city.example:port/",
    ],
)
def test_codes_are_not_sent_to_open_addresses(keyrock: Keyrock, address: str) -> None:
    body = {"application": {"name": "parks", "redirect_uri": address}}
    assert keyrock.refused("POST", "/v1/applications", body)[0] == 400


@pytest.mark.parametrize(
    "address", ["https://city.example/login", "http://127.0.0.1:8000/", "com.example.parks:/login"]
)
def test_codes_are_sent_to_guarded_addresses(keyrock: Keyrock, address: str) -> None:
    application = keyrock.application(redirect_uri=address)
    assert client(keyrock, application)["CallbackURLs"] == [address]


def test_implicit_grant_and_permanent_tokens_come_to_nothing(keyrock: Keyrock) -> None:
    application = keyrock.application(
        grant_type=["authorization_code", "implicit"], token_types=["jwt", "permanent"]
    )
    shown = keyrock.get(f"/v1/applications/{application}")["application"]
    assert shown["grant_type"] == "authorization_code"
    assert shown["token_types"] == "bearer,jwt"
    assert client(keyrock, application)["AllowedOAuthFlows"] == ["code"]


def test_client_credentials_get_a_client_of_their_own(keyrock: Keyrock) -> None:
    application = keyrock.application()
    machine = keyrock.services.accounts.get(application).twin
    assert client(keyrock, machine)["AllowedOAuthFlows"] == ["client_credentials"]
    assert client(keyrock, application)["AllowedOAuthFlows"] == ["code"]
    assert "openid" not in client(keyrock, machine)["AllowedOAuthScopes"]


def test_application_that_only_acts_for_itself_has_one_client(keyrock: Keyrock) -> None:
    application = keyrock.application(grant_type=["client_credentials"])
    assert not keyrock.services.accounts.get(application).twin
    assert client(keyrock, application)["AllowedOAuthFlows"] == ["client_credentials"]


def test_clients_of_users_cannot_get_tokens_for_every_scope(keyrock: Keyrock) -> None:
    """No sign-in flow but the code is open, so no token of an application stands for the user."""
    application = keyrock.application(grant_type=["authorization_code"])
    assert client(keyrock, application)["ExplicitAuthFlows"] == ["ALLOW_CUSTOM_AUTH"]
    machine = keyrock.application(grant_type=["client_credentials"])
    assert client(keyrock, machine)["ExplicitAuthFlows"] == ["ALLOW_CUSTOM_AUTH"]


def test_withdrawn_client_credentials_give_no_more_tokens_and_end_those_there_are(
    keyrock: Keyrock,
) -> None:
    application = keyrock.application()
    machine = keyrock.services.accounts.get(application).twin
    token = keyrock.token(machine, machine, "context/read")
    changed(keyrock, application, grant_type=["authorization_code"])
    assert client(keyrock, machine)["AllowedOAuthFlows"] == []
    assert keyrock.ask(access_token=token).status_code == 401
    changed(keyrock, application, grant_type=["authorization_code", "client_credentials"])
    assert client(keyrock, machine)["AllowedOAuthFlows"] == ["client_credentials"]
    assert keyrock.services.accounts.get(machine).account.active
    assert keyrock.ask(access_token=token).status_code == 401


def test_client_credentials_can_be_added_later(keyrock: Keyrock) -> None:
    application = keyrock.application(grant_type=["authorization_code"])
    shown = changed(keyrock, application, grant_type=["authorization_code", "client_credentials"])
    assert shown == {"values_updated": {"grant_type": "client_credentials,authorization_code"}}
    assert keyrock.services.accounts.get(application).twin


def test_change_of_redirect_uri_reaches_the_user_pool(keyrock: Keyrock) -> None:
    application = keyrock.application()
    changed(keyrock, application, redirect_uri="https://parks.example/")
    assert client(keyrock, application)["CallbackURLs"] == ["https://parks.example/"]


def test_change_that_changes_nothing_says_so(keyrock: Keyrock) -> None:
    application = keyrock.application()
    assert changed(keyrock, application, name="parks") == {
        "message": "Request don't change the application parameters",
        "code": 200,
        "title": "OK",
    }


def test_members_nobody_may_set_are_ignored(keyrock: Keyrock) -> None:
    application = keyrock.application(id="mine", secret="mine", machine="mine", alias="mine")
    assert application != "mine"
    assert "mine" not in repr(keyrock.rows())


@pytest.mark.parametrize("scope", ["security/admin", "security/decide", "security/profile"])
def test_only_administrators_let_applications_use_the_security_api(
    keyrock: Keyrock, scope: str
) -> None:
    body = {"application": {"name": "a", "redirect_uri": REDIRECT, "scope": scope}}
    assert keyrock.refused("POST", "/v1/applications", body, by=keyrock.user())[0] == 403
    application = keyrock.application(scope=f"context/read {scope}")
    assert client(keyrock, application)["AllowedOAuthScopes"] == ["context/read", scope]


def test_users_cannot_exhaust_the_clients_of_the_pool(
    keyrock: Keyrock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_PROVIDED == 20
    monkeypatch.setattr("security.applications.applications.MAX_PROVIDED", 1)
    user = keyrock.user()
    keyrock.application(by=user)
    assert keyrock.refused("POST", "/v1/applications", NEW, by=user)[0] == 403


def test_strangers_may_not_touch_an_application(keyrock: Keyrock) -> None:
    application, stranger = keyrock.application(), keyrock.user()
    url = f"/v1/applications/{application}"
    requests = [
        ("GET", url),
        ("PATCH", url),
        ("DELETE", url),
        ("POST", f"{url}/pep_proxies"),
        ("POST", f"{url}/iot_agents"),
        ("GET", f"{url}/trusted_applications"),
        ("PUT", f"{url}/trusted_applications/{application}"),
        ("GET", f"{url}/users"),
    ]
    for method, path in requests:
        body = {"application": {"name": "mine"}} if method == "PATCH" else None
        assert keyrock.refused(method, path, body, by=stranger) == (
            403,
            "User not allow to perform the action",
        )


def test_content_type_is_needed_even_without_a_body(keyrock: Keyrock) -> None:
    url = f"/v1/applications/{keyrock.application()}/pep_proxies"
    answer = keyrock("POST", url, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400


def test_everything_is_counted_for_administrators(keyrock: Keyrock) -> None:
    keyrock.application()
    counts = {"totalUsers": 1, "totalOrganizations": 0, "totalApplications": 1}
    assert keyrock.get("/v1/service_providers/configs") == {"information": counts}
    stranger = keyrock.user()
    assert keyrock.refused("GET", "/v1/service_providers/configs", by=stranger)[0] == 403


@pytest.mark.parametrize(
    "step",
    [
        "security.cognito.clients.AppClients.create",
        "security.store.applications.ApplicationStore.create",
        "security.store.accounts.AccountStore.create",
    ],
)
def test_nothing_is_left_of_an_application_that_could_not_be_made(
    keyrock: Keyrock, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    keyrock.application()
    before = keyrock.rows()
    monkeypatch.setattr(step, out_of_order)
    assert keyrock("POST", "/v1/applications", NEW).status_code == 503
    assert keyrock.rows() == before
    clients = keyrock.cognito.list_user_pool_clients(UserPoolId=keyrock.user_pool_id)
    assert len(clients["UserPoolClients"]) == 2


def test_change_that_the_pool_does_not_take_is_taken_back(
    keyrock: Keyrock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the same change, tried again, is one."""
    application = keyrock.application()
    with monkeypatch.context() as patch:
        patch.setattr("security.cognito.clients.AppClients.update", out_of_order)
        body = {"application": {"redirect_uri": "https://parks.example/"}}
        answer = keyrock("PATCH", f"/v1/applications/{application}", body)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    changed(keyrock, application, redirect_uri="https://parks.example/")
    assert client(keyrock, application)["CallbackURLs"] == ["https://parks.example/"]


def test_change_of_an_application_counts_at_once(keyrock: Keyrock) -> None:
    application = keyrock.application()
    known = keyrock.services.oauth.clients
    assert known.named(application).known.redirect_uris == {REDIRECT}
    changed(keyrock, application, redirect_uri="https://parks.example/")
    assert known.named(application).known.redirect_uris == {"https://parks.example/"}


def test_deletion_takes_accounts_assignments_and_clients(keyrock: Keyrock) -> None:
    application, user = keyrock.application(), keyrock.user()
    role = keyrock.role(application)
    keyrock.permission(
        application,
        role,
        resource="/v2/entities",
        authorization_service_header="city",
        use_authorization_service_header=True,
    )
    keyrock.assign(application, user, role)
    assert keyrock.services.oauth.clients.named(application)
    agent = keyrock.made("POST", f"/v1/applications/{application}/iot_agents")["iot_agent"]["id"]
    machine = keyrock.services.accounts.get(application).twin
    assert keyrock.services.accounts.get(user).account.grants
    keyrock.done("DELETE", f"/v1/applications/{application}")
    assert not keyrock.services.accounts.get(user).account.grants
    for subject in (application, machine, agent):
        assert keyrock.services.accounts.find(subject) is None
    left = [row for row in keyrock.rows() if application in repr(row)]
    assert {row["sk"]["S"] for row in left} <= {"account"}
    clients = keyrock.cognito.list_user_pool_clients(UserPoolId=keyrock.user_pool_id)
    assert clients["UserPoolClients"] == []


def test_token_of_a_deleted_application_is_dead(keyrock: Keyrock) -> None:
    application, user = keyrock.application(), keyrock.user()
    token = keyrock.token(user, application, "openid")
    assert keyrock.ask(access_token=token).status_code == 200
    keyrock.done("DELETE", f"/v1/applications/{application}")
    assert keyrock.ask(access_token=token).status_code == 401


class TestPepProxies:
    def test_proxy_is_made_read_reset_and_deleted(self, keyrock: Keyrock) -> None:
        application = keyrock.application()
        url = f"/v1/applications/{application}/pep_proxies"
        assert keyrock.refused("GET", url) == (404, "Pep Proxy not found")
        made = keyrock.made("POST", url)["pep_proxy"]
        assert made["id"].startswith("pep_proxy_")
        assert made["password"].startswith("pep_proxy_")
        shown = {"pep_proxy": {"id": made["id"], "oauth_client_id": application}}
        assert keyrock.get(url) == shown
        new = keyrock("PATCH", url).json()["new_password"]
        assert keyrock.services.agents.verify(made["id"], made["password"]) is None
        assert keyrock.services.agents.verify(made["id"], new)
        keyrock.done("DELETE", url)
        assert keyrock.services.agents.verify(made["id"], new) is None

    def test_second_proxy_is_refused(self, keyrock: Keyrock) -> None:
        url = f"/v1/applications/{keyrock.application()}/pep_proxies"
        keyrock.made("POST", url)
        assert keyrock.refused("POST", url) == (409, "Pep Proxy already registered")

    def test_password_is_kept_as_a_salted_hash_only(self, keyrock: Keyrock) -> None:
        url = f"/v1/applications/{keyrock.application()}/pep_proxies"
        password = keyrock.made("POST", url)["pep_proxy"]["password"]
        assert password not in repr(keyrock.rows())
        assert "scrypt$16384$8$1$" in repr(keyrock.rows())


class TestIotAgents:
    def test_agents_are_made_listed_reset_and_deleted(self, keyrock: Keyrock) -> None:
        application = keyrock.application()
        url = f"/v1/applications/{application}/iot_agents"
        assert keyrock.refused("GET", url) == (404, "Iot agents not found")
        agents = [keyrock.made("POST", url)["iot_agent"] for _ in range(2)]
        listed = {one["id"] for one in keyrock.get(url)["iot_agents"]}
        assert listed == {agent["id"] for agent in agents}
        one = f"{url}/{agents[0]['id']}"
        shown = {"iot_agent": {"id": agents[0]["id"], "oauth_client_id": application}}
        assert keyrock.get(one) == shown
        new = keyrock("PATCH", one).json()["new_password"]
        assert keyrock.services.agents.verify(agents[0]["id"], new)
        keyrock.done("DELETE", one)
        assert keyrock.refused("GET", one)[0] == 404

    def test_agent_of_another_application_is_not_found(self, keyrock: Keyrock) -> None:
        mine, theirs = keyrock.application(), keyrock.application()
        agent = keyrock.made("POST", f"/v1/applications/{theirs}/iot_agents")["iot_agent"]["id"]
        for method in ("GET", "PATCH", "DELETE"):
            url = f"/v1/applications/{mine}/iot_agents/{agent}"
            assert keyrock.refused(method, url)[0] == 404

    def test_tokens_die_with_the_password(self, keyrock: Keyrock) -> None:
        application = keyrock.application()
        url = f"/v1/applications/{application}/iot_agents"
        agent = keyrock.made("POST", url)["iot_agent"]["id"]
        machine = keyrock.services.accounts.get(application).twin
        token = keyrock.token(machine, machine, "context/read")
        assert keyrock.ask(access_token=token).status_code == 200
        assert keyrock("PATCH", f"{url}/{agent}").status_code == 200
        assert keyrock.ask(access_token=token).status_code == 401


class TestTrustedApplications:
    def test_trust_is_given_listed_and_taken(self, keyrock: Keyrock) -> None:
        mine, other = keyrock.application(), keyrock.application()
        url = f"/v1/applications/{mine}/trusted_applications"
        assert keyrock.refused("GET", url) == (404, "Trusted applications nof found")
        assert keyrock.made("PUT", f"{url}/{other}") == {
            "oauth_client_id": mine,
            "trusted_oauth_client_id": other,
        }
        assert keyrock.get(url) == {"trusted_applications": [other]}
        keyrock.done("DELETE", f"{url}/{other}")
        assert keyrock.refused("DELETE", f"{url}/{other}")[0] == 404

    def test_unknown_application_and_itself_cannot_be_trusted(self, keyrock: Keyrock) -> None:
        application = keyrock.application()
        url = f"/v1/applications/{application}/trusted_applications"
        assert keyrock.refused("PUT", f"{url}/nobody")[0] == 404
        assert keyrock.refused("PUT", f"{url}/{application}")[0] == 400


def test_changes_are_audited(keyrock: Keyrock) -> None:
    application = keyrock.application()
    url = f"/v1/applications/{application}"
    keyrock.made("POST", f"{url}/iot_agents")
    keyrock.made("PUT", f"{url}/trusted_applications/{keyrock.application()}")
    changed(keyrock, application, name="gardens")
    keyrock.done("DELETE", url)
    for action in ("create", "trust", "update", "delete"):
        entries = keyrock.audited(f"application:{action}")
        assert entries
        assert all(keyrock.admin in repr(entry) for entry in entries)
    assert keyrock.audited("agent:create")
