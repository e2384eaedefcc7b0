"""`/v1/organizations` and their members as Keyrock's clients know them."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from city.errors import CityError, NotFound, Unavailable, Unprocessable
from security.people.organisations import Organisations
from security.store.organisations import Membership, OrganisationStore
from tests.accounts import put_account
from tests.integration.people.city import People

NOT_ALLOWED = (403, "User not allow to perform the action")
NO_OWNER = (422, "the organisation would have no owner; make another one owner first")


def user(city: People) -> str:
    return city.add(f"u{uuid4().hex}")


def found(city: People, owner: str, **members: Any) -> str:
    """A new organisation of the owner; its id."""
    body = {"organization": {"name": "parks", **members}}
    answer = city("POST", "/v1/organizations", body, by=owner)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["organization"]["id"])


def role_of(organisation: str, user: str, role: str) -> str:
    return f"/v1/organizations/{organisation}/users/{user}/organization_roles/{role}"


def test_organization_is_created_read_changed_and_deleted(people: People) -> None:
    ann = people.add("ann")
    body = {"organization": {"name": "parks", "description": "green", "owner": "x", "id": "y"}}
    created = people("POST", "/v1/organizations", body, by=ann)
    assert created.status_code == 201
    organisation = created.json()["organization"]
    assert organisation == {
        "id": organisation["id"],
        "name": "parks",
        "description": "green",
        "image": "default",
        "website": None,
    }
    url = f"/v1/organizations/{organisation['id']}"
    assert people("GET", url, by=ann).json() == {"organization": organisation}
    change = {"organization": {"name": "gardens", "description": "green"}}
    changed = people("PATCH", url, change, by=ann)
    assert (changed.status_code, changed.json()) == (200, {"values_updated": {"name": "gardens"}})
    assert people("PATCH", url, change, by=ann).json() == {"values_updated": {}}
    listed = people("GET", "/v1/organizations", by=ann).json()["organizations"]
    assert listed == [{"role": "owner", "Organization": organisation | {"name": "gardens"}}]
    deleted = people("DELETE", url, by=ann)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert people.refused("GET", url, by=ann) == (404, "Organization not found")
    assert people.refused("GET", "/v1/organizations", by=ann) == (404, "Organizations not found")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Missing parameter organization in body request"),
        ({"organization": {"x": 1}}, "Missing parameter name in body request or empty name"),
        ({"organization": {"name": ""}}, "Missing parameter name in body request or empty name"),
    ],
)
def test_bad_body_makes_no_organization(shared: People, body: Any, message: str) -> None:
    assert shared.refused("POST", "/v1/organizations", body) == (400, message)


def test_bad_change_of_an_organization_changes_nothing(shared: People) -> None:
    url = f"/v1/organizations/{found(shared, shared.admin)}"
    for change, message in (
        ({"organization": {"id": "other"}}, "Cannot set id"),
        ({"organization": {"name": ""}}, "Cannot set empty name"),
    ):
        assert shared.refused("PATCH", url, change) == (400, message)


def test_machine_owns_no_organization(shared: People) -> None:
    put_account(shared.dynamodb, shared.table, "machine-1")
    body = {"organization": {"name": "parks"}}
    assert shared.refused("POST", "/v1/organizations", body, by="machine-1") == NOT_ALLOWED


def test_members_are_added_listed_read_and_removed(people: People) -> None:
    ann, bob = people.add("ann"), people.add("bob")
    id = found(people, ann)
    added = people("PUT", role_of(id, bob, "member"), by=ann)
    expected = {"user_id": bob, "organization_id": id, "role": "member"}
    assert (added.status_code, added.json()) == (201, {"user_organization_assignments": expected})
    members = f"/v1/organizations/{id}/users"
    listed = people("GET", members, by=ann).json()["organization_users"]
    assert sorted(listed, key=str) == sorted(
        [expected, expected | {"user_id": ann, "role": "owner"}], key=str
    )
    single = people("GET", f"{members}/{bob}/organization_roles", by=ann)
    assert single.json() == {"organization_user": expected}
    theirs = people("GET", "/v1/organizations", by=bob).json()["organizations"]
    assert [one["role"] for one in theirs] == ["member"]
    again = people("POST", role_of(id, bob, "owner"), by=ann)
    assert again.json()["user_organization_assignments"]["role"] == "owner"
    assert people.refused("DELETE", role_of(id, bob, "member"), by=ann) == (
        404,
        "Assignments not found",
    )
    assert people("DELETE", role_of(id, bob, "owner"), by=ann).status_code == 204
    assert people.refused("GET", f"{members}/{bob}/organization_roles", by=ann) == (
        404,
        "Assignment not found",
    )


def test_only_owners_and_administrators_touch_an_organization(shared: People) -> None:
    ann, bob, eve = user(shared), user(shared), user(shared)
    id = found(shared, ann)
    shared("PUT", role_of(id, bob, "member"), by=ann)
    url = f"/v1/organizations/{id}"
    for stranger in (bob, eve):
        for method, path, body in (
            ("GET", url, None),
            ("PATCH", url, {"organization": {"name": "mine"}}),
            ("DELETE", url, None),
            ("GET", f"{url}/users", None),
            ("PUT", role_of(id, stranger, "owner"), None),
            ("DELETE", role_of(id, ann, "owner"), None),
        ):
            assert shared.refused(method, path, body, by=stranger) == NOT_ALLOWED
    assert shared("GET", url).status_code == 200


def test_unknown_user_role_and_organization_are_not_found(shared: People) -> None:
    id = found(shared, shared.admin)
    ann = user(shared)
    for url, message in (
        (role_of(id, "nobody", "member"), "User not found"),
        (role_of(id, ann, "king"), "Organization role not found"),
        (role_of("nothing", ann, "member"), "Organization not found"),
    ):
        assert shared.refused("PUT", url) == (404, message)


def test_assignment_without_content_type_is_refused(shared: People) -> None:
    url = role_of(found(shared, shared.admin), user(shared), "member")
    refusal = shared.refused("PUT", url, headers={"Content-Type": "text/plain"})
    assert refusal == (400, "Missing parameter: header Content-Type: application/json")


def test_last_owner_can_neither_leave_nor_step_down(shared: People) -> None:
    ann = user(shared)
    id = found(shared, ann)
    assert shared.refused("DELETE", role_of(id, ann, "owner"), by=ann) == NO_OWNER
    assert shared.refused("PUT", role_of(id, ann, "member"), by=ann) == NO_OWNER


def together(*calls: Callable[[], object]) -> list[BaseException | None]:
    """Make the calls at the same time; the refusal of each, if it was refused."""
    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(call) for call in calls]
    errors = [future.exception() for future in futures]
    assert all(error is None or isinstance(error, CityError) for error in errors), errors
    return errors


def test_two_owners_who_leave_at_once_leave_one(shared: People) -> None:
    organisations = shared.services.organisations
    for _ in range(5):
        ann, bob = user(shared), user(shared)
        id = found(shared, ann)
        organisations.set_member(id, bob, Membership.OWNER)
        errors = together(
            partial(organisations.remove_member, id, ann),
            partial(organisations.remove_member, id, bob),
        )
        assert [type(error) for error in errors].count(Unprocessable) == 1
        left = organisations.members(id)
        assert [one.role for one in left] == [Membership.OWNER]


def test_owner_who_leaves_while_the_other_steps_down_leaves_one_owner(shared: People) -> None:
    organisations = shared.services.organisations
    for _ in range(5):
        ann, bob = user(shared), user(shared)
        id = found(shared, ann)
        organisations.set_member(id, bob, Membership.OWNER)
        together(
            partial(organisations.remove_member, id, ann),
            partial(organisations.set_member, id, bob, Membership.MEMBER),
        )
        owners = [one for one in organisations.members(id) if one.role is Membership.OWNER]
        assert len(owners) == 1


def test_who_joins_an_organization_while_it_is_deleted_is_not_left_in_it(shared: People) -> None:
    organisations = shared.services.organisations
    for _ in range(5):
        ann, bob = user(shared), user(shared)
        id = found(shared, ann)
        together(
            partial(organisations.delete, id),
            partial(organisations.set_member, id, bob, Membership.MEMBER),
        )
        assert organisations.of_user(bob) == []
        assert organisations.members(id) == []
        assert not [row for row in shared.rows() if id in repr(row)]


def test_large_organization_is_deleted_with_all_its_members(shared: People) -> None:
    organisations = shared.services.organisations
    id = found(shared, shared.admin)
    for number in range(70):
        organisations.set_member(id, f"user-{number}", Membership.MEMBER)
    organisations.delete(id)
    assert not [row for row in shared.rows() if id in repr(row)]


def test_deletion_that_stopped_half_way_can_be_done_again(shared: People) -> None:
    ann = user(shared)
    id = found(shared, ann)
    shared.dynamodb.update_item(
        TableName=shared.table,
        Key={"pk": {"S": f"organisation\x1f{id}"}, "sk": {"S": "organisation"}},
        UpdateExpression="SET gone = :t",
        ExpressionAttributeValues={":t": {"BOOL": True}},
    )
    assert shared.services.organisations.of_user(ann) == []
    shared.services.organisations.delete(id)
    assert not [row for row in shared.rows() if id in repr(row)]


def test_changes_of_organizations_are_audited(people: People) -> None:
    ann = people.add("ann")
    id = found(people, people.admin)
    url = f"/v1/organizations/{id}"
    people("PATCH", url, {"organization": {"name": "gardens"}})
    people("PUT", role_of(id, ann, "member"))
    people("DELETE", role_of(id, ann, "member"))
    people("DELETE", url)
    actions = ("organisation:create", "organisation:update", "membership:set", "membership:delete")
    assert people.audited() == [
        (people.admin, action, id) for action in (*actions, "organisation:delete")
    ]


def test_change_of_a_member_that_was_interrupted_is_finished_when_done_again(
    shared: People,
) -> None:
    """A request may end between the change and what follows from it."""
    works: list[bool] = []
    refreshed: list[str] = []

    def refresh(users: Iterable[str]) -> None:
        if not works:
            raise Unavailable("out of order; try again")
        refreshed.extend(users)

    organisations = Organisations(OrganisationStore(shared.services.table), refresh)
    guild = organisations.create("ann", "guild").id
    with pytest.raises(Unavailable):
        organisations.set_member(guild, "bob", Membership.MEMBER)
    works.append(True)
    organisations.set_member(guild, "bob", Membership.MEMBER)
    assert refreshed == ["bob"]
    works.clear()
    with pytest.raises(Unavailable):
        organisations.remove_member(guild, "bob")
    works.append(True)
    with pytest.raises(NotFound):
        organisations.remove_member(guild, "bob")
    assert refreshed == ["bob", "bob"]
