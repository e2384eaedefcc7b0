"""The key that seals page tokens: one row (`paging`, `key`), made by the first process to need it.

It protects no access: what a page shows is decided anew. Request units: 1 read per process.
"""

import secrets
from contextlib import suppress

from city.dynamodb import ConditionFailed
from city.keys import key
from city.table import IS_NEW, Table

BYTES = 32


def paging_key(table: Table) -> bytes:
    """The key, the same for every process."""
    place = key("paging"), "key"
    found = table.get(*place)
    if found is None:
        with suppress(ConditionFailed):  # when another process is faster, its key is the one to use
            table.put({"pk": place[0], "sk": place[1], "v": secrets.token_bytes(BYTES)}, IS_NEW)
        found = table.get(*place)
    assert found is not None
    value = found["v"]
    assert isinstance(value, bytes)
    return value
