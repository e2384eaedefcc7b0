"""Accept headers, read as NGSI-v2 reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.errors import InvalidRequest
from context.ngsi_v2.errors import Refused
from context.ngsi_v2.negotiation import JSON, TEXT, parse_accept


def test_no_header_takes_everything() -> None:
    accept = parse_accept(None)
    assert accept.takes(JSON)
    assert accept.takes(TEXT)
    assert accept.preferred == JSON


@pytest.mark.parametrize(
    ("header", "json", "text", "preferred"),
    [
        ("*/*", True, True, JSON),
        ("application/json", True, False, JSON),
        ("application/*", True, False, JSON),
        ("text/plain", False, True, TEXT),
        ("text/*", False, True, TEXT),
        ("text/html, application/json;q=0.9, */*;q=0.1", True, True, JSON),
        ("text/plain, application/json", True, True, TEXT),
        ("text/plain;q=0.1,application/json", True, True, JSON),
        ("application/json;q=0.1 ,  text/plain; q=0.2", True, True, TEXT),
        ("application/json;q=0.5;level=1", True, False, JSON),
        (",application/json,", True, False, JSON),
    ],
)
def test_header_says_what_is_taken_and_preferred(
    header: str, preferred: str, *, json: bool, text: bool
) -> None:
    accept = parse_accept(header)
    assert (accept.takes(JSON), accept.takes(TEXT)) == (json, text)
    assert accept.preferred == preferred


@given(st.text(alphabet="aplictonjsexhm/*;,q=.019 ", max_size=40))
def test_any_header_is_read_or_refused(header: str) -> None:
    try:
        accept = parse_accept(header)
    except (InvalidRequest, Refused):
        return
    assert accept.takes(accept.preferred)
