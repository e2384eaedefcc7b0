"""NGSI-v2: builtin attributes and metadata, and which attributes and metadata are shown.

Specification: "Builtin Attributes", "Builtin Metadata", "User attributes or metadata matching
builtin name", "Filtering out attributes and metadata".
"""

import re
from typing import Any

import pytest

from tests.integration.broker import Broker

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
OLD = "2001-01-01T00:00:00.000Z"


@pytest.fixture
def room(broker: Broker) -> Broker:
    metadata = {"m1": {"value": 1, "type": "N"}, "m2": {"value": 2, "type": "N"}}
    broker.create(
        "E",
        "Room",
        "/parks",
        A={"value": 1, "type": "N", "metadata": metadata},
        B={"value": 2, "type": "N"},
    )
    return broker


@pytest.mark.parametrize(
    ("attrs", "shown"),
    [
        ("A", ["A"]),
        ("B,A", ["B", "A"]),
        ("A,A", ["A"]),
        ("nothing", []),
        ("dateCreated", ["dateCreated"]),
        ("dateModified,dateCreated", ["dateModified", "dateCreated"]),
        ("servicePath", ["servicePath"]),
        ("dateModified,A,B", ["dateModified", "A", "B"]),
        ("dateModified,*", ["A", "B", "dateModified"]),
        ("*,dateModified", ["A", "B", "dateModified"]),
        ("*", ["A", "B"]),
        ("dateExpires", []),
        ("alterationType", []),
        ("alterationType,*", ["A", "B"]),
    ],
)
def test_attrs_select_what_is_shown(room: Broker, attrs: str, shown: list[str]) -> None:
    expected = ["id", "type", *shown]
    assert list(room.get(f"/v2/entities/E?attrs={attrs}")) == expected
    assert list(room.get(f"/v2/entities?attrs={attrs}")[0]) == expected
    assert list(room.get(f"/v2/entities/E/attrs?attrs={attrs}")) == shown
    assert list(room.get(f"/v2/entities/E?attrs={attrs}&options=keyValues")) == expected
    assert len(room.get(f"/v2/entities/E?attrs={attrs}&options=values")) == len(shown)
    body = {"entities": [{"id": "E"}], "attrs": attrs.split(",")}
    assert list(room.done("POST", "/v2/op/query", body).json()[0]) == expected


def test_builtins_are_hidden_unless_named(room: Broker) -> None:
    shown = room.get("/v2/entities/E")
    assert shown.keys() == {"id", "type", "A", "B"}
    assert shown["A"]["metadata"].keys() == {"m1", "m2"}


def test_builtin_attributes_look_like_attributes(room: Broker) -> None:
    shown = room.get("/v2/entities/E?attrs=dateCreated,dateModified,servicePath")
    assert shown["servicePath"] == {"type": "Text", "value": "/parks", "metadata": {}}
    for name in ("dateCreated", "dateModified"):
        assert shown[name].keys() == {"type", "value", "metadata"}
        assert (shown[name]["type"], shown[name]["metadata"]) == ("DateTime", {})
        assert DATE.fullmatch(shown[name]["value"])
    assert shown["dateCreated"]["value"] == shown["dateModified"]["value"]


@pytest.mark.parametrize("name", ["dateCreated", "dateModified", "servicePath", "alterationType"])
def test_builtins_have_no_address(room: Broker, name: str) -> None:
    url = f"/v2/entities/E/attrs/{name}"
    for at in (url, f"{url}/value"):
        assert room.refused("GET", at) == (404, "NotFound")
    assert room.refused("PUT", url, {"value": 1}, path="/parks") == (404, "NotFound")
    assert room.refused("DELETE", url, path="/parks") == (404, "NotFound")


@pytest.mark.parametrize(
    ("metadata", "shown"),
    [
        ("m1", ["m1"]),
        ("m2,m1", ["m2", "m1"]),
        ("nothing", []),
        ("*", ["m1", "m2"]),
        ("dateCreated", ["dateCreated"]),
        ("dateModified,m1", ["dateModified", "m1"]),
        ("dateCreated,*", ["m1", "m2", "dateCreated"]),
        ("previousValue", []),
        ("actionType,*", ["m1", "m2"]),
    ],
)
def test_metadata_select_what_is_shown(room: Broker, metadata: str, shown: list[str]) -> None:
    query = f"metadata={metadata}"
    assert list(room.get(f"/v2/entities/E?{query}")["A"]["metadata"]) == shown
    assert list(room.get(f"/v2/entities?{query}")[0]["A"]["metadata"]) == shown
    assert list(room.get(f"/v2/entities/E/attrs?{query}")["A"]["metadata"]) == shown
    assert list(room.get(f"/v2/entities/E/attrs/A?{query}")["metadata"]) == shown
    body = {"entities": [{"id": "E"}], "metadata": metadata.split(",")}
    assert list(room.done("POST", "/v2/op/query", body).json()[0]["A"]["metadata"]) == shown


