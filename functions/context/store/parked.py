"""Notifications that wait: parked because their receiver fails, and bodies too large for a queue.

| row    | pk                   | sk                   | content                                |
|--------|----------------------|----------------------|----------------------------------------|
| parked | `t·{tenant}·k·{sub}` | `{group}·{sequence}` | a message; since when it waits (k = K) |
| body   | `t·{tenant}·n·{sub}` | `{name}·{part}`      | compressed text that expires (k = X)   |

The state row of the subscription counts its parked rows, in the same transaction. While the count
is above zero everything new is parked too, so the order within a group stays; whoever raises it
from zero sends the tick that starts the draining, and the count falls back to zero only under the
lease of the one who drains.

Request units (n messages of up to 1 KB): park 2·n + 2 write; settle 2·n + 2 write; lease and
release 1 write each; a page of waiting rows 1 read per 4 KB; a body 1 write and later 0.25 read
per compressed KB. The client repeats a write whose answer was lost, so lease, release and finish
know themselves again.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from city.clock import SECOND
from city.dynamodb import ConditionFailed, Row, from_item, to_item, transact, translated, write
from city.entity_keys import Key
from city.entity_rows import pack, unpack
from city.errors import Contended, NotFound
from city.keys import key
from city.tenancy import Tenant
from context.messages import Message, dump_message, parse_message
from context.store.subscriptions import State, StateTable, state_key, state_of
from context.store.table import IS_NEW, Span, Statement

PAGE = 50
"""Rows drained, and then removed, at a time; a transaction may have 100 statements."""

LEASE = 90 * SECOND
"""How long one drains before others may think it died; longer than a function may run."""

LOST_TICK = 60 * SECOND
"""How long a tick may be overdue before it is taken for lost and sent again."""

SLACK = SECOND
"""How much earlier than planned a tick may come: clocks differ, queues wait whole seconds."""

FIRST_PAUSE = 1

MAX_INLINE = 190_000
"""Bytes of a message in a queue whose region still has the 256 KiB limit, quotes escaped."""

BODY_LIFETIME = 16 * 86_400
"""Seconds; longer than any queue keeps the message that names the body."""

_PART = 350_000
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Parked:
    """A message that waits, since when (µs)."""

    message: Message
    since: int


class ParkedStore(StateTable):
    """Waiting notifications in one table; safe for threads."""

    def park(self, messages: Sequence[Message], state: State) -> bool:
        """Let messages of one subscription wait; whether the caller must send a tick.

        `state` is the subscription's as it was read last. Messages that wait already stay; those
        of a deleted subscription are dropped. Raises Contended, Unavailable.
        """
        tenant, id = messages[0].tenant, messages[0].subscription
        rows = [self._parked_row(message) for message in messages]
        present: State | None = state
        for _ in range(_TRIES):
            if present is None or not rows:
                return bool(present and self._lost_its_tick(present))
            starts = not present.parked or self._lost_its_tick(present)
            puts = [self._put(row, **IS_NEW) for row in rows]
            try:
                transact(
                    self._client, [*puts, self._counting_parked(tenant, id, len(rows), present)]
                )
            except ConditionFailed as failed:
                rows = [row for at, row in enumerate(rows) if at not in failed.found]
                row = self._get(state_key(tenant, id))
                present = state_of(row) if row else None
            else:
                return starts
        raise Contended("the notifications of the subscription are being parked by too many")

    def lease(self, tenant: Tenant, id: str, holder: str) -> State | None:
        """Become the one who drains a subscription.

        None when nothing waits, another drains, or the next try is planned for later: then a
        later tick is on its way, and this one is a duplicate. Raises NotFound when the
        subscription was deleted.
        """
        now = self._clock()
        update = self._update(
            state_key(tenant, id),
            "SET leased = :until, holder = :holder",
            {
                ":until": now + LEASE,
                ":holder": holder,
                ":now": now,
                ":soon": now + SLACK,
                ":zero": 0,
            },
            "parked > :zero AND tick <= :soon AND (attribute_not_exists(leased) OR leased < :now)",
        )
        try:
            answer = write(self._client.update_item, **update["Update"], ReturnValues="ALL_NEW")
        except ConditionFailed as failed:
            found = failed.found[0]
            if found is None:
                raise NotFound("the subscription was deleted") from None
            return state_of(found) if found.get("holder") == holder else None
        return state_of(from_item(answer["Attributes"]))

    def waiting(self, tenant: Tenant, id: str) -> Iterator[list[Parked]]:
        """What waits, in order within each group, page by page."""
        span = Span(_parked_partition(tenant, id))
        for rows in self._pages(span, first_size=PAGE):
            for start in range(0, len(rows), PAGE):
                yield [_parked(row) for row in rows[start : start + PAGE]]

    def settle(self, messages: Sequence[Message], holder: str) -> None:
        """Remove messages that need not wait any more. Raises ConditionFailed without the lease."""
        tenant, id = messages[0].tenant, messages[0].subscription
        count: Row = {":n": -len(messages), ":holder": holder}
        transact(
            self._client,
            [
                *(self._delete(_parked_key(message)) for message in messages),
                self._update(state_key(tenant, id), "ADD parked :n", count, "holder = :holder"),
            ],
        )

    def release(self, tenant: Tenant, id: str, holder: str, *, tick: int, pause: int) -> None:
        """End draining with something left; `tick` (µs) says when the next one tries."""
        update = self._update(
            state_key(tenant, id),
            "REMOVE leased, holder SET tick = :tick, pause = :pause",
            {":tick": tick, ":pause": pause, ":holder": holder},
            "holder = :holder",
        )
        try:
            write(self._client.update_item, **update["Update"])
        except ConditionFailed as failed:
            found = failed.found[0] or {}
            if "holder" in found or found.get("tick") != tick:
                raise

    def finish(self, tenant: Tenant, id: str, holder: str) -> bool:
        """End draining if nothing is left; False when something was parked meanwhile."""
        update = self._update(
            state_key(tenant, id),
            "REMOVE leased, holder, tick, pause, parked",
            {":zero": 0, ":holder": holder},
            "holder = :holder AND parked = :zero",
        )
        try:
            write(self._client.update_item, **update["Update"])
        except ConditionFailed as failed:
            found = failed.found[0]
            if not found or found.get("holder", holder) != holder:
                raise
            return "holder" not in found
        return True

    def discard(self, tenant: Tenant, id: str) -> int:
        """Remove what waits for a deleted subscription; how many there were."""
        removed = 0
        for page in self.waiting(tenant, id):
            transact(self._client, [self._delete(_parked_key(parked.message)) for parked in page])
            removed += len(page)
        return removed

    def outsource(self, message: Message) -> Message:
        """The message as a queue can hold it: a large body is kept here instead."""
        if len(dump_message(message)) <= MAX_INLINE:
            return message
        packed = zlib.compress(message.request.body.encode())
        pieces = [packed[start : start + _PART] for start in range(0, len(packed), _PART)]
        expires = self._clock() // SECOND + BODY_LIFETIME
        for number, piece in enumerate(pieces):
            row: Row = {
                **_body_key(message, number)._asdict(),
                "k": "X",
                "d": piece,
                "exp": expires,
            }
            with translated():
                self._client.put_item(TableName=self._table, Item=to_item(row))
        return replace(message, request=replace(message.request, body=""), parts=len(pieces))

    def complete(self, message: Message) -> Message:
        """The message with its body. Raises NotFound when a kept body has expired."""
        if not message.parts:
            return message
        rows = [self._get(_body_key(message, number)) for number in range(message.parts)]
        if None in rows:
            raise NotFound("the body of the notification has expired")
        packed = b"".join(cast("bytes", row["d"]) for row in rows if row)
        body = zlib.decompress(packed).decode()
        return replace(message, request=replace(message.request, body=body), parts=0)

    def _parked_row(self, message: Message) -> Row:
        return {
            **_parked_key(message)._asdict(),
            "k": "K",
            "d": pack(dump_message(message)),
            "since": self._clock(),
        }

    def _counting_parked(self, tenant: Tenant, id: str, number: int, state: State) -> Statement:
        """Count new rows, on condition that parking still starts or goes on, as it was read."""
        values: Row = {":n": number, ":zero": 0}
        if state.parked and not self._lost_its_tick(state):
            return self._update(state_key(tenant, id), "ADD parked :n", values, "parked > :zero")
        values |= {":tick": self._clock() + FIRST_PAUSE * SECOND, ":pause": FIRST_PAUSE}
        condition = "attribute_exists(pk) AND (attribute_not_exists(parked) OR parked = :zero)"
        if state.parked:
            condition = "parked > :zero AND tick = :seen"
            values[":seen"] = state.tick
        change = "ADD parked :n SET tick = :tick, pause = :pause"
        return self._update(state_key(tenant, id), change, values, condition)

    def _lost_its_tick(self, state: State) -> bool:
        return bool(state.parked) and state.tick < self._clock() - LOST_TICK


def _parked_partition(tenant: Tenant, subscription: str) -> str:
    return key("t", tenant, "k", subscription)


def _parked_key(message: Message) -> Key:
    pk = _parked_partition(message.tenant, message.subscription)
    return Key(pk, key(message.group, message.sequence))


def _body_key(message: Message, part: int) -> Key:
    return Key(key("t", message.tenant, "n", message.subscription), key(message.name, str(part)))


def _parked(row: Row) -> Parked:
    message = parse_message(unpack(cast("str | bytes", row["d"])))
    return Parked(cast("Message", message), cast("int", row["since"]))
