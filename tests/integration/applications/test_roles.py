"""Roles, permissions and assignments over HTTP, and how they become access at once."""

from typing import Any

import pytest

from city.errors import Unavailable
from city.policy.grants import Action, Grant
from security.store.organisations import Membership
from tests.integration.applications.keyrock import Keyrock

NATIVE: dict[str, Any] = {
    "resource": "/v2/entities",
    "authorization_service_header": "City",
    "use_authorization_service_header": True,
}
CITY_ADMIN = Grant("admin", frozenset(Action), "city")
OTHER_ADMIN = Grant("admin", frozenset(Action), "other")


def grants(keyrock: Keyrock, user: str) -> list[tuple[set[str], str]]:
    """What a user may do, as the compiled account has it."""
    account = keyrock.services.accounts.get(user).account
    return [({*grant.actions}, grant.tenant) for grant in account.grants]


READS_CITY = [({"read"}, "city")]


def provider(keyrock: Keyrock, *tenants: Grant) -> tuple[str, str]:
    """A user with an application of its own, and the application."""
    user = keyrock.user()
    for grant in tenants:
        keyrock.services.accounts.grant(user, grant, "test")
    return user, keyrock.application(by=user)


class TestRoles:
    def test_role_is_created_read_renamed_and_deleted(self, keyrock: Keyrock) -> None:
        application = keyrock.application()
        role = keyrock.role(application)
        url = f"/v1/applications/{application}/roles/{role}"
        assert keyrock.get(url)["role"] == {
            "id": role,
            "is_internal": False,
            "name": "gardener",
            "oauth_client_id": application,
        }
        renamed = keyrock("PATCH", url, {"role": {"name": "keeper"}})
        assert renamed.json() == {"values_updated": {"name": "keeper"}}
        keyrock.done("DELETE", url)
        assert keyrock.refused("GET", url) == (404, "Role not found")

    def test_built_in_roles_come_first(self, keyrock: Keyrock) -> None:
        application = keyrock.application()
        role = keyrock.role(application)
        listed = keyrock.get(f"/v1/applications/{application}/roles")["roles"]
        assert listed == [
            {"id": "purchaser", "name": "Purchaser"},
            {"id": "provider", "name": "Provider"},
            {"id": role, "name": "gardener"},
        ]

    @pytest.mark.parametrize("role", ["provider", "purchaser"])
    def test_built_in_roles_cannot_be_changed(self, keyrock: Keyrock, role: str) -> None:
        url = f"/v1/applications/{keyrock.application()}/roles/{role}"
        refusal = (403, "Not allowed")
        assert keyrock.refused("PATCH", url, {"role": {"name": "mine"}}) == refusal
        assert keyrock.refused("DELETE", url) == refusal
        assert keyrock.refused("PUT", f"{url}/permissions/1") == refusal
        assert keyrock.refused("DELETE", f"{url}/permissions/5") == refusal

    def test_same_name_again_changes_nothing(self, keyrock: Keyrock) -> None:
        application = keyrock.application()
        url = f"/v1/applications/{application}/roles/{keyrock.role(application)}"
        answer = keyrock("PATCH", url, {"role": {"name": "gardener"}})
        assert answer.json()["message"] == "Request don't change the role parameters"

    def test_role_of_another_application_is_not_found(self, keyrock: Keyrock) -> None:
        mine, theirs = keyrock.application(), keyrock.application()
        role = keyrock.role(theirs)
        url = f"/v1/applications/{mine}/roles/{role}"
        assert keyrock.refused("GET", url)[0] == 404
        assert keyrock.refused("DELETE", url)[0] == 404
        assert keyrock.refused("PUT", f"/v1/applications/{mine}/users/{keyrock.admin}/roles/{role}")

    @pytest.mark.parametrize("body", [{}, {"role": {}}, {"role": {"name": ""}}, {"role": "x"}])
    def test_role_without_a_name_is_refused(self, keyrock: Keyrock, body: Any) -> None:
        url = f"/v1/applications/{keyrock.application()}/roles"
        assert keyrock.refused("POST", url, body)[0] == 400


