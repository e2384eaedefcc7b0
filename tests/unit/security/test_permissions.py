"""What permissions of an application permit, against an oracle of its own."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.errors import InvalidRequest
from city.policy.grants import ANY_TENANT
from city.tenancy import Tenant
from security.applications.permissions import (
    BUILT_IN_PERMISSIONS,
    BUILT_IN_ROLES,
    Permission,
    check,
    internal,
    is_canonical,
    permits,
)
from security.applications.user_info import Attempt, decide
from security.store.assignments import Held
from security.store.roles import Rulebook

VERBS = ("GET", "get", "POST", "Delete")
PATHS = ("/a", "/a/", "/a/b", "/A", "/b/a", "/a/../b", "/a%2e", "", "/a\n")
PATTERNS = ("/a", "/a/?", "/a.*", "/[ab]", "a", "/a|/b/a", "(/a)?")
TENANTS = ("", "city", "other")

permissions = st.builds(
    Permission,
    id=st.uuids().map(str),
    name=st.just("p"),
    action=st.sampled_from(VERBS),
    resource=st.sampled_from(PATHS + PATTERNS),
    is_regex=st.booleans(),
    header=st.sampled_from([None, "city", "other", ANY_TENANT]),
)


def oracle(granted: list[Permission], verb: str, path: str, tenant: str) -> bool:
    """The rules as sentences, with Python's own expressions."""
    if ".." in path.split("/") or "\n" in path:
        return False
    for permission in granted:
        if permission.action is None or permission.resource is None:
            continue
        same_verb = permission.action.casefold() == verb.casefold()
        matches = path == permission.resource
        if permission.is_regex:
            matches = re.fullmatch(permission.resource, path, re.DOTALL) is not None
        for_everyone = permission.header == ANY_TENANT
        same_tenant = for_everyone or (permission.header or "") == tenant
        if same_verb and matches and same_tenant:
            return True
    return False


@given(
    st.dictionaries(st.sampled_from(["r1", "r2", "r3"]), st.lists(permissions, max_size=4)),
    st.sets(st.sampled_from(["r1", "r2", "r3"])),
    st.sets(st.sampled_from(["r1", "r2", "r3"])),
)
def test_decision_is_the_oracles(
    by_role: dict[str, list[Permission]], own: set[str], through: set[str]
) -> None:
    """For every verb, path and tenant; permissions of roles that nobody holds count for nothing."""
    book = Rulebook(
        "app",
        dict.fromkeys(by_role, "role"),
        {one.id: one for granted in by_role.values() for one in granted},
        {role: frozenset(one.id for one in granted) for role, granted in by_role.items()},
    )
    held = Held(tuple(own), {"org": tuple(through)})
    granted = [one for role in own | through for one in by_role.get(role, [])]
    for verb, path, tenant in product(VERBS, PATHS, TENANTS):
        decision = decide(held, book, Attempt(verb, path, Tenant(tenant)))
        assert decision is oracle(granted, verb, path, tenant)


def test_nothing_is_permitted_without_permissions() -> None:
    assert not permits([], "GET", "/a", Tenant(""))
    assert not permits(map(internal, BUILT_IN_PERMISSIONS), "GET", "/a", Tenant(""))


@pytest.mark.parametrize("pattern", ["/a)|(.*", "(/a", r"(/a)\1", "/a(?=b)", "/a{1001}", "["])
def test_expression_that_is_none_is_refused(pattern: str) -> None:
    """Weakness: "/a)|(.*" is nothing alone, and everything between anchors."""
    with pytest.raises(InvalidRequest):
        check(Permission("p", "p", action="GET", resource=pattern, is_regex=True))


def test_expression_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="resource"):
        check(Permission("p", "p", action="GET", resource="a" * 1001, is_regex=True))


@pytest.mark.parametrize(
    "path", ["/a/..", "../a", "/%2E%2e/a", "/a/%252e", "/a\\b", "/a\x00", "/."]
)
def test_path_that_can_be_read_in_two_ways_is_not_canonical(path: str) -> None:
    assert not is_canonical(path)


@pytest.mark.parametrize("path", ["/a", "/a..b", "/...", "/a%20b", "/urn:x:1", "/a?q=../b", ""])
def test_ordinary_path_is_canonical(path: str) -> None:
    assert is_canonical(path)


def test_provider_has_every_built_in_permission_and_purchaser_one() -> None:
    assert BUILT_IN_ROLES["provider"] == frozenset("123456")
    assert BUILT_IN_ROLES["purchaser"] == {"5"}
