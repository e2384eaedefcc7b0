"""Lambda entry point for the notification and retry queues: delivers to subscribers."""

from typing import Any

from city.aws import client
from city.clock import now
from city.observability import logger
from city.outbound import Outbound
from context.courier import Courier
from context.delivery import Delivery
from context.draining import Draining
from context.inbox import Inbox
from context.owners import owners
from context.queues import NotificationDeadLetters, RetryQueue
from context.settings import SenderSettings
from context.store.parked import ParkedStore
from context.store.subscriptions import SubscriptionStore

_settings = SenderSettings.from_environment()
_log = logger("context-sender", _settings.stage)

_table = _settings.context_table
_subscriptions = SubscriptionStore(client("dynamodb"), _table)
_parked = ParkedStore(client("dynamodb"), _table)
_owners = owners(client("dynamodb"), _settings)
_courier = Courier(Outbound(allow_loopback=_settings.allow_loopback), _parked, _owners, now)
_retries = RetryQueue(client("sqs"), _settings.retry_queue_url)
_dead_letters = NotificationDeadLetters(client("sqs"), _settings.notification_dead_letter_queue_url)
_delivery = Delivery(
    _subscriptions, _parked, _courier, _retries, _dead_letters, owners=_owners, clock=now
)
_draining = Draining(
    _subscriptions,
    _parked,
    _courier,
    _retries,
    _dead_letters,
    owners=_owners,
    retention=_settings.notification_retry_seconds,
    clock=now,
)


_inbox = Inbox(_delivery, _draining, _dead_letters)


def handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Process a batch of SQS messages; the answer names those that have to come again."""
    records = event["Records"]
    again = _inbox.process(records)
    _log.info("messages processed", extra={"records": len(records), "again": len(again)})
    return {"batchItemFailures": [{"itemIdentifier": id} for id in again]}
