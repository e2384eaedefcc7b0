"""`/history/v1/retention`: rules by type, for administrators of the tenant."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from city.policy.grants import Action, Grant
from city.tenancy import PathPattern, ServicePath
from tests.integration.recorded import CITY, HEADERS, SCOPES, HistoryApi

ALL = "/history/v1/retention"


@pytest.fixture
def api(
    event_loop: None, history_table: str, history_bucket: str, s3_endpoint: str
) -> Iterator[HistoryApi]:
    api = HistoryApi(history_table, history_bucket, s3_endpoint)
    yield api
    api.close()


def of(type: str) -> str:
    return f"{ALL}/{quote(type, safe='')}"


def test_a_rule_is_set_read_changed_and_removed(api: HistoryApi) -> None:
    made = api("PUT", of("Room"), {"days": 30})
    assert (made.status_code, made.json()["days"]) == (201, 30)
    assert made.json()["type"] == "Room"
    assert made.json()["at"] == "2026-11-15T12:00:00.000Z"
    changed = api("PUT", of("Room"), {"days": 31})
    assert (changed.status_code, changed.json()["days"]) == (200, 31)
    assert api("GET", of("Room")).json() == changed.json()
    assert api("DELETE", of("Room")).status_code == 204
    assert api("GET", of("Room")).status_code == 404


def test_the_default_has_no_type(api: HistoryApi) -> None:
    assert api("PUT", ALL, {"days": 400}).status_code == 201
    assert api("PUT", of("Room"), {"days": 30}).status_code == 201
    rules = api("GET", ALL).json()["rules"]
    assert [(rule["type"], rule["days"]) for rule in rules] == [("", 400), ("Room", 30)]
    assert api("DELETE", ALL).status_code == 204
    assert api("DELETE", ALL).status_code == 404


@pytest.mark.parametrize("type", ["https://uri.fiware.org/ns#Room", "Räume 7", "a/b"])
def test_types_of_any_form_have_rules(api: HistoryApi, type: str) -> None:
    assert api("PUT", of(type), {"days": 1}).json()["type"] == type
    assert api("GET", of(type)).json()["type"] == type


def test_tenants_have_rules_of_their_own(api: HistoryApi) -> None:
    api("PUT", of("Room"), {"days": 30})
    other = HEADERS | {"Fiware-Service": "elsewhere"}
    assert api("GET", of("Room"), headers=other).status_code == 404
    assert api("GET", ALL, headers=other).json() == {"rules": []}


@pytest.mark.parametrize(
    "body", [{}, {"days": 0}, {"days": "30"}, {"days": 1.5}, {"days": True}, {"days": 36526}]
)
def test_days_must_be_a_whole_number(api: HistoryApi, body: Any) -> None:
    answer = api("PUT", of("Room"), body)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "days must be a whole number from 1 to 36525"
    assert api("GET", of("Room")).status_code == 404


def test_an_unknown_member_changes_nothing(api: HistoryApi) -> None:
    answer = api("PUT", of("Room"), {"days": 30, "hours": 1})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert "hours" in answer.json()["detail"]
    assert api("GET", of("Room")).status_code == 404


@pytest.mark.parametrize(
    ("action", "path", "status"),
    [(Action.ADMIN, "/", 201), (Action.READ, "/", 403), (Action.ADMIN, "/parks/", 403)],
)
def test_only_administrators_of_the_tenant_may(  # noqa: PLR0917 - fixtures and cases
    event_loop: None,
    history_table: str,
    history_bucket: str,
    s3_endpoint: str,
    security_table: str,
    action: Action,
    path: str,
    status: int,
) -> None:
    api = HistoryApi(history_table, history_bucket, s3_endpoint, security_table=security_table)
    place = PathPattern(ServicePath(path), subtree=True)
    grant = Grant("it", frozenset({action}), CITY, place)
    headers = api.key(grant, scopes=(*SCOPES, "history/admin"))
    answer = api("PUT", of("Room"), {"days": 30}, HEADERS | headers)
    assert answer.status_code == status
    api.close()
