"""Which subscriptions are taken, and the text each fault is refused with."""

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from city.errors import InvalidRequest
from city.json import Json
from context.matching import compile_subject
from models.ngsi_v2.subscription import Subscription, explain_subscription
from tests.pipeline import wanted


def refusal(members: dict[str, Any]) -> str:
    """The text a subscription is refused with."""
    try:
        document = Subscription.model_validate(members)
    except ValidationError as error:
        return explain_subscription(error)
    with pytest.raises(InvalidRequest) as refused:
        compile_subject(document.subject)
    return str(refused.value)


def with_subject(subject: Json) -> dict[str, Json]:
    return wanted() | {"subject": subject}


def with_entity(selector: Json) -> dict[str, Json]:
    return with_subject({"entities": [selector]})


def with_condition(condition: Json) -> dict[str, Json]:
    return with_subject({"entities": [{"id": "a"}], "condition": condition})


def with_expression(expression: Json) -> dict[str, Json]:
    return with_condition({"expression": expression})


def with_notification(**members: Json) -> dict[str, Json]:
    return wanted(notification=members)


def with_custom(**members: Json) -> dict[str, Json]:
    return wanted(notification={"httpCustom": {"url": "http://a.example", **members}})


def without(name: str) -> dict[str, Json]:
    members = wanted()
    del members[name]
    return members


def with_channel(**channels: Json) -> dict[str, Json]:
    return wanted() | {"notification": channels}


def nested(depth: int) -> Json:
    value: Json = []
    for _ in range(depth - 1):
        value = [value]
    return value


TOO_DEEP = "template of httpCustom has overpassed maximum nesting limit: 50"
URL: dict[str, Json] = {"url": "http://a.example"}
NO_MACRO = (
    "unsupported macro %s: only a plain attribute name is allowed between the braces, "
    "JEXL expressions are not"
)
ONE_CHANNEL = "only one of http, httpCustom, mqtt, mqttCustom, kafka or kafkaCustom is allowed"
NO_CHANNEL = "http, httpCustom, mqtt, mqttCustom, kafka or kafkaCustom is missing"
ONE_BODY = (
    "only one of payload, json or ngsi fields accepted at the same time in httpCustom, "
    "mqttCustom or kafkaCustom"
)
JSON_BODY = "json fields in httpCustom, mqttCustom or kafkaCustom must be object or array"
FORMATS = (
    "invalid attrsFormat, accepted values: normalized, simplifiedNormalized, keyValues, "
    "simplifiedkeyValues, values"
)
STATUS = "status is not valid: it has to be either active, inactive or oneshot"
PARTIAL_GEO = "partial geo expression: geometry, georel and coords have to be provided together"


