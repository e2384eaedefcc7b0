"""Delivery over real HTTP: order, retries, parking, dead letters, counters, and faults."""

import random
import time
from base64 import b64encode
from collections.abc import Callable
from string import ascii_lowercase, digits
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from city import aws
from city.clock import SECOND
from city.document import Entity, Write
from context.changes import change_between
from context.messages import Tick
from context.store.subscriptions import State
from tests.builders import CITY, START, entity, following
from tests.pipeline import RETENTION, Pipeline, record, refusing
from tests.receiver import Receiver

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def steps(number: int, id: str = "room1") -> list[tuple[Entity | None, Entity]]:
    """A creation and updates of one entity, as pairs of versions."""
    versions = [entity(id, temperature=0)]
    for value in range(1, number):
        new = following(versions[-1], temperature=value)
        new.write = Write(("temperature",), correlator="abc")
        versions.append(new)
    return list(zip([None, *versions], versions, strict=False))


def feed(pipeline: Pipeline, number: int, id: str = "room1") -> None:
    pipeline.stream.process([record(old, new) for old, new in steps(number, id)])


def values(receiver: Receiver, id: str = "room1") -> list[int]:
    """Distinct temperatures of an entity in order of first arrival."""
    found = [one["temperature"]["value"] for one in receiver.entities if one["id"] == id]
    return list(dict.fromkeys(found))


def test_every_change_arrives_once_and_in_order(pipeline: Pipeline, receiver: Receiver) -> None:
    id = pipeline.subscribe(receiver.url)
    feed(pipeline, 5)
    assert pipeline.run() == []
    assert [one["temperature"]["value"] for one in receiver.entities] == [0, 1, 2, 3, 4]
    shown = pipeline.shown(id)["notification"]
    assert (shown["timesSent"], shown["lastSuccessCode"]) == (5, 204)
    assert shown["lastNotification"].endswith(":00.000Z") or ".000Z" in shown["lastNotification"]
    assert "failsCounter" not in shown


