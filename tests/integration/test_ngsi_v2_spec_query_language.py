"""NGSI-v2: the Simple Query Language (`q` on attributes, `mq` on their metadata).

Specification: "Simple Query Language". Every statement is asked of the same entities, by URL and in
a batch query, where its meaning is the same.
"""

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.api import Api
from tests.integration.broker import Broker

VALUES: dict[str, Any] = {
    "n20": 20,
    "n40": 40,
    "neg": -5.5,
    "text20": "20",
    "black": "black",
    "comma": "light,green",
    "array": [20, "x"],
    "object": {"a": 1, "b": {"c": "deep"}, "x.y": True, "list": [{"k": 1}, {"k": 2}]},
    "null": None,
    "yes": True,
    "no": False,
    "date": "2020-05-05T00:00:00.000Z",
}
IDS = [*VALUES, "missing"]


@pytest.fixture(scope="module")
def things(shared_api: Api) -> Broker:
    """Entities whose attribute `v`, and whose metadata `m` of `w`, have these values."""
    broker = Broker(shared_api, f"t{uuid4().hex}")
    for id, value in VALUES.items():
        typed = {"value": value, **({"type": "DateTime"} if id == "date" else {})}
        broker.create(id, "T", v=typed, w={"value": 0, "metadata": {"m": typed}})
    broker.create("missing", "T", other={"value": 1})
    return broker


def found(things: Broker, **expression: str) -> set[str]:
    by_url = things.ids(**expression)
    body = {"entities": [{"idPattern": ".*"}], "expression": expression}
    by_body = [one["id"] for one in things.done("POST", "/v2/op/query", body).json()]
    assert by_url == by_body
    return set(by_url)


EVERY = set(VALUES)
STATEMENTS: list[tuple[str, set[str]]] = [
    # equal: a single element, which an array may contain
    ("v==20", {"n20", "array"}),
    ("v:20", {"n20", "array"}),
    ("v==20.0", {"n20", "array"}),
    ("v=='20'", {"text20"}),
    ("v==black", {"black"}),
    ("v=='black'", {"black"}),
    ("v==BLACK", set()),
    ("v==x", {"array"}),
    ("v==true", {"yes"}),
    ("v==false", {"no"}),
    ("v=='true'", set()),
    ("v==null", {"null"}),
    ("v==2020-05-05", {"date"}),
    ("v==-5.5", {"neg"}),
    # equal: any of a list
    ("v==20,40", {"n20", "n40", "array"}),
    ("v==black,x", {"black", "array"}),
    ("v=='light,green'", {"comma"}),
    ("v=='light,green','deep,blue',black", {"comma", "black"}),
    ("v==black,null", {"black", "null"}),
    # equal: a range, both ends included
    ("v==20..40", {"n20", "n40", "array"}),
    ("v==21..39", set()),
    ("v==-10..0", {"neg"}),
    ("v==2020-05-04..2020-05-06", {"date"}),
    ("v==a..c", {"black"}),
    # unequal: needs the attribute
    ("v!=20", EVERY - {"n20", "array"}),
    ("v!=black", EVERY - {"black"}),
    ("v!=20,40", EVERY - {"n20", "n40", "array"}),
    ("v!=20..40", EVERY - {"n20", "n40", "array"}),
    ("v!=null", EVERY - {"null"}),
    ("v!=true", EVERY - {"yes"}),
    # order: dates, numbers, strings
    ("v>20", {"n40", "date"}),
    ("v>=20", {"n20", "n40", "array", "date"}),
    ("v<20", {"neg"}),
    ("v<=20", {"n20", "neg", "array"}),
    ("v>black", {"comma", "array"}),
    ("v>=black", {"black", "comma", "array"}),
    ("v<black", {"text20"}),
    ("v>2020-05-04", {"date"}),
    # pattern: strings only, unanchored
    ("v~=lac", {"black"}),
    ("v~=^l.*n$", {"comma"}),
    ("v~=^[0-9]+$", {"text20"}),
    ("v~=lac|reen", {"black", "comma"}),
    # existence
    ("v", EVERY),
    ("!v", {"missing"}),
    ("other", {"missing"}),
    ("nothing", set()),
    # paths into a value
    ("v.a==1", {"object"}),
    ("v.a", {"object"}),
    ("!v.a", set(IDS) - {"object"}),
    ("v.b.c==deep", {"object"}),
    ("v.b.c~=ee", {"object"}),
    ("v.'x.y'==true", {"object"}),
    ("v.list.k==2", {"object"}),
    ("v.a!=1", set()),
    ("v.a!=2", {"object"}),
    ("v.nothing==1", set()),
    # several statements must all hold
    ("v>10;v<30", {"n20", "array"}),
    ("v;v!=20;v~=bl", {"black"}),
    ("v==20;!other", {"n20", "array"}),
    (" v == 20 ; v ", {"n20", "array"}),
]


