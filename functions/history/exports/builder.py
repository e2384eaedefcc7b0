"""Builds a file of the history with DuckDB and puts it into the bucket.

Day by day: what is selected of a day goes into a local file, each observation once and without what
was deleted; the days are then written as one file. So memory is bounded by a day, and what is read
is the bytes of the days asked for, each once.
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from city.errors import NotFound
from history.days import FIRST_DAY, LAST_DAY, day_of
from history.exports import formats
from history.exports.orders import Built, Contents
from history.exports.statements import selected
from history.keeping.merging import Workbench, Written
from history.reading.queries import Window
from history.records import MILLISECOND
from history.store.ledger import Day, Holdings, Ledger
from history.store.objects import Objects

Progress = Callable[[float, int], None]
"""Is told the share that is done, from 0 to 1, and how many rows."""

_OF_DAYS = 0.9
"""The share of the work that is reading days; the rest is writing the one file."""


class Builder:
    """Makes files of the history; knows no caller. `bench` makes DuckDB in a directory."""

    def __init__(
        self, objects: Objects, ledger: Ledger, bench: Callable[[Path], Workbench] = Workbench
    ) -> None:
        self._objects = objects
        self._ledger = ledger
        self._bench = bench

    def build(
        self, contents: Contents, key: str, note: Progress = lambda _share, _rows: None
    ) -> Built:
        """Write a file to `key`, over one that is there; without anything to hold it has no rows.

        Raises Unavailable when the bucket does not answer.
        """
        with TemporaryDirectory() as scratch:
            directory = Path(scratch)
            bench = self._bench(directory)
            try:
                pieces, rows = self._pieces(contents, bench, note)
            finally:
                bench.close()
            path = directory / f"export.{contents.format}"
            formats.write(contents, pieces, path)
            self._objects.put(key, path)
            return Built(key, rows, path.stat().st_size, _sha256(path))

    def _pieces(
        self, contents: Contents, bench: Workbench, note: Progress
    ) -> tuple[list[Path], int]:
        """A local file for each day that has something, in order, and the rows of all."""
        pieces: list[Path] = []
        rows = 0
        days = [*self._days(contents)]
        for done, day in enumerate(days, start=1):
            piece = self._piece(contents, day, bench)
            if piece is not None:
                pieces.append(piece.path)
                rows += piece.rows
            note(_OF_DAYS * done / len(days), rows)
        return pieces, rows

    def _days(self, contents: Contents) -> Iterator[date]:
        """The days with files that the window touches."""
        tenant, type = contents.selection.tenant, contents.type
        span = self._ledger.span(tenant, type)
        if span is None or not contents.selection.parts:
            return
        first, last = _days_of(contents.window)
        found = self._ledger.days(tenant, type, max(first, span[0]), min(last, span[1]))
        yield from (day.date for day in found.days)

    def _piece(self, contents: Contents, day: date, bench: Workbench) -> Written | None:
        """What is selected of a day. Its files may be merged meanwhile: then they are new ones."""
        try:
            return self._piece_of(contents, self._holdings(contents, day), bench)
        except NotFound:
            return self._piece_of(contents, self._holdings(contents, day), bench)

    def _holdings(self, contents: Contents, day: date) -> Holdings:
        return self._ledger.days(contents.selection.tenant, contents.type, day, day)

    def _piece_of(self, contents: Contents, holdings: Holdings, bench: Workbench) -> Written | None:
        if not holdings.days:
            return None
        (day,) = holdings.days
        copies = self._copies(day, bench)
        try:
            query = selected(contents, holdings.deletions, once=day.clean)
            return bench.write(copies, query, time="ts")
        finally:
            for copy in copies:
                copy.unlink(missing_ok=True)

    def _copies(self, day: Day, bench: Workbench) -> list[Path]:
        copies = [bench.new_path() for _ in day.files]
        for file, copy in zip(day.files, copies, strict=True):
            self._objects.get_file(file.key, copy)
        return copies


def _days_of(window: Window) -> tuple[date, date]:
    """The first and last UTC day of a window."""
    first = FIRST_DAY if window.start is None else day_of(window.start)
    return first, LAST_DAY if window.end is None else day_of(window.end - MILLISECOND)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
