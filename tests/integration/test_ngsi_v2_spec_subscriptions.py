"""NGSI-v2: the subscription payload datamodel and the subscription operations.

Specification: "Subscription payload datamodel", "Subscription List", "Subscription By ID".
"""

import copy
import re
from typing import Any

import pytest

from tests.integration.broker import Broker

URL = "/v2/subscriptions"
BAD = "BadRequest"
MINIMAL: dict[str, Any] = {
    "subject": {"entities": [{"id": "Bcn_Welt", "type": "Room"}]},
    "notification": {"http": {"url": "http://localhost:1234"}},
}


def changed(place: str, value: Any, body: dict[str, Any] = MINIMAL) -> dict[str, Any]:
    """The minimal subscription with one member set ("a.b.c"); `...` removes it."""
    result = copy.deepcopy(body)
    target = result
    *parents, last = place.split(".")
    for parent in parents:
        target = target.setdefault(parent, {})
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return result


def subscribe(broker: Broker, body: dict[str, Any], path: str | None = None) -> str:
    answer = broker.done("POST", URL, body, path=path)
    assert (answer.status_code, answer.content) == (201, b"")
    location = answer.headers["location"]
    assert re.fullmatch("/v2/subscriptions/[0-9a-f]{24}", location)
    return str(location)


def test_defaults_are_shown(broker: Broker) -> None:
    location = subscribe(broker, MINIMAL)
    expected = {
        "id": location.rpartition("/")[2],
        "status": "active",
        "subject": {
            "entities": [{"id": "Bcn_Welt", "type": "Room"}],
            "condition": {"attrs": [], "notifyOnMetadataChange": True},
        },
        "notification": {
            "attrs": [],
            "onlyChangedAttrs": False,
            "attrsFormat": "normalized",
            "http": {"url": "http://localhost:1234"},
            "covered": False,
        },
    }
    assert broker.get(location) == expected
    assert broker.get(URL) == [expected]


def test_everything_is_shown_as_given(broker: Broker) -> None:
    body: dict[str, Any] = {
        "description": "One subscription to rule them all",
        "subject": {
            "entities": [{"idPattern": ".*", "typePattern": "Ro+m"}, {"id": "E"}],
            "condition": {
                "attrs": ["temperature", "humidity"],
                "expression": {
                    "q": "temperature>40",
                    "mq": "temperature.accuracy<0.9",
                    "georel": "near;maxDistance:15000",
                    "geometry": "point",
                    "coords": "37.407804,-6.004552",
                },
                "alterationTypes": ["entityCreate", "entityDelete"],
                "notifyOnMetadataChange": False,
            },
        },
        "notification": {
            "http": {"url": "http://localhost:1234", "timeout": 8000},
            "attrs": ["temperature", "humidity"],
            "attrsFormat": "keyValues",
            "metadata": ["accuracy", "*"],
            "onlyChangedAttrs": True,
            "covered": True,
            "maxFailsLimit": 3,
        },
        "expires": "2999-04-05T14:00:00.000Z",
        "status": "inactive",
        "throttling": 5,
    }
    location = subscribe(broker, body)
    assert broker.get(location) == body | {"id": location.rpartition("/")[2]}


@pytest.mark.parametrize(
    ("place", "given", "shown"),
    [
        ("expires", "2999-04-05T14:00:00.00Z", "2999-04-05T14:00:00.000Z"),
        ("expires", "2999-04-05", "2999-04-05T00:00:00.000Z"),
        ("expires", "2999-04-05T14:00:00+02:00", "2999-04-05T12:00:00.000Z"),
        ("notification.exceptAttrs", ["a"], ["a"]),
        ("notification.attrsFormat", "simplifiedKeyValues", "simplifiedKeyValues"),
        ("notification.attrsFormat", "simplifiedNormalized", "simplifiedNormalized"),
        ("notification.attrsFormat", "values", "values"),
        ("status", "oneshot", "oneshot"),
        ("description", "x" * 1024, "x" * 1024),
        ("subject.condition", {"attrs": []}, {"attrs": [], "notifyOnMetadataChange": True}),
    ],
)
def test_member_is_shown(broker: Broker, place: str, given: Any, shown: Any) -> None:
    found = broker.get(subscribe(broker, changed(place, given)))
    for name in place.split("."):
        found = found[name]
    assert found == shown


@pytest.mark.parametrize(
    ("place", "value"), [("throttling", 0), ("expires", ""), ("description", "")]
)
def test_member_that_says_nothing_is_not_shown(broker: Broker, place: str, value: Any) -> None:
    assert place not in broker.get(subscribe(broker, changed(place, value)))


