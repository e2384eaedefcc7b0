"""What a file of the history is to hold, and what was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from city.tenancy import EVERYWHERE, PathScope, Tenant
from history.queries import ALWAYS, Window
from history.records import Series

Format = Literal["parquet", "csv"]

Layout = Literal["rows", "long"]
"""`rows`: one line per entity and time, a column per attribute; `long`: one line per value."""

Visible = Mapping[Series, frozenset[str] | None]
"""The series that a file may hold, each with its attributes (None: all it has or will have)."""


@dataclass(frozen=True, slots=True)
class Order:
    """The part of a type's history that becomes one file; Parquet files are always long."""

    tenant: Tenant
    type: str
    window: Window = ALWAYS
    format: Format = "parquet"
    layout: Layout = "long"
    attributes: Sequence[str] | None = None
    ids: Sequence[str] | None = None
    scope: PathScope = EVERYWHERE


@dataclass(frozen=True, slots=True)
class Built:
    """A file in the bucket: its S3 key, the name it is downloaded by, its rows and bytes."""

    key: str
    name: str
    rows: int
    size: int
