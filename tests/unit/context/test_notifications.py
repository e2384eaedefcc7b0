"""The HTTP request a subscriber gets (NGSI-v2 "Notification Messages", "Custom Notifications")."""

import time
from dataclasses import replace
from typing import Any

import pytest

from city.document import Attribute, Entity, Write
from city.errors import TooLarge
from city.json import Json, parse
from context.changes import Change, change_between
from context.messages import Request
from context.ngsi_v2.notifications import render_request
from context.owners import Owner
from context.store.subscriptions import StoredSubscription
from models.ngsi_v2.subscription import Subscription
from tests.builders import CITY, START, attribute, entity, following
from tests.pipeline import wanted

ID = "5a" * 12
OLD = entity(temperature=20, pressure=720)


def updated(old: Entity = OLD, **values: Json) -> Change:
    new = following(old, **values)
    new.write = Write(tuple(values), correlator="c-1")
    return change_between(old, new, new.modified)


CHANGE = updated(temperature=25)
CREATION = change_between(None, OLD, START)
DELETION = change_between(OLD, None, START)


def sent(
    change: Change = CHANGE, notification: dict[str, Json] | None = None, **members: Any
) -> Request | None:
    document = Subscription.model_validate(wanted(notification=notification, **members))
    stored = StoredSubscription(CITY, ID, Owner("maker"), "/#", START, None, document)
    return render_request(stored, change, 1)


def body(change: Change = CHANGE, **notification: Json) -> Any:
    request = sent(change, notification)
    assert request is not None
    return parse(request.body)


def shown(change: Change = CHANGE, **notification: Json) -> dict[str, Any]:
    """The notified entity in key-values form, without id and type."""
    (found,) = body(change, attrsFormat="keyValues", **notification)["data"]
    return {name: value for name, value in found.items() if name not in ("id", "type")}


def custom(change: Change = CHANGE, **template: Json) -> Request:
    request = sent(change, {"httpCustom": {"url": "http://receiver.example/", **template}})
    assert request is not None
    return request


def test_standard_message_is_the_whole_entity_normalized() -> None:
    request = sent()
    assert request is not None
    assert (request.method, request.url) == ("POST", "http://receiver.example/")
    assert parse(request.body) == {
        "subscriptionId": ID,
        "data": [
            {
                "id": "room1",
                "type": "Room",
                "temperature": {"type": "Number", "value": 25, "metadata": {}},
                "pressure": {"type": "Number", "value": 720, "metadata": {}},
            }
        ],
    }


def test_headers_name_tenant_entity_path_format_and_correlator() -> None:
    change = updated(entity(path="/parks/north/", temperature=1), temperature=2)
    request = sent(change)
    assert request is not None
    assert request.headers == {
        "Content-Type": "application/json; charset=utf-8",
        "Accept": "application/json",
        "User-Agent": "SynchroniCity",
        "Fiware-Service": "city",
        "Fiware-ServicePath": "/parks/north",
        "Ngsiv2-AttrsFormat": "normalized",
        "Fiware-Correlator": "c-1; cbnotif=1",
    }


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("keyValues", {"subscriptionId": ID, "data": [{"temperature": 25}]}),
        ("values", {"subscriptionId": ID, "data": [[25]]}),
        ("simplifiedKeyValues", {"temperature": 25}),
        (
            "simplifiedNormalized",
            {"temperature": {"type": "Number", "value": 25, "metadata": {}}},
        ),
    ],
)
def test_attrs_format_chooses_the_form(form: str, expected: Any) -> None:
    request = sent(notification={"attrs": ["temperature"], "attrsFormat": form})
    assert request is not None
    assert request.headers["Ngsiv2-AttrsFormat"] == form
    assert _without_identity(parse(request.body)) == expected


def _without_identity(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_identity(element) for element in value]
    if isinstance(value, dict):
        kept = value if "value" in value else {n: v for n, v in value.items() if n != "id"}
        if kept.get("type") == "Room":
            kept = {name: v for name, v in kept.items() if name != "type"}
        return {name: _without_identity(member) for name, member in kept.items()}
    return value


def test_attrs_choose_and_order_what_is_shown() -> None:
    assert list(shown(attrs=["pressure", "temperature", "other"])) == ["pressure", "temperature"]


def test_except_attrs_leave_out() -> None:
    assert shown(exceptAttrs=["temperature"]) == {"pressure": 720}


