"""NGSI-v2: DateTime attributes and metadata, and entities that expire.

Specification: "Datetime support", "Transient entities".
"""

from typing import Any

import pytest

from tests.integration.broker import Broker

ATTRS = "/v2/entities/E/attrs"
BAD = (400, "BadRequest")
FUTURE, LATER, PAST = "2999-07-07T21:35:00Z", "2999-12-31T23:59:00.000Z", "2001-01-01T00:00:00Z"

DATES = [
    ("2017-06-17", "2017-06-17T00:00:00.000Z"),
    ("2017-06-17T07", "2017-06-17T07:00:00.000Z"),
    ("2017-06-17T07:21", "2017-06-17T07:21:00.000Z"),
    ("2017-06-17T0721", "2017-06-17T07:21:00.000Z"),
    ("2017-06-17T07:21:24", "2017-06-17T07:21:24.000Z"),
    ("2017-06-17T072124", "2017-06-17T07:21:24.000Z"),
    ("2017-06-17T07:21:24.238", "2017-06-17T07:21:24.238Z"),
    ("2017-06-17T072124.238", "2017-06-17T07:21:24.238Z"),
    ("2017-06-17T07:21:24.2", "2017-06-17T07:21:24.200Z"),
    ("2017-06-17T07:21:24.238Z", "2017-06-17T07:21:24.238Z"),
    ("2017-06-17T07:21:24+02:00", "2017-06-17T05:21:24.000Z"),
    ("2017-06-17T07:21:24+0230", "2017-06-17T04:51:24.000Z"),
    ("2017-06-17T07:21:24-02", "2017-06-17T09:21:24.000Z"),
    ("2017-06-17T07Z", "2017-06-17T07:00:00.000Z"),
    ("2017-06-17T07:21+01", "2017-06-17T06:21:00.000Z"),
    ("2017-12-31T23:30:00-01:00", "2018-01-01T00:30:00.000Z"),
]
NO_DATES = [
    "",
    "soon",
    "17-06-17",
    "2017-6-17",
    "2017-13-01",
    "2017-02-30",
    "2017-06-17Z",
    "2017-06-17+02:00",
    "2017-06-17 07:21:24",
    "2017-06-17T",
    "2017-06-17T25:00",
    "2017-06-17T07:61",
    "20170617T072124",
    "2017-06-17T07:21:24z",
    "2017-06-17T07:21:24+2",
]


@pytest.mark.parametrize(("given", "shown"), DATES)
@pytest.mark.parametrize("type", ["DateTime", "ISO8601"])
def test_date_is_shown_in_utc_with_milliseconds(
    broker: Broker, type: str, given: str, shown: str
) -> None:
    metadata = {"m": {"type": type, "value": given}}
    broker.create("E", a={"type": type, "value": given, "metadata": metadata})
    assert broker.attribute("a") == {
        "type": type,
        "value": shown,
        "metadata": {"m": {"type": type, "value": shown}},
    }


@pytest.mark.parametrize("given", [*NO_DATES, 1, True, [], {}, ["2017-06-17"]])
@pytest.mark.parametrize("type", ["DateTime", "ISO8601"])
def test_other_values_are_no_dates(broker: Broker, type: str, given: Any) -> None:
    broker.simple("E")
    attribute = {"type": type, "value": given}
    expected = (*BAD, "date has invalid format in attribute value")
    assert broker.why("POST", "/v2/entities", {"id": "F", "a": attribute}) == expected
    assert broker.why("POST", ATTRS, {"a": attribute}) == expected
    assert broker.why("PUT", ATTRS, {"a": attribute}) == expected
    if not isinstance(given, list | dict):
        metadata = {"m": attribute}
        expected = (*BAD, "date has invalid format in metadata value")
        body = {"a": {"value": 1, "metadata": metadata}}
        assert broker.why("POST", ATTRS, body) == expected
    assert broker.ids() == ["E"]


def test_null_is_a_date_that_filters_pass_over(broker: Broker) -> None:
    broker.create("E", T={"type": "DateTime", "value": None})
    broker.create("F", T={"type": "DateTime", "value": "2021-04-22"})
    assert broker.attribute("T") == {"type": "DateTime", "value": None, "metadata": {}}
    assert broker.ids(q="T>2021-04-21") == ["F"]
    assert broker.ids(q="T<2021-04-30") == ["F"]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("T>2017-06-17T07:21:23Z", True),
        ("T>2017-06-17T07:21:24Z", False),
        ("T>=2017-06-17T07:21:24Z", True),
        ("T<2017-06-17T09:21:25+02:00", True),
        ("T<=2017-06-17T07:21:24", True),
        ("T<2017-06-17", False),
        ("T==2017-06-17T07:21:24.000Z", True),
        ("T!=2017-06-17T07:21:24.000Z", False),
        ("T==2017-06-17..2017-06-18", True),
        ("T!=2017-06-17..2017-06-18", False),
        ("T==2016-01-01,2017-06-17T07:21:24Z", True),
        ("text>2017-06-16", False),
    ],
)
def test_dates_compare_as_moments(broker: Broker, q: str, found: bool) -> None:
    value = "2017-06-17T07:21:24Z"
    metadata = {"T": {"type": "DateTime", "value": value}}
    broker.create(
        "E",
        T={"type": "DateTime", "value": value},
        text={"type": "Text", "value": value},
        a={"value": 1, "metadata": metadata},
    )
    assert broker.ids(q=q) == (["E"] if found else [])
    if q.startswith("T"):
        assert broker.ids(mq=f"a.{q}") == (["E"] if found else [])