def test_end_in_the_past_shows_as_expired(broker: Broker) -> None:
    for status in ("active", "inactive"):
        body = changed("status", status, changed("expires", "2001-01-01T00:00:00Z"))
        assert broker.get(subscribe(broker, body))["status"] == "expired"


FORMATS = (
    "invalid attrsFormat, accepted values: normalized, simplifiedNormalized, keyValues, "
    "simplifiedkeyValues, values"
)
ENTITY = "subject.entities"
CONDITION = "subject.condition"
HTTP = "notification.http"
ERRORS: list[tuple[str, Any, str]] = [
    ("description", 1, "description is not a string"),
    ("description", "x" * 1025, "max description length exceeded"),
    ("description", "a<b", "forbidden characters in description"),
    ("subject", ..., "no subject for subscription specified"),
    ("subject", 1, "subject is not an object"),
    (ENTITY, ..., "no subject entities specified"),
    (ENTITY, {}, "/entities/ is not an array"),
    (ENTITY, [], "subject entities is empty"),
    (ENTITY, [1], "/entities/ vector item is not an object"),
    (ENTITY, [{}], "/entities/ vector item does not have /id/ nor /idPattern/"),
    (ENTITY, [{"type": "T"}], "/entities/ vector item does not have /id/ nor /idPattern/"),
    (
        ENTITY,
        [{"id": "a", "idPattern": "b"}],
        "/entities/ vector item has both /id/ and /idPattern/",
    ),
    (
        ENTITY,
        [{"id": "a", "type": "b", "typePattern": "c"}],
        "/entities/ element has both /type/ and /typePattern/",
    ),
    (ENTITY, [{"id": 1}], "/entities/ vector item /id/ is not a string"),
    (ENTITY, [{"id": ""}], "/entities/ element id is empty"),
    (ENTITY, [{"id": "a b"}], "forbidden characters in /entities/ vector item /id/"),
    (ENTITY, [{"id": "x" * 257}], "max id length exceeded in /entities/ vector item /id/"),
    (ENTITY, [{"idPattern": ""}], "/entities/ vector item /idPattern/ is empty"),
    (ENTITY, [{"idPattern": "*"}], "Invalid regex for entity idPattern"),
    (ENTITY, [{"id": "a", "type": ""}], "entity type length: 0, min length supported: 1"),
    (ENTITY, [{"id": "a", "typePattern": "("}], "Invalid regex for entity typePattern"),
    (CONDITION, {}, "condition is empty"),
    (CONDITION, {"unknown": 1}, "condition is empty"),
    (CONDITION, 1, "condition is not an object"),
    (f"{CONDITION}.attrs", "a", "the field /attrs/ must be a JSON array"),
    (f"{CONDITION}.attrs", [1], "only JSON Strings allowed in string vector /attrs/"),
    (f"{CONDITION}.attrs", [""], "empty string found in string vector /attrs/"),
    (f"{CONDITION}.attrs", ["a", "a"], "duplicated item /a/ in array"),
    (f"{CONDITION}.attrs", ["a b"], "forbidden characters in attribute name"),
    (f"{CONDITION}.expression", 1, "expression is not an object"),
    (f"{CONDITION}.expression", {}, "expression is empty"),
    (f"{CONDITION}.expression", {"unknown": 1}, "expression is empty"),
    (f"{CONDITION}.expression", {"q": ""}, "q is empty"),
    (f"{CONDITION}.expression", {"q": 1}, "q is not a string"),
    (f"{CONDITION}.expression", {"mq": ""}, "mq is empty"),
    (f"{CONDITION}.expression", {"q": "a=="}, "empty right-hand-side in q-item"),
    (
        f"{CONDITION}.expression",
        {"georel": "near;maxDistance:1", "geometry": "point"},
        "partial geo expression: geometry, georel and coords have to be provided together",
    ),
    (
        f"{CONDITION}.expression",
        {"georel": "equals", "geometry": "point", "coords": ""},
        "coords is empty",
    ),
    (f"{CONDITION}.alterationTypes", ["foo"], "unknown subscription alterationType: foo"),
    (f"{CONDITION}.notifyOnMetadataChange", 1, "notifyOnMetadataChange is not a bool"),
    ("notification", ..., "no notification for subscription specified"),
    ("notification", 1, "notification is not an object"),
    (
        "notification",
        {"attrs": []},
        "http, httpCustom, mqtt, mqttCustom, kafka or kafkaCustom is missing",
    ),
    (
        "notification.httpCustom",
        {"url": "http://a"},
        "only one of http, httpCustom, mqtt, mqttCustom, kafka or kafkaCustom is allowed",
    ),
    (HTTP, 1, "http notification is not an object"),
    (HTTP, {}, "url http notification is missing"),
    (f"{HTTP}.url", 1, "url http notification is not a string"),
    (f"{HTTP}.url", "", "Invalid URL parsing notification url"),
    (f"{HTTP}.url", "nowhere", "Invalid URL parsing notification url"),
    (f"{HTTP}.url", "ftp://a", "Invalid URL parsing notification url"),
    (f"{HTTP}.url", "http://", "Invalid URL parsing notification url"),
    (f"{HTTP}.url", "http:///path", "Invalid URL parsing notification url"),
    (f"{HTTP}.url", "http://a..b", "Invalid URL parsing notification url"),
    (f"{HTTP}.url", "http://a.b.", "Invalid URL parsing notification url"),
    (f"{HTTP}.url", "http://-a", "Invalid URL parsing notification url"),
    (f"{HTTP}.url", "http://" + "a" * 64, "Invalid URL parsing notification url"),
    (f"{HTTP}.url", "http://u:p@a", "Invalid URL parsing notification url"),
    (f"{HTTP}.url", "http://a:99999", "Invalid URL parsing notification url"),
    (f"{HTTP}.url", "http://a/(b)", "forbidden characters in http field /url/"),
    (f"{HTTP}.timeout", "x", "timeout is not an int"),
    (f"{HTTP}.timeout", -1, "timeout field must be an integer between 0 and 1800000"),
    (f"{HTTP}.timeout", 1800001, "timeout field must be an integer between 0 and 1800000"),
    ("notification.attrs", 1, "the field /attrs/ must be a JSON array"),
    ("notification.exceptAttrs", [], "http notification has exceptAttrs is empty"),
    (
        "notification.attrsFormat",
        "legacy",
        FORMATS,
    ),
    ("notification.attrsFormat", 1, "attrsFormat is not a string"),
    ("notification.metadata", "a", "the field /metadata/ must be a JSON array"),
    ("notification.onlyChangedAttrs", "x", "onlyChangedAttrs is not a bool"),
    ("notification.covered", "x", "covered is not a bool"),
    (
        "notification.covered",
        True,
        "covered true cannot be used if notification attributes list is empty",
    ),
    ("notification.maxFailsLimit", 0, "maxFailsLimit must be greater than zero"),
    ("notification.maxFailsLimit", "x", "maxFailsLimit is not an int"),
    ("expires", "soon", "expires has an invalid format"),
    ("expires", 1, "expires is not a string"),
    ("status", "expired", "status is not valid: it has to be either active, inactive or oneshot"),
    ("status", 1, "status is not a string"),
    ("throttling", "x", "throttling is not an int"),
    ("throttling", 1.5, "throttling is not an int"),
]


