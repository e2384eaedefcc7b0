"""What a person may choose about the local city, and where it keeps its files."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""

HOST = "127.0.0.1"
"""Everything listens here and nowhere else."""


MAX_PORT = 65_535


def port_from_environment(default: int) -> int:
    """PORT, or the default without it. Ends the program when PORT is no port."""
    given = os.environ.get("PORT") or str(default)
    if not (given.isdecimal() and 0 < int(given) <= MAX_PORT):
        sys.exit(f"PORT={given} is no port. Choose a number from 1 to {MAX_PORT}.")
    return int(given)


MAX_GRANT_SECONDS = 30


def grant_seconds_from_environment() -> int:
    """GRANT_SECONDS, or 1 without it. Ends the program when it is not a number from 0 to 30."""
    given = os.environ.get("GRANT_SECONDS") or "1"
    if not (given.isdecimal() and int(given) <= MAX_GRANT_SECONDS):
        sys.exit(f"GRANT_SECONDS={given} is not possible. Choose 0 to {MAX_GRANT_SECONDS}.")
    return int(given)


@dataclass(frozen=True, slots=True)
class Options:
    port: int
    state: Path
    public: bool
    grant_seconds: int

    @classmethod
    def from_environment(cls) -> "Options":
        """PORT (8080), OPEN (1: requests without a token may do everything), SANDBOX_STATE (.sandbox),
        GRANT_SECONDS (1: how long the functions go on with rights they have read).
        """
        return cls(
            port=port_from_environment(8080),
            state=Path(os.environ.get("SANDBOX_STATE") or ROOT / ".sandbox").resolve(),
            public=os.environ.get("OPEN") == "1",
            grant_seconds=grant_seconds_from_environment(),
        )

    @property
    def url(self) -> str:
        """The city's address."""
        return f"http://{HOST}:{self.port}"
