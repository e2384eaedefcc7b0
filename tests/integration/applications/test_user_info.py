"""`GET /user`: who the bearer of a token is to an application, and whether it may do something.

The weaknesses named are those of the original and of the proxies in front of it.
"""

from typing import Any

import pytest

from security.store.organisations import Membership
from tests.integration.applications.keyrock import LOGIN, Keyrock

TENANT = {"authorization_service_header": "city", "use_authorization_service_header": True}
PATTERN = {"resource": "/parks/[a-z]+", "is_regex": True}


@pytest.fixture
def parks(keyrock: Keyrock) -> tuple[str, str, str]:
    """An application, a user, and the role that the user has."""
    application, user = keyrock.application(), keyrock.user("ann@city.example")
    role = keyrock.role(application)
    keyrock.assign(application, user, role)
    return application, user, role


def decided(
    keyrock: Keyrock, parks: tuple[str, str, str], action: str, path: str, **more: str
) -> str:
    application, user, _ = parks
    return keyrock.decision(user, application, action, path, **more)


def test_answer_has_every_member(keyrock: Keyrock, parks: tuple[str, str, str]) -> None:
    application, user, role = parks
    token = keyrock.token(user, application, "openid profile email")
    answer = keyrock.ask(access_token=token, app_id=application)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "organizations": [],
        "displayName": "ann",
        "roles": [{"id": role, "name": "gardener"}],
        "app_id": application,
        "trusted_apps": [],
        "isGravatarEnabled": False,
        "id": user,
        "sub": user,
        "given_name": "",
        "family_name": "",
        "extra": None,
        "authorization_decision": "",
        "app_azf_domain": "",
        "eidas_profile": {},
        "attributes": {},
        "shared_attributes": "",
        "username": "ann",
        "email": "ann@city.example",
        "image": "",
        "gravatar": "",
    }


def test_user_shares_only_what_the_token_is_for(
    keyrock: Keyrock, parks: tuple[str, str, str]
) -> None:
    application, user, _ = parks
    shown = keyrock.ask(access_token=keyrock.token(user, application, "openid")).json()
    assert (shown["username"], shown["email"]) == ("", "")
    assert "ann@" not in repr(shown)


@pytest.mark.parametrize("header", ["Authorization", "X-Auth-Token"])
def test_token_may_come_in_a_header(
    keyrock: Keyrock, parks: tuple[str, str, str], header: str
) -> None:
    application, user, _ = parks
    token = keyrock.token(user, application, "openid")
    value = f"Bearer {token}" if header == "Authorization" else token
    answer = keyrock.raw("GET", "/user", headers={header: value})
    assert (answer.status_code, answer.json()["id"]) == (200, user)


def test_proxy_may_send_its_own_token_beside_the_one_it_asks_about(
    keyrock: Keyrock, parks: tuple[str, str, str]
) -> None:
    application, user, _ = parks
    machine = keyrock.services.accounts.get(application).twin
    own = {"X-Auth-Token": keyrock.token(machine, machine, "context/read")}
    token = keyrock.token(user, application, "openid")
    answer = keyrock.raw("GET", "/user", params={"access_token": token}, headers=own)
    assert answer.json()["id"] == user


def test_two_different_tokens_are_refused(keyrock: Keyrock, parks: tuple[str, str, str]) -> None:
    application, user, _ = parks
    one, other = (keyrock.token(user, application, "openid") for _ in range(2))
    headers = {"Authorization": f"Bearer {one}"}
    answer = keyrock.raw("GET", "/user", params={"access_token": other}, headers=headers)
    assert answer.status_code == 401


def test_roles_of_organisations_are_shown_with_them(
    keyrock: Keyrock, parks: tuple[str, str, str]
) -> None:
    application, user, _ = parks
    role = keyrock.role(application, "warden")
    organisation = keyrock.services.organisations.create(keyrock.admin, "wardens", "", "").id
    keyrock.services.organisations.set_member(organisation, user, Membership.MEMBER)
    url = f"/v1/applications/{application}/organizations/{organisation}/roles/{role}"
    keyrock.made("PUT", f"{url}/organization_roles/member")
    keyrock.permission(application, role, resource="/gates")
    (shown,) = keyrock.ask(access_token=keyrock.token(user, application, "openid")).json()[
        "organizations"
    ]
    assert (shown["id"], shown["name"]) == (organisation, "wardens")
    assert shown["roles"] == [{"id": role, "name": "warden"}]
    assert decided(keyrock, parks, "GET", "/gates") == "Permit"


