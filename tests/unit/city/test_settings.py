"""Settings: read from upper-case variables, checked, frozen."""

import pytest
from pydantic import ValidationError

from context.settings import ApiSettings, SenderSettings

ENVIRONMENT = {
    "STAGE": "prod",
    "CONTEXT_TABLE": "context",
    "SECURITY_TABLE": "security",
    "TOKEN_ISSUER": "https://issuer.example",
    "TOKEN_JWKS_URL": "https://issuer.example/jwks.json",
    "PATH": "/usr/bin",
}


def test_fields_are_upper_case_variables_and_others_are_ignored() -> None:
    settings = ApiSettings.from_environment(ENVIRONMENT | {"QUERY_BUDGET": "500"})
    assert settings.context_table == "context"
    assert settings.query_budget == 500
    assert settings.max_body_bytes == 1_048_576


def test_nothing_is_open_unless_said() -> None:
    assert ApiSettings.from_environment(ENVIRONMENT).public_access is False
    assert "allow_loopback" in SenderSettings.model_fields
    assert SenderSettings.model_fields["allow_loopback"].default is False


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STAGE", "test"),
        ("QUERY_BUDGET", "many"),
        ("PUBLIC_ACCESS", ""),
        ("GRANT_SECONDS", "31"),
        ("GRANT_SECONDS", "-1"),
    ],
)
def test_malformed_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(ValidationError, match=variable.lower()):
        ApiSettings.from_environment(ENVIRONMENT | {variable: value})


@pytest.mark.parametrize("seconds", [0, 30])
def test_grants_are_used_for_half_a_minute_at_most(seconds: int) -> None:
    settings = ApiSettings.from_environment(ENVIRONMENT | {"GRANT_SECONDS": str(seconds)})
    assert settings.grant_seconds == seconds


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_guards_are_lifted_in_the_sandbox_only(stage: str) -> None:
    sender = {
        "CONTEXT_TABLE": "context",
        "SECURITY_TABLE": "security",
        "RETRY_QUEUE_URL": "https://queue.example/1",
        "NOTIFICATION_DEAD_LETTER_QUEUE_URL": "https://queue.example/2",
        "ALLOW_LOOPBACK": "true",
    }
    api = ENVIRONMENT | {"PUBLIC_ACCESS": "true"}
    assert SenderSettings.from_environment(sender | {"STAGE": "sandbox"}).allow_loopback
    assert ApiSettings.from_environment(api | {"STAGE": "sandbox"}).public_access
    with pytest.raises(ValidationError, match="allow_loopback"):
        SenderSettings.from_environment(sender | {"STAGE": stage})
    with pytest.raises(ValidationError, match="public_access"):
        ApiSettings.from_environment(api | {"STAGE": stage})


def test_missing_variable_is_named() -> None:
    with pytest.raises(ValidationError, match="token_issuer"):
        ApiSettings.from_environment({"STAGE": "prod", "CONTEXT_TABLE": "context"})


def test_settings_never_change() -> None:
    settings = ApiSettings.from_environment(ENVIRONMENT)
    with pytest.raises(ValidationError):
        setattr(settings, "public_access", True)  # noqa: B010 - the type checker knows better
