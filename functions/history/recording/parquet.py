"""Records as Parquet: one row for each attribute instance, and its value back from a row.

Each value fills the one column of its kind, so types never fight: a sensor that sends text instead
of a number adds a row like any other. `kind` says which column it is.

| kind | where the value is |
|---|---|
| integer | `v_num`; beyond 2^53 its digits are in `v_json` as well |
| number | `v_num` (it had a fraction or an exponent: 21.0 is not 21) |
| boolean | `v_bool` |
| string | `v_str`; of type DateTime also `v_ts` |
| json | `v_json` (objects and arrays) |
| null | nowhere |

Tenant and type are in the file's key only.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic_core import to_json

from city.dates import parse_date
from city.json import Json, dump, parse
from history.records import Record

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Kind = Literal["integer", "number", "string", "boolean", "null", "json"]

ROW_GROUP = 122_880
"""Rows of a row group: the least that a reader can skip."""

MAX_EXACT = 2**53
"""Integers up to here are exact in a double."""

MAX_INDEX = 32_767

DATE_TYPES = frozenset({"DateTime", "ISO8601"})
"""Attribute types whose texts are dates."""


class Column(NamedTuple):
    """A column: its name, DuckDB's type and Athena's."""

    name: str
    type: str
    athena: str


COLUMNS = (
    Column("entity_id", "VARCHAR", "string"),
    Column("service_path", "VARCHAR", "string"),
    Column("attr", "VARCHAR", "string"),
    Column("dataset_id", "VARCHAR", "string"),
    Column("attr_type", "VARCHAR", "string"),
    Column("ts", "TIMESTAMP", "timestamp"),
    Column("ts_source", "VARCHAR", "string"),
    Column("modified_at", "TIMESTAMP", "timestamp"),
    Column("ingested_at", "TIMESTAMP", "timestamp"),
    Column("seq", "BIGINT", "bigint"),
    Column("instance_id", "VARCHAR", "string"),
    Column("op", "VARCHAR", "string"),
    Column("kind", "VARCHAR", "string"),
    Column("v_num", "DOUBLE", "double"),
    Column("v_bool", "BOOLEAN", "boolean"),
    Column("v_str", "VARCHAR", "string"),
    Column("v_ts", "TIMESTAMP", "timestamp"),
    Column("v_json", "VARCHAR", "string"),
    Column("lat", "DOUBLE", "double"),
    Column("lon", "DOUBLE", "double"),
    Column("geo", "VARCHAR", "string"),
    Column("unit_code", "VARCHAR", "string"),
    Column("meta_json", "VARCHAR", "string"),
    Column("idx", "SMALLINT", "smallint"),
)
"""The columns of a history file, in order. `instance_id` is null when `records.instance_of` tells
it; `dataset_id` "" is NGSI-LD's default instance; `meta_json` and `geo` are null when empty."""

ORDER = ("entity_id", "service_path", "attr", "dataset_id", "ts", "seq")
"""How the rows of a file are sorted."""


def parquet_of(records: Sequence[Record]) -> bytes:
    """One Parquet file of records, sorted; the same records give the same bytes."""
    with TemporaryDirectory(prefix="history-") as place:
        rows, file = Path(place, "rows.json"), Path(place, "file.parquet")
        rows.write_bytes(to_json([_row_of(record) for record in records]))
        _connection().cursor().execute(_copy(rows, file))
        return file.read_bytes()


def value_of(
    kind: str, v_num: float | None, v_bool: bool | None, v_str: str | None, v_json: str | None
) -> Json:
    """The value of a row exactly as it was submitted."""
    match kind:
        case "integer":
            return parse(v_json) if v_json is not None else int(v_num or 0)
        case "number":
            return v_num
        case "boolean":
            return v_bool
        case "string":
            return v_str
        case "json":
            return parse(v_json or "null")
        case _:
            return None


def kind_of(value: Json) -> Kind:
    """The kind of a value; booleans are no integers, and 21.0 is a number, not an integer."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case _:
            return "json"


@cache
def _connection() -> "DuckDBPyConnection":
    import duckdb  # noqa: PLC0415 - loads slowly, and reading rows needs none

    config: dict[str, Any] = {"threads": 1, "autoinstall_known_extensions": False}
    return duckdb.connect(":memory:", config=config)


def _copy(rows: Path, file: Path) -> str:
    given = ", ".join(f"{column.name}: '{_given_type(column)}'" for column in COLUMNS)
    taken = ", ".join(
        f"make_timestamp({name}) AS {name}" if type == "TIMESTAMP" else name
        for name, type, _ in COLUMNS
    )
    return (
        f"COPY (SELECT {taken} FROM read_json('{rows}', format='array', "  # noqa: S608 - our own paths
        f"maximum_object_size=67108864, columns={{{given}}}) ORDER BY {', '.join(ORDER)}) "
        f"TO '{file}' "
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}, WRITE_BLOOM_FILTER false)"
    )


def _given_type(column: Column) -> str:
    return "BIGINT" if column.type == "TIMESTAMP" else column.type


def _row_of(record: Record) -> dict[str, Json]:
    lon, lat = record.position or (None, None)
    unit = record.metadata.get("unitCode")
    return {
        "entity_id": record.series.id,
        "service_path": record.series.path,
        "attr": record.attribute,
        "dataset_id": record.dataset,
        "attr_type": record.attribute_type,
        "ts": record.ts,
        "ts_source": record.ts_source,
        "modified_at": record.modified,
        "ingested_at": record.ingested,
        "seq": record.seq,
        "op": record.op,
        **dict(_value_columns(record)),
        "lat": lat,
        "lon": lon,
        "geo": record.shape or None,
        "unit_code": _text(unit.get("value") if isinstance(unit, dict) else unit),
        "meta_json": dump(record.metadata) if record.metadata else None,
        "idx": min(record.index, MAX_INDEX),
    }


def _value_columns(record: Record) -> Iterator[tuple[str, Json]]:
    value = record.value
    yield "kind", kind_of(value)
    match value:
        case bool():
            yield "v_bool", value
        case int():
            yield from _integer_columns(value)
        case float():
            yield "v_num", value
        case str():
            yield "v_str", value
            if record.attribute_type in DATE_TYPES:
                yield "v_ts", _moment(value)
        case dict() | list():
            yield "v_json", dump(value)


def _integer_columns(value: int) -> Iterator[tuple[str, Json]]:
    if abs(value) > MAX_EXACT:
        yield "v_json", str(value)
    try:
        yield "v_num", float(value)
    except OverflowError:
        return


def _moment(text: str) -> int | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
