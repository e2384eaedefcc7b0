"""NGSI-v2: which changes are notified, and what the notification says.

Specification: "Notification Triggering", "Notification Messages", "Covered Subscriptions",
"Subscriptions based in alteration type", "Oneshot Subscriptions", builtins in notifications.
"""

from typing import Any

import pytest

from tests.integration.notified import NOTIFY, Notified

ATTRS = "/v2/entities/E/attrs"
NUMBER = {"type": "Number", "metadata": {}}


def created(**values: Any) -> tuple[str, str, Any]:
    body = {"id": "E", "type": "T"} | {name: {"value": value} for name, value in values.items()}
    return ("POST", "/v2/entities", body)


def patched(options: str = "", **values: Any) -> tuple[str, str, Any]:
    body = {name: {"value": value} for name, value in values.items()}
    return ("PATCH", f"{ATTRS}{options}", body)


def appended(options: str = "", **values: Any) -> tuple[str, str, Any]:
    return ("POST", f"{ATTRS}{options}", patched(**values)[2])


def batched(url: str, **values: Any) -> tuple[str, str, Any]:
    """The same entity by a batch operation or an upsert."""
    entity = created(**values)[2]
    if url.startswith("/v2/op/notify"):
        return ("POST", url, {"subscriptionId": "1", "data": [entity]})
    if url.startswith("/v2/op/update"):
        return ("POST", url, {"actionType": "append", "entities": [entity]})
    return ("POST", url, entity)


def operated(operation: Any) -> tuple[str, str, Any]:
    return ("PUT", f"{ATTRS}/A", {"value": operation, "type": "Number"})


DELETED: tuple[str, str, Any] = ("DELETE", "/v2/entities/E", None)
METADATA: tuple[str, str, Any] = (
    "PATCH",
    ATTRS,
    {"A": {"value": 1, "metadata": {"m": {"value": 1}}}},
)


def test_standard_notification(notified: Notified) -> None:
    id = notified.subscribe()
    headers = {"Fiware-Correlator": "corr-1"}
    body = {"id": "E", "type": "T", "A": {"value": 23}, "B": {"value": 70, "type": "percentage"}}
    notified.broker.done("POST", "/v2/entities", body, headers=headers, path="/parks/north")
    request = notified.one()
    assert (request.method, request.path) == ("POST", NOTIFY)
    assert request.json == {
        "subscriptionId": id,
        "data": [
            {
                "id": "E",
                "type": "T",
                "A": {"value": 23, **NUMBER},
                "B": {"value": 70, "type": "percentage", "metadata": {}},
            }
        ],
    }
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["accept"] == "application/json"
    assert request.headers["ngsiv2-attrsformat"] == "normalized"
    assert request.headers["fiware-service"] == notified.broker.tenant
    assert request.headers["fiware-servicepath"] == "/parks/north"
    assert request.headers["fiware-correlator"] == "corr-1; cbnotif=1"
    assert int(request.headers["content-length"]) == len(request.body)


FORMATS: list[tuple[str, Any]] = [
    ("normalized", {"data": [{"id": "E", "type": "T", "A": {"value": 23, **NUMBER}}]}),
    ("keyValues", {"data": [{"id": "E", "type": "T", "A": 23}]}),
    ("values", {"data": [[23]]}),
    ("simplifiedNormalized", {"id": "E", "type": "T", "A": {"value": 23, **NUMBER}}),
    ("simplifiedKeyValues", {"id": "E", "type": "T", "A": 23}),
]


@pytest.mark.parametrize(("form", "expected"), FORMATS)
def test_attrs_format(notified: Notified, form: str, expected: Any) -> None:
    id = notified.subscribe(notification={"attrsFormat": form})
    notified.broker.simple("E", A=23)
    request = notified.one()
    identity = {} if form.startswith("simplified") else {"subscriptionId": id}
    assert request.json == expected | identity
    assert request.headers["ngsiv2-attrsformat"] == form


