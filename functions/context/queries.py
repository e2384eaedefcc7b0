"""Entity queries: which rows to read, what to filter, how to order and page.

(Interface; being filled in.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from city.regex import Pattern
from city.tenancy import PathScope, Tenant
from context.document import Entity
from context.store.entities import EntityStore

CellRange = tuple[str, str]
"""First and last key (both included) of a range of S2 cells, 16 hexadecimal digits each."""


class Predicate(Protocol):
    """A condition on one entity, e.g. a parsed `q`."""

    def matches(self, entity: Entity) -> bool:
        """Whether the entity satisfies the condition."""


class Area(Predicate, Protocol):
    """A geographical condition."""

    def distance(self, entity: Entity) -> float | None:
        """Metres from the reference, or None when the entity has no location."""

    def covering(self) -> Sequence[CellRange] | None:
        """Cells that hold every match, or None when matches may be anywhere."""


@dataclass(frozen=True, slots=True)
class Selector:
    """One alternative of what to look for; absent members match anything."""

    id: str | None = None
    id_pattern: Pattern | None = None
    type: str | None = None
    type_pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One key of the order: an attribute, a builtin date, `id`, `type` or `geo:distance`."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class EntityQuery:
    """A query as the services see it, whatever API it came from."""

    tenant: Tenant
    scope: PathScope
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
    """Runs queries; `budget` is how many rows one query may examine."""

    def __init__(self, store: EntityStore, budget: int) -> None:
        self._store = store
        self._budget = budget

    def run(self, query: EntityQuery) -> Page:
        """The page; raises TooComplex when the budget does not suffice, saying what to narrow."""
        raise NotImplementedError
