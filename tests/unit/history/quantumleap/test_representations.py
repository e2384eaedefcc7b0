"""The bodies of answers, in both dialects."""

import pytest

from city.clock import from_iso
from city.json import Json
from city.tenancy import ROOT
from history.quantumleap import parameters as known
from history.quantumleap import representations as form
from history.quantumleap.dialects import DIALECTS
from history.quantumleap.histories import History
from history.quantumleap.parameters import parse
from history.quantumleap.representations import Form, Shown
from history.reading.queries import Instance
from history.records import Series

OLD, NEW = DIALECTS["1.0.0"], DIALECTS["1.0.1"]
TIMES: list[Json] = ["2026-01-01T00:00:00.000+00:00", "2026-01-02T00:00:00.000+00:00"]
BOUNDS: list[Json] = ["2026-01-01T00:00:00+00:00", ""]


def history(id: str, type: str = "Room", **attributes: list[Json]) -> History:
    count = max(map(len, attributes.values()))
    return History(type, id, [str(time) for time in TIMES[:count]], attributes)


ROOM1, ROOM2 = history("Room1", t=[1, 2], p=[3, None]), history("Room2", t=[5], p=[6])
CAR = history("Car1", "Car", km=[7])
AVERAGE1 = History("Room", "Room1", [], {"t": [1.5]})
AVERAGE2 = History("Room", "Room2", [], {"t": [2.5]})


def shown(
    form: Form,
    *histories: History,
    attribute: str | None = None,
    query: bytes = b"",
    new: bool = False,
) -> Json:
    asked = parse(query, known.ATTRIBUTES, attribute)
    return form(Shown(NEW if new else OLD, asked, histories))


def test_entity() -> None:
    values: Json = [{"attrName": "t", "values": [1, 2]}, {"attrName": "p", "values": [3, None]}]
    assert shown(form.entity, ROOM1) == {
        "entityId": "Room1",
        "entityType": "Room",
        "index": TIMES,
        "attributes": values,
    }
    assert shown(form.entity_values, ROOM1) == {"index": TIMES, "attributes": values}


def test_entity_attribute() -> None:
    assert shown(form.entity_attribute, ROOM1, attribute="t") == {
        "entityId": "Room1",
        "entityType": "Room",
        "attrName": "t",
        "index": TIMES,
        "values": [1, 2],
    }
    assert shown(form.entity_attribute_values, ROOM1, attribute="t") == {
        "index": TIMES,
        "values": [1, 2],
    }


def test_type() -> None:
    answer = shown(form.type, ROOM1, ROOM2)
    assert isinstance(answer, dict)
    assert answer.keys() == {"entityType", "entities"}
    assert answer["entities"] == [
        {
            "entityId": "Room1",
            "index": TIMES,
            "attributes": [
                {"attrName": "t", "values": [1, 2]},
                {"attrName": "p", "values": [3, None]},
            ],
        },
        {
            "entityId": "Room2",
            "index": TIMES[:1],
            "attributes": [{"attrName": "t", "values": [5]}, {"attrName": "p", "values": [6]}],
        },
    ]
    assert shown(form.type_values, ROOM1, ROOM2) == {"values": answer["entities"]}


def test_type_attribute_has_the_ids_that_were_asked_for_in_their_order() -> None:
    query = b"id=Room2,Room9,Room1"
    answer = shown(form.type_attribute, ROOM1, ROOM2, attribute="t", query=query)
    assert answer == {
        "entityType": "Room",
        "attrName": "t",
        "entities": [
            {"entityId": "Room2", "index": TIMES[:1], "values": [5]},
            {"entityId": "Room1", "index": TIMES, "values": [1, 2]},
        ],
    }
    answer = shown(form.type_attribute_values, ROOM1, ROOM2, attribute="t")
    assert answer == {
        "values": [
            {"entityId": "Room1", "index": TIMES, "values": [1, 2]},
            {"entityId": "Room2", "index": TIMES[:1], "values": [5]},
        ]
    }


