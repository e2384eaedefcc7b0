"""The pieces of an export as one file: Parquet, or CSV in one of two layouts.

CSV is UTF-8 with a header, commas, lines that end in LF, times in ISO 8601 (UTC, milliseconds). What
could be a formula to a spreadsheet gets an apostrophe (`cells`); Parquet has every value exactly.

- `long`: a line per value; `value` is it as text, `kind` what it was.
- `rows`: a line per entity and time; a column per attribute, in alphabetical order, empty where
  the attribute was not observed then. Values with a datasetId have no place in it.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING

from history.exports.cells import DECIMAL, harmless
from history.exports.orders import Contents, Layout
from history.exports.statements import COLUMNS
from history.recording.parquet import ROW_GROUP

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LONG = (
    "entity_id",
    "entity_type",
    "service_path",
    "attr",
    "dataset_id",
    "attr_type",
    "ts",
    "kind",
    "value",
    "lat",
    "lon",
    "unit_code",
)
"""The columns of the layout `long`."""

KEYS = ("entity_id", "entity_type", "service_path", "ts")
"""The first columns of the layout `rows`."""

_PARQUET = f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "1500MB",
    "threads": 2,
    "autoinstall_known_extensions": False,
}
_CSV = "(FORMAT csv, HEADER false)"

_TYPES = {
    "ts": "TIMESTAMP",
    "modified_at": "TIMESTAMP",
    "v_ts": "TIMESTAMP",
    "v_num": "DOUBLE",
    "v_bool": "BOOLEAN",
    "lat": "DOUBLE",
    "lon": "DOUBLE",
}

_TIME = "strftime(ts, '%Y-%m-%dT%H:%M:%S.%gZ')"


def _guarded(column: str) -> str:
    """A column of texts as cells; the same rule as `cells.harmless`."""
    return (
        f"CASE WHEN regexp_matches({column}, '^[=+\\-@\\t\\r\\n]') "
        f"AND NOT regexp_full_match({column}, '{DECIMAL}') "
        f"THEN '''' || {column} ELSE {column} END"
    )


_VALUE = f"""CASE kind
    WHEN 'integer' THEN coalesce(v_json, CAST(CAST(v_num AS HUGEINT) AS VARCHAR))
    WHEN 'number' THEN CAST(v_num AS VARCHAR)
    WHEN 'boolean' THEN CAST(v_bool AS VARCHAR)
    WHEN 'string' THEN {_guarded("v_str")}
    WHEN 'json' THEN v_json
END"""

_LONG = f"""
SELECT {_guarded("entity_id")}, {_guarded("entity_type")}, service_path, {_guarded("attr")},
    {_guarded("dataset_id")}, {_guarded("attr_type")}, {_TIME}, kind, {_VALUE}, lat, lon,
    {_guarded("unit_code")}
FROM pieces"""  # noqa: S608 - constants only

_ROWS = f"""
SELECT {_guarded("entity_id")}, {_guarded("entity_type")}, service_path, {_TIME}{{columns}}
FROM (
    SELECT entity_id, entity_type, service_path, ts{{values}}
    FROM pieces WHERE dataset_id = '' GROUP BY ALL
) ORDER BY entity_id, service_path, ts"""  # noqa: S608


def write(contents: Contents, pieces: Sequence[Path], path: Path) -> None:
    """One file of the pieces, in their order."""
    import duckdb  # noqa: PLC0415 - only who builds files pays for it

    config = {**_CONFIG, "temp_directory": str(path.parent / "spill")}
    with duckdb.connect(config=config) as connection:
        if contents.format == "parquet":
            _open(connection, pieces)
            connection.execute(f"COPY pieces TO '{path}' {_PARQUET}")
        else:
            _write_csv(connection, contents.layout, pieces, path)


def _write_csv(
    connection: "DuckDBPyConnection", layout: Layout, pieces: Sequence[Path], path: Path
) -> None:
    """Piece by piece: no line has values of two days, so memory is bounded by a day."""
    _open(connection, pieces)
    names = _attributes(connection) if layout == "rows" else []
    header = (*KEYS, *headings(names)) if layout == "rows" else LONG
    query = _rows(names) if layout == "rows" else _LONG
    body = path.with_suffix(".part")
    with path.open("w+b") as file:
        # DuckDB takes names that differ in their case for the same, and would change one
        file.write((_line(header)).encode())
        for piece in pieces:
            _open(connection, [piece])
            connection.execute(f"COPY ({query}) TO '{body}' {_CSV}")
            with body.open("rb") as part:
                copyfileobj(part, file)
            body.unlink()


def _open(connection: "DuckDBPyConnection", pieces: Sequence[Path]) -> None:
    """Make the pieces the view `pieces`; it has all columns even if there is no piece."""
    if pieces:
        files = ", ".join(f"'{piece}'" for piece in pieces)
        source = f"SELECT * FROM read_parquet([{files}])"  # noqa: S608 - paths of our own
    else:
        columns = (f"CAST(NULL AS {_TYPES.get(name, 'VARCHAR')}) AS {name}" for name in COLUMNS)
        source = f"SELECT {', '.join(columns)} WHERE false"
    connection.execute(f"CREATE OR REPLACE VIEW pieces AS {source}")


def _attributes(connection: "DuckDBPyConnection") -> list[str]:
    found = connection.execute(
        "SELECT DISTINCT attr FROM pieces WHERE dataset_id = '' ORDER BY attr"
    ).fetchall()
    return [name for (name,) in found]


def _rows(names: Sequence[str]) -> str:
    values = "".join(
        f",\n        max({_VALUE}) FILTER (attr = {_literal(name)}) AS c{at}"
        for at, name in enumerate(names)
    )
    columns = "".join(f", c{at}" for at in range(len(names)))
    return _ROWS.format(columns=columns, values=values)


def headings(attributes: Iterable[str]) -> list[str]:
    """The columns of attributes; one that is called like a key is `attr.` and its name."""
    return [harmless(f"attr.{name}" if name in KEYS else name) for name in attributes]


def _literal(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'"


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
