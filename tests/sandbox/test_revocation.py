"""How long a revoked key still reads and is still told of changes, in the running city."""

import pytest

from sandbox.revocation import measure
from tests.local_city import LocalCity

pytestmark = pytest.mark.sandbox

KEPT = 1
"""Seconds for which the functions of the local city go on with what they have read."""
ON_THE_WAY = 1
"""Seconds that what was let through before may still take."""


def test_access_ends_within_the_time_that_rights_are_kept(local_city: LocalCity) -> None:
    with local_city.client() as administrator:
        latency = measure(administrator, KEPT)
    assert latency.read <= KEPT + ON_THE_WAY
    assert latency.notification <= KEPT + ON_THE_WAY
