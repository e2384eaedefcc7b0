"""Settings of a function: its environment variables, read once, checked, and never changed.

Each function has one class; a field `context_table` is the variable CONTEXT_TABLE. A variable that
is missing or malformed stops the function at start, with its name in the message.
"""

import os
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

Stage = Literal["sandbox", "dev", "prod"]


class Settings(BaseModel):
    """What every function is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Stage

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables that are the upper-case names of the fields."""
        names = {name.upper(): name for name in cls.model_fields}
        present = {names[v]: environment[v] for v in names if v in environment}
        return cls.model_validate(present)


class AccessSettings(Settings):
    """What a function that answers HTTP needs to decide who may do what.

    `token_issuer` is the only accepted `iss`; its signing keys are at `token_jwks_url`.
    `public_access` grants everything to everybody, also without a token (sandbox only).
    """

    token_issuer: str
    token_jwks_url: str
    public_access: bool = False
