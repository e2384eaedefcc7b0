"""Organisations and who belongs to them, in the security table.

| row          | pk                  | sk                   | content                           |
|--------------|---------------------|----------------------|-----------------------------------|
| organisation | `organisation·{id}` | `organisation`       | name …, `owners`: how many (k=O)  |
| member       | `organisation·{id}` | `member·{user}`      | `role`: member or owner (k = M)   |
| membership   | `subject·{user}`    | `organisation·{id}`  | the same, from the user's side    |
| listing      | `organisations`     | `{id}`               |                                   |

An organisation keeps count of its owners, so that two who leave at once cannot both be the last
but one. Costs in request units:

- create: one transaction of four rows, 8 write; replace: 1 write
- get: 1 read; all of a user: 1 read, and 1 for 4 KB of each organisation
- members: 1 read per 4 KB (about 40 members); one member: 1 read
- add, change or remove a member: one transaction of three rows, 6 write
- delete: 2 write for each row, members in transactions of 30
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import cast

from city.dynamodb import Row
from city.keys import key, prefix, split
from city.table import ALWAYS, IS_NEW, IS_THERE, Change, Condition, Statement, Table

ORGANISATION_KIND = "O"
MEMBER_KIND = "M"
LISTING = "organisations"
_BATCH = 30


class Membership(StrEnum):
    """What a user is in an organisation."""

    MEMBER = "member"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Organisation:
    """A group of users that can be given roles together; `version` counts its changes."""

    id: str
    name: str
    description: str = ""
    website: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class Member:
    """That a user belongs to an organisation."""

    organisation: str
    user: str
    role: Membership


class OrganisationStore:
    """Rows of organisations; safe for threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def create(self, organisation: Organisation, owner: str) -> None:
        """Write a new organisation with its first owner."""
        member = Member(organisation.id, owner, Membership.OWNER)
        self._table.transact(
            [
                self._table.putting(_organisation_row(organisation), IS_NEW),
                self._table.putting({"pk": LISTING, "sk": key(organisation.id)}),
                *self._putting(member, IS_NEW),
            ]
        )

    def get(self, id: str) -> Organisation | None:
        """An organisation, unless it is gone or being removed; strongly consistent."""
        row = self._table.get(*organisation_key(id))
        return living_organisation(row) if row else None

    def replace(self, organisation: Organisation) -> Organisation:
        """Write a changed organisation over the version it was made from; the new version.

        Raises ConditionFailed when there is another version by now, or none.
        """
        change = Change(
            "SET #n = :n, description = :d, website = :w, v = :new",
            {
                ":n": organisation.name,
                ":d": organisation.description,
                ":w": organisation.website,
                ":new": organisation.version + 1,
            },
            {"#n": "name"},
        )
        is_present = Condition(
            "v = :old AND attribute_not_exists(gone)", {":old": organisation.version}
        )
        self._table.update(*organisation_key(organisation.id), change, is_present)
        return replace(organisation, version=organisation.version + 1)

    def member(self, organisation: str, user: str) -> Member | None:
        """What a user is in an organisation, strongly consistent."""
        row = self._table.get(*member_key(organisation, user))
        return _member_of(row) if row else None

    def members(self, organisation: str) -> Iterator[Member]:
        """Who belongs to an organisation, strongly consistent."""
        rows = self._table.every(key("organisation", organisation), prefix("member"))
        return map(_member_of, rows)

    def of_user(self, user: str) -> Iterator[Member]:
        """All organisations a user belongs to, strongly consistent."""
        for row in self._table.every(key("subject", user), prefix("organisation")):
            organisation = split(str(row["sk"]))[1]
            yield Member(organisation, user, Membership(str(row["role"])))

    def put_member(self, wanted: Member, present: Member | None) -> None:
        """Add a member (`present` is None) or change its role.

        Raises ConditionFailed when the organisation is gone, when `present` is no longer so, or
        when the last owner would become a member.
        """
        owners = _is_owner(wanted) - _is_owner(present)
        condition = IS_NEW if present is None else _has_role(present)
        self._table.transact(
            [
                self._counting(wanted.organisation, owners, keep_one=True),
                *self._putting(wanted, condition),
            ]
        )

    def remove_member(self, member: Member, *, keep_owner: bool = True) -> None:
        """Remove a member; with `keep_owner` not the last owner of an organisation that lasts.

        Raises ConditionFailed when that is not so any more, or it is the last owner.
        """
        self._table.transact(
            [
                self._counting(member.organisation, -_is_owner(member), keep_one=keep_owner),
                *self._deleting(member, _has_role(member)),
            ]
        )

    def delete(self, id: str) -> list[str]:
        """Remove an organisation with members and roles; who had been a member.

        From the first write on it is gone for everybody, and nobody can join. When the work stops
        in the middle, doing it again finishes it. Raises ConditionFailed when there is none.
        """
        self._table.update(*organisation_key(id), Change("SET gone = :t", {":t": True}), IS_THERE)
        self._delete_in_batches(self._role_rows(id))
        members = list(self.members(id))
        self._delete_in_batches(
            statement for member in members for statement in self._deleting(member)
        )
        self._table.transact(
            [
                self._table.deleting(*organisation_key(id)),
                self._table.deleting(LISTING, key(id)),
            ]
        )
        return [member.user for member in members]

    def _role_rows(self, id: str) -> Iterator[Statement]:
        """Deletes the roles of an organisation, here and with their applications."""
        for row in self._table.every(key("organisation", id), prefix("role")):
            sk = str(row["sk"])
            _, application, role, members = split(sk)
            yield self._table.deleting(key("organisation", id), sk)
            yield self._table.deleting(
                key("application", application), key("organisation-role", id, role, members)
            )

    def _delete_in_batches(self, statements: Iterator[Statement]) -> None:
        while batch := list(islice(statements, 2 * _BATCH)):
            self._table.transact(batch)

    def _counting(self, organisation: str, owners: int, *, keep_one: bool) -> Statement:
        """Changes the number of owners; with `keep_one` it fails when none would be left."""
        there = "attribute_exists(pk) AND attribute_not_exists(gone)"
        condition = IS_THERE if not keep_one else Condition(there)
        if owners < 0 and keep_one:
            condition = Condition(f"{there} AND owners > :least", {":least": -owners})
        if owners == 0:
            return self._table.checking(*organisation_key(organisation), condition)
        change = Change("SET owners = owners + :n", {":n": owners})
        return self._table.updating(*organisation_key(organisation), change, condition)

    def _putting(self, member: Member, condition: Condition) -> tuple[Statement, Statement]:
        role: Row = {"k": MEMBER_KIND, "role": member.role.value}
        pk, sk = member_key(member.organisation, member.user)
        subject, organisation = membership_key(member.user, member.organisation)
        return (
            self._table.putting({"pk": pk, "sk": sk, **role}, condition),
            self._table.putting({"pk": subject, "sk": organisation, **role}),
        )

    def _deleting(
        self, member: Member, condition: Condition = ALWAYS
    ) -> tuple[Statement, Statement]:
        return (
            self._table.deleting(*member_key(member.organisation, member.user), condition),
            self._table.deleting(*membership_key(member.user, member.organisation)),
        )


