"""Who may sign in with which client of the user pool, and how (RFC 9700)."""

from typing import Any

import pytest

from tests.template.stack import referred, resources, source, translated

PROFILE = "security/profile"
"""The scope about oneself; a machine has no profile."""


def clients() -> dict[str, Any]:
    return resources(translated(), "AWS::Cognito::UserPoolClient")


def scopes() -> set[str]:
    """Every scope of every resource server."""
    servers = resources(translated(), "AWS::Cognito::UserPoolResourceServer").values()
    return {f"{s['Identifier']}/{scope['ScopeName']}" for s in servers for scope in s["Scopes"]}


def test_clients_get_every_scope_of_the_resource_servers() -> None:
    assert set(clients()["MachineClient"]["AllowedOAuthScopes"]) == scopes() - {PROFILE}
    assert set(clients()["LoginClient"]["AllowedOAuthScopes"]) == scopes() | {
        *("openid", "email", "profile")
    }


@pytest.mark.parametrize("name", ["LoginClient", "MachineClient"])
def test_no_client_may_ask_for_the_implicit_flow_or_for_the_scope_of_direct_sign_in(
    name: str,
) -> None:
    client = clients()[name]
    assert len(client["AllowedOAuthFlows"]) == 1
    assert "implicit" not in client["AllowedOAuthFlows"]
    assert "aws.cognito.signin.user.admin" not in client["AllowedOAuthScopes"]


def test_public_client_keeps_no_secret_and_rotates_refresh_tokens() -> None:
    login = clients()["LoginClient"]
    assert login["GenerateSecret"] is False
    assert login["AllowedOAuthFlows"] == ["code"]
    assert login["RefreshTokenRotation"]["Feature"] == "ENABLED"
    assert login["EnableTokenRevocation"] is True
    # Cognito refuses rotation together with the flow that cannot rotate
    assert "ALLOW_REFRESH_TOKEN_AUTH" not in login["ExplicitAuthFlows"]


def test_nobody_signs_in_with_the_client_of_machines() -> None:
    """Unless told which, Cognito allows several flows."""
    assert clients()["MachineClient"]["ExplicitAuthFlows"] == ["ALLOW_CUSTOM_AUTH"]


def test_unknown_users_look_like_wrong_passwords() -> None:
    assert clients()["LoginClient"]["PreventUserExistenceErrors"] == "ENABLED"


def test_access_tokens_of_people_live_an_hour_at_most() -> None:
    login = clients()["LoginClient"]
    assert login["TokenValidityUnits"]["AccessToken"] == "minutes"
    assert login["AccessTokenValidity"] <= 60


def test_password_grant_is_off_and_refused_in_prod() -> None:
    template = source()
    rule = template["Rules"]["NoPasswordsInProd"]
    [assertion] = rule["Assertions"]
    assert template["Parameters"]["PasswordGrant"]["Default"] == "false"
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}
    assert referred(assertion["Assert"]["Fn::Equals"][0]) == "PasswordGrant"
    assert assertion["Assert"]["Fn::Equals"][1] == "false"


def test_address_is_a_name_in_any_case_and_another_only_counts_once_it_is_proved() -> None:
    """Cognito tells cases apart unless it is told not to, and its own interface changes addresses."""
    [pool] = resources(translated(), "AWS::Cognito::UserPool").values()
    assert pool["UsernameConfiguration"] == {"CaseSensitive": False}
    settings = pool["UserAttributeUpdateSettings"]
    assert settings["AttributesRequireVerificationBeforeUpdate"] == pool["AutoVerifiedAttributes"]


def test_cognito_sends_mail_by_itself_unless_the_city_has_an_address_of_its_own() -> None:
    """Fifty invitations a day are too few for a city that brings its users with it."""
    [pool] = resources(translated(), "AWS::Cognito::UserPool").values()
    condition, own, default = pool["EmailConfiguration"]["Fn::If"]
    assert source()["Conditions"][condition]["Fn::Not"][0]["Fn::Equals"][1] == ""
    assert own == {"EmailSendingAccount": "DEVELOPER", "SourceArn": {"Ref": "MailIdentity"}}
    assert referred(default) == "AWS::NoValue"


def test_tier_of_the_pool_is_chosen_and_not_left_to_the_age_of_the_account() -> None:
    [pool] = resources(translated(), "AWS::Cognito::UserPool").values()
    assert pool["UserPoolTier"] == "ESSENTIALS"
