"""The queries that were started: their states, statistics and results."""

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import ClientError

from sandbox.athena import results, statements
from sandbox.athena.engine import Outcome, Run
from sandbox.athena.failures import InvalidRequest, LimitExceeded, QueryFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

AT_ONCE = 2
"""Queries that run at the same time; others are QUEUED."""

KEPT = 1000
"""Executions that are remembered; Athena keeps those of 45 days."""

MAX_RESULTS = 1000
FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
LIMIT_REASON = "Query cancelled! : Bytes scanned limit was exceeded"

Json = dict[str, Any]


@dataclass
class Execution:
    """One query that was started; `described` is how GetQueryExecution shows it."""

    id: str
    text: str
    parameters: list[str]
    database: str
    workgroup: str
    location: str
    limit: int | None
    run: Run
    submitted: float = field(default_factory=time.time)
    state: str = "QUEUED"
    reason: str = ""
    category: int = 0
    kind: str = "SELECT"
    completed: float | None = None
    queued: int = 0
    engine: int = 0
    scanned: int = 0
    manifest: str = ""

    @property
    def output(self) -> str:
        """Where the result is: a CSV, or the place an UNLOAD was told."""
        return f"{self.location.rstrip('/')}/{self.id}.csv"

    def described(self) -> Json:
        """The QueryExecution."""
        status: Json = {"State": self.state, "SubmissionDateTime": self.submitted}
        if self.completed is not None:
            status["CompletionDateTime"] = self.completed
        if self.reason:
            status["StateChangeReason"] = self.reason
        if self.state == "FAILED":
            status["AthenaError"] = {
                "ErrorCategory": self.category,
                "ErrorType": 1000 * self.category,
                "Retryable": False,
                "ErrorMessage": self.reason,
            }
        return {
            "QueryExecutionId": self.id,
            "Query": self.text,
            "StatementType": "DML",
            "SubstatementType": self.kind,
            "ResultConfiguration": {"OutputLocation": self.output},
            "QueryExecutionContext": {"Database": self.database, "Catalog": "awsdatacatalog"},
            "Status": status,
            "Statistics": self._statistics(),
            "WorkGroup": self.workgroup,
            "EngineVersion": {
                "SelectedEngineVersion": "AUTO",
                "EffectiveEngineVersion": "Athena engine version 3",
            },
            **({"ExecutionParameters": self.parameters} if self.parameters else {}),
        }

    def _statistics(self) -> Json:
        statistics: Json = {
            "EngineExecutionTimeInMillis": self.engine,
            "DataScannedInBytes": self.scanned,
            "TotalExecutionTimeInMillis": self.queued + self.engine,
            "QueryQueueTimeInMillis": self.queued,
            "ServiceProcessingTimeInMillis": 0,
            "ResultReuseInformation": {"ReusedPreviousResult": False},
        }
        if self.manifest:
            statistics["DataManifestLocation"] = self.manifest
        return statistics