def test_attributes_of_all_types() -> None:
    assert shown(form.attributes, CAR, ROOM2) == {
        "attrs": [
            {
                "attrName": "km",
                "types": [
                    {
                        "entityType": "Car",
                        "entities": [{"entityId": "Car1", "index": TIMES[:1], "values": [7]}],
                    }
                ],
            },
            {
                "attrName": "p",
                "types": [
                    {
                        "entityType": "Room",
                        "entities": [{"entityId": "Room2", "index": TIMES[:1], "values": [6]}],
                    }
                ],
            },
            {
                "attrName": "t",
                "types": [
                    {
                        "entityType": "Room",
                        "entities": [{"entityId": "Room2", "index": TIMES[:1], "values": [5]}],
                    }
                ],
            },
        ]
    }
    values = shown(form.attributes_values, CAR, ROOM2)
    assert values == {"values": shown(form.attributes, CAR, ROOM2)["attrs"]}  # type: ignore[index,call-overload]


def test_one_attribute_of_all_types() -> None:
    types: Json = [
        {
            "entityType": "Room",
            "entities": [
                {"entityId": "Room1", "index": TIMES, "values": [1, 2]},
                {"entityId": "Room2", "index": TIMES[:1], "values": [5]},
            ],
        }
    ]
    answer = shown(form.attribute, ROOM1, ROOM2, attribute="t")
    assert answer == {"attrName": "t", "types": types}
    assert shown(form.attribute_values, ROOM1, ROOM2, attribute="t") == {"values": types}


def test_the_index_of_an_aggregate_over_everything_depends_on_the_operation() -> None:
    query = b"aggrMethod=avg&fromDate=2026-01-01"
    answer = shown(form.entity_attribute_values, AVERAGE1, attribute="t", query=query)
    assert answer == {"index": [], "values": [1.5]}
    answer = shown(form.type_attribute_values, AVERAGE1, attribute="t", query=query)
    assert answer == {"values": [{"entityId": "Room1", "index": [], "values": [1.5]}]}
    by_id = query + b"&id=Room2,Room1"
    answer = shown(form.type_attribute_values, AVERAGE1, AVERAGE2, attribute="t", query=by_id)
    assert answer == {
        "values": [
            {"entityId": "Room2", "index": ["2026-01-01", ""], "values": [2.5]},
            {"entityId": "Room1", "index": ["2026-01-01", ""], "values": [1.5]},
        ]
    }
    answer = shown(form.type_values, AVERAGE1, query=query + b"&attrs=t")
    values: Json = [{"attrName": "t", "values": [1.5]}]
    assert answer == {"values": [{"entityId": "Room1", "index": BOUNDS, "attributes": values}]}
    answer = shown(form.attribute_values, AVERAGE1, attribute="t", query=query)
    entities: Json = [{"entityId": "Room1", "index": BOUNDS, "values": [1.5]}]
    assert answer == {"values": [{"entityType": "Room", "entities": entities}]}


@pytest.mark.parametrize(
    ("make", "attribute"),
    [
        (form.entity, None),
        (form.entity_attribute, "t"),
        (form.type, None),
        (form.type_attribute, "t"),
        (form.attribute, "t"),
        (form.attributes, None),
    ],
)
def test_the_newer_dialect_says_id_and_type(make: Form, attribute: str | None) -> None:
    old = repr(shown(make, ROOM1, ROOM2, attribute=attribute))
    new = repr(shown(make, ROOM1, ROOM2, attribute=attribute, new=True))
    assert new == old.replace("entityId", "id").replace("entityType", "type")
    assert "entityId" in old
    assert "entityId" not in new


def test_an_entity_in_the_list() -> None:
    moment = from_iso("2026-01-01")
    assert form.sighting(OLD, "Room", "Room1", moment) == {
        "entityId": "Room1",
        "index": TIMES[0],
        "entityType": "Room",
    }
    assert form.sighting(NEW, "Room", "Room1", moment)["id"] == "Room1"


def test_last_values_with_the_time_of_the_newest() -> None:
    series = Series("Room", "Room1", ROOT)
    moment = from_iso("2026-01-01")
    instances = [
        Instance(series, "t", "Number", moment, 0.0, {}),
        Instance(series, "name", "Text", moment - 5_000_000, "", {}),
    ]
    assert form.last_values(instances) == {
        "type": "Room",
        "id": "Room1",
        "dateModified": {"value": TIMES[0], "type": "DateTime"},
        "name": {"value": "", "type": "Text"},
        "t": {"value": 0.0, "type": "Number"},
    }
