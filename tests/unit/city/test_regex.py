"""User-written regular expressions: POSIX habits work, nothing can hang, bad syntax is refused."""

import time

import pytest

from city.errors import InvalidPattern
from city.regex import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("ow", "yellow"),
        ("^Room[0-9]{2}$", "Room42"),
        ("^(Car|Bus):", "Bus:7"),
        ("[[:digit:]]+[[:space:]]", "a 12 b"),
        (r"SENSOR\d{2}", "my SENSOR77"),
        (r"^\w+$", "under_score9"),
        ("[]x]", "]"),
        (r"a\.b", "a.b"),
        ("^.*$", ""),
        ("a.b", "a\nb"),
        ("é+", "caféé"),
    ],
)
def test_pattern_matches_anywhere_in_the_text(pattern: str, text: str) -> None:
    assert compile_pattern(pattern).search(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("^ow", "yellow"), ("ow$", "yellows"), ("Room", "room"), (r"a\.b", "axb"), ("^a$", "a\nb")],
)
def test_pattern_does_not_match(pattern: str, text: str) -> None:
    assert not compile_pattern(pattern).search(text)


@pytest.mark.parametrize("pattern", ["*", "(", "[a", "a{2,1}", r"\1", "(?=a)", "(?!a)", "\udc80"])
def test_invalid_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern, match="invalid regular expression"):
        compile_pattern(pattern)


def test_pattern_keeps_its_source_and_compares_by_it() -> None:
    assert compile_pattern("a+").source == "a+"
    assert compile_pattern("a+") == compile_pattern("a+")
    assert compile_pattern("a+") != compile_pattern("a*")


def test_exponential_pattern_runs_in_linear_time() -> None:
    pattern = compile_pattern("^(a+)+$")
    started = time.perf_counter()
    assert not pattern.search("a" * 20_000 + "!")
    assert time.perf_counter() - started < 1
