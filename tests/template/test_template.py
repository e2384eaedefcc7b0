"""Gates over the deployment that need no AWS account."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from city.clock import SECOND
from city.outbound import MAX_OVERHEAD
from context.courier import LAST_START, MAX_TIMEOUT
from context.queues import MAX_DELAY
from context.store.parked import LEASE
from tests.template import house_rules
from tests.template.stack import (
    ROOT,
    TEMPLATE,
    as_json,
    included_files,
    referred,
    resources,
    source,
    translated,
)

FREE_ALARMS, FREE_DASHBOARDS = 10, 3
"""What CloudWatch does not charge for; an idle city costs its storage only."""


def findings(text: str, **options: Any) -> list[str]:
    matches = lint(text, config=ManualArgs(**options), regions=["eu-central-1"])
    return [f"{match.rule.id} {match.message}" for match in matches]


def test_template_passes_lint() -> None:
    assert findings(TEMPLATE.read_text()) == []


def test_translated_template_passes_lint_and_house_rules() -> None:
    assert findings(as_json(translated()), append_rules=[house_rules.__name__]) == []


def test_lint_finds_a_misspelt_action() -> None:
    """The linter says nothing about it before the SAM transform; this proves that it does after."""
    text = as_json(translated()).replace("dynamodb:PutItem", "dynamodb:PutItm")
    assert any(finding.startswith("W3037") for finding in findings(text))


@pytest.mark.parametrize("file", [TEMPLATE, *included_files()], ids=lambda file: file.name)
def test_template_stays_readable(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 700


def test_every_file_of_the_stack_is_included_once() -> None:
    assert sorted(included_files()) == sorted((ROOT / "stack").rglob("*.yaml"))


def test_parameters_are_described_and_used() -> None:
    template = source()
    body = json.dumps({name: template[name] for name in template if name != "Parameters"})
    for name, parameter in template["Parameters"].items():
        assert parameter.get("Description"), name
        assert f'"{name}"' in body or f"${{{name}}}" in body, name


@pytest.mark.parametrize("switch", ["PublicAccess", "AllowLoopback", "CognitoEndpoint"])
def test_sandbox_switches_are_refused_in_other_stages(switch: str) -> None:
    rule = source()["Rules"]["SandboxSwitches"]
    guarded = {referred(assertion["Assert"]["Fn::Equals"][0]) for assertion in rule["Assertions"]}
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Stage"}, "sandbox"]}]}
    assert switch in guarded


def test_stream_delivers_entities_and_new_type_deltas_only() -> None:
    mapping = resources(translated(), "AWS::Lambda::EventSourceMapping")
    filters = mapping["ContextMatcherFunctionChanges"]["FilterCriteria"]["Filters"]
    assert [json.loads(item["Pattern"]) for item in filters] == [
        {"dynamodb": {"NewImage": {"k": {"S": ["E"]}}}},
        {"eventName": ["REMOVE"], "dynamodb": {"OldImage": {"k": {"S": ["E"]}}}},
        {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"k": {"S": ["T"]}}}},
    ]


SECURITY_PATHS = {
    "/.well-known/{proxy+}",
    "/access/v1/{proxy+}",
    "/idm/{proxy+}",
    "/oauth2/{proxy+}",
    "/user",
    "/v1",
    "/v1/{proxy+}",
    "/v3",
    "/v3/{proxy+}",
}


HISTORY_PATHS = {
    "/STH/{proxy+}",
    "/api/3/{proxy+}",
    "/api/action/{proxy+}",
    "/catalog",
    "/catalog.jsonld",
    "/catalog.n3",
    "/catalog.rdf",
    "/catalog.ttl",
    "/catalog.xml",
    "/dataset/{proxy+}",
    "/history/{proxy+}",
}


def functions_of(api: str) -> dict[str, list[str]]:
    """The functions behind each path of an HTTP API."""
    body = resources(translated(), "AWS::ApiGatewayV2::Api")[api]["Body"]
    return {
        path: re.findall(r"\$\{(\w+)\.Arn\}", json.dumps(operations))
        for path, operations in body["paths"].items()
    }


def test_every_url_reaches_one_function() -> None:
    assert functions_of("CityApi") == {
        "$default": ["ContextApiFunction"],
        **{path: ["SecurityApiFunction"] for path in SECURITY_PATHS},
        **{path: ["HistoryApiFunction"] for path in HISTORY_PATHS},
    }


def test_every_url_of_the_second_address_reaches_the_history() -> None:
    assert functions_of("HistoryApi") == {"$default": ["HistoryApiFunction"]}


def test_every_method_of_a_path_reaches_the_function() -> None:
    apis = resources(translated(), "AWS::ApiGatewayV2::Api").values()
    methods = {
        method
        for api in apis
        for operations in api["Body"]["paths"].values()
        for method in operations
    }
    assert methods == {"x-amazon-apigateway-any-method"}


def test_nothing_is_invoked_but_through_the_gateway_and_by_the_clock() -> None:
    stack = translated()
    assert not resources(stack, "AWS::Lambda::Url")
    callers = resources(stack, "AWS::Lambda::Permission").values()
    sources = {"apigateway.amazonaws.com": "Api", "events.amazonaws.com": "ScheduleFunctionClock"}
    assert {permission["Principal"] for permission in callers} == set(sources)
    for permission in callers:
        assert sources[permission["Principal"]] in str(permission["SourceArn"])


def test_archive_gets_changes_of_entities_only() -> None:
    mapping = resources(translated(), "AWS::Lambda::EventSourceMapping")
    filters = mapping["HistoryArchiveFunctionChanges"]["FilterCriteria"]["Filters"]
    assert [json.loads(item["Pattern"]) for item in filters] == [
        {"dynamodb": {"NewImage": {"k": {"S": ["E"]}}}},
        {"eventName": ["REMOVE"], "dynamodb": {"OldImage": {"k": {"S": ["E"]}}}},
    ]


def test_history_is_private_encrypted_and_kept_in_old_versions_for_a_week() -> None:
    [bucket] = resources(translated(), "AWS::S3::Bucket").values()
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["EndOfOldVersions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}


def test_history_is_reached_over_tls_only() -> None:
    [policy] = resources(translated(), "AWS::S3::BucketPolicy").values()
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(statement["Resource"]) == 2


def test_lifecycle_ends_nothing_but_exports_and_results() -> None:
    [bucket] = resources(translated(), "AWS::S3::Bucket").values()
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert {rule["Prefix"] for rule in rules if "ExpirationInDays" in rule} == {
        "exports/",
        "results/",
    }


def test_queries_of_analysts_are_capped() -> None:
    [group] = resources(translated(), "AWS::Athena::WorkGroup").values()
    settings = group["WorkGroupConfiguration"]
    assert settings["EnforceWorkGroupConfiguration"] is True
    assert referred(settings["BytesScannedCutoffPerQuery"]) == "HistoryMaxBytes"


def test_only_history_has_its_engine() -> None:
    functions = resources(translated(), "AWS::Lambda::Function")
    with_engine = {name for name, f in functions.items() if "DuckDbLayer" in str(f["Layers"])}
    assert with_engine == {
        "HistoryApiFunction",
        "HistoryArchiveFunction",
        "HistoryCompactFunction",
    }
    assert all(len(function["Layers"]) <= 5 for function in functions.values())


def test_alarms_and_dashboards_cost_nothing() -> None:
    template = translated()
    assert len(resources(template, "AWS::CloudWatch::Alarm")) <= FREE_ALARMS
    assert len(resources(template, "AWS::CloudWatch::Dashboard")) <= FREE_DASHBOARDS


def test_dashboard_and_alarms_watch_resources_of_the_stack() -> None:
    template = translated()
    watching = json.dumps(
        [
            resources(template, kind)
            for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard")
        ]
    )
    named = set(re.findall(r'{"(?:Ref": |Fn::GetAtt": \[)"(\w+)"', watching))
    assert {"CityApi", "ContextTable", "SecurityApiFunction", "NotificationQueue"} <= named
    assert named <= set(template["Resources"]) | {"AlarmTopic"}


def test_sender_ends_by_itself_and_its_lease_outlasts_it() -> None:
    limit = resources(translated(), "AWS::Lambda::Function")["ContextSenderFunction"]["Timeout"]
    longest = MAX_TIMEOUT + MAX_OVERHEAD
    assert LAST_START / SECOND + longest < limit < LEASE / SECOND


def test_tick_that_comes_again_is_never_early() -> None:
    """One that is early is taken for a duplicate and dropped, also if no other is on its way."""
    queue = resources(translated(), "AWS::SQS::Queue")["RetryQueue"]
    assert queue["VisibilityTimeout"] > MAX_DELAY
