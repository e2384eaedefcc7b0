"""Which entities there are, in creation order, without reading them: listings and locations.

The rows of a listing hold only what never changes about an entity, are written in the transaction
that creates or deletes it, and are read strongly consistent: a list shows every acknowledged
create. Each stream of rows below holds exactly what is asked for; several are merged by creation.

* type given, whole tenant: one stream, the type's listing
* type given, exact path: one stream, the type at that path
* otherwise, or when a filter of pairs is given, the pairs (type, path) come from the type
  statistics: one stream per type all of whose paths are wanted, else one per pair

Request units (a row is about 0.15 KB): 1 read per 27 rows (at least 1 per stream), plus the
statistics where they are needed; counting reads the same rows and returns none.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import cast

from city.dynamodb import Row
from city.keys import prefix
from city.parallel import in_parallel
from city.tenancy import EVERYWHERE, PathScope, ServicePath, Tenant, in_scope
from context.cells import CellRange
from context.store.layout import (
    Listed,
    cell_partition,
    path_partition,
    read_cell_row,
    read_path_row,
    read_type_row,
    type_partition,
)
from context.store.table import Span, starting_with
from context.store.types import PairFilter, TypeCounters


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows in creation order, and how to read a sort key of them."""

    span: Span
    read: Callable[[str], Listed]


class Listings(TypeCounters):
    """Listing, path and location rows."""

    def listing(
        self,
        tenant: Tenant,
        *,
        types: Sequence[str] | None,
        scope: PathScope,
        pairs: PairFilter | None = None,
        first_size: int = 100,
    ) -> Iterator[Listed]:
        """Entities of the types (None: all) in the scope, in creation order.

        `pairs` says which types at which paths are wanted (None: all). Rows are fetched as the
        iterator advances, `first_size` from each stream to begin with.
        """
        streams = self._streams(tenant, types, scope, pairs)
        return self._merged(streams, first_size)

    def count(
        self,
        tenant: Tenant,
        *,
        types: Sequence[str] | None,
        scope: PathScope,
        pairs: PairFilter | None = None,
    ) -> int:
        """How many entities `listing` gives."""
        spans = [stream.span for stream in self._streams(tenant, types, scope, pairs)]
        return sum(in_parallel(self._count, spans))

    def in_cells(
        self,
        tenant: Tenant,
        *,
        types: Sequence[str] | None,
        scope: PathScope,
        ranges: Sequence[CellRange],
    ) -> Iterator[Listed]:
        """Entities of the types (None: all) whose location has a cell in a range; no order.

        An entity whose location has several such cells comes several times.
        """
        wanted = self.known_types(tenant, scope) if types is None else types
        streams = [
            Stream(
                Span(cell_partition(tenant, type), prefix(first), prefix(last) + "\U0010ffff"),
                partial(read_cell_row, type),
            )
            for type in dict.fromkeys(wanted)
            for first, last in ranges
        ]
        rows = chain.from_iterable(self._started(streams, first_size=200))
        return (row for row in rows if in_scope(scope, row.path))

    def known_types(self, tenant: Tenant, scope: PathScope) -> list[str]:
        """All types that may have entities in the scope."""
        pairs = self._tallies(tenant)
        return sorted({type for type, path in pairs if in_scope(scope, path)})

    def _streams(
        self,
        tenant: Tenant,
        types: Sequence[str] | None,
        scope: PathScope,
        pairs: PairFilter | None,
    ) -> list[Stream]:
        if pairs is not None:
            return list(self._known_streams(tenant, types, scope, pairs))
        exact = not any(pattern.subtree for pattern in scope)
        if types is not None and any(place in scope for place in EVERYWHERE):
            return [_of_type(tenant, type) for type in dict.fromkeys(types)]
        if types is not None and exact:
            paths = dict.fromkeys(pattern.path for pattern in scope)
            return [_of_pair(tenant, type, path) for type in dict.fromkeys(types) for path in paths]
        return list(self._known_streams(tenant, types, scope, _any_pair))

    def _known_streams(
        self, tenant: Tenant, types: Sequence[str] | None, scope: PathScope, pairs: PairFilter
    ) -> Iterator[Stream]:
        paths_by_type: dict[str, list[ServicePath]] = {}
        for type, path in self._tallies(tenant):
            if types is None or type in types:
                paths_by_type.setdefault(type, []).append(path)
        for type, paths in sorted(paths_by_type.items()):
            inside = [path for path in paths if in_scope(scope, path) and pairs(type, path)]
            if len(inside) == len(paths):
                yield _of_type(tenant, type)
            else:
                yield from (_of_pair(tenant, type, path) for path in inside)

    def _merged(self, streams: Sequence[Stream], first_size: int) -> Iterator[Listed]:
        started = self._started(streams, first_size)
        return started[0] if len(started) == 1 else heapq.merge(*started)

    def _started(self, streams: Sequence[Stream], first_size: int) -> list[Iterator[Listed]]:
        """The streams' rows, with the first page of each already fetched, in parallel."""
        pages = [self._pages(stream.span, first_size=first_size) for stream in streams]
        heads = in_parallel(next, pages)
        return [
            self._alive(chain((head,), rest), stream)
            for stream, head, rest in zip(streams, heads, pages, strict=True)
        ]

    def _alive(self, pages: Iterable[list[Row]], stream: Stream) -> Iterator[Listed]:
        now = self._clock()
        for row in chain.from_iterable(pages):
            if "expires" not in row or cast("int", row["expires"]) > now:
                yield stream.read(cast("str", row["sk"]))


def _any_pair(_type: str, _path: ServicePath) -> bool:
    return True


def _of_type(tenant: Tenant, type: str) -> Stream:
    return Stream(Span(type_partition(tenant, type)), partial(read_type_row, type))


def _of_pair(tenant: Tenant, type: str, path: ServicePath) -> Stream:
    where = path_partition(tenant, path)
    return Stream(starting_with(where, prefix(type)), partial(read_path_row, path))