TRIGGERS: list[tuple[dict[str, Any], list[tuple[str, str, Any]], list[int]]] = [
    # neither attrs nor expression: any change of any attribute
    ({}, [created(A=1, B=1), patched(A=2), patched(B=2), appended(C=1)], [1, 1, 1, 1]),
    (
        {},
        [created(A=1), patched(A=1), patched(A=1.0), ("PUT", f"{ATTRS}/A", {"value": 1})],
        [1, 0, 0, 0],
    ),
    ({}, [created(A=1), ("DELETE", f"{ATTRS}/A", None), DELETED], [1, 1, 0]),
    (
        {},
        [created(A=1), ("PUT", f"{ATTRS}/A/value", "2"), ("PUT", f"{ATTRS}/A", {"value": 3})],
        [1, 1, 1],
    ),
    ({}, [created(A=1), ("PATCH", ATTRS, {"A": {"value": 1, "type": "Other"}})], [1, 1]),
    ({}, [created(A=1), METADATA, METADATA], [1, 1, 0]),
    # attrs: one of them changes or is deleted
    (
        {"attrs": ["A", "B"]},
        [created(C=1), appended(A=1), patched(C=2), appended(B=1), ("DELETE", f"{ATTRS}/B", None)],
        [0, 1, 0, 1, 1],
    ),
    ({"attrs": ["A"]}, [created(A=1, C=1), patched(A=1, C=2), patched(A=2, C=2)], [1, 0, 1]),
    # expression
    (
        {"expression": {"q": "A>10"}},
        [created(A=1, B=1), patched(A=11), patched(B=2), patched(A=9), patched(B=3)],
        [0, 1, 1, 0, 0],
    ),
    (
        {"attrs": ["B"], "expression": {"q": "A>10"}},
        [created(A=1, B=1), patched(A=11), patched(B=2), patched(A=12)],
        [0, 0, 1, 0],
    ),
    ({"expression": {"mq": "A.m==1"}}, [created(A=1), METADATA, patched(A=2)], [0, 1, 1]),
    (
        {"expression": {"georel": "near;maxDistance:100", "geometry": "point", "coords": "2,1"}},
        [
            created(A=1),
            ("POST", ATTRS, {"L": {"type": "geo:point", "value": "2, 1"}}),
            patched(A=2),
            ("PUT", f"{ATTRS}/L/value", '"3, 1"'),
        ],
        [0, 1, 1, 0],
    ),
    # forcedUpdate counts as a change
    (
        {},
        [
            created(A=1),
            patched("?options=forcedUpdate", A=1),
            appended("?options=forcedUpdate", A=1),
        ],
        [1, 1, 1],
    ),
    (
        {},
        [
            created(A=1),
            ("PUT", f"{ATTRS}/A?options=forcedUpdate", {"value": 1}),
            ("PUT", f"{ATTRS}/A/value?options=forcedUpdate", "1"),
        ],
        [1, 1, 1],
    ),
    # whatever operation makes the change
    *(
        ({}, [batched(url, A=1), batched(url, A=1), batched(url, A=2)], [1, 0, 1])
        for url in ("/v2/op/update", "/v2/op/notify", "/v2/entities?options=upsert")
    ),
    ({}, [created(A=1), batched("/v2/op/update?options=forcedUpdate", A=1)], [1, 1]),
    (
        {},
        [created(A=1), operated({"$max": 1}), operated({"$inc": 1})],
        [1, 0, 1],
    ),
    # metadata
    ({"notifyOnMetadataChange": False}, [created(A=1), METADATA, patched(A=2)], [1, 0, 1]),
    # alteration types
    ({"alterationTypes": ["entityCreate"]}, [created(A=1), patched(A=2), DELETED], [1, 0, 0]),
    ({"alterationTypes": ["entityDelete"]}, [created(A=1), patched(A=2), DELETED], [0, 0, 1]),
    (
        {"alterationTypes": ["entityDelete"], "attrs": ["other"]},
        [created(A=1), DELETED],
        [0, 1],
    ),
    (
        {"alterationTypes": ["entityChange"]},
        [created(A=1), patched(A=1), patched(A=2), DELETED],
        [0, 0, 1, 0],
    ),
    (
        {"alterationTypes": ["entityUpdate"]},
        [created(A=1), patched(A=1), patched(A=2), DELETED],
        [0, 1, 1, 0],
    ),
    (
        {"alterationTypes": ["entityUpdate", "entityChange"], "attrs": ["A"]},
        [created(A=1, B=1), patched(A=1), patched(B=2), patched(A=2)],
        [0, 1, 0, 1],
    ),
    (
        {"alterationTypes": ["entityCreate", "entityDelete"]},
        [created(A=1), patched(A=2), DELETED, created(A=1)],
        [1, 0, 1, 1],
    ),
]


