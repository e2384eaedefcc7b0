"""Entries of the audit trail (`city.policy.audit` has their rows).

An entry costs 1 write unit; a page 1 read unit for each started 8 KB that it looks at, and a half
for each day without entries.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from city.dynamodb import Row
from city.keys import split
from city.policy.audit import DAY, audit_partition
from city.table import LAST, Table

PAGE = 200
"""Rows that one read takes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What was done, or refused, when (microseconds), by whom; `place` tells entries apart."""

    place: str
    at: int
    actor: str
    action: str
    target: str
    outcome: str
    detail: dict[str, str]


class AuditStore:
    """Adds and reads entries; safe for threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, row: Row) -> None:
        """Write an entry."""
        self._table.put(row)

    def day(self, tenant: str, first: int, place: str) -> Iterator[Entry]:
        """The entries of one day from `place` back to `first` (microseconds), the newest first.

        `place` is that of an entry, which is left out, or 16 digits of microseconds, inclusive.
        """
        at = moment_of(place)
        partition, after = audit_partition(tenant, at), None
        start = f"{max(first, at - at % DAY):016d}"
        while True:
            page = self._table.query(
                partition,
                between=(start, place if is_entry(place) else place + LAST),
                limit=PAGE,
                after=after,
                newest_first=True,
                consistent=False,
            )
            yield from (_entry(row) for row in page.rows if row["sk"] != place)
            after = page.after
            if after is None:
                return


def moment_of(place: str) -> int:
    """When an entry was made, in microseconds."""
    return int(split(place)[0])


def is_entry(place: str) -> bool:
    """Whether a place is that of an entry and not just a moment."""
    return len(split(place)) > 1


def _entry(row: Row) -> Entry:
    place = str(row["sk"])
    return Entry(
        place,
        moment_of(place),
        str(row["actor"]),
        str(row["action"]),
        str(row["target"]),
        str(row["outcome"]),
        cast("dict[str, str]", row.get("detail", {})),
    )
