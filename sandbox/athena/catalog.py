"""Tables as the Glue catalog defines them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sandbox.athena.failures import QueryFailed

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

DUCKDB_TYPES = {
    "string": "VARCHAR",
    "double": "DOUBLE",
    "float": "REAL",
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
}
"""DuckDB's name of each Hive type that a table here may use."""

PARQUET = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"


@dataclass(frozen=True, slots=True)
class Column:
    """A column with its Hive type."""

    name: str
    hive_type: str

    @property
    def duckdb_type(self) -> str:
        return DUCKDB_TYPES[self.hive_type]


@dataclass(frozen=True)
class Table:
    """A table of Parquet files: its columns, its partition columns, and where its partitions are."""

    database: str
    name: str
    columns: Sequence[Column]
    partitions: Sequence[Column]
    location: str
    parameters: Mapping[str, str]

    @cached_property
    def template(self) -> str:
        """Where a partition's files are, with `${column}` for its values; ends in a slash."""
        hive = "/".join(f"{column.name}=${{{column.name}}}" for column in self.partitions)
        default = f"{self.location.rstrip('/')}/{hive}"
        return self.parameters.get("storage.location.template", default).rstrip("/") + "/"

    @cached_property
    def path_pattern(self) -> str:
        """A regular expression for the files of any partition; its groups are the partition's values."""
        parts = re.split(r"\$\{\w+\}", self.template)
        return "^" + "([^/]*)".join(re.escape(part) for part in parts) + "[^/]+$"

    @cached_property
    def placeholders(self) -> list[str]:
        """The partition columns in the order in which the template names them."""
        return re.findall(r"\$\{(\w+)\}", self.template)

    @property
    def schema(self) -> dict[str, str]:
        """DuckDB's types by column, as a query sees the table."""
        return {column.name: column.duckdb_type for column in [*self.columns, *self.partitions]}

    def projection(self, column: str, name: str) -> str | None:
        """A property of the column's partition projection."""
        return self.parameters.get(f"projection.{column}.{name}")


class Catalog:
    """The Glue catalog of the embedded AWS."""

    def __init__(self, glue: "GlueClient") -> None:
        self._glue = glue

    def table(self, database: str, name: str) -> Table:
        """Raises QueryFailed when there is no such table, or none that this engine reads."""
        try:
            found: Any = self._glue.get_table(DatabaseName=database, Name=name)["Table"]
        except ClientError as error:
            message = f"line 1:1: Table 'awsdatacatalog.{database}.{name}' does not exist"
            raise QueryFailed("TABLE_NOT_FOUND", message) from error
        storage = found["StorageDescriptor"]
        if storage.get("InputFormat") != PARQUET:
            raise QueryFailed("NOT_SUPPORTED", f"Table {name} is not of Parquet files")
        if found.get("Parameters", {}).get("projection.enabled") != "true":
            raise QueryFailed("NOT_SUPPORTED", f"Table {name} has no partition projection")
        return Table(
            database=database,
            name=name,
            columns=_columns(storage["Columns"]),
            partitions=_columns(found.get("PartitionKeys", [])),
            location=storage["Location"],
            parameters=found["Parameters"],
        )


def _columns(defined: Sequence[Mapping[str, str]]) -> list[Column]:
    columns = [Column(column["Name"], column["Type"]) for column in defined]
    for column in columns:
        if column.hive_type not in DUCKDB_TYPES:
            raise QueryFailed("NOT_SUPPORTED", f"Column {column.name} is {column.hive_type}")
    return columns
