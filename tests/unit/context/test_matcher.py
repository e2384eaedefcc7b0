"""From stream records to queued notifications: exactness, repeats, throttling, faults."""

from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from city import aws
from city.clock import SECOND
from city.document import Entity, Write
from city.dynamodb import to_item
from city.errors import Unavailable
from city.json import Json, parse
from city.tenancy import EVERYWHERE, Tenant
from context.admission import Candidate, choose
from context.changes import TTL_PRINCIPAL
from context.messages import Message, parse_message
from context.store.entities import EntityStore
from context.store.subscriptions import MAX_WINNERS
from tests.builders import CITY, START, entity, following
from tests.pipeline import Pipeline, record, refusing, wanted

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ROOM = entity(temperature=20)


def written(previous: Entity, *, after: int = SECOND, **values: Json) -> Entity:
    """The next version, written so many microseconds later."""
    new = replace(following(previous, **values), modified=previous.modified + after)
    new.write = Write(tuple(values), correlator="c-1")
    return new


def history(number: int, id: str = "room1", *, every: int = SECOND) -> list[Entity]:
    """Versions of one entity, a change each `every` microseconds."""
    versions = [entity(id, temperature=0)]
    for value in range(1, number):
        versions.append(written(versions[-1], after=every, temperature=value))
    return versions


def records(versions: list[Entity]) -> list[dict[str, Any]]:
    return [record(old, new) for old, new in zip([None, *versions], versions, strict=False)]


def temperatures(pipeline: Pipeline) -> list[int]:
    bodies: list[Any] = [parse(message.request.body) for message in pipeline.queued()]
    return sorted(body["data"][0]["temperature"]["value"] for body in bodies)


def calls(operation_names: list[str]) -> Any:
    """Record the names of all DynamoDB calls."""

    def note(model: Any, **_: object) -> None:
        operation_names.append(model.name)

    return note


def test_two_quick_updates_are_two_notifications(pipeline: Pipeline) -> None:
    pipeline.subscribe()
    assert pipeline.stream.process(records(history(3, every=1))) == 0
    assert temperatures(pipeline) == [0, 1, 2]


def test_repeated_batch_queues_nothing_twice(pipeline: Pipeline) -> None:
    pipeline.subscribe()
    batch = records(history(3))
    pipeline.stream.process(batch)
    pipeline.stream.process(batch)
    assert len(pipeline.queued()) == 3


def test_deleted_and_created_again_is_notified_as_new(pipeline: Pipeline) -> None:
    pipeline.subscribe()
    again = entity(temperature=20, at=START + SECOND)
    pipeline.stream.process([record(None, ROOM), record(ROOM, None), record(None, again)])
    assert len(pipeline.queued()) == 2


def test_subscription_is_honoured_from_its_acknowledgement(pipeline: Pipeline) -> None:
    """Also by a matcher that has compiled the tenant's subscriptions before."""
    pipeline.change(None, entity("room0", temperature=1))
    pipeline.subscribe()
    assert len(pipeline.change(None, entity("room1", temperature=1))) == 1


def test_deleted_subscription_is_forgotten_at_once(pipeline: Pipeline) -> None:
    id = pipeline.subscribe()
    pipeline.change(None, entity("room0", temperature=1))
    pipeline.subscriptions.delete(CITY, id)
    assert pipeline.change(None, entity("room1", temperature=1)) == []


def test_inactive_and_expired_subscriptions_are_silent(pipeline: Pipeline) -> None:
    pipeline.subscribe(status="inactive")
    pipeline.subscribe(expires="2020-01-01T00:00:00Z")
    assert pipeline.change(None, ROOM) == []


def test_tenants_never_meet(pipeline: Pipeline) -> None:
    pipeline.subscriptions.create(Tenant("other"), None, wanted())
    assert pipeline.change(None, ROOM) == []


def test_subscription_that_starts_again_sees_changes_from_then_on(pipeline: Pipeline) -> None:
    id = pipeline.subscribe(status="inactive")
    pipeline.clock.now += 10 * SECOND
    pipeline.subscriptions.update(CITY, id, None, {"status": "active"})
    assert pipeline.change(None, ROOM) == []
    assert len(pipeline.change(ROOM, written(ROOM, after=20 * SECOND, temperature=1))) == 1


def test_throttling_discards_what_comes_too_early(pipeline: Pipeline) -> None:
    pipeline.subscribe(throttling=5)
    pipeline.stream.process(records(history(12)))
    assert temperatures(pipeline) == [0, 5, 10]


def test_throttling_holds_across_batches_and_entities(pipeline: Pipeline) -> None:
    pipeline.subscribe(throttling=5)
    for one in records(history(4)):
        pipeline.stream.process([one])
    pipeline.stream.process(records(history(7, "room2")))
    assert temperatures(pipeline) == [0, 5]