@pytest.mark.parametrize(("place", "value", "text"), ERRORS)
def test_bad_subscription_is_refused(broker: Broker, place: str, value: Any, text: str) -> None:
    assert broker.why("POST", URL, changed(place, value)) == (400, BAD, text)
    assert broker.get(URL) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://a",
        "https://a.b-c.d:8443/x/y?z",
        "http://127.0.0.1:1",
        "http://[::1]:80/",
        "http://a_b",
    ],
)
def test_url_is_shown_as_given(broker: Broker, url: str) -> None:
    shown = broker.get(subscribe(broker, changed(f"{HTTP}.url", url)))
    assert shown["notification"]["http"] == {"url": url}


def test_unknown_members_are_passed_over(broker: Broker) -> None:
    body = changed("unknown", 1, changed("subject.condition", {"attrs": ["a"], "unknown": 1}))
    shown = broker.get(subscribe(broker, body))
    assert "unknown" not in shown
    assert "unknown" not in shown["subject"]["condition"]


def test_attrs_and_except_attrs_exclude_each_other(broker: Broker) -> None:
    body = changed("notification.attrs", ["a"], changed("notification.exceptAttrs", ["b"]))
    text = "http notification has attrs and exceptAttrs"
    assert broker.why("POST", URL, body) == (400, BAD, text)


def test_empty_body_is_refused(broker: Broker) -> None:
    assert broker.why("POST", URL, {}) == (400, BAD, "empty payload")
    assert broker.why("PATCH", subscribe(broker, MINIMAL), {}) == (400, BAD, "empty payload")
    assert broker.refused("POST", URL, []) == (400, "ParseError")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("description", "new"),
        ("status", "inactive"),
        ("status", "oneshot"),
        ("throttling", 7),
        ("expires", "2999-01-01T00:00:00.000Z"),
    ],
)
def test_update_changes_only_what_it_names(broker: Broker, place: str, value: Any) -> None:
    location = subscribe(broker, MINIMAL)
    before = broker.get(location)
    answer = broker.done("PATCH", location, {place: value})
    assert (answer.status_code, answer.content) == (204, b"")
    assert broker.get(location) == before | {place: value}


