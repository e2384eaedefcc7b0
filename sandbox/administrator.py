"""The local city's first administrator, made by the `city` command as an operator would make it."""

import asyncio
import os
import secrets
from pathlib import Path

from sandbox.deployment import DeployError
from sandbox.options import ROOT

NAME = "admin@city.example"
"""What the administrator signs in with."""

PYTHONPATH = os.pathsep.join(str(ROOT / part) for part in (".", "functions", "layers/core"))


def password(state: Path) -> str:
    """The administrator's password: made once for a state directory, where its owner can read it."""
    file = state / "admin-password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"Aa1-{secrets.token_urlsafe(12)}")
    return file.read_text()


async def bootstrap(state: Path) -> None:
    """Give the administrator and the machine client every grant; again does no harm.

    Raises DeployError with what the command printed.
    """
    process = await asyncio.create_subprocess_exec(
        *(str(ROOT / ".venv/bin/python"), "-m", "cli", "bootstrap", NAME),
        cwd=ROOT,
        env=os.environ
        | {
            "CITY_ADMIN_PASSWORD": password(state),
            "PYTHONPATH": PYTHONPATH,
            "SANDBOX_STATE": str(state),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if process.returncode:
        raise DeployError(f"No administrator could be made:\n\n{printed.decode(errors='replace')}")
