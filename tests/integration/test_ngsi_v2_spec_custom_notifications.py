"""NGSI-v2: notifications whose request is a template of the subscriber.

Specification: "Custom Notifications" (macros, headers, payloads, NGSI patching).
"""

from typing import Any
from urllib.parse import quote

import pytest

from city.json import Json
from tests.integration.notified import NOTIFY, Notified

BAD = (400, "BadRequest")
ONE_BODY = (
    "only one of payload, json or ngsi fields accepted at the same time in httpCustom, "
    "mqttCustom or kafkaCustom"
)


def create(notified: Notified, **attributes: Any) -> None:
    """The entity of the specification's examples, in /parks."""
    notified.broker.simple("DC_S1-D41", "T", path="/parks", temperature=23.4, **attributes)


def test_example_of_the_specification(notified: Notified) -> None:
    notified.custom(
        url="/entity/${id}",
        headers={"Content-Type": "text/plain"},
        method="PUT",
        qs={"type": "${type}"},
        json={"t": "${temperature}", "unit": "degress"},
    )
    create(notified)
    request = notified.one()
    assert (request.method, request.path) == ("PUT", "/entity/DC_S1-D41?type=T")
    assert request.json == {"t": 23.4, "unit": "degress"}
    assert request.headers["content-type"] == "text/plain"
    assert request.headers["ngsiv2-attrsformat"] == "custom"


def test_text_payload_is_decoded(notified: Notified) -> None:
    notified.custom(
        payload="the value of the %22temperature%22 attribute %28of type Number%29 is ${temperature}"
    )
    create(notified)
    request = notified.one()
    assert request.body == 'the value of the "temperature" attribute (of type Number) is 23.4'
    assert request.headers["content-type"] == "text/plain; charset=utf-8"
    assert request.headers["ngsiv2-attrsformat"] == "custom"
    assert request.headers["fiware-servicepath"] == "/parks"


def test_headers_are_decoded(notified: Notified) -> None:
    headers: Json = {"Authorization": "Basic ABC...ABC%3D%3D", "X-${type}": "of ${id}"}
    notified.custom(headers=headers, payload=None)
    create(notified)
    request = notified.one()
    assert request.headers["authorization"] == "Basic ABC...ABC=="
    assert request.headers["x-t"] == "of DC_S1-D41"
    assert (request.body, request.headers.get("content-length", "0")) == ("", "0")


def test_headers_of_ours_can_be_replaced_or_removed(notified: Notified) -> None:
    headers: Json = {
        "Accept": "",
        "user-agent": "mine",
        "Fiware-Service": "other",
        "Fiware-ServicePath": "",
        "Fiware-Correlator": "foo",
        "ngsiv2-attrsformat": "foo",
    }
    notified.custom(headers=headers)
    create(notified)
    request = notified.one()
    assert "fiware-servicepath" not in request.headers
    assert request.headers.get("accept", "identity") != "application/json"
    assert request.headers["user-agent"] == "mine"
    assert request.headers["fiware-service"] == "other"
    assert request.headers["ngsiv2-attrsformat"] == "normalized"
    assert request.headers["fiware-correlator"] != "foo"


@pytest.mark.parametrize("template", [{}, {"payload": ""}, {"ngsi": {}}])
def test_without_a_payload_the_standard_message_is_sent(
    notified: Notified, template: dict[str, Any]
) -> None:
    id = notified.custom(**template)
    create(notified)
    request = notified.one()
    assert (request.method, request.path) == ("POST", NOTIFY)
    assert request.json["subscriptionId"] == id
    assert request.json["data"][0]["temperature"]["value"] == 23.4
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["ngsiv2-attrsformat"] == "normalized"


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("${temperature}", 23.4),
        ("${name}", "hall"),
        ("${list}", [1, "a"]),
        ("${object}", {"a": {"b": None}}),
        ("${nothing}", None),
        ("${empty}", None),
        ("${yes}", True),
        ("Temperature is: ${temperature}", "Temperature is: 23.4"),
        ("${name}/${yes}", "hall/true"),
        ("is ${list} and ${object}", 'is [1,"a"] and {"a":{"b":null}}'),
        ("no ${nothing}", "no null"),
        (["${temperature}", 4, {"x": "${name}"}], [23.4, 4, {"x": "hall"}]),
        ({"${name}": "${name}"}, {"${name}": "hall"}),
        ("${id} ${type} ${servicePath}", "DC_S1-D41 T /parks"),
        (4, 4),
        (None, None),
    ],
)
def test_macros_in_json(notified: Notified, template: Any, filled: Any) -> None:
    notified.custom(json={"x": template}, attrs=["name"])
    values = {"list": [1, "a"], "object": {"a": {"b": None}}, "empty": None, "yes": True}
    create(notified, name="hall", **values)
    request = notified.one()
    assert request.json == {"x": filled}
    assert request.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("member", ["json", "ngsi"])
