"""The projection of a subject's sources into its account, which is all that requests read.

Whoever changes a source that is not a direct grant (a role, a membership, a permission) calls
`refresh` for every subject it touches, after the write. The epoch is read before the sources and
must still stand when the account is written: a change in between, also by another refresh, lets the
write fail and everything be read again. So no change is lost, and nothing revoked comes back.

An API key holds those of its grants that the rights of its owner cover, and its owner's denies. So
its account follows the owner's: a refresh of the owner refreshes the keys.
"""

import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate

from city.clock import Clock
from city.dynamodb import MAX_TRANSACTION_TRIES, ConditionFailed, pauses
from city.errors import Contended, TooLarge
from city.json import dump
from city.policy.accounts import Account
from city.policy.grant_forms import pack
from city.policy.grants import Grant
from security.rights.delegation import covered, inherited
from security.store.accounts import MAX_GRANTS, AccountStore, StoredAccount
from security.store.keys import KeyStore
from security.store.sources import SourceStore

WORKERS = 16
MAX_BYTES = 350_000
"""Of grants in one account: the item may have 400 KB with what else is in it."""

_log = logging.getLogger(__name__)


class Projection:
    """Compiles accounts from their sources; safe for threads."""

    def __init__(
        self, accounts: AccountStore, sources: SourceStore, keys: KeyStore, clock: Clock
    ) -> None:
        self._accounts = accounts
        self._sources = sources
        self._keys = keys
        self._clock = clock

    def refresh(self, subject: str) -> None:
        """Bring one subject's account, and those of its keys, up to date.

        A subject without account has nothing to refresh. Raises TooLarge when the sources grant
        more than an account can hold: it has all denies then and as many allows as fit. Raises
        Contended when others keep changing the subject.
        """
        stored = self._accounts.find(subject)
        if stored is None:
            return
        if stored.application:
            self.refresh(stored.application)
            return
        for name in (subject, stored.twin):
            if name:
                self._compile(name, subject)
        self.refresh_keys(subject)

    def refresh_all(self, subjects: Iterable[str]) -> None:
        """Refresh many subjects at once. All are tried; then the first failure is raised."""
        with ThreadPoolExecutor(WORKERS, "projection") as pool:
            refreshes = [pool.submit(self.refresh, subject) for subject in dict.fromkeys(subjects)]
        for refresh in refreshes:
            refresh.result()

    def refresh_keys(self, owner: str) -> None:
        """Bring the accounts of a subject's API keys up to date with its rights."""
        for key in self._keys.owned_by(owner):
            self._compile(key, key)

    def _compile(self, name: str, subject: str) -> None:
        """Write into the account `name` what the sources of `subject` grant."""
        for pause in pauses(MAX_TRANSACTION_TRIES):
            stored = self._accounts.find(name)
            if stored is None:
                return
            grants = self._grants(stored, subject)
            kept = _fitting(grants)
            try:
                self._write(stored.account, kept)
            except ConditionFailed:
                time.sleep(pause)
                continue
            if len(kept) < len(grants):
                raise TooLarge(
                    f"subject {subject} has {len(grants)} grants, of which {len(kept)} take effect: "
                    f"an account has room for {MAX_GRANTS} grants of {MAX_BYTES} bytes together"
                )
            return
        raise Contended("the subject is being changed by too many requests at once; try again")

    def _write(self, account: Account, grants: tuple[Grant, ...]) -> None:
        if {grant.id: grant for grant in account.grants} != {grant.id: grant for grant in grants}:
            self._accounts.replace_grants(account, grants)

    def _grants(self, stored: StoredAccount, subject: str) -> tuple[Grant, ...]:
        now = self._clock()
        held = self._sources.grants(subject)
        current = tuple(grant for grant in held if grant.ends is None or now < grant.ends)
        return self._within_owner(stored.owner, current) if stored.owner else current

    def _within_owner(self, owner: str, grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
        """What a key holds: nothing without an owner, and never more than he does."""
        found = self._accounts.find(owner)
        if found is None:
            return ()
        rights = found.account.grants
        allowed = (grant for grant in grants if grant.deny or covered(grant, rights))
        return (*allowed, *inherited(owner, rights))


def _fitting(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    """All grants or, when an account cannot hold so many, the denies before the allows."""
    first = sorted(grants, key=lambda grant: (not grant.deny, grant.id))[:MAX_GRANTS]
    sizes = accumulate(len(dump([grant.id, pack(grant)]).encode()) for grant in first)
    return tuple(grant for grant, size in zip(first, sizes, strict=True) if size <= MAX_BYTES)
