"""Who has which role of an application, in the security table.

| row               | pk                   | sk                                     |
|-------------------|----------------------|----------------------------------------|
| user's role       | `application·{id}`   | `user-role·{user}·{role}`              |
| the same          | `subject·{user}`     | `role·{id}·{role}`                     |
| organisation's    | `application·{id}`   | `organisation-role·{org}·{role}·{who}` |
| the same          | `organisation·{org}` | `role·{id}·{role}·{who}`               |

`who` says whether the role reaches the members or the owners of the organisation. Both rows of an
assignment are written together (k = S). Costs in request units:

- assign: one transaction of two rows and up to three checks, 10 write; unassign: 4 write
- of an application: 1 read per 4 KB, about forty assignments
- held: 1 read per 4 KB of memberships and roles of the user (about forty); then at once for each
  organisation 1 read per 4 KB of its row and roles
- drop: 4 write for each assignment, 25 in a transaction
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from city.dynamodb import ConditionFailed, Row
from city.keys import key, prefix, split
from city.parallel import in_parallel
from city.table import IS_THERE, LAST, Statement, Table
from security.applications.permissions import BUILT_IN_ROLES
from security.store.applications import LIVES, application_key
from security.store.organisations import (
    Membership,
    Organisation,
    living_organisation,
    organisation_key,
)
from security.store.users import profile_key

ASSIGNMENT_KIND = "S"
_BATCH = 25


class UserRole(NamedTuple):
    """That a user has a role."""

    user: str
    role: str


class OrganisationRole(NamedTuple):
    """That the members or the owners of an organisation have a role."""

    organisation: str
    role: str
    who: Membership


Assignment = UserRole | OrganisationRole


@dataclass(frozen=True, slots=True)
class Held:
    """The roles of one application that a user has: `own`, and by organisation those through it.

    `organisations` has those of the user's that are there and not being removed.
    """

    own: tuple[str, ...]
    through: dict[str, tuple[str, ...]]
    organisations: dict[str, Organisation] = field(default_factory=dict)

    @property
    def all(self) -> frozenset[str]:
        """Every role the user has, wherever from."""
        return frozenset(self.own).union(*self.through.values())


class AssignmentStore:
    """Rows of assignments; safe for threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of_users(self, application: str) -> list[UserRole]:
        """Every assignment to a user, strongly consistent."""
        rows = self._table.every(key("application", application), prefix("user-role"))
        return [UserRole(*split(str(row["sk"]))[1:]) for row in rows]

    def of_organisations(self, application: str) -> list[OrganisationRole]:
        """Every assignment to an organisation, strongly consistent."""
        rows = self._table.every(key("application", application), prefix("organisation-role"))
        parts = [split(str(row["sk"])) for row in rows]
        return [OrganisationRole(org, role, Membership(who)) for _, org, role, who in parts]

    def assign(self, application: str, assignment: Assignment) -> None:
        """Give a role. Raises ConditionFailed, at 0 when the user or organisation is not there."""
        partition = key("application", application)
        needs = [self._table.checking(*application_key(application), LIVES)]
        if assignment.role not in BUILT_IN_ROLES:
            role = key("role", assignment.role)
            needs.append(self._table.checking(partition, role, IS_THERE))
        self._table.transact(
            [
                self._table.checking(*_holder_key(assignment), LIVES),
                *needs,
                *(self._table.putting(row) for row in _rows(application, assignment)),
            ]
        )

    def unassign(self, application: str, assignment: Assignment) -> bool:
        """Take a role away; False when it was not given."""
        row, mirror = _rows(application, assignment)
        try:
            self._table.transact(
                [
                    self._table.deleting(str(row["pk"]), str(row["sk"]), IS_THERE),
                    self._table.deleting(str(mirror["pk"]), str(mirror["sk"])),
                ]
            )
        except ConditionFailed:
            return False
        return True

    def drop(self, application: str, assignments: Sequence[Assignment]) -> None:
        """Take many away."""
        for start in range(0, len(assignments), _BATCH):
            rows = [
                row
                for assignment in assignments[start : start + _BATCH]
                for row in _rows(application, assignment)
            ]
            statements: list[Statement] = [
                self._table.deleting(str(row["pk"]), str(row["sk"])) for row in rows
            ]
            self._table.transact(statements)

    def held(self, user: str, application: str) -> Held:
        """The roles of the application that a user has, strongly consistent."""
        own: list[str] = []
        memberships: list[tuple[str, str]] = []
        span = prefix("organisation"), key("role", application, LAST)
        for row in self._table.every(key("subject", user), between=span):
            match split(str(row["sk"])):
                case ["organisation", organisation]:
                    memberships.append((organisation, str(row["role"])))
                case ["role", of, role] if of == application:
                    own.append(role)
        found = in_parallel(lambda one: self._through(*one, application), memberships)
        ids = [organisation for organisation, _ in memberships]
        return Held(
            tuple(own),
            {id: roles for id, (_, roles) in zip(ids, found, strict=True)},
            {organisation.id: organisation for organisation, _ in found if organisation},
        )

    def applications_of(self, user: str) -> set[str]:
        """The applications of which a user has any role, also through an organisation."""
        own = self._table.every(key("subject", user), prefix("role"))
        found = {split(str(row["sk"]))[1] for row in own}
        for membership in self._table.every(key("subject", user), prefix("organisation")):
            organisation = key("organisation", split(str(membership["sk"]))[1])
            for row in self._table.every(organisation, prefix("role")):
                _, application, _, who = split(str(row["sk"]))
                if who == membership["role"]:
                    found.add(application)
        return found

    def provided_by(self, user: str) -> int:
        """Of how many applications a user has the role provider itself."""
        rows = self._table.every(key("subject", user), prefix("role"))
        return sum(split(str(row["sk"]))[2] == "provider" for row in rows)

    def holders(self, assignments: Iterable[Assignment]) -> set[str]:
        """The users whom assignments reach."""
        users: set[str] = set()
        organisations: dict[str, set[Membership]] = {}
        for assignment in assignments:
            if isinstance(assignment, UserRole):
                users.add(assignment.user)
            else:
                organisations.setdefault(assignment.organisation, set()).add(assignment.who)
        for organisation, who in organisations.items():
            users |= self._members(organisation, who)
        return users

    def _members(self, organisation: str, who: set[Membership]) -> set[str]:
        rows = self._table.every(key("organisation", organisation), prefix("member"))
        return {split(str(row["sk"]))[1] for row in rows if row["role"] in who}

    def _through(
        self, organisation: str, membership: str, application: str
    ) -> tuple[Organisation | None, tuple[str, ...]]:
        """An organisation, unless it is gone, and the roles that it gives to such members."""
        there: Organisation | None = None
        roles: list[str] = []
        pk, first = organisation_key(organisation)
        for row in self._table.every(pk, between=(first, key("role", application, LAST))):
            match split(str(row["sk"])):
                case ["organisation"]:
                    there = living_organisation(row)
                case ["role", of, role, who] if (of, who) == (application, membership):
                    roles.append(role)
        return there, tuple(roles)


def _holder_key(assignment: Assignment) -> tuple[str, str]:
    if isinstance(assignment, UserRole):
        return profile_key(assignment.user)
    return key("organisation", assignment.organisation), "organisation"


def _rows(application: str, assignment: Assignment) -> tuple[Row, Row]:
    """The row of the application and its mirror at the holder."""
    partition, role = key("application", application), assignment.role
    if isinstance(assignment, UserRole):
        keys = (
            (partition, key("user-role", assignment.user, role)),
            (key("subject", assignment.user), key("role", application, role)),
        )
    else:
        organisation, _, who = assignment
        keys = (
            (partition, key("organisation-role", organisation, role, who)),
            (key("organisation", organisation), key("role", application, role, who)),
        )
    row, mirror = ({"pk": pk, "sk": sk, "k": ASSIGNMENT_KIND} for pk, sk in keys)
    return dict(row), dict(mirror)
