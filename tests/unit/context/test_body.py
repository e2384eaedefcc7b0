"""Reading request bodies: strict JSON, and text/plain attribute values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.document import same_json
from city.errors import InvalidRequest, Malformed
from city.json import Json, dump
from context.ngsi_v2.body import Repeated, read_json, read_text_value

json_values: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_every_json_value_is_read_as_it_was_written(value: Json) -> None:
    assert same_json(read_json(dump(value).encode()), value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1,}',
        b"{'a': 1}",
        b"NaN",
        b"[Infinity]",
        b"1e400",
        b"-1e999",
        b"1" + b"0" * 400,
        b'"\xff"',
        b'"\\ud800"',
        b'{"\\uDC00": 1}',
        b"{} {}",
        '{"a": 1}'.encode("utf-16"),
    ],
)
def test_unreadable_body_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed, match="Errors found in incoming JSON buffer"):
        read_json(body)


def test_very_deep_body_is_refused_for_its_nesting() -> None:
    with pytest.raises(Malformed, match="maximum nesting limit: 50"):
        read_json(b"[" * 100_000 + b"]" * 100_000)


def test_surrogate_pair_is_one_character() -> None:
    assert read_json(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


def test_repeated_member_is_marked_with_its_name() -> None:
    value = read_json(b'{"a": 1, "b": {"c": 1, "c": 2}}')

    assert isinstance(value, dict)
    assert not isinstance(value, Repeated)
    assert isinstance(value["b"], Repeated)
    assert value["b"].member == "c"


@pytest.mark.parametrize(("text", "number"), [("23.0", 23), ("-0.0", 0), ("1e3", 1000)])
def test_a_whole_number_is_an_integer_however_it_is_written(text: str, number: int) -> None:
    value = read_json(text.encode())

    assert value == number
    assert isinstance(value, int)


def test_integers_keep_all_their_digits() -> None:
    assert read_json(b"12345678901234567890123") == 12345678901234567890123


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ('"hello"', "hello"),
        ('""', ""),
        ('"a"b"', 'a"b'),
        (r'"C:\temp"', r"C:\temp"),
        ("true", True),
        ("FALSE", False),
        ("Null", None),
        ("5", 5),
        ("-3.25", -3.25),
        ("+7", 7),
        ("1.50e2", 150),
        (".5", 0.5),
        ("5.", 5),
        ("23\n", 23),
        ("12345678901234567890123", 12345678901234567890123),
    ],
)
def test_text_value_is_recognized(body: str, value: Json) -> None:
    read = read_text_value(body.encode())

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    "body", ["hello", "tRue", "", "1,5", "0x10", "inf", "NaN", "1e999", "--1", "1_000", "{}", "٣"]
)
def test_other_text_value_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequest, match="attribute value type not recognized"):
        read_text_value(body.encode())


@pytest.mark.parametrize("body", ['"', '"hello', '"hello" you'])
def test_text_value_with_open_quotation_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequest, match="Missing citation-mark at end of string"):
        read_text_value(body.encode())


def test_text_value_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="attribute value type not recognized"):
        read_text_value(b"\xff")