@pytest.mark.parametrize(
    ("members", "text"),
    [
        (without("subject"), "no subject for subscription specified"),
        (without("notification"), "no notification for subscription specified"),
        (wanted(description=7), "description is not a string"),
        (wanted(description=None), "description is not a string"),
        (wanted(description="x" * 1025), "max description length exceeded"),
        (wanted(description="a<b"), "forbidden characters in description"),
        (wanted(expires=7), "expires is not a string"),
        (wanted(status="asleep"), STATUS),
        (wanted(throttling="5"), "throttling is not an int"),
        (wanted(throttling=True), "throttling is not an int"),
        (wanted(throttling=1.5), "throttling is not an int"),
        (with_subject([]), "subject is not an object"),
        (with_subject({}), "no subject entities specified"),
        (with_subject({"entities": []}), "subject entities is empty"),
        (with_subject({"entities": {}}), "/entities/ is not an array"),
        (with_entity("a"), "/entities/ vector item is not an object"),
        (with_entity({"type": "a"}), "/entities/ vector item does not have /id/ nor /idPattern/"),
        (
            with_entity({"id": "a", "idPattern": "a"}),
            "/entities/ vector item has both /id/ and /idPattern/",
        ),
        (
            with_entity({"id": "a", "type": "a", "typePattern": "a"}),
            "/entities/ element has both /type/ and /typePattern/",
        ),
        (with_entity({"id": 7}), "/entities/ vector item /id/ is not a string"),
        (with_entity({"id": ""}), "/entities/ element id is empty"),
        (with_entity({"id": "a b"}), "forbidden characters in /entities/ vector item /id/"),
        (
            with_entity({"id": "a" * 257}),
            "max id length exceeded in /entities/ vector item /id/",
        ),
        (with_entity({"idPattern": ""}), "/entities/ vector item /idPattern/ is empty"),
        (with_entity({"idPattern": "("}), "Invalid regex for entity idPattern"),
        (with_entity({"id": "a", "type": ""}), "entity type length: 0, min length supported: 1"),
        (
            with_entity({"id": "a", "type": "a?"}),
            "forbidden characters in /entities/ vector item /type/",
        ),
        (
            with_entity({"id": "a", "typePattern": ""}),
            "/entities/ vector item /typePattern/ is empty",
        ),
        (with_entity({"id": "a", "typePattern": "["}), "Invalid regex for entity typePattern"),
        (with_condition([]), "condition is not an object"),
        (with_condition({}), "condition is empty"),
        (with_condition({"attrs": "a"}), "the field /attrs/ must be a JSON array"),
        (with_condition({"attrs": [1]}), "only JSON Strings allowed in string vector /attrs/"),
        (with_condition({"attrs": [""]}), "empty string found in string vector /attrs/"),
        (with_condition({"attrs": ["a", "a"]}), "duplicated item /a/ in array"),
        (with_condition({"attrs": ["a b"]}), "forbidden characters in attribute name"),
        (
            with_condition({"alterationTypes": ["foo"]}),
            "unknown subscription alterationType: foo",
        ),
        (
            with_condition({"notifyOnMetadataChange": "no"}),
            "notifyOnMetadataChange is not a bool",
        ),
        (
            with_condition({"jexlExpression": "a>1"}),
            "jexlExpression is not supported in subscriptions; use expression",
        ),
        (with_expression([]), "expression is not an object"),
        (with_expression(None), "expression is not an object"),
        (with_expression({}), "expression is empty"),
        (with_expression({"q": ""}), "q is empty"),
        (with_expression({"q": 7}), "q is not a string"),
        (with_expression({"mq": ""}), "mq is empty"),
        (with_expression({"georel": "near;maxDistance:5"}), PARTIAL_GEO),
        (with_expression({"coords": ""}), "coords is empty"),
        (with_channel(), NO_CHANNEL),
        (with_channel(http=URL, mqtt=URL), ONE_CHANNEL),
        (with_channel(http="a"), "http notification is not an object"),
        (with_channel(mqtt=URL), "mqtt notifications are not supported; use http or httpCustom"),
        (
            with_channel(kafkaCustom=URL),
            "kafkaCustom notifications are not supported; use http or httpCustom",
        ),
        (with_channel(http={}), "url http notification is missing"),
        (with_channel(http={"url": 7}), "url http notification is not a string"),
        (with_channel(http={"url": "http://a;b"}), "forbidden characters in http field /url/"),
        (with_channel(http={"url": "a.example"}), "Invalid URL parsing notification url"),
        (with_channel(http={"url": "http://"}), "Invalid URL parsing notification url"),
        (with_channel(http={"url": "http://u:p@a"}), "Invalid URL parsing notification url"),
        (with_channel(http={"url": "http://a:99999"}), "Invalid URL parsing notification url"),
        (with_channel(http={"url": "http://a:0"}), "Invalid URL parsing notification url"),
        (with_channel(http={"url": "ftp://a"}), "Invalid URL parsing notification url"),
        (
            with_channel(http={"url": "mqtt://a"}),
            "mqtt URL cannot be used in http notifications",
        ),
        (with_channel(http=URL | {"timeout": "1"}), "timeout is not an int"),
        (
            with_channel(http=URL | {"timeout": 1_800_001}),
            "timeout field must be an integer between 0 and 1800000",
        ),
        (
            with_notification(attrs=["a"], exceptAttrs=["b"]),
            "http notification has attrs and exceptAttrs",
        ),
        (with_notification(exceptAttrs=[]), "http notification has exceptAttrs is empty"),
        (with_notification(attrs=["a", "a"]), "duplicated item /a/ in array"),
        (with_notification(attrsFormat="fancy"), FORMATS),
        (with_notification(onlyChangedAttrs=1), "onlyChangedAttrs is not a bool"),
        (with_notification(covered=1, attrs=["a"]), "covered is not a bool"),
        (
            with_notification(covered=True),
            "covered true cannot be used if notification attributes list is empty",
        ),
        (with_notification(metadata={}), "the field /metadata/ must be a JSON array"),
        (with_notification(maxFailsLimit=0), "maxFailsLimit must be greater than zero"),
        (with_notification(maxFailsLimit="1"), "maxFailsLimit is not an int"),
        (with_custom(url="nowhere"), "invalid custom /url/"),
        (with_custom(url="http://a;b"), "forbidden characters in custom /url/"),
        (with_custom(method="BREW"), "unknown method httpCustom notification"),
        (with_custom(method=7), "method httpCustom notification is not a string"),
        (with_custom(payload=7), "payload custom notification is not a string"),
        (with_custom(payload="a=b"), "forbidden characters in custom /payload/"),
        (with_custom(payload="a", json={}), ONE_BODY),
        (with_custom(json="a"), JSON_BODY),
        (with_custom(qs=[]), "notification httpCustom qs is not an object"),
        (with_custom(qs={}), "notification httpCustom qs is empty"),
        (with_custom(qs={"a": 1}), "notification httpCustom qs element is not a string"),
        (with_custom(qs={"a": "<"}), "forbidden characters in custom notification httpCustom qs"),
        (with_custom(headers={}), "notification httpCustom headers is empty"),
        (
            with_custom(headers={"Host": "b"}),
            "header Host cannot be set in httpCustom notifications",
        ),
        (with_custom(payload="${a|uppercase}"), NO_MACRO % "${a|uppercase}"),
        (with_custom(url="http://a/${a.b}"), NO_MACRO % "${a.b}"),
        (with_custom(json={"a": [{"b": "${1+1}"}]}), NO_MACRO % "${1+1}"),
        (with_custom(headers={"X-${a-b}": "c"}), NO_MACRO % "${a-b}"),
        (with_custom(ngsi=[]), "ngsi field in httpCustom notification is not an object"),
        (with_custom(ngsi={"id": 1}), "Invalid JSON type for entity id"),
        (
            with_custom(ngsi={"a": {"foo": 1}}),
            "unrecognized property for context attribute",
        ),
        (
            with_custom(ngsi={"a": {"metadata": {"m": {"value": 1}}}}),
            "only evalPriority metadata is allowed in ngsi field in custom notifications",
        ),
        (
            with_custom(ngsi={"a": {"metadata": {"evalPriority": {"value": "1"}}}}),
            "evalPriority metadata must be a number",
        ),
        (
            with_custom(ngsi={"a": {"metadata": {"evalPriority": {"value": 0}}}}),
            "evalPriority metadata minimum priority is 1",
        ),
        (
            with_custom(ngsi={"a": {"metadata": {"evalPriority": {"value": 100_001}}}}),
            "evalPriority metadata maximum priority is 100000",
        ),
        (with_custom(json=nested(52)), TOO_DEEP),
        (with_custom(json=nested(220)), TOO_DEEP),
        (with_custom(json=nested(900)), TOO_DEEP),
        (with_custom(ngsi={"a": {"value": nested(220)}}), TOO_DEEP),
    ],
)
def test_fault_is_refused_with_its_text(members: dict[str, Json], text: str) -> None:
    assert refusal(members) == text


