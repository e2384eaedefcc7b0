"""What the history can be asked, and what it answers: the words between the dialects and the planner.

Times are microseconds since the epoch, UTC. A `Choice` says which series and attributes are meant;
what the caller may not see of them does not exist for the query. Values come back as they were
submitted: 21 and 21.0, 0 and false, "" and null stay apart, and integers keep all their digits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Generic, Literal, NamedTuple, TypeVar
from uuid import UUID

from city import geography
from city.errors import CityError
from city.geography import Geometry, Position
from city.json import Json
from city.tenancy import EVERYWHERE, PathScope, Tenant
from history.days import DAY, begin_of
from history.records import MILLISECOND as MILLISECOND  # noqa: PLC0414 - dialects have it from here
from history.records import Series, instance_of

DEFAULT_DATASET = ""
"""The instances of an attribute without datasetId: all there is in NGSI-v2."""


class Method(StrEnum):
    """How the values of one attribute in one bucket become one.

    Null and deleted values count nowhere. `NUMBERS` counts the numbers only; `SUM`, `SUMSQ`, `AVG`
    and `STDDEV` (of the population) are of the numbers, and None without any. `MIN` and `MAX` are of
    the numbers or, without any, of the strings. `FIRST` and `LAST` are values of whatever kind.
    `DISTINCT` counts different values, `OCCURRENCES` is how often each string occurs.
    """

    COUNT = "count"
    NUMBERS = "numbers"
    SUM = "sum"
    SUMSQ = "sumsq"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"
    STDDEV = "stddev"
    DISTINCT = "distinct"
    OCCURRENCES = "occurrences"


Unit = Literal["year", "month", "day", "hour", "minute", "second"]


@dataclass(frozen=True, slots=True)
class Window:
    """When the values were observed: from `start` (inclusive) until `end` (exclusive).

    Observation times are whole milliseconds, so a dialect whose end is inclusive adds
    `MILLISECOND`.
    """

    start: int | None = None
    end: int | None = None


ALWAYS = Window()


def window_of(first: date, last: date) -> Window:
    """From the begin of the first UTC day to the end of the last."""
    return Window(begin_of(first), begin_of(last) + DAY)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which series and attributes are meant; None is no condition.

    `id_pattern` is an RE2 expression found anywhere in the id (a dialect that means a prefix writes
    `^`). `datasets` are NGSI-LD datasetIds, `DEFAULT_DATASET` for values without one.
    """

    tenant: Tenant
    types: Sequence[str] | None = None
    ids: Sequence[str] | None = None
    id_pattern: str | None = None
    scope: PathScope = EVERYWHERE
    attributes: Sequence[str] | None = None
    datasets: Sequence[str] | None = (DEFAULT_DATASET,)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the entity was when the value was observed; distances in metres, only with "near"."""

    relation: Literal["near", "coveredBy", "intersects", "disjoint", "equals"]
    reference: Geometry
    min_distance: float | None = None
    max_distance: float | None = None

    def matches(self, location: Geometry) -> bool:
        """Whether a location stands in the relation to the reference."""
        match self.relation:
            case "near":
                return self._in_reach(geography.distance(self.centre, location))
            case "coveredBy":
                return geography.covered_by(location, self.reference)
            case "equals":
                return geography.same_shape(location, self.reference)
            case _:
                meets = geography.intersects(location, self.reference)
                return meets == (self.relation == "intersects")

    @property
    def centre(self) -> Position:
        """The reference point of "near"."""
        centre: Position = self.reference.coordinates
        return centre

    def _in_reach(self, metres: float) -> bool:
        near_enough = self.max_distance is None or metres <= self.max_distance
        return near_enough and (self.min_distance is None or metres >= self.min_distance)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Buckets that begin where the calendar's do, in UTC."""

    unit: Unit


@dataclass(frozen=True, slots=True)
class Anchored:
    """Buckets of one duration, the first of which begins at `origin` (NGSI-LD 4.5.19).

    Either `months` (calendar arithmetic from the origin: a month after 31 January is the last day
    of February) or `micros` is positive, and the other one zero. Without an origin each series'
    attribute has its own: its first instance in the window.
    """

    months: int = 0
    micros: int = 0
    origin: int | None = None


