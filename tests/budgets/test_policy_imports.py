"""What deciding loads: signatures only for tokens, RE2 only for grants with a pattern."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join(str(ROOT / part) for part in ("functions", "layers/core", "."))

DECIDE = """
import sys
from city.policy import Operation, Policy
from city.policy.accounts import Account, KeyTerms
from city.policy.credentials import new_key
from city.policy.grants import Action, Grant
from city.policy.keys import SigningKeys
from city.policy.tokens import TokenVerifier
from city.tenancy import ROOT

class Headers(dict):
    def getlist(self, name):
        return [self[name]] if name in self else []

key = new_key()
everybody = Grant("g", frozenset({Action.READ}), "*", types=frozenset({"Room"}))
accounts = {
    "public": Account("public", "public", grants=(everybody,)),
    "key:" + key.key_id: Account("key:" + key.key_id, "key", scopes=frozenset({"s"}),
                                 key=KeyTerms(key.secret_hash), grants=(everybody,)),
}
policy = Policy({("GET", "/"): Operation("read", "s", True)},
                TokenVerifier("issuer", SigningKeys(lambda: b"")).verify,
                lambda _: accounts, lambda _: None)
caller = policy.authorise("GET", "/", Headers(HEADERS))
assert caller.access.allows(Action.READ, "city", ROOT, "Room", "x")
assert caller.access.view("city").sees("x", "Room", ROOT)
print(*sys.modules)
"""

HEAVY = {"joserfc", "cryptography", "re2", "urllib3", "boto3", "botocore", "fastapi", "ipaddress"}


def loaded_by(headers: str) -> set[str]:
    completed = subprocess.run(
        [sys.executable, "-c", DECIDE.replace("HEADERS", headers)],
        env={"PYTHONPATH": PATH},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert completed.returncode == 0, completed.stderr
    return {module.partition(".")[0] for module in completed.stdout.split()}


@pytest.mark.parametrize("headers", ["{}", '{"x-api-key": key.text}'], ids=["nobody", "API key"])
def test_request_without_a_token_loads_nothing_heavy(headers: str) -> None:
    assert loaded_by(headers) & HEAVY == set()
