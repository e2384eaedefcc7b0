"""Erasing a user: nothing of it is left, and the ledger remembers that it was done.

A backup brings erased users back. The ledger has a digest of each, which only finds a user who is
there again; `replay` erases those. It must survive what the table does not, so it can be read out
and handed in again.

What a backup brings back of a registration that waited is not found again, since nothing but the
address ties it to the user; it ends by itself, as all do.

The order makes access end first and lets an erasure that stopped half way be done again: the
profile, by which the user is found, goes last.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

from city.clock import Clock
from city.dynamodb import ConditionFailed, Row, pauses
from city.errors import Contended, NotFound
from city.keys import key, prefix, split
from city.table import Table
from security.cognito.users import UserDirectory
from security.store.accounts import AccountStore
from security.store.keys import KeyStore
from security.store.organisations import Member, OrganisationStore
from security.store.registrations import RegistrationStore
from security.store.users import Erasure, UserStore, digest_of

MAX_TRIES = 8


class Erasures:
    """Erases users of one city; safe for threads, and to be repeated."""

    def __init__(
        self,
        table: Table,
        directory: UserDirectory,
        accounts: AccountStore,
        keys: KeyStore,
        clock: Clock,
    ) -> None:
        self._table = table
        self._directory = directory
        self._users = UserStore(table)
        self._accounts = accounts
        self._organisations = OrganisationStore(table)
        self._registrations = RegistrationStore(table)
        self._keys = keys
        self._clock = clock

    def erase(self, id: str) -> None:
        """Erase a user: sessions, keys, memberships, roles, grants, address, password, profile."""
        with suppress(NotFound):
            self._accounts.set_active(id, active=False)
        self._users.record_erasure(Erasure(digest_of(id), self._clock()))
        self._leave_plans(id)
        self._leave_organisations(id)
        self._give_up_roles(id)
        self._forget_address(id)
        self._accounts.delete(id)
        self._users.delete(id)

    def ledger(self) -> list[Erasure]:
        """Everybody who was erased, as digests."""
        return list(self._users.erasures())

    def replay(self, digests: Iterable[str]) -> int:
        """Erase again whom a restored backup has brought back; how many that were.

        The digests are those of a ledger from after the backup; the table's own are added.
        """
        known = {*digests, *(erasure.digest for erasure in self._users.erasures())}
        returned = [one.id for one in self._users.every() if digest_of(one.id) in known]
        for id in returned:
            self.erase(id)
        return len(returned)

    def _leave_plans(self, id: str) -> None:
        for subject in (id, *self._keys.owned_by(id)):
            stored = self._accounts.find(subject)
            if stored is not None and stored.account.plan is not None:
                self._table.delete(key("plan", stored.account.plan.name), key("subject", subject))

    def _leave_organisations(self, id: str) -> None:
        """An organisation may be left without owner here: the right to be erased goes first."""
        for member in list(self._organisations.of_user(id)):
            self._leave(member)

    def _leave(self, member: Member) -> None:
        for pause in pauses(MAX_TRIES):
            present = self._organisations.member(member.organisation, member.user)
            if present is None:
                return
            try:
                self._organisations.remove_member(present, keep_owner=False)
            except ConditionFailed:
                time.sleep(pause)
        raise Contended("the user's memberships are being changed; try again")

    def _give_up_roles(self, id: str) -> None:
        for row in self._roles(id):
            _, application, role = split(str(row["sk"]))
            self._table.delete(key("application", application), key("user-role", id, role))

    def _roles(self, id: str) -> Iterator[Row]:
        return self._table.every(key("subject", id), prefix("role"))

    def _forget_address(self, id: str) -> None:
        user = self._directory.get(id)
        if user is None:
            return
        waiting = self._registrations.find(user.email)
        if waiting:
            self._registrations.delete(waiting)
        with suppress(NotFound):
            self._directory.delete(id)
