"""The way of a notification without Lambda: stream records in, requests at receivers out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import ClientError

from city.clock import SECOND
from city.dead_letters import StreamDeadLetters
from city.document import Entity
from city.dynamodb import to_item
from city.entity_rows import rows_of
from city.json import Json
from city.outbound import Outbound
from city.policy import Caller
from city.policy.accounts import Accounts
from city.tenancy import Tenant
from context.courier import Courier
from context.delivery import Delivery
from context.draining import Draining
from context.inbox import Inbox
from context.messages import Message, Tick, parse_message
from context.notifier import Notifier
from context.owners import Owners
from context.queues import (
    NotificationDeadLetters,
    NotificationQueue,
    RetryQueue,
)
from context.store.entities import EntityStore
from context.store.parked import ParkedStore
from context.store.subscriptions import SubscriptionStore
from context.stream import Stream
from context.subscriptions import Subscriptions
from tests.builders import CITY, EVERYBODY, FixedClock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

RETENTION = 86_400


def wanted(
    url: str = "http://receiver.example/",
    *,
    entities: list[Json] | None = None,
    condition: dict[str, Json] | None = None,
    notification: dict[str, Json] | None = None,
    **members: Json,
) -> dict[str, Json]:
    """The body of a subscription to all rooms, with members changed or added."""
    subject: dict[str, Json] = {"entities": entities or [{"idPattern": ".*", "type": "Room"}]}
    if condition:
        subject["condition"] = condition
    channel: dict[str, Json] = {"http": {"url": url}}
    if notification and "httpCustom" in notification:
        channel = {}
    return {"subject": subject, "notification": {**channel, **(notification or {})}, **members}


def record(
    old: Entity | None, new: Entity | None, *, principal: str | None = None
) -> dict[str, Any]:
    """The stream record of a step from one version to the next."""
    current = new or old
    assert current is not None
    images = {"OldImage": old, "NewImage": new}
    shown = {name: to_item(rows_of(one).entity) for name, one in images.items() if one}
    kind = "REMOVE" if new is None else "INSERT" if old is None else "MODIFY"
    return {
        "eventName": kind,
        "dynamodb": {"ApproximateCreationDateTime": current.modified // SECOND, **shown},
        "userIdentity": {"type": "Service", "principalId": principal} if principal else None,
    }


class OpenSubscriptions(Subscriptions):
    """Subscriptions of one who may do everything, for tests that are not about grants."""

    def create(
        self, tenant: Tenant, path: str | None, body: Json, caller: Caller = EVERYBODY
    ) -> str:
        return super().create(tenant, path, body, caller)

    def get(self, tenant: Tenant, id: str, caller: Caller = EVERYBODY) -> dict[str, Json]:
        return super().get(tenant, id, caller)

    def list(
        self,
        tenant: Tenant,
        path: str | None,
        limit: int,
        offset: int,
        caller: Caller = EVERYBODY,
    ) -> tuple[list[dict[str, Json]], int]:
        return super().list(tenant, path, limit, offset, caller)

    def update(
        self, tenant: Tenant, id: str, path: str | None, body: Json, caller: Caller = EVERYBODY
    ) -> None:
        super().update(tenant, id, path, body, caller)

    def delete(self, tenant: Tenant, id: str, caller: Caller = EVERYBODY) -> None:
        super().delete(tenant, id, caller)


class Pipeline:
    """Everything between the table's stream and the receivers, on the fake AWS."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        sqs: "SQSClient",
        clock: FixedClock,
        owners: Owners | None = None,
    ) -> None:
        """Without `owners` everybody may be told everything."""
        self.clock = clock
        if owners is None:
            none = Accounts(dynamodb, "no-table", 0)
            owners = Owners(none, clock, max_age=0, open_to_all=True)
        self.sqs = sqs
        self.notifications = _queue(sqs, "n", fifo=True)
        self.retries = _queue(sqs, "r")
        self.dead_notifications = _queue(sqs, "dn", fifo=True)
        self.dead_records = _queue(sqs, "dr")
        self.store = SubscriptionStore(dynamodb, table, clock)
        self.parked = ParkedStore(dynamodb, table, clock)
        self.subscriptions = OpenSubscriptions(self.store, clock)
        queue = NotificationQueue(sqs, self.notifications)
        self.notifier = Notifier(self.store, self.parked, queue, owners, clock)
        self.stream = Stream(
            EntityStore(dynamodb, table, clock),
            self.notifier,
            StreamDeadLetters(sqs, self.dead_records),
        )
        courier = Courier(Outbound(allow_loopback=True), self.parked, owners, clock)
        retries = RetryQueue(sqs, self.retries)
        self.dead_letters = NotificationDeadLetters(sqs, self.dead_notifications)
        delivery = Delivery(
            self.store,
            self.parked,
            courier,
            retries,
            self.dead_letters,
            owners=owners,
            clock=clock,
        )
        self.draining = Draining(
            self.store,
            self.parked,
            courier,
            retries,
            self.dead_letters,
            owners=owners,
            retention=RETENTION,
            clock=clock,
        )
        self.inbox = Inbox(delivery, self.draining, self.dead_letters)

    def subscribe(self, url: str = "http://receiver.example/", **members: Any) -> str:
        """Make a subscription to all rooms of the city; its id."""
        return self.subscriptions.create(CITY, None, wanted(url, **members))

    def shown(self, id: str) -> Any:
        """A subscription as clients see it."""
        return self.subscriptions.get(CITY, id)

    def change(self, old: Entity | None, new: Entity | None) -> list[Message]:
        """Process one step of an entity; the notifications it queued."""
        self.stream.process([record(old, new)])
        return self.queued()

    def queued(self) -> list[Message]:
        """Take all notifications from the queue."""
        messages = [parse_message(taken["body"]) for taken in self.taken(self.notifications)]
        assert all(isinstance(message, Message) for message in messages)
        return [message for message in messages if isinstance(message, Message)]

    def run(self) -> list[str]:
        """Deliver everything in the notification queue; ids of what has to come again."""
        records = self.taken(self.notifications)
        return self.inbox.process(records) if records else []

    def tick(self, subscription: str) -> None:
        """Drain a subscription when its next tick is due."""
        state = self.store.state(CITY, subscription)
        self.clock.now = max(self.clock.now, state.tick if state else 0)
        self.draining.drain(Tick(CITY, subscription))

    def taken(self, url: str) -> list[dict[str, Any]]:
        """Receive and delete everything in a queue, as Lambda shows SQS records."""
        records: list[dict[str, Any]] = []
        while True:
            answer = self.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            if not answer.get("Messages"):
                return records
            for message in answer["Messages"]:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                attributes: Any = message.get("MessageAttributes", {})
                records.append(
                    {
                        "messageId": message["MessageId"],
                        "body": message["Body"],
                        "reason": attributes.get("reason", {}).get("StringValue"),
                    }
                )

    def ticks(self) -> int:
        """How many ticks wait, delayed ones included."""
        answer = self.sqs.get_queue_attributes(QueueUrl=self.retries, AttributeNames=["All"])
        attributes = answer["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"]) + int(
            attributes["ApproximateNumberOfMessagesDelayed"]
        )


@contextmanager
def refusing(
    client: Any, operation: str, times: int, code: str = "ThrottlingException"
) -> Iterator[list[int]]:
    """Let the first calls of an operation fail as AWS fails them; counts the refused calls."""
    refused: list[int] = []

    def refuse(**_: object) -> None:
        if len(refused) < times:
            refused.append(1)
            raise ClientError({"Error": {"Code": code, "Message": "injected"}}, operation)

    event = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    client.meta.events.register(event, refuse)
    try:
        yield refused
    finally:
        client.meta.events.unregister(event, refuse)


def _queue(sqs: "SQSClient", name: str, *, fifo: bool = False) -> str:
    attributes = {"FifoQueue": "true"} if fifo else {}
    suffix = ".fifo" if fifo else ""
    name = f"{name}-{uuid4().hex[:12]}{suffix}"
    url: str = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type] # a dict of plain strings
    return url
