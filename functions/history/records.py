"""What history keeps: one instance of an attribute, or the end of an attribute or entity.

Two records with the same `identity` are the same observation; the one with the greater `seq` wins.
With the same `seq` too they are the same record, written again by a retry.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal, NamedTuple

from city.json import Json
from city.keys import key
from city.tenancy import ServicePath

Op = Literal["set", "delete"]

TsSource = Literal[
    "observedAt",
    "TimeInstant",
    "timestamp",
    "dateObserved",
    "dateModified",
    "modifiedAt",
    "modified",
    "expires",
    "header",
    "received",
]
"""Which rule gave a record its time (`history.recording.observation`, `history.recording.notification`)."""

MILLISECOND = 1000
"""Microseconds; observation times are whole milliseconds."""


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """An entity of one tenant as history knows it."""

    type: str
    id: str
    path: ServicePath


class RecordIdentity(NamedTuple):
    """What makes two records the same observation; `ts` is microseconds."""

    series: Series
    attribute: str
    dataset: str
    ts: int


@dataclass(frozen=True, slots=True)
class Record:
    """One instance of an attribute. Times are microseconds UTC.

    `attribute` "" is the entity itself and goes with the op "delete": the entity ended.
    `ts`: when it was observed, whole milliseconds, by the rule `ts_source`. `modified`: when its
    source says that it was written. `ingested`: when this city accepted it; a retry has the same.
    `seq`: the greater one wins (from the stream the entity's version, else the arrival).
    `value`: exactly as it was submitted. `metadata`: by name, each `{"type", "value"}` and maybe
    `"metadata"` in the same form. `position`: longitude and latitude of the entity then, and
    `shape` its GeoJSON text when it is no point. `index`: the attribute's place in the entity.
    """

    series: Series
    attribute: str
    attribute_type: str
    ts: int
    ts_source: TsSource
    modified: int
    ingested: int
    seq: int
    op: Op
    value: Json
    metadata: Mapping[str, Json] = field(default_factory=dict)
    dataset: str = ""
    position: tuple[float, float] | None = None
    shape: str = ""
    index: int = 0

    @property
    def identity(self) -> RecordIdentity:
        """Of all records with this identity the one with the greatest `seq` counts."""
        return RecordIdentity(self.series, self.attribute, self.dataset, self.ts)


def instance_of(series: Series, attribute: str, dataset: str, ts: int) -> str:
    """The name of an attribute instance, 32 hex digits: the same whenever it is computed."""
    text = key(series.type, series.id, series.path, attribute, dataset, str(ts))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def whole_millisecond(moment: int) -> int:
    """A time in microseconds as observation times are kept."""
    return moment // MILLISECOND * MILLISECOND
