"""Direct grants: the rows beside an account that say who was given what, by whom and when.

| row          | pk                | sk              | content                                 |
|--------------|-------------------|-----------------|-----------------------------------------|
| direct grant | `subject·{id}`    | `grant·{grant}` | `id`, `g` (packed), `by`, `at` (k = G)  |
| listing      | `grants·{tenant}` | `{grant}·{id}`  | the same and `subject`                  |

`AccountStore` writes them together with the account they are compiled into. Read units: 1 for one
grant, and for each started 4 KB of a page (about twenty grants).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, cast

from city.clock import Clock
from city.dynamodb import Row
from city.errors import NotFound
from city.keys import key, prefix
from city.policy.grant_forms import pack
from city.policy.grants import Grant
from city.table import IS_NEW, IS_THERE, Page, Statement, Table
from security.store.sources import grant_key, stored_grant

ROW_KIND = "G"


@dataclass(frozen=True, slots=True)
class ListedGrant:
    """A direct grant, whose it is, who gave it and when (microseconds)."""

    subject: str
    grant: Grant
    by: str
    at: int


class GrantPage(NamedTuple):
    """Some grants; `after` is the sort key after which the next page begins, None at the end."""

    grants: list[ListedGrant]
    after: str | None


class GrantStore:
    """Reads direct grants, and makes the statements that write them; safe for threads."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def get(self, subject: str, id: str) -> ListedGrant:
        """One direct grant. Raises NotFound."""
        row = self._table.get(*grant_key(subject, id))
        if row is None:
            raise NotFound(f"subject {subject} has no grant {id} of its own")
        return _listed(row)

    def in_tenant(self, tenant: str, limit: int, after: str | None) -> GrantPage:
        """A page of the grants about a tenant (ANY_TENANT: of those about all)."""
        return _page(self._table.query(key("grants", tenant), limit=limit, after=after))

    def of_subject(self, subject: str, limit: int, after: str | None) -> GrantPage:
        """A page of a subject's grants."""
        pk = key("subject", subject)
        return _page(self._table.query(pk, prefix("grant"), limit=limit, after=after))

    def giving(self, subject: str, grant: Grant, by: str) -> Iterator[Statement]:
        """The statements that write a grant; the first fails when the id is taken."""
        (pk, sk), (list_pk, list_sk) = grant_key(subject, grant.id), _listing_key(subject, grant)
        row: Row = {"k": ROW_KIND, "id": grant.id, "g": pack(grant), "by": by}
        row |= {"at": self._clock(), "subject": subject}
        yield self._table.putting({"pk": pk, "sk": sk, **row}, IS_NEW)
        yield self._table.putting({"pk": list_pk, "sk": list_sk, **row})

    def taking(self, subject: str, grant: Grant) -> Iterator[Statement]:
        """The statements that delete a grant; the first fails when it is not there."""
        yield self._table.deleting(*grant_key(subject, grant.id), IS_THERE)
        yield self._table.deleting(*_listing_key(subject, grant))

    def unlist(self, subject: str, row: Row) -> None:
        """Take what a row of a subject says out of the tenant's list, if it is a grant."""
        if row.get("k") == ROW_KIND:
            self._table.delete(*_listing_key(subject, stored_grant(row)))


def _listing_key(subject: str, grant: Grant) -> tuple[str, str]:
    return key("grants", grant.tenant), key(grant.id, subject)


def _page(page: Page) -> GrantPage:
    return GrantPage([_listed(row) for row in page.rows], page.after)


def _listed(row: Row) -> ListedGrant:
    by, at = str(row["by"]), cast("int", row["at"])
    return ListedGrant(str(row["subject"]), stored_grant(row), by, at)
