"""What a file of the history is to hold, and what was made."""

import re
from dataclasses import dataclass
from typing import Any, Literal, cast

from city.clock import from_iso, iso
from city.json import Json, parse
from city.tenancy import EVERYWHERE, PathScope, Tenant
from history.reading.queries import ALWAYS, Choice, Window
from history.reading.selection import Selection

Format = Literal["parquet", "csv"]

Layout = Literal["rows", "long"]
"""`rows`: one line per entity and time, a column per attribute; `long`: one line per value."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_WHOLE_DAY = "T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Order:
    """The part of a type's history that becomes one file; None is no condition."""

    tenant: Tenant
    type: str
    window: Window = ALWAYS
    format: Format = "parquet"
    layout: Layout = "long"
    ids: tuple[str, ...] | None = None
    attributes: tuple[str, ...] | None = None
    scope: PathScope = EVERYWHERE

    @property
    def choice(self) -> Choice:
        """What is chosen, before anybody's grants narrow it."""
        return Choice(
            self.tenant,
            types=(self.type,),
            ids=self.ids,
            scope=self.scope,
            attributes=self.attributes,
            datasets=None,
        )

    @property
    def file_name(self) -> str:
        """What the file is called when it is downloaded: its type and its window."""
        times = [self.window.start, self.window.end]
        named = [_UNSAFE.sub("-", self.type).strip("-") or "history"]
        named += [_short(moment) for moment in times if moment is not None]
        return f"{'_'.join(named)}.{self.format}"

    def shown(self) -> dict[str, Json]:
        """The order as answers repeat it."""
        start, end = self.window.start, self.window.end
        return {
            "type": self.type,
            "from": None if start is None else iso(start),
            "to": None if end is None else iso(end),
            "format": self.format,
            "layout": self.layout,
            "ids": None if self.ids is None else [*self.ids],
            "attributes": None if self.attributes is None else [*self.attributes],
        }


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds: what is selected, of one type, in a window. Parquet is always long."""

    selection: Selection
    type: str
    window: Window = ALWAYS
    format: Format = "parquet"
    layout: Layout = "long"


def parse_contents(order: str, selection: Selection) -> Contents:
    """What the file of an order holds; `order` is the JSON of `Order.shown`."""
    shown = cast("dict[str, Any]", parse(order))
    start, end = (
        None if moment is None else from_iso(moment) for moment in (shown["from"], shown["to"])
    )
    return Contents(selection, shown["type"], Window(start, end), shown["format"], shown["layout"])


@dataclass(frozen=True, slots=True)
class Built:
    """A file in the bucket: its S3 key, its rows, its bytes and their SHA-256 in hex."""

    key: str
    rows: int
    size: int
    sha256: str


def _short(moment: int) -> str:
    """A time in a file's name: of whole days the date only."""
    return iso(moment).removesuffix(_WHOLE_DAY).replace(":", "")
