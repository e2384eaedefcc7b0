"""What a function calls, as IAM actions on resources of the template, and what its role grants."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from city import aws
from tests.template.stack import referred, resources, translated

Grant = tuple[str, str]
"""An IAM action and the logical id of the resource it is for."""

STATEMENT_ACTIONS = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
}

FOR_EVERYBODY = {"InitiateAuth", "RespondToAuthChallenge", "RevokeToken"}
"""What Cognito answers without credentials of AWS; no role can or need allow it."""

SERVICES: tuple[Any, ...] = ("dynamodb", "sqs", "cognito-idp", "s3", "athena")
"""What functions call."""

OBJECT_ACTIONS = {
    "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "DeleteObjects": "s3:DeleteObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
}
"""The IAM actions of operations of S3 that have other names."""

ATHENA = "HistoryWorkGroup"
"""The one workgroup, which not every request names."""

MADE_BY_ATHENA = {
    "glue:GetDatabase",
    "glue:GetPartitions",
    "glue:GetTable",
    "s3:AbortMultipartUpload",
    "s3:GetBucketLocation",
    "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts",
}
"""What Athena does in the name of those who query."""

MADE_BY_LAMBDA = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
}
"""What the Lambda service does in the function's name: logging, and reading its event sources."""


def granted(role: str) -> set[Grant]:
    """What a role allows the function's own code."""
    policies = resources(translated(), "AWS::IAM::Role")[role]["Policies"]
    statements = [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]
    return {
        (action, _named(resource))
        for statement in statements
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
        if action not in MADE_BY_LAMBDA | MADE_BY_ATHENA
    }


def _named(resource: Any) -> str:
    """The resource of the template that a statement is about, or is about a part of."""
    if isinstance(resource, dict) and "Fn::Sub" in resource:
        [name] = re.findall(r"\$\{(\w+)(?:\.Arn)?\}", resource["Fn::Sub"])
        return str(name)
    return referred(resource)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions(operation: str, request: dict[str, Any]) -> set[str]:
    """The IAM actions that an operation of DynamoDB, SQS, S3 or Cognito needs."""
    if operation == "TransactWriteItems":
        kinds = {kind for statement in request["TransactItems"] for kind in statement}
        return {STATEMENT_ACTIONS[kind] for kind in kinds}
    if "QueueUrl" in request:
        return {f"sqs:{operation.removesuffix('Batch')}"}
    if "Bucket" in request:
        return {OBJECT_ACTIONS.get(operation, f"s3:{operation}")}
    if "UserPoolId" in request:
        return {f"cognito-idp:{operation}"}
    return {f"dynamodb:{operation}"}


@contextmanager
def recorded(named: dict[str, str]) -> Iterator[set[Grant]]:
    """Collect what is called meanwhile.

    `named` has table names, queue URLs, buckets and user pools by logical id.
    """
    calls: set[Grant] = set()

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name in FOR_EVERYBODY:
            return
        if model.service_model.service_name == "athena":
            calls.add((f"athena:{model.name}", ATHENA))
            return
        text = json.dumps(params, default=str)
        targets = [logical for logical, name in named.items() if json.dumps(name) in text]
        assert len(targets) == 1, f"{model.name} on unknown resources: {text}"
        calls.update((action, targets[0]) for action in actions(model.name, params))

    events = [aws.client(service).meta.events for service in SERVICES]
    for event in events:
        event.register("provide-client-params", note)
    try:
        yield calls
    finally:
        for event in events:
            event.unregister("provide-client-params", note)
