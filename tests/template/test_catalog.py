"""The tables that analysts query have the columns that the history writes."""

from datetime import date
from typing import Any

import pytest

from city.tenancy import Tenant
from history import names
from history.keeping import rollups
from history.recording import parquet
from tests.template import stack

ATHENA = {
    "VARCHAR": "string",
    "DOUBLE": "double",
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    "SMALLINT": "smallint",
    "TIMESTAMP": "timestamp",
}
"""Hive's name of each type of DuckDB's that a file of the history has."""


def table(resource: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.source()["Resources"][resource]["Properties"]["TableInput"]
    return found


def columns(resource: str) -> list[tuple[str, str]]:
    storage = table(resource)["StorageDescriptor"]
    return [(column["Name"], column["Type"]) for column in storage["Columns"]]


def test_history_has_the_columns_of_its_files() -> None:
    assert columns("HistoryRecordsTable") == [
        (column.name, column.athena) for column in parquet.COLUMNS
    ]


def test_types_for_athena_are_those_of_the_files() -> None:
    assert all(column.athena == ATHENA[column.type] for column in parquet.COLUMNS)


def test_hourly_history_has_the_columns_of_rollups() -> None:
    assert columns("HistoryHourlyTable") == [
        (name, ATHENA[kind]) for name, kind in rollups.COLUMNS.items()
    ]


def test_tables_differ_in_columns_and_place_only() -> None:
    one, other = table("HistoryRecordsTable"), table("HistoryHourlyTable")
    for name in ("PartitionKeys", "TableType"):
        assert one[name] == other[name]
    kept = [
        {
            key: value
            for key, value in found["Parameters"].items()
            if key != "storage.location.template"
        }
        for found in (one, other)
    ]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    ("resource", "letter"), [("HistoryRecordsTable", "d"), ("HistoryHourlyTable", "h")]
)
def test_projection_leads_to_the_files_of_a_day(resource: str, letter: str) -> None:
    template = table(resource)["Parameters"]["storage.location.template"]["Fn::Sub"]
    for name, value in {"${!service}": "a~2F", "${!type}": "Room", "${!dt}": "2026-03-01"}.items():
        template = template.replace(name, value)
    key = names.day_key(Tenant("a/"), "Room", date(2026, 3, 1), f"{letter}-1")
    assert key.rpartition("/")[0] == template.removeprefix("s3://${HistoryBucket}/")
