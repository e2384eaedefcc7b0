"""Subscriptions and their owners: who may manage one, what it is told, and when that ends."""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from city import aws
from city.clock import SECOND
from city.document import Entity, Write
from city.errors import Forbidden, NotFound
from city.policy import Caller, Subject
from city.policy.accounts import Accounts
from city.policy.grants import Access
from context.messages import Message, parse_message
from context.owners import NO_RIGHTS, Owner, Owners
from tests import oracle
from tests.accounts import grant, put_account
from tests.builders import CITY, FixedClock, entity, following, located
from tests.pipeline import Pipeline, record, wanted
from tests.receiver import Receiver

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BOTH = ("read", "subscribe")
KEPT = 30

Hold = Callable[..., Caller]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def pipeline(
    dynamodb: "DynamoDBClient", context_table: str, security_table: str, clock: FixedClock
) -> Pipeline:
    owners = Owners(Accounts(dynamodb, security_table, 0, clock), clock, max_age=KEPT)
    return Pipeline(dynamodb, context_table, aws.client("sqs"), clock, owners)


@pytest.fixture
def hold(dynamodb: "DynamoDBClient", security_table: str, clock: FixedClock) -> Hold:
    """Give a subject these grants; the subject as a caller."""

    def put(*grants: Any, subject: str = "maker") -> Caller:
        put_account(dynamodb, security_table, subject, grants=grants, kind="user")
        return Caller(Subject(subject), Access(subject, grants, clock()))

    return put


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def subscribe(
    pipeline: Pipeline, caller: Caller, url: str = "http://r.example/", **members: Any
) -> str:
    return pipeline.subscriptions.create(CITY, None, wanted(url, **members), caller)


def touched(old: Entity | None, new: Entity, *names: str) -> Entity:
    new.write = Write(names or tuple(new.attributes))
    return new


def update(pipeline: Pipeline, **values: Any) -> list[Message]:
    """Change a room that had temperature 1 and secret 2; what is queued."""
    old = entity(temperature=1, secret=2)
    new = touched(old, following(old, **values), *values)
    return pipeline.change(old, new)


# Who may manage it


def test_a_subscription_needs_the_rights_to_read_and_to_subscribe(
    pipeline: Pipeline, hold: Hold
) -> None:
    for grants in ([], [grant("read")], [grant("subscribe")], [grant(*BOTH, tenant="other")]):
        with pytest.raises(Forbidden):
            subscribe(pipeline, hold(*grants))
    assert subscribe(pipeline, hold(grant(*BOTH)))


@pytest.mark.parametrize(
    ("limits", "entities"),
    [
        ({"types": ["Room"]}, [{"idPattern": ".*", "type": "Car"}]),
        ({"types": ["Room"]}, [{"idPattern": ".*", "type": "Room"}, {"id": "x", "type": "Car"}]),
        ({"ids": ["room1"]}, [{"id": "room2", "type": "Room"}]),
    ],
)
@pytest.mark.parametrize("limited", BOTH)
def test_a_subscription_about_what_is_never_visible_is_refused(
    pipeline: Pipeline, hold: Hold, limits: Any, entities: Any, limited: str
) -> None:
    (other,) = set(BOTH) - {limited}
    with pytest.raises(Forbidden, match=f"no grant lets you {limited} entities of"):
        subscribe(pipeline, hold(grant(other), grant(limited, **limits)), entities=entities)


def test_a_subscription_to_a_place_without_grants_is_refused(
    pipeline: Pipeline, hold: Hold
) -> None:
    caller = hold(grant(*BOTH, servicePath="/a/#"))
    with pytest.raises(Forbidden, match="anything at /b"):
        pipeline.subscriptions.create(CITY, "/b", wanted(), caller)
    assert pipeline.subscriptions.create(CITY, "/a/b", wanted(), caller)
    assert pipeline.subscriptions.create(CITY, None, wanted(), caller)


