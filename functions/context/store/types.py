"""Which types a tenant has, at which paths, how many entities and which attributes they have.

Whatever changes the answer writes a small *delta* row of its own in its own transaction, so no
item is hot; the stream function *folds* deltas into one counter row per (type, path). A reader
adds up counters and the deltas still pending, so it sees every acknowledged write. A transient
entity has an *end* row, which takes it out of the sum from the moment it expires, whenever
DynamoDB removes it; its removal folds the end row like any delta.

Deltas sort before counters and a counter row exists before the first delta is folded into it, so
a reader that races with a fold always sees the pair (type, path); counts may be off by the deltas
of that one transaction while it commits.

Request units (n pairs (type, path), d pending deltas, up to 1 KB each):

| operation | cost |
|---|---|
| delta, within its transaction | 2 write |
| read the statistics | 1 read per 4 KB: about (n + d) / 20 |
| fold k deltas of one pair | 1 read, 2 + 2·k write; 1 write more for a pair's first |
"""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from city.document import Entity
from city.dynamodb import ConditionFailed, Row, from_stream, pauses, to_item, transact, write
from city.entity_keys import Key, identity_of
from city.entity_rows import MAX_INLINE, key_of, pack, unpack
from city.errors import Contended, TooLarge
from city.json import dump, parse
from city.tenancy import PathScope, ServicePath, Tenant, in_scope
from context.store.layout import counter_key, delta_key, end_key, statistics_range, types_partition
from context.store.table import IS_NEW, IS_THERE, ContextTable, Span, Statement, has_version

Pair = tuple[str, ServicePath]
"""A type and a path."""

PairFilter = Callable[[str, ServicePath], bool]
"""Which types at which paths are wanted."""

DELTAS_PER_FOLD = 90
"""Deltas in one transaction, which may have 100 statements."""

_TRIES = 10


@dataclass(slots=True)
class Tally:
    """Numbers of entities, and of their attributes by name and attribute type; may be negative."""

    entities: int = 0
    attributes: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, other: "Tally", sign: int = 1) -> None:
        """Add (or with sign -1 subtract) another tally, dropping what becomes zero."""
        self.entities += sign * other.entities
        for name, types in other.attributes.items():
            mine = self.attributes.setdefault(name, {})
            for type, number in types.items():
                mine[type] = mine.get(type, 0) + sign * number
                if not mine[type]:
                    del mine[type]
            if not mine:
                del self.attributes[name]

    def __bool__(self) -> bool:
        return bool(self.entities or self.attributes)


@dataclass(frozen=True, slots=True)
class TypeStatistics:
    """How many entities of a type there are, and the types of each of their attributes."""

    count: int
    attributes: dict[str, set[str]]

    @classmethod
    def of(cls, tally: Tally) -> "TypeStatistics":
        """What a tally says."""
        return cls(tally.entities, {name: set(types) for name, types in tally.attributes.items()})


