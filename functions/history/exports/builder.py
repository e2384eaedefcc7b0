"""Builds a file of the history with DuckDB and puts it into the bucket."""

from collections.abc import Callable

from history.exports.orders import Built, Contents

Progress = Callable[[float, int], None]
"""Is told the share that is done, from 0 to 1, and how many rows."""


class Builder:
    """Makes files of the history; knows no caller."""

    def build(
        self, contents: Contents, key: str, note: Progress = lambda _share, _rows: None
    ) -> Built:
        """Write a file to `key`, over one that is there; without anything to hold it has no rows.

        Raises Unavailable when the bucket does not answer.
        """
        raise NotImplementedError