def test_only_changed_attrs_shows_what_the_request_wrote() -> None:
    assert shown(onlyChangedAttrs=True) == {"temperature": 25}
    assert shown(onlyChangedAttrs=True, attrs=["temperature", "pressure"]) == {"temperature": 25}
    assert sent(notification={"onlyChangedAttrs": True, "attrs": ["pressure"]}) is None
    assert sent(notification={"onlyChangedAttrs": True, "exceptAttrs": ["temperature"]}) is None


def test_only_changed_attrs_still_shows_builtins() -> None:
    found = shown(onlyChangedAttrs=True, attrs=["alterationType", "pressure"])
    assert found == {"alterationType": "entityChange"}


def test_creation_and_deletion_show_all_attributes_also_with_only_changed_attrs() -> None:
    assert set(shown(CREATION, onlyChangedAttrs=True)) == {"temperature", "pressure"}
    assert set(shown(DELETION, onlyChangedAttrs=True)) == {"temperature", "pressure"}


def test_covered_shows_null_for_what_is_missing() -> None:
    (found,) = body(attrs=["temperature", "other"], covered=True)["data"]
    assert found["other"] == {"type": "None", "value": None, "metadata": {}}


def test_deleted_attribute_is_not_shown() -> None:
    assert shown(updated(temperature=None)) == {"pressure": 720}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (CREATION, "entityCreate"),
        (CHANGE, "entityChange"),
        (updated(temperature=20), "entityUpdate"),
        (DELETION, "entityDelete"),
    ],
)
def test_alteration_type_is_a_builtin_attribute(change: Change, expected: str) -> None:
    (found,) = body(change, attrs=["alterationType"])["data"]
    assert found["alterationType"] == {"type": "Text", "value": expected, "metadata": {}}


def test_previous_value_and_action_type_are_builtin_metadata() -> None:
    change = updated(temperature=25, humidity=1)
    (found,) = body(change, metadata=["previousValue", "actionType"])["data"]
    assert found["temperature"]["metadata"] == {
        "previousValue": {"type": "Number", "value": 20},
        "actionType": {"type": "Text", "value": "update"},
    }
    assert found["humidity"]["metadata"] == {"actionType": {"type": "Text", "value": "append"}}
    assert found["pressure"]["metadata"] == {"previousValue": {"type": "Number", "value": 720}}


def test_custom_without_template_is_the_standard_message() -> None:
    assert custom().body == (sent() or Request("", "", {})).body


def test_url_and_query_are_filled_and_escaped() -> None:
    change = updated(entity(name="a b&c/d"), name="x y&z")
    request = custom(
        change,
        url="http://receiver.example/${id}/${none}?fixed",
        qs={"n": "${name}", "t": "${type}", "${type}": "key", "empty": "${none}", "raw": "%41"},
    )
    assert request.url == (
        "http://receiver.example/room1/?fixed&n=x%20y%26z&t=Room&Room=key&raw=%41"
    )


def test_method_is_the_clients() -> None:
    assert custom(method="PATCH").method == "PATCH"


def test_headers_are_added_replaced_and_removed() -> None:
    headers = custom(
        headers={
            "X-Room": "${id}",
            "content-type": "application/x-city",
            "Accept": "",
            "X-Null": "${none}",
            "Authorization": "Basic QUJD%3D%3D",
            "fiware-correlator": "mine",
        }
    ).headers
    assert headers["X-Room"] == "room1"
    assert headers["content-type"] == "application/x-city"
    assert headers["Authorization"] == "Basic QUJD=="
    assert headers["Fiware-Correlator"] == "c-1; cbnotif=1"
    assert {"Accept", "X-Null", "Content-Type"}.isdisjoint(headers)


def test_header_value_cannot_begin_a_header_of_its_own() -> None:
    change = updated(entity(name="a"), name="b\r\nX-Injected: 1")
    assert custom(change, headers={"X-Name": "${name}"}).headers["X-Name"] == "b  X-Injected: 1"


def test_text_payload_is_decoded_and_filled() -> None:
    change = updated(entity(list=[1]), list=[1, "a"], rate="50%25")
    request = custom(change, payload="%22t%22 %28${list}%29 ${none} ${rate} ${service}")
    assert request.body == '"t" ([1,"a"]) null 50%25 city'
    assert request.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert request.headers["Ngsiv2-AttrsFormat"] == "custom"


