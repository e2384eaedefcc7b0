"""Athena: every call that runs a query there. A query costs $5.00 per TB it scans, at least 10 MB."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from city.dynamodb import error_code
from city.errors import TooComplex, Unavailable
from history.reading.fragments import Parameter, Sql

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_athena.type_defs import RowTypeDef

MAX_TEXT = 262_144
"""Bytes of a query."""

MAX_PARAMETER = 1024
"""Characters of a parameter."""

State = Literal["running", "succeeded", "failed"]

_BUSY = frozenset({"TooManyRequestsException", "InternalServerException", "ThrottlingException"})
_STATES: dict[str, State] = {"SUCCEEDED": "succeeded", "FAILED": "failed", "CANCELLED": "failed"}
_WHOLE = frozenset({"bigint", "integer", "int", "smallint", "tinyint"})
_BROKEN = frozenset({"double", "float", "real", "decimal"})


@dataclass(frozen=True, slots=True)
class Execution:
    """How a query stands: `reason` says why it failed, `bytes` how much it has scanned."""

    state: State
    bytes: int = 0
    reason: str = ""


class Athena:
    """One workgroup and its database; safe for threads. Methods raise Unavailable."""

    def __init__(self, client: "AthenaClient", workgroup: str, database: str) -> None:
        self._client = client
        self._workgroup = workgroup
        self._database = database

    def start(self, query: Sql) -> str:
        """Begin a query; the id of its execution. Raises TooComplex when it is too long."""
        text, parameters = said(query)
        size = len(text.encode()) + sum(len(one.encode()) for one in parameters)
        if size > MAX_TEXT or any(len(one) > MAX_PARAMETER for one in parameters):
            raise TooComplex("the query names too many entities; narrow it by type or path instead")
        with translated():
            request: dict[str, Any] = {"ExecutionParameters": parameters} if parameters else {}
            answer = self._client.start_query_execution(
                QueryString=text,
                WorkGroup=self._workgroup,
                QueryExecutionContext={"Database": self._database},
                **request,
            )
        return answer["QueryExecutionId"]

    def execution(self, id: str) -> Execution:
        """How a query stands."""
        with translated():
            found = self._client.get_query_execution(QueryExecutionId=id)["QueryExecution"]
        status = found.get("Status", {})
        return Execution(
            _STATES.get(status.get("State", ""), "running"),
            found.get("Statistics", {}).get("DataScannedInBytes", 0),
            status.get("StateChangeReason", ""),
        )

    def rows(self, id: str) -> list[tuple[Any, ...]]:
        """The result of a query that succeeded; 1,000 rows a call."""
        found: list[tuple[Any, ...]] = []
        is_first = True
        with translated():
            pages = self._client.get_paginator("get_query_results")
            for page in pages.paginate(QueryExecutionId=id):
                result = page["ResultSet"]
                columns = result.get("ResultSetMetadata", {}).get("ColumnInfo", [])
                types = [column["Type"] for column in columns]
                rows = result.get("Rows", [])[1 if is_first else 0 :]  # names come first
                found += [_values(types, row) for row in rows]
                is_first = False
        return found


def said(query: Sql) -> tuple[str, list[str]]:
    """The text of a query for Athena and its parameters.

    Athena promises to take parameters in conditions only, which is where texts are. Numbers and
    times are also elsewhere, as in LIMIT, and stand in the text: they cannot say anything else.
    """
    between = query.text.split("?")
    values = [constant(value) for value in query.parameters]
    texts = [isinstance(value, str) for value in query.parameters]
    marks = ["?" if is_text else value for is_text, value in zip(texts, values, strict=True)]
    pieces = [piece for pair in zip(between, [*marks, ""], strict=True) for piece in pair]
    return "".join(pieces), [value for is_text, value in zip(texts, values, strict=True) if is_text]


def constant(value: Parameter) -> str:
    """A parameter as Athena takes it: the text of a constant of SQL."""
    match value:
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            return f"TIMESTAMP '{value:%Y-%m-%d %H:%M:%S.%f}'"
        case int() | float():
            return repr(value)
        case _:
            raise TypeError("lists are for DuckDB only")


def _values(types: Sequence[str], row: "RowTypeDef") -> tuple[Any, ...]:
    cells = row.get("Data", [])
    return tuple(
        _value(type, cell.get("VarCharValue")) for type, cell in zip(types, cells, strict=True)
    )


def _value(type: str, text: str | None) -> str | int | float | bool | None:
    if text is None:
        return None
    if type in _WHOLE:
        return int(text)
    if type in _BROKEN or type.startswith("decimal"):
        return float(text)
    return text == "true" if type == "boolean" else text


@contextmanager
def translated() -> Iterator[None]:
    """Turn Athena's refusals into Unavailable; the rest passes through."""
    from botocore import exceptions  # noqa: PLC0415 - only functions that call AWS pay for it

    try:
        yield
    except exceptions.ClientError as error:
        if error_code(error) in _BUSY:
            raise Unavailable("too many large queries run at once; try again") from error
        raise
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise Unavailable("the query service does not answer; try again") from error
