"""Bulk export over HTTP: ordered, built in the background, downloaded by a link; to whom, and for
how long."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import httpx
import pandas
import pytest

from city.clock import iso
from city.errors import Forbidden
from city.policy.grants import Access, Action, Grant
from city.tenancy import EVERYWHERE, PathPattern, Tenant
from history.exports.bodies import parse_order
from history.names import partition
from tests.integration.recorded import CITY, HEADERS, HistoryApi, observed, path

EXPORTS = "/history/v1/exports"
OCTOBER = {"type": "Room", "month": "2026-10"}


@pytest.fixture
def api(
    event_loop: None, history_table: str, history_bucket: str, s3_endpoint: str
) -> Iterator[HistoryApi]:
    api = HistoryApi(history_table, history_bucket, s3_endpoint)
    api.record(*(day(number, number) for number in range(1, 4)), day(2, "dry", "humidity"))
    yield api
    api.close()


@pytest.fixture
def guarded(
    event_loop: None, history_table: str, history_bucket: str, s3_endpoint: str, security_table: str
) -> Iterator[HistoryApi]:
    """Where grants count."""
    api = HistoryApi(history_table, history_bucket, s3_endpoint, security_table=security_table)
    for id in ("Room1", "Room2"):
        api.record(day(1, 1, id=id), day(1, "Ann", "owner", id=id), source=id)
    yield api
    api.close()


def day(number: int, value: Any, attribute: str = "temperature", **more: Any) -> Any:
    return observed(f"2026-10-{number:02}T12:00:00Z", value, attribute, **more)


def reading(**conditions: Any) -> Grant:
    return Grant("reading", frozenset({Action.READ}), CITY, **conditions)


def ordered(api: HistoryApi, headers: Any = None, **members: Any) -> dict[str, Any]:
    """An order for October with these members, done; the job as it stands then."""
    answer = api("POST", EXPORTS, OCTOBER | members, headers)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"{EXPORTS}/{answer.json()['id']}"
    assert api.work() == []
    return shown(api, answer.json()["id"], headers)


def shown(api: HistoryApi, id: str, headers: Any = None) -> dict[str, Any]:
    answer = api.get(f"{EXPORTS}/{id}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    job: dict[str, Any] = answer.json()
    return job


def download(api: HistoryApi, job: dict[str, Any], s3_endpoint: str) -> httpx.Response:
    """What is behind the link, as a browser gets it."""
    parts = urlsplit(job["link"])
    key = parts.path.lstrip("/").removeprefix(f"{api.settings.history_bucket}/")
    local = f"{s3_endpoint}/{api.settings.history_bucket}/{key}?{parts.query}"
    return httpx.get(local)


def parquet(content: bytes, scratch: Path) -> list[tuple[Any, ...]]:
    file = scratch / "file.parquet"
    file.write_bytes(content)
    query = "SELECT entity_id, attr, v_num, v_str FROM read_parquet(?)"
    return duckdb.execute(query, [str(file)]).fetchall()


def test_a_month_as_parquet(api: HistoryApi, s3_endpoint: str, tmp_path: Path) -> None:
    answer = api("POST", EXPORTS, OCTOBER)
    assert answer.status_code == 202
    queued = answer.json()
    assert (queued["state"], queued["progress"], "link" in queued) == ("queued", 0, False)
    assert api.work() == []
    done = shown(api, queued["id"])
    assert (done["state"], done["progress"], done["rows"]) == ("done", 1, 4)
    assert done["order"] == {
        "type": "Room",
        "from": "2026-10-01T00:00:00.000Z",
        "to": "2026-11-01T00:00:00.000Z",
        "format": "parquet",
        "layout": "long",
        "ids": None,
        "attributes": None,
    }
    assert done["fileName"] == "Room_2026-10-01_2026-11-01.parquet"
    file = download(api, done, s3_endpoint)
    assert len(file.content) == done["bytes"]
    assert parquet(file.content, tmp_path) == [
        ("Room1", "temperature", 1, None),
        ("Room1", "humidity", None, "dry"),
        ("Room1", "temperature", 2, None),
        ("Room1", "temperature", 3, None),
    ]


def test_pandas_reads_the_rows(api: HistoryApi, s3_endpoint: str) -> None:
    job = ordered(api, format="csv")
    file = download(api, job, s3_endpoint)
    frame = pandas.read_csv(io.StringIO(file.text), parse_dates=["ts"])
    assert [*frame.columns] == [
        "entity_id", "entity_type", "service_path", "ts", "humidity", "temperature",
    ]  # fmt: skip
    assert [*frame["temperature"]] == [1, 2, 3]
    assert frame["humidity"].tolist()[1] == "dry"
    assert str(frame["ts"].dt.tz) == "UTC"


def test_pandas_reads_the_long_layout(api: HistoryApi, s3_endpoint: str) -> None:
    job = ordered(api, format="csv", layout="long")
    frame = pandas.read_csv(io.StringIO(download(api, job, s3_endpoint).text))
    assert len(frame) == job["rows"] == 4
    assert set(frame["kind"]) == {"integer", "string"}


def test_links_end(api: HistoryApi) -> None:
    job = ordered(api)
    query = parse_qs(urlsplit(job["link"]).query)
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert job["expires"] == iso(api.clock() + 900_000_000)
    assert "attachment" in query["response-content-disposition"][0]


def test_how_long_links_can_be_used_is_a_setting(
    event_loop: None, history_table: str, history_bucket: str, s3_endpoint: str
) -> None:
    api = HistoryApi(history_table, history_bucket, s3_endpoint, export_link_seconds=60)
    api.record(day(1, 1))
    assert ordered(api)["expires"] == iso(api.clock() + 60_000_000)
    api.close()


def test_the_same_order_is_the_same_job_while_it_is_fresh(api: HistoryApi) -> None:
    first = api("POST", EXPORTS, OCTOBER).json()["id"]
    again = api("POST", EXPORTS, OCTOBER)
    assert (again.status_code, again.json()["id"]) == (202, first)
    assert len(tasks := api.tasks()) == 1
    assert api.do(tasks) == []
    ready = api("POST", EXPORTS, OCTOBER)
    assert (ready.status_code, ready.json()["id"], "link" in ready.json()) == (200, first, True)
    api.record(day(4, 4), source="late")
    api.clock.advance(15 * 60)
    anew = api("POST", EXPORTS, OCTOBER)
    assert (anew.status_code, anew.json()["id"]) == (202, first)
    api.work()
    assert shown(api, first)["rows"] == 5


@pytest.mark.parametrize(
    "other",
    [{"format": "csv"}, {"month": "2026-09"}, {"ids": ["Room1"]}, {"attributes": ["humidity"]}],
)
def test_another_order_is_another_job(api: HistoryApi, other: dict[str, Any]) -> None:
    first = api("POST", EXPORTS, OCTOBER).json()["id"]
    assert api("POST", EXPORTS, OCTOBER | other).json()["id"] != first
    elsewhere = HEADERS | {"Fiware-ServicePath": "/parks"}
    assert api("POST", EXPORTS, OCTOBER, elsewhere).json().get("id") != first


def test_what_is_chosen_is_in_it(api: HistoryApi, s3_endpoint: str, tmp_path: Path) -> None:
    api.record(day(9, 9, id="Room2"), day(9, 8, path=path("/parks")), source="more")
    for members, expected in (
        ({"ids": ["Room2"]}, [9]),
        ({"attributes": ["temperature"], "ids": ["Room1"]}, [1, 2, 3]),
        ({"month": None, "from": "2026-10-02", "to": "2026-10-03T12:00:00Z"}, [None, 2]),
        ({"month": None, "from": "2026-10-09T12:00:00+00:00"}, [9]),
        ({"month": "2026-09"}, []),
    ):
        job = ordered(api, **members)
        rows = parquet(download(api, job, s3_endpoint).content, tmp_path)
        assert [row[2] for row in rows] == expected
        assert job["rows"] == len(expected)
    at_parks = HEADERS | {"Fiware-ServicePath": "/parks/#"}
    assert ordered(api, at_parks, ids=["Room1"])["rows"] == 1
    everywhere = {"Fiware-Service": CITY}
    assert ordered(api, everywhere, ids=["Room1"])["rows"] == 5
    elsewhere = HEADERS | {"Fiware-ServicePath": "/park"}
    assert api("POST", EXPORTS, OCTOBER | {"ids": ["Room1"]}, elsewhere).status_code == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "type must be the name of an entity type"),
        ({"type": ""}, "type must be the name of an entity type"),
        ({"type": "Room", "months": "2026-10"}, "there is no member months"),
        ({"type": "Room", "month": "2026-13"}, "month must be a month as YYYY-MM"),
        ({"type": "Room", "month": 10}, "month must be a month as YYYY-MM"),
        ({"type": "Room", "month": "2026-10", "to": "2026-11-01"}, "give a month, or from and to"),
        ({"type": "Room", "from": "yesterday"}, "from must be an ISO 8601 date and time"),
        ({"type": "Room", "from": "2026-10-02", "to": "2026-10-02"}, "from must be before to"),
        ({"type": "Room", "format": "xlsx"}, "format must be one of parquet, csv"),
        ({"type": "Room", "layout": "rows"}, "layout must be long for parquet"),
        ({"type": "Room", "ids": []}, "ids must be an array of different texts"),
        ({"type": "Room", "ids": "Room1"}, "ids must be an array of different texts"),
        ({"type": "Room", "attributes": ["a", "a"]}, "attributes must be an array of different"),
        ({"type": "Room", "attributes": ["a", 1]}, "attributes must be an array of different"),
    ],
)
def test_orders_are_read_strictly(api: HistoryApi, body: dict[str, Any], message: str) -> None:
    answer = api("POST", EXPORTS, body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert message in answer.json()["detail"]
    assert api.tasks() == []


def test_there_is_no_file_of_nothing(api: HistoryApi) -> None:
    for body, headers in (
        ({"type": "Hall"}, HEADERS),
        (OCTOBER | {"ids": ["Room9"]}, HEADERS),
        (OCTOBER, HEADERS | {"Fiware-Service": "elsewhere"}),
    ):
        assert api("POST", EXPORTS, body, headers).status_code == 404
    assert api.get(f"{EXPORTS}/0123456789abcdef01234567").status_code == 404


def test_jobs_are_listed_in_pages(api: HistoryApi) -> None:
    ids = {ordered(api, month=month)["id"] for month in ("2026-08", "2026-09", "2026-10")}
    first = api.get(f"{EXPORTS}?limit=2").json()
    rest = api.get(f"{EXPORTS}?limit=2&token={first['next']}").json()
    assert {job["id"] for job in first["exports"] + rest["exports"]} == ids
    assert "next" not in rest
    assert not any("link" in job for job in first["exports"])
    for query in ("limit=0", "limit=x", "token=x", "page=1"):
        assert api.get(f"{EXPORTS}?{query}").status_code == 400


def test_a_deleted_job_is_gone_with_its_file(api: HistoryApi) -> None:
    job = ordered(api)
    area = partition("exports", CITY, "Room")
    assert [*api.services.objects.keys(area)]
    assert api("DELETE", f"{EXPORTS}/{job['id']}").status_code == 204
    assert [*api.services.objects.keys(area)] == []
    assert api.get(f"{EXPORTS}/{job['id']}").status_code == 404
    assert api("DELETE", f"{EXPORTS}/{job['id']}").status_code == 404


def test_a_job_deleted_on_its_way_leaves_nothing(api: HistoryApi) -> None:
    id = api("POST", EXPORTS, OCTOBER).json()["id"]
    tasks = api.tasks()
    assert api("DELETE", f"{EXPORTS}/{id}").status_code == 204
    assert api.do(tasks) == []
    assert [*api.services.objects.keys(partition("exports", CITY, "Room"))] == []
    assert api.tasks() == []


def test_a_task_that_comes_twice_does_no_harm(api: HistoryApi) -> None:
    id = api("POST", EXPORTS, OCTOBER).json()["id"]
    tasks = api.tasks()
    assert api.do(tasks * 2) == []
    assert shown(api, id)["rows"] == 4


def test_a_job_that_nobody_finishes_has_failed(api: HistoryApi) -> None:
    id = api("POST", EXPORTS, OCTOBER).json()["id"]
    api.tasks()
    api.clock.advance(31 * 60)
    failed = shown(api, id)
    assert failed["state"] == "failed"
    assert "order it again" in failed["reason"]
    assert ordered(api)["state"] == "done"


def test_a_job_that_cannot_be_done_has_failed_and_is_set_aside(api: HistoryApi) -> None:
    id = api("POST", EXPORTS, OCTOBER).json()["id"]
    keys = [*api.services.objects.keys(partition("exports", CITY, "Room"))]
    api.services.objects.delete_many(keys)
    assert api.work() == []
    assert shown(api, id)["state"] == "failed"
    dead = api.sqs.receive_message(QueueUrl=api.dead_letters)["Messages"]
    assert len(dead) == 1


def test_jobs_and_files_end_after_a_week(api: HistoryApi) -> None:
    job = ordered(api)
    assert job["deletedAt"] == iso(api.clock() + 7 * 24 * 3600 * 1_000_000)
    api.clock.advance(7 * 24 * 3600 + 1)
    assert api.get(f"{EXPORTS}/{job['id']}").status_code == 404
    assert ordered(api)["id"] == job["id"]


def test_only_what_the_owner_may_see_is_in_it(
    guarded: HistoryApi, s3_endpoint: str, tmp_path: Path
) -> None:
    for grants, expected in (
        ([reading()], {"Room1.temperature", "Room1.owner", "Room2.temperature", "Room2.owner"}),
        ([reading(ids=frozenset({"Room1"}))], {"Room1.temperature", "Room1.owner"}),
        (
            [reading(attributes=frozenset({"temperature"}))],
            {"Room1.temperature", "Room2.temperature"},
        ),
        (
            [reading(), Grant("no", frozenset({Action.READ}), CITY, attributes=frozenset({"owner"}), deny=True)],
            {"Room1.temperature", "Room2.temperature"},
        ),
    ):  # fmt: skip
        job = ordered(guarded, guarded.key(*grants))
        rows = parquet(download(guarded, job, s3_endpoint).content, tmp_path)
        assert {f"{row[0]}.{row[1]}" for row in rows} == expected


def test_what_is_hidden_does_not_exist(guarded: HistoryApi) -> None:
    somebody = guarded.key(reading(types=frozenset({"Hall"})))
    assert guarded("POST", EXPORTS, OCTOBER, somebody).status_code == 404
    nobody = guarded.key(Grant("x", frozenset({Action.READ}), "elsewhere"))
    assert guarded("POST", EXPORTS, OCTOBER, nobody).status_code == 403
    assert guarded("POST", EXPORTS, OCTOBER).status_code == 401
    assert guarded.get(EXPORTS).status_code == 401
    assert guarded("POST", EXPORTS, OCTOBER, guarded.key(reading(), scopes=())).status_code == 403


def test_jobs_are_the_owners_own(guarded: HistoryApi) -> None:
    owner, other = guarded.key(reading()), guarded.key(reading())
    job = ordered(guarded, owner)
    for headers in (other, owner | {"Fiware-Service": "elsewhere"}):
        assert guarded.get(f"{EXPORTS}/{job['id']}", headers=headers).status_code in (403, 404)
        answer = guarded("DELETE", f"{EXPORTS}/{job['id']}", headers=headers)
        assert answer.status_code in (403, 404)
    assert guarded.get(EXPORTS, headers=other).json() == {"exports": []}
    assert shown(guarded, job["id"], owner)["link"]


def test_grants_that_are_gone_leave_no_link(guarded: HistoryApi) -> None:
    """Also not to a file that was made when they were there."""
    order = parse_order(OCTOBER, CITY, EVERYWHERE)
    exports = guarded.services.exports

    def access(*grants: Grant) -> Access:
        return Access("ann", grants, guarded.clock())

    job = exports.order(access(reading()), order)
    guarded.work()
    job = exports.get(access(reading()), CITY, job.address.id)
    assert exports.link(access(reading()), job)
    every = reading(ids=frozenset({"Room1", "Room2"}))
    assert exports.link(access(every), job)
    for less in (
        reading(ids=frozenset({"Room1"})),
        reading(attributes=frozenset({"temperature", "owner"})),
        reading(path=PathPattern(path("/parks"), subtree=True)),
    ):
        with pytest.raises(Forbidden):
            exports.link(access(less), job)
    hidden = Grant("no", frozenset({Action.READ}), CITY, ids=frozenset({"Room2"}), deny=True)
    with pytest.raises(Forbidden):
        exports.link(access(reading(), hidden), job)
    with pytest.raises(Forbidden):
        exports.get(access(), CITY, job.address.id)


def test_what_was_deleted_is_in_no_file(api: HistoryApi) -> None:
    """Also before the files of the history are written anew."""
    api.record(day(9, 9, id="Room2"), source="more")
    api.clock.advance(1)
    deleted = "/STH/v1/contextEntities/type/Room/id/Room1/attributes/temperature"
    assert api("DELETE", deleted).status_code == 204
    carrying_out = api.tasks()
    assert ordered(api)["rows"] == 2
    assert api.do(carrying_out) == []
    assert ordered(api, format="csv", layout="long")["rows"] == 2


def test_tenants_never_meet(api: HistoryApi) -> None:
    other = Tenant("other")
    api.record(day(1, 42), tenant=other, source="other")
    job = ordered(api)
    headers = HEADERS | {"Fiware-Service": other}
    assert api.get(f"{EXPORTS}/{job['id']}", headers=headers).status_code == 404
    assert ordered(api, headers)["rows"] == 1
    both = HEADERS | {"NGSILD-Tenant": other}
    assert api("POST", EXPORTS, OCTOBER, both).status_code == 400
