"""The one place where AWS clients are made: one session, one client per service, made on first use."""

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

MAX_CONNECTIONS = 32
"""At least the number of threads a batch uses, so that no thread waits for a connection."""


@cache
def _session() -> "Session":
    from boto3.session import Session  # noqa: PLC0415 - only functions that call AWS pay for it

    return Session()


@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["cognito-idp"]) -> "CognitoIdentityProviderClient": ...
@overload
def client(service: Literal["s3"]) -> "S3Client": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...
@overload
def client(service: Literal["athena"]) -> "AthenaClient": ...
@cache
def client(service: Any) -> Any:
    """The client of an AWS service, shared by everything in this process; safe for threads."""
    from botocore.config import Config  # noqa: PLC0415

    return _session().client(
        service,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 4},
            max_pool_connections=MAX_CONNECTIONS,
            connect_timeout=2,
            read_timeout=10,
            parameter_validation=False,
            # without these, links to objects have a signature that new buckets refuse, and go to an
            # address that does not lead to buckets in newer regions
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "virtual"} if service == "s3" else None,
        ),
    )
