"""A batch of queue messages: notifications to deliver and ticks to drain."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from context.delivery import Delivery
from context.draining import Draining
from context.messages import Message, Tick, parse_message
from context.queues import NotificationDeadLetters

_log = logging.getLogger(__name__)


class Inbox:
    """Hands messages to those who process them; one per process."""

    def __init__(
        self, delivery: Delivery, draining: Draining, dead_letters: NotificationDeadLetters
    ) -> None:
        self._delivery = delivery
        self._draining = draining
        self._dead_letters = dead_letters

    def process(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Process SQS records; the ids of those that have to come again.

        What cannot be read goes to the dead-letter queue, so that its group does not wait for it.
        """
        again: list[str] = []
        notifications: dict[str, Message] = {}
        for record in records:
            try:
                message = self._read(record["body"])
                if isinstance(message, Tick):
                    self._draining.drain(message)
                elif message is not None:
                    notifications[record["messageId"]] = message
            except Exception:
                _log.exception("a message has to come again")
                again.append(record["messageId"])
        left = {message.name for message in self._delivery.deliver([*notifications.values()])}
        return again + [id for id, one in notifications.items() if one.name in left]

    def _read(self, body: str) -> Message | Tick | None:
        try:
            return parse_message(body)
        except ValueError as error:
            _log.exception("a message cannot be read and is set aside")
            self._dead_letters.put_unreadable(body, str(error))
            return None
