"""Whatever is sent about people is done or refused by name; it never breaks anything."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.people.city import PASSWORD, People

TEXTS = st.text(max_size=40) | st.sampled_from(
    ["", "ann@city.example", PASSWORD, "a\x00b", "\x1f", "\ud800", "../..", "*", "x" * 1001]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        "username",
        "email",
        "password",
        "description",
        "website",
        "gravatar",
        "extra",
        "id",
        "name",
        "admin",
        "enabled",
        "message",
        "requestedRole",
        "organisation",
        "erasures",
        "token",
    ]
)
MEMBERS = st.dictionaries(NAMES, VALUES, max_size=5)
BODIES = (
    VALUES
    | MEMBERS
    | st.builds(lambda members: {"user": members}, MEMBERS)
    | st.builds(lambda members: {"organization": members}, MEMBERS)
)
WRITES = st.sampled_from(
    [
        ("POST", "/v1/users"),
        ("PATCH", "/v1/users/{user}"),
        ("POST", "/v1/organizations"),
        ("PATCH", "/v1/organizations/{organization}"),
        ("PUT", "/v1/organizations/{organization}/users/{user}/organization_roles/member"),
        ("POST", "/v1/auth/tokens"),
        ("POST", "/access/v1/registrations"),
        ("POST", "/access/v1/registrations/{user}/approve"),
        ("PATCH", "/access/v1/me"),
        ("POST", "/access/v1/erasures/replay"),
    ]
)
GENTLY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def places(shared: People) -> dict[str, str]:
    """What is there to be changed."""
    organisation = shared.services.organisations.create(shared.admin, "fuzzed")
    return {"user": shared.admin, "organization": organisation.id}


@given(write=WRITES, body=BODIES)
@GENTLY
def test_any_body_is_taken_or_refused_whole(
    shared: People, places: dict[str, str], write: tuple[str, str], body: Any
) -> None:
    method, url = write[0], write[1].format(**places)
    rows = shared.rows()
    answer = shared(method, url, body)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert shared.rows() == rows


@given(
    part=st.text(min_size=1, max_size=300).filter(lambda text: "/" not in text),
    place=st.sampled_from(
        [
            "/v1/users/{}",
            "/v1/organizations/{}",
            "/v1/organizations/{}/users",
            "/v1/organizations/{}/users/{}/organization_roles",
            "/access/v1/registrations/{}",
        ]
    ),
)
@GENTLY
def test_any_identifier_finds_something_or_nothing(shared: People, part: str, place: str) -> None:
    name = quote(part.encode("utf-8", "replace"), safe="")
    answer = shared("GET", place.format(name, name))
    assert answer.status_code in {200, 400, 404, 405}, answer.text
