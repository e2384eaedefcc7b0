"""A batch of the context table's stream: what it says goes into the history.

Everything here may be repeated: the same batch makes the same files. A stream record that cannot be
read or kept goes to the dead-letter queue and the rest goes on; only when AWS itself does not
answer the whole batch is raised to come again.

The part rows of large entities are read from the context table: 1 read for each 4 KB of them.
"""

import logging
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from city.clock import SECOND
from city.dead_letters import StreamDeadLetters
from city.dynamodb import Row, from_stream
from city.entity_keys import Key
from city.entity_rows import entity_of
from city.faults import is_passing
from city.table import Table
from history.recording.changes import Change, change_between
from history.recording.recorder import Batch, Recorder

StreamRecord = Mapping[str, Any]

_log = logging.getLogger(__name__)


class Stream:
    """Archives batches of stream records; one per process."""

    def __init__(self, context: Table, recorder: Recorder, dead_letters: StreamDeadLetters) -> None:
        self._context = context
        self._recorder = recorder
        self._dead_letters = dead_letters

    def process(self, records: Sequence[StreamRecord]) -> int:
        """Archive a batch; how many stream records were set aside.

        Raises Unavailable or an error of the AWS client when the batch must be repeated.
        """
        changes: list[Change] = []
        sources: list[StreamRecord] = []
        set_aside = 0
        for record in filter(_is_entity, records):
            try:
                changes.append(self._change(record))
            except Exception as error:
                set_aside += self._set_aside(record, error)
            else:
                sources.append(record)
        return set_aside + self._record(changes, sources)

    def _change(self, record: StreamRecord) -> Change:
        images = record["dynamodb"]
        old, new = (
            entity_of(from_stream(images[name]), self._parts) if name in images else None
            for name in ("OldImage", "NewImage")
        )
        at = int(images.get("ApproximateCreationDateTime", 0)) * SECOND
        return change_between(old, new, at)

    def _parts(self, keys: Sequence[Key]) -> list[Row]:
        found = self._context.get_many(keys)
        return [found[key] for key in keys]

    def _record(self, changes: list[Change], sources: list[StreamRecord]) -> int:
        """Record all at once, or else half by half to find the ones that cannot be kept."""
        if not changes:
            return 0
        batch = Batch()
        for change in changes:
            batch.add(change)
        try:
            self._recorder.record_all(batch, _name(sources))
        except Exception as error:
            if len(changes) == 1:
                return self._set_aside(sources[0], error)
            if is_passing(error):
                raise
            half = len(changes) // 2
            return self._record(changes[:half], sources[:half]) + self._record(
                changes[half:], sources[half:]
            )
        return 0

    def _set_aside(self, record: StreamRecord, error: Exception) -> int:
        """Move a record out of the way; raise instead if the fault will pass by itself."""
        if is_passing(error):
            raise error
        _log.error("a stream record is set aside", exc_info=error)
        self._dead_letters.put(record, error)
        return 1


def _is_entity(record: StreamRecord) -> bool:
    images = record["dynamodb"]
    return any(
        images.get(name, {}).get("k", {}).get("S") == "E" for name in ("NewImage", "OldImage")
    )


def _name(records: Sequence[StreamRecord]) -> str:
    """A name for these records of the stream, the same whenever they come together."""
    numbers = " ".join(str(record["dynamodb"].get("SequenceNumber")) for record in records)
    stream = records[0].get("eventSourceARN", "")
    return f"{stream} {blake2b(numbers.encode(), digest_size=16).hexdigest()}"
