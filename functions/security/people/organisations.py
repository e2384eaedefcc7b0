"""Organisations: groups of users who own them or belong to them.

What an organisation is given (roles) its owners or members have; so whoever joins, leaves or
changes sides gets its rights compiled anew right after. The last owner cannot leave.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from uuid import uuid4

from city.dynamodb import ConditionFailed, pauses
from city.errors import Contended, NotFound, Unprocessable
from security.store.organisations import Member, Membership, Organisation, OrganisationStore

MAX_TRIES = 8

Refresh = Callable[[Iterable[str]], None]
"""Compiles the rights of subjects anew."""


class Organisations:
    """The organisations of one city; safe for threads. Refusals are NotFound unless said."""

    def __init__(self, store: OrganisationStore, refresh: Refresh) -> None:
        self._store = store
        self._refresh = refresh

    def create(
        self, owner: str, name: str, description: str | None = None, website: str | None = None
    ) -> Organisation:
        """Make an organisation that `owner` owns."""
        organisation = Organisation(str(uuid4()), name, description or "", website or "")
        self._store.create(organisation, owner)
        return organisation

    def get(self, id: str) -> Organisation:
        """The organisation."""
        organisation = self._store.get(id)
        if organisation is None:
            raise _no_organisation()
        return organisation

    def of_user(self, user: str) -> list[tuple[Organisation, Membership]]:
        """The organisations a user belongs to, and what it is there."""
        found = [(self._store.get(one.organisation), one.role) for one in self._store.of_user(user)]
        return [(organisation, role) for organisation, role in found if organisation]

    def is_owner(self, id: str, user: str) -> bool:
        """Whether a user owns the organisation."""
        member = self._store.member(id, user)
        return member is not None and member.role is Membership.OWNER

    def update(
        self, id: str, name: str | None, description: str | None, website: str | None
    ) -> tuple[Organisation, Organisation]:
        """Change what is given: how it was and how it is. Raises Contended."""
        given = {"name": name, "description": description, "website": website}
        changes = {field: text for field, text in given.items() if text is not None}
        for pause in pauses(MAX_TRIES):
            present = self.get(id)
            changed = replace(present, **changes)  # type: ignore[arg-type]  # fields by name
            if changed == present:
                return present, present
            try:
                return present, self._store.replace(changed)
            except ConditionFailed:
                time.sleep(pause)
        raise Contended("the organisation is being changed by others; try again")

    def delete(self, id: str) -> None:
        """Remove an organisation; what it was given nobody has through it any more."""
        try:
            members = self._store.delete(id)
        except ConditionFailed:
            raise _no_organisation() from None
        self._refresh(members)

    def members(self, id: str) -> list[Member]:
        """Who belongs to an organisation."""
        return list(self._store.members(id))

    def member(self, id: str, user: str) -> Member:
        """What a user is in an organisation."""
        member = self._store.member(id, user)
        if member is None:
            raise NotFound("Assignment not found")
        return member

    def set_member(self, id: str, user: str, role: Membership) -> Member:
        """Make a user a member or an owner. Done again, it finishes what was interrupted.

        Raises Unprocessable when nobody would own the organisation any more, and Contended.
        """
        wanted = Member(id, user, role)
        for pause in pauses(MAX_TRIES):
            present = self._store.member(id, user)
            if present == wanted:
                self._refresh([user])
                return wanted
            try:
                self._store.put_member(wanted, present)
            except ConditionFailed as failure:
                self._explain(id, failure)
                time.sleep(pause)
            else:
                self._refresh([user])
                return wanted
        raise _contended()

    def remove_member(self, id: str, user: str, role: Membership | None = None) -> None:
        """Take a user out of an organisation, if `role` is given only from that role.

        Done again, it finishes what was interrupted.
        Raises Unprocessable for the last owner, and Contended.
        """
        for pause in pauses(MAX_TRIES):
            present = self._store.member(id, user)
            if present is None or role not in (None, present.role):
                self._refresh([user])
                raise NotFound("Assignments not found")
            try:
                self._store.remove_member(present)
            except ConditionFailed as failure:
                self._explain(id, failure)
                time.sleep(pause)
            else:
                self._refresh([user])
                return
        raise _contended()

    def _explain(self, id: str, failure: ConditionFailed) -> None:
        """Raise what is the matter with the organisation, if it is not just the member's row."""
        if 0 not in failure.found:
            return
        self.get(id)
        raise Unprocessable("the organisation would have no owner; make another one owner first")


def _no_organisation() -> NotFound:
    return NotFound("Organization not found")


def _contended() -> Contended:
    return Contended("the members are being changed by others; try again")