class TestPermissions:
    def test_permission_is_created_read_changed_and_deleted(self, keyrock: Keyrock) -> None:
        application = keyrock.application()
        id = keyrock.permission(application, description="look at parks")
        url = f"/v1/applications/{application}/permissions/{id}"
        shown = keyrock.get(url)["permission"]
        assert shown["action"] == "GET"
        assert shown["resource"] == "/parks"
        assert shown["is_internal"] is shown["is_regex"] is False
        assert shown["oauth_client_id"] == application
        assert shown["xml"] is shown["effective_grant"] is None
        patched = keyrock("PATCH", url, {"permission": {"resource": "/gardens"}})
        assert patched.json() == {"values_updated": {"resource": "/gardens"}}
        keyrock.done("DELETE", url)
        assert keyrock.refused("GET", url) == (404, "Permission not found")

    @pytest.mark.parametrize("id", list("123456"))
    def test_built_in_permissions_cannot_be_changed(self, keyrock: Keyrock, id: str) -> None:
        url = f"/v1/applications/{keyrock.application()}/permissions/{id}"
        assert keyrock.get(url)["permission"]["is_internal"] is True
        refusal = (403, "Not allowed")
        assert keyrock.refused("PATCH", url, {"permission": {"name": "mine"}}) == refusal
        assert keyrock.refused("DELETE", url) == refusal

    @pytest.mark.parametrize(
        "members",
        [
            {"action": "GET", "resource": "/a"},
            {"name": "see"},
            {"name": "see", "action": "GET"},
            {"name": "see", "resource": "/a"},
            {"name": "see", "action": "G E T", "resource": "/a"},
            {"name": "see", "action": "GET", "resource": "/a", "xml": "<Rule/>"},
            {"name": "see", "action": "GET", "resource": "(", "is_regex": True},
            {"name": "see", "action": "GET", "resource": "/a)|(/b", "is_regex": True},
            {"name": "see", "action": "GET", "resource": r"(/a)\1", "is_regex": True},
            {"name": "see", "action": "GET", "resource": "/a", "is_regex": "yes"},
            {"name": "see", "action": "GET", "resource": "/a", "regex_types": "("},
            {
                "name": "see",
                "action": "GET",
                "resource": "/a",
                "authorization_service_header": "a b",
            },
            {
                "name": "see",
                "action": "GET",
                "resource": "/a",
                "use_authorization_service_header": True,
            },
            {"name": "see", "grant": {"actions": ["fly"], "tenant": "city"}},
            {"name": "see", "grant": "everything"},
        ],
    )
    def test_impossible_permission_is_refused(
        self, keyrock: Keyrock, members: dict[str, Any]
    ) -> None:
        url = f"/v1/applications/{keyrock.application()}/permissions"
        assert keyrock.refused("POST", url, {"permission": members})[0] == 400

    def test_permissions_of_a_role(self, keyrock: Keyrock) -> None:
        application = keyrock.application()
        role = keyrock.role(application)
        url = f"/v1/applications/{application}/roles/{role}/permissions"
        assert keyrock.refused("GET", url) == (404, "Assignments not found")
        id = keyrock.permission(application)
        made = keyrock.made("PUT", f"{url}/{id}")
        assert made == {"role_permission_assignments": {"role_id": role, "permission_id": id}}
        (listed,) = keyrock.get(url)["role_permission_assignments"]
        assert listed["id"] == id
        keyrock.done("DELETE", f"{url}/{id}")
        assert keyrock.refused("DELETE", f"{url}/{id}")[0] == 404
        assert keyrock.refused("PUT", f"{url}/nothing") == (404, "Permission not found")


class TestAssignments:
    def test_role_is_given_listed_and_taken(self, keyrock: Keyrock) -> None:
        application, user = keyrock.application(), keyrock.user()
        role = keyrock.role(application)
        url = f"/v1/applications/{application}/users/{user}/roles"
        assert keyrock.refused("GET", url) == (404, "Assignments not found")
        made = keyrock.made("POST", f"{url}/{role}")["role_user_assignments"]
        assert made == {"role_id": role, "user_id": user, "oauth_client_id": application}
        assert keyrock.get(url) == {"role_user_assignments": [{"user_id": user, "role_id": role}]}
        listed = keyrock.get(f"/v1/applications/{application}/users")["role_user_assignments"]
        assert {"user_id": user, "role_id": role} in listed
        keyrock.done("DELETE", f"{url}/{role}")
        assert keyrock.refused("DELETE", f"{url}/{role}") == (404, "Assignment not found")

    def test_role_is_given_to_an_organisation(self, keyrock: Keyrock) -> None:
        application, owner = keyrock.application(), keyrock.user()
        role = keyrock.role(application)
        organisation = keyrock.services.organisations.create(owner, "parks", "", "").id
        url = f"/v1/applications/{application}/organizations/{organisation}/roles"
        one = f"{url}/{role}/organization_roles/owner"
        assert keyrock.refused("GET", url)[0] == 404
        assert keyrock.made("PUT", one)["role_organization_assignments"] == {
            "role_id": role,
            "organization_id": organisation,
            "oauth_client_id": application,
            "role_organization": "owner",
        }
        expected = {
            "organization_id": organisation,
            "role_id": role,
            "role_organization": "owner",
        }
        listed = {"role_organization_assignments": [expected]}
        assert keyrock.get(url) == listed
        assert keyrock.get(f"/v1/applications/{application}/organizations") == listed
        keyrock.done("DELETE", one)
        assert keyrock.refused("DELETE", one)[0] == 404

    def test_unknown_users_organisations_and_roles_are_not_found(self, keyrock: Keyrock) -> None:
        application = keyrock.application()
        role, url = keyrock.role(application), f"/v1/applications/{application}"
        assert keyrock.refused("PUT", f"{url}/users/nobody/roles/{role}") == (404, "User not found")
        organisation = f"{url}/organizations/none/roles/{role}/organization_roles"
        assert keyrock.refused("PUT", f"{organisation}/member") == (404, "Organization not found")
        assert keyrock.refused("PUT", f"{organisation}/guest")[0] == 404
        users = f"{url}/users/{keyrock.admin}/roles"
        assert keyrock.refused("PUT", f"{users}/none") == (404, "Role not found")
        assert keyrock.refused("GET", f"{url}/users/nobody/roles") == (404, "User not found")


