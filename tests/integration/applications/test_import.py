"""Users, organisations and applications of a Keyrock, as they are after the import."""

from copy import deepcopy
from typing import Any

import pytest

from city.errors import Forbidden, InvalidRequest
from city.policy import Caller, Subject
from city.policy.accounts import Account
from city.policy.grants import Access
from security.keyrock.migration import Report
from tests.integration.applications.keyrock import EVERYTHING, Keyrock

ROLE, PERMISSION, OLD = "role-1", "permission-1", "old-application"

EXPORT: dict[str, Any] = {
    "users": [
        {"id": "alice", "username": "alice", "email": "alice@city.example", "admin": True},
        {"id": "bob", "username": "bob", "email": "bob@city.example", "enabled": True},
        {"id": "mallory", "username": "m", "email": "m@city.example", "enabled": False},
    ],
    "organizations": [
        {
            "id": "wardens",
            "name": "Wardens",
            "users": [
                {"user_id": "alice", "role": "owner"},
                {"user_id": "bob", "role": "member"},
            ],
        }
    ],
    "applications": [
        {
            "id": OLD,
            "name": "Parks",
            "secret": "kept-nowhere",
            "redirect_uri": "https://parks.example/login",
            "grant_type": "authorization_code,implicit,client_credentials",
            "permissions": [
                {"id": "1", "name": "Get and assign all internal application roles"},
                {
                    "id": PERMISSION,
                    "name": "see",
                    "action": "GET",
                    "resource": "/v2/entities",
                    "use_authorization_service_header": True,
                    "authorization_service_header": "city",
                    "xml": None,
                },
                {"id": "permission-2", "name": "any", "action": "GET", "resource": "/parks"},
                {"id": "permission-3", "name": "rule", "xml": "<Rule/>"},
            ],
            "roles": [
                {"id": "provider", "name": "Provider"},
                {"id": ROLE, "name": "gardener", "permissions": [{"id": PERMISSION}]},
            ],
            "users": [
                {"user_id": "bob", "role_id": ROLE},
                {"user_id": "mallory", "role_id": ROLE},
            ],
            "organizations": [
                {"organization_id": "wardens", "role_id": ROLE, "role_organization": "owner"}
            ],
            "trusted_applications": ["other"],
            "pep_proxy": {"id": "pep_proxy_1"},
        },
        {"id": "other", "name": "Other", "grant_type": "client_credentials"},
    ],
}


def administrator(keyrock: Keyrock) -> Caller:
    account = Account(keyrock.admin, "user", grants=(EVERYTHING,))
    access = Access(keyrock.admin, account.grants, 0)
    return Caller(Subject(keyrock.admin), access, account)


def imported(keyrock: Keyrock, export: Any = EXPORT) -> Report:
    return keyrock.services.registry.keyrock_import.run(administrator(keyrock), export)


def test_roles_reach_users_and_owners_of_organisations(keyrock: Keyrock) -> None:
    report = imported(keyrock)
    for user in ("alice", "bob"):
        (grant,) = keyrock.services.accounts.get(report.users[user]).account.grants
        assert (grant.tenant, {*grant.actions}) == ("city", {"read"})


def test_ids_of_roles_permissions_and_organisations_stay(keyrock: Keyrock) -> None:
    application = imported(keyrock).applications[OLD]
    url = f"/v1/applications/{application}"
    (permission,) = keyrock.get(f"{url}/roles/{ROLE}/permissions")["role_permission_assignments"]
    assert permission["id"] == PERMISSION
    (given,) = keyrock.get(f"{url}/organizations")["role_organization_assignments"]
    assert given["organization_id"] == "wardens"


def test_old_ids_stay_as_aliases(keyrock: Keyrock) -> None:
    report = imported(keyrock)
    application = keyrock.services.registry.applications.find(report.applications[OLD])
    assert application.alias == OLD
    profile = keyrock.services.users.get(report.users["bob"]).profile
    assert profile.extra == {"keyrock_id": "bob"}


def test_second_run_makes_nothing_anew(keyrock: Keyrock) -> None:
    first = imported(keyrock)
    before = keyrock.rows()
    second = imported(keyrock)
    assert keyrock.rows() == before
    assert second.users == first.users
    assert second.applications == first.applications
    assert second.secrets == {}
    assert second.made == {"assignment": 2}
    assert second.found == {
        "user": 2,
        "organization": 1,
        "application": 2,
        "permission": 2,
        "role": 1,
    }


def test_interrupted_run_can_be_repeated(keyrock: Keyrock) -> None:
    export = deepcopy(EXPORT)
    export["applications"][0]["permissions"].clear()
    imported(keyrock, export)
    report = imported(keyrock)
    (grant,) = keyrock.services.accounts.get(report.users["bob"]).account.grants
    assert grant.tenant == "city"


def test_trust_is_taken_over_whatever_the_order(keyrock: Keyrock) -> None:
    report = imported(keyrock)
    mine, other = report.applications[OLD], report.applications["other"]
    trusted = keyrock.get(f"/v1/applications/{mine}/trusted_applications")
    assert trusted == {"trusted_applications": [other]}


def test_secrets_of_the_export_are_not_taken_over(keyrock: Keyrock) -> None:
    report = imported(keyrock)
    assert "kept-nowhere" not in repr(keyrock.rows())
    assert report.secrets.keys() == set(report.applications.values())
    assert not any(secret in repr(report) for secret in report.secrets.values())


@pytest.mark.parametrize(
    "problem",
    [
        "user alice: the password was not taken over; invited by mail",
        "user alice: was an administrator; grant it that if it still is",
        "user mallory: is disabled and was not invited",
        f"application {OLD}: implicit is not offered here",
        f"application {OLD}: make its pep_proxy anew, with passwords",
        f"application {OLD}: permission permission-3: its XACML rule cannot be taken over",
        f"application {OLD}: role of user mallory: names what was not taken over",
        "permission permission-2: names no tenant and permits the default tenant only",
    ],
)
def test_what_cannot_be_taken_over_is_reported(keyrock: Keyrock, problem: str) -> None:
    assert problem in imported(keyrock).problems


def test_only_administrators_import(keyrock: Keyrock) -> None:
    nobody = Caller(Subject("nobody"), Access("nobody", (), 0))
    with pytest.raises(Forbidden):
        keyrock.services.registry.keyrock_import.run(nobody, EXPORT)


@pytest.mark.parametrize("export", [[], "users", {"users": {}}, {"applications": ["a"]}])
def test_what_is_no_export_changes_nothing(keyrock: Keyrock, export: Any) -> None:
    caller = administrator(keyrock)
    before = keyrock.rows()
    with pytest.raises(InvalidRequest):
        keyrock.services.registry.keyrock_import.run(caller, export)
    assert keyrock.rows() == before


def test_import_is_audited(keyrock: Keyrock) -> None:
    imported(keyrock)
    assert keyrock.audited("keyrock:import")
