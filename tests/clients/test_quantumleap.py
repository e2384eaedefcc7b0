"""FiLiP's QuantumLeapClient reads and writes a city's history; `quantumleap_session.py` says how."""

import pytest

from tests.clients.sessions import run_python
from tests.local_city import LocalCity

pytestmark = [pytest.mark.sandbox, pytest.mark.clients]


def test_filip_drives_the_history(local_city: LocalCity) -> None:
    run_python(local_city, "quantumleap_session.py")
