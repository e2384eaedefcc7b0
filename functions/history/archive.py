"""Lambda entry point for the context table's stream: keeps what changes in the history."""

from typing import Any

from city.aws import client
from city.clock import now
from city.dead_letters import StreamDeadLetters
from city.observability import logger
from city.table import Table
from history.recording.recorder import Recorder
from history.recording.stream import Stream
from history.settings import ArchiveSettings
from history.store.directory import Directory
from history.store.ledger import Ledger
from history.store.objects import Objects

_settings = ArchiveSettings.from_environment()
_log = logger("history-archive", _settings.stage)


def _stream(settings: ArchiveSettings) -> Stream:
    dynamodb = client("dynamodb")
    table = Table(dynamodb, settings.history_table, now)
    return Stream(
        Table(dynamodb, settings.context_table, now),
        Recorder(
            Objects(client("s3"), settings.history_bucket),
            Ledger(table, now),
            Directory(table, now),
        ),
        StreamDeadLetters(client("sqs"), settings.archive_dead_letter_queue_url),
    )


_processor = _stream(_settings)


def handler(event: dict[str, Any], _context: object) -> dict[str, list[object]]:
    """Archive a batch of DynamoDB stream records; raises when it has to come again as a whole."""
    records = event["Records"]
    set_aside = _processor.process(records)
    _log.info("changes archived", extra={"records": len(records), "set_aside": set_aside})
    return {"batchItemFailures": []}