class TestAccess:
    """Every change reaches the accounts before its answer."""

    def test_assignment_gives_and_takes_access_at_once(self, keyrock: Keyrock) -> None:
        application, user = keyrock.application(), keyrock.user()
        role = keyrock.role(application)
        keyrock.permission(application, role, **NATIVE)
        keyrock.assign(application, user, role)
        assert grants(keyrock, user) == READS_CITY
        keyrock.done("DELETE", f"/v1/applications/{application}/users/{user}/roles/{role}")
        assert grants(keyrock, user) == []

    def test_permission_of_a_role_reaches_its_holders(self, keyrock: Keyrock) -> None:
        application, user = keyrock.application(), keyrock.user()
        role = keyrock.role(application)
        keyrock.assign(application, user, role)
        permission = keyrock.permission(application, role, **NATIVE)
        assert grants(keyrock, user) == READS_CITY
        keyrock.done(
            "DELETE", f"/v1/applications/{application}/roles/{role}/permissions/{permission}"
        )
        assert grants(keyrock, user) == []

    def test_changed_permission_reaches_its_holders(self, keyrock: Keyrock) -> None:
        application, user = keyrock.application(), keyrock.user()
        role = keyrock.role(application)
        keyrock.assign(application, user, role)
        permission = keyrock.permission(application, role, **NATIVE)
        url = f"/v1/applications/{application}/permissions/{permission}"
        keyrock("PATCH", url, {"permission": {"action": "POST"}})
        assert grants(keyrock, user) == [({"create"}, "city")]
        keyrock("PATCH", url, {"permission": {"use_authorization_service_header": False}})
        assert grants(keyrock, user) == []

    @pytest.mark.parametrize("what", ["permission", "role"])
    def test_deletion_reaches_holders(self, keyrock: Keyrock, what: str) -> None:
        application, user = keyrock.application(), keyrock.user()
        role = keyrock.role(application)
        permission = keyrock.permission(application, role, **NATIVE)
        keyrock.assign(application, user, role)
        id = {"permission": permission, "role": role}[what]
        keyrock.done("DELETE", f"/v1/applications/{application}/{what}s/{id}")
        assert grants(keyrock, user) == []

    @pytest.mark.parametrize("who", ["member", "owner"])
    def test_role_of_an_organisation_reaches_its_members_or_owners(
        self, keyrock: Keyrock, who: str
    ) -> None:
        application = keyrock.application()
        people = {"owner": keyrock.user(), "member": keyrock.user()}
        role = keyrock.role(application)
        keyrock.permission(application, role, **NATIVE)
        organisation = keyrock.services.organisations.create(people["owner"], "parks", "", "").id
        keyrock.services.organisations.set_member(organisation, people["member"], Membership.MEMBER)
        url = f"/v1/applications/{application}/organizations/{organisation}/roles/{role}"
        keyrock.made("PUT", f"{url}/organization_roles/{who}")
        reached = {name for name, user in people.items() if grants(keyrock, user)}
        assert reached == {who}
        keyrock.done("DELETE", f"{url}/organization_roles/{who}")
        assert not any(grants(keyrock, user) for user in people.values())

    def test_own_grant_of_a_permission_reaches_holders(self, keyrock: Keyrock) -> None:
        application, user = keyrock.application(), keyrock.user()
        role = keyrock.role(application)
        wanted = {"actions": ["subscribe", "read"], "tenant": "city", "types": ["Park"]}
        keyrock.permission(application, role, action=None, resource=None, grant=wanted)
        keyrock.assign(application, user, role)
        (grant,) = keyrock.services.accounts.get(user).account.grants
        assert grant.types == frozenset({"Park"})
        assert grant.actions == {Action.READ, Action.SUBSCRIBE}


