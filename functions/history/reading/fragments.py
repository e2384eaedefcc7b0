"""SQL with its values bound: pieces, and how they are put together."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import NamedTuple

Parameter = str | int | float | datetime | tuple[str, ...] | tuple[float, ...]
"""A tuple is a list, for DuckDB only."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH.replace(tzinfo=UTC)) // timedelta(microseconds=1)
"""No observation, a whole millisecond, is as late as this; periods may end later (µs)."""
_PLACE = re.compile(r"\{\}")


class Sql(NamedTuple):
    """A piece of SQL and the values of its question marks, in their order."""

    text: str
    parameters: tuple[Parameter, ...] = ()

    def __str__(self) -> str:
        return self.text


TRUE = Sql("true")


def compose(template: str, *pieces: Sql) -> Sql:
    """The template with a piece in place of each `{}`."""
    texts = iter(pieces)
    text = _PLACE.sub(lambda _: next(texts).text, template)
    return Sql(text, tuple(chain.from_iterable(piece.parameters for piece in pieces)))


def joined(separator: str, pieces: Iterable[Sql]) -> Sql:
    """Pieces with a separator between them."""
    some = list(pieces)
    parameters = chain.from_iterable(piece.parameters for piece in some)
    return Sql(separator.join(piece.text for piece in some), tuple(parameters))


def bound(value: Parameter) -> Sql:
    """A question mark for a value."""
    return Sql("?", (value,))


def instant(moment: int) -> Sql:
    """A time (µs) as timestamps are stored: UTC, without a zone."""
    return bound(_EPOCH + timedelta(microseconds=min(moment, _LAST)))


def among(column: str, values: Iterable[str]) -> Sql:
    """Whether a column has one of the values."""
    some = sorted(values)
    if not some:
        return Sql("false")
    if len(some) == 1:
        return Sql(f"{column} = ?", (some[0],))
    return Sql(f"{column} IN ({', '.join('?' * len(some))})", tuple(some))


def every(conditions: Iterable[Sql]) -> Sql:
    """All of the conditions."""
    kept = [condition for condition in conditions if condition != TRUE]
    return joined(" AND ", kept) if kept else TRUE


def either(conditions: Sequence[Sql]) -> Sql:
    """Any of the conditions."""
    if TRUE in conditions:
        return TRUE
    if len(conditions) == 1:
        return conditions[0]
    return compose("({})", joined(" OR ", [compose("({})", one) for one in conditions]))