def test_others_do_not_know_a_subscription(pipeline: Pipeline, hold: Hold) -> None:
    id = subscribe(pipeline, hold(grant(*BOTH)))
    other, service = hold(grant(*BOTH), subject="other"), pipeline.subscriptions
    for attempt in (
        lambda: service.get(CITY, id, other),
        lambda: service.update(CITY, id, None, {"description": "mine"}, other),
        lambda: service.delete(CITY, id, other),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert service.list(CITY, None, 20, 0, other) == ([], 0)
    assert service.list(CITY, None, 20, 0, hold(grant(*BOTH)))[1] == 1


def test_who_administers_the_tenant_manages_all_of_its_subscriptions(
    pipeline: Pipeline, hold: Hold
) -> None:
    id, service = subscribe(pipeline, hold(grant(*BOTH))), pipeline.subscriptions
    admin = hold(grant(*BOTH, "admin", tenant="city"), subject="admin")
    assert service.list(CITY, None, 20, 0, admin)[1] == 1
    service.update(CITY, id, None, {"description": "checked"}, admin)
    assert service.get(CITY, id, admin)["description"] == "checked"
    elsewhere = hold(grant(*BOTH), grant("admin", tenant="other"), subject="neighbour")
    with pytest.raises(NotFound):
        service.get(CITY, id, elsewhere)
    service.delete(CITY, id, admin)


def test_an_administrators_change_does_not_make_the_owner_see_more(
    pipeline: Pipeline, hold: Hold
) -> None:
    id = subscribe(pipeline, hold(grant(*BOTH, attributes=["temperature"])))
    admin = hold(grant(*BOTH, "admin", tenant="city"), subject="admin")
    notification: Any = {"http": {"url": "http://r.example/"}, "attrs": ["secret"]}
    pipeline.subscriptions.update(CITY, id, None, {"notification": notification}, admin)
    (message,) = update(pipeline, temperature=5, secret=6)
    assert "secret" not in message.request.body


def test_an_administrator_who_sees_less_does_not_send_notifications_of_others_elsewhere(
    pipeline: Pipeline, hold: Hold
) -> None:
    id, service = subscribe(pipeline, hold(grant(*BOTH))), pipeline.subscriptions
    elsewhere: Any = {"notification": {"http": {"url": "http://elsewhere.example/"}}}
    admin = grant("admin", tenant="city", id="a")
    for limited in (grant(*BOTH, types=["Room"]), grant(*BOTH, attributes=["temperature"])):
        with pytest.raises(Forbidden, match="make a subscription of your own"):
            service.update(CITY, id, None, elsewhere, hold(admin, limited, subject="admin"))
    service.update(CITY, id, None, {"status": "inactive"}, hold(admin, limited, subject="admin"))
    assert service.get(CITY, id, hold(grant(*BOTH)))["status"] == "inactive"


def test_a_change_of_a_subscription_needs_the_rights_again(pipeline: Pipeline, hold: Hold) -> None:
    id = subscribe(pipeline, hold(grant(*BOTH, types=["Room", "Car"])))
    subject: Any = {"entities": [{"idPattern": ".*", "type": "Car"}]}
    with pytest.raises(Forbidden):
        pipeline.subscriptions.update(
            CITY, id, None, {"subject": subject}, hold(grant(*BOTH, types=["Room"]))
        )
    with pytest.raises(Forbidden):
        pipeline.subscriptions.update(CITY, id, None, {"description": "x"}, hold())


def test_who_lost_every_right_can_still_look_and_remove(pipeline: Pipeline, hold: Hold) -> None:
    id = subscribe(pipeline, hold(grant(*BOTH)))
    powerless, service = hold(), pipeline.subscriptions
    assert service.get(CITY, id, powerless)["id"] == id
    assert service.list(CITY, None, 20, 0, powerless)[1] == 1
    service.delete(CITY, id, powerless)
    for attempt in (
        lambda: service.get(CITY, id, powerless),
        lambda: service.delete(CITY, id, powerless),
        lambda: service.list(CITY, None, 20, 0, powerless),
    ):
        with pytest.raises(Forbidden):
            attempt()


# What it is told


def test_a_hidden_attribute_neither_triggers_nor_shows(pipeline: Pipeline, hold: Hold) -> None:
    subscribe(pipeline, hold(grant(*BOTH, attributes=["temperature"])))
    assert update(pipeline, secret=5) == []
    (message,) = update(pipeline, temperature=5, secret=6)
    assert "secret" not in message.request.body
    assert message.told.attributes == ("temperature",)


@pytest.mark.parametrize(
    "members",
    [
        {"condition": {"attrs": ["secret"]}},
        {"condition": {"expression": {"q": "secret>0"}}},
        {"condition": {"expression": {"mq": "secret.unit"}}},
        {"condition": {"attrs": ["secret"], "alterationTypes": ["entityUpdate"]}},
        {"condition": {"attrs": ["secret"], "notifyOnMetadataChange": True}},
    ],
)
def test_a_condition_on_a_hidden_attribute_is_never_met(
    pipeline: Pipeline, hold: Hold, members: Any
) -> None:
    subscribe(pipeline, hold(grant(*BOTH), grant("read", effect="deny", attributes=["secret"], id="d")),
              **members)  # fmt: skip
    assert update(pipeline, temperature=5, secret=6) == []


def test_that_a_hidden_attribute_is_missing_cannot_be_asked_either(
    pipeline: Pipeline, hold: Hold
) -> None:
    """A hidden attribute is absent for every condition, whether the entity has it or not."""
    subscribe(
        pipeline,
        hold(grant(*BOTH, attributes=["temperature"])),
        condition={"expression": {"q": "!secret"}},
    )
    assert len(update(pipeline, temperature=5)) == 1
    old = entity(temperature=1)
    assert (
        len(pipeline.change(old, touched(old, following(old, temperature=7), "temperature"))) == 1
    )


def test_a_hidden_location_is_nowhere(pipeline: Pipeline, hold: Hold) -> None:
    near: Any = {"georel": "near;maxDistance:1000", "geometry": "point", "coords": "41,2"}
    for subject, grants in (
        ("sees", [grant(*BOTH)]),
        ("not", [grant(*BOTH, attributes=["temperature"])]),
    ):
        subscribe(pipeline, hold(*grants, subject=subject), condition={"expression": near})
    old = located(entity(temperature=1), 2, 41)
    new = located(following(old, temperature=2), 2, 41)
    queued = pipeline.change(old, touched(old, new, "temperature"))
    assert [message.told.owner.subject for message in queued] == ["sees"]


def test_covered_metadata_and_changed_attributes_say_nothing_of_what_is_hidden(
    pipeline: Pipeline, hold: Hold
) -> None:
    caller = hold(grant(*BOTH, attributes=["temperature", "humidity"]))
    channel: Any = {"http": {"url": "http://r.example/"}}
    metadata: Any = {"metadata": ["previousValue", "actionType"]}
    subscribe(pipeline, caller, notification=channel | metadata)
    subscribe(pipeline, caller, notification=channel | {"onlyChangedAttrs": True})
    subscribe(
        pipeline,
        caller,
        notification=channel | {"attrs": ["secret", "temperature"], "covered": True},
    )
    subscribe(pipeline, caller, notification=channel | {"exceptAttrs": ["temperature"]})
    subscribe(pipeline, caller, notification={
        "httpCustom": {"url": "http://r.example/${secret}", "payload": "${temperature} ${secret}"}
    })  # fmt: skip
    with_secret = [one.request for one in update(pipeline, temperature=5, secret=6)]
    old = entity(temperature=1)
    without = pipeline.change(old, touched(old, following(old, temperature=5), "temperature"))
    told = sorted((request.url, request.body) for request in with_secret)
    assert told == sorted((message.request.url, message.request.body) for message in without)
    assert len(told) == 5


def test_a_creation_and_a_deletion_are_told_as_far_as_they_are_visible(
    pipeline: Pipeline, hold: Hold
) -> None:
    everything: Any = {"alterationTypes": ["entityCreate", "entityDelete"]}
    subscribe(pipeline, hold(grant(*BOTH, attributes=["temperature"])), condition=everything)
    room, car = entity(temperature=1, secret=2), entity("car1", "Car", temperature=1)
    for old, new in ((None, room), (room, None)):
        (message,) = pipeline.change(old, new)
        assert "temperature" in message.request.body
        assert "secret" not in message.request.body
    assert pipeline.change(None, car) == []


GRANTS: dict[str, list[oracle.Grant]] = {
    "all": [{"actions": [*BOTH]}],
    "path": [{"actions": [*BOTH], "servicePath": "/a"}],
    "subtree": [{"actions": [*BOTH], "servicePath": "/a/#"}],
    "type": [{"actions": ["read"], "types": ["Room"]}, {"actions": ["subscribe"]}],
    "id": [{"actions": [*BOTH], "idPattern": "room[12]"}],
    "attribute": [{"actions": ["read"], "attributes": ["secret"]}, {"actions": ["subscribe"]}],
    "narrow": [{"actions": ["read"]}, {"actions": ["subscribe"], "attributes": ["temperature"]}],
    "denied": [{"actions": [*BOTH]}, {"effect": "deny", "actions": ["read"], "types": ["Room"],
               "servicePath": "/a/b"}],
    "hidden": [{"actions": [*BOTH]}, {"effect": "deny", "actions": ["read"], "attributes": ["secret"],
               "ids": ["room1"]}],
    "elsewhere": [{"actions": [*BOTH], "tenant": "other"}, {"actions": ["subscribe"]}],
}  # fmt: skip


def test_notifications_of_every_owner_are_what_an_oracle_says(
    pipeline: Pipeline, hold: Hold
) -> None:
    """Ten owners, one subscription each; two hundred changes of everything there is."""
    whole = hold(grant(*BOTH))
    held: dict[str, list[oracle.Grant]] = {}
    for owner, grants in GRANTS.items():
        held[owner] = [{"tenant": "city", **one} for one in grants]
        parsed = [grant(*one["actions"], id=f"g{n}", **{k: v for k, v in one.items() if k != "actions"})
                  for n, one in enumerate(held[owner])]  # fmt: skip
        hold(*parsed, subject=owner)
        maker = Caller(Subject(owner), whole.access)
        subscribe(pipeline, maker, entities=[{"idPattern": ".*"}])
    for path in ("/", "/a/", "/ab/", "/a/b/"):
        for type in ("Room", "Car"):
            for id in ("room1", "room2", "room3"):
                for names in (("temperature",), ("secret",), ("temperature", "secret")):
                    old = entity(id, type, path, temperature=1, secret=2, name="n")
                    new = touched(old, following(old, **dict.fromkeys(names, 7)), *names)
                    place = oracle.Place("city", path.rstrip("/") or "/", type, id)
                    values = {name: one.value for name, one in new.attributes.items()}
                    expected = {
                        owner: shown
                        for owner, grants in held.items()
                        if (shown := oracle.shown(grants, place, values, *BOTH)) is not None
                        and not shown.keys().isdisjoint(names)
                    }
                    told = {
                        message.told.owner.subject: _values(message)
                        for message in pipeline.change(old, new)
                    }
                    assert told == expected, (place, names)


def _values(message: Message) -> dict[str, Any]:
    (shown,) = json.loads(message.request.body)["data"]
    return {name: shown[name]["value"] for name in shown if name not in ("id", "type")}


# When it ends


def test_an_owner_who_lost_every_right_gets_nothing_and_the_subscription_says_why(
    pipeline: Pipeline, hold: Hold, clock: FixedClock
) -> None:
    id = subscribe(pipeline, hold(grant(*BOTH)))
    assert len(update(pipeline, temperature=2)) == 1
    hold()
    clock.now += KEPT * SECOND
    assert update(pipeline, temperature=3) == []
    shown = pipeline.shown(id)
    assert shown["status"] == "inactive"
    assert shown["notification"]["lastFailureReason"] == NO_RIGHTS


@pytest.mark.parametrize("before", [[], [grant(*BOTH, types=["Car"])]])
def test_a_subscription_made_right_after_its_grant_misses_nothing(
    pipeline: Pipeline, hold: Hold, clock: FixedClock, before: Any
) -> None:
    """The matcher has just seen that the owner may see less."""
    hold(*before)
    pipeline.notifier._owners.sight(Owner("maker"), CITY)
    caller = hold(grant(*BOTH))
    clock.now += SECOND
    id = subscribe(pipeline, caller)
    clock.now += SECOND
    room = entity(temperature=1, at=clock.now)
    assert len(pipeline.change(None, room)) == 1
    assert pipeline.shown(id)["status"] == "active"


def test_what_was_queued_before_the_revocation_is_withheld(
    pipeline: Pipeline, hold: Hold, clock: FixedClock, receiver: Receiver, caplog: Any
) -> None:
    id = subscribe(pipeline, hold(grant(*BOTH)), receiver.url)
    old = entity(temperature=1)
    pipeline.stream.process([record(old, touched(old, following(old, temperature=2)))])
    hold()
    clock.now += KEPT * SECOND
    assert pipeline.run() == []
    assert receiver.received == []
    assert "withheld 1" in caplog.text
    shown = pipeline.shown(id)
    assert shown["status"] == "inactive"
    assert "timesSent" not in shown["notification"]
    assert pipeline.taken(pipeline.dead_notifications) == []


def test_one_lost_attribute_withholds_only_what_shows_it(
    pipeline: Pipeline, hold: Hold, clock: FixedClock, receiver: Receiver
) -> None:
    caller = hold(grant(*BOTH))
    for attrs in (["temperature"], ["secret"]):
        channel: Any = {"http": {"url": receiver.url}, "attrs": attrs}
        subscribe(pipeline, caller, notification=channel)
    old = entity(temperature=1, secret=2)
    pipeline.stream.process([record(old, touched(old, following(old, temperature=2, secret=3)))])
    hold(grant(*BOTH, attributes=["temperature"]))
    clock.now += KEPT * SECOND
    pipeline.run()
    (received,) = receiver.received
    assert "secret" not in received.body
    everybody = pipeline.subscriptions.list(CITY, None, 20, 0)[0]
    assert [one["status"] for one in everybody] == ["active", "active"]


def test_what_is_parked_is_withheld_too(
    pipeline: Pipeline, hold: Hold, clock: FixedClock, receiver: Receiver
) -> None:
    id = subscribe(pipeline, hold(grant(*BOTH)), receiver.url)
    receiver.status = 500
    old = entity(temperature=1)
    pipeline.stream.process([record(old, touched(old, following(old, temperature=2)))])
    pipeline.run()
    assert len(receiver.received) == 1
    receiver.status = 204
    hold()
    clock.now += KEPT * SECOND
    pipeline.tick(id)
    assert len(receiver.received) == 1
    state = pipeline.store.state(CITY, id)
    assert state is not None
    assert (state.parked, state.off) == (0, True)
    assert pipeline.taken(pipeline.dead_notifications) == []


def test_a_message_without_owner_is_no_message() -> None:
    with pytest.raises(ValueError, match="told"):
        parse_message('{"tenant":"","subscription":"s","group":"g","sequence":"1","at":1,'
                      '"request":{"method":"POST","url":"u","headers":{}}}')  # fmt: skip
