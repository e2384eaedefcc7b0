"""Settings of a function: its environment variables, read once, checked, and never changed.

Each function has one class; a field `context_table` is the variable CONTEXT_TABLE. A variable that
is missing or malformed stops the function at start, with its name in the message.
"""

import os
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Stage = Literal["sandbox", "dev", "prod"]

SANDBOX_SWITCHES = ("public_access", "allow_loopback")
"""Fields that lift a guard. The template refuses them too, but variables can be set without it."""


class Settings(BaseModel):
    """What every function is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Stage

    @model_validator(mode="after")
    def _keep_guards(self) -> Self:
        for switch in SANDBOX_SWITCHES:
            if self.stage != "sandbox" and getattr(self, switch, False):
                raise ValueError(f"{switch} may only be set in the sandbox")
        return self

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables that are the upper-case names of the fields."""
        names = {name.upper(): name for name in cls.model_fields}
        present = {names[v]: environment[v] for v in names if v in environment}
        return cls.model_validate(present)


class AccessSettings(Settings):
    """What a function that answers HTTP needs to decide who may do what.

    `token_issuer` is the only accepted `iss`; its signing keys are at `token_jwks_url`.
    Accounts are read from `security_table` and used for `grant_seconds`; 0 reads them for every
    request. `public_access` grants everything to everybody, also without a token (sandbox only).
    The audit keeps decisions as `audit_decisions` says, for `audit_days`.
    """

    token_issuer: str
    token_jwks_url: str
    security_table: str
    grant_seconds: int = Field(30, ge=0, le=30)
    audit_decisions: Literal["refused", "all"] = "refused"
    audit_days: int = Field(400, ge=1)
    public_access: bool = False
