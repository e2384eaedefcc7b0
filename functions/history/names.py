"""Names of objects in the history bucket: `area/v1/service=…/type=…/dt=…/name.parquet`.

A tenant or type in a key keeps its case and can be read back: letters, digits, `_`, `.` and `-`
stay, every other byte of its UTF-8 is `~XX`, and the empty text is `~`. Nothing in such a name
means anything to a URL, to Hive's layout or to a glob.

| name | object | area |
|---|---|---|
| `r-…` | raw: what one batch brought for one day | history |
| `c-…` | chunk: several raw files merged | history |
| `d-…` | a whole day | history |
| `h-…` | hourly rollup of a whole day | rollup |
| `m-…` | hourly rollup of a whole month | months |
"""

import re
import secrets
from datetime import date
from hashlib import blake2b

from city.keys import key
from city.tenancy import Tenant

VERSION = "v1"

_PLAIN = re.compile(rb"[A-Za-z0-9_.-]")
_ESCAPED = re.compile(r"~([0-9A-F]{2})")
_AREAS = {"r": "history", "c": "history", "d": "history", "h": "rollup", "m": "months"}
_EMPTY = "~"


def encode(text: str) -> str:
    """A tenant or type as a part of a key."""
    if not text:
        return _EMPTY
    return "".join(
        chr(byte) if _PLAIN.match(bytes((byte,))) else f"~{byte:02X}" for byte in text.encode()
    )


def decode(part: str) -> str:
    """What `encode` made of it."""
    if part == _EMPTY:
        return ""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), part).encode("latin-1").decode()


def raw_name(source: str, tenant: Tenant, type: str, day: date) -> str:
    """The name of a batch's file for one day: the same batch gives the same name."""
    text = key(source, tenant, type, day.isoformat())
    return f"r-{blake2b(text.encode(), digest_size=12).hexdigest()}"


def new_name(letter: str) -> str:
    """A name never used before for a merged file: `c` chunk, `d` day, `h` or `m` rollup."""
    return f"{letter}-{secrets.token_hex(12)}"


def day_key(tenant: Tenant, type: str, day: date, name: str) -> str:
    """The key of a file of one day."""
    return f"{partition(_AREAS[name[0]], tenant, type)}dt={day.isoformat()}/{name}.parquet"


def month_key(tenant: Tenant, type: str, month: str, name: str) -> str:
    """The key of the rollup of a month (`YYYY-MM`)."""
    return f"{partition(_AREAS[name[0]], tenant, type)}month={month}/{name}.parquet"


def partition(area: str, tenant: Tenant, type: str) -> str:
    """What all keys of a type in an area (history, rollup, months, exports) start with."""
    return f"{area}/{VERSION}/service={encode(tenant)}/type={encode(type)}/"


def name_of(object_key: str) -> str:
    """The file's name in its key."""
    return object_key.rpartition("/")[2].removesuffix(".parquet")