def test_builtin_metadata_look_like_metadata(room: Broker) -> None:
    shown = room.attribute("A", query="?metadata=dateCreated,dateModified")["metadata"]
    for name in ("dateCreated", "dateModified"):
        assert shown[name].keys() == {"type", "value"}
        assert shown[name]["type"] == "DateTime"
        assert DATE.fullmatch(shown[name]["value"])


def test_user_attribute_named_like_a_builtin_is_shown_always(broker: Broker) -> None:
    mine = {"type": "DateTime", "value": "2050-01-01T00:00:00.000Z", "metadata": {}}
    path = {"type": "X", "value": "mine", "metadata": {}}
    broker.create("E", dateModified=mine, servicePath=path, B={"value": 1})
    assert broker.get("/v2/entities/E")["dateModified"] == mine
    assert broker.attribute("dateModified") == mine
    for url in ("/v2/entities/E?attrs=dateModified", "/v2/entities/E?attrs=*,dateModified"):
        assert broker.get(url)["dateModified"] == mine
    assert broker.get("/v2/entities?attrs=servicePath")[0]["servicePath"] == path


def test_builtin_wins_in_filters(broker: Broker) -> None:
    broker.create("E", dateModified={"type": "DateTime", "value": "2050-01-01"})
    assert broker.ids(q="dateModified>2049-12-31") == []
    assert broker.ids(q="dateModified<2049-12-31") == ["E"]


def test_user_metadata_named_like_a_builtin_is_shown_always(broker: Broker) -> None:
    mine = {"type": "DateTime", "value": OLD}
    previous = {"type": "X", "value": 7}
    metadata = {"dateCreated": mine, "previousValue": previous}
    broker.create("E", A={"value": 1, "metadata": metadata})
    assert broker.attribute("A")["metadata"] == metadata
    assert broker.attribute("A", query="?metadata=dateCreated")["metadata"] == {"dateCreated": mine}
    assert broker.ids(mq="A.dateCreated<2002-01-01") == []
    assert broker.ids(mq="A.dateCreated>2002-01-01") == ["E"]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("dateCreated>2010-01-01", True),
        ("dateCreated<2010-01-01", False),
        ("dateModified==2010-01-01..2100-01-01", True),
        ("dateModified!=2010-01-01..2100-01-01", False),
        ("servicePath==/parks", True),
        ("servicePath!=/parks", False),
        ("servicePath~=^/pa", True),
    ],
)
def test_builtin_attributes_filter(room: Broker, q: str, found: bool) -> None:
    assert room.ids(q=q) == (["E"] if found else [])


@pytest.mark.parametrize(
    ("mq", "found"),
    [
        ("A.dateCreated>2010-01-01", True),
        ("A.dateModified<2010-01-01", False),
        ("C.dateModified>2010-01-01", False),
    ],
)
def test_builtin_metadata_filter(room: Broker, mq: str, found: bool) -> None:
    assert room.ids(mq=mq) == (["E"] if found else [])


def test_creation_date_stays_and_modification_date_moves(broker: Broker) -> None:
    broker.simple("E", A=1, B=1)

    def dates() -> dict[str, Any]:
        url = "/v2/entities/E/attrs?attrs=dateCreated,dateModified&options=keyValues"
        return dict(broker.get(url))

    before = dates()
    while dates()["dateModified"] == before["dateModified"]:
        broker.done("PUT", "/v2/entities/E/attrs/A/value", "5")
    assert dates()["dateCreated"] == before["dateCreated"]
    assert dates()["dateModified"] > before["dateModified"]
    metadata = broker.get("/v2/entities/E/attrs?metadata=dateCreated,dateModified")
    untouched = metadata["B"]["metadata"]
    assert untouched["dateCreated"] == untouched["dateModified"]
    changed = metadata["A"]["metadata"]
    assert changed["dateCreated"]["value"] < changed["dateModified"]["value"]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ("dateCreated", ["A", "B", "dateCreated"]),
        ("dateModified,dateCreated", ["A", "B", "dateCreated", "dateModified"]),
    ],
)
def test_dates_as_options_are_an_old_way_to_say_attrs(
    room: Broker, options: str, shown: list[str]
) -> None:
    assert list(room.get(f"/v2/entities/E/attrs?options={options}")) == shown