class TestEscalation:
    """Nobody gets, by applications of his own, what he could not give."""

    def test_provider_without_tenant_writes_permissions_that_grant_nothing(
        self, keyrock: Keyrock
    ) -> None:
        user, application = provider(keyrock)
        url = f"/v1/applications/{application}"
        body = {"permission": {"name": "see", "action": "GET", **NATIVE}}
        made = keyrock.made("POST", f"{url}/permissions", body, by=user)["permission"]
        assert made["effective_grant"] is None
        role = keyrock.made("POST", f"{url}/roles", {"role": {"name": "r"}}, by=user)["role"]["id"]
        keyrock.made("PUT", f"{url}/roles/{role}/permissions/{made['id']}", by=user)
        keyrock.made("PUT", f"{url}/users/{user}/roles/{role}", by=user)
        assert grants(keyrock, user) == []
        decided = keyrock.decision(
            user, application, "GET", "/v2/entities", authorization_service_header="city"
        )
        assert decided == "Permit"

    @pytest.mark.parametrize("tenant", ["city", "*", ""])
    def test_grant_of_a_tenant_takes_its_administrator(self, keyrock: Keyrock, tenant: str) -> None:
        user, application = provider(keyrock, OTHER_ADMIN)
        grant = {"actions": ["read"], "tenant": tenant}
        body = {"permission": {"name": "see", "grant": grant}}
        url = f"/v1/applications/{application}/permissions"
        assert keyrock.refused("POST", url, body, by=user)[0] == 403

    def test_administrator_of_the_tenant_may_grant_it(self, keyrock: Keyrock) -> None:
        user, application = provider(keyrock, CITY_ADMIN)
        body = {"permission": {"name": "see", "action": "GET", **NATIVE}}
        url = f"/v1/applications/{application}/permissions"
        made = keyrock.made("POST", url, body, by=user)["permission"]
        assert made["effective_grant"]["tenant"] == "city"

    def test_provider_cannot_hand_on_what_an_administrator_wrote(self, keyrock: Keyrock) -> None:
        user, application = provider(keyrock)
        role = keyrock.role(application)
        permission = keyrock.permission(application, **NATIVE)
        url = f"/v1/applications/{application}"
        attach = f"{url}/roles/{role}/permissions/{permission}"
        assert keyrock.refused("PUT", attach, by=user)[0] == 403
        keyrock.made("PUT", attach)
        assert keyrock.refused("PUT", f"{url}/users/{user}/roles/{role}", by=user)[0] == 403

    def test_change_by_a_provider_ends_the_grant(self, keyrock: Keyrock) -> None:
        user, application = provider(keyrock)
        holder, role = keyrock.user(), keyrock.role(application)
        permission = keyrock.permission(application, role, **NATIVE)
        keyrock.assign(application, holder, role)
        url = f"/v1/applications/{application}/permissions/{permission}"
        assert keyrock("PATCH", url, {"permission": {"action": "DELETE"}}, by=user).is_success
        assert grants(keyrock, holder) == []

    def test_denying_permission_is_not_lifted_by_a_provider(self, keyrock: Keyrock) -> None:
        user, application = provider(keyrock)
        role = keyrock.role(application)
        deny = {"effect": "deny", "actions": ["read"], "tenant": "city"}
        permission = keyrock.permission(application, role, action=None, resource=None, grant=deny)
        keyrock.assign(application, user, role)
        url = f"/v1/applications/{application}"
        lifts = [
            ("DELETE", f"{url}/permissions/{permission}"),
            ("DELETE", f"{url}/roles/{role}"),
            ("DELETE", f"{url}/roles/{role}/permissions/{permission}"),
            ("DELETE", f"{url}/users/{user}/roles/{role}"),
        ]
        for method, path in lifts:
            assert keyrock.refused(method, path, by=user)[0] == 403
        body = {"permission": {"grant": None, "action": "GET", "resource": "/a"}}
        assert keyrock.refused("PATCH", f"{url}/permissions/{permission}", body, by=user)[0] == 403

    def test_administrator_of_a_tenant_does_not_raise_its_own_rights(
        self, keyrock: Keyrock
    ) -> None:
        """Neither by a role it takes, nor by a permission of a role it has."""
        only_admin = Grant("admin", frozenset({Action.ADMIN}), "city")
        user, application = provider(keyrock, only_admin)
        url = f"/v1/applications/{application}"
        holding, other = keyrock.role(application), keyrock.role(application)
        keyrock.assign(application, user, holding)
        permission = keyrock.permission(application, other, **NATIVE)
        body = {"permission": {"name": "see", "action": "GET", **NATIVE}}
        own = keyrock.made("POST", f"{url}/permissions", body, by=user)["permission"]["id"]
        attempts = [
            f"{url}/users/{user}/roles/{other}",
            f"{url}/roles/{holding}/permissions/{permission}",
            f"{url}/roles/{holding}/permissions/{own}",
        ]
        for path in attempts:
            assert keyrock.refused("PUT", path, by=user)[0] == 403
        friend = keyrock.user()
        keyrock.made("PUT", f"{url}/users/{friend}/roles/{other}", by=user)
        assert grants(keyrock, friend) == READS_CITY

    def test_purchaser_cannot_give_roles(self, keyrock: Keyrock) -> None:
        application, user = keyrock.application(), keyrock.user()
        role = keyrock.role(application)
        keyrock.assign(application, user, "purchaser")
        for wanted in (role, "provider"):
            url = f"/v1/applications/{application}/users/{user}/roles/{wanted}"
            assert keyrock.refused("PUT", url, by=user)[0] == 403

    def test_role_manager_cannot_make_itself_provider(self, keyrock: Keyrock) -> None:
        application, user = keyrock.application(), keyrock.user()
        role = keyrock.role(application, "role manager")
        url = f"/v1/applications/{application}"
        keyrock.made("PUT", f"{url}/roles/{role}/permissions/3")
        keyrock.assign(application, user, role)
        for permission in "1246":
            path = f"{url}/roles/{role}/permissions/{permission}"
            assert keyrock.refused("PUT", path, by=user)[0] == 403

    def test_holder_of_own_roles_gives_only_those(self, keyrock: Keyrock) -> None:
        application, user, friend = keyrock.application(), keyrock.user(), keyrock.user()
        clerk, other = keyrock.role(application, "clerk"), keyrock.role(application, "other")
        url = f"/v1/applications/{application}"
        for permission in "46":
            keyrock.made("PUT", f"{url}/roles/{clerk}/permissions/{permission}")
        keyrock.assign(application, user, clerk)
        keyrock.made("PUT", f"{url}/users/{friend}/roles/{clerk}", by=user)
        for role in (other, "provider"):
            assert keyrock.refused("PUT", f"{url}/users/{friend}/roles/{role}", by=user)[0] == 403