def test_templates_take_characters_that_entities_must_not_have(
    notified: Notified, member: str
) -> None:
    text = "<\"'=;()>"
    templates: dict[str, Any] = {"json": {"a": text}, "ngsi": {"a": {"value": text}, "id": text}}
    id = notified.custom(**{member: templates[member]})
    assert notified.shown(id)["notification"]["httpCustom"][member].keys() >= {"a"}
    create(notified)
    assert text.replace('"', '\\"') in notified.one().body


def test_json_may_be_an_array(notified: Notified) -> None:
    notified.custom(json=["${service}", "${temperature}"])
    create(notified)
    assert notified.one().json == [notified.broker.tenant, 23.4]


def test_attribute_takes_precedence_over_facts_of_the_request(notified: Notified) -> None:
    notified.custom(json=["${service}", "${servicePath}", "${authToken}"])
    create(notified, service="s", servicePath="p", authToken="a")
    assert notified.one().json == ["s", "p", "a"]


def test_query_parameters_are_filled(notified: Notified) -> None:
    qs: Json = {"t": "${temperature}", "${type}": "key", "none": "${nothing}", "fixed": "1"}
    notified.custom(qs=qs, url="/q/${nothing}")
    create(notified)
    assert notified.one().path == "/q/?t=23.4&T=key&fixed=1"


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "PATCH"])
def test_method_is_the_subscribers(notified: Notified, method: str) -> None:
    notified.custom(method=method)
    create(notified)
    assert notified.one().method == method


def test_ngsi_patch(notified: Notified) -> None:
    id = notified.custom(
        ngsi={
            "id": "prefix:${id}",
            "type": "newType",
            "originalService": {"value": "${service}", "type": "Text"},
            "originalServicePath": {"value": "${servicePath}", "type": "Text"},
            "temperature": {"value": "Temperature is: ${temperature}"},
            "copy": {"value": "${humidity}", "type": "Number"},
            "fixed": {"value": 12},
            "missing": {"value": "${nothing}", "type": "None"},
        }
    )
    create(notified, humidity=70)
    request = notified.one()

    def attribute(value: Json, type: str) -> Any:
        return {"value": value, "type": type, "metadata": {}}

    assert request.json == {
        "subscriptionId": id,
        "data": [
            {
                "id": "prefix:DC_S1-D41",
                "type": "newType",
                "originalService": attribute(notified.broker.tenant, "Text"),
                "originalServicePath": attribute("/parks", "Text"),
                "temperature": attribute("Temperature is: 23.4", "Text"),
                "humidity": attribute(70, "Number"),
                "copy": attribute(70, "Number"),
                "fixed": attribute(12, "Number"),
                "missing": attribute(None, "None"),
            }
        ],
    }
    assert request.headers["ngsiv2-attrsformat"] == "normalized"
    assert request.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("patch", "id"),
    [
        ({"id": ""}, "DC_S1-D41"),
        ({"id": "${nothing}"}, "DC_S1-D41"),
        ({"id": "${temperature}"}, "23.4"),
        ({"id": "x${nothing}"}, "xnull"),
    ],
)
def test_id_of_an_ngsi_patch_is_a_text(notified: Notified, patch: Any, id: str) -> None:
    notified.custom(ngsi=patch)
    create(notified)
    (entity,) = notified.one().json["data"]
    assert (entity["id"], entity["type"]) == (id, "T")


def test_ngsi_patch_is_filtered_by_attrs(notified: Notified) -> None:
    notified.custom(ngsi={"new": {"value": 1}, "other": {"value": 2}}, attrs=["new"])
    create(notified)
    (entity,) = notified.one().json["data"]
    assert entity.keys() == {"id", "type", "new"}


def test_ngsi_patch_is_evaluated_by_priority(notified: Notified) -> None:
    priority: Json = {"evalPriority": {"value": 1, "type": "Number"}}
    notified.custom(
        ngsi={
            "B": {"value": "${A}", "type": "Calculated"},
            "A": {"value": "${temperature}", "type": "Calculated", "metadata": priority},
        },
        attrs=["B", "A"],
    )
    create(notified)
    (entity,) = notified.one().json["data"]
    assert entity["B"] == {"value": 23.4, "type": "Calculated", "metadata": {}}
    assert entity["A"] == {"value": 23.4, "type": "Calculated", "metadata": priority}