@pytest.mark.parametrize(("condition", "steps", "notifications"), TRIGGERS)
def test_condition_decides_which_changes_are_notified(
    notified: Notified, condition: dict[str, Any], steps: Any, notifications: list[int]
) -> None:
    notified.subscribe(condition=condition)
    assert notified.changes(steps) == notifications


@pytest.mark.parametrize(
    ("entities", "ids"),
    [
        ([{"id": "E1", "type": "T"}], ["E1"]),
        ([{"id": "E1"}], ["E1", "E1"]),
        ([{"idPattern": "E[12]"}], ["E1", "E1", "E2"]),
        ([{"idPattern": "1"}], ["E1", "E1"]),
        ([{"idPattern": ".*", "typePattern": "^[TV]"}], ["E1", "E2"]),
        ([{"id": "E1", "type": "T"}, {"id": "E2"}], ["E1", "E2"]),
        ([{"id": "E1"}, {"idPattern": "E1"}], ["E1", "E1"]),
        ([{"idPattern": "^X"}], []),
    ],
)
def test_entities_of_a_subscription(notified: Notified, entities: Any, ids: list[str]) -> None:
    notified.subscribe(entities=entities)
    for id, type in (("E1", "T"), ("E1", "U"), ("E2", "T")):
        notified.broker.simple(id, type, A=1)
    assert sorted(entity["id"] for entity in notified.entities()) == ids


@pytest.mark.parametrize(
    ("notification", "shown"),
    [
        ({}, {"A": 1, "B": 2, "C": 3}),
        ({"attrs": []}, {"A": 1, "B": 2, "C": 3}),
        ({"attrs": ["C", "A"]}, {"C": 3, "A": 1}),
        ({"attrs": ["nothing"]}, {}),
        ({"attrs": ["*"]}, {"A": 1, "B": 2, "C": 3}),
        ({"exceptAttrs": ["B"]}, {"A": 1, "C": 3}),
        ({"attrs": ["A", "nothing"], "covered": True}, {"A": 1, "nothing": None}),
        ({"onlyChangedAttrs": True}, {"A": 1}),
        ({"onlyChangedAttrs": True, "attrs": ["B", "A"]}, {"A": 1}),
        ({"onlyChangedAttrs": True, "exceptAttrs": ["B"]}, {"A": 1}),
        ({"attrs": ["alterationType"]}, {"alterationType": "entityChange"}),
        (
            {"attrs": ["alterationType", "B"], "onlyChangedAttrs": True},
            {"alterationType": "entityChange"},
        ),
        ({"attrs": ["*", "servicePath"]}, {"A": 1, "B": 2, "C": 3, "servicePath": "/"}),
    ],
)
def test_attributes_of_a_notification(
    notified: Notified, notification: dict[str, Any], shown: dict[str, Any]
) -> None:
    notified.broker.simple("E", A=0, B=2, C=3)
    notified.subscribe(notification={"attrsFormat": "keyValues", **notification})
    notified.broker.done("PUT", f"{ATTRS}/A/value", "1")
    assert notified.entity() == {"id": "E", "type": "T", **shown}


def test_end_of_a_transient_entity_is_notified(notified: Notified) -> None:
    notified.subscribe(
        condition={"expression": {"q": "dateExpires>2900-01-01"}},
        notification={"attrs": ["dateExpires", "A"], "attrsFormat": "keyValues"},
    )
    notified.broker.simple("E", A=1)
    assert notified.arrived() == []
    end = {"dateExpires": {"value": "2999-01-01", "type": "DateTime"}}
    notified.broker.done("POST", ATTRS, end)
    assert notified.entity() == {
        "id": "E",
        "type": "T",
        "dateExpires": "2999-01-01T00:00:00.000Z",
        "A": 1,
    }


def test_entity_without_attributes_is_notified(notified: Notified) -> None:
    notified.subscribe()
    notified.broker.simple("E")
    assert notified.entity() == {"id": "E", "type": "T"}


def test_values_come_in_the_order_of_attrs(notified: Notified) -> None:
    notified.subscribe(notification={"attrsFormat": "values", "attrs": ["C", "A", "B"]})
    notified.broker.simple("E", A=1, B=2, C=3)
    assert notified.entity() == [3, 1, 2]


def test_only_changed_attrs_without_a_shown_change_notifies_nothing(notified: Notified) -> None:
    notified.subscribe(notification={"onlyChangedAttrs": True, "attrs": ["B"]})
    steps = [created(A=1), appended(B=1), patched(A=2), patched(B=2), patched(A=3, B=3)]
    assert notified.changes(steps) == [0, 1, 0, 1, 1]


