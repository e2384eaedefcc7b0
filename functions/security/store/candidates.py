"""Subjects that a search may have to look at, in the order of their ids.

Request units: 1 for each 4 KB of the listing that is walked: about 15 users or applications, or 10
grants of a tenant.
"""

from collections.abc import Iterator
from itertools import islice

from city.errors import TooComplex
from city.keys import key, split
from city.table import Table
from city.tenancy import Tenant

MAX_HOLDERS = 10_000
"""Direct grants of a tenant that a search goes through."""

_PAGE = 200
_LISTINGS = {"user": "users", "application": "applications"}


class CandidateStore:
    """Reads the listings of subjects; eventually consistent, since a search is no decision."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def registered(self, kind: str, position: str) -> Iterator[str]:
        """Users or applications whose ids come after the position; none of other kinds."""
        listing = _LISTINGS.get(kind)
        after = position or None
        while listing is not None:
            page = self._table.query(listing, limit=_PAGE, after=after, consistent=False)
            yield from (str(row["sk"]) for row in page.rows)
            if page.after is None:
                return
            after = page.after

    def holders(self, tenant: Tenant | str) -> set[str]:
        """Who holds a direct grant in the tenant. Raises TooComplex for more than `MAX_HOLDERS`."""
        rows = self._table.every(key("grants", tenant), consistent=False)
        found = [split(str(row["sk"]))[-1] for row in islice(rows, MAX_HOLDERS + 1)]
        if len(found) > MAX_HOLDERS:
            raise TooComplex(f"the tenant has more than {MAX_HOLDERS} direct grants to search")
        return set(found)
