"""Lambda entry point for the table's stream: notifies changed entities and counts types."""

from typing import Any

from city.aws import client
from city.clock import now
from city.dead_letters import StreamDeadLetters
from city.observability import logger
from context.notifier import Notifier
from context.owners import owners
from context.queues import NotificationQueue
from context.settings import MatcherSettings
from context.store.entities import EntityStore
from context.store.parked import ParkedStore
from context.store.subscriptions import SubscriptionStore
from context.stream import Stream

_settings = MatcherSettings.from_environment()
_log = logger("context-matcher", _settings.stage)


def _stream(settings: MatcherSettings) -> Stream:
    dynamodb, sqs, table = client("dynamodb"), client("sqs"), settings.context_table
    return Stream(
        EntityStore(dynamodb, table),
        Notifier(
            SubscriptionStore(dynamodb, table),
            ParkedStore(dynamodb, table),
            NotificationQueue(sqs, settings.notification_queue_url),
            owners(dynamodb, settings),
            now,
        ),
        StreamDeadLetters(sqs, settings.stream_dead_letter_queue_url),
    )


_processor = _stream(_settings)


def handler(event: dict[str, Any], _context: object) -> dict[str, list[object]]:
    """Process a batch of DynamoDB stream records; raises when it has to come again as a whole."""
    records = event["Records"]
    set_aside = _processor.process(records)
    _log.info("changes processed", extra={"records": len(records), "set_aside": set_aside})
    return {"batchItemFailures": []}
