"""Applications and whom they trust, in the security table.

| row         | pk                  | sk                   | content                               |
|-------------|---------------------|----------------------|---------------------------------------|
| application | `application·{id}`  | `application`        | all but secrets (k = C), `v`, `gone`  |
| listing     | `applications`      | `{id}`               | the same                              |
| trust       | `application·{id}`  | `trusted·{other}`    | tokens of the other are accepted      |
| trusted by  | `application·{id}`  | `trusted-by·{other}` | the same, from the other side         |

`v` counts the changes; `gone` marks one that is being removed. Secrets are in the user pool only. Costs in request units, for an application of up to 1 KB:

- create, replace, delete: one transaction of two rows, 4 write; close: 1 write
- get: 1 read; all: 1 read per 4 KB, about ten applications; trusted: 1 read per 4 KB
- trust: one transaction of two rows and two checks, 8 write; distrust: two rows, 4 write
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

from city.dynamodb import ConditionFailed, Row
from city.json import dump, parse
from city.keys import key, prefix, split
from city.table import IS_NEW, IS_THERE, Change, Condition, Table

APPLICATION_KIND = "C"
TRUST_KIND = "T"
LISTING = "applications"

LIVES = Condition("attribute_exists(pk) AND attribute_not_exists(gone)")
"""The condition that there is an application, and that it is not being removed."""


@dataclass(frozen=True, slots=True)
class Application:
    """An application; its id is that of its client in the user pool.

    - `grants`: the OAuth grant types in force; `scopes`: what it may ask for.
    - `machine`: the client of the pool that gets its tokens by client credentials, where it cannot
      do so itself (Cognito lets no client have that flow beside another).
    - `alias`: its id in the Keyrock it was imported from.
    - `is_gone`: it is being removed.
    - `created` is in microseconds; `version` counts the changes.
    """

    id: str
    name: str
    grants: tuple[str, ...]
    scopes: tuple[str, ...]
    created: int
    description: str | None = None
    url: str | None = None
    redirect_uri: str | None = None
    sign_out_uri: str | None = None
    image: str = "default"
    token_types: tuple[str, ...] = ("bearer",)
    machine: str | None = None
    alias: str | None = None
    version: int = 1
    is_gone: bool = False


class ApplicationStore:
    """Rows of applications; safe for threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def create(self, application: Application) -> None:
        """Write a new application. Raises ConditionFailed when there is one with its id."""
        row, listing = _rows(application)
        self._table.transact([self._table.putting(row, IS_NEW), self._table.putting(listing)])

    def get(self, id: str) -> Application | None:
        """An application, also one that is being removed, strongly consistent."""
        row = self._table.get(*application_key(id))
        return _application_of(row) if row else None

    def every(self) -> Iterator[Application]:
        """All applications in the order of their ids, page by page as they are taken."""
        return map(_application_of, self._table.every(LISTING))

    def replace(self, application: Application) -> Application:
        """Write a changed application over the version it was made from; the new version.

        Raises ConditionFailed when there is another version by now, or none.
        """
        changed = replace(application, version=application.version + 1)
        row, listing = _rows(changed)
        is_present = Condition("v = :v AND attribute_not_exists(gone)", {":v": application.version})
        self._table.transact([self._table.putting(row, is_present), self._table.putting(listing)])
        return changed

    def close(self, id: str) -> None:
        """Begin a removal: from now on nothing is added to the application."""
        change = Change("SET gone = :yes", {":yes": True})
        self._table.update(*application_key(id), change, IS_THERE)

    def delete(self, id: str) -> None:
        """Remove the application's own rows, and what trusts it. Assignments go before."""
        for other in self.trusting(id):
            self.distrust(other, id)
        for other in self.trusted(id):
            self.distrust(id, other)
        self._table.transact(
            [self._table.deleting(*application_key(id)), self._table.deleting(LISTING, key(id))]
        )

    def trust(self, id: str, other: str) -> None:
        """Let the application accept tokens of another.

        Raises ConditionFailed at 0 when there is no such application, at 1 no such other.
        """
        row, reverse = _trust_rows(id, other)
        self._table.transact(
            [
                self._table.checking(*application_key(id), LIVES),
                self._table.checking(*application_key(other), LIVES),
                self._table.putting(row),
                self._table.putting(reverse),
            ]
        )

    def distrust(self, id: str, other: str) -> bool:
        """Let it accept them no more; False when it did not."""
        row, reverse = _trust_rows(id, other)
        try:
            self._table.transact(
                [
                    self._table.deleting(str(row["pk"]), str(row["sk"]), IS_THERE),
                    self._table.deleting(str(reverse["pk"]), str(reverse["sk"])),
                ]
            )
        except ConditionFailed:
            return False
        return True

    def trusted(self, id: str) -> list[str]:
        """The applications whose tokens it accepts."""
        return self._edges(id, "trusted")

    def trusting(self, id: str) -> list[str]:
        """The applications that accept its tokens."""
        return self._edges(id, "trusted-by")

    def _edges(self, id: str, kind: str) -> list[str]:
        rows = self._table.every(key("application", id), prefix(kind))
        return [split(str(row["sk"]))[1] for row in rows]


def application_key(id: str) -> tuple[str, str]:
    """The row of an application."""
    return key("application", id), "application"


def _trust_rows(id: str, other: str) -> tuple[Row, Row]:
    return (
        {"pk": key("application", id), "sk": key("trusted", other), "k": TRUST_KIND},
        {"pk": key("application", other), "sk": key("trusted-by", id), "k": TRUST_KIND},
    )


_OPTIONAL = ("description", "url", "redirect_uri", "sign_out_uri", "machine", "alias")
_LISTS = ("grants", "scopes", "token_types")


def _rows(application: Application) -> tuple[Row, Row]:
    content: Row = {
        "k": APPLICATION_KIND,
        "id": application.id,
        "name": application.name,
        "created": application.created,
        "image": application.image,
        "v": application.version,
    }
    for name in _LISTS:
        content[name] = dump(getattr(application, name))
    for name in _OPTIONAL:
        if (value := getattr(application, name)) is not None:
            content[name] = value
    pk, sk = application_key(application.id)
    listing = key(application.id)
    return {"pk": pk, "sk": sk, **content}, {"pk": LISTING, "sk": listing, **content}


def _application_of(row: Row) -> Application:
    lists = {name: tuple(cast("list[str]", parse(str(row[name])))) for name in _LISTS}
    optional = {name: str(row[name]) for name in _OPTIONAL if name in row}
    return Application(
        id=str(row["id"]),
        name=str(row["name"]),
        created=cast("int", row["created"]),
        image=str(row["image"]),
        version=cast("int", row["v"]),
        is_gone="gone" in row,
        grants=lists["grants"],
        scopes=lists["scopes"],
        token_types=lists["token_types"],
        **optional,
    )