def test_value_of_a_date_stays_a_date(broker: Broker) -> None:
    broker.create("E", a={"type": "DateTime", "value": "2017-06-17"})
    broker.done("PUT", f"{ATTRS}/a/value", '"2018-06-17T10:00:00+02:00"')
    assert broker.values() == {"a": "2018-06-17T08:00:00.000Z"}


def _expiry(value: Any) -> dict[str, Any]:
    return {"dateExpires": {"value": value, "type": "DateTime"}}


def _expires(broker: Broker, id: str = "E") -> Any:
    return broker.get(f"/v2/entities/{id}?attrs=dateExpires").get("dateExpires")


def test_transient_entity_is_created_with_its_end(broker: Broker) -> None:
    broker.create("E", a={"value": 1}, **_expiry(FUTURE))
    assert broker.get("/v2/entities/E").keys() == {"id", "type", "a"}
    shown = {"type": "DateTime", "value": "2999-07-07T21:35:00.000Z", "metadata": {}}
    assert _expires(broker) == shown
    assert broker.attribute("dateExpires") == shown
    assert broker.ids(q="dateExpires>2999-01-01") == ["E"]


def test_end_in_the_past_creates_an_expired_entity(broker: Broker) -> None:
    answer = broker("POST", "/v2/entities", {"id": "E", "type": "T", **_expiry(PAST)})
    assert answer.status_code == 201
    assert broker.refused("GET", "/v2/entities/E") == (404, "NotFound")
    assert broker.ids() == []
    broker.simple("E", a=1)
    assert broker.values() == {"a": 1}


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_end_can_be_added(broker: Broker, method: str) -> None:
    broker.simple("E", a=1)
    broker.done(method, ATTRS, _expiry(FUTURE))
    assert _expires(broker)["value"] == "2999-07-07T21:35:00.000Z"


def test_end_can_be_changed(broker: Broker) -> None:
    broker.create("E", **_expiry(FUTURE))
    broker.done("PUT", f"{ATTRS}/dateExpires", {"value": LATER, "type": "DateTime"})
    assert _expires(broker)["value"] == LATER
    broker.done("PUT", f"{ATTRS}/dateExpires/value", f'"{FUTURE}"')
    assert _expires(broker)["value"] == "2999-07-07T21:35:00.000Z"
    broker.done("PATCH", ATTRS, _expiry(LATER))
    assert _expires(broker)["value"] == LATER
    broker.done("PATCH", ATTRS, _expiry(PAST))
    assert broker.ids() == []


def test_end_can_be_removed(broker: Broker) -> None:
    broker.create("E", a={"value": 1}, **_expiry(FUTURE))
    broker.done("DELETE", f"{ATTRS}/dateExpires")
    assert _expires(broker) is None
    assert broker.refused("DELETE", f"{ATTRS}/dateExpires") == (404, "NotFound")
    broker.done("POST", ATTRS, _expiry(FUTURE))
    broker.done("PUT", ATTRS, {"b": {"value": 1}})
    assert _expires(broker) is None


@pytest.mark.parametrize("value", ["soon", "", 1, {}, []])
def test_end_that_is_no_date_is_refused(broker: Broker, value: Any) -> None:
    broker.simple("E", a=1)
    body = {"id": "F", "type": "T", **_expiry(value)}
    assert broker.refused("POST", "/v2/entities", body) == BAD
    assert broker.refused("POST", ATTRS, _expiry(value)) == BAD
    number = {"dateExpires": {"value": 1, "type": "Number"}}
    assert broker.refused("POST", ATTRS, number) == BAD
    assert broker.ids() == ["E"]
    assert _expires(broker) is None


def test_end_orders_and_is_asked_for_in_batches(broker: Broker) -> None:
    broker.create("E", **_expiry(LATER))
    broker.create("F", **_expiry(FUTURE))
    assert broker.ids(orderBy="dateExpires") == ["F", "E"]
    assert broker.ids(orderBy="!dateExpires") == ["E", "F"]
    body = {"entities": [{"idPattern": ".*"}], "attrs": ["dateExpires"]}
    shown = broker.done("POST", "/v2/op/query?options=keyValues", body).json()
    assert [entity["dateExpires"] for entity in shown] == [LATER, "2999-07-07T21:35:00.000Z"]
