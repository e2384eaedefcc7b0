"""The functions as they are deployed: their variables, their queues, and how Lambda calls them."""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from city.aws import client
from city.policy import Caller, Subject
from city.policy.grants import UNLIMITED
from city.tenancy import Tenant
from context.store.subscriptions import SubscriptionStore
from context.subscriptions import Subscriptions
from tests.accounts import put_account

EVENTS = Path(__file__).parents[1] / "events"
"""Events as AWS delivers them, in a folder per function."""

TENANT = Tenant("smartcity")
"""Whose entities the events are about."""

OWNER = "3n4b5urk1ft4fl3mg5e62d9ado"
"""The application client whose subscriptions the events are about."""

BEFORE_ALL_EVENTS = 1_795_330_000_000_000
"""A moment, in microseconds, before the first change in the events."""

QUEUES = {
    "NOTIFICATION_QUEUE_URL": "NotificationQueue",
    "NOTIFICATION_DEAD_LETTER_QUEUE_URL": "NotificationDeadLetterQueue",
    "RETRY_QUEUE_URL": "RetryQueue",
    "STREAM_DEAD_LETTER_QUEUE_URL": "StreamDeadLetterQueue",
    "ARCHIVE_DEAD_LETTER_QUEUE_URL": "ArchiveDeadLetterQueue",
    "HISTORY_TASK_QUEUE_URL": "HistoryTaskQueue",
    "HISTORY_TASK_DEAD_LETTER_QUEUE_URL": "HistoryTaskDeadLetterQueue",
}
"""The variables that are queue URLs, and the logical ids of the queues in the template."""

FIFO = {"NotificationQueue", "NotificationDeadLetterQueue"}


@dataclass(frozen=True)
class Deployed:
    """A context table and fresh queues, by logical id, and the functions over them."""

    resources: dict[str, str]
    monkeypatch: pytest.MonkeyPatch

    def invoke(self, function: str, event: Any) -> Any:
        """Call a function ("context_matcher") as a cold start does."""
        module = function.replace("_", ".", 1)
        self.monkeypatch.delitem(sys.modules, module, raising=False)
        context = SimpleNamespace(
            function_name=function,
            memory_limit_in_mb=512,
            invoked_function_arn=f"arn:aws:lambda:eu-west-1:123456789012:function:{function}",
            aws_request_id=str(uuid4()),
            get_remaining_time_in_millis=lambda: 60_000,
        )
        return importlib.import_module(module).handler(event, context)

    def subscribe(self, url: str = "http://127.0.0.1:9/", **members: Any) -> str:
        """Subscribe to every change in the events; the subscription's id."""
        store = SubscriptionStore(client("dynamodb"), self.resources["ContextTable"])
        alterations = ["entityCreate", "entityUpdate", "entityDelete"]
        condition = {"alterationTypes": alterations}
        body: Any = {
            "subject": {"entities": [{"idPattern": ".*"}], "condition": condition},
            "notification": {"http": {"url": url}},
        }
        subscriptions = Subscriptions(store, lambda: BEFORE_ALL_EVENTS)
        caller = Caller(Subject(OWNER, OWNER), UNLIMITED)
        return subscriptions.create(TENANT, None, body | members, caller)

    def waiting(self, queue: str) -> int:
        """How many messages a queue holds, also those that are delayed."""
        answer = client("sqs").get_queue_attributes(
            QueueUrl=self.resources[queue],
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"],
        )
        return sum(map(int, answer["Attributes"].values()))


def deploy(
    table: str,
    security_table: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    history: tuple[str, str] = ("no-table", "no-bucket"),
    is_open: bool = False,
) -> Deployed:
    """Make the queues, the account of OWNER, and set every function's variables.

    `history` is the history's table and its bucket.
    """
    put_account(client("dynamodb"), security_table, OWNER)
    history_table, bucket = history
    resources = {
        "ContextTable": table,
        "SecurityTable": security_table,
        "HistoryTable": history_table,
        "HistoryBucket": bucket,
    }
    variables = {
        "CONTEXT_TABLE": table,
        "SECURITY_TABLE": security_table,
        "HISTORY_TABLE": history_table,
        "HISTORY_BUCKET": bucket,
        "HISTORY_GRACE_SECONDS": "0",
        "HISTORY_SETTLE_SECONDS": "0",
        "ATHENA_WORKGROUP": "history",
        "ATHENA_DATABASE": "city",
        "STAGE": "sandbox",
        "USER_POOL_ID": "eu-west-1_aaaaaaaaa",
        "LOGIN_CLIENT_ID": "1example23456789",
        "LOGIN_URL": "http://127.0.0.1:9",
        "TOKEN_ISSUER": "https://issuer.invalid",
        "TOKEN_JWKS_URL": "https://issuer.invalid/jwks.json",
        "PUBLIC_ACCESS": str(is_open).lower(),
        "ALLOW_LOOPBACK": "true",
    }
    for variable, logical in QUEUES.items():
        fifo = logical in FIFO
        url = client("sqs").create_queue(
            QueueName=uuid4().hex + (".fifo" if fifo else ""),
            Attributes={"FifoQueue": "true"} if fifo else {},
        )["QueueUrl"]
        resources[logical] = variables[variable] = url
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Deployed(resources, monkeypatch)