def test_covered_shows_what_is_missing_as_null(notified: Notified) -> None:
    notified.subscribe(notification={"attrs": ["A", "B"], "covered": True})
    notified.broker.simple("E", A=1)
    assert notified.entity()["B"] == {"type": "None", "value": None, "metadata": {}}


@pytest.mark.parametrize(
    ("steps", "alteration"),
    [
        ([created(A=1)], "entityCreate"),
        ([created(A=1), patched(A=2)], "entityChange"),
        ([created(A=1), patched(A=1)], "entityUpdate"),
        ([created(A=1), patched("?options=forcedUpdate", A=1)], "entityChange"),
        ([created(A=1), DELETED], "entityDelete"),
    ],
)
def test_alteration_type_says_what_happened(
    notified: Notified, steps: Any, alteration: str
) -> None:
    types = ["entityCreate", "entityUpdate", "entityDelete"]
    notified.subscribe(
        condition={"alterationTypes": types}, notification={"attrs": ["alterationType", "*"]}
    )
    notified.changes(steps[:-1])
    method, url, body = steps[-1]
    notified.broker.done(method, url, body)
    entity = notified.entity()
    assert entity["alterationType"] == {"type": "Text", "value": alteration, "metadata": {}}
    assert "A" in entity


def test_notification_of_a_deletion_shows_the_entity_as_it_was(notified: Notified) -> None:
    notified.subscribe(condition={"alterationTypes": ["entityDelete"]})
    notified.broker.simple("E", A=1)
    notified.broker.done("DELETE", "/v2/entities/E")
    request = notified.one()
    assert request.json["data"] == [{"id": "E", "type": "T", "A": {"value": 1, **NUMBER}}]
    assert request.headers["fiware-correlator"].endswith("; cbnotif=1")


def test_previous_value_and_action_type(notified: Notified) -> None:
    notified.subscribe(notification={"metadata": ["previousValue", "actionType"]})
    notified.broker.create("E", A={"value": 1, "type": "X"}, B={"value": 1})
    append = {"actionType": {"type": "Text", "value": "append"}}
    entity = notified.entity()
    assert (entity["A"]["metadata"], entity["B"]["metadata"]) == (append, append)
    notified.broker.done("POST", ATTRS, {"A": {"value": "a"}, "C": {"value": 3}})
    entity = notified.entity()
    assert entity["A"]["metadata"] == {
        "previousValue": {"type": "X", "value": 1},
        "actionType": {"type": "Text", "value": "update"},
    }
    assert entity["B"]["metadata"] == {"previousValue": {"type": "Number", "value": 1}}
    assert entity["C"]["metadata"]["actionType"] == {"type": "Text", "value": "append"}


def test_previous_value_of_a_deletion(notified: Notified) -> None:
    notified.subscribe(
        condition={"alterationTypes": ["entityDelete"]},
        notification={"metadata": ["previousValue", "actionType"]},
    )
    notified.broker.create("E", A={"value": 1, "type": "X"})
    notified.broker.done("DELETE", "/v2/entities/E")
    metadata = {"previousValue": {"type": "X", "value": 1}}
    assert notified.entity()["A"] == {"type": "X", "value": 1, "metadata": metadata}


@pytest.mark.parametrize(
    ("metadata", "shown"),
    [
        ([], ["m"]),
        (["*"], ["m"]),
        (["m"], ["m"]),
        (["other"], []),
        (["dateCreated"], ["dateCreated"]),
    ],
)
def test_metadata_of_a_notification(
    notified: Notified, metadata: list[str], shown: list[str]
) -> None:
    notified.subscribe(notification={"metadata": metadata})
    notified.broker.create("E", A={"value": 1, "metadata": {"m": {"value": 1}}})
    assert list(notified.entity()["A"]["metadata"]) == shown


def test_one_entity_per_notification_in_the_order_of_the_batch(notified: Notified) -> None:
    notified.subscribe(notification={"attrsFormat": "simplifiedKeyValues"})
    entities = [{"id": "E", "type": "T", "A": {"value": value}} for value in (1, 2, 3)]
    body = {"actionType": "append", "entities": entities}
    notified.broker.done("POST", "/v2/op/update", body)
    assert [request.json["A"] for request in notified.arrived()] == [1, 2, 3]


