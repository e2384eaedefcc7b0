"""Queries that Athena runs, as rows of the history table.

| `k` | row | pk | sk | members |
|---|---|---|---|---|
| Q | large query | `large·{tenant}·{subject}` | `{id}` | `query`, `executions`, `at`, `exp` |

Request units: 1 read; 1 write per KB of the query.
"""

from dataclasses import dataclass
from typing import Any, cast

from pydantic import TypeAdapter

from city.clock import SECOND
from city.keys import key
from city.table import Table
from city.tenancy import Tenant
from history.reading.queries import Aggregate, Instances, Latest, Query, Rows, Sightings

_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Instances, Rows, Aggregate, Latest, Sightings)
}


@dataclass(frozen=True, slots=True)
class LargeQuery:
    """A query of one caller, and its executions in Athena; begun `at` (µs)."""

    tenant: Tenant
    subject: str
    id: str
    query: Query
    executions: tuple[str, ...]
    at: int


class LargeQueryStore:
    """The rows of large queries; they vanish after `kept` microseconds."""

    def __init__(self, table: Table, kept: int) -> None:
        self._table = table
        self._kept = kept

    def put(self, large: LargeQuery) -> None:
        """Write a query, over an older one with its id."""
        kind = type(large.query)
        self._table.put(
            {
                "pk": _partition(large.tenant, large.subject),
                "sk": large.id,
                "k": "Q",
                "kind": kind.__name__,
                "query": TypeAdapter(kind).dump_json(large.query).decode(),
                "executions": list(large.executions),
                "at": large.at,
                "exp": (large.at + self._kept) // SECOND,
            }
        )

    def get(self, tenant: Tenant, subject: str, id: str) -> LargeQuery | None:
        """The query of a caller with this id."""
        row = self._table.get(_partition(tenant, subject), id)
        if row is None:
            return None
        query: Query = TypeAdapter(_KINDS[str(row["kind"])]).validate_json(str(row["query"]))
        executions = tuple(cast("list[str]", row["executions"]))
        return LargeQuery(tenant, subject, id, query, executions, cast("int", row["at"]))


def _partition(tenant: Tenant, subject: str) -> str:
    return key("large", tenant, subject)
