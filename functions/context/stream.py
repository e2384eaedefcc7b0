"""A batch of the table's stream: notify changes, count types, set aside what cannot be processed.

Everything here may be repeated. A record that cannot be processed goes to the dead-letter queue
and the rest goes on, so nothing rests on how the event source treats partial failures; only when
AWS itself does not answer the whole batch is raised to come again.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from city.dead_letters import StreamDeadLetters
from city.faults import is_passing
from context.changes import Change, change_of, is_expiry
from context.notifier import Notifier
from context.store.entities import EntityStore

Record = Mapping[str, Any]

_log = logging.getLogger(__name__)


class Stream:
    """Processes batches of stream records; one per process."""

    def __init__(
        self, entities: EntityStore, notifier: Notifier, dead_letters: StreamDeadLetters
    ) -> None:
        self._entities = entities
        self._notifier = notifier
        self._dead_letters = dead_letters

    def process(self, records: Sequence[Record]) -> int:
        """Process a batch; how many records were set aside.

        Raises Unavailable, Contended or an error of the AWS client when the batch must be
        repeated.
        """
        set_aside = self._notify([one for one in records if _is_change(one)])
        set_aside += self._count(
            [one for one in records if _kind(one, "NewImage") == "T"],
            lambda some: self._entities.fold([one["dynamodb"]["NewImage"] for one in some]),
        )
        set_aside += self._count(
            [one for one in records if _is_entity(one) and is_expiry(one)],
            lambda some: self._entities.expire([one["dynamodb"]["OldImage"] for one in some]),
        )
        return set_aside

    def _notify(self, records: list[Record]) -> int:
        changes: list[Change] = []
        sources: list[Record] = []
        set_aside = 0
        for record in records:
            try:
                changes.append(change_of(record, self._entities.entity_from_image))
            except Exception as error:
                set_aside += self._set_aside(record, error)
            else:
                sources.append(record)
        faults = self._notifier.notify(changes) if changes else {}
        return set_aside + sum(self._set_aside(sources[at], why) for at, why in faults.items())

    def _count(self, records: list[Record], count: Callable[[Sequence[Record]], None]) -> int:
        """Count all at once, or else one by one to find the ones that cannot be counted."""
        if not records:
            return 0
        try:
            count(records)
        except Exception as error:
            if len(records) == 1:
                return self._set_aside(records[0], error)
            if is_passing(error):
                raise
            return sum(self._count([record], count) for record in records)
        return 0

    def _set_aside(self, record: Record, error: Exception) -> int:
        """Move a record out of the way; raise instead if the fault will pass by itself."""
        if is_passing(error):
            raise error
        _log.error("a stream record is set aside", exc_info=error)
        self._dead_letters.put(record, error)
        return 1


def _is_change(record: Record) -> bool:
    return _is_entity(record) and not is_expiry(record)


def _is_entity(record: Record) -> bool:
    return "E" in (_kind(record, "NewImage"), _kind(record, "OldImage"))


def _kind(record: Record, image: str) -> str | None:
    row: Mapping[str, Any] = record["dynamodb"].get(image) or {}
    kind: str | None = row.get("k", {}).get("S")
    return kind