@pytest.mark.parametrize(
    ("subscribed", "paths"),
    [
        (None, ["/", "/a", "/a/b", "/a2"]),
        ("/#", ["/", "/a", "/a/b", "/a2"]),
        ("/", ["/"]),
        ("/a", ["/a"]),
        ("/a/#", ["/a", "/a/b"]),
        ("/c", []),
    ],
)
def test_service_path_of_a_subscription(
    notified: Notified, subscribed: str | None, paths: list[str]
) -> None:
    notified.subscribe(path=subscribed)
    for path in ("/", "/a", "/a/b", "/a2"):
        notified.broker.simple("E", path=path, A=1)
    found = sorted(request.headers["fiware-servicepath"] for request in notified.arrived())
    assert found == paths


def test_tenants_do_not_hear_of_each_other(notified: Notified) -> None:
    notified.subscribe()
    body = {"id": "E", "type": "T", "A": {"value": 1}}
    notified.broker.done("POST", "/v2/entities", body, headers={"Fiware-Service": "stranger"})
    assert notified.arrived() == []


def test_status_decides_whether_anything_is_sent(notified: Notified) -> None:
    id = notified.subscribe(status="inactive")
    url = f"/v2/subscriptions/{id}"
    assert notified.changes([created(A=1)]) == [0]
    notified.broker.done("PATCH", url, {"status": "active"})
    assert notified.changes([patched(A=2)]) == [1]
    notified.broker.done("PATCH", url, {"status": "inactive"})
    assert notified.changes([patched(A=3)]) == [0]


def test_oneshot_is_notified_once_and_then_inactive(notified: Notified) -> None:
    id = notified.subscribe(status="oneshot", condition={"attrs": ["A"]})
    assert notified.shown(id)["status"] == "oneshot"
    assert notified.changes([created(B=1), appended(A=1), patched(A=2)]) == [0, 1, 0]
    assert notified.shown(id)["status"] == "inactive"
    notified.broker.done("PATCH", f"/v2/subscriptions/{id}", {"status": "oneshot"})
    assert notified.shown(id)["status"] == "oneshot"
    assert notified.changes([patched(A=3), patched(A=4)]) == [1, 0]


def test_expired_subscription_is_silent(notified: Notified) -> None:
    id = notified.subscribe(expires="2001-01-01T00:00:00Z")
    assert notified.shown(id)["status"] == "expired"
    assert notified.changes([created(A=1)]) == [0]
    notified.broker.done("PATCH", f"/v2/subscriptions/{id}", {"expires": "2999-01-01T00:00:00Z"})
    assert notified.shown(id)["status"] == "active"
    assert notified.changes([patched(A=2)]) == [1]


def test_throttling_discards_what_comes_too_soon(notified: Notified) -> None:
    notified.subscribe(throttling=60)
    assert notified.changes([created(A=1), patched(A=2), patched(A=3)]) == [1, 0, 0]


def test_counters_of_a_subscription(notified: Notified) -> None:
    id = notified.subscribe()
    assert (
        notified.shown(id)["notification"]
        .keys()
        .isdisjoint(
            {"timesSent", "lastNotification", "lastSuccess", "lastSuccessCode", "lastFailure"}
        )
    )
    notified.changes([created(A=1), patched(A=2)])
    shown = notified.shown(id)["notification"]
    assert (shown["timesSent"], shown["lastSuccessCode"]) == (2, 204)
    assert shown["lastNotification"].endswith(".000Z")
    assert shown["lastSuccess"].endswith(".000Z")
    assert {"failsCounter", "lastFailure", "lastFailureReason"}.isdisjoint(shown)


def test_failures_are_counted_until_the_limit(notified: Notified) -> None:
    id = notified.subscribe(notification={"maxFailsLimit": 1})
    notified.receiver.status = 404
    try:
        notified.changes([created(A=1)])
        shown = notified.shown(id)
        assert (shown["status"], shown["notification"]["failsCounter"]) == ("active", 1)
        assert "lastFailure" in shown["notification"]
        assert "lastFailureReason" in shown["notification"]
        notified.changes([patched(A=2)])
        assert notified.shown(id)["status"] == "inactive"
    finally:
        notified.receiver.status = 204
    notified.broker.done("PATCH", f"/v2/subscriptions/{id}", {"status": "active"})
    assert notified.changes([patched(A=3)]) == [1]
    assert "failsCounter" not in notified.shown(id)["notification"]
