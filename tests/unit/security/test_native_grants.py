"""What permissions on `/v2/entities` mean for the city's own data, and that they never mean more."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.policy.grant_forms import show_grant
from city.policy.grants import Action, Grant
from city.tenancy import ROOT, Tenant
from security.applications.native_grants import native_grant
from security.applications.permissions import Permission

CITY = Tenant("city")


def granted(verb: str, resource: str, **members: object) -> Grant | None:
    kept = {"header": "city", **members}
    return native_grant(Permission("p", "p", action=verb, resource=resource, **kept))  # type: ignore[arg-type]


def summary(grant: Grant | None) -> str:
    """A grant in one line: actions, and what limits it."""
    if grant is None:
        return "nothing"
    shown = show_grant(grant)
    limits = ("types", "ids", "idPattern", "attributes")
    parts = [" ".join(sorted(grant.actions))]
    parts += [f"{name}={shown[name]}" for name in limits if name in shown]
    return " ".join(parts)


@pytest.mark.parametrize(
    ("verb", "path", "expected"),
    [
        ("GET", "/v2/entities", "read"),
        ("get", "/v2/entities", "read"),
        ("POST", "/v2/entities", "create"),
        ("PATCH", "/v2/entities", "nothing"),
        ("DELETE", "/v2/entities", "nothing"),
        ("GET", "/v2/entities?type=Park", "read types=['Park']"),
        ("GET", "/v2/entities?type=Park,Tree&id=a", "read types=['Park', 'Tree'] ids=['a']"),
        ("GET", "/v2/entities?type=", "nothing"),
        ("GET", "/v2/entities?type=a&type=b", "nothing"),
        ("GET", "/v2/entities?q=a", "nothing"),
        ("GET", "/v2/entities/park1", "read ids=['park1']"),
        ("GET", "/v2/entities/urn%3Apark%3A1", "read ids=['urn:park:1']"),
        ("DELETE", "/v2/entities/park1", "delete ids=['park1']"),
        ("PATCH", "/v2/entities/park1", "nothing"),
        ("POST", "/v2/entities/park1", "nothing"),
        ("PATCH", "/v2/entities/park1/attrs", "update ids=['park1']"),
        ("POST", "/v2/entities/park1/attrs", "update ids=['park1']"),
        ("PUT", "/v2/entities/park1/attrs/name", "update ids=['park1'] attributes=['name']"),
        ("GET", "/v2/entities/park1/attrs/name/value", "read ids=['park1'] attributes=['name']"),
        ("DELETE", "/v2/entities/park1/attrs/name", "nothing"),
        ("GET", "/v2/entities/", "nothing"),
        ("GET", "/v2/entities/park1/attrs/name/metadata", "nothing"),
        ("GET", "/v2/types", "nothing"),
        ("GET", "/v2/entitiesX", "nothing"),
        ("GET", "/parks", "nothing"),
    ],
)
def test_exact_path(verb: str, path: str, expected: str) -> None:
    assert summary(granted(verb, path)) == expected


@pytest.mark.parametrize(
    ("verb", "pattern", "expected"),
    [
        ("GET", "/v2/entities.*", "read"),
        ("GET", r"^\/v2\/entities(\/.*)?$", "read"),
        ("POST", "/v2/entities.*", "create update"),
        ("DELETE", "/v2/entities/.*", "delete"),
        ("PATCH", "/v2/entities/.*", "update"),
        ("GET", "/v2/entities/[^/]+", "read"),
        ("PATCH", "/v2/entities/[^/]+", "nothing"),
        ("PATCH", "/v2/entities/[^/]+/attrs", "update"),
        ("GET", "/v2/entities/park[0-9]+", "read idPattern=park[0-9]+"),
        ("PATCH", "/v2/entities/park.*", "update idPattern=park.*"),
        ("PATCH", "/v2/entities/park.*/attrs/.*", "nothing"),
        ("PUT", "/v2/entities/(park|tree)1/attrs", "update idPattern=(park|tree)1"),
        ("GET", "/v2/entities/park1|/v2/entities/tree.*", "nothing"),
        ("GET", "/v2/entities/a[(]|.*", "nothing"),
        ("GET", r"/v2/entities/a\(|.*", "nothing"),
        ("GET", ".*", "nothing"),
        ("GET", "/v2/.*", "nothing"),
        ("GET", "(?i)/v2/entities/.*", "nothing"),
    ],
)
def test_expression(verb: str, pattern: str, expected: str) -> None:
    assert summary(granted(verb, pattern, is_regex=True)) == expected


def test_permission_without_tenant_grants_nothing() -> None:
    assert granted("GET", "/v2/entities", header=None) is None


def test_payload_rules_narrow_the_grant_or_take_it_away() -> None:
    narrowed = granted(
        "GET", "/v2/entities", entity_types="Park|Tree", attributes="name", entity_ids="p.*"
    )
    assert summary(narrowed) == "read types=['Park', 'Tree'] idPattern=p.* attributes=['name']"
    assert granted("GET", "/v2/entities", entity_types="Pa.*") is None
    assert granted("GET", "/v2/entities", attributes="[a-z]+") is None
    assert granted("GET", "/v2/entities?type=Lamp", entity_types="Park") is None


def test_own_grant_is_taken_as_it_is() -> None:
    wanted: dict[str, Any] = {
        "actions": ["subscribe"],
        "tenant": "city",
        "servicePath": "/parks/#",
    }
    grant = native_grant(Permission("p", "p", grant=wanted))
    assert grant is not None
    assert (grant.tenant, {*grant.actions}) == ("city", {Action.SUBSCRIBE})
    assert show_grant(grant)["servicePath"] == "/parks/#"


_PIECES = [
    "a",
    "b",
    ".",
    "[ab]",
    "[^/]",
    "(a|b)",
    "|",
    "/",
    "/attrs",
    ".*",
    "a+",
    "$",
    "^",
    "?",
    "(",
]
_IDS = ("a", "b", "ab", "ba", "aab", "c")
_OPERATIONS = {
    Action.READ: [("GET", "/v2/entities/{}"), ("GET", "/v2/entities")],
    Action.CREATE: [("POST", "/v2/entities")],
    Action.DELETE: [("DELETE", "/v2/entities/{}")],
    Action.UPDATE: [
        *((verb, "/v2/entities/{}/attrs") for verb in ("POST", "PATCH", "PUT")),
        *((verb, "/v2/entities/{}/attrs/a") for verb in ("POST", "PATCH", "PUT")),
    ],
}


def _is_expression(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


@given(
    st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE"]),
    st.lists(st.sampled_from(_PIECES), max_size=6)
    .map(lambda pieces: "/v2/entities" + "".join(pieces))
    .filter(_is_expression),
)
def test_grant_never_allows_more_than_the_expression_permits(verb: str, pattern: str) -> None:
    """What it allows with an entity, the permission permits by some request that does just that."""
    permission = Permission("p", "p", action=verb, resource=pattern, is_regex=True, header="city")
    grant = native_grant(permission)
    if grant is None:
        return
    for id in filter(grant.covers_id, _IDS):
        assert grant.covers_place("T", ROOT)
        for action in grant.actions:
            requests = [(method, path.format(id)) for method, path in _OPERATIONS[action]]
            assert any(
                method == verb and re.fullmatch(pattern.removeprefix("^"), path)
                for method, path in requests
            ), (action, id)
