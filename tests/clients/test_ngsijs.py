"""ngsijs (JavaScript) drives a city; `ngsijs/session.mjs` says how."""

import pytest

from tests.clients.sessions import run_node
from tests.local_city import LocalCity

pytestmark = [pytest.mark.sandbox, pytest.mark.clients]


def test_ngsijs_drives_the_city(local_city: LocalCity) -> None:
    run_node(local_city, "ngsijs/session.mjs")
