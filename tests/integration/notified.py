"""A tenant that subscribes, and the receiver its notifications reach, with the whole way between."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import boto3

from city import aws
from city.clock import now
from city.json import Json
from tests.builders import FixedClock
from tests.integration.api import Api
from tests.integration.broker import Broker
from tests.pipeline import Pipeline, wanted
from tests.receiver import Received, Receiver

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOTIFY = "/notify"
STREAMS = "https://streams.dynamodb.eu-west-1.amazonaws.com"
"""The one address of the streams that the fake AWS knows."""


class WallClock(FixedClock):
    """The time of day, since the API under test writes it too."""

    def __call__(self) -> int:
        return now()


class Delivery:
    """Takes what changed in a table since the last time to the receivers."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self.pipeline = Pipeline(dynamodb, table, aws.client("sqs"), WallClock())
        self._streams = boto3.client("dynamodbstreams", endpoint_url=STREAMS)
        arn = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        shard = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]
        self._iterator = self._streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]

    def run(self) -> None:
        """Match, queue and deliver."""
        answer = self._streams.get_records(ShardIterator=self._iterator)
        self._iterator = answer["NextShardIterator"]
        records: list[Any] = answer["Records"]
        for record in records:
            images = record["dynamodb"]
            images["ApproximateCreationDateTime"] = now() // 1_000_000
        self.pipeline.stream.process(records)
        self.pipeline.run()


class Notified:
    """A broker, and what arrives at the receiver that its subscriptions name."""

    def __init__(self, api: Api, delivery: Delivery, receiver: Receiver, tenant: str) -> None:
        self.broker = Broker(api, tenant)
        self.receiver = receiver
        self._delivery = delivery
        self._seen = len(receiver.received)

    def subscribe(self, *, path: str | None = None, **members: Any) -> str:
        """Make a subscription to all entities of type T, with members changed; its id."""
        members.setdefault("entities", [{"idPattern": ".*", "type": "T"}])
        body = wanted(self.receiver.url + NOTIFY, **members)
        location = self.broker.done("POST", "/v2/subscriptions", body, path=path).headers
        return str(location["location"]).rpartition("/")[2]

    def custom(self, **template: Json) -> str:
        """Make a subscription with a template; its id."""
        attributes = {name: template.pop(name) for name in ("attrs",) if name in template}
        url = template.pop("url", NOTIFY)
        return self.subscribe(
            notification={
                "httpCustom": {"url": f"{self.receiver.url}{url}", **template},
                **attributes,
            }
        )

    def arrived(self) -> list[Received]:
        """The requests that arrived since the last time."""
        self._delivery.run()
        new = self.receiver.received[self._seen :]
        self._seen += len(new)
        return new

    def one(self) -> Received:
        """The only request that arrived since the last time."""
        (request,) = self.arrived()
        return request

    def entities(self) -> list[Any]:
        """The entities of the standard notifications that arrived since the last time."""
        return [entity for request in self.arrived() for entity in request.json["data"]]

    def entity(self) -> Any:
        """The only entity that was notified since the last time."""
        (entity,) = self.entities()
        return entity

    def changes(self, steps: Sequence[tuple[str, str, Any]]) -> list[int]:
        """How many notifications each request brings."""
        numbers = []
        for method, url, body in steps:
            self.broker.done(method, url, body)
            numbers.append(len(self.arrived()))
        return numbers

    def shown(self, id: str) -> Any:
        """A subscription as the API shows it."""
        return self.broker.get(f"/v2/subscriptions/{id}")
