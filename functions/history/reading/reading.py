"""One query being read by DuckDB: files in, rows out, and an account of what that took."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import degrees
from typing import Any

from city.clock import Clock
from city.geography import EARTH_RADIUS, point, read_geojson
from city.json import parse
from history.reading import sql
from history.reading.engine import Engine, TimedOut
from history.reading.fragments import Sql
from history.reading.plans import Span, Stock, batches, in_window, size_for
from history.reading.queries import Place, Report, Window
from history.reading.selection import Selection
from history.reading.sql import Files, Scope
from history.store.ledger import Day, Deletion, File
from history.store.objects import Objects


@dataclass
class Reading:
    """What one run of one query has at hand, and has read so far."""

    engine: Engine
    objects: Objects
    stock: Stock
    selection: Selection
    window: Window
    clock: Clock
    deadline: int
    place: Place | None = None
    with_ends: bool = False
    _files: set[str] = field(default_factory=set)
    _bytes: int = 0

    def run(self, query: Sql) -> list[tuple[Any, ...]]:
        """The rows of a query. Raises TimedOut at the deadline."""
        left = self.deadline - self.clock()
        if left <= 0:
            raise TimedOut("the query takes too long; narrow it by time, entity or type")
        found = self.engine.run(query, left)
        self._bytes += found.bytes
        return found.rows

    def report(self, rows: int) -> Report:
        """What has been read, for an answer of so many rows."""
        return Report("duckdb", len(self._files), self._bytes, rows)

    def records(
        self, days: Sequence[Day], deletions: Sequence[Deletion], window: Window | None = None
    ) -> Sql | None:
        """The rows that count of some days; None when no file can have any."""
        asked = self.window if window is None else window
        sources = self.sources(days, asked)
        if not sources:
            return None
        scope = Scope(self.selection, asked, deletions, self.with_ends)
        found = sql.records(sources, scope)
        return found if self.place is None else self._there(found, self.place)

    def sources(self, days: Iterable[Day], window: Window) -> list[Files]:
        """The files of days, apart by whether observations may be in them twice."""
        clean: list[str] = []
        repeating: list[str] = []
        for day in days:
            uris = [self.objects.s3_uri(file.key) for file in in_window(day.files, window)]
            (clean if day.clean else repeating).extend(uris)
            self._files.update(uris)
        return [
            Files(tuple(uris), repeats)
            for uris, repeats in ((clean, False), (repeating, True))
            if uris
        ]

    def files(self, files: Iterable[File]) -> Files:
        """Rollups, which have everything once."""
        uris = tuple(self.objects.s3_uri(file.key) for file in files)
        self._files.update(uris)
        return Files(uris, repeats=False)

    def steps(self, span: Span, size: int, *, newest_first: bool) -> Iterator[Sql]:
        """The rows that count, of more and more days at once from one end of a span."""
        for step in span.steps(size, newest_first=newest_first):
            held = self.stock.between(step)
            for days in batches(held.days, newest_first=newest_first):
                found = self.records(days, held.deletions)
                if found is not None:
                    yield found

    def bytes_needed(self, files: Iterable[File]) -> int:
        """About how much of files will be read."""
        series = None if self.selection.series is None else len(self.selection.series)
        return sum(size_for(file, series) for file in files)

    def _there(self, found: Sql, place: Place) -> Sql:
        """Those of the rows that were observed where the place says.

        The locations are few compared with the rows: each is compared once, exactly.
        """
        near = sql.locations(found, _latitudes(place))
        kept = [location for location in self.run(near) if _matches(place, location)]
        return sql.at_locations(found, kept)


def _matches(place: Place, location: tuple[float, float, str | None]) -> bool:
    latitude, longitude, shape = location
    return place.matches(read_geojson(parse(shape)) if shape else point(longitude, latitude))


def _latitudes(place: Place) -> tuple[float, float] | None:
    """Between which latitudes every point is that matches; None when it may be anywhere."""
    if place.relation == "near" and place.max_distance is not None:
        reach = degrees(place.max_distance / EARTH_RADIUS) + 1e-6
        return place.centre[1] - reach, place.centre[1] + reach
    if place.relation in {"near", "disjoint"}:
        return None
    return place.reference.bounds.south, place.reference.bounds.north