@pytest.mark.parametrize(
    "members",
    [
        wanted(),
        wanted(throttling=-1),
        wanted(expires="2001-01-01T00:00:00Z", status="oneshot"),
        wanted(id="ignored", unknown=1),
        with_condition({"attrs": []}),
        with_condition({"attrs": ["a"], "alterationTypes": ["entityCreate", "entityDelete"]}),
        with_expression({"q": "a>1", "mq": "a.b==2"}),
        with_channel(http={"url": "https://[2001:db8::1]:8443/a?b"}),
        with_channel(http={"url": "http://a.example:1028/notify", "timeout": 0}),
        with_custom(url="http://${host}/${id}", headers={"X": ""}, payload=None),
        with_custom(ngsi={}),
        with_custom(json=[], timeout=1000),
        with_custom(json=nested(50)),
    ],
)
def test_sound_subscription_is_taken(members: dict[str, Json]) -> None:
    compile_subject(Subscription.model_validate(members).subject)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
MEMBERS = st.sampled_from(
    (
        "description",
        "subject",
        "notification",
        "expires",
        "status",
        "throttling",
        "entities",
        "condition",
        "id",
        "idPattern",
        "type",
        "typePattern",
        "attrs",
        "exceptAttrs",
        "expression",
        "q",
        "mq",
        "georel",
        "geometry",
        "coords",
        "alterationTypes",
        "http",
        "httpCustom",
        "url",
        "headers",
        "qs",
        "method",
        "payload",
        "json",
        "ngsi",
        "timeout",
        "covered",
        "metadata",
        "a",
    )
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=12,
)


