"""A batch of queue messages: notifications to deliver and ticks to drain."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from context.delivery import Delivery
from context.draining import Draining
from context.messages import Message, Tick, parse_message

_log = logging.getLogger(__name__)


class Inbox:
    """Hands messages to those who process them; one per process."""

    def __init__(self, delivery: Delivery, draining: Draining) -> None:
        self._delivery = delivery
        self._draining = draining

    def process(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Process SQS records; the ids of those that have to come again.

        What cannot be read comes again too: after some tries the queue itself sets it aside.
        """
        again: list[str] = []
        notifications: dict[str, Message] = {}
        for record in records:
            try:
                message = parse_message(record["body"])
                if isinstance(message, Tick):
                    self._draining.drain(message)
                else:
                    notifications[record["messageId"]] = message
            except Exception:
                _log.exception("a message has to come again")
                again.append(record["messageId"])
        left = {message.name for message in self._delivery.deliver([*notifications.values()])}
        return again + [id for id, one in notifications.items() if one.name in left]
