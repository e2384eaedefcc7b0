"""API keys: what is listed of them. Their accounts and grants are those of any subject.

| row     | pk             | sk          | content                                                 |
|---------|----------------|-------------|---------------------------------------------------------|
| listing | `keys·{owner}` | `{subject}` | `name`, `at`: when it was made, in microseconds (k = K) |

The subject of a key is `key:{key id}`. Of the secret, the account has a hash (SHA-256).
"""

from dataclasses import dataclass
from typing import cast

from city.dynamodb import Row
from city.keys import key
from city.table import IS_NEW, Statement, Table

ROW_KIND = "K"


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as its owner sees it in a list."""

    subject: str
    name: str
    at: int


class KeyStore:
    """Lists the keys of each owner."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def owned_by(self, owner: str) -> list[str]:
        """The subject ids of all keys of an owner; 1 read per 4 KB of the list."""
        return [str(row["sk"]) for row in self._table.every(key("keys", owner))]

    def page(self, owner: str, limit: int, after: str | None) -> tuple[list[ListedKey], str | None]:
        """Some keys of an owner in the order of their subject ids, and where the next page begins."""
        page = self._table.query(key("keys", owner), limit=limit, after=after)
        return [_listed(row) for row in page.rows], page.after

    def find(self, owner: str, subject: str) -> ListedKey | None:
        """One key of an owner."""
        row = self._table.get(key("keys", owner), subject)
        return _listed(row) if row else None

    def listing(self, owner: str, listed: ListedKey) -> Statement:
        """The statement that lists a new key."""
        row: Row = {"pk": key("keys", owner), "sk": listed.subject, "k": ROW_KIND}
        row |= {"name": listed.name, "at": listed.at}
        return self._table.putting(row, IS_NEW)

    def unlist(self, owner: str, subject: str) -> None:
        """Take a key from the list."""
        self._table.delete(key("keys", owner), subject)


def _listed(row: Row) -> ListedKey:
    return ListedKey(str(row["sk"]), str(row["name"]), cast("int", row["at"]))
