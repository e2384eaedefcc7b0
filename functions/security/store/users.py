"""Profiles of users and the ledger of erasures in the security table.

| row      | pk          | sk        | content                                           |
|----------|-------------|-----------|---------------------------------------------------|
| profile  | `user·{id}` | `profile` | what the user shows of itself (k = P)             |
| listing  | `users`     | `{id}`    | the same, to list all users                       |
| erasure  | `erasures`  | `{hash}`  | `at`: a user was erased; nothing tells who it was |

The e-mail address is in the user pool only. Costs in request units, for a profile of up to 1 KB:

- create, replace, delete: one transaction of two rows, 4 write
- get: 1 read (of 4 KB); a page: 1 read per 4 KB, about ten users
- erasure: 1 write; all erasures: 1 read per 40
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple, cast

from city.dynamodb import ConditionFailed, Row
from city.json import Json, dump, parse
from city.keys import key
from city.table import IS_NEW, IS_THERE, Condition, Table

ROW_KIND = "P"
ERASURE_KIND = "E"
LISTING = "users"
LEDGER = "erasures"


@dataclass(frozen=True, slots=True)
class Profile:
    """What the city knows of a user besides its address. Times are microseconds.

    `extra` is whatever applications keep with a user; `version` counts the changes.
    """

    id: str
    username: str
    created: int
    password_set: int
    description: str = ""
    website: str = ""
    gravatar: bool = False
    extra: dict[str, Json] = field(default_factory=dict)
    version: int = 1


class ProfilePage(NamedTuple):
    """Some profiles in the order of their ids; `after` is where to go on, None at the end."""

    profiles: list[Profile]
    after: str | None


class Erasure(NamedTuple):
    """That a user was erased, at a time; `digest` is all that is left of its id."""

    digest: str
    at: int


class UserStore:
    """Rows of users; safe for threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def create(self, profile: Profile) -> None:
        """Write a new profile. Raises ConditionFailed when the user has one."""
        profile_row, listing = _rows(profile)
        self._table.transact(
            [self._table.putting(profile_row, IS_NEW), self._table.putting(listing)]
        )

    def get(self, id: str) -> Profile | None:
        """The profile of a user, strongly consistent."""
        row = self._table.get(*profile_key(id))
        return profile_of(row) if row else None

    def page(self, limit: int, after: str | None = None) -> ProfilePage:
        """Profiles of all users, strongly consistent."""
        page = self._table.query(LISTING, limit=limit, after=after)
        return ProfilePage([profile_of(row) for row in page.rows], page.after)

    def every(self) -> Iterator[Profile]:
        """The profile of every user, page by page as they are taken."""
        return map(profile_of, self._table.every(LISTING))

    def replace(self, profile: Profile) -> Profile:
        """Write a changed profile over the version it was made from; the new version.

        Raises ConditionFailed when there is another version by now, or none.
        """
        changed = replace(profile, version=profile.version + 1)
        is_present = Condition("v = :v", {":v": profile.version})
        profile_row, listing = _rows(changed)
        self._table.transact(
            [self._table.putting(profile_row, is_present), self._table.putting(listing)]
        )
        return changed

    def delete(self, id: str) -> None:
        """Remove a profile; nothing happens when there is none."""
        try:
            self._table.transact(
                [
                    self._table.deleting(*profile_key(id), IS_THERE),
                    self._table.deleting(LISTING, key(id)),
                ]
            )
        except ConditionFailed:
            return

    def record_erasure(self, erasure: Erasure) -> None:
        """Note that a user was erased."""
        self._table.put({"pk": LEDGER, "sk": erasure.digest, "k": ERASURE_KIND, "at": erasure.at})

    def erasures(self) -> Iterator[Erasure]:
        """All erasures, in no order that tells anything."""
        for row in self._table.every(LEDGER):
            yield Erasure(str(row["sk"]), cast("int", row["at"]))


def profile_key(id: str) -> tuple[str, str]:
    """The row with the profile of a user."""
    return key("user", id), "profile"


def digest_of(id: str) -> str:
    """What the ledger keeps of a user: SHA-256 of the id.

    The id is random (122 bits), so nobody finds it by trying. Whoever has the user again, after a
    backup was restored, recognises it; without the user the digest says nothing. A secret would
    add nothing but a way to lose the ledger.
    """
    return hashlib.sha256(f"erased:{id}".encode()).hexdigest()


def _rows(profile: Profile) -> tuple[Row, Row]:
    content: Row = {
        "k": ROW_KIND,
        "id": profile.id,
        "name": profile.username,
        "created": profile.created,
        "password": profile.password_set,
        "v": profile.version,
        "description": profile.description,
        "website": profile.website,
        "gravatar": profile.gravatar,
        "extra": dump(profile.extra),
    }
    pk, sk = profile_key(profile.id)
    return {"pk": pk, "sk": sk, **content}, {"pk": LISTING, "sk": key(profile.id), **content}


def profile_of(row: Row) -> Profile:
    """The profile of a row."""
    return Profile(
        id=str(row["id"]),
        username=str(row["name"]),
        created=cast("int", row["created"]),
        password_set=cast("int", row["password"]),
        description=str(row["description"]),
        website=str(row["website"]),
        gravatar=row["gravatar"] is True,
        extra=cast("dict[str, Json]", parse(str(row["extra"]))),
        version=cast("int", row["v"]),
    )
