"""Entity queries: which rows to read, what to filter, how to order and page.

Candidates come in creation order from the keys alone: of the ids, of the cells of an area, or of
the listings of the types and paths. Patterns and paths are checked on the keys; an entity is read
only to be returned, filtered or ordered by its attributes. Without count and orderBy reading stops
with the page. A budget bounds what one query reads: one for each entity read, and one for each
`ROWS_PER_ENTITY` keys, so about one for each read unit.

A query sees what its caller's view shows and nothing else: the view narrows which keys are read,
decides on every key, and stands between a loaded entity and every filter, order, distance and
answer, so what is hidden cannot be felt either.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Protocol

from city.document import Entity
from city.errors import TooComplex
from city.parallel import in_parallel
from city.policy.grants import View
from city.regex import Pattern
from city.tenancy import PathScope, Tenant, overlap
from context.cells import CellRange
from context.rights import sees, visible
from context.store.entities import EntityStore
from context.store.layout import Listed, listed
from context.store.types import PairFilter, Tally, TypeStatistics, tally_of
from context.values import OrderKey, order_key

ROWS_PER_ENTITY = 25
"""Listing rows that cost about as much to read as one entity."""

FIRST_CHUNK = 100
LARGEST_CHUNK = 800
"""Entities read at once while filtering: few at first, as the first may fill the page."""

MAX_HINTED = 100
"""Ids a view may be limited to and still be looked up one by one instead of in the listings."""

DISTANCE = "geo:distance"


class Predicate(Protocol):
    """A condition on one entity, e.g. a parsed `q`."""

    def matches(self, entity: Entity) -> bool:
        """Whether the entity satisfies the condition."""
        ...


class Area(Predicate, Protocol):
    """A geographical condition."""

    def distance(self, entity: Entity) -> float | None:
        """Metres from the reference, or None when the entity has no location."""
        ...

    def covering(self) -> Sequence[CellRange] | None:
        """Cells that hold every match, or None when matches may be anywhere."""
        ...


@dataclass(frozen=True, slots=True)
class Selector:
    """One alternative of what to look for; absent members match anything."""

    id: str | None = None
    id_pattern: Pattern | None = None
    type: str | None = None
    type_pattern: Pattern | None = None

    def accepts(self, row: Listed) -> bool:
        """Whether an entity is one of those meant."""
        return (
            (self.id is None or row.id == self.id)
            and (self.type is None or row.type == self.type)
            and (self.id_pattern is None or self.id_pattern.search(row.id))
            and (self.type_pattern is None or self.type_pattern.search(row.type))
        )


@dataclass(frozen=True, slots=True)
class Order:
    """One key of the order: an attribute, a builtin date, `id`, `type` or `geo:distance`."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class EntityQuery:
    """A query as the services see it, whatever API it came from, and what its caller may see."""

    tenant: Tenant
    scope: PathScope
    view: View
    selectors: tuple[Selector, ...] = (Selector(),)
    predicates: tuple[Predicate, ...] = ()
    geo: Area | None = None
    order: tuple[Order, ...] = ()
    limit: int = 20
    offset: int = 0
    count: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a result; `total` is the number of all matches if the query asked to count."""

    entities: list[Entity]
    total: int | None = None


class Queries:
    """Runs queries; `budget` bounds what one of them may read (see above)."""

    def __init__(self, store: EntityStore, budget: int) -> None:
        self._store = store
        self._budget = budget

    def run(self, query: EntityQuery) -> Page:
        """The page; raises TooComplex when the budget does not suffice, saying what to narrow."""
        if query.limit == 0 and not query.count:
            return Page([])
        search = _Search(self._store, query, _Budget(self._budget))
        if search.is_vain:
            return Page([], 0 if query.count else None)
        if query.order:
            return search.ordered()
        if query.predicates or query.geo:
            return search.filtered()
        return search.listed()

    def types(self, tenant: Tenant, scope: PathScope, view: View) -> dict[str, TypeStatistics]:
        """Statistics of the types as the view shows them, by type.

        They come from the statistics of the tenant where type and path decide what is visible;
        otherwise every visible entity is read, or TooComplex raised.
        """
        if view.keys_decide:
            return self._store.types(tenant, scope, pairs=_pairs(view))
        search = _Search(self._store, EntityQuery(tenant, scope, view), _Budget(self._budget))
        tallies: dict[str, Tally] = {}
        for entity in search.everything():
            tallies.setdefault(entity.identity.type, Tally()).add(tally_of(entity))
        return {type: TypeStatistics.of(tally) for type, tally in sorted(tallies.items())}


class _Budget:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = float(limit)

    def spend(self, cost: float) -> None:
        self._left -= cost
        if self._left < 0:
            raise TooComplex(
                f"the query would examine more than {self._limit} entities; narrow it by type, id, "
                "service path or a smaller area, or leave out count, orderBy or a large offset"
            )


class _Search:
    """One run of one query."""

    def __init__(self, store: EntityStore, query: EntityQuery, budget: _Budget) -> None:
        self._store = store
        self._query = query
        self._budget = budget
        self._view = query.view
        self._scope = overlap(query.scope, query.view.scope)
        selectors = _hinted(query.selectors, query.view)
        self._named = [selector for selector in selectors if selector.id is not None]
        self._open = [selector for selector in selectors if selector.id is None]
        self._loaded: dict[Listed, Entity] = {}

    @property
    def is_vain(self) -> bool:
        """Whether nothing the query looks at is visible."""
        return self._view.is_nothing or not self._scope

    def everything(self) -> Iterator[Entity]:
        """Every visible entity that satisfies the query, in creation order."""
        return iter(()) if self.is_vain else self._matches()

    def listed(self) -> Page:
        """A page that keys alone decide."""
        query = self._query
        end = query.offset + query.limit
        counted_by_type = (
            query.count and self._view.keys_decide and not self._named and not self._by_pattern()
        )
        if query.count and not counted_by_type:
            rows = list(self._candidates())
            return Page(self._load(rows[query.offset : end]), len(rows))
        total = self._count() if counted_by_type else None
        if not query.limit:
            return Page([], total)
        page = list(islice(self._candidates(first_size=min(end, 1000)), query.offset, end))
        return Page(self._load(page), total)

    def filtered(self) -> Page:
        """A page of those that satisfy the conditions, in creation order."""
        query = self._query
        end = query.offset + query.limit
        if not query.count:
            return Page(list(islice(self._matches(), query.offset, end)))
        matches = list(self._matches())
        return Page(matches[query.offset : end], len(matches))

    def ordered(self) -> Page:
        """A page in another order than creation, which needs all matches at once."""
        query = self._query
        end = query.offset + query.limit
        by_keys = self._keys_decide()
        matches = self._sorted(self._stubs() if by_keys else self._matches())
        total = len(matches) if query.count else None
        page = matches[query.offset : end]
        return Page(self._load(list(map(listed, page))) if by_keys else page, total)

    def _matches(self) -> Iterator[Entity]:
        """Every entity that satisfies the whole query, in creation order."""
        conditions = [*self._query.predicates]
        if self._query.geo:
            conditions.append(self._query.geo)
        candidates = iter(self._candidates())
        size = FIRST_CHUNK
        while rows := list(islice(candidates, size)):
            for entity in self._load(rows):
                if all(condition.matches(entity) for condition in conditions):
                    yield entity
            size = min(size * 2, LARGEST_CHUNK)

    def _load(self, rows: Sequence[Listed]) -> list[Entity]:
        """The entities of the rows as they are visible, without those deleted or created anew."""
        missing = [row for row in rows if row not in self._loaded]
        self._budget.spend(len(missing))
        identities = [row.identity(self._query.tenant) for row in missing]
        fresh = {listed(entity): entity for entity in self._store.load(identities)}
        known = self._loaded | fresh if self._loaded else fresh
        found = (visible(known[row], self._view) for row in rows if row in known)
        return [entity for entity in found if entity is not None]

    def _candidates(self, first_size: int = FIRST_CHUNK) -> Iterator[Listed]:
        """Keys of all entities that may match, each once, in creation order."""
        if not self._named:
            return self._by_type(first_size)
        named = self._by_id()
        if not self._open:
            return iter(named)
        return _distinct(heapq.merge(named, self._by_type(first_size)))

    def _by_id(self) -> list[Listed]:
        by_id: dict[str, list[Selector]] = {}
        for selector in self._named:
            by_id.setdefault(str(selector.id), []).append(selector)
        self._budget.spend(len(by_id))
        found = in_parallel(self._find, list(by_id.items()))
        for entities, selectors in zip(found, by_id.values(), strict=True):
            for entity in entities:
                row = listed(entity)
                if self._accepted(row, selectors):
                    self._loaded[row] = entity
        return sorted(self._loaded)

    def _find(self, wanted: tuple[str, list[Selector]]) -> list[Entity]:
        id, selectors = wanted
        types = {selector.type for selector in selectors}
        type = next(iter(types)) if len(types) == 1 else None
        tenant = self._query.tenant
        return self._store.find(tenant, id, type=type, scope=self._scope, consistent=True)

    def _by_type(self, first_size: int) -> Iterator[Listed]:
        query, types = self._query, self._types()
        ranges = query.geo.covering() if query.geo else None
        if ranges is None:
            rows: Iterable[Listed] = self._store.listing(
                query.tenant,
                types=types,
                scope=self._scope,
                pairs=_pairs(self._view),
                first_size=first_size,
            )
        else:
            located = self._store.in_cells(
                query.tenant, types=types, scope=self._scope, ranges=ranges
            )
            rows = sorted({*self._charged(located)})
        for row in rows if ranges is not None else self._charged(rows):
            if self._accepted(row, self._open):
                yield row

    def _accepted(self, row: Listed, selectors: Sequence[Selector]) -> bool:
        """Whether an entity is asked for and visible."""
        asked = any(selector.accepts(row) for selector in selectors)
        return asked and sees(self._view, row.identity(self._query.tenant))

    def _charged(self, rows: Iterable[Listed]) -> Iterator[Listed]:
        for row in rows:
            self._budget.spend(1 / ROWS_PER_ENTITY)
            yield row

    def _types(self) -> list[str] | None:
        """The types to look through; None for all."""
        asked, shown = self._asked_types(), self._view.types
        if asked is None or shown is None:
            return asked if shown is None else sorted(shown)
        return [type for type in asked if type in shown]

    def _asked_types(self) -> list[str] | None:
        if any(not (selector.type or selector.type_pattern) for selector in self._open):
            return None
        types = {selector.type for selector in self._open if selector.type}
        patterns = [selector.type_pattern for selector in self._open if selector.type_pattern]
        if patterns:
            known = self._store.known_types(self._query.tenant, self._scope)
            types |= {type for type in known if any(p.search(type) for p in patterns)}
        return sorted(types)

    def _count(self) -> int:
        return self._store.count(
            self._query.tenant, types=self._types(), scope=self._scope, pairs=_pairs(self._view)
        )

    def _by_pattern(self) -> bool:
        """Whether an id pattern decides; type patterns have become types by then."""
        return any(selector.id_pattern for selector in self._open)

    def _keys_decide(self) -> bool:
        query = self._query
        return not (query.predicates or query.geo) and all(
            order.name in {"id", "type", "dateCreated", "servicePath"} for order in query.order
        )

    def _stubs(self) -> Iterator[Entity]:
        """Entities as far as their keys say."""
        for row in self._candidates():
            yield Entity(row.identity(self._query.tenant), {}, row.created, row.created)

    def _sorted(self, entities: Iterable[Entity]) -> list[Entity]:
        """In the order of the query; what it leaves open stays in creation order."""
        result = list(entities)
        for order in reversed(self._query.order):
            result.sort(key=partial(self._order_key, order), reverse=order.descending)
        return result

    def _order_key(self, order: Order, entity: Entity) -> OrderKey:
        geo = self._query.geo
        if order.name == DISTANCE:
            distance = geo.distance(entity) if geo else None
            return (distance is None, distance or 0.0)
        return order_key(entity, order.name, descending=order.descending)


def _distinct(rows: Iterable[Listed]) -> Iterator[Listed]:
    """Sorted rows without repetition."""
    last = None
    for row in rows:
        if row != last:
            yield row
        last = row


def _hinted(selectors: tuple[Selector, ...], view: View) -> tuple[Selector, ...]:
    """The selectors, each limited to the ids of a view that shows only a few."""
    if view.ids is None or len(view.ids) * len(selectors) > MAX_HINTED:
        return selectors
    return tuple(
        replace(selector, id=id)
        for selector in selectors
        for id in (sorted(view.ids) if selector.id is None else (selector.id,))
    )


def _pairs(view: View) -> PairFilter | None:
    """Which types at which paths a view shows, where that is all it asks; None for all of them."""
    if view.is_everything or not view.keys_decide:
        return None
    return lambda type, path: view.sees("", type, path)