def test_null_payload_sends_no_body() -> None:
    request = custom(payload=None)
    assert request.body == ""
    assert "Content-Type" not in request.headers


def test_json_payload_keeps_the_type_of_a_macro_that_is_the_whole_string() -> None:
    request = custom(json={"t": "${temperature}", "s": "is ${temperature}", "l": ["${none}", 4]})
    assert parse(request.body) == {"t": 25, "s": "is 25", "l": [None, 4]}
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"
    assert request.headers["Ngsiv2-AttrsFormat"] == "custom"


def test_facts_of_the_request_are_macros_unless_an_attribute_has_the_name() -> None:
    change = updated(entity(path="/parks/", a=1), a=2)
    template: Json = ["${service}", "${servicePath}", "${id}", "${type}", "${authToken}"]
    assert parse(custom(change, json=template).body) == ["city", "/parks", "room1", "Room", ""]
    change = updated(entity(service="mine"), service="own")
    assert parse(custom(change, json=["${service}"]).body) == ["own"]


def test_ngsi_patch_changes_id_type_and_attributes() -> None:
    patch: dict[str, Json] = {
        "id": "prefix:${id}",
        "type": "New",
        "temperature": {"value": "${pressure}", "type": "Calculated"},
        "origin": {"value": "${service}"},
    }
    request = custom(ngsi=patch)
    (found,) = _data(request)
    assert (found["id"], found["type"]) == ("prefix:room1", "New")
    assert found["temperature"] == {"type": "Calculated", "value": 720, "metadata": {}}
    assert found["origin"] == {"type": "Text", "value": "city", "metadata": {}}
    assert found["pressure"]["value"] == 720
    assert request.headers["Ngsiv2-AttrsFormat"] == "normalized"


def test_ngsi_patch_is_evaluated_in_order_of_priority_and_filtered_afterwards() -> None:
    patch: dict[str, Json] = {
        "B": {"value": "${A}"},
        "A": {"value": "${temperature}", "metadata": {"evalPriority": {"value": 1}}},
    }
    request = sent(
        notification={"httpCustom": {"url": "http://r.example/", "ngsi": patch}, "attrs": ["B"]}
    )
    assert request is not None
    (found,) = _data(request)
    assert found == {
        "id": "room1",
        "type": "Room",
        "B": {"type": "Text", "value": 25, "metadata": {}},
    }


def _data(request: Request) -> list[Any]:
    message: Any = parse(request.body)
    found: list[Any] = message["data"]
    return found


def test_location_is_shown_as_geometry() -> None:
    point: Json = {"type": "Point", "coordinates": [1, 2]}
    feature: Json = {"type": "Feature", "geometry": point, "properties": {}}
    old = replace(OLD, attributes={"place": attribute(feature, "geo:json")})
    new = replace(old, attributes={**old.attributes, "a": Attribute("Number", 1)})
    assert shown(change_between(old, new, START))["place"] == point


def test_macros_that_multiply_a_value_end_at_a_bound() -> None:
    """A subscription of a kilobyte must not make a message that fills the memory."""
    patch: dict[str, Json] = {
        f"a{step}": {
            "value": ["${temperature}" if step == 0 else f"${{a{step - 1}}}"] * 10,
            "metadata": {"evalPriority": {"value": step + 1}},
        }
        for step in range(12)
    }
    with pytest.raises(TooLarge, match="macros"):
        custom(ngsi=patch)
    long = updated(temperature="x" * 100_000)
    with pytest.raises(TooLarge, match="macros"):
        custom(long, payload="${temperature}" * 1000)
    with pytest.raises(TooLarge, match="macros"):
        custom(long, json=["${temperature}"] * 1000)
    assert len(custom(long, json=["${temperature}"] * 10).body) > 1_000_000


def test_time_of_an_entity_of_many_attributes_does_not_grow_with_its_square() -> None:
    names = [f"a{number}" for number in range(20_000)]
    change = updated(OLD, **dict.fromkeys(names, 1))
    patch: dict[str, Json] = {name: {"value": 2} for name in names}
    start = time.process_time()
    sent(change, {"metadata": ["actionType"]})
    sent(change, {"exceptAttrs": [*names]})
    sent(change, {"exceptAttrs": [*names], "onlyChangedAttrs": True})
    custom(change, ngsi=patch)
    assert time.process_time() - start < 4
