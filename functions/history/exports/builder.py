"""Builds the file of an order with DuckDB and puts it into the bucket."""

from collections.abc import Callable

from history.exports.orders import Built, Order, Visible

Progress = Callable[[float], None]


class Builder:
    """Makes files of the history; knows no caller."""

    def build(
        self,
        order: Order,
        visible: Visible | None,
        key: str,
        note: Progress = lambda _: None,
    ) -> Built:
        """Write the file of an order to `key`, over one that is there; an empty order has no rows.

        Only what is `visible` goes in (None: all of the type). `note` is told the share that is done,
        from 0 to 1. Raises Unavailable when the bucket does not answer.
        """
        raise NotImplementedError