def test_url_that_is_malformed_after_filling_sends_nothing(notified: Notified) -> None:
    notified.subscribe(notification={"httpCustom": {"url": "http://${nothing}/x"}})
    create(notified)
    assert notified.arrived() == []


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"url": "nowhere"}, "invalid custom /url/"),
    ({"url": "http://a/(b)"}, "forbidden characters in custom /url/"),
    ({"url": "mqtt://a"}, "mqtt URL cannot be used in http notifications"),
    ({"method": "NOTHING"}, "unknown method httpCustom notification"),
    ({"qs": {}}, "notification httpCustom qs is empty"),
    ({"qs": []}, "notification httpCustom qs is not an object"),
    ({"qs": {"a": 1}}, "notification httpCustom qs element is not a string"),
    ({"qs": {"a": "b=c"}}, "forbidden characters in custom notification httpCustom qs"),
    ({"headers": {}}, "notification httpCustom headers is empty"),
    ({"headers": {"a": 1}}, "notification httpCustom headers element is not a string"),
    ({"headers": {"a": "b=c"}}, "forbidden characters in custom notification httpCustom headers"),
    ({"payload": 1}, "payload custom notification is not a string"),
    ({"payload": "a<b"}, "forbidden characters in custom /payload/"),
    ({"json": 1}, "json fields in httpCustom, mqttCustom or kafkaCustom must be object or array"),
    ({"json": "x"}, "json fields in httpCustom, mqttCustom or kafkaCustom must be object or array"),
    (
        {"json": {}, "payload": "x"},
        ONE_BODY,
    ),
    (
        {"json": {}, "ngsi": {}},
        ONE_BODY,
    ),
    (
        {"ngsi": {"a": {"value": 1, "metadata": {"m": {"value": 1}}}}},
        "only evalPriority metadata is allowed in ngsi field in custom notifications",
    ),
    (
        {"ngsi": {"a": {"value": 1, "metadata": {"evalPriority": {"value": "x"}}}}},
        "evalPriority metadata must be a number",
    ),
    (
        {"ngsi": {"a": {"value": 1, "metadata": {"evalPriority": {"value": 0}}}}},
        "evalPriority metadata minimum priority is 1",
    ),
    (
        {"ngsi": {"a": {"value": 1, "metadata": {"evalPriority": {"value": 100001}}}}},
        "evalPriority metadata maximum priority is 100000",
    ),
    ({"ngsi": {"id": 1}}, "Invalid JSON type for entity id"),
    ({"ngsi": {"a b": {"value": 1}}}, "Invalid characters in attribute name"),
    ({"ngsi": {"": {"value": 1}}}, "attribute name length: 0, min length supported: 1"),
    ({"ngsi": {"a": {"value": 1, "type": "<"}}}, "Invalid characters in attribute type"),
    ({"ngsi": {"a": 1}}, "attribute must be a JSON object, unless keyValues option is used"),
    ({"timeout": -1}, "timeout field must be an integer between 0 and 1800000"),
    ({"timeout": 1800001}, "timeout field must be an integer between 0 and 1800000"),
]


@pytest.mark.parametrize(("template", "text"), REFUSED)
def test_bad_template_is_refused(notified: Notified, template: Any, text: str) -> None:
    custom = {"url": "http://receiver.example/", **template}
    body = {
        "subject": {"entities": [{"idPattern": ".*"}]},
        "notification": {"httpCustom": custom},
    }
    assert notified.broker.why("POST", "/v2/subscriptions", body) == (*BAD, text)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"headers": {"X-A": "'b' \"c\""}}, {"headers": {"X-A": "'b' \"c\""}}),
        ({"qs": {"a": "${b}"}}, {"qs": {"a": "${b}"}}),
        ({"method": "PUT", "timeout": 2000}, {"method": "PUT", "timeout": 2000}),
        ({"timeout": 0}, {}),
        ({"payload": quote("<a>")}, {"payload": quote("<a>")}),
        ({"payload": None}, {"payload": None}),
        ({"payload": ""}, {}),
        ({"json": {"a": ["${b}", 1]}}, {"json": {"a": ["${b}", 1]}}),
        ({"ngsi": {}}, {"ngsi": {}}),
        (
            {"ngsi": {"id": "x", "a": {"value": "${b}"}, "c": {"value": 1, "type": "N"}}},
            {
                "ngsi": {
                    "id": "x",
                    "a": {"value": "${b}", "type": "Text"},
                    "c": {"value": 1, "type": "N"},
                }
            },
        ),
    ],
)
def test_template_is_shown_as_it_is_used(notified: Notified, given: Any, shown: Any) -> None:
    id = notified.custom(**given)
    url = notified.receiver.url + NOTIFY
    assert notified.shown(id)["notification"]["httpCustom"] == {"url": url, **shown}
