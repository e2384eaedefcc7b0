"""Subscriptions as clients manage them, on a fresh table."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from city.clock import SECOND
from city.errors import InvalidRequest, Malformed, NotFound, TooLarge, Unsupported
from city.json import Json
from city.tenancy import Tenant
from context.store.subscriptions import Report
from tests.builders import CITY, START
from tests.pipeline import Pipeline, wanted

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OTHER = Tenant("other")
UNKNOWN = "0" * 24


def items(dynamodb: "DynamoDBClient", table: str) -> list[Any]:
    return list(dynamodb.scan(TableName=table)["Items"])


def test_id_is_24_hex_digits_in_order_of_creation(pipeline: Pipeline) -> None:
    ids = []
    for _ in range(3):
        ids.append(pipeline.subscribe())
        pipeline.clock.now += 1
    assert all(re.fullmatch("[0-9a-f]{24}", id) for id in ids)
    assert ids == sorted(ids)


def test_defaults_are_shown(pipeline: Pipeline) -> None:
    id = pipeline.subscribe()
    assert pipeline.shown(id) == {
        "id": id,
        "status": "active",
        "subject": {
            "entities": [{"idPattern": ".*", "type": "Room"}],
            "condition": {"attrs": [], "notifyOnMetadataChange": True},
        },
        "notification": {
            "attrs": [],
            "onlyChangedAttrs": False,
            "attrsFormat": "normalized",
            "http": {"url": "http://receiver.example/"},
            "covered": False,
        },
    }


def test_everything_that_was_sent_is_shown(pipeline: Pipeline) -> None:
    condition: dict[str, Json] = {
        "attrs": ["temperature"],
        "expression": {"q": "temperature>40", "mq": "temperature.unit==C"},
        "alterationTypes": ["entityCreate"],
        "notifyOnMetadataChange": False,
    }
    channel: dict[str, Json] = {
        "url": "http://receiver.example/${id}",
        "method": "PUT",
        "headers": {"X-A": "b"},
        "qs": {"type": "${type}"},
        "json": {"t": "${temperature}"},
        "timeout": 2000,
    }
    notification: dict[str, Json] = {
        "httpCustom": channel,
        "attrs": ["temperature"],
        "metadata": ["unit"],
        "attrsFormat": "keyValues",
        "onlyChangedAttrs": True,
        "covered": True,
        "maxFailsLimit": 3,
    }
    id = pipeline.subscribe(
        condition=condition,
        notification=notification,
        description="warm rooms",
        throttling=5,
        expires="2050-04-05T14:00:00.5Z",
    )
    shown = pipeline.shown(id)
    assert shown["subject"]["condition"] == condition
    assert shown["notification"] == notification
    assert (shown["description"], shown["throttling"]) == ("warm rooms", 5)
    assert shown["expires"] == "2050-04-05T14:00:00.000Z"


def test_counters_are_shown_in_whole_seconds(pipeline: Pipeline) -> None:
    id = pipeline.subscribe()
    moment = START + 123_456
    report = Report(sent=2, failed=1, at=moment, failure=moment, failure_reason="gone")
    pipeline.store.count(CITY, id, report)
    shown = pipeline.shown(id)["notification"]
    assert shown["lastNotification"] == shown["lastFailure"] == "2026-09-21T14:13:20.000Z"
    assert (shown["timesSent"], shown["failsCounter"]) == (2, 1)
    assert shown["lastFailureReason"] == "gone"


def test_past_expiry_is_taken_and_shown_as_expired(pipeline: Pipeline) -> None:
    id = pipeline.subscribe(expires="2001-01-01")
    assert pipeline.shown(id)["status"] == "expired"
    pipeline.subscriptions.update(CITY, id, None, {"expires": ""})
    assert pipeline.shown(id)["status"] == "active"
    assert "expires" not in pipeline.shown(id)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "empty payload"),
        (wanted(expires="tomorrow"), "expires has an invalid format"),
        (wanted(condition={"expression": {"q": "a=="}}), "empty right-hand-side in q-item"),
        (wanted(status="asleep"), "status is not valid"),
    ],
)
def test_refused_subscription_leaves_nothing(
    pipeline: Pipeline,
    dynamodb: "DynamoDBClient",
    context_table: str,
    body: dict[str, Json],
    text: str,
) -> None:
    with pytest.raises(InvalidRequest, match=text):
        pipeline.subscriptions.create(CITY, None, body)
    assert items(dynamodb, context_table) == []


@pytest.mark.parametrize(
    "body",
    [
        wanted() | {"notification": {"mqtt": {"url": "mqtt://a", "topic": "t"}}},
        wanted() | {"notification": {"kafka": {"url": "kafka://a", "topic": "t"}}},
        wanted(condition={"jexlExpression": "a>1"}),
        wanted(notification={"httpCustom": {"url": "http://a.example", "payload": "${a|len}"}}),
    ],
)
def test_what_is_not_offered_is_said_so(
    pipeline: Pipeline, dynamodb: "DynamoDBClient", context_table: str, body: dict[str, Json]
) -> None:
    with pytest.raises(Unsupported):
        pipeline.subscriptions.create(CITY, None, body)
    assert items(dynamodb, context_table) == []


def test_subscription_that_fits_no_row_is_refused(
    pipeline: Pipeline, dynamodb: "DynamoDBClient", context_table: str
) -> None:
    channel: Json = {"url": "http://receiver.example/", "payload": "x" * 400_000}
    id = pipeline.subscribe()
    before = items(dynamodb, context_table)
    with pytest.raises(TooLarge, match="subscription"):
        pipeline.subscribe(notification={"httpCustom": channel})
    with pytest.raises(TooLarge, match="subscription"):
        pipeline.subscriptions.update(CITY, id, None, {"notification": {"httpCustom": channel}})
    assert items(dynamodb, context_table) == before


def test_body_that_is_no_object_is_unreadable(pipeline: Pipeline) -> None:
    with pytest.raises(Malformed, match="Errors found in incoming JSON buffer"):
        pipeline.subscriptions.create(CITY, None, [])


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("/a,/b", "max one service-path allowed for subscriptions"),
        ("a", "absolute"),
        ("/a/#/b", "illegal character"),
    ],
)
def test_unusable_service_path_is_refused(pipeline: Pipeline, header: str, text: str) -> None:
    with pytest.raises(InvalidRequest, match=text):
        pipeline.subscriptions.create(CITY, header, wanted())


def test_list_with_a_path_shows_those_that_watch_exactly_this_path(pipeline: Pipeline) -> None:
    created = {}
    for path in (None, "/#", "/parks", "/parks/", "/parks/#", "/"):
        created[path] = pipeline.subscriptions.create(CITY, path, wanted())
        pipeline.clock.now += 1

    def listed(path: str | None) -> list[Json]:
        found, total = pipeline.subscriptions.list(CITY, path, 20, 0)
        assert total == len(found)
        return [one["id"] for one in found]

    assert listed("/parks") == listed("/parks/") == [created["/parks"], created["/parks/"]]
    assert listed("/parks/#") == [created["/parks/#"]]
    assert listed("/") == [created["/"]]
    assert listed(None) == listed("/#") == [*created.values()]


def test_list_is_paged_and_counted(pipeline: Pipeline) -> None:
    ids = []
    for _ in range(5):
        ids.append(pipeline.subscribe())
        pipeline.clock.now += 1
    found, total = pipeline.subscriptions.list(CITY, None, 2, 1)
    assert ([one["id"] for one in found], total) == (ids[1:3], 5)
    assert pipeline.subscriptions.list(CITY, None, 0, 0) == ([], 5)
    assert pipeline.subscriptions.list(CITY, None, 20, 9) == ([], 5)


def test_tenants_never_meet(pipeline: Pipeline) -> None:
    id = pipeline.subscribe()
    assert pipeline.subscriptions.list(OTHER, None, 20, 0) == ([], 0)
    with pytest.raises(NotFound):
        pipeline.subscriptions.get(OTHER, id)
    with pytest.raises(NotFound):
        pipeline.subscriptions.update(OTHER, id, None, {"status": "inactive"})
    with pytest.raises(NotFound):
        pipeline.subscriptions.delete(OTHER, id)
    assert pipeline.shown(id)["status"] == "active"


@pytest.mark.parametrize(
    ("id", "refusal", "text"),
    [
        ("abc", InvalidRequest, "Invalid subscription ID: bad length - 24 chars expected"),
        ("x" * 24, InvalidRequest, "Invalid subscription ID: invalid char in ID string"),
        (UNKNOWN, NotFound, "The requested subscription has not been found. Check id"),
    ],
)
def test_unknown_and_malformed_ids_are_refused(
    pipeline: Pipeline, id: str, refusal: type[Exception], text: str
) -> None:
    service = pipeline.subscriptions
    for call in (service.get, service.delete):
        with pytest.raises(refusal, match=text):
            call(CITY, id)
    with pytest.raises(refusal, match=text):
        service.update(CITY, id, None, {"status": "active"})


def test_patch_replaces_subject_and_notification_whole(pipeline: Pipeline) -> None:
    id = pipeline.subscribe(
        description="old", notification={"attrs": ["a"], "attrsFormat": "keyValues"}
    )
    changes: dict[str, Json] = {
        "notification": {"http": {"url": "http://new.example/"}},
        "subject": {"entities": [{"id": "room9"}]},
    }
    pipeline.subscriptions.update(CITY, id, None, changes)
    shown = pipeline.shown(id)
    assert shown["description"] == "old"
    assert shown["subject"]["entities"] == [{"id": "room9"}]
    assert shown["notification"]["attrs"] == []
    assert shown["notification"]["attrsFormat"] == "normalized"


def test_patch_keeps_the_flags_it_does_not_name(pipeline: Pipeline) -> None:
    id = pipeline.subscribe(
        condition={"notifyOnMetadataChange": False},
        notification={"attrs": ["a"], "covered": True, "onlyChangedAttrs": True},
    )
    changes: dict[str, Json] = {
        "notification": {"http": {"url": "http://new.example/"}, "attrs": ["b"]},
        "subject": {"entities": [{"id": "room9"}]},
    }
    pipeline.subscriptions.update(CITY, id, None, changes)
    shown = pipeline.shown(id)
    assert shown["notification"]["covered"] is True
    assert shown["notification"]["onlyChangedAttrs"] is True
    assert shown["subject"]["condition"]["notifyOnMetadataChange"] is False


def test_empty_description_removes_it(pipeline: Pipeline) -> None:
    id = pipeline.subscribe(description="old")
    pipeline.subscriptions.update(CITY, id, None, {"description": ""})
    assert "description" not in pipeline.shown(id)


def test_refused_patch_changes_nothing(pipeline: Pipeline) -> None:
    id = pipeline.subscribe(description="old")
    before = pipeline.shown(id)
    faults: list[tuple[dict[str, Json], str]] = [
        ({"description": "new", "throttling": "x"}, "throttling is not an int"),
        ({}, "empty payload"),
        ({"subject": {"entities": [{"id": "a"}], "condition": {}}}, "condition is empty"),
        ({"notification": None}, "notification is not an object"),
    ]
    for changes, text in faults:
        with pytest.raises(InvalidRequest, match=text):
            pipeline.subscriptions.update(CITY, id, None, changes)
    assert pipeline.shown(id) == before


def test_patch_with_a_path_moves_what_is_watched(pipeline: Pipeline) -> None:
    id = pipeline.subscribe()
    pipeline.subscriptions.update(CITY, id, "/parks", {"throttling": 1})
    pipeline.subscriptions.update(CITY, id, None, {"throttling": 2})
    assert pipeline.subscriptions.list(CITY, "/parks", 20, 0)[1] == 1


def test_concurrent_patches_lose_nothing(pipeline: Pipeline) -> None:
    id = pipeline.subscribe()
    changes: list[dict[str, Json]] = [
        {"description": "d"},
        {"throttling": 7},
        {"expires": "2050-01-01T00:00:00Z"},
        {"status": "inactive"},
    ]
    with ThreadPoolExecutor(4) as threads:
        for done in [
            threads.submit(pipeline.subscriptions.update, CITY, id, None, change)
            for change in changes
        ]:
            done.result()
    shown = pipeline.shown(id)
    assert (shown["description"], shown["throttling"]) == ("d", 7)
    assert (shown["status"], shown["expires"]) == ("inactive", "2050-01-01T00:00:00.000Z")


def test_every_change_raises_the_version_and_reads_do_not(pipeline: Pipeline) -> None:
    seen = [pipeline.store.version(CITY)]
    id = pipeline.subscribe()
    seen.append(pipeline.store.version(CITY))
    pipeline.subscriptions.update(CITY, id, None, {"throttling": 1})
    seen.append(pipeline.store.version(CITY))
    pipeline.shown(id)
    pipeline.store.count(CITY, id, Report(sent=1, at=START))
    assert pipeline.store.version(CITY) == seen[-1]
    pipeline.subscriptions.delete(CITY, id)
    seen.append(pipeline.store.version(CITY))
    assert seen == sorted(set(seen))


def test_an_emptied_table_gives_no_version_again(
    pipeline: Pipeline, dynamodb: "DynamoDBClient", context_table: str
) -> None:
    pipeline.subscribe()
    before = pipeline.store.version(CITY)
    for item in items(dynamodb, context_table):
        key = {"pk": item["pk"], "sk": item["sk"]}
        dynamodb.delete_item(TableName=context_table, Key=key)
    pipeline.subscribe()
    assert pipeline.store.version(CITY) > before


def test_deletion_leaves_only_the_version(
    pipeline: Pipeline, dynamodb: "DynamoDBClient", context_table: str
) -> None:
    id = pipeline.subscribe()
    pipeline.subscriptions.delete(CITY, id)
    assert [item["k"] for item in items(dynamodb, context_table)] == [{"S": "V"}]
    with pytest.raises(NotFound):
        pipeline.subscriptions.delete(CITY, id)


def test_counting_a_deleted_subscription_does_not_revive_it(pipeline: Pipeline) -> None:
    id = pipeline.subscribe()
    pipeline.subscriptions.delete(CITY, id)
    assert pipeline.store.count(CITY, id, Report(sent=1, at=START)) == 0
    pipeline.store.switch_off(CITY, id)
    assert pipeline.store.state(CITY, id) is None


def test_many_subscriptions_are_all_read(pipeline: Pipeline) -> None:
    """More than one page of the table."""
    long = "x" * 900
    for number in range(60):
        headers: dict[str, Json] = {f"X-{part}": long for part in range(25)}
        channel: dict[str, Json] = {"url": "http://a.example/", "headers": headers}
        pipeline.clock.now += SECOND
        pipeline.subscribe(notification={"httpCustom": channel}, description=str(number))
    found, total = pipeline.subscriptions.list(CITY, None, 1000, 0)
    assert total == 60
    assert [one["description"] for one in found] == [str(number) for number in range(60)]
