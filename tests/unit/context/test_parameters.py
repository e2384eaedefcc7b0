"""URL parameters: options, pages, lists, and that nothing but a refusal comes of nonsense."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.errors import InvalidRequest
from context.ngsi_v2.parameters import MAX_LIMIT, OPTIONS, parse_parameters, split_list


def test_no_query_string_means_the_first_twenty_normalized() -> None:
    parameters = parse_parameters(b"")
    assert (parameters.limit, parameters.offset, parameters.format) == (20, 0, "normalized")
    assert parameters.get("type") is None
    assert parameters.names("attrs") == ()


@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_every_known_option_is_taken_anywhere(option: str) -> None:
    assert parse_parameters(f"options={option}".encode()).options == {option}


@pytest.mark.parametrize("form", ["keyValues", "values", "unique", "normalized"])
def test_option_names_the_format(form: str) -> None:
    assert parse_parameters(f"options=count,{form},upsert".encode()).format == form


def test_last_of_repeated_parameters_counts() -> None:
    assert parse_parameters(b"limit=1&type=a&limit=2&type=b").limit == 2
    assert parse_parameters(b"type=a&type=b").get("type") == "b"


def test_escapes_and_plus_signs_are_decoded() -> None:
    assert parse_parameters(b"q=a%3E1%3Bb+c&id=caf%C3%A9").values == {"q": "a>1;b c", "id": "café"}


def test_names_come_once_in_their_order() -> None:
    assert parse_parameters(b"attrs=,b,a,b").names("attrs") == ("b", "a")


@pytest.mark.parametrize(
    ("text", "items"),
    [("", []), (",", []), ("a", ["a"]), (",a,,b", ["a", "", "b"]), ("a,", ["a", ""])],
)
def test_commas_at_the_start_of_a_list_are_skipped(text: str, items: list[str]) -> None:
    assert split_list(text) == items


@pytest.mark.parametrize("limit", ["0", "007", str(MAX_LIMIT)])
def test_limit_up_to_the_maximum(limit: str) -> None:
    assert parse_parameters(f"limit={limit}".encode()).limit == int(limit)


@pytest.mark.parametrize("digits", ["٣", "²", "+1", " 1", "1_0", "1.0", "0x1"])
def test_only_decimal_digits_make_a_page(digits: str) -> None:
    for name in ("limit", "offset"):
        with pytest.raises(InvalidRequest, match=f"Bad pagination {name}"):
            parse_parameters(urlencode({name: digits}).encode())


def test_offset_beyond_everything_is_no_error() -> None:
    assert parse_parameters(b"offset=" + b"9" * 9000).offset > 10**9


@pytest.mark.parametrize("name", ["q", "mq", "idPattern", "typePattern"])
def test_expressions_may_have_any_character(name: str) -> None:
    text = "<a>=\"b\";('c')"
    assert parse_parameters(urlencode({name: text}).encode()).get(name) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [("georel", "near;maxDistance=1"), ("geometry", "a=1;b"), ("coords", "1,2;3,4")],
)
def test_geography_may_have_its_separators(name: str, text: str) -> None:
    assert parse_parameters(urlencode({name: text}).encode()).get(name) == text


@given(st.binary(max_size=60) | st.text(alphabet="&=%,;+limtofse019", max_size=40).map(str.encode))
def test_any_query_string_is_read_or_refused(query: bytes) -> None:
    try:
        parameters = parse_parameters(query)
    except InvalidRequest:
        return
    assert 0 <= parameters.limit <= MAX_LIMIT
    assert parameters.offset >= 0
    assert all(parameters.values.values())
    assert parameters.options <= OPTIONS
