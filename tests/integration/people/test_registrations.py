"""`/access/v1/registrations`: people sign up, administrators decide."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from security.store import registrations as store
from security.store.registrations import Wanted
from tests.integration.people.city import People

REGISTRATIONS = "/access/v1/registrations"
ANN = {"email": "ann@city.example", "username": "Ann"}


def register(people: People, **members: Any) -> dict[str, Any]:
    """A registration that waits, as the administrator sees it."""
    assert people("POST", REGISTRATIONS, ANN | members, by="").status_code == 202
    waiting: list[dict[str, Any]] = people("GET", REGISTRATIONS).json()["registrations"]
    return waiting[0]


def test_registration_waits_for_an_administrator(people: People) -> None:
    waiting = register(people, message="I care for parks")
    assert waiting == {
        "id": waiting["id"],
        "at": waiting["at"],
        "email": "ann@city.example",
        "username": "Ann",
        "message": "I care for parks",
        "requestedRole": None,
        "organisation": None,
        "status": "waiting",
    }
    assert people("GET", f"{REGISTRATIONS}/{waiting['id']}").json() == waiting
    assert people.services.directory.find("ann@city.example") is None


def test_answer_is_the_same_whoever_has_the_address(people: People) -> None:
    people.add("bob")
    bodies = (ANN, ANN, ANN | {"email": "ANN@city.example"}, ANN | {"email": "bob@city.example"})
    answers = [people("POST", REGISTRATIONS, body, by="") for body in bodies]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert len(people("GET", REGISTRATIONS).json()["registrations"]) == 2


def test_approved_registration_becomes_an_invited_user(people: People) -> None:
    url = f"{REGISTRATIONS}/{register(people)['id']}"
    approved = people("POST", f"{url}/approve")
    assert approved.status_code == 200
    id = approved.json()["user"]
    assert approved.json() == {"user": id, "invited": True}
    user = people("GET", f"/v1/users/{id}").json()["user"]
    assert (user["username"], user["email"]) == ("Ann", "ann@city.example")
    found = people.cognito.admin_get_user(UserPoolId=people.pool, Username=id)
    assert found["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    assert people.problem("GET", url)[0] == 404
    assert people("GET", REGISTRATIONS).json() == {"registrations": []}
    assert people.audited() == [(people.admin, "registration:approve", id)]


def test_address_of_a_user_gets_what_it_asked_for_and_no_second_user(people: People) -> None:
    ann = people.add("ann")
    parks = people.services.organisations.create(people.admin, "parks")
    url = f"{REGISTRATIONS}/{register(people, organisation=parks.id)['id']}"
    assert people("POST", f"{url}/approve").json() == {"user": ann, "invited": False}
    memberships = people.services.organisations.of_user(ann)
    assert [(one.id, role.value) for one, role in memberships] == [(parks.id, "member")]


def test_administrator_may_give_something_else_than_was_asked_for(people: People) -> None:
    parks = people.services.organisations.create(people.admin, "parks")
    url = f"{REGISTRATIONS}/{register(people, organisation=parks.id)['id']}"
    id = people("POST", f"{url}/approve", {}).json()["user"]
    assert people.services.organisations.of_user(id) == []


def test_approval_that_fails_can_be_done_again(people: People) -> None:
    url = f"{REGISTRATIONS}/{register(people, organisation='no such')['id']}"
    failed = people("POST", f"{url}/approve")
    assert (failed.status_code, failed.json()["detail"]) == (404, "Organization not found")
    assert people("GET", url).json()["status"] == "being approved"
    assert people.problem("POST", f"{url}/reject") == (422, "the registration is being approved")
    again = people("POST", f"{url}/approve", {})
    assert again.json()["invited"] is False
    assert people.problem("GET", url)[0] == 404


def application(people: People) -> str:
    body = {
        "application": {
            "name": "Market",
            "redirect_uri": "https://market.example/login",
            "url": "https://market.example",
        }
    }
    answer = people("POST", "/v1/applications", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["application"]["id"])


def test_approved_registration_gives_the_role_that_was_asked_for(people: People) -> None:
    wanted = {"application": application(people), "role": "purchaser"}
    url = f"{REGISTRATIONS}/{register(people, requestedRole=wanted)['id']}"
    assert people("GET", url).json()["requestedRole"] == wanted
    id = people("POST", f"{url}/approve").json()["user"]
    roles = people("GET", f"/v1/applications/{wanted['application']}/users/{id}/roles").json()
    assert [one["role_id"] for one in roles["role_user_assignments"]] == ["purchaser"]


def test_role_that_is_gone_can_be_replaced_by_another(people: People) -> None:
    id = application(people)
    wanted = {"application": id, "role": "no such"}
    url = f"{REGISTRATIONS}/{register(people, requestedRole=wanted)['id']}"
    assert people("POST", f"{url}/approve").status_code == 404
    instead = {"requestedRole": {"application": id, "role": "purchaser"}}
    assert people("POST", f"{url}/approve", instead).status_code == 200


def test_rejected_registration_leaves_nothing(people: People) -> None:
    before = people.rows()
    url = f"{REGISTRATIONS}/{register(people)['id']}"
    assert people("POST", f"{url}/reject").status_code == 204
    count = {"pk": {"S": "registration-count"}}.items()
    assert [row for row in people.rows() if not count <= row.items()] == before
    assert people.problem("POST", f"{url}/reject")[0] == 404
    assert people.problem("POST", f"{url}/approve")[0] == 404
    assert register(people)["email"] == "ann@city.example"


@pytest.mark.parametrize(
    "body",
    [
        {"username": "Ann"},
        {"email": "ann@city.example"},
        ANN | {"email": "ann"},
        ANN | {"email": 7},
        ANN | {"username": "a\nb"},
        ANN | {"username": "x" * 300},
        ANN | {"message": ""},
        ANN | {"message": "x" * 1001},
        ANN | {"admin": True},
        ANN | {"status": "approved"},
        ANN | {"requestedRole": "provider"},
        ANN | {"requestedRole": {"application": "a"}},
        ANN | {"requestedRole": {"application": "a", "role": ""}},
        ANN | {"organisation": ["a"]},
    ],
)
def test_bad_registration_is_not_taken(shared: People, body: dict[str, Any]) -> None:
    assert shared.problem("POST", REGISTRATIONS, body, by="")[0] == 400


def test_only_administrators_see_and_decide(shared: People) -> None:
    eve = shared.add("eve")
    url = f"{REGISTRATIONS}/some"
    for method, path in (
        ("GET", REGISTRATIONS),
        ("GET", url),
        ("POST", f"{url}/approve"),
        ("POST", f"{url}/reject"),
    ):
        assert shared.problem(method, path, by=eve)[0] == 403
        assert shared.problem(method, path, by="")[0] == 401
        weak = {"X-Auth-Token": shared.token(shared.admin, "security/profile")}
        assert shared.problem(method, path, headers=weak)[0] == 403


def test_registrations_are_paged(people: People) -> None:
    for number in range(5):
        people("POST", REGISTRATIONS, ANN | {"email": f"a{number}@city.example"}, by="")
    first = people("GET", f"{REGISTRATIONS}?limit=3").json()
    second = people("GET", f"{REGISTRATIONS}?limit=3&token={first['next']}").json()
    found = first["registrations"] + second["registrations"]
    assert len({one["email"] for one in found}) == 5
    assert "next" not in second


def test_day_has_room_for_so_many_registrations(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "DAILY_LIMIT", 2)
    for number in range(2):
        people("POST", REGISTRATIONS, ANN | {"email": f"a{number}@city.example"}, by="")
    assert people.problem("POST", REGISTRATIONS, ANN, by="")[0] == 503
    known = ANN | {"email": "a0@city.example"}
    assert people.problem("POST", REGISTRATIONS, known, by="")[0] == 503


def test_two_registrations_with_one_address_at_once_are_one(people: People) -> None:
    registrations = people.services.people.registrations
    for number in range(5):
        email = f"twin{number}@city.example"
        with ThreadPoolExecutor(4) as pool:
            list(
                pool.map(lambda n, e=email: registrations.register(e, f"n{n}", Wanted()), range(4))
            )
        waiting = [one for one in registrations.page(100, None).registrations if one.email == email]
        assert len(waiting) == 1


def test_two_administrators_who_approve_at_once_make_one_user(people: People) -> None:
    registrations = people.services.people.registrations
    for number in range(5):
        email = f"one{number}@city.example"
        registrations.register(email, "one", Wanted())
        id = next(
            one.id for one in registrations.page(100, None).registrations if one.email == email
        )

        def approve(_: int, id: str = id) -> str:
            try:
                return registrations.approve(id, lambda *_: None).user
            except Exception as error:
                return type(error).__name__

        with ThreadPoolExecutor(2) as pool:
            users = set(pool.map(approve, range(2))) - {"NotFound"}
        assert len(users) == 1
        listed = people.cognito.list_users(UserPoolId=people.pool)["Users"]
        addresses = [one["Value"] for user in listed for one in user["Attributes"]]
        assert addresses.count(email) == 1
