"""No answer is larger than what a function may give to the gateway."""

import json
from typing import Any

import pytest
from mangum import Mangum
from starlette.datastructures import Headers

from history.fitting import MAX_ANSWER_BYTES, sent_as
from tests.integration.recorded import HEADERS, HistoryApi, observed

LAMBDA = 6 * 1024 * 1024
WORDS = '"a", ' * 12_000
DAY = "2026-10-08"


def answer(api: HistoryApi, path: str, query: str, **headers: str) -> dict[str, Any]:
    """What the function gives to the gateway."""
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {**HEADERS, **headers},
        "requestContext": {
            "http": {"method": "GET", "path": path, "sourceIp": "203.0.113.1"},
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    context: Any = None
    found: dict[str, Any] = Mangum(api.app, lifespan="off")(event, context)
    assert len(json.dumps(found, ensure_ascii=False).encode()) <= LAMBDA
    return found


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/STH/v2/entities/Room1/attrs/text", "type=Room&lastN=100"),
        ("/STH/v2/entities/Room1/attrs/text", "type=Room&filetype=csv"),
    ],
)
def test_answer_that_no_function_may_give_is_refused_and_fits_compressed(
    event_loop: None, history: tuple[str, str], s3_endpoint: str, path: str, query: str
) -> None:
    api = HistoryApi(*history, s3_endpoint)
    api.record(
        *(
            observed(f"{DAY}T10:00:00.{number:03}Z", f"{number}{WORDS}", "text")
            for number in range(100)
        )
    )
    refused = answer(api, path, query)
    assert refused["statusCode"] == 413
    assert "accept gzip" in json.loads(refused["body"])["description"]
    assert answer(api, path, query, **{"accept-encoding": "gzip"})["statusCode"] == 200
    api.close()


def test_size_is_that_of_a_string_of_json_or_of_base64() -> None:
    quotes = b'"' * (MAX_ANSWER_BYTES // 2)
    plain, rdf = ({"content-type": f"application/{name}"} for name in ("json", "rdf+xml"))
    assert sent_as(quotes, Headers(plain)) == MAX_ANSWER_BYTES + 2
    assert sent_as(quotes, Headers(rdf)) == MAX_ANSWER_BYTES * 2 // 3
    assert (
        sent_as(quotes, Headers({**plain, "content-encoding": "gzip"})) == MAX_ANSWER_BYTES * 2 // 3
    )
