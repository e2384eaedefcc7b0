"""Accounts: all the policy knows of a subject, one compiled item each in the security table.

The administration writes an account anew whenever something that the subject may do changes, and
counts its epoch up. Requests only read it:

| operation | read |
|---|---|
| find, cold | one BatchGetItem: 1 per subject and 4 KB, strongly consistent |
| find, within `max_age` | none |
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, cast

from city.clock import SECOND, Clock, now
from city.dynamodb import KEYS_PER_READ, Row, Value, batch_get, to_item
from city.keys import key
from city.policy.grant_forms import pack, unpack
from city.policy.grants import Grant, shared

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KIND = "A"
MAX_AGE = 30
"""Seconds an account may be used without being read again."""
MAX_CACHED = 2048
"""Accounts a process keeps, those of unknown subjects included."""


@dataclass(frozen=True, slots=True)
class Plan:
    """At most `limit` requests in each window of `seconds`, counted `lease` at a time (1: exact)."""

    name: str
    limit: int
    seconds: int
    lease: int = 1


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What holds for an API key: `secret_hash` (SHA-256 in hex), and where it may come from.

    `origins` are accepted values of the header Origin, `networks` are CIDR blocks; empty is
    anywhere. `ends` is in microseconds, exclusive.
    """

    secret_hash: str
    origins: frozenset[str] = frozenset()
    networks: tuple[str, ...] = ()
    ends: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A subject: `kind` is user, application, key, pep, iot or public.

    Tokens issued before `revoked_before` (microseconds) are dead, and so are those whose `jti` or
    `origin_jti` is in `revoked`; an API key with a `revoked_before` is dead until it has a new secret. `scopes` are what an API key carries, as a token carries its own.
    `payer` is whose requests its own count as: an API key's owner, a machine client's application;
    "" is itself.
    """

    subject: str
    kind: str
    active: bool = True
    epoch: int = 1
    grants: tuple[Grant, ...] = ()
    plan: Plan | None = None
    revoked_before: int = 0
    revoked: frozenset[str] = frozenset()
    key: KeyTerms | None = None
    scopes: frozenset[str] = frozenset()
    payer: str = ""

    def is_ended_key(self, now: int) -> bool:
        """Whether it is an API key that has ended, or was revoked since it got its secret."""
        if self.key is None:
            return False
        return self.revoked_before > 0 or (self.key.ends is not None and self.key.ends <= now)


def account_key(subject: str) -> tuple[str, str]:
    """Partition and sort key of a subject's account."""
    return key("subject", subject), "account"


def account_row(account: Account) -> Row:
    """The account as its item, keys included.

    Attributes: `k` "A", `subject`, `kind`, `active`, `epoch`, `grants` (a map from grant id to
    packed grant), and where there is any `plan`, `revoked_before`, `revoked` (a set of texts), `key`
    and `scopes` (a set).
    """
    pk, sk = account_key(account.subject)
    row: dict[str, Value] = {
        "pk": pk,
        "sk": sk,
        "k": KIND,
        "subject": account.subject,
        "kind": account.kind,
        "active": account.active,
        "epoch": account.epoch,
        "grants": {grant.id: pack(grant) for grant in account.grants},
        "plan": _plan_row(account.plan),
        "revoked_before": account.revoked_before or None,
        "revoked": set(account.revoked) or None,
        "key": _key_row(account.key),
        "scopes": set(account.scopes) or None,
    }
    return {name: value for name, value in row.items() if value is not None}


def account_from_row(row: Row) -> Account:
    """The account of an item. Raises ValueError or KeyError on an item that is none."""
    grants = cast("Mapping[str, Row]", row["grants"])
    plan = cast("Mapping[str, str | int] | None", row.get("plan"))
    terms = cast("Row | None", row.get("key"))
    return Account(
        str(row["subject"]),
        str(row["kind"]),
        row["active"] is True,
        cast("int", row["epoch"]),
        tuple(unpack(id, packed) for id, packed in grants.items()),
        None if plan is None else _plan_from_row(plan),
        cast("int", row.get("revoked_before", 0)),
        _texts(row.get("revoked")),
        None if terms is None else _key_from_row(terms),
        _texts(row.get("scopes")),
        str(row.get("owner") or row.get("application") or ""),
    )