def test_update_replaces_subject_and_notification(broker: Broker) -> None:
    body = changed("subject.condition", {"attrs": ["a"], "expression": {"q": "a>1"}})
    body["notification"] |= {"attrs": ["a"], "attrsFormat": "keyValues", "metadata": ["m"]}
    location = subscribe(broker, body)
    broker.done("PATCH", location, {"subject": {"entities": [{"idPattern": "x"}]}})
    shown = broker.get(location)
    assert shown["subject"] == {
        "entities": [{"idPattern": "x"}],
        "condition": {"attrs": [], "notifyOnMetadataChange": True},
    }
    assert shown["notification"]["attrs"] == ["a"]
    custom = {"httpCustom": {"url": "http://other", "method": "PUT"}}
    broker.done("PATCH", location, {"notification": custom})
    notification = broker.get(location)["notification"]
    assert notification == {
        "attrs": [],
        "onlyChangedAttrs": False,
        "attrsFormat": "normalized",
        **custom,
        "covered": False,
    }


def test_permanent_again_without_an_end(broker: Broker) -> None:
    location = subscribe(broker, changed("expires", "2001-01-01"))
    broker.done("PATCH", location, {"expires": ""})
    shown = broker.get(location)
    assert (shown["status"], "expires" in shown) == ("active", False)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "asleep"},
        {"expires": "soon"},
        {"subject": {"entities": []}},
        {"notification": {"attrs": ["a"]}},
        {"notification": {"http": {"url": "nowhere"}}},
    ],
)
def test_bad_update_changes_nothing(broker: Broker, change: Any) -> None:
    location = subscribe(broker, MINIMAL)
    before = broker.get(location)
    assert broker.refused("PATCH", location, change) == (400, BAD)
    assert broker.get(location) == before


def test_deletion(broker: Broker) -> None:
    location = subscribe(broker, MINIMAL)
    answer = broker.done("DELETE", location)
    assert (answer.status_code, answer.content) == (204, b"")
    text = "The requested subscription has not been found. Check id"
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"status": "active"})):
        assert broker.why(method, location, body) == (404, "NotFound", text)


@pytest.mark.parametrize(
    ("id", "text"),
    [
        ("1", "Invalid subscription ID: bad length - 24 chars expected"),
        ("5" * 25, "Invalid subscription ID: bad length - 24 chars expected"),
        ("g" * 24, "Invalid subscription ID: invalid char in ID string"),
    ],
)
def test_id_that_cannot_be_one(broker: Broker, id: str, text: str) -> None:
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"status": "active"})):
        assert broker.why(method, f"{URL}/{id}", body) == (400, BAD, text)


def test_list_is_paged_in_order_of_creation(broker: Broker) -> None:
    ids = [subscribe(broker, MINIMAL).rpartition("/")[2] for _ in range(3)]
    assert [one["id"] for one in broker.get(URL)] == ids
    assert [one["id"] for one in broker.get(f"{URL}?limit=1&offset=1")] == ids[1:2]
    assert broker.get(f"{URL}?offset=9") == []
    answer = broker.done("GET", f"{URL}?limit=1&options=count")
    assert answer.headers["fiware-total-count"] == "3"


def test_service_path_selects_in_lists_only(broker: Broker) -> None:
    paths = ["/a", "/a/#", "/", None]
    made = {path: subscribe(broker, MINIMAL, path).rpartition("/")[2] for path in paths}
    for path in ("/a", "/a/#", "/"):
        assert [one["id"] for one in broker.get(URL, path=path)] == [made[path]]
    assert len(broker.get(URL)) == len(broker.get(URL, path="/#")) == 4
    for id in made.values():
        assert broker.get(f"{URL}/{id}", path="/elsewhere")["id"] == id


@pytest.mark.parametrize(
    "notification",
    [
        {"mqtt": {"url": "mqtt://localhost:1883", "topic": "t"}},
        {"mqttCustom": {"url": "mqtt://localhost:1883", "topic": "t"}},
        {"kafka": {"url": "kafka://localhost:9092", "topic": "t"}},
        {"kafkaCustom": {"url": "kafka://localhost:9092", "topic": "t"}},
    ],
)
def test_other_transports_are_not_implemented(broker: Broker, notification: Any) -> None:
    body = MINIMAL | {"notification": notification}
    assert broker.refused("POST", URL, body) == (501, "NotImplemented")
