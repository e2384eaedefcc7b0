"""Accounts as administrators change them, with the direct grants compiled into them.

| row     | pk             | sk        | content                                                    |
|---------|----------------|-----------|------------------------------------------------------------|
| account | `subject·{id}` | `account` | see `city.policy.accounts`; `owner`, `twin`, `application` |

An account also has, unseen by the policy: `owner`, whose rights an API key may not exceed; `twin`,
the machine client that an application uses for client credentials; `application`, in the account
of that client. Every change of an account raises its `epoch`, so that whoever compiled the grants
from what was there before cannot write them. A deleted account stays for a while without grants and
inactive, so that tokens of the subject are refused as long as there can be any (`exp`).

Costs in read units: 1 for each account and 4 KB, with several in one call. In write units, for an
account of up to 1 KB: grant and revoke 6 (a transaction of three rows), 8 with a twin; status, plan
and revocations 1; an API key 6 and 4 for each of its grants; delete 1, and 1 to 2 for each row of
the subject.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from city import clock
from city.clock import SECOND, Clock
from city.dynamodb import MAX_TRANSACTION_TRIES, ConditionFailed, Row, pauses
from city.errors import AlreadyExists, Contended, NotFound, TooLarge
from city.keys import key
from city.policy.accounts import Account, Plan, account_from_row, account_key, account_row
from city.policy.credentials import key_subject
from city.policy.grant_forms import pack
from city.policy.grants import Grant
from city.table import (
    IS_NEW,
    Change,
    Condition,
    Statement,
    Table,
)
from security.store.grants import GrantStore
from security.store.keys import KeyStore, ListedKey
from security.store.sources import DIRECT

MAX_GRANTS = 1000
"""Grants one subject may hold: an item has room for 400 KB, and every cold request reads it."""

MAX_SESSIONS = 1000
"""Sessions of one subject that are ended one by one and remembered."""

LONGEST_TOKEN = 2 * 86_400 * SECOND
"""How long a deleted account is remembered; no token lives longer."""

_NEXT_EPOCH = "ADD epoch :one"
_GIVE, _TAKE = "SET grants.#grant = :grant", "REMOVE grants.#grant"
_LIVES = "attribute_exists(pk) AND attribute_not_exists(exp)"
_HAS_ROOM = f"{_LIVES} AND size(grants) < :most"


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account and what only the administration knows of it (see the module)."""

    account: Account
    owner: str = ""
    twin: str = ""
    application: str = ""
    revoked_until: Mapping[str, int] | None = None


