"""Service paths: what two scopes have in common."""

from hypothesis import given
from hypothesis import strategies as st

from city.tenancy import (
    EVERYWHERE,
    PathScope,
    in_scope,
    overlap,
    parse_read_scope,
    parse_write_path,
)

PATHS = ("/", "/a", "/ab", "/a/b", "/a/b/c", "/b")
PATTERNS = [*PATHS, *(f"{path.rstrip('/')}/#" for path in PATHS)]
SCOPES = (
    st.lists(st.sampled_from(PATTERNS), max_size=4)
    .map(",".join)
    .map(lambda header: parse_read_scope(header) if header else ())
)


@given(SCOPES, SCOPES, st.sampled_from(PATHS))
def test_the_overlap_holds_exactly_the_paths_of_both(
    one: PathScope, other: PathScope, path: str
) -> None:
    place = parse_write_path(path)
    both = in_scope(one, place) and in_scope(other, place)
    assert in_scope(overlap(one, other), place) == both


def test_everything_leaves_the_other_scope_as_it_is() -> None:
    scope = parse_read_scope("/a,/b/#")
    assert overlap(scope, EVERYWHERE) is scope
    assert overlap(EVERYWHERE, scope) is scope


def test_places_apart_have_nothing_in_common() -> None:
    assert overlap(parse_read_scope("/a/#"), parse_read_scope("/ab/#,/b")) == ()
