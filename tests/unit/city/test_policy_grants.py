"""Grants in the forms they are stored and shown in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.dynamodb import from_item, to_item
from city.errors import InvalidRequest
from city.json import Json
from city.policy.grant_forms import MAX_NAMES, pack, parse_grant, show_grant, unpack
from city.policy.grants import ANY_TENANT, Action, Grant
from city.tenancy import EVERYWHERE, ROOT, PathPattern, ServicePath

NAMES = st.frozensets(st.text(min_size=1, max_size=5), min_size=1, max_size=4)
MOMENTS = st.none() | st.integers(0, 4_000_000_000_000_000)
WIDE = st.builds(
    Grant,
    id=st.text(min_size=1, max_size=8),
    actions=st.frozensets(st.sampled_from([*Action][:-1]), min_size=1),
    tenant=st.sampled_from(["", "city", ANY_TENANT]),
    path=st.sampled_from(
        [EVERYWHERE[0], PathPattern(ROOT, subtree=False)]
        + [PathPattern(ServicePath("/a/b/"), subtree=deep) for deep in (True, False)]
    ),
    types=st.none() | NAMES,
    ids=st.none() | NAMES,
    id_pattern=st.none() | st.sampled_from(["x.*", "[[:digit:]]+"]),
    attributes=st.none() | NAMES,
    deny=st.booleans(),
    starts=st.none() | st.integers(0, 1_000_000_000_000_000),
    ends=st.none() | st.integers(1_000_000_000_000_001, 4_000_000_000_000_000),
    origin=st.sampled_from(["", "direct", "role:r1"]),
)


@given(WIDE)
def test_grant_survives_the_account_item(grant: Grant) -> None:
    item = to_item({"g": pack(grant)})
    stored = from_item(item)["g"]
    assert isinstance(stored, dict)
    assert unpack(grant.id, stored) == grant


@given(WIDE)
def test_grant_survives_its_wire_form(grant: Grant) -> None:
    assert parse_grant(grant.id, show_grant(grant), grant.origin) == grant


def test_plain_grant_is_stored_small() -> None:
    assert pack(Grant("g", frozenset({Action.READ, Action.UPDATE}), "city")) == {
        "a": ["read", "update"],
        "t": "city",
    }


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"a": ["read"]},
        {"a": "read", "t": "city"},
        {"a": ["fly"], "t": "city"},
        {"a": ["read"], "t": "city", "z": 1},
        {"a": ["read"], "t": "city", "d": False},
        {"a": ["read"], "t": "city", "d": "yes"},
        {"a": ["read"], "t": "city", "y": "Room"},
        {"a": ["read"], "t": "city", "x": 7},
        {"a": ["read"], "t": "city", "s": "now"},
        {"a": ["read"], "t": "city", "e": 1.5},
    ],
)
def test_map_that_pack_cannot_have_made_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not"):
        unpack("g", row)


def test_wire_form_has_defaults() -> None:
    parsed = parse_grant("g", {"actions": ["read"], "tenant": "City"})
    assert parsed == Grant("g", frozenset({Action.READ}), "city")
    assert show_grant(parsed) == {
        "id": "g",
        "effect": "allow",
        "actions": ["read"],
        "tenant": "city",
        "servicePath": "/#",
    }


def test_id_and_origin_in_the_wire_form_change_nothing() -> None:
    body: Json = {"actions": ["read"], "tenant": "*", "id": "other", "origin": "role:mayor"}
    assert parse_grant("g", body) == Grant("g", frozenset({Action.READ}), ANY_TENANT)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T19:00:00Z", 1_795_374_000_000_000),
        ("2026-11-22T20:00:00+01:00", 1_795_374_000_000_000),
        ("2026-11-22T19:00:00", 1_795_374_000_000_000),
        ("2026-11-22T19:00:00.000001Z", 1_795_374_000_000_001),
        ("1970-01-02", 86_400_000_000),
    ],
)
def test_validity_is_in_microseconds(text: str, moment: int) -> None:
    assert parse_grant("g", {"actions": ["read"], "tenant": "", "validFrom": text}).starts == moment


WRONG: list[tuple[Json, str]] = [
    ([], "a grant must be a JSON object"),
    ({"actions": ["read"], "tenant": "", "colour": 1}, "a grant has no member colour"),
    ({"tenant": ""}, "actions"),
    ({"actions": [], "tenant": ""}, "actions"),
    ({"actions": "read", "tenant": ""}, "actions"),
    ({"actions": ["READ"], "tenant": ""}, "actions"),
    ({"actions": ["read", None], "tenant": ""}, "actions"),
    ({"actions": [["read"]], "tenant": ""}, "actions"),
    ({"actions": ["read"]}, "tenant"),
    ({"actions": ["read"], "tenant": None}, "tenant"),
    ({"actions": ["read"], "tenant": "a b"}, "tenant"),
    ({"actions": ["read"], "tenant": "**"}, "tenant"),
    ({"actions": ["read"], "tenant": "", "effect": "permit"}, "effect"),
    ({"actions": ["read"], "tenant": "", "effect": True}, "effect"),
    ({"actions": ["read"], "tenant": "", "servicePath": ""}, "servicePath"),
    ({"actions": ["read"], "tenant": "", "servicePath": "/a,/b"}, "servicePath"),
    ({"actions": ["read"], "tenant": "", "servicePath": "a"}, "Service Paths"),
    ({"actions": ["read"], "tenant": "", "servicePath": "/../b"}, "ServicePath"),
    ({"actions": ["read"], "tenant": "", "servicePath": 7}, "servicePath"),
    ({"actions": ["read"], "tenant": "", "types": []}, "types"),
    ({"actions": ["read"], "tenant": "", "types": "Room"}, "types"),
    ({"actions": ["read"], "tenant": "", "types": [""]}, "types"),
    ({"actions": ["read"], "tenant": "", "types": ["Room", "Room"]}, "types"),
    ({"actions": ["read"], "tenant": "", "ids": [7]}, "ids"),
    ({"actions": ["read"], "tenant": "", "ids": ["x" * 257]}, "ids"),
    ({"actions": ["read"], "tenant": "", "ids": [str(n) for n in range(MAX_NAMES + 1)]}, "ids"),
    ({"actions": ["read"], "tenant": "", "attributes": {}}, "attributes"),
    ({"actions": ["read"], "tenant": "", "idPattern": ""}, "idPattern"),
    ({"actions": ["read"], "tenant": "", "idPattern": "("}, "invalid regular expression"),
    ({"actions": ["read"], "tenant": "", "idPattern": r"(a)\1"}, "invalid regular expression"),
    ({"actions": ["read"], "tenant": "", "idPattern": "x" * 300}, "idPattern"),
    ({"actions": ["read"], "tenant": "", "validFrom": "tomorrow"}, "validFrom"),
    ({"actions": ["read"], "tenant": "", "validUntil": 7}, "validUntil"),
    ({"actions": ["read"], "tenant": "", "validUntil": "9999-12-31T23:00-10:00"}, "validUntil"),
    (
        {"actions": ["read"], "tenant": "", "validFrom": "2026-01-01", "validUntil": "2026-01-01"},
        "validUntil",
    ),
    ({"actions": ["admin", "read"], "tenant": "", "types": ["Room"]}, "admin"),
    ({"actions": ["admin"], "tenant": "", "servicePath": "/parks/#"}, "admin"),
]


@pytest.mark.parametrize(("body", "named"), WRONG)
def test_wrong_member_is_named(body: Json, named: str) -> None:
    with pytest.raises(InvalidRequest, match=named):
        parse_grant("g", body)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
MEMBERS = ["effect", "actions", "tenant", "servicePath", "types", "ids", "idPattern", "attributes"]


@given(st.dictionaries(st.sampled_from([*MEMBERS, "validFrom", "validUntil"]), JSON) | JSON)
def test_any_json_is_read_or_refused(body: Any) -> None:
    try:
        parsed = parse_grant("g", body)
    except InvalidRequest:
        return
    assert unpack("g", pack(parsed)) == parsed


@given(st.dictionaries(st.sampled_from(["types", "ids", "attributes"]), st.lists(JSON)))
def test_any_list_of_names_is_read_or_refused(body: Any) -> None:
    good: dict[str, Json] = {"actions": ["read"], "tenant": ""}
    try:
        parsed = parse_grant("g", good | body)
    except InvalidRequest:
        return
    shown = show_grant(parsed)
    assert all(shown[member] == sorted(names) for member, names in body.items())
