"""What one may give: `covered` never lets a grant through that does more than the rights do."""

from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from city.policy.grants import Access, Action, Grant
from city.tenancy import EVERYWHERE, PathPattern, ServicePath
from security.rights.delegation import covered, inherited

ACTIONS = (Action.READ, Action.UPDATE, Action.DELETE)
TENANTS = ("park", "beach")
PATHS = tuple(map(ServicePath, ("/", "/a/", "/a/b/", "/ab/")))
TYPES = ("Room", "Tree")
IDS = ("r1", "x")
ATTRIBUTES = (None, "t")
TIMES = (5, 15)


def some(values: tuple[str, ...]) -> st.SearchStrategy[frozenset[str] | None]:
    return st.none() | st.frozensets(st.sampled_from(values), min_size=1)


def grants(deny: st.SearchStrategy[bool]) -> st.SearchStrategy[Grant]:
    return st.builds(
        Grant,
        id=st.uuids().map(str),
        actions=st.frozensets(st.sampled_from(ACTIONS), min_size=1),
        tenant=st.sampled_from((*TENANTS, "*")),
        path=st.builds(PathPattern, st.sampled_from(PATHS), st.booleans()) | st.just(EVERYWHERE[0]),
        types=some(TYPES),
        ids=some(IDS),
        id_pattern=st.none() | st.sampled_from(("r.", "r1", ".*")),
        attributes=some(("t", "u")),
        deny=deny,
        starts=st.none() | st.sampled_from((0, 10, 20)),
        ends=st.none() | st.sampled_from((10, 20, 30)),
    )


def allowed(holder: tuple[Grant, ...]) -> set[object]:
    """Everything of a small world that somebody with these grants may do."""
    world = product(ACTIONS, TENANTS, PATHS, TYPES, IDS, ATTRIBUTES)
    cases = list(world)
    return {
        (now, *case)
        for now in TIMES
        for access in [Access("s", holder, now)]
        for case in cases
        if access.allows(*case)
    }


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_covered_grant_with_inherited_denies_allows_nothing_beyond_the_rights(
    data: st.DataObject,
) -> None:
    rights = tuple(data.draw(st.lists(grants(st.booleans()), min_size=1, max_size=4)))
    wanted = data.draw(grants(st.just(False)))
    if data.draw(st.booleans()):
        # narrowing one of the rights makes a covered grant likely
        right = data.draw(st.sampled_from(rights))
        wanted = Grant(
            "g",
            right.actions,
            right.tenant,
            right.path,
            right.types,
            right.ids,
            right.id_pattern,
            wanted.attributes if right.attributes is None else right.attributes,
            starts=right.starts,
            ends=right.ends,
        )
    assume(covered(wanted, rights))
    assert allowed((wanted, *inherited("owner", rights))) <= allowed(rights)


READ = frozenset({Action.READ})
WIDE = Grant("w", READ, "park")


@pytest.mark.parametrize(
    ("grant", "right"),
    [
        (Grant("g", READ, "park"), WIDE),
        (Grant("g", READ, "park", types=frozenset({"Room"})), WIDE),
        (Grant("g", READ, "park"), Grant("r", frozenset(Action), "*")),
        (
            Grant("g", READ, "park", ids=frozenset({"r1"})),
            Grant("r", READ, "park", id_pattern="r.*"),
        ),
        (
            Grant("g", READ, "park", PathPattern(ServicePath("/a/b/"), subtree=True)),
            Grant("r", READ, "park", PathPattern(ServicePath("/a/"), subtree=True)),
        ),
        (Grant("g", READ, "park", starts=5, ends=7), Grant("r", READ, "park", starts=5, ends=9)),
    ],
)
def test_narrower_grant_is_covered(grant: Grant, right: Grant) -> None:
    assert covered(grant, [right])


@pytest.mark.parametrize(
    ("grant", "right"),
    [
        (Grant("g", frozenset({Action.READ, Action.UPDATE}), "park"), WIDE),
        (Grant("g", READ, "*"), WIDE),
        (Grant("g", READ, "beach"), WIDE),
        (WIDE, Grant("r", READ, "park", types=frozenset({"Room"}))),
        (WIDE, Grant("r", READ, "park", attributes=frozenset({"t"}))),
        (WIDE, Grant("r", READ, "park", id_pattern=".*")),
        (WIDE, Grant("r", READ, "park", starts=5)),
        (WIDE, Grant("r", READ, "park", ends=5)),
        (WIDE, Grant("r", READ, "park", deny=True)),
        (
            Grant("g", READ, "park", ids=frozenset({"r1", "x"})),
            Grant("r", READ, "park", id_pattern="r.*"),
        ),
        (
            Grant("g", READ, "park", PathPattern(ServicePath("/ab/"), subtree=True)),
            Grant("r", READ, "park", PathPattern(ServicePath("/a/"), subtree=True)),
        ),
        (
            Grant("g", READ, "park", PathPattern(ServicePath("/a/"), subtree=True)),
            Grant("r", READ, "park", PathPattern(ServicePath("/a/"), subtree=False)),
        ),
    ],
)
def test_wider_grant_is_not_covered(grant: Grant, right: Grant) -> None:
    assert not covered(grant, [right])


def test_actions_may_be_covered_by_different_rights() -> None:
    update = Grant("u", frozenset({Action.UPDATE}), "park")
    assert covered(Grant("g", frozenset({Action.READ, Action.UPDATE}), "park"), [WIDE, update])
