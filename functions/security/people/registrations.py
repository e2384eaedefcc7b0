"""People who register themselves, and the administrators who let them in.

The door is open to everybody, so it tells nothing: the answer is the same whether the address is
new, waits already or belongs to a user. An approved registration becomes a user, who gets a mail
with a first password; a user who is there already only gets what it asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from city.clock import Clock
from city.dynamodb import ConditionFailed
from city.errors import AlreadyExists, NotFound, Unprocessable
from security.people.mail_addresses import parse_address
from security.people.organisations import Organisations
from security.people.users import Details, User, Users
from security.store.organisations import Membership
from security.store.registrations import (
    Registration,
    RegistrationPage,
    RegistrationStore,
    Wanted,
)

GiveRole = Callable[[str, str, str], None]
"""Gives a user (id) in an application (id) a role (id)."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What became of an approved registration: the user, and whether a mail went out."""

    user: str
    invited: bool


class Registrations:
    """Registrations of one city; safe for threads."""

    def __init__(
        self,
        store: RegistrationStore,
        users: Users,
        organisations: Organisations,
        clock: Clock,
    ) -> None:
        self._store = store
        self._users = users
        self._organisations = organisations
        self._clock = clock

    def register(self, email: str, username: str, wanted: Wanted, message: str = "") -> None:
        """Take a registration. One whose address waits already changes nothing.

        Raises InvalidRequest for a bad address, Unavailable when too many came today.
        """
        address = parse_address(email)
        self._store.create(
            Registration(str(uuid4()), self._clock(), address, username, wanted, message)
        )

    def get(self, id: str) -> Registration:
        """A registration that waits. Raises NotFound."""
        registration = self._store.get(id)
        if registration is None:
            raise _not_found()
        return registration

    def page(self, limit: int, after: str | None) -> RegistrationPage:
        """Registrations that wait."""
        return self._store.page(limit, after)

    def approve(self, id: str, give_role: GiveRole, wanted: Wanted | None = None) -> Approval:
        """Make a user of a registration, with what it asked for or what `wanted` says instead.

        `give_role` acts for the administrator and refuses what that one may not give. When something
        fails on the way (a role that is gone), it waits on, approved, and can be approved again.
        Raises NotFound and what giving roles and memberships raises.
        """
        registration = self.get(id)
        try:
            self._store.claim(id)
        except ConditionFailed:
            raise _not_found() from None
        user, invited = self._admit(registration)
        given = registration.wanted if wanted is None else wanted
        if given.role:
            give_role(user.id, given.application, given.role)
        if given.organisation:
            self._organisations.set_member(given.organisation, user.id, Membership.MEMBER)
        self._store.delete(registration)
        return Approval(user.id, invited)

    def reject(self, id: str) -> None:
        """Drop a registration with all that is known of it. Raises NotFound, Unprocessable."""
        registration = self.get(id)
        if not self._store.delete(registration, unless_claimed=True):
            self.get(id)
            raise Unprocessable("the registration is being approved")

    def _admit(self, registration: Registration) -> tuple[User, bool]:
        known = self._users.find(registration.email)
        if known:
            return known, False
        details = Details(username=registration.username, email=registration.email)
        try:
            return self._users.create(details), True
        except AlreadyExists:
            known = self._users.find(registration.email)
            if known is None:
                raise
            return known, False


def _not_found() -> NotFound:
    return NotFound("there is no such registration")