class AccountStore:
    """Writes accounts; safe for threads. Changes of an account that is not there raise NotFound."""

    def __init__(self, table: Table, clock: Clock = clock.now) -> None:
        self._table = table
        self._clock = clock
        self._keys = KeyStore(table)
        self._grants = GrantStore(table, clock)

    def create(self, account: Account, *, application: str = "") -> bool:
        """Write a new account; False when the subject has one.

        `application` is the one whose machine client this is: each gets what the other holds.
        """
        row = account_row(account)
        statements = [self._table.putting(row, IS_NEW)]
        if application:
            row = row | {"application": application}
            link = self._changing(application, "SET twin = :twin", {":twin": account.subject})
            statements = [self._table.putting(row, IS_NEW), link]
        try:
            self._table.transact(statements)
        except ConditionFailed as failure:
            if failure.found.get(0):
                return False
            raise _unknown(application) from failure
        return True

    def create_key(self, account: Account, owner: Account, listed: ListedKey) -> None:
        """Write a new API key with its grants. Raises ConditionFailed when its owner has changed.

        Its own grants become direct ones; those that it inherits have no source of their own.
        """
        own = [grant for grant in account.grants if grant.origin == DIRECT]
        unchanged = Condition(f"{_LIVES} AND epoch = :seen", {":seen": owner.epoch})
        self._table.transact(
            [
                self._table.checking(*account_key(owner.subject), unchanged),
                self._table.putting({**account_row(account), "owner": owner.subject}, IS_NEW),
                self._keys.listing(owner.subject, listed),
                *(
                    statement
                    for grant in own
                    for statement in self._grants.giving(account.subject, grant, owner.subject)
                ),
            ]
        )

    def find(self, subject: str) -> StoredAccount | None:
        """The account, strongly consistent; None when there is none or it was deleted."""
        return living_account(self._table.get(*account_key(subject)))

    def remembered(self, *subjects: str) -> dict[str, Account]:
        """Accounts by subject, strongly consistent; also deleted ones, while tokens of them live."""
        rows = self._table.get_many([account_key(subject) for subject in subjects])
        return {str(row["subject"]): account_from_row(row) for row in rows.values()}

    def get(self, subject: str) -> StoredAccount:
        """The account. Raises NotFound."""
        stored = self.find(subject)
        if stored is None:
            raise _unknown(subject)
        return stored

    def principal(self, subject: str) -> StoredAccount:
        """The account that rights are given to: an application's for its machine client."""
        stored = self.get(subject)
        return self.get(stored.application) if stored.application else stored

    def grant(self, subject: str, grant: Grant, by: str) -> None:
        """Give a direct grant. Raises AlreadyExists for a used id, TooLarge, NotFound."""
        if not grant.origin:
            grant = replace(grant, origin=DIRECT)
        values: Row = {":grant": pack(grant), ":most": MAX_GRANTS}
        for pause in pauses(MAX_TRANSACTION_TRIES):
            names = self._names(subject)
            statements = [
                *self._grants.giving(subject, grant, by),
                *self._changing_all(names, _GIVE, values, {"#grant": grant.id}, _HAS_ROOM),
            ]
            if self._written(subject, statements):
                return
            time.sleep(pause)
        raise Contended(_BUSY)

    def revoke(self, subject: str, grant: str) -> Grant:
        """Take a direct grant away; the grant it was. Raises NotFound."""
        for pause in pauses(MAX_TRANSACTION_TRIES):
            revoked = self._grants.get(subject, grant).grant
            names = self._names(subject)
            statements = [
                *self._grants.taking(subject, revoked),
                *self._changing_all(names, _TAKE, {}, {"#grant": grant}),
            ]
            if self._written(subject, statements, revoking=True):
                return revoked
            time.sleep(pause)
        raise Contended(_BUSY)

    def replace_grants(self, seen: Account, grants: Sequence[Grant]) -> None:
        """Write compiled grants. Raises ConditionFailed unless the epoch is still that of `seen`."""
        change = Change(
            "SET grants = :grants, epoch = :next",
            {":grants": {grant.id: pack(grant) for grant in grants}, ":next": seen.epoch + 1},
        )
        unchanged = Condition(f"{_LIVES} AND epoch = :seen", {":seen": seen.epoch})
        self._table.update(*account_key(seen.subject), change, unchanged)

    def set_active(self, subject: str, *, active: bool) -> None:
        """Enable or disable a subject with its API keys and, of an application, its machine client."""
        for name in [*self._names(subject), *self._keys.owned_by(subject)]:
            self._change(name, "SET active = :active", {":active": active})

    def set_secret(self, key_id: str, secret_hash: str) -> None:
        """Give an API key another secret; the present one is not accepted any more."""
        change = "SET #key.#hash = :hash REMOVE revoked_before"
        names = {"#key": "key", "#hash": "hash"}
        self._change(key_subject(key_id), change, {":hash": secret_hash}, names=names)

    def revoke_tokens(self, subject: str) -> None:
        """Let every token die that was issued to the subject before now, or for it as a client."""
        for name in self._names(subject):
            self._change(name, "SET revoked_before = :now", {":now": self._clock()})

    def revoke_session(self, subject: str, session: str, until: int) -> None:
        """Let the tokens of one session (`origin_jti`), or one token (`jti`), die.

        `until`: when the last of them expires (microseconds); what is revoked is forgotten then.
        Raises TooLarge for more than `MAX_SESSIONS` at a time.
        """
        for pause in pauses(MAX_TRANSACTION_TRIES):
            stored = self.get(subject)
            known = stored.revoked_until or dict.fromkeys(stored.account.revoked, until)
            live = {name: end for name, end in known.items() if end > self._clock()}
            live[session] = max(until, live.get(session, 0))
            if len(live) > MAX_SESSIONS:
                raise TooLarge("too many sessions were ended one by one; end all of them")
            change = "SET revoked = :revoked, revoked_until = :until"
            values: Row = {":revoked": set(live), ":until": {**live}}
            try:
                self._change(subject, change, values, stored.account.epoch)
            except ConditionFailed:
                time.sleep(pause)
            else:
                return
        raise Contended(_BUSY)

    def setting_plan(self, seen: Account, plan: Plan | None) -> Statement:
        """The statement that puts a subject under a plan, or none, if its epoch is that of `seen`."""
        change, values = "REMOVE #plan", Row()
        if plan is not None:
            change = "SET #plan = :plan"
            values[":plan"] = account_row(replace(seen, plan=plan))["plan"]
        whole = Change(f"{change} {_NEXT_EPOCH}", {**values, ":one": 1}, {"#plan": "plan"})
        unchanged = Condition(f"{_LIVES} AND epoch = :seen", {":seen": seen.epoch})
        return self._table.updating(*account_key(seen.subject), whole, unchanged)

    def delete(self, subject: str) -> bool:
        """Delete a subject: its account, its sources, its API keys and what tenants list of it.

        The account goes first, so that nothing is granted any more whatever comes after; a deletion
        that was interrupted can be repeated. False when there was no account.
        """
        stored = self.find(subject)
        for name in () if stored is None else filter(None, (subject, stored.twin)):
            self._bury(name)
        for key_name in self._keys.owned_by(subject):
            self.delete_key(subject, key_name)
        for row in list(self._table.every(key("subject", subject))):
            self._grants.unlist(subject, row)
            if row["sk"] != "account":
                self._table.delete(str(row["pk"]), str(row["sk"]))
        return stored is not None

    def delete_key(self, owner: str, subject: str) -> None:
        """Delete an API key."""
        self.delete(subject)
        self._keys.unlist(owner, subject)

    def _names(self, subject: str) -> list[str]:
        """The subject and its twin, whose accounts change together. Raises NotFound."""
        stored = self.get(subject)
        return [subject, stored.twin] if stored.twin else [subject]

    def _written(
        self,
        subject: str,
        statements: Sequence[Statement],
        *,
        revoking: bool = False,
    ) -> bool:
        """Whether the transaction took place; False when the subject has changed meanwhile."""
        try:
            self._table.transact(statements)
        except ConditionFailed as failure:
            if 0 in failure.found and not revoking:
                raise AlreadyExists("the subject has a grant with this id") from failure
            stored = self.get(subject)
            if not revoking and len(stored.account.grants) >= MAX_GRANTS:
                raise TooLarge(f"a subject may hold at most {MAX_GRANTS} grants") from failure
            return False
        return True

    def _changing_all(
        self,
        names: Sequence[str],
        change: str,
        values: Row,
        attributes: Mapping[str, str],
        condition: str = _LIVES,
    ) -> Iterator[Statement]:
        """The statements that change an account and its twin's, unless it got another twin."""
        subject, *twins = names
        twin = "twin = :twin" if twins else "attribute_not_exists(twin)"
        extra: Row = {":twin": twins[0]} if twins else {}
        together = f"{condition} AND {twin}"
        yield self._changing(subject, change, values | extra, attributes, together)
        for name in twins:
            yield self._changing(name, change, values, attributes, condition)

    def _changing(
        self,
        subject: str,
        change: str,
        values: Row,
        names: Mapping[str, str] | None = None,
        condition: str = _LIVES,
    ) -> Statement:
        whole = Change(f"{change} {_NEXT_EPOCH}", {**values, ":one": 1}, names or {})
        return self._table.updating(*account_key(subject), whole, Condition(condition))

    def _change(
        self,
        subject: str,
        change: str,
        values: Row,
        seen: int | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Change one account, if `seen` is given only while that is its epoch."""
        condition = Condition(_LIVES)
        if seen is not None:
            condition = Condition(f"{_LIVES} AND epoch = :seen", {":seen": seen})
        whole = Change(f"{change} {_NEXT_EPOCH}", {**values, ":one": 1}, names or {})
        try:
            self._table.update(*account_key(subject), whole, condition)
        except ConditionFailed as failure:
            found = failure.found[0]
            if found is None or "exp" in found:
                raise _unknown(subject) from failure
            raise

    def _bury(self, subject: str) -> None:
        until = (self._clock() + LONGEST_TOKEN) // SECOND
        change = Change(
            f"SET active = :no, grants = :none, #exp = :exp {_NEXT_EPOCH} "
            "REMOVE #plan, #owner, twin, scopes",
            {":no": False, ":none": {}, ":one": 1, ":exp": until},
            {"#exp": "exp", "#plan": "plan", "#owner": "owner"},
        )
        self._table.update(*account_key(subject), change)


_BUSY = "the subject is being changed by too many requests at once; try again"


def living_account(row: Row | None) -> StoredAccount | None:
    """The account of a row; None when there is none or it was deleted."""
    return None if row is None or "exp" in row else _stored(row)


def _stored(row: Row) -> StoredAccount:
    return StoredAccount(
        account_from_row(row),
        str(row.get("owner", "")),
        str(row.get("twin", "")),
        str(row.get("application", "")),
        cast("Mapping[str, int] | None", row.get("revoked_until")),
    )


def _unknown(subject: str) -> NotFound:
    return NotFound(f"there is no subject {subject}")
