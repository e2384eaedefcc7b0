"""Lambda entry point of the schedule: queues what there is to compact, roll up, delete and drop."""

from typing import Any

from city.aws import client
from city.clock import now
from city.observability import logger
from city.table import Table
from history.keeping.agenda import Agenda
from history.opendata.agenda import queue_publications
from history.settings import ScheduleSettings
from history.store.directory import Directory
from history.store.merges import Merges
from history.store.retention import RetentionStore
from history.store.tasks import TaskQueue

_settings = ScheduleSettings.from_environment()
_log = logger("history-schedule", _settings.stage)

_table = Table(client("dynamodb"), _settings.history_table, now)
_directory = Directory(_table, now)
_outbox = TaskQueue(client("sqs"), _settings.history_task_queue_url)
_agenda = Agenda(Merges(_table, now), _directory, RetentionStore(_table, now), _outbox, now)


def handler(_event: dict[str, Any], _context: object) -> dict[str, int]:
    """Queue everything there is to do; how many tasks."""
    queued = _agenda.queue() + queue_publications(_directory, _outbox)
    _log.info("tasks queued", extra={"tasks": queued})
    return {"tasks": queued}