def test_application_itself_is_told_who_it_is(keyrock: Keyrock) -> None:
    application = keyrock.application()
    machine = keyrock.services.accounts.get(application).twin
    token = keyrock.token(machine, machine, "context/read")
    shown = keyrock.ask(access_token=token, app_id=application).json()
    assert (shown["id"], shown["app_id"], shown["roles"]) == (application, application, [])
    asked = keyrock.ask(access_token=token, app_id=application, action="GET", resource="/parks")
    assert asked.json()["authorization_decision"] == "Deny"


class TestToken:
    def test_no_token_is_401(self, keyrock: Keyrock) -> None:
        answer = keyrock.ask()
        assert answer.status_code == 401
        assert answer.json().keys() == {"message", "code", "title"}
        assert answer.headers["www-authenticate"].startswith("Bearer")

    def test_bad_revoked_and_orphaned_tokens_are_401(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        application, user, _ = parks
        good = keyrock.token(user, application, "openid", iat=1_700_000_000)
        assert keyrock.ask(access_token=good).status_code == 200
        keyrock.services.accounts.revoke_tokens(user)
        orphan = keyrock.token("no-such-user", application, "openid")
        unknown = keyrock.token(user, "no-such-client", "openid")
        for token in ("garbage", good, good[:-2] + "xx", orphan, unknown):
            assert keyrock.ask(access_token=token).status_code == 401

    def test_disabled_user_is_401(self, keyrock: Keyrock, parks: tuple[str, str, str]) -> None:
        application, user, _ = parks
        token = keyrock.token(user, application, "openid")
        keyrock.services.accounts.set_active(user, active=False)
        assert keyrock.ask(access_token=token, app_id=application).status_code == 401

    def test_disabled_application_decides_nothing(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        application, user, _ = parks
        other = keyrock.application()
        keyrock.made("PUT", f"/v1/applications/{application}/trusted_applications/{other}")
        token = keyrock.token(user, other, "openid")
        assert keyrock.ask(access_token=token, app_id=application).status_code == 200
        keyrock.services.accounts.set_active(application, active=False)
        assert keyrock.ask(access_token=token, app_id=application).status_code == 401


class TestAudience:
    """Weakness: without an audience check every application's tokens open every other's doors."""

    def test_token_of_another_application_is_401(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        application, user, _ = parks
        token = keyrock.token(user, keyrock.application(), "openid")
        answer = keyrock.ask(access_token=token, app_id=application)
        assert answer.status_code == 401
        assert answer.json()["message"] == "User not authorized in application"

    def test_token_of_a_trusted_application_is_taken_until_trust_ends(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        application, user, role = parks
        other = keyrock.application()
        url = f"/v1/applications/{application}/trusted_applications/{other}"
        keyrock.made("PUT", url)
        token = keyrock.token(user, other, "openid")
        shown = keyrock.ask(access_token=token, app_id=application).json()
        assert shown["app_id"] == application
        assert [one["id"] for one in shown["roles"]] == [role]
        assert shown["trusted_apps"] == [other]
        keyrock.done("DELETE", url)
        assert keyrock.ask(access_token=token, app_id=application).status_code == 401

    def test_trust_is_not_mutual(self, keyrock: Keyrock, parks: tuple[str, str, str]) -> None:
        application, user, _ = parks
        other = keyrock.application()
        keyrock.made("PUT", f"/v1/applications/{other}/trusted_applications/{application}")
        token = keyrock.token(user, other, "openid")
        assert keyrock.ask(access_token=token, app_id=application).status_code == 401

    def test_token_of_a_trusted_machine_client_is_taken(self, keyrock: Keyrock) -> None:
        application, other = keyrock.application(), keyrock.application()
        keyrock.made("PUT", f"/v1/applications/{application}/trusted_applications/{other}")
        machine = keyrock.services.accounts.get(other).twin
        token = keyrock.token(machine, machine, "context/read")
        assert keyrock.ask(access_token=token, app_id=application).status_code == 200

    def test_unknown_application_is_401(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        application, user, _ = parks
        token = keyrock.token(user, application, "openid")
        assert keyrock.ask(access_token=token, app_id="nobody").status_code == 401

    def test_direct_sign_in_is_no_token_of_an_application(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        application, user, _ = parks
        token = keyrock.token(user, LOGIN)
        assert keyrock.ask(access_token=token, app_id=application).status_code == 401
        assert keyrock.ask(access_token=token).json()["app_id"] == LOGIN

    def test_decision_without_application_is_400(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        """Weakness: any application's own permissions would open the door of the one that asks."""
        application, user, _ = parks
        token = keyrock.token(user, application, "openid")
        answer = keyrock.ask(access_token=token, action="GET", resource="/parks")
        assert answer.status_code == 400


class TestDecision:
    def test_permitted_and_denied(self, keyrock: Keyrock, parks: tuple[str, str, str]) -> None:
        keyrock.permission(parks[0], parks[2])
        assert decided(keyrock, parks, "GET", "/parks") == "Permit"
        assert decided(keyrock, parks, "POST", "/parks") == "Deny"
        assert decided(keyrock, parks, "GET", "/gates") == "Deny"

    def test_verbs_are_compared_in_any_case(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        keyrock.permission(parks[0], parks[2], action="get")
        assert decided(keyrock, parks, "GeT", "/parks") == "Permit"

    def test_change_counts_at_once(self, keyrock: Keyrock, parks: tuple[str, str, str]) -> None:
        application, user, role = parks
        permission = keyrock.permission(application, role)
        assert decided(keyrock, parks, "GET", "/parks") == "Permit"
        url = f"/v1/applications/{application}"
        keyrock.done("DELETE", f"{url}/roles/{role}/permissions/{permission}")
        assert decided(keyrock, parks, "GET", "/parks") == "Deny"
        keyrock.made("PUT", f"{url}/roles/{role}/permissions/{permission}")
        assert decided(keyrock, parks, "GET", "/parks") == "Permit"
        keyrock.done("DELETE", f"{url}/users/{user}/roles/{role}")
        assert decided(keyrock, parks, "GET", "/parks") == "Deny"

    def test_role_in_another_application_counts_for_nothing(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        other = keyrock.application()
        role = keyrock.role(other)
        keyrock.permission(other, role)
        keyrock.assign(other, parks[1], role)
        assert decided(keyrock, parks, "GET", "/parks") == "Deny"

    def test_permission_without_tenant_permits_the_default_tenant_only(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        """Weakness: in Keyrock it permits every tenant."""
        keyrock.permission(parks[0], parks[2])
        for tenant, decision in (("", "Permit"), ("city", "Deny"), ("other", "Deny")):
            asked = decided(keyrock, parks, "GET", "/parks", authorization_service_header=tenant)
            assert asked == decision

    def test_permission_with_tenant_permits_that_tenant_only(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        keyrock.permission(parks[0], parks[2], **TENANT)
        assert decided(keyrock, parks, "GET", "/parks") == "Deny"
        for tenant, decision in (("city", "Permit"), ("CITY", "Permit"), ("other", "Deny")):
            asked = decided(keyrock, parks, "GET", "/parks", authorization_service_header=tenant)
            assert asked == decision

    def test_permission_for_any_tenant_says_so(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        keyrock.permission(parks[0], parks[2], authorization_service_header="*")
        for more in ({}, {"authorization_service_header": "city"}):
            assert decided(keyrock, parks, "GET", "/parks", **more) == "Permit"

    @pytest.mark.parametrize(
        "path", ["/evil/parks/north", "/parks/north/evil", "/parks/NORTH", "/parks/", "x/parks/a"]
    )
    def test_expression_must_match_the_whole_path_in_its_case(
        self, keyrock: Keyrock, parks: tuple[str, str, str], path: str
    ) -> None:
        """Weakness: unanchored, case-insensitive expressions permit paths with a foreign prefix."""
        keyrock.permission(parks[0], parks[2], **PATTERN)
        assert decided(keyrock, parks, "GET", "/parks/north") == "Permit"
        assert decided(keyrock, parks, "GET", path) == "Deny"

    @pytest.mark.parametrize(
        "path",
        [
            "/parks/../secret",
            "/parks/./north",
            "/parks/%2e%2e/secret",
            "/parks/%252e%252e/secret",
            "/parks/..%2fsecret",
            "/parks\\..\\secret",
            "/parks/north\n",
        ],
    )
    def test_path_that_can_be_read_in_two_ways_is_denied(
        self, keyrock: Keyrock, parks: tuple[str, str, str], path: str
    ) -> None:
        keyrock.permission(parks[0], parks[2], resource="/parks(?s:.*)", is_regex=True)
        assert decided(keyrock, parks, "GET", path) == "Deny"
        assert decided(keyrock, parks, "GET", "/parks/a..b") == "Permit"

    def test_expression_that_backtracks_elsewhere_takes_no_time(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        keyrock.permission(parks[0], parks[2], resource="(a+)+b", is_regex=True)
        assert decided(keyrock, parks, "GET", "a" * 5000) == "Deny"


class TestQuery:
    """Weakness: what a proxy puts into the query unencoded must not change the question."""

    @pytest.mark.parametrize(
        "more",
        [
            "action=GET",
            "resource=/parks",
            "app_id=other",
            "access_token=other",
            "authorization_service_header=a&authorization_service_header=b",
        ],
    )
    def test_repeated_parameter_is_400(
        self, keyrock: Keyrock, parks: tuple[str, str, str], more: str
    ) -> None:
        """A tenant header "city&action=GET" arrives as a second action."""
        application, user, role = parks
        keyrock.permission(application, role)
        token = keyrock.token(user, application, "openid")
        query = f"access_token={token}&app_id={application}&action=DELETE&resource=/parks&{more}"
        assert keyrock.raw("GET", f"/user?{query}").status_code == 400

    @pytest.mark.parametrize(
        "parameters",
        [
            {"tenant": "city"},
            {"Action": "GET"},
            {"action": ""},
            {"app_id": ""},
            {"action": "GET"},
            {"resource": "/parks"},
            {"action": "GET", "resource": "/parks", "authzforce": "true"},
            {"action": "GET", "resource": "/parks", "authorization_service_header": "a,b"},
            {"action": "GET", "resource": "/parks", "authorization_service_header": "a b"},
        ],
    )
    def test_unknown_empty_and_malformed_parameters_are_400(
        self, keyrock: Keyrock, parks: tuple[str, str, str], parameters: dict[str, Any]
    ) -> None:
        application, user, _ = parks
        token = keyrock.token(user, application, "openid")
        asked = {"access_token": token, "app_id": application} | parameters
        assert keyrock.ask(**asked).status_code == 400

    def test_query_that_is_no_utf_8_is_400(self, keyrock: Keyrock) -> None:
        assert keyrock.raw("GET", "/user?access_token=%ff").status_code == 400

    def test_headers_that_claim_an_identity_mean_nothing(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        """Weakness: proxies pass X-Roles and the like of the client on."""
        application, user, role = parks
        keyrock.permission(application, role)
        stranger = keyrock.token(keyrock.user(), application, "openid")
        headers = {
            "X-Nick-Name": "ann",
            "X-Roles": role,
            "X-Organizations": "all",
            "X-App-Id": application,
            "X-User-Id": user,
        }
        parameters = {
            "access_token": stranger,
            "app_id": application,
            "action": "GET",
            "resource": "/parks",
        }
        answer = keyrock.raw("GET", "/user", params=parameters, headers=headers)
        assert answer.json()["authorization_decision"] == "Deny"
        assert answer.json()["roles"] == []

    def test_method_override_is_ignored(
        self, keyrock: Keyrock, parks: tuple[str, str, str]
    ) -> None:
        keyrock.permission(parks[0], parks[2])
        application, user, _ = parks
        parameters = {
            "access_token": keyrock.token(user, application, "openid"),
            "app_id": application,
            "action": "DELETE",
            "resource": "/parks",
        }
        headers = {"X-HTTP-Method-Override": "GET"}
        answer = keyrock.raw("GET", "/user", params=parameters, headers=headers)
        assert answer.json()["authorization_decision"] == "Deny"


def test_token_in_the_query_is_not_logged(
    keyrock: Keyrock, parks: tuple[str, str, str], caplog: pytest.LogCaptureFixture
) -> None:
    application, user, _ = parks
    token = keyrock.token(user, application, "openid")
    keyrock.ask(access_token=token, app_id=application)
    logged = repr([vars(record) for record in caplog.records])
    assert "/user" in logged
    assert token not in logged
    assert token not in repr(keyrock.rows())
