"""Reads of STH-Comet: the values of one attribute, and what they come to in each period."""

from dataclasses import replace

from city.errors import TooLarge
from city.json import Json
from city.policy.grants import Access, Action
from city.tenancy import Tenant
from history.comet import points
from history.comet.parameters import MAX_PAGE, Aggregated, Parameters, Raw
from history.reading.planner import Planner
from history.reading.queries import (
    Aggregate,
    Answer,
    Bucket,
    Calendar,
    Choice,
    Instance,
    Instances,
    Method,
    Report,
    Window,
)
from history.records import MILLISECOND

Buckets = Answer[Bucket]

MAX_LINES = 50_000
"""Lines of a file; what is more goes by an export."""


def only_attribute(choice: Choice) -> str:
    """The one attribute that a path names."""
    (attribute,) = choice.attributes or ("",)
    return attribute


class Reads:
    """Reads for a caller, who sees what its grants show; nothing is an empty answer."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    def raw(
        self, access: Access, choice: Choice, parameters: Parameters, asked: Raw
    ) -> Answer[Instance]:
        """The values, oldest first; `total` is how many the dates leave, if that was asked.

        Raises TooLarge for a file of more than MAX_LINES.
        """
        _require_reading(access, choice.tenant)
        query = Instances(choice, _between(parameters), count=asked.counted)
        if asked.last is not None:
            return self._newest(access, query, asked.last or MAX_PAGE)
        limit = asked.limit or (MAX_LINES + 1 if asked.csv else MAX_PAGE)
        answer = self._planner.run(replace(query, limit=limit, offset=asked.offset), access)
        if len(answer.rows) > MAX_LINES:
            raise TooLarge(
                f"the file would have more than {MAX_LINES} lines; narrow it by dateFrom and dateTo, "
                "or order an export at /history/v1/exports"
            )
        return answer

    def aggregated(
        self, access: Access, choice: Choice, parameters: Parameters, asked: Aggregated
    ) -> tuple[list[Json], Report]:
        """Points of all periods with a value, by origin, and what reading them cost.

        Texts are read only where there are some: numbers alone come from rollups.
        """
        _require_reading(access, choice.tenant)
        window = points.whole_periods(parameters.start, parameters.end, asked.period)
        calendar = Calendar(asked.period)
        query = Aggregate(choice, points.needed(asked.methods), calendar, window)
        numbers = self._planner.run(query, access)
        if not points.has_texts(numbers.rows):
            return self._shown(choice, asked, numbers), numbers.report
        texts = self._planner.run(replace(query, methods=[Method.OCCURRENCES]), access)
        return self._shown(choice, asked, numbers, texts), _both(numbers.report, texts.report)

    def _newest(self, access: Access, query: Instances, last: int) -> Answer[Instance]:
        if not query.count:
            return self._planner.run(replace(query, last=last), access)
        # the total is that of all values, so they must not be cut before they are counted
        answer = self._planner.run(replace(query, newest_first=True, limit=last), access)
        return replace(answer, rows=answer.rows[::-1])

    @staticmethod
    def _shown(
        choice: Choice, asked: Aggregated, numbers: Buckets, texts: Buckets | None = None
    ) -> list[Json]:
        attribute, words = only_attribute(choice), texts.rows if texts else ()
        return points.series_of(attribute, asked.period, asked.methods, numbers.rows, words)


def _between(parameters: Parameters) -> Window:
    """The window of the dates, both inclusive."""
    end = parameters.end
    return Window(parameters.start, None if end is None else end + MILLISECOND)


def _require_reading(access: Access, tenant: Tenant) -> None:
    if not access.may(Action.READ, tenant):
        raise access.refusal("no grant lets you read anything in this tenant")


def _both(one: Report, other: Report) -> Report:
    return replace(
        one,
        files=one.files + other.files,
        bytes=one.bytes + other.bytes,
        rows=one.rows + other.rows,
    )