def test_negative_throttling_is_none(pipeline: Pipeline) -> None:
    pipeline.subscribe(throttling=-1)
    pipeline.stream.process(records(history(3)))
    assert len(pipeline.queued()) == 3


def test_batch_that_repeats_after_a_fault_sends_what_was_admitted(pipeline: Pipeline) -> None:
    """The admission was written, the queue then failed: the repeated batch decides the same."""
    pipeline.subscribe(throttling=5)
    pipeline.subscribe(status="oneshot")
    batch = records(history(12))
    with (
        refusing(aws.client("sqs"), "SendMessageBatch", times=99),
        pytest.raises(Unavailable),
    ):
        pipeline.stream.process(batch)
    assert pipeline.queued() == []
    pipeline.stream.process(batch)
    assert temperatures(pipeline) == [0, 0, 5, 10]


def test_throttling_remembers_a_bounded_number_of_winners(pipeline: Pipeline) -> None:
    id = pipeline.subscribe(throttling=1)
    stored = pipeline.store.get(CITY, id)
    assert stored is not None
    candidates = [Candidate(str(at), START + at * SECOND) for at in range(MAX_WINNERS + 20)]
    winners, state = choose(stored.state, stored, candidates)
    assert len(winners) == len(candidates)
    assert state.winners == tuple(name for name, _ in candidates[-MAX_WINNERS:])


def test_oneshot_fires_once_until_it_is_set_again(pipeline: Pipeline) -> None:
    id = pipeline.subscribe(status="oneshot")
    pipeline.stream.process(records(history(3)))
    assert temperatures(pipeline) == [0]
    assert pipeline.shown(id)["status"] == "inactive"
    pipeline.clock.now += 10 * SECOND
    pipeline.subscriptions.update(CITY, id, None, {"status": "oneshot"})
    assert pipeline.shown(id)["status"] == "oneshot"
    assert len(pipeline.change(ROOM, written(ROOM, after=20 * SECOND, temperature=1))) == 1
    assert pipeline.shown(id)["status"] == "inactive"


def test_expired_entity_notifies_nobody(pipeline: Pipeline) -> None:
    """TTL removes the row long after the entity has expired for everybody."""
    condition: dict[str, Json] = {"alterationTypes": ["entityDelete"]}
    pipeline.subscribe(condition=condition)
    transient = entity(temperature=20, at=START, expires=START + SECOND)
    pipeline.stream.process([record(transient, None, principal=TTL_PRINCIPAL)])
    assert pipeline.queued() == []
    pipeline.stream.process([record(ROOM, None)])
    assert len(pipeline.queued()) == 1


def test_type_deltas_are_counted(
    pipeline: Pipeline,
    entity_store: EntityStore,
    dynamodb: "DynamoDBClient",
    context_table: str,
) -> None:
    entity_store.create(ROOM)
    items = dynamodb.scan(TableName=context_table)["Items"]
    deltas = [item for item in items if item.get("k") == {"S": "T"}]
    assert deltas
    batch = [{"eventName": "INSERT", "dynamodb": {"NewImage": delta}} for delta in deltas]
    encoded = [_as_lambda_shows(one) for one in batch]
    pipeline.stream.process(encoded)
    pipeline.stream.process(encoded)
    assert entity_store.types(CITY, EVERYWHERE)["Room"].count == 1
    kinds = [item.get("k") for item in dynamodb.scan(TableName=context_table)["Items"]]
    assert {"S": "T"} not in kinds


def test_poison_record_is_set_aside_and_the_rest_flows(pipeline: Pipeline) -> None:
    pipeline.subscribe()
    poison = record(None, entity("poison", temperature=1))
    poison["dynamodb"]["NewImage"]["d"] = {"S": "no document"}
    good = records(history(3))
    assert pipeline.stream.process([good[0], poison, *good[1:]]) == 1
    assert temperatures(pipeline) == [0, 1, 2]
    (dead,) = pipeline.taken(pipeline.dead_records)
    kept: Any = parse(dead["body"])
    assert kept["dynamodb"]["NewImage"]["pk"] == poison["dynamodb"]["NewImage"]["pk"]
    assert dead["reason"]


def test_poison_delta_is_set_aside_and_the_rest_is_counted(pipeline: Pipeline) -> None:
    pipeline.subscribe()
    poison = {"pk": "t\u001fcity\u001ftypes", "sk": "a\u001fx", "k": "T", "d": "?"}
    bad = {"eventName": "INSERT", "dynamodb": {"NewImage": to_item(dict(poison))}}
    assert pipeline.stream.process([bad, *records(history(1))]) == 1
    assert temperatures(pipeline) == [0]


