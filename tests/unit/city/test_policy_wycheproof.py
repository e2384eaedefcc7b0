"""The JWS vectors of project Wycheproof, replayed against the function that verifies tokens.

WYCHEPROOF is the path of a copy of github.com/C2SP/wycheproof; without it these tests are skipped.
We take one algorithm only, so valid signatures of the others are to be refused as well.
"""

import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from city.errors import Unavailable
from city.policy.keys import SigningKeys
from city.policy.tokens import InvalidToken, verified_payload

VECTORS = Path(os.environ.get("WYCHEPROOF", ""), "testvectors_v1", "json_web_signature_test.json")

pytestmark = pytest.mark.skipif(not VECTORS.is_file(), reason="WYCHEPROOF names no copy of it")


class Vector(NamedTuple):
    """A token, the key to verify it with, and whether its signature is good."""

    key: dict[str, Any]
    token: str
    is_valid: bool

    @property
    def is_ours(self) -> bool:
        """Whether the token is one we take: RS256, with something in it."""
        header, payload, _ = self.token.split(".")
        members = json.loads(urlsafe_b64decode(header + "==="))
        return members["alg"] == self.key["alg"] == "RS256" and payload != ""


def vectors() -> Iterator[Any]:
    if not VECTORS.is_file():
        return
    for group in json.loads(VECTORS.read_text())["testGroups"]:
        key = group.get("public") or group["private"]
        for test in group["tests"]:
            vector = Vector(key, test["jws"], test["result"] == "valid")
            name = f"{test['tcId']}-{group['comment']}-{test['comment']}"
            yield pytest.param(vector, id=name)


@pytest.mark.parametrize("vector", [*vectors()])
def test_only_good_signatures_of_our_algorithm_are_accepted(vector: Vector) -> None:
    keys = SigningKeys(lambda: json.dumps({"keys": [vector.key]}).encode())
    if vector.is_valid and vector.is_ours:
        assert verified_payload(vector.token, keys) == urlsafe_b64decode(
            vector.token.split(".")[1] + "==="
        )
    else:
        # a set with no key for signing with RS256 counts as none
        with pytest.raises((InvalidToken, Unavailable)):
            verified_payload(vector.token, keys)