@given(
    members=st.dictionaries(MEMBERS, ANYTHING, max_size=4),
    place=st.sampled_from(["", "subject", "notification", "condition", "expression", "custom"]),
)
@settings(max_examples=300)
def test_no_json_breaks_the_checks(members: dict[str, Json], place: str) -> None:
    """Whatever is sent is taken, or refused with a text."""
    whole = {
        "": wanted() | members,
        "subject": with_subject(members),
        "notification": wanted() | {"notification": {"http": URL, **members}},
        "condition": with_condition(members),
        "expression": with_expression(members),
        "custom": with_custom(**members),
    }[place]
    try:
        document = Subscription.model_validate(whole)
    except ValidationError as error:
        text = explain_subscription(error)
    else:
        text = "taken"
        with suppress(InvalidRequest):
            compile_subject(document.subject)
    assert text


def test_time_of_unfinished_macros_does_not_grow_with_their_square() -> None:
    start = time.process_time()
    Subscription.model_validate(with_custom(payload="${" * 100_000))
    assert time.process_time() - start < 1


def test_index_of_a_subscription_is_bounded() -> None:
    """Every entity is indexed with every attribute: two long lists would fill the memory."""
    entities: list[Json] = [{"id": f"e{number}"} for number in range(101)]
    attrs: list[Json] = [f"a{number}" for number in range(100)]
    with pytest.raises(InvalidRequest, match="10000 combinations"):
        compile_subject(
            Subscription.model_validate(
                wanted(entities=entities, condition={"attrs": attrs})
            ).subject
        )
    compile_subject(
        Subscription.model_validate(
            wanted(entities=entities[1:], condition={"attrs": attrs})
        ).subject
    )


def test_patterns_of_a_subscription_are_bounded() -> None:
    entities: list[Json] = [{"idPattern": f"room{number}"} for number in range(51)]
    q = ";".join(f"name~=a{number}" for number in range(50))
    with pytest.raises(InvalidRequest, match="100 patterns"):
        compile_subject(
            Subscription.model_validate(
                wanted(entities=entities, condition={"expression": {"q": q}})
            ).subject
        )
    compile_subject(
        Subscription.model_validate(
            wanted(entities=entities[1:], condition={"expression": {"q": q}})
        ).subject
    )
