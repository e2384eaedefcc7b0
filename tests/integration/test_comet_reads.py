"""STH-Comet's reads over recorded history: values, files, aggregates, and refusals."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pandas
import pytest

from city.clock import iso
from tests.integration.recorded import HEADERS, HistoryApi, observed, path

V1 = "/STH/v1/contextEntities/type/Room/id/Room1/attributes/temperature"
V2 = "/STH/v2/entities/Room1/attrs/temperature?type=Room"


@pytest.fixture
def api(
    event_loop: None, history_table: str, history_bucket: str, s3_endpoint: str
) -> Iterator[HistoryApi]:
    api = HistoryApi(history_table, history_bucket, s3_endpoint)
    yield api
    api.close()


def values(api: HistoryApi, query: str) -> Any:
    """The value of an answer of version 2, which version 1 has as well."""
    answer = api.get(f"{V2}&{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["city-read"].startswith("engine=")
    assert answer.headers["fiware-correlator"]
    content = answer.json()
    assert content.keys() == {"type", "value"}
    assert content["type"] == "StructuredValue"
    element = {
        "attributes": [{"name": "temperature", "values": content["value"]}],
        "id": "Room1",
        "isPattern": False,
        "type": "Room",
    }
    assert api.get(f"{V1}?{query}").json() == {
        "contextResponses": [
            {"contextElement": element, "statusCode": {"code": "200", "reasonPhrase": "OK"}}
        ]
    }
    return content["value"]


def day(number: int, value: Any, **more: Any) -> Any:
    return observed(f"2026-10-{number:02}T12:00:00Z", value, **more)


@pytest.fixture
def five_days(api: HistoryApi) -> HistoryApi:
    api.record(*(day(number, number) for number in range(1, 6)), day(3, 99, attribute="pressure"))
    api.record(day(3, 98, id="Room2"), day(3, 97, path=path("/parks")), source="others")
    return api


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("lastN=2", [4, 5]),
        ("lastN=100", [1, 2, 3, 4, 5]),
        ("lastN=0", [1, 2, 3, 4, 5]),
        ("hLimit=2&hOffset=1", [2, 3]),
        ("hLimit=2&hOffset=4", [5]),
        ("hLimit=2&hOffset=9", []),
        ("hLimit=0&hOffset=3", [4, 5]),
        ("lastN=2&hLimit=1&hOffset=1", [4, 5]),
        ("lastN=9&dateFrom=2026-10-02T12:00:00.000Z&dateTo=2026-10-04T12:00:00.000Z", [2, 3, 4]),
        ("lastN=9&dateFrom=2026-10-02T12:00:00.001Z&dateTo=2026-10-04T11:59:59.999Z", [3]),
        ("lastN=9&dateFrom=2026-10-05T14:00:00%2B02:00", [5]),
        ("lastN=9&dateFrom=2026-10-05T14:00:00+02:00", [5]),
        ("lastN=1&dateTo=2026-10-02", [1]),
        ("lastN=9&dateFrom=2027-01-01", []),
        ("lastN=9&dateFrom=2026-10-05&dateTo=2026-10-01", []),
    ],
)
def test_values_come_oldest_first(five_days: HistoryApi, query: str, expected: list[int]) -> None:
    assert [point["attrValue"] for point in values(five_days, query)] == expected


def test_a_point_has_time_type_and_value(five_days: HistoryApi) -> None:
    assert values(five_days, "lastN=1") == [
        {"recvTime": "2026-10-05T12:00:00.000Z", "attrType": "Number", "attrValue": 5}
    ]


def test_every_value_is_as_it_was(api: HistoryApi) -> None:
    sent = [0, 0.0, False, "", None, "21.28", 2**63 + 1, {"a": [1]}, -1.5, "x"]
    api.record(*(day(number, value) for number, value in enumerate(sent, start=1)))
    found = [point["attrValue"] for point in values(api, "lastN=20")]
    assert [(value, type(value)) for value in found] == [(value, type(value)) for value in sent]


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("lastN=2&count=true", "5"),
        ("hLimit=1&hOffset=4&count=true", "5"),
        ("hLimit=1&hOffset=9&count=true", "5"),
        ("lastN=1&count=true&dateFrom=2026-10-04", "2"),
        ("lastN=1&count=true&dateFrom=2027-01-01", "0"),
        ("lastN=2&count=false", None),
        ("lastN=2", None),
        ("filetype=csv&count=true", None),
        ("aggrMethod=sum&aggrPeriod=day&count=true", None),
    ],
)
def test_total_count_is_that_of_the_dates(
    five_days: HistoryApi, query: str, total: str | None
) -> None:
    for url in (f"{V2}&{query}", f"{V1}?{query}"):
        answer = five_days.get(url)
        assert answer.status_code == 200
        assert answer.headers.get("fiware-total-count") == total


def test_counting_answers_the_same_values(five_days: HistoryApi) -> None:
    assert values(five_days, "lastN=2&count=true") == values(five_days, "lastN=2")


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("/STH/v2/entities/Nowhere/attrs/temperature?type=Room", HEADERS),
        ("/STH/v2/entities/Room1/attrs/nothing?type=Room", HEADERS),
        ("/STH/v2/entities/Room1/attrs/temperature?type=Hall", HEADERS),
        (V2, HEADERS | {"Fiware-Service": "elsewhere"}),
        (V2, HEADERS | {"Fiware-ServicePath": "/park"}),
    ],
)
@pytest.mark.parametrize("asked", ["lastN=5&count=true", "aggrMethod=all&aggrPeriod=day"])
def test_nothing_is_an_empty_list(
    five_days: HistoryApi, url: str, headers: dict[str, str], asked: str
) -> None:
    answer = five_days.get(f"{url}&{asked}", headers=headers)
    assert answer.status_code == 200
    assert answer.json() == {"type": "StructuredValue", "value": []}
    assert answer.headers.get("fiware-total-count") == ("0" if "count" in asked else None)


def test_a_service_path_is_one_place(five_days: HistoryApi) -> None:
    answer = five_days.get(f"{V2}&lastN=9", headers=HEADERS | {"Fiware-ServicePath": "/parks"})
    assert [point["attrValue"] for point in answer.json()["value"]] == [97]


def test_a_file_has_every_value(five_days: HistoryApi) -> None:
    five_days.record(day(6, "=1+1"), day(7, {"a": 1}), source="more")
    answer = five_days.get(f"{V2}&filetype=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    stamp = five_days.clock.now // 1000
    assert answer.headers["content-disposition"] == (
        f"attachment; filename*=UTF-8''temperature-{stamp}.csv"
    )
    lines = [*csv.DictReader(io.StringIO(answer.text, newline=""))]
    assert [*lines[0]] == ["attrName", "attrType", "attrValue", "recvTime"]
    found = [line["attrValue"] for line in lines]
    assert found == ["1", "2", "3", "4", "5", "'=1+1", '{"a":1}']
    assert five_days.get(f"{V1}?filetype=csv").text == answer.text


def test_a_file_may_be_a_page(five_days: HistoryApi) -> None:
    for query, expected in (("lastN=2", [4, 5]), ("hLimit=2&hOffset=1", [2, 3]), ("hOffset=3", [4, 5])):  # fmt: skip
        text = five_days.get(f"{V2}&filetype=csv&{query}").text
        assert [*pandas.read_csv(io.StringIO(text))["attrValue"]] == expected


def test_pandas_reads_a_file(five_days: HistoryApi) -> None:
    text = five_days.get(f"{V2}&filetype=csv").text
    frame = pandas.read_csv(io.StringIO(text), parse_dates=["recvTime"])
    assert frame["attrValue"].sum() == 15
    assert next(iso(int(one.timestamp() * 1e6)) for one in frame["recvTime"]) == (
        "2026-10-01T12:00:00.000Z"
    )


def group(origin: str, resolution: str, *points: dict[str, Any]) -> dict[str, Any]:
    _id = {"attrName": "temperature", "origin": origin, "resolution": resolution}
    return {"_id": _id, "points": [*points]}


def test_aggregates_stand_by_origin_and_offset(five_days: HistoryApi) -> None:
    assert values(five_days, "aggrMethod=sum,sum2&aggrPeriod=month") == [
        group("2026-01-01T00:00:00.000Z", "month", {"offset": 10, "samples": 5, "sum": 15, "sum2": 55})
    ]  # fmt: skip
    (found,) = values(five_days, "aggrMethod=max&aggrPeriod=day&dateFrom=2026-10-04")
    assert found == group(
        "2026-10-01T00:00:00.000Z",
        "day",
        {"offset": 4, "samples": 1, "max": 4},
        {"offset": 5, "samples": 1, "max": 5},
    )


@pytest.mark.parametrize(
    ("period", "origin", "place"),
    [
        ("month", "2026-01-01T00:00:00.000Z", 10),
        ("day", "2026-10-01T00:00:00.000Z", 25),
        ("hour", "2026-10-25T00:00:00.000Z", 0),
        ("minute", "2026-10-25T00:00:00.000Z", 59),
        ("second", "2026-10-25T00:59:00.000Z", 58),
    ],
)
def test_all_methods_in_every_period(api: HistoryApi, period: str, origin: str, place: int) -> None:
    at = "2026-10-25T00:59:58"
    api.record(observed(f"{at}.1Z", 0), observed(f"{at}.2Z", 3), observed(f"{at}.3Z", "-1.5"))
    point = {"samples": 3, "min": -1.5, "max": 3, "sum": 1.5, "sum2": 11.25}
    assert values(api, f"aggrMethod=all&aggrPeriod={period}") == [
        group(origin, period, {"offset": place, **point})
    ]


def test_the_period_around_a_date_counts_whole(five_days: HistoryApi) -> None:
    """December is month 12, not 11: the original filters points with months that count from 0."""
    five_days.record(observed("2026-12-05T00:00:00Z", 12), source="december")
    query = "aggrMethod=sum&aggrPeriod=month&dateFrom=2026-10-15&dateTo=2026-11-30"
    (found,) = values(five_days, query)
    assert [point["offset"] for point in found["points"]] == [10]
    assert found["points"][0]["sum"] == 15
    (found,) = values(five_days, "aggrMethod=sum&aggrPeriod=month&dateFrom=2026-12-01")
    assert [point["offset"] for point in found["points"]] == [12]


def test_texts_are_counted(api: HistoryApi) -> None:
    said: list[Any] = ["open", "shut", "open", "", True, None, {"a": 1}]
    times = (f"2026-10-25T00:00:{second:02}Z" for second in range(len(said)))
    api.record(*(observed(at, value) for at, value in zip(times, said, strict=True)))
    assert values(api, "aggrMethod=occur&aggrPeriod=day") == [
        group(
            "2026-10-01T00:00:00.000Z",
            "day",
            {"offset": 25, "samples": 3, "occur": {"open": 2, "shut": 1}},
        )
    ]


def test_the_newest_of_one_time_counts_once(api: HistoryApi) -> None:
    api.record(day(1, 1, seq=1))
    api.record(day(1, 5, seq=2), source="later")
    api.record(day(1, 1, seq=1), source="again")
    assert [point["attrValue"] for point in values(api, "lastN=9")] == [5]
    (found,) = values(api, "aggrMethod=sum&aggrPeriod=day")
    assert found["points"] == [{"offset": 1, "samples": 1, "sum": 5}]


COMBINATION = (
    "A combination of the following query params is required: lastN, hLimit and hOffset, "
    "filetype, or aggrMethod and aggrPeriod"
)


def test_refusals_of_version_1_are_those_of_hapi(api: HistoryApi) -> None:
    answer = api.get(V1)
    assert answer.status_code == 400
    assert answer.headers["fiware-correlator"]
    assert answer.json() == {
        "statusCode": 400,
        "error": "Bad Request",
        "message": COMBINATION,
        "validation": {
            "source": "query",
            "keys": ["lastN", "hLimit", "hOffset", "filetype", "aggrMethod", "aggrPeriod", "count"],
        },
    }


@pytest.mark.parametrize(
    ("query", "description"),
    [
        ("type=Room", COMBINATION),
        ("lastN=1", 'child "type" fails because ["type" is required]'),
        ("type=Room&lastN=x", 'child "lastN" fails because ["lastN" must be a number]'),
        ("type=Room&lastN=101", "hLimit <= lastN <= config.maxPageSize"),
    ],
)
def test_refusals_of_version_2(api: HistoryApi, query: str, description: str) -> None:
    answer = api.get(f"/STH/v2/entities/Room1/attrs/temperature?{query}")
    assert answer.status_code == 400
    assert answer.json() == {"error": "BadRequest", "description": description}


@pytest.mark.parametrize("missing", ["Fiware-Service", "Fiware-ServicePath"])
def test_both_headers_are_mandatory(api: HistoryApi, missing: str) -> None:
    headers = {name: HEADERS[name] for name in HEADERS if name != missing}
    message = f'child "{missing.lower()}" fails because [{missing.lower()} is required]'
    answer = api.get(f"{V1}?lastN=1", headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (400, message)
    assert answer.json()["validation"] == {"source": "headers", "keys": []}
    answer = api.get(f"{V2}&lastN=1", headers=headers)
    assert answer.json() == {"error": "BadRequest", "description": message}


@pytest.mark.parametrize("wrong", ["parks", "/a,/b", "/#", "/a b"])
def test_a_service_path_must_be_one(api: HistoryApi, wrong: str) -> None:
    answer = api.get(f"{V2}&lastN=1", headers=HEADERS | {"Fiware-ServicePath": wrong})
    assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", "/STH/v2/entities", {"error": "NotFound", "description": "invalid path"}),
        ("POST", V2, {"error": "NotFound", "description": "invalid path"}),
        ("GET", "/STH/v1/contextEntities", {"statusCode": 404, "error": "Not Found"}),
        ("GET", "/STH/v3", {"statusCode": 404, "error": "Not Found"}),
        ("PUT", V1, {"statusCode": 404, "error": "Not Found"}),
    ],
)
def test_other_paths_are_not_found(
    api: HistoryApi, method: str, url: str, body: dict[str, Any]
) -> None:
    answer = api(method, url)
    assert (answer.status_code, answer.json()) == (404, body)


def test_version_and_correlator(api: HistoryApi) -> None:
    answer = api.get("/STH/version", headers={"Fiware-Correlator": "me"})
    assert answer.headers["fiware-correlator"] == "me"
    assert answer.json() == {"version": "2.11.0"}
