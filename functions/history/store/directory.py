"""The directory: which series history has, so that queries choose among them without reading files.

| `k` | row | pk | sk | members |
|---|---|---|---|---|
| S | series | `series·{tenant}·{type}` | `{id}·{path}` | `at`, maybe `late_until` and `foreign` |
| I | type of an id | `id·{tenant}·{id}` | `{type}·{path}` | |
| T | type | `types·{tenant}` | `{type}` | |
| U | tenant | `tenants` | `t·{tenant}` | |
| N | forgettings | `forgotten` | `t·{tenant}` | `n`, how often series were forgotten |

Whoever records remembers which series it has seen. The N row, read once a batch, tells it when that
memory is no longer true.

Request units: `know` 1 read; for each series new to this process 0.5 read, and 2 write when it is
new to the city (T and U rows once per type and process, 2 write). `of_type` and `of_id` 1 read for
each started 4 KB of rows (about 40 series). `knowledge` 1 read for each series.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple, cast

from city import clock as city_clock
from city.clock import Clock
from city.dynamodb import ConditionFailed, Row
from city.keys import key, split
from city.parallel import in_parallel
from city.table import IS_NEW, Change, Condition, Table
from city.tenancy import ServicePath, Tenant
from history.records import Series

FORGOTTEN = "forgotten"
TENANTS = "tenants"


class Knowledge(NamedTuple):
    """What is said of a series: whether the context's own item can answer for its last values.

    `late_until` (µs): some value was observed then, and one observed earlier was written after it;
    so what is in the context is the newest only if it was observed at that time or later.
    `foreign`: values came in by notification, which the context may not have at all.

    A write is said of here when the stream has been archived, about a minute after it was made.
    """

    series: Series
    late_until: int = 0
    foreign: bool = False


@dataclass
class _Memory:
    """Series of one tenant that are known to be in the directory, as of `epoch` forgettings."""

    epoch: int
    series: dict[Series, Knowledge] = field(default_factory=dict)
    types: set[str] = field(default_factory=set)


class Directory:
    """The directory in one table; safe for threads."""

    def __init__(self, table: Table, clock: Clock = city_clock.now) -> None:
        self._table = table
        self._clock = clock
        self._memories: dict[Tenant, _Memory] = {}
        self._lock = Lock()

    def know(
        self,
        tenant: Tenant,
        series: Iterable[Series],
        *,
        late: Mapping[Series, int] | None = None,
        foreign: bool = False,
    ) -> None:
        """Make sure that these series are in the directory, and that it says of them what is new.

        `late` (µs, by series) and `foreign` are as in `Knowledge`; each costs a write unit when it
        says more than is known.
        """
        with self._lock:
            memory = self._memory(tenant)
            given = {one: Knowledge(one, foreign=foreign) for one in series}
            for one, moment in (late or {}).items():
                given[one] = Knowledge(one, moment, foreign)
            self._learn(tenant, memory, [one for one in given if one not in memory.series])
            for new in given.values():
                self._note(tenant, memory, new)

    def of_type(self, tenant: Tenant, type: str) -> list[Series]:
        """All series of a type, by id and path."""
        rows = self._table.every(_series_partition(tenant, type))
        return [_series_of(type, row) for row in rows]

    def of_id(self, tenant: Tenant, id: str) -> list[Series]:
        """All series with an id, by type and path."""
        rows = self._table.every(_id_partition(tenant, id))
        return [
            Series(type, id, ServicePath(path))
            for type, path in (split(str(row["sk"])) for row in rows)
        ]

    def types(self, tenant: Tenant) -> list[str]:
        """All entity types that have, or had, history."""
        return [str(row["sk"]) for row in self._table.every(key("types", tenant))]

    def tenants(self) -> list[Tenant]:
        """All tenants that have, or had, history."""
        return [Tenant(split(str(row["sk"]))[1]) for row in self._table.every(TENANTS)]

    def knowledge(self, tenant: Tenant, series: Iterable[Series]) -> dict[Series, Knowledge]:
        """What is said of those of these series that are in the directory; 1 read each."""
        return self._find(tenant, list(series), consistent=True)

    def forget(self, tenant: Tenant, series: Iterable[Series]) -> None:
        """Take series out, as after their deletion. 2 write each, and 1.

        Whoever records meanwhile puts a series in again (`history.recording.recorder` looks a second time
        after its files count). So call it first, look then whether the ledger has new files, and
        call it again only for what is not in them.
        """
        self._table.update(FORGOTTEN, _tenant_key(tenant), Change("ADD n :one", {":one": 1}))
        gone = list(series)
        in_parallel(lambda one: self._table.delete(*_series_key(tenant, one)), gone)
        in_parallel(lambda one: self._table.delete(*_id_key(tenant, one)), gone)

    def forget_type(self, tenant: Tenant, type: str) -> None:
        """Take a type without series out; as `forget`."""
        self._table.update(FORGOTTEN, _tenant_key(tenant), Change("ADD n :one", {":one": 1}))
        self._table.delete(key("types", tenant), type)

    def _learn(self, tenant: Tenant, memory: _Memory, series: list[Series]) -> None:
        if series:
            found = self._find(tenant, series)
            self._add(tenant, [one for one in series if one not in found], memory)
            memory.series |= {one: found.get(one, Knowledge(one)) for one in series}

    def _note(self, tenant: Tenant, memory: _Memory, new: Knowledge) -> None:
        known = memory.series[new.series]
        if new.late_until > known.late_until:
            self._raise_late(tenant, new)
            known = known._replace(late_until=new.late_until)
        if new.foreign and not known.foreign:
            pair = _series_key(tenant, new.series)
            self._table.update(*pair, Change("SET #f = :true", {":true": True}, _NAMES))
            known = known._replace(foreign=True)
        memory.series[new.series] = known

    def _memory(self, tenant: Tenant) -> _Memory:
        row = self._table.get(FORGOTTEN, _tenant_key(tenant))
        epoch = cast("int", row["n"]) if row else 0
        memory = self._memories.get(tenant)
        if memory is None or memory.epoch != epoch:
            memory = self._memories[tenant] = _Memory(epoch)
        return memory

    def _find(
        self, tenant: Tenant, series: list[Series], *, consistent: bool = False
    ) -> dict[Series, Knowledge]:
        keys = {_series_key(tenant, one): one for one in series}
        rows = self._table.get_many(list(keys), consistent=consistent)
        return {keys[found]: _knowledge_of(keys[found], row) for found, row in rows.items()}

    def _add(self, tenant: Tenant, series: list[Series], memory: _Memory) -> None:
        """Write type and id first: who finds the series row need not look for them."""
        types = {one.type for one in series} - memory.types
        for type in types:
            self._table.put({"pk": key("types", tenant), "sk": type, "k": "T"})
        if types:
            self._table.put({"pk": TENANTS, "sk": _tenant_key(tenant), "k": "U"})
        memory.types |= types
        in_parallel(lambda one: self._add_one(tenant, one), series)

    def _add_one(self, tenant: Tenant, series: Series) -> None:
        self._table.put({**_row_key(_id_key(tenant, series)), "k": "I"})
        row: Row = {**_row_key(_series_key(tenant, series)), "k": "S", "at": self._clock()}
        try:
            self._table.put(row, IS_NEW)
        except ConditionFailed:
            return

    def _raise_late(self, tenant: Tenant, new: Knowledge) -> None:
        change = Change("SET late_until = :at", {":at": new.late_until})
        is_more = Condition("attribute_not_exists(late_until) OR late_until < :at", change.values)
        try:
            self._table.update(*_series_key(tenant, new.series), change, is_more)
        except ConditionFailed:
            return


_NAMES = {"#f": "foreign"}


def _series_partition(tenant: Tenant, type: str) -> str:
    return key("series", tenant, type)


def _id_partition(tenant: Tenant, id: str) -> str:
    return key("id", tenant, id)


def _series_key(tenant: Tenant, series: Series) -> tuple[str, str]:
    return _series_partition(tenant, series.type), key(series.id, series.path)


def _id_key(tenant: Tenant, series: Series) -> tuple[str, str]:
    return _id_partition(tenant, series.id), key(series.type, series.path)


def _row_key(pair: tuple[str, str]) -> Row:
    return {"pk": pair[0], "sk": pair[1]}


def _tenant_key(tenant: Tenant) -> str:
    return key("t", tenant)


def _series_of(type: str, row: Row) -> Series:
    id, path = split(str(row["sk"]))
    return Series(type, id, ServicePath(path))


def _knowledge_of(series: Series, row: Row) -> Knowledge:
    until = cast("int", row.get("late_until", 0))
    return Knowledge(series, until, bool(row.get("foreign", False)))