@pytest.mark.parametrize(("q", "ids"), STATEMENTS)
def test_q_filters_by_attribute(things: Broker, q: str, ids: set[str]) -> None:
    assert found(things, q=q) == ids


@pytest.mark.parametrize(
    ("q", "ids"), [(q, ids) for q, ids in STATEMENTS if "other" not in q and q != "nothing"]
)
def test_mq_filters_by_metadata(things: Broker, q: str, ids: set[str]) -> None:
    mq = ";".join(
        part.replace("v", "w.m", 1) if "v" in part else part for part in q.strip().split(";")
    )
    assert found(things, mq=mq) == ids


def test_q_and_mq_must_both_hold(things: Broker) -> None:
    assert found(things, q="v==20", mq="w.m~=x") == {"array"}


def test_attribute_with_a_dot_is_quoted(broker: Broker) -> None:
    metadata = {"m.n": {"value": {"o.p": 5}}}
    attributes: dict[str, Any] = {"a.b": {"value": {"w": {"x.y": 1}}, "metadata": metadata}}
    broker.create("E", **attributes)
    assert broker.ids(q="'a.b'.w.'x.y'==1") == ["E"]
    assert broker.ids(q="'a.b'") == ["E"]
    assert broker.ids(q="a.b.w") == []
    assert broker.ids(mq="'a.b'.'m.n'.'o.p'==5") == ["E"]
    assert broker.ids(mq="'a.b'.'m.n'") == ["E"]


@pytest.mark.parametrize("q", ["id==E", "type==T", "type~=."])
def test_id_and_type_are_no_attributes(broker: Broker, q: str) -> None:
    broker.simple("E", a=1)
    assert broker.ids(q=q) == []


ERRORS = [
    (";", "empty q"),
    ("a;;b", "empty q-item"),
    ("a; ;b", "empty q-item (only whitespace)"),
    ("==1", "empty left-hand-side in q-item"),
    ("a==", "empty right-hand-side in q-item"),
    ("a===3", "forbidden characters in String Filter"),
    ("a=='b", "non-terminated forced string"),
    ("a=='b'c'", "quote in forced string"),
    ("a==1..", "empty item in range"),
    ("a==..1", "empty item in range"),
    ("a>1..3", "ranges only valid for equal and not equal ops"),
    ("a==1..b", "invalid range: types mixed"),
    ("a==1,b", "invalid JSON value type in list"),
    ("a==1,", "empty item in list"),
    ("a>1,2", "lists only valid for equal and not equal ops"),
    ("a>null", "values of type /Null/ not supported for operator /GreaterThan/"),
    ("a<=true", "values of type /Bool/ not supported for operator /LessThanOrEqual/"),
    ("a~=(", "forbidden characters in String Filter"),
    ("a~=[", "error compiling filter regex: '['"),
    ('a"b==1', "invalid character found in URI param /q/"),
]


@pytest.mark.parametrize(("q", "text"), ERRORS)
def test_bad_q_is_refused(broker: Broker, q: str, text: str) -> None:
    url = "/v2/entities?q=" + "".join(f"%{byte:02x}" for byte in q.encode())
    assert broker.why("GET", url) == (400, "BadRequest", text)
    body = {"entities": [{"idPattern": ".*"}], "expression": {"q": q}}
    assert broker.why("POST", "/v2/op/query", body) == (400, "BadRequest", text)


@pytest.mark.parametrize(
    ("mq", "text"),
    [
        ("a==1", "no metadata name - not valid for metadata filters"),
        ("a", "no metadata in right-hand-side of q-item"),
        (".m==1", "no attribute name - not valid for metadata filters"),
        ("a.m==1..", "empty item in range"),
    ],
)
def test_bad_mq_is_refused(broker: Broker, mq: str, text: str) -> None:
    body = {"entities": [{"idPattern": ".*"}], "expression": {"mq": mq}}
    assert broker.why("POST", "/v2/op/query", body) == (400, "BadRequest", text)
