"""Lambda entry point for the task queue: compaction, rollups, deletions, retention, exports."""

from typing import Any

from city.aws import client
from city.clock import now
from city.observability import logger
from history.keeping.chores import chores
from history.keeping.tasks import Worker
from history.settings import CompactSettings
from history.store.tasks import TaskDeadLetters, TaskQueue

_settings = CompactSettings.from_environment()
_log = logger("history-compact", _settings.stage)

_outbox = TaskQueue(client("sqs"), _settings.history_task_queue_url)
_dead_letters = TaskDeadLetters(client("sqs"), _settings.history_task_dead_letter_queue_url)
_worker = Worker(chores(_settings, _outbox, now), _outbox, _dead_letters)


def handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Do a batch of tasks; the answer names those that have to come again."""
    records = event["Records"]
    again = _worker.process(records)
    _log.info("tasks done", extra={"records": len(records), "again": len(again)})
    return {"batchItemFailures": [{"itemIdentifier": id} for id in again]}
