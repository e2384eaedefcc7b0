"""pandas (Python) reads a city's exports; `pandas_session.py` says how."""

import pytest

from tests.clients.sessions import run_python
from tests.local_city import LocalCity

pytestmark = [pytest.mark.sandbox, pytest.mark.clients]


def test_pandas_reads_exports(local_city: LocalCity) -> None:
    run_python(local_city, "pandas_session.py")
