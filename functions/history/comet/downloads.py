"""Raw values as a CSV file, with the columns of STH-Comet."""

from collections.abc import Iterable
from urllib.parse import quote

from city.clock import iso
from history.exports.cells import lines
from history.reading.queries import Instance

COLUMNS = ("attrName", "attrType", "attrValue", "recvTime")

_ATTR_CHARS = "!#$&+-.^_`|~"
"""What RFC 5987 leaves as it is besides letters and digits."""


def table(instances: Iterable[Instance]) -> str:
    """The file: a header, and a line (RFC 4180) for each instance."""
    found = ((one.attribute, one.attribute_type, one.value, iso(one.ts)) for one in instances)
    return lines([COLUMNS, *found])


def attachment(attribute: str, moment: int) -> str:
    """The header `Content-Disposition` of a file made at this moment (RFC 6266 and 5987)."""
    name = f"{attribute}-{moment // 1000}.csv"
    return f"attachment; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"