def test_changes_are_audited(keyrock: Keyrock) -> None:
    application, user = keyrock.application(), keyrock.user()
    role = keyrock.role(application)
    keyrock.permission(application, role)
    keyrock.assign(application, user, role)
    keyrock.done("DELETE", f"/v1/applications/{application}/roles/{role}")
    actions = ("role:create", "permission:create", "role:permit", "role:assign", "role:delete")
    for action in actions:
        assert keyrock.audited(action), action


TAKEN_AWAY: dict[str, tuple[str, str, int]] = {
    "permission from a role": ("DELETE", "roles/{role}/permissions/{permission}", 404),
    "role from a user": ("DELETE", "users/{user}/roles/{role}", 404),
    "tenant from a permission": ("PATCH", "permissions/{permission}", 200),
}


@pytest.mark.parametrize("name", TAKEN_AWAY)
def test_what_was_interrupted_while_it_took_rights_away_is_finished_when_done_again(
    keyrock: Keyrock, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A request may end before it has reached everybody who has a role."""
    method, path, status = TAKEN_AWAY[name]
    application, user = keyrock.application(), keyrock.user()
    role = keyrock.role(application)
    permission = keyrock.permission(application, role, **NATIVE)
    keyrock.assign(application, user, role)
    url = f"/v1/applications/{application}/" + path.format(
        role=role, permission=permission, user=user
    )
    changes = {"use_authorization_service_header": False, "authorization_service_header": ""}
    body = {"permission": changes} if method == "PATCH" else None
    with monkeypatch.context() as patch:
        patch.setattr("security.rights.projection.Projection.refresh", out_of_order)
        assert keyrock(method, url, body).status_code == 503
    assert grants(keyrock, user) == READS_CITY
    assert keyrock(method, url, body).status_code == status
    assert grants(keyrock, user) == []


def out_of_order(*_: object) -> None:
    raise Unavailable("out of order; try again")
