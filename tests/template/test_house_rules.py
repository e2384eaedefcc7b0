"""Every house rule bites: a template that breaks it is refused, the real one is not."""

from collections.abc import Callable

import pytest
from cfnlint.api import lint
from cfnlint.rules import RulesCollection

from tests.template import house_rules
from tests.template.stack import Template, as_json, translated

Breach = Callable[[Template], None]


def refusals(template: Template) -> set[str]:
    rules = RulesCollection()
    rules.create_from_module(house_rules.__name__)
    return {match.rule.id for match in lint(as_json(template), rules, ["eu-central-1"])}


def test_the_real_template_keeps_every_rule() -> None:
    assert refusals(translated()) == set()


def share_log_group(template: Template) -> None:
    matcher = template["Resources"]["ContextMatcherFunction"]["Properties"]
    matcher["LoggingConfig"]["LogGroup"] = {"Ref": "ContextApiLogGroup"}


def keep_logs_for_ever(template: Template) -> None:
    del template["Resources"]["CityApiLogGroup"]["Properties"]["RetentionInDays"]


def fail_whole_batches(template: Template) -> None:
    del template["Resources"]["ContextSenderFunctionRetries"]["Properties"]["FunctionResponseTypes"]


def lose_messages(template: Template) -> None:
    del template["Resources"]["NotificationQueue"]["Properties"]["RedrivePolicy"]


def lose_changes(template: Template) -> None:
    del template["Resources"]["ContextMatcherFunctionChanges"]["Properties"]["DestinationConfig"]


def grant_everything(template: Template) -> None:
    role = template["Resources"]["ContextSenderRole"]["Properties"]
    role["Policies"][0]["PolicyDocument"]["Statement"][0]["Action"] = "sqs:*"


def grant_everywhere(template: Template) -> None:
    role = template["Resources"]["ContextSenderRole"]["Properties"]
    role["Policies"][0]["PolicyDocument"]["Statement"][0]["Resource"] = "*"


def attach_managed_policy(template: Template) -> None:
    role = template["Resources"]["ContextSenderRole"]["Properties"]
    role["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/AmazonSQSFullAccess"]


def delete_data(template: Template) -> None:
    template["Resources"]["ContextTable"]["DeletionPolicy"] = "Delete"


def replace_data(template: Template) -> None:
    del template["Resources"]["UserPool"]["UpdateReplacePolicy"]


def leave_data_unprotected(template: Template) -> None:
    del template["Resources"]["ContextTable"]["Properties"]["DeletionProtectionEnabled"]


def name_a_table(template: Template) -> None:
    template["Resources"]["ContextTable"]["Properties"]["TableName"] = "context"


def show_messages_too_early(template: Template) -> None:
    template["Resources"]["NotificationQueue"]["Properties"]["VisibilityTimeout"] = 60


def drop_dead_letters_early(template: Template) -> None:
    template["Resources"]["RetryDeadLetterQueue"]["Properties"]["MessageRetentionPeriod"] = 60


def hide_dead_letters(template: Template) -> None:
    del template["Resources"]["StreamDeadLetterAlarm"]


def run_on_intel(template: Template) -> None:
    template["Resources"]["ContextApiFunction"]["Properties"]["Architectures"] = ["x86_64"]


@pytest.mark.parametrize(
    ("breach", "rule"),
    [
        (share_log_group, "E9001"),
        (keep_logs_for_ever, "E9001"),
        (fail_whole_batches, "E9002"),
        (lose_messages, "E9002"),
        (lose_changes, "E9002"),
        (grant_everything, "E9003"),
        (grant_everywhere, "E9003"),
        (attach_managed_policy, "E9003"),
        (delete_data, "E9004"),
        (replace_data, "E9004"),
        (leave_data_unprotected, "E9004"),
        (name_a_table, "E9005"),
        (show_messages_too_early, "E9006"),
        (drop_dead_letters_early, "E9007"),
        (hide_dead_letters, "E9007"),
        (run_on_intel, "E9008"),
    ],
)
def test_rule_refuses(breach: Breach, rule: str) -> None:
    template = translated()
    breach(template)
    assert refusals(template) == {rule}
