"""Request bodies are read as strictly as what is decided by them deserves."""

import pytest

from city.bodies import MAX_NESTING, parse_json
from city.errors import Malformed


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def test_json_is_read() -> None:
    text = '{"a": [1, 2.5, "Süd", true, null, {"b": {}}]}'
    assert parse_json(text.encode()) == {"a": [1, 2.5, "Süd", True, None, {"b": {}}]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1} {}',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
def test_what_could_be_read_in_two_ways_or_not_at_all_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_json(body)


def test_nesting_is_bounded() -> None:
    parse_json(nested(MAX_NESTING - 1))
    with pytest.raises(Malformed, match=f"{MAX_NESTING} levels"):
        parse_json(nested(MAX_NESTING + 1))
