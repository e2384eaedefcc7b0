"""Bare attribute values: text/plain and application/json, in and out."""

from typing import Any

import pytest

from tests.integration.api import Api

VALUES: dict[str, Any] = {
    "number": 21.5,
    "whole": 7,
    "text": 'say "ah"',
    "umlaut": "Süd",
    "yes": True,
    "nothing": None,
    "object": {"a": [1, "b"]},
    "array": [1, None],
}


@pytest.fixture(scope="module")
def thing(shared_api: Api) -> Api:
    attributes = {
        name: {"value": value, "type": "TextUnrestricted" if name == "text" else "X"}
        for name, value in VALUES.items()
    }
    date = {"value": "2020-01-02T03:04:05Z", "type": "DateTime"}
    body = {"id": "Thing1", "type": "Thing", "date": date, **attributes}
    assert shared_api.post("/v2/entities", body).status_code == 201
    return shared_api


def value(thing: Api, name: str, accept: str) -> tuple[int, str, str]:
    answer = thing.get(f"/v2/entities/Thing1/attrs/{name}/value", headers={"Accept": accept})
    return answer.status_code, answer.headers["content-type"], answer.text


@pytest.mark.parametrize("accept", ["text/plain", "*/*", "text/*", "application/json, text/plain"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("number", "21.5"),
        ("whole", "7"),
        ("text", '"say "ah""'),
        ("yes", "true"),
        ("nothing", "null"),
        ("date", "2020-01-02T03:04:05.000Z"),
    ],
)
def test_scalar_comes_as_text(thing: Api, name: str, text: str, accept: str) -> None:
    assert value(thing, name, accept) == (200, "text/plain", text)


def test_text_beyond_ascii_says_its_encoding(thing: Api) -> None:
    assert value(thing, "umlaut", "*/*") == (200, "text/plain; charset=utf-8", '"Süd"')


@pytest.mark.parametrize("name", ["number", "text", "yes", "nothing", "date"])
def test_scalar_has_no_json_form(thing: Api, name: str) -> None:
    headers = {"Accept": "application/json"}
    assert thing.refused("GET", f"/v2/entities/Thing1/attrs/{name}/value", headers=headers) == (
        406,
        "NotAcceptable",
        "accepted MIME types: text/plain",
    )


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("text/plain", "text/plain"),
        ("text/plain, application/json", "text/plain"),
        ("text/plain;q=0.5, application/json;q=0.9", "application/json"),
        ("text/html, text/plain;q=0.1", "text/plain"),
    ],
)
@pytest.mark.parametrize(("name", "text"), [("object", '{"a":[1,"b"]}'), ("array", "[1,null]")])
def test_object_or_array_comes_as_preferred(
    thing: Api, name: str, text: str, accept: str, media_type: str
) -> None:
    assert value(thing, name, accept) == (200, media_type, text)


def test_value_in_no_known_form_is_406(thing: Api) -> None:
    answer = thing.refused(
        "GET", "/v2/entities/Thing1/attrs/object/value", headers={"Accept": "image/png"}
    )
    assert answer[:2] == (406, "NotAcceptable")


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ('"warm"', "warm"),
        ('""', ""),
        ('"17"', "17"),
        ("17", 17),
        ("-1.5e2", -150),
        ("true", True),
        ("FALSE", False),
        ("null", None),
    ],
)
def test_text_body_is_a_quoted_text_a_number_a_boolean_or_null(
    api: Api, text: str, stored: object
) -> None:
    api.create("Thing1", "Thing", level=0)
    url = "/v2/entities/Thing1/attrs/level/value"
    answer = api("PUT", url, content=text, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 204
    assert api.value("Thing1", "level") == stored
    assert api.get("/v2/entities/Thing1/attrs/level").json()["type"] == "Number"


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("warm", "attribute value type not recognized"),
        ('"warm', "Missing citation-mark at end of string"),
        ("{}", "attribute value type not recognized"),
        ('"a=b"', "Invalid characters in attribute value"),
    ],
)
def test_other_text_is_refused(thing: Api, text: str, description: str) -> None:
    url = "/v2/entities/Thing1/attrs/number/value"
    headers = {"Content-Type": "text/plain"}
    assert thing.refused("PUT", url, content=text, headers=headers) == (
        400,
        "BadRequest",
        description,
    )


def test_json_body_is_an_object_or_an_array(api: Api) -> None:
    api.create("Thing1", "Thing", level=0)
    url = "/v2/entities/Thing1/attrs/level/value"
    assert api("PUT", url, json={"a": 1}).status_code == 204
    assert api.value("Thing1", "level") == {"a": 1}
    assert api.refused("PUT", url, json=1)[:2] == (400, "BadRequest")
