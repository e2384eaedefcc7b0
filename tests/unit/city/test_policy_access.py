"""What follows from grants: decisions and views, judged by Cedar as a second engine."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.errors import Forbidden, Unauthenticated
from city.policy.grant_forms import show_grant
from city.policy.grants import ANY_TENANT, UNLIMITED, Access, Action, Grant, View, shared
from city.tenancy import EVERYWHERE, ROOT, PathPattern, ServicePath
from tests.accounts import FULL_GRANTS, grant
from tests.builders import at
from tests.cedar import PATTERNS, Question, answers

NOW = 1_800_000_000_000_001
TENANTS = ["", "city", "city2"]
PATHS = [ServicePath(path) for path in ("/", "/parks/", "/parks/north/", "/parks2/", "/a/")]
TYPES = ["Room", "Lamp", "Roo"]
IDS = ["x", "x1", "x2", "y1", "xé"]
ATTRIBUTES = ["t", "h"]
UNHEARD = "unheard"
"""An attribute that no grant names."""
ACTIONS = [Action.READ, Action.UPDATE, Action.DELETE]


def some(names: list[str]) -> st.SearchStrategy[frozenset[str] | None]:
    """No condition, or some of the names."""
    return st.none() | st.frozensets(st.sampled_from(names), min_size=1)


MOMENTS = st.none() | st.sampled_from([NOW - 1, NOW, NOW + 1])
GRANTS = st.builds(
    Grant,
    id=st.just("g"),
    actions=st.frozensets(st.sampled_from(ACTIONS), min_size=1),
    tenant=st.sampled_from([*TENANTS, ANY_TENANT]),
    path=st.just(EVERYWHERE[0])
    | st.builds(PathPattern, st.sampled_from(PATHS), subtree=st.booleans()),
    types=some(TYPES),
    ids=some(IDS),
    id_pattern=st.none() | st.sampled_from([*PATTERNS]),
    attributes=some(ATTRIBUTES),
    deny=st.sampled_from([False, False, True]),
    starts=MOMENTS,
    ends=MOMENTS,
)
WHOLE = st.builds(
    Grant, st.just("g"), st.just(frozenset(ACTIONS)), st.just(ANY_TENANT), deny=st.booleans()
)
SETS_OF_GRANTS = st.lists(st.one_of(GRANTS, GRANTS, GRANTS, WHOLE), max_size=6)


@given(SETS_OF_GRANTS, st.sampled_from(TENANTS), st.sampled_from(ACTIONS))
@settings(max_examples=60, deadline=None)
def test_decisions_are_those_of_cedar(grants: list[Grant], tenant: str, action: Action) -> None:
    access = Access("somebody", grants, NOW)
    asked = [*product(PATHS, TYPES, IDS, [None, *ATTRIBUTES, UNHEARD])]
    questions = [
        Question(action, tenant, path, type, id, attribute) for path, type, id, attribute in asked
    ]
    expected = answers([show_grant(grant) for grant in grants], questions, NOW)
    decided = [
        access.allows(action, tenant, path, type, id, attribute)
        for path, type, id, attribute in asked
    ]
    assert decided == expected


@given(SETS_OF_GRANTS, st.sampled_from(TENANTS), st.sampled_from(ACTIONS))
@settings(max_examples=100, deadline=None)
def test_view_agrees_with_the_decision_on_every_entity(
    grants: list[Grant], tenant: str, action: Action
) -> None:
    access = Access("somebody", grants, NOW)
    view = access.view(tenant, action)
    names = {*ATTRIBUTES, UNHEARD}
    for path, type, id in product(PATHS, TYPES, IDS):
        allowed = {name for name in names if access.allows(action, tenant, path, type, id, name)}
        assert view.sees(id, type, path) is access.allows(action, tenant, path, type, id)
        assert view.attributes(id, type, path, names) == allowed
        assert view.shows_all_attributes(id, type, path) is (allowed == names)


@given(SETS_OF_GRANTS, st.sampled_from(TENANTS))
@settings(max_examples=100, deadline=None)
def test_hints_leave_nothing_out(grants: list[Grant], tenant: str) -> None:
    access = Access("somebody", grants, NOW)
    view = access.view(tenant)
    everything = [*product(PATHS, TYPES, IDS)]
    seen = [(path, type, id) for path, type, id in everything if view.sees(id, type, path)]
    for path, type, id in seen:
        assert view.types is None or type in view.types
        assert view.ids is None or id in view.ids
        assert any(pattern.covers(path) for pattern in view.scope)
    if view.is_everything:
        assert seen == everything
    if view.is_nothing:
        assert seen == []
    if view.is_everything or view.keys_decide:
        assert all(view.shows_all_attributes(id, type, path) for path, type, id in seen)
    if view.keys_decide:
        places = {(path, type) for path, type, _ in seen}
        assert seen == [one for one in everything if (one[0], one[1]) in places]
    assert access.may(Action.READ, tenant) or seen == []


def allows(grants: tuple[Grant, ...], action: str = "read", **changed: str) -> bool:
    parts = {"tenant": "city", "path": "/parks/", "type": "Room", "id": "x1"} | changed
    access = Access("somebody", grants, NOW)
    return access.allows(
        Action(action),
        parts["tenant"],
        ServicePath(parts["path"]),
        parts["type"],
        parts["id"],
        parts.get("attribute"),
    )


# Decisions, case by case


def test_nothing_is_allowed_by_default() -> None:
    decision = Access("somebody", (), NOW).decide(Action.READ, "city", ROOT, "Room", "x1")
    assert not decision.allowed
    assert decision.grant is None
    assert decision.reason == "no grant covers read of this for somebody"


def test_decision_names_the_grant() -> None:
    access = Access(
        "somebody",
        [grant("read", id="g-1"), grant("read", id="g-2", effect="deny", ids=["y1"])],
        NOW,
    )
    allowed = access.decide(Action.READ, "city", ROOT, "Room", "x1")
    assert (allowed.allowed, allowed.grant, allowed.reason) == (
        True,
        "g-1",
        "allowed by grant g-1",
    )
    denied = access.decide(Action.READ, "city", ROOT, "Room", "y1")
    assert (denied.allowed, denied.grant, denied.reason) == (False, "g-2", "denied by grant g-2")


@pytest.mark.parametrize(
    ("path", "covered"),
    [
        ("/parks/", True),
        ("/parks/north/", True),
        ("/parks2/", False),
        ("/", False),
        ("/Parks/", False),
    ],
)
def test_subtree_covers_whole_path_levels(path: str, *, covered: bool) -> None:
    assert allows((grant("read", servicePath="/parks/#"),), path=path) is covered


def test_path_without_subtree_covers_itself_only() -> None:
    own = (grant("read", servicePath="/parks"),)
    assert allows(own)
    assert not allows(own, path="/parks/north/")


@pytest.mark.parametrize(
    ("pattern", "id", "covered"),
    [
        ("x", "x", True),
        ("x", "x1", False),
        ("x", "ax", False),
        ("x|y", "xy", False),
        ("x.*", "x\n1", True),
        ("^x$", "x", True),
        ("x$", "x\n", False),
        ("", "x", False),
    ],
)
def test_id_pattern_covers_whole_ids(pattern: str, id: str, *, covered: bool) -> None:
    own = (Grant("g", frozenset({Action.READ}), "city", id_pattern=pattern),)
    assert allows(own, id=id) is covered


def test_tenants_never_meet() -> None:
    own = (grant("read", tenant="city"),)
    assert allows(own)
    for other in ("", "city2", "cit", "*"):
        assert not allows(own, tenant=other)
    assert allows((grant("read", tenant=""),), tenant="")
    assert not allows((grant("read", tenant=""),))


def test_deleting_an_entity_takes_a_grant_for_all_of_it() -> None:
    part = grant("delete", id="g-1", attributes=["t"])
    assert allows((part,), "delete", attribute="t")
    assert not allows((part,), "delete")
    protected = grant("delete", id="g-2", attributes=["h"], effect="deny")
    assert allows((*FULL_GRANTS, protected), "delete", attribute="t")
    assert not allows((*FULL_GRANTS, protected), "delete")


# Requiring


@pytest.fixture
def gardener() -> Access:
    own = grant("update", "read", tenant="city", types=["Park"], attributes=["t", "h"])
    return Access("gardener", [own], NOW)


def test_require_passes_what_is_allowed(gardener: Access) -> None:
    gardener.require(Action.UPDATE, "city", ROOT, "Park", "p1", ["t", "h"])
    gardener.require(Action.UPDATE, "city", ROOT, "Park", "p1")


def test_require_names_the_attribute_that_is_refused(gardener: Access) -> None:
    with pytest.raises(Forbidden, match=r"^you may not update attribute owner$"):
        gardener.require(Action.UPDATE, "city", ROOT, "Park", "p1", ["t", "owner"])


def test_require_refuses_an_entity_that_is_not_covered(gardener: Access) -> None:
    with pytest.raises(Forbidden, match=r"^you may not delete this entity$"):
        gardener.require(Action.DELETE, "city", ROOT, "Park", "p1")


def test_caller_without_a_credential_is_asked_for_one() -> None:
    public = Access("public", shared([grant("read")]), NOW)
    with pytest.raises(Unauthenticated):
        public.require(Action.UPDATE, "city", ROOT, "Park", "p1")


# Administration


@pytest.mark.parametrize(
    ("grants", "administered"),
    [
        ((grant("admin", tenant="city"),), {"city"}),
        ((grant("admin", tenant="*"),), {None, "city", "city2", ""}),
        ((grant("admin", tenant=""),), {""}),
        ((grant("read", "update", tenant="*"),), set()),
        ((grant("admin"), grant("admin", id="g-2", tenant="city", effect="deny")),
         {None, "city2", ""}),
        ((grant("admin", validUntil="2020-01-01"),), set()),
        ((Grant("g", frozenset({Action.ADMIN}), "city", types=frozenset({"Room"})),), set()),
        ((), set()),
    ],
)  # fmt: skip
def test_administrators(grants: tuple[Grant, ...], administered: set[str | None]) -> None:
    access = Access("somebody", grants, NOW)
    for tenant in (None, "", "city", "city2"):
        if tenant in administered:
            access.require_admin(tenant)
        else:
            with pytest.raises(Forbidden):
                access.require_admin(tenant)


def test_unlimited_access_is_for_everything() -> None:
    UNLIMITED.require_admin(None)
    UNLIMITED.require(Action.DELETE, "city", ROOT, "Room", "x1", ["t"])
    assert UNLIMITED.may(Action.SUBSCRIBE, "city")
    view = UNLIMITED.view("city")
    assert view.is_everything
    assert view.keys_decide
    assert (view.types, view.ids, view.scope) == (None, None, EVERYWHERE)


# Views


def test_view_of_somebody_without_grants_is_empty() -> None:
    view = Access("somebody", (), NOW).view("city")
    assert view.is_nothing
    assert (view.types, view.ids, view.scope) == (frozenset(), frozenset(), ())


def test_one_whole_grant_makes_the_others_needless() -> None:
    narrow = grant("read", id="g-2", ids=["x1"], attributes=["t"])
    view = Access("somebody", [narrow, *FULL_GRANTS], NOW).view("city")
    assert view.is_everything
    assert view.keys_decide


def test_keys_decide_for_grants_by_type_and_path_only() -> None:
    def keys_decide(*grants: Grant) -> bool:
        return Access("somebody", grants, NOW).view("city").keys_decide

    rooms = grant("read", types=["Room"], servicePath="/parks/#")
    assert keys_decide(rooms)
    assert keys_decide(rooms, grant("read", id="g-2", types=["Lamp"], effect="deny"))
    assert not keys_decide(rooms, grant("read", id="g-2", ids=["x1"]))
    assert not keys_decide(rooms, grant("read", id="g-2", idPattern="x.*", effect="deny"))
    assert not keys_decide(rooms, grant("read", id="g-2", attributes=["t"], effect="deny"))


def test_any_denial_takes_something_from_everything() -> None:
    view = Access("somebody", [*FULL_GRANTS, grant("read", effect="deny", ids=["x1"])], NOW).view(
        ""
    )
    assert not view.is_everything
    assert not view.is_nothing


def test_denying_everything_leaves_nothing_to_see() -> None:
    view = Access("somebody", [*FULL_GRANTS, grant("read", effect="deny")], NOW).view("city")
    assert view.is_nothing


def test_hints_unite_what_grants_name() -> None:
    view = Access(
        "somebody",
        [
            grant("read", id="g-1", types=["Room"], servicePath="/parks/#", ids=["x1"]),
            grant("read", id="g-2", types=["Lamp"], servicePath="/a", ids=["x2"]),
        ],
        NOW,
    ).view("city")
    assert view.types == frozenset({"Room", "Lamp"})
    assert view.ids == frozenset({"x1", "x2"})
    assert view.scope == at(ServicePath("/a/")) + at(ServicePath("/parks/"), subtree=True)


def test_view_sorts_grants_out_once_for_each_type_and_path() -> None:
    calls = 0

    class Counted(str):
        def startswith(self, *arguments: Any) -> bool:
            nonlocal calls
            calls += 1
            return super().startswith(*arguments)

    many = [grant("read", id=f"g-{n}", servicePath=f"/p{n}/#") for n in range(100)]
    view = View(many, ())
    path = ServicePath(Counted("/p99/"))
    assert all(view.sees(f"x{number}", "Room", path) for number in range(1000))
    assert calls == 100


# What everybody has


def test_everybody_has_the_publics_grants_for_reading_only() -> None:
    ours = shared([grant("read", "update", id="g-1"), grant("update", id="g-2")])
    assert [(grant.id, grant.actions) for grant in ours] == [
        ("public:g-1", frozenset({Action.READ}))
    ]


def test_denial_of_the_public_denies_everybody() -> None:
    denial = shared([grant("read", id="g-1", types=["Secret"], effect="deny")])
    assert not allows((*FULL_GRANTS, *denial), type="Secret")
    assert allows((*FULL_GRANTS, *denial), "update", type="Secret")