class Executions:
    """Starts queries in threads and says what became of them.

    `workgroup` gives a work group as GetWorkGroup has it; `new_run` makes what runs one query.
    """

    def __init__(
        self,
        s3: "S3Client",
        workgroup: Callable[[str], Mapping[str, Any]],
        new_run: Callable[[], Run],
    ) -> None:
        self._s3 = s3
        self._workgroup = workgroup
        self._new_run = new_run
        self._executions: OrderedDict[str, Execution] = OrderedDict()
        self._tokens: dict[str, tuple[Json, str]] = {}
        self._starting = threading.Lock()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="athena")

    def close(self) -> None:
        """Cancel what runs, and wait for it."""
        for execution in list(self._executions.values()):
            execution.run.cancel()
        self._pool.shutdown(cancel_futures=True)

    def start(self, request: Json) -> str:
        """The id of the new query; of the old one when the request's token was used before."""
        token = request.get("ClientRequestToken")
        with self._starting:
            if token is None:
                return self._start(request)
            before, known = self._tokens.get(token, (request, ""))
            if before != request:
                raise InvalidRequest("Idempotent parameters do not match")
            self._tokens[token] = request, known or self._start(request)
            return self._tokens[token][1]

    def _start(self, request: Json) -> str:
        name = request.get("WorkGroup", "primary")
        configuration = self._configuration(name)
        execution = Execution(
            id=str(uuid4()),
            text=_required(request, "QueryString"),
            parameters=request.get("ExecutionParameters", []),
            database=request.get("QueryExecutionContext", {}).get("Database", "default").lower(),
            workgroup=name,
            location=_location(request, configuration),
            limit=_whole(configuration.get("BytesScannedCutoffPerQuery")),
            run=self._new_run(),
        )
        self._executions[execution.id] = execution
        while len(self._executions) > KEPT:
            self._executions.popitem(last=False)
        self._pool.submit(self._complete, execution)
        return execution.id

    def _configuration(self, workgroup: str) -> Mapping[str, Any]:
        try:
            configuration: Mapping[str, Any] = self._workgroup(workgroup).get("Configuration", {})
        except ClientError as error:
            raise InvalidRequest("WorkGroup is not found.") from error
        return configuration

    def get(self, id: str) -> Execution:
        """Raises InvalidRequest for an id that was not started here."""
        try:
            return self._executions[id]
        except KeyError:
            raise InvalidRequest(f"QueryExecution {id} was not found") from None

    def ids(self, workgroup: str) -> list[str]:
        """The queries of a work group, newest first."""
        return [
            execution.id
            for execution in reversed(self._executions.values())
            if execution.workgroup == workgroup
        ]

    def stop(self, id: str) -> None:
        """Cancel the query, if it still runs."""
        execution = self.get(id)
        if execution.state not in FINAL:
            self._end(execution, "CANCELLED", "Query cancelled by user")
            execution.run.cancel()

    def page(self, request: Json) -> Json:
        """GetQueryResults: the rows of a page as text, a header before the first, and the columns."""
        execution = self.get(_required(request, "QueryExecutionId"))
        if execution.state != "SUCCEEDED":
            raise InvalidRequest(
                f"Query has not yet finished. Current state: {execution.state}"
                if execution.state not in FINAL
                else f"Query did not finish successfully. Final query state: {execution.state}",
                "INVALID_QUERY_EXECUTION_STATE",
            )
        size = request.get("MaxResults", MAX_RESULTS)
        if not 1 <= size <= MAX_RESULTS:
            raise InvalidRequest(f"MaxResults is from 1 to {MAX_RESULTS}")
        start = int(request.get("NextToken", "0"))
        fields = results.read_metadata(self._read(f"{execution.output}.metadata"))
        rows = list(results.read_csv(self._read(execution.output).decode())) if fields else []
        more = {"NextToken": str(start + size)} if start + size < len(rows) else {}
        return {
            "UpdateCount": 0,
            "ResultSet": {
                "Rows": [_row(row) for row in rows[start : start + size]],
                "ResultSetMetadata": {"ColumnInfo": [field.described() for field in fields]},
            },
            **more,
        }

    def _complete(self, execution: Execution) -> None:
        if execution.state in FINAL:
            return
        started = time.time()
        execution.queued = round((started - execution.submitted) * 1000)
        execution.state = "RUNNING"
        try:
            statement = statements.read(execution.text, execution.parameters)
            execution.kind = statement.kind
            outcome = execution.run(statement, execution.database, execution.limit)
            execution.scanned = outcome.scanned
            self._write(execution, outcome)
            self._end(execution, "SUCCEEDED")
        except LimitExceeded:
            execution.scanned = execution.limit or 0
            self._end(execution, "CANCELLED", LIMIT_REASON)
        except QueryFailed as failure:
            execution.category = failure.category
            self._end(execution, "FAILED", failure.reason)
        except Exception as error:
            execution.category = 1
            self._end(execution, "FAILED", f"GENERIC_INTERNAL_ERROR: {error}")
            raise
        finally:
            execution.engine = round((time.time() - started) * 1000)

    def _end(self, execution: Execution, state: str, reason: str = "") -> None:
        if execution.state not in FINAL:
            execution.completed, execution.reason = time.time(), reason
            execution.state = state

    def _write(self, execution: Execution, outcome: Outcome) -> None:
        if execution.kind == "UNLOAD":
            execution.manifest = f"{execution.output.removesuffix('.csv')}-manifest.csv"
            self._put(execution.manifest, "".join(f"{file}\n" for file in outcome.files).encode())
        else:
            self._put(execution.output, results.csv(outcome.fields, outcome.rows))
        self._put(f"{execution.output}.metadata", results.metadata(outcome.fields))

    def _put(self, uri: str, content: bytes) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self._s3.put_object(Bucket=bucket, Key=key, Body=content)

    def _read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        with contextlib.suppress(self._s3.exceptions.NoSuchKey):
            return self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        raise InvalidRequest(f"Could not find results at {uri}", "QUERY_RESULT_NOT_FOUND")


def _row(row: results.Row) -> Json:
    return {"Data": [{} if value is None else {"VarCharValue": value} for value in row]}


def _required(request: Json, name: str) -> str:
    value = request.get(name)
    if not (isinstance(value, str) and value):
        raise InvalidRequest(f"{name} is missing")
    return value


def _location(request: Json, configuration: Mapping[str, Any]) -> str:
    """Where results go: what the request says, unless the work group insists on its own."""
    own = configuration.get("ResultConfiguration", {}).get("OutputLocation")
    asked = request.get("ResultConfiguration", {}).get("OutputLocation")
    enforced = configuration.get("EnforceWorkGroupConfiguration", False)
    location = own if enforced else asked or own
    if not location:
        raise InvalidRequest("No output location provided. You did not provide an output location")
    return str(location)


def _whole(number: str | int | None) -> int | None:
    """A number of a template, which may have stayed text."""
    return None if number is None else int(number)