def organisation_key(id: str) -> tuple[str, str]:
    """The row of an organisation."""
    return key("organisation", id), "organisation"


def member_key(organisation: str, user: str) -> tuple[str, str]:
    """The row of a member with its organisation."""
    return key("organisation", organisation), key("member", user)


def membership_key(user: str, organisation: str) -> tuple[str, str]:
    """The row of a membership with the user, from which its rights are compiled."""
    return key("subject", user), key("organisation", organisation)


def living_organisation(row: Row) -> Organisation | None:
    """The organisation of a row; None when it is being removed."""
    return None if "gone" in row else _organisation_of(row)


def _is_owner(member: Member | None) -> int:
    return int(member is not None and member.role is Membership.OWNER)


def _has_role(member: Member) -> Condition:
    return Condition("#r = :r", {":r": member.role.value}, {"#r": "role"})


def _organisation_row(organisation: Organisation) -> Row:
    pk, sk = organisation_key(organisation.id)
    return {
        "pk": pk,
        "sk": sk,
        "k": ORGANISATION_KIND,
        "name": organisation.name,
        "description": organisation.description,
        "website": organisation.website,
        "owners": 1,
        "v": organisation.version,
    }


def _organisation_of(row: Row) -> Organisation:
    return Organisation(
        id=split(str(row["pk"]))[1],
        name=str(row["name"]),
        description=str(row["description"]),
        website=str(row["website"]),
        version=cast("int", row["v"]),
    )


def _member_of(row: Row) -> Member:
    organisation, user = split(str(row["pk"]))[1], split(str(row["sk"]))[1]
    return Member(organisation, user, Membership(str(row["role"])))
