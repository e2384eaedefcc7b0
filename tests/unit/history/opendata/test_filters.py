"""The search language of CKAN's readers, term by term, and that no text breaks it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.opendata.filters import MAX_DEPTH, MAX_LENGTH, Unreadable, parse, words

KNOWN = ("title", "tags", "organization", "groups", "metadata_modified")
NOISE = {
    "text": ("Street noise in the old town", "noise", "decibel"),
    "title": ("Street noise in the old town",),
    "tags": ("street noise", "dB"),
    "organization": ("santander",),
    "groups": ("envi", "tran"),
    "metadata_modified": ("2026-03-01T00:00:00.000000Z",),
}


def fits(query: str) -> bool:
    return parse(query, KNOWN)(NOISE)


def read(query: str) -> bool:
    """Whether a query fits or does not, or what is wrong with it is said."""
    try:
        return fits(query) in {True, False}
    except Unreadable as refusal:
        return bool(str(refusal))


@pytest.mark.parametrize(
    "query",
    [
        *("", "  ", "*:*", "*", "street", "STREET", "dec", "noise town", '"old town"'),
        *("title:noise", 'title:"noise in"', "title:(noise town)", "title:str*"),
        *("tags:dB", "tags:db", 'tags:"street noise"', r"tags:street\ noise", "tags:str*"),
        *("organization:santander", "+organization:santander", "-organization:other"),
        *("organization:(other OR santander)", "organization:other OR organization:santander"),
        *("NOT organization:other", "!organization:other", "groups:envi AND groups:tran"),
        *("groups:envi && groups:tran", "groups:heal || groups:envi", "-(groups:heal OR tags:x)"),
        *("organization:other OR organization:santander groups:envi",),
        *(
            "groups:*",
            "metadata_modified:[* TO *]",
            "metadata_modified:[2026-03-01T00:00:00Z TO *]",
        ),
        *("metadata_modified:[2026-03-01 TO 2026-03-02}",),
        *("metadata_modified:[2026-03-01T01:00:00+01:00 TO *]", "*:* organization:santander"),
    ],
)
def test_these_fit(query: str) -> None:
    assert fits(query)


@pytest.mark.parametrize(
    "query",
    [
        *("quiet", "street quiet", '"town old"', "title:decibel", "ecibel"),
        *("tags:street", "tags:noise", 'tags:"street"', "organization:santande", "-groups:envi"),
        *("organization:(a OR b)", "-organization:santander", "groups:envi AND groups:heal"),
        *("organization:a OR organization:santander groups:heal", "NOT groups:tran", "-*:*"),
        *("metadata_modified:{2026-03-01T00:00:00Z TO *]", "metadata_modified:[* TO 2026-02-28]"),
        *("metadata_modified:[2026-03-01T00:00:00.001Z TO *]",),
    ],
)
def test_these_do_not_fit(query: str) -> None:
    assert not fits(query)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("secret:x", "there is no field secret"),
        ("(title:a", "lacks a )"),
        ("title:a)", "a ) too many"),
        ("title:a OR", "ends where a term is expected"),
        ("OR a", "OR stands where a term is expected"),
        ('title:"a', "cannot be read from character 7"),
        ("metadata_modified:[a TO *]", "a is no ISO 8601"),
        ("metadata_modified:[* *]", "a range is written"),
        ("x" * (MAX_LENGTH + 1), "4000 characters"),
        ("(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1), "groups inside each other"),
    ],
)
def test_what_cannot_be_read_is_refused(query: str, said: str) -> None:
    with pytest.raises(Unreadable, match=r".*") as refusal:
        fits(query)
    assert said in str(refusal.value)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(query: str) -> None:
    assert read(query)


@given(st.text(alphabet='()[]{}":*+-!|& \\TOANDR', max_size=200))
def test_any_punctuation_is_read_or_refused(query: str) -> None:
    assert read(query)


@pytest.mark.parametrize(
    "query",
    [
        "-" * MAX_LENGTH,
        "(" * MAX_LENGTH,
        '"' * MAX_LENGTH,
        "NOT " * 999,
        "title:" * 600,
        "a:" * 2000,
    ],
)
def test_a_long_query_takes_no_long_time(query: str) -> None:
    started = time.perf_counter()
    assert read(query)
    assert time.perf_counter() - started < 0.5


@given(st.text())
def test_words_of_any_text_can_be_looked_for(query: str) -> None:
    assert words(query)(NOISE) in {True, False}
