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


@dataclass(frozen=True, slots=True)
class Options:
    port: int
    state: Path
    public: bool

    @classmethod
    def from_environment(cls) -> "Options":
        """PORT (8080), OPEN (1: requests without a token may do everything), SANDBOX_STATE (.sandbox)."""
        return cls(
            port=port_from_environment(8080),
            state=Path(os.environ.get("SANDBOX_STATE") or ROOT / ".sandbox").resolve(),
            public=os.environ.get("OPEN") == "1",
        )

    @property
    def url(self) -> str:
        """The city's address."""
        return f"http://{HOST}:{self.port}"