def test_failing_receiver_gets_everything_in_order_once_it_is_well(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    id = pipeline.subscribe(receiver.url)
    receiver.status = 500
    feed(pipeline, 4)
    pipeline.run()
    assert values(receiver) == [0], "only the first was tried"
    assert pipeline.ticks() == 1
    shown = pipeline.shown(id)["notification"]
    assert (shown["failsCounter"], shown["lastFailureReason"]) == (4, "the receiver answered 500")
    receiver.received.clear()
    receiver.status = 200
    pipeline.tick(id)
    assert values(receiver) == [0, 1, 2, 3]
    shown = pipeline.shown(id)["notification"]
    assert (shown["timesSent"], shown["lastSuccessCode"]) == (4, 200)
    assert "failsCounter" not in shown
    state = pipeline.store.state(CITY, id)
    assert state is not None
    assert state.parked == 0


def test_parked_subscription_spends_no_time_on_its_receiver(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    id = pipeline.subscribe(receiver.url)
    receiver.status = 503
    feed(pipeline, 1)
    pipeline.run()
    feed(pipeline, 3, "room2")
    pipeline.run()
    assert len(receiver.received) == 1
    assert pipeline.ticks() == 1, "one tick drives the subscription, however much waits"
    receiver.status = 204
    pipeline.tick(id)
    assert values(receiver, "room2") == [0, 1, 2]


def test_pause_between_tries_doubles_to_a_quarter_of_an_hour(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    id = pipeline.subscribe(receiver.url)
    receiver.status = 500
    feed(pipeline, 1)
    pipeline.run()
    pauses = []
    for _ in range(12):
        pipeline.tick(id)
        state = pipeline.store.state(CITY, id)
        assert state is not None
        pauses.append((state.tick - pipeline.clock.now) // SECOND)
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_receiver_may_ask_for_a_longer_pause(pipeline: Pipeline, receiver: Receiver) -> None:
    id = pipeline.subscribe(receiver.url)
    receiver.status, receiver.retry_after = 429, 120
    feed(pipeline, 1)
    pipeline.run()
    pipeline.tick(id)
    state = pipeline.store.state(CITY, id)
    assert state is not None
    assert state.pause == 120


def test_refused_notification_goes_to_the_dead_letters_at_once(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    id = pipeline.subscribe(receiver.url)
    receiver.status = 404
    feed(pipeline, 2)
    pipeline.run()
    assert values(receiver) == [0, 1], "a refusal does not hold up what follows"
    dead = pipeline.taken(pipeline.dead_notifications)
    assert [one["reason"] for one in dead] == ["the receiver answered 404"] * 2
    assert pipeline.shown(id)["notification"]["failsCounter"] == 2
    assert pipeline.ticks() == 0


def test_redirect_is_not_followed_but_tried_again(pipeline: Pipeline, receiver: Receiver) -> None:
    id = pipeline.subscribe(receiver.url)
    receiver.status = 302
    feed(pipeline, 1)
    pipeline.run()
    assert len(receiver.received) == 1
    receiver.status = 200
    pipeline.tick(id)
    assert len(receiver.received) == 2


def test_notification_older_than_the_retention_is_given_up(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    id = pipeline.subscribe(receiver.url)
    receiver.status = 500
    feed(pipeline, 3)
    pipeline.run()
    pipeline.clock.now += RETENTION * SECOND + 1
    pipeline.tick(id)
    dead = pipeline.taken(pipeline.dead_notifications)
    assert len(dead) == 3
    assert dead[0]["reason"] == "given up after 86400 s: the receiver answered 500"
    state = pipeline.store.state(CITY, id)
    assert state is not None
    assert state.parked == 0 or pipeline.ticks() > 0


def test_one_refused_entity_does_not_hold_up_the_others(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    """A receiver that is alive but fails on one entity gets all the others."""
    id = pipeline.subscribe(receiver.url)
    receiver.statuses = {'"room1"': 500}
    for name in ("room1", "room2", "room3"):
        feed(pipeline, 2, name)
    pipeline.run()
    pipeline.tick(id)
    assert values(receiver, "room2") == [0, 1]
    assert values(receiver, "room3") == [0, 1]
    receiver.statuses = {}
    pipeline.tick(id)
    assert values(receiver, "room1") == [0, 1]


def test_hanging_receiver_costs_its_timeout_once_and_slows_nobody(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    hanging = Receiver(hanging=True)
    notification = {"http": {"url": hanging.url, "timeout": 300}}
    slow = pipeline.subscribe(notification=notification)
    pipeline.subscribe(receiver.url)
    for name in ("room1", "room2", "room3", "room4", "room5"):
        feed(pipeline, 4, name)
    start = time.monotonic()
    while pipeline.run():
        """Until the queue is empty."""
    elapsed = time.monotonic() - start
    assert len(receiver.received) == 20
    assert len(hanging.received) <= 5, "at most the groups of one batch find out"
    assert elapsed < 2
    state = pipeline.store.state(CITY, slow)
    assert state is not None
    assert state.parked == 20
    assert "timed out" in state.failure_reason.lower()
    hanging.close()


def test_dead_address_is_parked_with_the_reason(pipeline: Pipeline) -> None:
    gone = Receiver()
    gone.close()
    id = pipeline.subscribe(gone.url)
    feed(pipeline, 1)
    pipeline.run()
    shown = pipeline.shown(id)["notification"]
    assert shown["failsCounter"] == 1
    assert "refused" in shown["lastFailureReason"]


def test_private_address_is_never_called(pipeline: Pipeline) -> None:
    id = pipeline.subscribe("http://169.254.169.254/latest/meta-data")
    feed(pipeline, 1)
    pipeline.run()
    (dead,) = pipeline.taken(pipeline.dead_notifications)
    assert "not public" in dead["reason"]
    assert "not public" in pipeline.shown(id)["notification"]["lastFailureReason"]


def test_failing_more_often_than_the_limit_makes_inactive(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    id = pipeline.subscribe(receiver.url, notification={"maxFailsLimit": 2})
    receiver.status = 500
    feed(pipeline, 2)
    pipeline.run()
    assert pipeline.shown(id)["status"] == "active"
    feed(pipeline, 1, "room2")
    pipeline.run()
    assert pipeline.shown(id)["status"] == "inactive"
    assert pipeline.change(None, entity("room3", temperature=1)) == []
    pipeline.tick(id)
    dead = pipeline.taken(pipeline.dead_notifications)
    assert [one["reason"] for one in dead] == ["the subscription passed its maxFailsLimit"] * 3
    pipeline.subscriptions.update(CITY, id, None, {"status": "active"})
    assert pipeline.shown(id)["status"] == "active"
    assert "failsCounter" not in pipeline.shown(id)["notification"]


def test_success_between_failures_starts_counting_again(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    id = pipeline.subscribe(receiver.url, notification={"maxFailsLimit": 1})
    for name in ("room1", "room2", "room3"):
        receiver.status = 404
        feed(pipeline, 1, name)
        pipeline.run()
        receiver.status = 204
        feed(pipeline, 1, f"{name}b")
        pipeline.run()
    assert pipeline.shown(id)["status"] == "active"


def test_deleted_subscription_drops_what_is_queued_and_parked(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    id = pipeline.subscribe(receiver.url)
    receiver.status = 500
    feed(pipeline, 2)
    pipeline.run()
    feed(pipeline, 1, "room2")
    pipeline.subscriptions.delete(CITY, id)
    receiver.received.clear()
    assert pipeline.run() == []
    pipeline.tick(id)
    assert receiver.received == []
    assert list(pipeline.parked.waiting(CITY, id)) == []


def test_repeated_message_is_parked_once(pipeline: Pipeline, receiver: Receiver) -> None:
    id = pipeline.subscribe(receiver.url)
    receiver.status = 500
    feed(pipeline, 2)
    records = pipeline.taken(pipeline.notifications)
    pipeline.inbox.process(records)
    pipeline.inbox.process(records)
    state = pipeline.store.state(CITY, id)
    assert state is not None
    assert state.parked == 2


def test_lost_tick_is_sent_again(pipeline: Pipeline, receiver: Receiver) -> None:
    id = pipeline.subscribe(receiver.url)
    receiver.status = 500
    feed(pipeline, 1)
    pipeline.run()
    pipeline.clock.now += 120 * SECOND
    feed(pipeline, 1, "room2")
    pipeline.run()
    assert pipeline.ticks() == 2
    receiver.status = 204
    pipeline.tick(id)
    assert values(receiver, "room2") == [0]


def test_tick_that_comes_before_its_time_is_a_duplicate(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    id = pipeline.subscribe(receiver.url)
    receiver.status = 500
    feed(pipeline, 1)
    pipeline.run()
    pipeline.tick(id)
    pipeline.tick(id)
    receiver.received.clear()
    ticks = pipeline.ticks()
    pipeline.draining.drain(Tick(CITY, id))
    assert receiver.received == []
    assert pipeline.ticks() == ticks


def test_two_ticks_do_not_drain_at_the_same_time(pipeline: Pipeline, receiver: Receiver) -> None:
    id = pipeline.subscribe(receiver.url)
    receiver.status = 500
    feed(pipeline, 1)
    pipeline.run()
    receiver.received.clear()
    pipeline.parked.lease(CITY, id, "another")
    pipeline.tick(id)
    assert receiver.received == []


@pytest.mark.parametrize("status", [500, 204])
def test_drain_whose_answers_are_lost_goes_on(
    pipeline: Pipeline,
    receiver: Receiver,
    dynamodb: "DynamoDBClient",
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    """The client repeats a write whose answer was lost; lease, release and finish meet themselves."""
    id = pipeline.subscribe(receiver.url)
    receiver.status = 500
    feed(pipeline, 1)
    pipeline.run()
    receiver.received.clear()
    receiver.status = status
    ticks, once = pipeline.ticks(), dynamodb.update_item

    def twice(**request: Any) -> Any:
        once(**request)
        return once(**request)

    monkeypatch.setattr(dynamodb, "update_item", twice)
    pipeline.tick(id)
    assert values(receiver) == [0]
    state = pipeline.store.state(CITY, id)
    assert state is not None
    assert state.parked == (status == 500)
    assert pipeline.ticks() == ticks + (status == 500), "what is left has a tick on its way"


def test_reason_in_a_receivers_own_words_is_one_a_queue_takes(pipeline: Pipeline) -> None:
    """SQS refuses control characters (SendMessage, #x9 | #xA | #xD | #x20 and up)."""
    pipeline.dead_letters.put_unreadable("x", "\x00\x1b\x1f \\ é")
    (dead,) = pipeline.taken(pipeline.dead_notifications)
    assert dead["reason"] == r"\x00\x1b\x1f \\ \xe9"


def test_address_too_long_for_a_queue_is_set_aside_and_stops_nothing(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    custom: Any = {"httpCustom": {"url": "http://receiver.example/${text}"}}
    pipeline.subscribe(notification=custom)
    pipeline.subscribe(receiver.url)
    change = record(None, entity(text="x" * 300_000))
    image = change["dynamodb"]["NewImage"]
    image["d"] = {"B": b64encode(image["d"]["B"]).decode()}
    pipeline.stream.process([change])
    (dead,) = pipeline.taken(pipeline.dead_records)
    assert dead["reason"].startswith("TooLarge")
    assert pipeline.run() == []
    assert len(receiver.received) == 1


@pytest.mark.parametrize("operation", ["GetItem", "TransactWriteItems"])
def test_throttled_table_loses_nothing(
    pipeline: Pipeline, receiver: Receiver, operation: str
) -> None:
    """What could not be looked up or parked comes again; the rest is settled."""
    well = Receiver()
    failing = pipeline.subscribe(receiver.url)
    pipeline.subscribe(well.url)
    receiver.status = 500
    feed(pipeline, 3)
    records = pipeline.taken(pipeline.notifications)
    with refusing(aws.client("dynamodb"), operation, times=4) as refused:
        again = pipeline.inbox.process(records)
    assert len(refused) >= 1
    assert again, "the throttled part comes again"
    pipeline.inbox.process([one for one in records if one["messageId"] in again])
    state = pipeline.store.state(CITY, failing)
    assert state is not None
    assert state.parked == 3
    assert values(well) == [0, 1, 2]
    well.close()


def test_throttled_counters_stop_no_delivery(pipeline: Pipeline, receiver: Receiver) -> None:
    pipeline.subscribe(receiver.url)
    feed(pipeline, 2)
    with refusing(aws.client("dynamodb"), "UpdateItem", times=4):
        assert pipeline.run() == []
    assert values(receiver) == [0, 1]


def test_throttled_drain_is_put_off_and_loses_nothing(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    id = pipeline.subscribe(receiver.url)
    receiver.status = 500
    feed(pipeline, 3)
    pipeline.run()
    receiver.status = 204
    with refusing(aws.client("dynamodb"), "Query", times=4):
        pipeline.tick(id)
    assert pipeline.ticks() == 2
    pipeline.tick(id)
    assert values(receiver) == [0, 1, 2]


def test_large_body_travels_beside_the_queue(pipeline: Pipeline, receiver: Receiver) -> None:
    text = "".join(random.Random(7).choices(ascii_lowercase + digits, k=700_000))
    pipeline.subscribe(receiver.url)
    changes = [change_between(None, entity(text=text), START)]
    assert pipeline.notifier.notify(changes) == {}
    (taken,) = pipeline.taken(pipeline.notifications)
    assert len(taken["body"]) < 2_000
    pipeline.inbox.process([taken])
    assert receiver.entities[0]["text"]["value"] == text


def test_unreadable_message_stops_no_other(pipeline: Pipeline, receiver: Receiver) -> None:
    pipeline.subscribe(receiver.url)
    feed(pipeline, 1)
    bad = {"messageId": "bad", "body": '{"tenant": 1, "request": {}}'}
    assert pipeline.inbox.process([bad, *pipeline.taken(pipeline.notifications)]) == []
    assert values(receiver) == [0]
    (letter,) = pipeline.taken(pipeline.dead_notifications)
    assert letter["body"] == bad["body"]


def test_order_holds_while_parking_and_draining_race(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    """A flapping receiver, one who delivers and two who drain: everything arrives, in order."""
    id = pipeline.subscribe(receiver.url)
    names = ["room1", "room2", "room3"]
    for name in names:
        feed(pipeline, 12, name)
    over = Event()
    draining = [Thread(target=drain_until, args=(over, pipeline, id)) for _ in range(2)]
    flapping = Thread(target=flap, args=(receiver,))
    for thread in (*draining, flapping):
        thread.start()
    deliver_slowly(pipeline)
    flapping.join()
    wait_until(lambda: (pipeline.store.state(CITY, id) or State()).parked == 0)
    over.set()
    for thread in draining:
        thread.join()
    for name in names:
        assert values(receiver, name) == [*range(12)]
    assert pipeline.taken(pipeline.dead_notifications) == []


def drain_until(over: Event, pipeline: Pipeline, subscription: str) -> None:
    while not over.is_set():
        pipeline.clock.now += SECOND
        pipeline.draining.drain(Tick(CITY, subscription))


def flap(receiver: Receiver) -> None:
    for status in (500, 204, 503, 204, 500, 204):
        receiver.status = status
        time.sleep(0.15)


def deliver_slowly(pipeline: Pipeline) -> None:
    """Deliver what is queued four at a time; what has to come again comes again at once."""
    records = pipeline.taken(pipeline.notifications)
    for start in range(0, len(records), 4):
        batch = records[start : start + 4]
        while ids := pipeline.inbox.process(batch):
            batch = [one for one in batch if one["messageId"] in ids]


def wait_until(holds: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
