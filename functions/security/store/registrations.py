"""People who registered themselves and wait for an administrator, in the security table.

| row          | pk                      | sk      | content                                      |
|--------------|-------------------------|---------|----------------------------------------------|
| registration | `registrations`         | `{id}`  | address, name, what was asked for (k = W)    |
| address      | `registration·{digest}` | `email` | the id of the registration with this address |
| count        | `registration-count`    | `{day}` | `n`: registrations that day                  |

An address can wait once. Rows end by themselves after `DAYS`. Costs in request units:

- create: one transaction of three rows, 6 write (also when it is refused)
- get: 1 read; a page: 1 read per 4 KB; claim: 1 write
- delete: one transaction of two rows, 4 write
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, cast

from city.clock import SECOND
from city.dynamodb import ConditionFailed, Row
from city.errors import Unavailable
from city.keys import key
from city.table import IS_NEW, IS_THERE, Change, Condition, Table

ROW_KIND = "W"
WAITING = "registrations"
DAYS = 30
"""How long a registration waits."""
DAILY_LIMIT = 1000
"""Registrations a day that are taken from everybody together; the door is open to robots too."""

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for: a role of an application, to belong to an organisation (ids or "")."""

    application: str = ""
    role: str = ""
    organisation: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    """Somebody who wants to be a user; `at` is microseconds. `claimed`: being approved."""

    id: str
    at: int
    email: str = field(repr=False)
    username: str = field(repr=False)
    wanted: Wanted = Wanted()
    message: str = field(default="", repr=False)
    claimed: bool = False


class RegistrationPage(NamedTuple):
    """Some registrations in the order of their ids; `after` is where to go on."""

    registrations: list[Registration]
    after: str | None


class RegistrationStore:
    """Rows of registrations; safe for threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def create(self, registration: Registration) -> bool:
        """Write a registration; False when one with its address waits already.

        Raises Unavailable when the day has had its share.
        """
        expiry = registration.at // SECOND + DAYS * _DAY
        address: Row = {"id": registration.id, "exp": expiry}
        pk, sk = _address_key(registration.email)
        free = Condition(
            "attribute_not_exists(pk) OR exp <= :now", {":now": registration.at // SECOND}
        )
        try:
            self._table.transact(
                [
                    self._table.putting(_registration_row(registration, expiry), IS_NEW),
                    self._table.putting({"pk": pk, "sk": sk, **address}, free),
                    self._counting(registration.at),
                ]
            )
        except ConditionFailed as failure:
            if 2 in failure.found:
                raise Unavailable("too many registrations today; try again tomorrow") from None
            return False
        return True

    def get(self, id: str) -> Registration | None:
        """A registration that waits, strongly consistent."""
        row = self._table.get(WAITING, key(id))
        return _registration_of(row) if row else None

    def page(self, limit: int, after: str | None = None) -> RegistrationPage:
        """Registrations that wait, strongly consistent."""
        page = self._table.query(WAITING, limit=limit, after=after)
        return RegistrationPage([_registration_of(row) for row in page.rows], page.after)

    def find(self, email: str) -> Registration | None:
        """The registration with this address, strongly consistent."""
        row = self._table.get(*_address_key(email))
        return self.get(str(row["id"])) if row else None

    def claim(self, id: str) -> None:
        """Note that a registration is being approved. Raises ConditionFailed when it is gone."""
        self._table.update(WAITING, key(id), Change("SET claimed = :t", {":t": True}), IS_THERE)

    def delete(self, registration: Registration, *, unless_claimed: bool = False) -> bool:
        """Remove a registration; False when somebody else has, or (if so asked) has claimed it."""
        condition = IS_THERE
        if unless_claimed:
            condition = Condition("attribute_exists(pk) AND attribute_not_exists(claimed)")
        try:
            self._table.transact(
                [
                    self._table.deleting(WAITING, key(registration.id), condition),
                    self._table.deleting(*_address_key(registration.email)),
                ]
            )
        except ConditionFailed:
            return False
        return True

    def _counting(self, at: int) -> dict[str, object]:
        day = datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%d")
        change = Change(
            "SET n = if_not_exists(n, :zero) + :one, exp = :exp",
            {":zero": 0, ":one": 1, ":exp": at // SECOND + 2 * _DAY},
        )
        has_room = Condition("attribute_not_exists(n) OR n < :most", {":most": DAILY_LIMIT})
        return dict(self._table.updating("registration-count", day, change, has_room))


def _address_key(email: str) -> tuple[str, str]:
    digest = hashlib.sha256(email.encode()).hexdigest()
    return key("registration", digest), "email"


def _registration_row(registration: Registration, expiry: int) -> Row:
    return {
        "pk": WAITING,
        "sk": key(registration.id),
        "k": ROW_KIND,
        "at": registration.at,
        "email": registration.email,
        "name": registration.username,
        "application": registration.wanted.application,
        "role": registration.wanted.role,
        "organisation": registration.wanted.organisation,
        "message": registration.message,
        "exp": expiry,
    }


def _registration_of(row: Row) -> Registration:
    return Registration(
        id=str(row["sk"]),
        at=cast("int", row["at"]),
        email=str(row["email"]),
        username=str(row["name"]),
        wanted=Wanted(str(row["application"]), str(row["role"]), str(row["organisation"])),
        message=str(row["message"]),
        claimed="claimed" in row,
    )
