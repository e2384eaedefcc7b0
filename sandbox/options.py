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


def port_from_environment(default: int, name: str = "PORT") -> int:
    """The variable, or the default without it. Ends the program when it is no port."""
    given = os.environ.get(name) or str(default)
    if not (given.isdecimal() and 0 < int(given) <= MAX_PORT):
        sys.exit(f"{name}={given} is no port. Choose a number from 1 to {MAX_PORT}.")
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
    history_port: int
    state: Path
    public: bool
    grant_seconds: int

    @classmethod
    def from_environment(cls) -> "Options":
        """PORT (8080), HISTORY_PORT (8668: QuantumLeap's API at the root), OPEN (1: requests without a token may do everything), SANDBOX_STATE (.sandbox),
        GRANT_SECONDS (1: how long the functions go on with rights they have read).
        """
        return cls(
            port=port_from_environment(8080),
            history_port=port_from_environment(8668, "HISTORY_PORT"),
            state=Path(os.environ.get("SANDBOX_STATE") or ROOT / ".sandbox").resolve(),
            public=os.environ.get("OPEN") == "1",
            grant_seconds=grant_seconds_from_environment(),
        )

    @property
    def url(self) -> str:
        """The city's address."""
        return f"http://{HOST}:{self.port}"

    @property
    def history_url(self) -> str:
        """Where QuantumLeap's API is at the root."""
        return f"http://{HOST}:{self.history_port}"
