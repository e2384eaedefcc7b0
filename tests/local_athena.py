"""Athena on this machine for tests: the template's tables and work group over the S3 of the fake AWS."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import boto3
from botocore.exceptions import ClientError

from sandbox.athena import server
from sandbox.athena.engine import Storage
from tests.template import stack

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

REGION = "eu-west-1"
DATABASE = "city_history"
VALUES = {"AWS::StackName": "city", "AWS::AccountId": "123456789012", "HistoryDatabase": DATABASE}


def defined(kind: str, bucket: str) -> dict[str, Any]:
    """The properties of the template's resources of a type, for a bucket."""
    maximum = stack.source()["Parameters"]["HistoryMaxBytes"]["Default"]
    values = VALUES | {"HistoryBucket": bucket, "HistoryMaxBytes": maximum}
    return {
        name: _resolved(properties, values)
        for name, properties in stack.resources(stack.source(), kind).items()
    }


def _resolved(value: Any, values: Mapping[str, str]) -> Any:
    match value:
        case {"Ref": name}:
            return values[name]
        case {"Fn::Sub": text}:
            for name, replacement in values.items():
                text = text.replace(f"${{{name}}}", replacement)
            return text.replace("${!", "${")
        case dict():
            return {key: _resolved(item, values) for key, item in value.items()}
        case list():
            return [_resolved(item, values) for item in value]
    return value


class TemplateGlue:
    """The Glue catalog that the template defines; only what the engine asks of it."""

    def __init__(self, bucket: str) -> None:
        self._tables = {
            table["TableInput"]["Name"]: table["TableInput"]
            for table in defined("AWS::Glue::Table", bucket).values()
        }

    def get_table(self, DatabaseName: str, Name: str) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        if DatabaseName != DATABASE or Name not in self._tables:
            raise ClientError({"Error": {"Code": "EntityNotFoundException"}}, "GetTable")
        return {"Table": self._tables[Name]}


@dataclass
class LocalAthena:
    """An endpoint over one bucket: its address, and the work group that may be changed."""

    url: str
    workgroup: dict[str, Any]
    database: str = DATABASE

    @classmethod
    @contextmanager
    def over(cls, s3: "S3Client", bucket: str, endpoint: str) -> Iterator[Self]:
        """Serves the bucket's history; `endpoint` is where DuckDB reaches the same S3."""
        [properties] = defined("AWS::Athena::WorkGroup", bucket).values()
        workgroup = {
            "Name": properties["Name"],
            "State": "ENABLED",
            "Configuration": properties["WorkGroupConfiguration"],
        }
        glue: GlueClient = TemplateGlue(bucket)  # type: ignore[assignment]  # the one call there is
        storage = Storage(endpoint, REGION, "testing", "testing")
        with server.running(s3, glue, storage, lambda _name: workgroup) as url:
            yield cls(url, workgroup)

    @cached_property
    def client(self) -> "AthenaClient":
        """A client of the endpoint."""
        return boto3.client("athena", endpoint_url=self.url, region_name=REGION)

    def start(self, query: str, *parameters: str, **more: Any) -> str:
        """The id of a started query."""
        if parameters:
            more["ExecutionParameters"] = list(parameters)
        return self.client.start_query_execution(
            QueryString=query,
            WorkGroup=self.workgroup["Name"],
            QueryExecutionContext={"Database": self.database},
            ClientRequestToken=uuid4().hex,
            **more,
        )["QueryExecutionId"]

    def ended(self, id: str) -> Any:
        """The query's execution, once it has ended."""
        while True:
            execution = self.client.get_query_execution(QueryExecutionId=id)["QueryExecution"]
            if execution["Status"]["State"] in {"SUCCEEDED", "FAILED", "CANCELLED"}:
                return execution
            time.sleep(0.01)

    def rows(self, query: str, *parameters: str) -> list[tuple[str | None, ...]]:
        """The result of a query as text, with the names of the columns first. Fails with its reason."""
        execution = self.ended(self.start(query, *parameters))
        status = execution["Status"]
        assert status["State"] == "SUCCEEDED", status.get("StateChangeReason")
        pages = self.client.get_paginator("get_query_results").paginate(
            QueryExecutionId=execution["QueryExecutionId"]
        )
        return [
            tuple(cell.get("VarCharValue") for cell in row["Data"])
            for page in pages
            for row in page["ResultSet"]["Rows"]
        ]

    def reason(self, query: str, *parameters: str) -> str:
        """Why a query fails."""
        status = self.ended(self.start(query, *parameters))["Status"]
        assert status["State"] == "FAILED", status
        return str(status["StateChangeReason"])