def test_record_too_large_for_the_queue_is_set_aside_without_images(pipeline: Pipeline) -> None:
    poison = record(None, entity("poison", temperature=1))
    poison["dynamodb"]["NewImage"]["d"] = {"S": "x" * 400_000}
    poison["dynamodb"]["SequenceNumber"] = "42"
    assert pipeline.stream.process([poison]) == 1
    kept: Any = parse(pipeline.taken(pipeline.dead_records)[0]["body"])
    assert kept["dynamodb"]["SequenceNumber"] == "42"
    assert "NewImage" not in kept["dynamodb"]


def test_characters_a_queue_refuses_are_escaped(pipeline: Pipeline) -> None:
    pipeline.subscribe()
    pipeline.stream.process([record(None, entity(text="\uffff\u0001 😀"))])
    (taken,) = pipeline.taken(pipeline.notifications)
    assert taken["body"].isascii()
    (message,) = [parse_message(taken["body"])]
    assert isinstance(message, Message)
    found: Any = parse(message.request.body)
    assert found["data"][0]["text"]["value"] == "\uffff\u0001 😀"


def test_throttled_table_makes_the_batch_come_again(pipeline: Pipeline) -> None:
    pipeline.subscribe()
    batch = records(history(2))
    with refusing(aws.client("dynamodb"), "GetItem", times=99), pytest.raises(Unavailable):
        pipeline.stream.process(batch)
    assert pipeline.taken(pipeline.dead_records) == []
    pipeline.stream.process(batch)
    assert temperatures(pipeline) == [0, 1]


def test_unreadable_subscription_stops_no_other(
    pipeline: Pipeline, dynamodb: "DynamoDBClient", context_table: str
) -> None:
    broken = pipeline.subscribe()
    pipeline.subscribe()
    dynamodb.update_item(
        TableName=context_table,
        Key=to_item({"pk": "t\u001fcity\u001fs", "sk": broken}),
        UpdateExpression="SET d = :d",
        ExpressionAttributeValues={":d": {"S": '{"subject": 1}'}},
    )
    assert len(pipeline.change(None, ROOM)) == 1


def test_subscription_nested_too_deep_to_be_read_stops_no_other(
    pipeline: Pipeline, dynamodb: "DynamoDBClient", context_table: str
) -> None:
    broken = pipeline.subscribe()
    pipeline.subscribe()
    dynamodb.update_item(
        TableName=context_table,
        Key=to_item({"pk": "t\u001fcity\u001fs", "sk": broken}),
        UpdateExpression="SET d = :d",
        ExpressionAttributeValues={":d": {"S": "[" * 300 + "]" * 300}},
    )
    assert len(pipeline.change(None, ROOM)) == 1


@pytest.mark.parametrize("subscriptions", [10, 100])
def test_batch_costs_one_read_per_tenant_however_many_subscriptions_exist(
    pipeline: Pipeline, dynamodb: "DynamoDBClient", subscriptions: int
) -> None:
    for number in range(subscriptions):
        pipeline.subscribe(entities=[{"id": f"x{number}"}])
    pipeline.subscribe()
    pipeline.change(None, entity("warm", temperature=1))
    made: list[str] = []
    note = calls(made)
    dynamodb.meta.events.register("before-call.dynamodb", note)
    pipeline.stream.process(records(history(20)))
    dynamodb.meta.events.unregister("before-call.dynamodb", note)
    assert made == ["GetItem"]


def test_throttled_subscription_costs_one_read_and_one_write_per_batch(
    pipeline: Pipeline, dynamodb: "DynamoDBClient"
) -> None:
    pipeline.subscribe(throttling=1)
    pipeline.change(None, entity("warm", temperature=1, at=START - SECOND))
    made: list[str] = []
    note = calls(made)
    dynamodb.meta.events.register("before-call.dynamodb", note)
    pipeline.stream.process(records(history(20)))
    dynamodb.meta.events.unregister("before-call.dynamodb", note)
    assert made == ["GetItem", "GetItem", "UpdateItem"]


def test_message_says_what_delivery_needs(pipeline: Pipeline) -> None:
    target = {"url": "http://receiver.example/x", "timeout": 1500}
    id = pipeline.subscribe(notification={"http": target, "maxFailsLimit": 3})
    (message,) = pipeline.change(ROOM, written(ROOM, temperature=1))
    assert (message.subscription, message.tenant, message.timeout, message.limit) == (
        id,
        CITY,
        1.5,
        3,
    )
    assert message.request.url == "http://receiver.example/x"


def _as_lambda_shows(one: dict[str, Any]) -> dict[str, Any]:
    """Binary values of an image are base64 text in a Lambda event."""

    image = one["dynamodb"]["NewImage"]
    shown = {
        name: {"B": b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in image.items()
    }
    return {**one, "dynamodb": {"NewImage": shown}}
