"""Refusals in both forms."""

import json
from collections.abc import Callable

import pytest
from fastapi import Response

from city.errors import Forbidden, Unavailable
from history.comet.errors import render, render_v2
from history.reading.queries import Deferred


def test_a_refusal_has_the_form_of_its_version() -> None:
    refused = Forbidden("not yours")
    assert json.loads(bytes(render(refused).body)) == {
        "statusCode": 403,
        "error": "Forbidden",
        "message": "not yours",
    }
    assert json.loads(bytes(render_v2(refused).body)) == {
        "error": "Forbidden",
        "description": "not yours",
    }


def test_a_fault_tells_nothing() -> None:
    answer = render_v2(RuntimeError("the table is called x"))
    assert answer.status_code == 500
    assert json.loads(bytes(answer.body))["error"] == "InternalServerError"
    assert b"table" not in bytes(answer.body)


@pytest.mark.parametrize("rendered", [render, render_v2])
def test_a_late_answer_says_where_it_will_be(rendered: Callable[[Exception], Response]) -> None:
    answer = rendered(Deferred("q1"))
    assert answer.status_code == 202
    assert answer.headers["location"] == "/history/v1/queries/q1"


@pytest.mark.parametrize("rendered", [render, render_v2])
def test_who_has_to_try_again_is_told_when(rendered: Callable[[Exception], Response]) -> None:
    answer = rendered(Unavailable("try again"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