def everybodys(public: Account | None) -> tuple[Grant, ...]:
    """What everybody may because the public may: nothing without an active account of the public."""
    return shared(public.grants) if public is not None and public.active else ()


class _Cached(NamedTuple):
    read: int
    row: Row | None
    account: Account | None


class Accounts:
    """Finds accounts, and keeps each for `max_age` seconds, also that there is none.

    With `max_age` 0 every request reads, so that a revocation counts at once; what has not changed
    is not compiled again.
    """

    def __init__(
        self, client: "DynamoDBClient", table: str, max_age: int = MAX_AGE, clock: Clock = now
    ) -> None:
        self._client = client
        self._table = table
        self._max_age = max_age * SECOND
        self._clock = clock
        self._cache: OrderedDict[str, _Cached] = OrderedDict()
        self._lock = Lock()

    def find(self, subjects: Iterable[str]) -> dict[str, Account]:
        """The accounts of those subjects that have one. Raises Unavailable, never guesses."""
        moment = self._clock()
        with self._lock:
            known = {subject: self._cache.get(subject) for subject in subjects}
        stale = [s for s, cached in known.items() if cached is None or self._is_old(cached, moment)]
        if stale:
            items = self._read(stale)
            for subject in stale:
                known[subject] = _renewed(
                    known[subject], items.get(account_key(subject)[0]), moment
                )
        self._keep(known)
        return {
            subject: cached.account
            for subject, cached in known.items()
            if cached is not None and cached.account is not None
        }

    def _is_old(self, cached: _Cached, moment: int) -> bool:
        return not 0 <= moment - cached.read < self._max_age

    def _keep(self, found: Mapping[str, _Cached | None]) -> None:
        with self._lock:
            for subject, cached in found.items():
                if cached is not None:
                    self._cache[subject] = cached
                    self._cache.move_to_end(subject)
            while len(self._cache) > MAX_CACHED:
                self._cache.popitem(last=False)

    def _read(self, subjects: Iterable[str]) -> dict[str, Row]:
        """The rows by partition key."""
        keys = [to_item({"pk": pk, "sk": sk}) for pk, sk in map(account_key, subjects)]
        return {
            str(row["pk"]): row
            for start in range(0, len(keys), KEYS_PER_READ)
            for row in batch_get(
                self._client, self._table, keys[start : start + KEYS_PER_READ], consistent=True
            )
        }


def _renewed(cached: _Cached | None, row: Row | None, moment: int) -> _Cached:
    if cached is not None and cached.row == row:
        return cached._replace(read=moment)
    return _Cached(moment, row, None if row is None else account_from_row(row))


def _plan_row(plan: Plan | None) -> Row | None:
    if plan is None:
        return None
    return {"name": plan.name, "limit": plan.limit, "seconds": plan.seconds, "lease": plan.lease}


def _plan_from_row(row: Mapping[str, str | int]) -> Plan:
    return Plan(str(row["name"]), int(row["limit"]), int(row["seconds"]), int(row["lease"]))


def _key_row(terms: KeyTerms | None) -> Row | None:
    if terms is None:
        return None
    row: dict[str, Value] = {
        "hash": terms.secret_hash,
        "origins": set(terms.origins) or None,
        "networks": [*terms.networks] or None,
        "ends": terms.ends,
    }
    return {name: value for name, value in row.items() if value is not None}


def _key_from_row(row: Row) -> KeyTerms:
    return KeyTerms(
        str(row["hash"]),
        _texts(row.get("origins")),
        tuple(str(network) for network in cast("list[Value]", row.get("networks", []))),
        cast("int | None", row.get("ends")),
    )


def _texts(value: Value) -> frozenset[str]:
    return frozenset(cast("set[str]", value or ()))
