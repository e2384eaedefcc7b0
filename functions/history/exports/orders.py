"""What a file of the history is to hold, and what was made."""

from dataclasses import dataclass
from typing import Literal

from history.queries import ALWAYS, Window
from history.selection import Selection

Format = Literal["parquet", "csv"]

Layout = Literal["rows", "long"]
"""`rows`: one line per entity and time, a column per attribute; `long`: one line per value."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds: what is selected, of one type, in a window. Parquet is always long."""

    selection: Selection
    type: str
    window: Window = ALWAYS
    format: Format = "parquet"
    layout: Layout = "long"


@dataclass(frozen=True, slots=True)
class Built:
    """A file in the bucket: its S3 key, its rows and bytes."""

    key: str
    rows: int
    size: int
