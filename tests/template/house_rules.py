"""What every deployment of ours keeps to, as cfn-lint rules over the translated template.

They are for the template as the SAM transform leaves it: `tests.template.stack.translated`.
"""

import json
from collections.abc import Iterator
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

Match = Any
Path = list[str | int]

FUNCTION = "AWS::Lambda::Function"
EVENT_SOURCE = "AWS::Lambda::EventSourceMapping"
QUEUE = "AWS::SQS::Queue"
ALARM = "AWS::CloudWatch::Alarm"

WITHOUT_RESOURCES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
"""Granted actions for which IAM knows no resource, so that only `*` can be written."""

KEEPS_DATA = {"AWS::DynamoDB::Table", "AWS::Cognito::UserPool", "AWS::S3::Bucket"}

PHYSICAL_NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::S3::Bucket": "BucketName",
}


class HouseRule(CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint ships no types
    """A rule that yields (path, message) for every breach."""

    tags = ("house",)
    source_url = ""

    def match(self, cfn: Any) -> list[Match]:
        return [RuleMatch(path, message) for path, message in self.breaches(cfn)]

    def breaches(self, cfn: Any) -> Iterator[tuple[Path, str]]:
        raise NotImplementedError


class FunctionLogs(HouseRule):
    id = "E9001"
    shortdesc = "Every function has a log group of its own with a retention"
    description = shortdesc

    def breaches(self, cfn: Any) -> Iterator[tuple[Path, str]]:
        groups = cfn.get_resources("AWS::Logs::LogGroup")
        seen: set[str] = set()
        for name, function in cfn.get_resources(FUNCTION).items():
            group = _referred(function["Properties"].get("LoggingConfig", {}).get("LogGroup"))
            path: Path = ["Resources", name, "Properties"]
            if group not in groups or group in seen:
                yield path, f"{name} needs a log group of its own in LoggingConfig"
            seen.add(group)
        for name, group in groups.items():
            if "RetentionInDays" not in group.get("Properties", {}):
                yield ["Resources", name], f"{name} keeps its logs for ever"


class EventSourceFailures(HouseRule):
    id = "E9002"
    shortdesc = "Every event source reports partial failures and has a place for what fails"
    description = shortdesc

    def breaches(self, cfn: Any) -> Iterator[tuple[Path, str]]:
        queues = cfn.get_resources(QUEUE)
        for name, resource in cfn.get_resources(EVENT_SOURCE).items():
            properties = resource["Properties"]
            path: Path = ["Resources", name, "Properties"]
            if properties.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
                yield path, f"{name} makes a whole batch fail for one message"
            queue = queues.get(_referred(properties["EventSourceArn"]))
            if queue and "RedrivePolicy" not in queue["Properties"]:
                yield path, f"{name} reads a queue without a dead-letter queue"
            if not queue and not _bounded(properties):
                yield path, f"{name} needs bisection, a retry limit and a failure destination"


class ExplicitGrants(HouseRule):
    id = "E9003"
    shortdesc = "Permissions name actions and resources; there are no wildcards"
    description = shortdesc

    def breaches(self, cfn: Any) -> Iterator[tuple[Path, str]]:
        for name, statement in _statements(cfn):
            path: Path = ["Resources", name, "Properties"]
            actions = _listed(statement.get("Action"))
            if not actions or any("*" in action for action in actions):
                yield path, f"{name} grants unnamed actions: {actions}"
            if statement.get("Resource") == "*" and not WITHOUT_RESOURCES.issuperset(actions):
                yield path, f"{name} grants {actions} on everything"
        for name, role in cfn.get_resources("AWS::IAM::Role").items():
            if "arn:aws:iam::aws:policy" in json.dumps(role["Properties"]):
                yield ["Resources", name, "Properties"], f"{name} has a policy that AWS may widen"


class DataSurvives(HouseRule):
    id = "E9004"
    shortdesc = "What holds data is protected in prod and never lost by a replacement"
    description = shortdesc

    def breaches(self, cfn: Any) -> Iterator[tuple[Path, str]]:
        for kind in KEEPS_DATA:
            for name, resource in cfn.get_resources(kind).items():
                path: Path = ["Resources", name]
                if resource.get("UpdateReplacePolicy") != "Retain":
                    yield path, f"{name} loses its data when an update replaces it"
                if "Retain" not in json.dumps(resource.get("DeletionPolicy")):
                    yield path, f"{name} loses its data with the stack, in prod too"
                # S3 deletes no bucket that holds anything
                if kind != "AWS::S3::Bucket" and not {
                    "DeletionProtectionEnabled",
                    "DeletionProtection",
                } & set(resource["Properties"]):
                    yield path, f"{name} has no deletion protection"


class NoPhysicalNames(HouseRule):
    id = "E9005"
    shortdesc = "Names are left to CloudFormation, so one account can hold two stacks"
    description = shortdesc

    def breaches(self, cfn: Any) -> Iterator[tuple[Path, str]]:
        for kind, member in PHYSICAL_NAMES.items():
            for name, resource in cfn.get_resources(kind).items():
                if member in resource.get("Properties", {}):
                    yield ["Resources", name, "Properties", member], f"{name} fixes its {member}"


class QueueOutlastsFunction(HouseRule):
    id = "E9006"
    shortdesc = "A message stays hidden six times as long as the function that reads it may run"
    description = shortdesc

    def breaches(self, cfn: Any) -> Iterator[tuple[Path, str]]:
        queues, functions = cfn.get_resources(QUEUE), cfn.get_resources(FUNCTION)
        for resource in cfn.get_resources(EVENT_SOURCE).values():
            queue = _referred(resource["Properties"]["EventSourceArn"])
            if queue in queues:
                function = _referred(resource["Properties"]["FunctionName"])
                limit = functions[function]["Properties"]["Timeout"]
                if queues[queue]["Properties"].get("VisibilityTimeout", 30) < 6 * limit:
                    yield ["Resources", queue, "Properties"], f"{queue} repeats what still runs"


class DeadLettersAreSeen(HouseRule):
    id = "E9007"
    shortdesc = "Every dead-letter queue keeps messages for 14 days and has an alarm"
    description = shortdesc

    def breaches(self, cfn: Any) -> Iterator[tuple[Path, str]]:
        queues = cfn.get_resources(QUEUE)
        alarms = json.dumps([alarm["Properties"] for alarm in cfn.get_resources(ALARM).values()])
        for name in sorted(_failure_destinations(cfn)):
            path: Path = ["Resources", name, "Properties"]
            if queues[name].get("Properties", {}).get("MessageRetentionPeriod") != 1_209_600:
                yield path, f"{name} drops messages before the longest possible time"
            if f'["{name}", "QueueName"]' not in alarms:
                yield path, f"nobody is told when something arrives in {name}"


class OneRuntime(HouseRule):
    id = "E9008"
    shortdesc = "Every function and layer is for python3.13 on arm64"
    description = shortdesc

    def breaches(self, cfn: Any) -> Iterator[tuple[Path, str]]:
        for name, resource in cfn.get_resources(FUNCTION).items():
            properties = resource["Properties"]
            if (properties["Runtime"], properties["Architectures"]) != ("python3.13", ["arm64"]):
                yield ["Resources", name, "Properties"], f"{name} runs on something else"
        for name, resource in cfn.get_resources("AWS::Lambda::LayerVersion").items():
            properties = resource["Properties"]
            if properties.get("CompatibleRuntimes") != ["python3.13"]:
                yield ["Resources", name, "Properties"], f"{name} is for another runtime"


def _referred(value: Any) -> str:
    match value:
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return str(name)
    return ""


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _bounded(event_source: dict[str, Any]) -> bool:
    wanted = {"BisectBatchOnFunctionError", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds"}
    has_destination = "OnFailure" in event_source.get("DestinationConfig", {})
    return has_destination and wanted <= set(event_source)


def _statements(cfn: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, policy in cfn.get_resources("AWS::IAM::ManagedPolicy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            yield name, statement
    for name, role in cfn.get_resources("AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def _failure_destinations(cfn: Any) -> set[str]:
    redrives = [
        queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]
        for queue in cfn.get_resources(QUEUE).values()
        if "RedrivePolicy" in queue["Properties"]
    ]
    destinations = [
        source["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]
        for source in cfn.get_resources(EVENT_SOURCE).values()
        if "DestinationConfig" in source["Properties"]
    ]
    return {_referred(target) for target in (*redrives, *destinations)}
