"""Subscriptions in the context table.

| row     | pk                | sk           | content                                              |
|---------|-------------------|--------------|------------------------------------------------------|
| config  | `t·{tenant}·s`    | `{id}`       | what the client asked for, one JSON document (k = S) |
| state   | `t·{tenant}·s`    | `{id}·state` | counters, what was admitted, what is parked          |
| version | `t·{tenant}·ver`  | `subs`       | a number that every change of a config raises        |

State is apart from config, so counting never meets a PATCH, and a matcher that knows the version
needs no other read. Costs in request units, for a subscription of up to 1 KB:

- create, delete: one transaction of three rows, 6 write; replace: 4, or 6 when it starts again
- get: 1 read; all of a tenant: 1 read per 4 KB (about eight subscriptions)
- version: 1 read per tenant and batch; state: 1 read
- count: 1 write per subscription and batch; admit: 1 read and 1 write per batch
- switch off (failure limit): 4 writes, once
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, cast

from city.clock import now
from city.dynamodb import ConditionFailed, Row, from_item, to_item, transact, write
from city.entity_keys import Key
from city.errors import TooLarge
from city.json import dump, parse
from city.keys import key
from city.tenancy import Tenant
from context.owners import Owner
from context.store.table import (
    IS_NEW,
    IS_THERE,
    ContextTable,
    Span,
    Statement,
    has_version,
    starting_with,
)
from models.ngsi_v2.subscription import Subscription

ROW_KIND = "S"
MAX_DOCUMENT = 390_000
"""Bytes of a subscription; an item may have 400 KB with its keys."""

MAX_WINNERS = 128
"""Admitted changes a state remembers, to admit them again when their batch repeats."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """What became of a subscription. Times are microseconds; zero and "" mean never.

    `off`: it fired its one shot or failed too often. `admitted_at` and `winners`: the last change
    that throttling let through, and the names of recent ones; `admissions` counts their writes.
    `parked`: notifications that wait for the receiver; `tick`: when they are tried next;
    `pause`: seconds between the last two tries.
    """

    sent: int = 0
    last: int = 0
    success: int = 0
    success_code: int = 0
    failure: int = 0
    failure_reason: str = ""
    fails: int = 0
    off: bool = False
    admitted_at: int = 0
    winners: tuple[str, ...] = ()
    admissions: int = 0
    parked: int = 0
    tick: int = 0
    pause: int = 0


@dataclass(frozen=True, slots=True)
class StoredSubscription:
    """A subscription and where it stands.

    `owner` made it and is told no more than the owner may see; `path` is the service path it
    watches, as text ("/#", "/parks/#"); `since` the moment from which it sees changes; `expires`
    when it ends (None: never); `version` counts its changes.
    """

    tenant: Tenant
    id: str
    owner: Owner
    path: str
    since: int
    expires: int | None
    document: Subscription
    version: int = 1
    state: State = State()

    def status(self, now: int) -> str:
        """Status as clients see it."""
        if self.expires is not None and self.expires <= now:
            return "expired"
        return "inactive" if self.state.off else self.document.status


@dataclass(frozen=True, slots=True)
class Report:
    """What happened to the notifications of one subscription in one batch.

    `sent`: notifications seen for the first time; `failed`: those of them that failed, after the
    last success if there was one.
    """

    sent: int = 0
    failed: int = 0
    at: int = 0
    success: int = 0
    success_code: int = 0
    failure: int = 0
    failure_reason: str = ""


class StateTable(ContextTable):
    """Changes to single members of rows."""

    def _update(
        self, row_key: Key, change: str, values: Row, condition: str = "attribute_exists(pk)"
    ) -> Statement:
        request: Statement = {
            "TableName": self._table,
            "Key": to_item({**row_key._asdict()}),
            "UpdateExpression": change,
        }
        if values:
            request["ExpressionAttributeValues"] = to_item(values)
        if condition:
            request["ConditionExpression"] = condition
        return {"Update": request}


class SubscriptionStore(StateTable):
    """Rows of subscriptions in one table; safe for threads."""

    def create(self, subscription: StoredSubscription) -> None:
        """Write a new subscription; changes made from now on can trigger it."""
        state: Row = {**state_key(subscription.tenant, subscription.id)._asdict(), "k": ROW_KIND}
        transact(
            self._client,
            [
                self._put(_config_row(subscription), **IS_NEW),
                self._put(state, **IS_NEW),
                self._raise_version(subscription.tenant),
            ],
        )

    def get(self, tenant: Tenant, id: str) -> StoredSubscription | None:
        """One subscription with its state, strongly consistent."""
        return next(self._read(tenant, starting_with(_partition(tenant), id)), None)

    def all(self, tenant: Tenant) -> list[StoredSubscription]:
        """Every subscription of the tenant in order of creation, strongly consistent."""
        return list(self._read(tenant, Span(_partition(tenant))))

    def replace(
        self, previous: StoredSubscription, subscription: StoredSubscription, *, revive: bool
    ) -> None:
        """Write a changed config; `revive` also ends a switched-off state.

        Raises ConditionFailed when `previous` is not the present version.
        """
        row = _config_row(replace(subscription, version=previous.version + 1))
        statements = [
            self._put(row, **has_version(previous.version)),
            self._raise_version(subscription.tenant),
        ]
        if revive:
            state = state_key(subscription.tenant, subscription.id)
            statements.append(self._update(state, "REMOVE is_off, fails", {}))
        transact(self._client, statements)

    def delete(self, tenant: Tenant, id: str, subject: str | None) -> bool:
        """Remove a subscription of a subject (None: anybody's); False when there is none.

        Parked notifications follow later.
        """
        condition = IS_THERE if subject is None else _belongs_to(subject)
        statements = [
            self._delete(Key(_partition(tenant), id), **condition),
            self._delete(state_key(tenant, id), **IS_THERE),
            self._raise_version(tenant),
        ]
        try:
            transact(self._client, statements)
        except ConditionFailed:
            return False
        return True

    def version(self, tenant: Tenant) -> int:
        """A number that differs whenever the tenant's subscriptions do; strongly consistent."""
        row = self._get(_version_key(tenant))
        return cast("int", row["v"]) if row else 0

    def state(self, tenant: Tenant, id: str) -> State | None:
        """The state of a subscription, strongly consistent; None when it was deleted."""
        row = self._get(state_key(tenant, id))
        return state_of(row) if row else None

    def admit(self, tenant: Tenant, id: str, seen: State, admitted: State) -> None:
        """Record which changes were admitted, and that a oneshot has fired (`admitted.off`).

        Raises ConditionFailed when `seen` is out of date or the subscription is gone.
        """
        change = "SET admitted = :at, winners = :won, admissions = :n"
        values: Row = {
            ":at": admitted.admitted_at,
            ":won": list(admitted.winners),
            ":n": seen.admissions + 1,
        }
        condition = "attribute_exists(pk) AND attribute_not_exists(admissions)"
        if seen.admissions:
            condition = "admissions = :seen"
            values[":seen"] = seen.admissions
        if admitted.off and not seen.off:
            change += ", is_off = :true"
            values[":true"] = True
        update = self._update(state_key(tenant, id), change, values, condition)
        write(self._client.update_item, **update["Update"])

    def switch_off(self, tenant: Tenant, id: str, reason: str = "") -> None:
        """Make a subscription inactive: it failed too often, or for the reason given."""
        change, values = "SET is_off = :true", cast("Row", {":true": True})
        if reason:
            change += ", bad_at = :now, bad_why = :why"
            values |= {":now": self._clock(), ":why": reason}
        update = self._update(state_key(tenant, id), change, values)
        try:
            transact(self._client, [update, self._raise_version(tenant)])
        except ConditionFailed:
            return

    def count(self, tenant: Tenant, id: str, report: Report) -> int:
        """Add a batch to the counters; the consecutive failures after it (0 when it is gone)."""
        update = self._update(state_key(tenant, id), *_counting(report))
        try:
            answer = write(self._client.update_item, **update["Update"], ReturnValues="ALL_NEW")
        except ConditionFailed:
            return 0
        return state_of(from_item(answer["Attributes"])).fails

    def _read(self, tenant: Tenant, span: Span) -> Iterator[StoredSubscription]:
        """Subscriptions from a span of rows, where a config is followed by its state."""
        config: Row = {}
        for row in chain.from_iterable(self._pages(span)):
            if "d" in row:
                config = row
            elif row["sk"] == state_key(tenant, str(config.get("sk", ""))).sk:
                yield from _readable(tenant, config, row)

    def _raise_version(self, tenant: Tenant) -> Statement:
        # a first version is a time, so that a table that was emptied never gives an old one again
        change = "SET v = if_not_exists(v, :start) + :one, k = :kind"
        values: Row = {":start": now(), ":one": 1, ":kind": "V"}
        return self._update(_version_key(tenant), change, values, "")


def state_key(tenant: Tenant, id: str) -> Key:
    """The row with the state of a subscription."""
    return Key(_partition(tenant), key(id, "state"))


def _belongs_to(subject: str) -> Mapping[str, Any]:
    """The condition that a subscription is there and is this subject's."""
    return {
        "ConditionExpression": "#owner[0] = :subject",
        "ExpressionAttributeNames": {"#owner": "owner"},
        "ExpressionAttributeValues": {":subject": {"S": subject}},
    }


def _partition(tenant: Tenant) -> str:
    return key("t", tenant, "s")


def _version_key(tenant: Tenant) -> Key:
    return Key(key("t", tenant, "ver"), "subs")


def _config_row(subscription: StoredSubscription) -> Row:
    document = dump(subscription.document.model_dump(by_alias=True, exclude_unset=True))
    if len(document.encode()) > MAX_DOCUMENT:
        raise TooLarge(f"the subscription is too large: at most {MAX_DOCUMENT} bytes can be kept")
    row: Row = {
        "pk": _partition(subscription.tenant),
        "sk": subscription.id,
        "k": ROW_KIND,
        "owner": [*subscription.owner],
        "d": document,
        "path": subscription.path,
        "since": subscription.since,
        "v": subscription.version,
    }
    if subscription.expires is not None:
        row["expires"] = subscription.expires
    return row


def _readable(tenant: Tenant, config: Row, state: Row) -> Iterator[StoredSubscription]:
    """The subscription, unless its document is none: one such row must not stop the tenant."""
    try:
        yield _subscription_of(tenant, config, state)
    except ValueError:
        _log.exception("subscription %s cannot be read and is skipped", config["sk"])


def _subscription_of(tenant: Tenant, config: Row, state: Row) -> StoredSubscription:
    return StoredSubscription(
        tenant=tenant,
        id=cast("str", config["sk"]),
        owner=Owner(*cast("list[str]", config.get("owner", [""]))),
        path=cast("str", config["path"]),
        since=cast("int", config["since"]),
        expires=cast("int | None", config.get("expires")),
        document=Subscription.model_validate(parse(cast("str", config["d"]))),
        version=cast("int", config["v"]),
        state=state_of(state),
    )


_STATE_COLUMNS = {
    "sent": "sent",
    "last": "last_at",
    "success": "ok_at",
    "success_code": "ok_code",
    "failure": "bad_at",
    "failure_reason": "bad_why",
    "fails": "fails",
    "off": "is_off",
    "admitted_at": "admitted",
    "admissions": "admissions",
    "parked": "parked",
    "tick": "tick",
    "pause": "pause",
}


def state_of(row: Row) -> State:
    """The state a row holds."""
    known: dict[str, Any] = {
        field: row[column] for field, column in _STATE_COLUMNS.items() if column in row
    }
    return State(winners=tuple(cast("list[str]", row.get("winners", []))), **known)


def _counting(report: Report) -> tuple[str, Row]:
    """The update expression that adds a report to a state, and its values."""
    values: Row = {}
    sets: list[str] = []
    adds: list[str] = []
    removes: list[str] = []
    if report.sent:
        sets.append("last_at = :at")
        adds.append("sent :sent")
        values |= {":at": report.at, ":sent": report.sent}
    if report.success:
        sets += ["ok_at = :ok", "ok_code = :code"]
        values |= {":ok": report.success, ":code": report.success_code}
    if report.failure:
        sets += ["bad_at = :bad", "bad_why = :why"]
        values |= {":bad": report.failure, ":why": report.failure_reason}
    if report.failed:
        values[":failed"] = report.failed
    if report.success and report.failed:
        sets.append("fails = :failed")
    elif report.success:
        removes.append("fails")
    elif report.failed:
        adds.append("fails :failed")
    clauses = (("SET", sets), ("ADD", adds), ("REMOVE", removes))
    return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts), values
