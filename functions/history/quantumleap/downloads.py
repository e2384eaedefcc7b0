"""The answers of read operations as CSV, for whoever asks for `text/csv`.

One table: a line for each entity and time, a column for each attribute.
"""

from collections.abc import Iterable, Sequence

from city.json import Json
from history.exports.cells import lines
from history.quantumleap.dialects import Dialect
from history.quantumleap.histories import History

CSV = "text/csv"


def wants_csv(accept: str) -> bool:
    """Whether CSV is named in the Accept header, and not as second choice to JSON."""
    weights = dict(map(_weighed, accept.lower().split(",")))
    wanted = weights.get(CSV, 0.0)
    return wanted > 0 and wanted >= weights.get("application/json", 0.0)


def table(dialect: Dialect, histories: Sequence[History]) -> str:
    """The histories; without times (one aggregate each) the column `index` is empty."""
    names = sorted({name for history in histories for name in history.attributes})
    header = (dialect.type, dialect.id, "index", *names)
    return lines([header, *(line for history in histories for line in _lines(history, names))])


def _lines(history: History, names: list[str]) -> Iterable[list[Json]]:
    columns = [history.attributes.get(name) for name in names]
    for place, time in enumerate(history.index or [""]):
        values = [None if column is None else column[place] for column in columns]
        yield [history.type, history.id, time, *values]


def _weighed(media_range: str) -> tuple[str, float]:
    """A media type and its weight (RFC 9110 §12.5.1)."""
    name, *parameters = (part.strip() for part in media_range.split(";"))
    weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0.0