@dataclass(frozen=True, slots=True)
class Instances:
    """Instances of attributes, one by one, in the order of time (`newest_first`: the reverse).

    `last` keeps the newest so many of each attribute of each series. `limit` and `offset` then cut
    the whole answer, and `count` asks for its size before they do. With `include_deletes` the ends
    of attributes and of entities (attribute "") are instances as well.
    """

    choice: Choice
    window: Window = ALWAYS
    place: Place | None = None
    last: int | None = None
    limit: int | None = None
    offset: int = 0
    newest_first: bool = False
    include_deletes: bool = False
    count: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """The values that a series had at one time together, in the order of time.

    `last` keeps the newest so many rows of the whole answer; then `newest_first`, `limit`,
    `offset` and `count` as for `Instances`. Only values without dataset.
    """

    choice: Choice
    window: Window = ALWAYS
    place: Place | None = None
    last: int | None = None
    limit: int | None = None
    offset: int = 0
    newest_first: bool = False
    count: bool = False


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One value per method for each attribute of each series, in each bucket that has any value.

    Without `period` there is one bucket, the window. Buckets come by series and then by time. The
    rows that `last` (newest of the whole answer), `limit` and `offset` count are pairs of series
    and bucket, however many attributes they have.
    """

    choice: Choice
    methods: Sequence[Method]
    period: Calendar | Anchored | None = None
    window: Window = ALWAYS
    place: Place | None = None
    last: int | None = None
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest instance of each attribute of each series, unless it was deleted since."""

    choice: Choice
    window: Window = ALWAYS


@dataclass(frozen=True, slots=True)
class Sightings:
    """When each series was last observed, newest first; attributes matter only if chosen."""

    choice: Choice
    window: Window = ALWAYS
    limit: int | None = None
    offset: int = 0


Query = Instances | Rows | Aggregate | Latest | Sightings


class Instance(NamedTuple):
    """One attribute instance. `op` is "delete" for the end of an attribute or entity, `ordinal`
    the attribute's place in the entity.

    `metadata` is as it was submitted; `position` longitude and latitude of the entity then.
    """

    series: Series
    attribute: str
    attribute_type: str
    ts: int
    value: Json
    metadata: dict[str, Json]
    dataset: str = DEFAULT_DATASET
    modified: int = 0
    seq: int = 0
    op: Literal["set", "delete"] = "set"
    ordinal: int = 0
    position: Position | None = None

    @property
    def instance_id(self) -> str:
        """A URN that names this instance and no other of its tenant, the same in every answer."""
        digits = instance_of(self.series, self.attribute, self.dataset, self.ts)
        return UUID(hex=digits, version=5).urn


class Row(NamedTuple):
    """The values of a series at one time, by attribute; one that was not observed is missing."""

    series: Series
    ts: int
    values: dict[str, Json]


class Bucket(NamedTuple):
    """The values of one attribute from `start` until `end`; these are None if the window is open."""

    series: Series
    attribute: str
    start: int | None
    end: int | None
    values: Mapping[Method, Json]
    dataset: str = DEFAULT_DATASET


class Seen(NamedTuple):
    """When a series was last observed."""

    series: Series
    ts: int


@dataclass(frozen=True, slots=True)
class Report:
    """What an answer cost to read: `bytes` are those of the files touched, at most.

    `is_narrowed`: for somebody who does not see everything, and whom files would tell of what is
    hidden in them.
    """

    engine: str = "none"
    files: int = 0
    bytes: int = 0
    rows: int = 0
    is_narrowed: bool = False

    def narrowed(self) -> "Report":
        """The report for somebody who does not see everything."""
        return replace(self, is_narrowed=True)

    @property
    def header(self) -> str:
        """The value of the header `City-Read`."""
        if self.is_narrowed:
            return f"rows={self.rows}"
        return f"engine={self.engine}; files={self.files}; bytes={self.bytes}; rows={self.rows}"


T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Answer(Generic[T_co]):
    """The rows of a query, what reading them cost, and how many there are if it asked."""

    rows: Sequence[T_co]
    report: Report = field(default_factory=Report)
    total: int | None = None


class Deferred(CityError):
    """The answer takes longer than a request may; it will be at `/history/v1/queries/{id}`."""

    def __init__(self, id: str) -> None:
        super().__init__("the answer takes longer than a request may wait for; ask for it later")
        self.id = id

    @property
    def location(self) -> str:
        """The path where the answer will be."""
        return f"/history/v1/queries/{self.id}"
