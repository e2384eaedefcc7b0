"""FIWARE's Passport strategy for Keyrock drives a city; `keyrock/session.mjs` says how."""

import pytest

from tests.clients.sessions import run_node
from tests.local_city import LocalCity

pytestmark = [pytest.mark.sandbox, pytest.mark.clients]


def test_keyrocks_passport_strategy_signs_in_to_the_city(local_city: LocalCity) -> None:
    run_node(local_city, "keyrock/session.mjs")
