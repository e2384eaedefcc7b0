"""Rows as Athena writes them: text by its rules, the CSV in S3, and the description of the columns."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sandbox.athena.failures import QueryFailed

NAMES = {
    "VARCHAR": "varchar",
    "DOUBLE": "double",
    "FLOAT": "float",
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "bigint",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
}
"""Athena's name of each of DuckDB's types that a result may have as it is."""

PRECISIONS = {"varchar": 2**31 - 1, "double": 17, "float": 17, "tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19, "timestamp": 3, "timestamp with time zone": 3}  # fmt: skip
CELL = re.compile(r'(?:"((?:[^"]|"")*)")?([,\n])')

Row = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a result, with Athena's name of its type."""

    name: str
    type: str

    def described(self) -> dict[str, Any]:
        """The ColumnInfo of GetQueryResults."""
        return {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": self.name,
            "Label": self.name,
            "Type": self.type,
            "Precision": PRECISIONS.get(self.type, 0),
            "Scale": 0,
            "Nullable": "UNKNOWN",
            "CaseSensitive": self.type == "varchar",
        }


def type_name(duckdb_type: str) -> str:
    """Athena's name of a type of a result."""
    if duckdb_type in NAMES:
        return NAMES[duckdb_type]
    if duckdb_type.startswith("DECIMAL"):
        return "decimal"
    return "array" if duckdb_type.endswith("]") else "varchar"


def text(value: Any) -> str | None:
    """One value as Athena writes it; None is null. Raises QueryFailed for what is of no type here."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return str(value)
        case float():
            return java_double(value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
        case date():
            return value.isoformat()
        case list():
            return f"[{', '.join('null' if item is None else str(text(item)) for item in value)}]"
    raise QueryFailed("NOT_SUPPORTED", f"A result cannot hold {type(value).__name__} here")


def java_double(value: float) -> str:
    """A double as Java writes it: 12.5, 1.0E7, NaN, Infinity."""
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN alone differs from itself
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        shown = repr(value)
        return shown if "e" not in shown else f"{Decimal(shown):f}"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    rest = "".join(map(str, digits[1:])) or "0"
    return f"{'-' * sign}{digits[0]}.{rest}E{exponent + len(digits) - 1}"


def csv(fields: Sequence[Field], rows: Sequence[Row]) -> bytes:
    """The result file: a header, every value in quotes, null as nothing."""
    lines = [[field.name for field in fields], *rows]
    return "".join(",".join(map(_cell, line)) + "\n" for line in lines).encode()


def _cell(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def read_csv(content: str) -> Iterator[list[str | None]]:
    """The rows of a result file, its header too; null and the empty text stay apart."""
    row: list[str | None] = []
    for found in CELL.finditer(content):
        row.append(None if found[1] is None else found[1].replace('""', '"'))
        if found[2] == "\n":
            yield row
            row = []


def metadata(fields: Sequence[Field]) -> bytes:
    """The file beside the result. Athena's is of a binary format of its own; this one is JSON."""
    return json.dumps([asdict(field) for field in fields]).encode()


def read_metadata(content: bytes) -> list[Field]:
    """The columns that `metadata` wrote down."""
    return [Field(**field) for field in json.loads(content)]
