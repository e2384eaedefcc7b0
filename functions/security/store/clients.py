"""What the user pool said of its app clients, so that it is not asked for every request.

| row    | pk                 | sk       | content                                                     |
|--------|--------------------|----------|-------------------------------------------------------------|
| client | `application·{id}` | `client` | `hash` of its secret (none if public), `uris`, `passwords`, |
|        |                    |          | `at`: when it was asked (microseconds), `exp` (k = Y)       |

Cognito describes 5 clients a second and pool, whoever asks, and that cannot be raised. All processes
share this row, and the one that first finds it old asks. Reading it costs 1 read, renewing 2 write.
"""

from dataclasses import dataclass
from typing import cast

from city.clock import SECOND
from city.dynamodb import ConditionFailed, Row
from city.keys import key
from city.table import Change, Condition, Table

ROW_KIND = "Y"
LONGEST = 86_400
"""Seconds after which a client that nobody uses is forgotten."""


@dataclass(frozen=True, slots=True)
class KnownClient:
    """A client as the pool described it; `secret_hash` (SHA-256 in hex) is None for a public one."""

    id: str
    secret_hash: str | None = None
    redirect_uris: frozenset[str] = frozenset()
    takes_passwords: bool = False

    @property
    def is_public(self) -> bool:
        """Whether it has no secret to prove itself with."""
        return self.secret_hash is None


@dataclass(frozen=True, slots=True)
class RememberedClient:
    """A client, and when the pool was asked (microseconds)."""

    known: KnownClient
    at: int


class ClientStore:
    """Rows of clients; safe for threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, id: str) -> RememberedClient | None:
        """The client, strongly consistent, however old."""
        row = self._table.get(*client_key(id))
        return _remembered(id, row) if row else None

    def claim(self, seen: RememberedClient, moment: int) -> bool:
        """Whether the caller is the one to ask the pool; others go on with what there is."""
        change = Change("SET #at = :now", {":now": moment}, {"#at": "at"})
        unchanged = Condition("#at = :seen", {":seen": seen.at}, {"#at": "at"})
        try:
            self._table.update(*client_key(seen.known.id), change, unchanged)
        except ConditionFailed:
            return False
        return True

    def put(self, known: KnownClient, moment: int) -> None:
        """Keep what the pool says now."""
        pk, sk = client_key(known.id)
        row: Row = {
            "pk": pk,
            "sk": sk,
            "k": ROW_KIND,
            "at": moment,
            "exp": moment // SECOND + LONGEST,
            "passwords": known.takes_passwords,
        }
        if known.secret_hash is not None:
            row["hash"] = known.secret_hash
        if known.redirect_uris:
            row["uris"] = set(known.redirect_uris)
        self._table.put(row)

    def forget(self, id: str) -> None:
        """Let the pool be asked again: the client has changed."""
        self._table.delete(*client_key(id))


def client_key(id: str) -> tuple[str, str]:
    """The row of a client."""
    return key("application", id), "client"


def _remembered(id: str, row: Row) -> RememberedClient:
    known = KnownClient(
        id,
        cast("str | None", row.get("hash")),
        frozenset(cast("set[str]", row.get("uris", ()))),
        row["passwords"] is True,
    )
    return RememberedClient(known, cast("int", row["at"]))
