"""ckanapi (Python) reads a city's open data; `ckanapi_session.py` says how."""

import pytest

from tests.clients.sessions import run_python
from tests.local_city import LocalCity

pytestmark = [pytest.mark.sandbox, pytest.mark.clients]


def test_ckanapi_reads_the_open_data(local_city: LocalCity) -> None:
    run_python(local_city, "ckanapi_session.py")