class TypeCounters(ContextTable):
    """The statistics partition of each tenant."""

    def types(
        self, tenant: Tenant, scope: PathScope, *, pairs: PairFilter | None = None
    ) -> dict[str, TypeStatistics]:
        """Statistics of all types with entities in the scope, by type; exact, read-your-writes.

        `pairs` says which types at which paths count (None: all).
        """
        by_type: dict[str, Tally] = {}
        for (type, path), tally in self._tallies(tenant).items():
            if in_scope(scope, path) and (pairs is None or pairs(type, path)):
                by_type.setdefault(type, Tally()).add(tally)
        return {
            type: TypeStatistics.of(tally)
            for type, tally in sorted(by_type.items())
            if tally.entities > 0
        }

    def fold(self, deltas: Iterable[Mapping[str, Any]]) -> None:
        """Count deltas: new images (of a stream event) with `k` = T. Repeating is harmless."""
        self._fold(map(from_stream, deltas))

    def expire(self, images: Iterable[Mapping[str, Any]]) -> None:
        """Stop counting entities that TTL removed: old images (of a stream event) with `k` = E.

        Repeating is harmless, and so are entities that were removed otherwise or not transient.
        """
        rows = map(from_stream, images)
        ends = [
            end_key(identity_of(key_of(row)), cast("int", row["c"]), cast("int", row["expires"]))
            for row in rows
            if "expires" in row
        ]
        self._fold(self._get_many(ends))

    def _tallies(self, tenant: Tenant) -> dict[Pair, Tally]:
        """The sum of counters, pending deltas and ends that have come, by type and path."""
        span = Span(types_partition(tenant), *statistics_range(self._clock()))
        rows = [row for page in self._pages(span) for row in page]
        counted = {sk for row in rows for sk in cast("set[str]", row.get("l", ()))}
        tallies: dict[Pair, Tally] = {}
        for row in rows:
            if row["sk"] not in counted:
                tallies.setdefault(_pair(row), Tally()).add(_read(row))
        return tallies

    def _count_changes(self, old: Entity | None, new: Entity | None) -> Iterator[Statement]:
        """Statements that make the statistics follow one entity from `old` to `new`."""
        change = Tally()
        if new:
            change.add(tally_of(new))
        if old:
            change.add(tally_of(old), -1)
        entity = cast("Entity", new or old)
        if change:
            _, _, type, path = entity.identity
            key = delta_key(entity.identity.tenant, secrets.token_hex(8))
            yield self._put(_row(key, "T", type, path, change))
        yield from self._move_end(old, new, changed=bool(change))

    def _move_end(
        self, old: Entity | None, new: Entity | None, *, changed: bool
    ) -> Iterator[Statement]:
        before, after = (_end(entity) if entity else None for entity in (old, new))
        if before and before != after:
            yield self._delete(before)
        if new and after and (changed or before != after):
            negative = Tally()
            negative.add(tally_of(new), -1)
            _, _, type, path = new.identity
            yield self._put(_row(after, "Y", type, path, negative))

    def _fold(self, rows: Iterable[Row]) -> None:
        pairs: dict[Key, list[Row]] = {}
        for row in rows:
            tenant = Tenant(str(row["pk"]).split("\u001f")[1])
            pairs.setdefault(counter_key(tenant, *_pair(row)), []).append(row)
        for counter, deltas in pairs.items():
            for start in range(0, len(deltas), DELTAS_PER_FOLD):
                self._fold_pair(counter, deltas[start : start + DELTAS_PER_FOLD])

    def _fold_pair(self, counter: Key, deltas: list[Row]) -> None:
        """Add deltas to a counter and delete them at once; those already deleted are skipped."""
        for pause in pauses(_TRIES):
            present = self._get(counter) or self._begin(counter, deltas[0])
            try:
                transact(self._client, self._folding(present, deltas))
            except ConditionFailed as failed:
                deltas = [row for at, row in enumerate(deltas, 1) if at not in failed.found]
                if not deltas:
                    return
                time.sleep(pause)
            else:
                return
        raise Contended("the type statistics are being written by too many functions at once")

    def _folding(self, present: Row, deltas: list[Row]) -> list[Statement]:
        total = _read(present)
        for delta in deltas:
            total.add(_read(delta))
        condition = has_version(cast("str", present["v"]))
        key = key_of(present)
        if total:
            row = _row(key, "C", *_pair(present), _shortened(total))
            row["v"] = secrets.token_hex(8)
            row["l"] = {cast("str", delta["sk"]) for delta in deltas}
            counter = self._put(row, **condition)
        else:
            counter = self._delete(key, **condition)
        return [counter, *(self._delete(key_of(delta), **IS_THERE) for delta in deltas)]

    def _begin(self, counter: Key, delta: Row) -> Row:
        """Make an empty counter, unless another function just did; the row that is there now."""
        row = _row(counter, "C", *_pair(delta), Tally())
        row["v"] = secrets.token_hex(8)
        try:
            write(
                self._client.put_item,
                TableName=self._table,
                Item=to_item(row),
                **IS_NEW,
            )
        except ConditionFailed as failed:
            return failed.found[0] or row
        return row


def tally_of(entity: Entity) -> Tally:
    """What one entity adds to the statistics."""
    return Tally(1, {name: {attribute.type: 1} for name, attribute in entity.attributes.items()})


def same_tally(old: Entity, new: Entity) -> bool:
    """Whether both versions have the same attributes with the same types."""
    before, after = old.attributes, new.attributes
    return before.keys() == after.keys() and all(
        before[name].type == attribute.type for name, attribute in after.items()
    )


def _end(entity: Entity) -> Key | None:
    if entity.expires is None:
        return None
    return end_key(entity.identity, entity.created, entity.expires)


def _row(key: Key, kind: str, type: str, path: ServicePath, tally: Tally) -> Row:
    packed = pack(dump([tally.entities, tally.attributes]))
    if len(packed) > MAX_INLINE:
        raise TooLarge("the entity would have too many attributes with too long names")
    return {**key._asdict(), "k": kind, "t": type, "p": path, "d": packed}


def _read(row: Row) -> Tally:
    entities, attributes = cast(
        "tuple[int, dict[str, dict[str, int]]]", parse(unpack(cast("str | bytes", row["d"])))
    )
    return Tally(entities, attributes)


def _pair(row: Row) -> Pair:
    return cast("str", row["t"]), ServicePath(cast("str", row["p"]))


def _shortened(tally: Tally) -> Tally:
    """The tally, without its rarest attributes while it passes what one item holds."""
    while len(pack(dump(tally.attributes))) > MAX_INLINE - 1000:
        by_number = sorted(
            tally.attributes, key=lambda name: -sum(map(abs, tally.attributes[name].values()))
        )
        kept = by_number[: len(by_number) // 2]
        tally = Tally(tally.entities, {name: tally.attributes[name] for name in kept})
    return tally
